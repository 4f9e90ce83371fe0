r"""Scans of a sequence that is split over the processes of a group.

Rank r holds the r-th piece of the time axis. A scan is affine in the state before it,
:math:`h_{\text{last}} = P h_0 + q`, so each rank computes its P and q, all ranks exchange them
once, and each then knows the state in which its piece begins. The backward pass exchanges the
gradients of P and q, once too.

Run with ``torchrun``, on any backend of ``torch.distributed``; ``gloo`` is the one for CPUs. All
ranks have to call the same function.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import softplus

from ssm_companion import scan, selective
from ssm_companion._shapes import check_choice


def linear_scan(
    a: Tensor,
    b: Tensor,
    h0: Tensor | None = None,
    *,
    reverse: bool = False,
    return_last: bool = False,
    backend: str = "auto",
    group: dist.ProcessGroup | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """All states of this rank's piece of :math:`h_t = a_t h_{t-1} + b_t`.

    Parameters
    ----------
    a : Tensor, ``(B, L, *S)`` or ``(*S)``
        Factors of this piece, or constant ones.
    b : Tensor, ``(B, L, *S)``
        Inputs of this piece; L may differ between ranks, nothing else may.
    h0 : Tensor, ``(B, *S)``, optional
        The state before the first step of the whole sequence, the same on all ranks; zeros if None.
    reverse : bool, optional
        Run :math:`h_t = a_t h_{t+1} + b_t`: ``h0`` is the state after the end.
    return_last : bool, optional
        Return the last state of the whole sequence too, on every rank.
    backend : {"auto", "reference", "chunked", "cpu", "gpu"}, optional
        The implementation, as in :func:`ssm_companion.scan.linear_scan`.
    group : ProcessGroup, optional
        The processes; all of them if None.

    Returns
    -------
    h : Tensor, ``(B, L, *S)``
        The states of this piece.
    last : Tensor, ``(B, *S)``
        With ``return_last`` only: in a pair with ``h``.

    Raises
    ------
    ShapeError, TypeError, ValueError
        As in :func:`ssm_companion.scan.linear_scan`.

    Notes
    -----
    Gradients are those of the sum over ranks of what each rank differentiates. With respect to
    ``h0``, and to an ``a`` that is constant, each rank gets its own share: sum them over the group.

    References
    ----------
    Blelloch, *Prefix sums and their applications*, CMU-CS-90-190 (1990), section 1.4.
    """
    options = {"reverse": reverse, "backend": backend}
    _, q = scan.linear_scan(a, b, None, return_last=True, **options)
    wide = a.to(q.dtype)
    P = wide.prod(dim=1) if a.ndim == b.ndim else (wide ** b.shape[1]).expand_as(q)
    start, last = _carry(P, q, h0, reverse, group)
    h = scan.linear_scan(a, b, start, **options)
    return (h, last) if return_last else h


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    *,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    discretization: str = "euler",
    initial_state: Tensor | None = None,
    return_last_state: bool = False,
    group: dist.ProcessGroup | None = None,
    **options,
) -> Tensor | tuple[Tensor, Tensor]:
    """Outputs of this rank's piece of a selective scan.

    Parameters
    ----------
    u, delta, A, B, C, D, z, delta_bias, delta_softplus
        This piece of the arguments of :func:`ssm_companion.selective.selective_scan`; the
        parameters are the same on all ranks.
    discretization : {"euler", "zoh", "bilinear"}, optional
        The rule.
    initial_state : Tensor, ``(B, D, N)``, optional
        The state before the first step of the whole sequence, the same on all ranks.
    return_last_state : bool, optional
        Return the last state of the whole sequence too, on every rank.
    group : ProcessGroup, optional
        The processes; all of them if None.
    **options
        ``conj_pairs``, ``chunk_size`` and ``backend``.

    Returns
    -------
    y : Tensor, ``(B, L, D)``
        Outputs of this piece.
    last_state : Tensor, ``(B, D, N)``
        With ``return_last_state`` only: in a pair with ``y``.

    Raises
    ------
    ShapeError, TypeError, ValueError
        As in :func:`ssm_companion.selective.selective_scan`.

    Notes
    -----
    Gradients of what is the same on all ranks are shares, to be summed over the group.
    """
    check_choice("discretization", discretization, ("euler", "zoh", "bilinear"))
    steps = {"delta_bias": delta_bias, "delta_softplus": delta_softplus}
    options |= {**steps, "discretization": discretization}

    def last_state(u, initial_state):
        run = selective.selective_scan(
            u, delta, A, B, C, initial_state=initial_state, return_last_state=True, **options
        )
        return run[1]

    q = last_state(u, None)
    if discretization == "bilinear":
        P = last_state(torch.zeros_like(u), torch.ones_like(q))
    else:
        P = (_elapsed(delta, **steps).unsqueeze(-1) * A).exp().to(q.dtype)
    start, last = _carry(P, q, initial_state, False, group)
    y = selective.selective_scan(u, delta, A, B, C, D, z, initial_state=start, **options)
    return (y, last) if return_last_state else y


def _elapsed(delta: Tensor, delta_bias: Tensor | None, delta_softplus: bool) -> Tensor:
    """The sum of the steps, (B, D)."""
    step = delta if delta.dtype == torch.float64 else delta.float()
    step = step if delta_bias is None else step + delta_bias
    return (softplus(step) if delta_softplus else step).sum(1)


def _carry(
    P: Tensor, q: Tensor, h0: Tensor | None, reverse: bool, group: dist.ProcessGroup | None
) -> tuple[Tensor, Tensor]:
    """The state in which this rank's piece begins, and the one in which the last piece ends."""
    pieces = _Gather.apply(torch.stack([P, q]), group)
    state = torch.zeros_like(q) if h0 is None else h0
    ranks = range(len(pieces))
    start = state
    for rank in reversed(ranks) if reverse else ranks:
        if rank == dist.get_rank(group):
            start = state
        factor, offset = pieces[rank]
        state = factor * state + offset
    return start, state


class _Gather(torch.autograd.Function):
    """The tensor of every rank, stacked; every rank's use of it counts in the gradient."""

    @staticmethod
    def forward(ctx, mine, group):
        ctx.group = group
        # gloo and nccl know real numbers only
        real = torch.view_as_real(mine) if mine.is_complex() else mine
        everyones = [torch.empty_like(real) for _ in range(dist.get_world_size(group))]
        dist.all_gather(everyones, real.contiguous(), group=group)
        stacked = torch.stack(everyones)
        return torch.view_as_complex(stacked) if mine.is_complex() else stacked

    @staticmethod
    @once_differentiable
    def backward(ctx, grads):
        real = torch.view_as_real(grads) if grads.is_complex() else grads
        real = real.contiguous().clone()
        dist.all_reduce(real, group=ctx.group)
        mine = real[dist.get_rank(ctx.group)]
        return (torch.view_as_complex(mine) if grads.is_complex() else mine), None
