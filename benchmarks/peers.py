"""The implementations: each a function (u, delta, A, B, C) -> y of float32 or complex64 tensors.

The peers have a linear recurrence h_t = a_t h_{t-1} + b_t. What surrounds it, discretisation and
read-out, is written as mambapy's own `selective_scan` does, in the layout that the peer wants.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import metadata

import torch
from torch import Tensor

from benchmarks.cases import Case, real
from benchmarks.machine import ROOT
from ssm_companion import selective_scan

INSTALLED = ROOT / "_build" / "bench-peers"  # after the packages of the book, on the path
LONGEST_DIFFERENTIATED_LOOP = 512


@dataclass(frozen=True)
class Peer:
    """An implementation, the package it needs, and what it is not asked to do."""

    run: Callable[..., Tensor]
    package: str = "ssm-companion"
    refuses: Callable[[Case], str | None] = lambda case: None


def find_installed() -> None:
    """Let the peers be imported; what the book has comes first."""
    if str(INSTALLED) not in sys.path:
        sys.path.append(str(INSTALLED))


def why_not(name: str, case: Case) -> str | None:
    """Why a peer does not run a case, or None."""
    peer = PEERS[name]
    try:
        metadata.version(peer.package)
    except metadata.PackageNotFoundError:
        return f"{peer.package} is not installed"
    return peer.refuses(case)


def ours(backend: str, *tensors: Tensor) -> Tensor:
    return selective_scan(*tensors, backend=backend)


def sequential_loop(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """The published reference of S6: discretise all steps, then one product and sum a step."""
    decay = torch.exp(torch.einsum("bld,dn->bdln", delta, A))
    drive = torch.einsum("bld,bln,bld->bdln", delta.to(B.dtype), B, u.to(B.dtype))
    h, outputs = torch.zeros_like(decay[:, :, 0]), []
    for t in range(u.shape[1]):
        h = decay[:, :, t] * h + drive[:, :, t]
        outputs.append(torch.einsum("bdn,bn->bd", h, C[:, t]))
    return real(torch.stack(outputs, dim=1))


def mambapy_pscan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
    from mambapy.pscan import pscan

    return _read(pscan(*_discretised(u, delta, A, B)), C)


def torch_generic(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
    from torch._higher_order_ops import associative_scan

    def combine(first, second):
        return first[0] * second[0], second[0] * first[1] + second[1]

    pairs = _discretised(u, delta, A, B)
    _, h = associative_scan(combine, pairs, dim=1, combine_mode="generic")
    return _read(h, C)


def accelerated_reference(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
    from accelerated_scan.ref import scan

    decay, drive = _discretised_time_last(u, delta, A, B)
    h = scan(decay.flatten(1, 2), drive.flatten(1, 2)).unflatten(1, A.shape)
    return _read_time_last(h, C)


def torchlpc_recurrence(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
    from torchlpc.recurrence import Recurrence

    decay, drive = _discretised_time_last(u, delta, A, B)
    start = drive.new_zeros(drive[..., 0].numel())
    h = Recurrence.apply(decay.flatten(0, 2), drive.flatten(0, 2), start)
    return _read_time_last(h.unflatten(0, drive.shape[:3]), C)


def _discretised(u: Tensor, delta: Tensor, A: Tensor, B: Tensor) -> tuple[Tensor, Tensor]:
    """Both (B, L, D, N)."""
    decay = torch.exp(delta.unsqueeze(-1) * A)
    return decay, delta.unsqueeze(-1) * B.unsqueeze(2) * u.unsqueeze(-1)


def _read(h: Tensor, C: Tensor) -> Tensor:
    return real((h @ C.unsqueeze(-1)).squeeze(-1))


def _discretised_time_last(u: Tensor, delta: Tensor, A: Tensor, B: Tensor) -> tuple[Tensor, Tensor]:
    """Both (B, D, N, L)."""
    u, delta = (x.mT.contiguous().unsqueeze(2) for x in (u, delta))
    decay = torch.exp(delta * A.unsqueeze(-1))
    return decay, delta * u * B.mT.contiguous().unsqueeze(1)


def _read_time_last(h: Tensor, C: Tensor) -> Tensor:
    return real(torch.einsum("bdnl,bln->bld", h, C))


def _refuses_long_gradients(case: Case) -> str | None:
    if case.backward and case.L > LONGEST_DIFFERENTIATED_LOOP:
        return "its backward pass is quadratic in L: see L = 256"
    return None


PEERS = {
    "cpu": Peer(partial(ours, "cpu")),
    "chunked": Peer(partial(ours, "chunked")),
    "reference": Peer(partial(ours, "reference"), refuses=_refuses_long_gradients),
    "mambapy pscan": Peer(mambapy_pscan, "mambapy"),
    "torchlpc": Peer(torchlpc_recurrence, "torchlpc"),
    "accelerated-scan ref": Peer(accelerated_reference, "accelerated-scan"),
    "torch associative_scan": Peer(torch_generic, "torch"),
    "sequential loop": Peer(sequential_loop, "torch", _refuses_long_gradients),
}
OURS = ("cpu", "chunked", "reference")
