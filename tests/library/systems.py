"""Random selective systems: one factory for the tests of the scan engine.

The numba kernels are compiled for each kind of system, by the traits of `Kind`, for seconds each.
The tests stay with the sixteen kernels below and one more: every pair of traits is among them, and
every rule with real and complex numbers in both precisions.
"""

from __future__ import annotations

from itertools import pairwise
from math import lcm
from typing import NamedTuple

import torch
from torch import Tensor

from ssm_companion import selective_scan

BACKENDS = ("reference", "chunked", "cpu")
KERNELS = BACKENDS[1:]
# so that short sequences have several
CHUNK = 8
# of a sum of many terms, relative to the largest result
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}


class Kind(NamedTuple):
    """What a kernel is compiled for; the trapezoidal rule has the kernel of Lawson's."""

    method: str
    is_complex: bool
    dtype: torch.dtype
    varying: str  # which of B and C vary in time
    wide: bool  # channels fill four registers; else one

    def __str__(self) -> str:
        number = "complex" if self.is_complex else "real"
        precision, varying = str(self.dtype)[-2:], self.varying or "constant"
        return f"{self.method}-{number}-{precision}-{varying}-{'wide' if self.wide else 'narrow'}"

    @property
    def channels(self) -> list[int]:
        """Sizes of a group of channels: less than a vector, just one, and one with a rest."""
        lanes = 64 if self.dtype == torch.float32 else 32
        return [lanes // 2 + 1, 64, 70] if self.wide else [1, lanes // 4, lanes // 2 - 3]

    @property
    def number(self) -> torch.dtype:
        return self.dtype.to_complex() if self.is_complex else self.dtype


_WITH_KERNELS = [
    Kind("euler", False, torch.float32, "BC", wide=True),
    Kind("euler", False, torch.float64, "B", wide=False),
    Kind("euler", True, torch.float32, "C", wide=False),
    Kind("euler", True, torch.float64, "", wide=True),
    Kind("zoh", False, torch.float32, "", wide=False),
    Kind("zoh", False, torch.float64, "C", wide=True),
    Kind("zoh", True, torch.float32, "B", wide=True),
    Kind("zoh", True, torch.float64, "BC", wide=False),
    Kind("bilinear", False, torch.float32, "B", wide=False),
    Kind("bilinear", False, torch.float64, "BC", wide=True),
    Kind("bilinear", True, torch.float32, "", wide=True),
    Kind("bilinear", True, torch.float64, "C", wide=False),
]
KINDS = [
    *_WITH_KERNELS,
    *(kind._replace(method="trapezoid") for kind in _WITH_KERNELS if kind.method == "euler"),
]
DOUBLE = [kind for kind in KINDS if kind.dtype == torch.float64]


def system(
    kind: Kind,
    length: int = 13,
    batch: int = 2,
    channels: int | None = None,
    modes: int = 3,
    groups: tuple[int, int] = (1, 1),
    sequences: int | None = None,
    bare: bool = False,
) -> dict:
    """Arguments of `selective_scan`: stable, with every option, or none if `bare`.

    `channels` of each group; `groups` of B and of C where they vary; as many states as
    `sequences`, if not one an entry of the batch.
    """
    groups = [
        count if name in kind.varying else 1 for name, count in zip("BC", groups, strict=True)
    ]
    channels = (channels or kind.channels[0]) * lcm(*groups)

    def real(*shape):
        return torch.randn(shape, dtype=kind.dtype)

    def number(*shape):
        return torch.randn(shape, dtype=kind.number)

    def weights(name, count):
        if name not in kind.varying:
            return number(channels, modes)
        axes = () if count == 1 else (count,)
        return number(batch, length, *axes, modes)

    A = 2 * number(channels, modes)
    A = torch.complex(-A.real.abs() - 0.1, A.imag) if kind.is_complex else -A.abs() - 0.1
    states = batch if sequences is None else sequences
    two = (2,) if kind.method == "trapezoid" else ()
    arguments = {
        "u": real(batch, length, channels),
        "delta": 0.5 * torch.rand(batch, length, channels, dtype=kind.dtype) + 0.01,
        "A": A,
        "B": weights("B", groups[0]),
        "C": weights("C", groups[1]),
        "discretization": kind.method,
        "chunk_size": CHUNK,
    }
    if bare:
        return arguments
    options = {
        "delta": real(batch, length, channels) - 1,
        "D": real(channels),
        "z": real(batch, length, channels),
        "delta_bias": real(channels),
        "delta_softplus": True,
        "initial_state": number(states, channels, *two, modes),
    }
    if two:
        options["end_weight"] = torch.rand(batch, length, channels, dtype=kind.dtype)
    return arguments | options


def tensors(arguments: dict) -> dict[str, Tensor]:
    """The arguments that have derivatives."""
    return {
        name: x
        for name, x in arguments.items()
        if isinstance(x, Tensor) and (x.is_floating_point() or x.is_complex())
    }


def varying(arguments: dict) -> list[str]:
    """The names of the tensors with an axis of time."""
    always = [name for name in ("u", "delta", "z", "end_weight") if name in arguments]
    return always + [name for name in "BC" if arguments[name].ndim > 2]


def between(arguments: dict, start: int, stop: int) -> dict:
    """The same system on some of the steps."""
    return arguments | {name: arguments[name][:, start:stop] for name in varying(arguments)}


def scan(arguments: dict, backend: str) -> tuple[Tensor, Tensor]:
    """Outputs and last state."""
    return selective_scan(**arguments, backend=backend, return_last_state=True)


def gradients(arguments: dict, backend: str, names=None) -> dict[str, Tensor]:
    """Of a random sum over the outputs and the last state, with respect to the arguments named."""
    names = list(tensors(arguments)) if names is None else names
    leaves = {name: arguments[name].detach().clone().requires_grad_() for name in names}
    results = scan(arguments | leaves, backend)
    generator = torch.Generator().manual_seed(1)
    seeds = [torch.randn(x.shape, dtype=x.dtype, generator=generator) for x in results]
    # the last state depends on neither C nor D nor z
    pairs = [pair for pair in zip(results, seeds, strict=True) if pair[0].requires_grad]
    outputs, seeds = zip(*pairs, strict=True)
    found = torch.autograd.grad(outputs, list(leaves.values()), seeds)
    return dict(zip(names, found, strict=True))


def packed(arguments: dict, bounds: list[int]) -> list[dict]:
    """The sequences of a packed batch, each as a batch of 1."""
    h0 = arguments.get("initial_state")
    pieces = []
    for i, (start, stop) in enumerate(pairwise(bounds)):
        piece = between(arguments, start, stop)
        piece.pop("cu_seqlens", None)
        pieces.append(piece if h0 is None else piece | {"initial_state": h0[i : i + 1]})
    return pieces


def assert_near(actual, expected, tolerance: float | None = None) -> None:
    """Tensors, or collections of them, differ by little of their largest entries, or of 1.

    The numbers that enter are of order 1, and may cancel.
    """
    if isinstance(actual, dict):
        assert actual.keys() == expected.keys()
        actual, expected = actual.values(), expected.values()
    if not isinstance(actual, Tensor):
        for x, y in zip(actual, expected, strict=True):
            assert_near(x, y, tolerance)
        return
    if tolerance is None:
        tolerance = TOLERANCE[actual.real.dtype]
    limit = tolerance * max([1, *expected.abs().flatten().tolist()])
    torch.testing.assert_close(actual, expected, rtol=0, atol=limit)
