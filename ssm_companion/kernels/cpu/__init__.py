"""numba kernels: vectors of channels, states in registers, nothing of size B L D N."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ssm_companion._shapes import check_finite
from ssm_companion.kernels import Inputs, Options, checkpoint_rows
from ssm_companion.kernels.cpu import selective, threads
from ssm_companion.kernels.cpu.linear import linear_kernel

_METHODS = {
    "euler": selective.EULER,
    "lawson": selective.LAWSON,
    "zoh": selective.ZOH,
    "bilinear": selective.BILINEAR,
}


def linear(a: Tensor, b: Tensor, h0: Tensor, bounds: Tensor, reverse: bool) -> Tensor:
    """All states (T, M) of h_t = a_t h_{t-1} + b_t."""
    h = torch.empty_like(b)
    lanes = _lanes(b.shape[1], b.dtype)
    kernel = linear_kernel(lanes, 2 if b.is_complex() else 1, a.ndim == 2)
    jobs = h0.shape[0] * -(-b.shape[1] // lanes)
    threads.run(kernel, jobs, b.shape[1], reverse, *(_flat(x) for x in (a, b, h0, bounds, h)))
    return h


def forward(inputs: Inputs, options: Options) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs (T, D), last states (S, D, N) and the states before each chunk."""
    rows, channels = inputs.u.shape
    kept = checkpoint_rows(rows, inputs.h0.shape[0], options.chunk)
    y, last = torch.empty_like(inputs.u), torch.empty_like(inputs.h0)
    checkpoints = inputs.h0.new_zeros((kept, *inputs.h0.shape[1:]))

    groups = _groups(inputs)
    lanes = _lanes(channels // groups, inputs.u.dtype)
    kernel = selective.forward_kernel(*_kind(inputs, options, lanes))
    jobs = inputs.h0.shape[0] * groups * -(-channels // groups // lanes)
    sizes = _sizes(inputs, options)
    finite = inputs.u.new_ones(1)
    arrays = [_flat(x) for x in (*_filled(inputs), y, last, checkpoints, finite)]
    threads.run(kernel, jobs, sizes, *arrays)
    if not finite:
        check_finite("delta", inputs.delta)
    return y, last, checkpoints


def backward(
    dy: Tensor, dlast: Tensor, inputs: Inputs, checkpoints: Tensor, options: Options
) -> tuple[Tensor | None, ...]:
    """Gradients of all inputs but the bounds."""
    rows, channels = inputs.u.shape
    sequences, groups = inputs.h0.shape[0], _groups(inputs)
    lanes = _lanes(channels // groups, inputs.u.dtype)
    shares = _shares(sequences * groups, -(-channels // groups // lanes))
    filled = _filled(inputs)

    per_state = inputs.h0.new_empty
    per_channel = inputs.u.new_empty
    grads = Inputs(
        u=torch.empty_like(inputs.u),
        delta=torch.empty_like(inputs.u),
        w=torch.empty_like(filled.w),
        A=per_state(inputs.h0.shape),
        B=_partial(inputs.B, shares, inputs.h0),
        C=_partial(inputs.C, shares, inputs.h0),
        D=per_channel((sequences, channels)),
        z=torch.empty_like(filled.z),
        bias=per_channel((sequences, channels)),
        h0=per_state(inputs.h0.shape),
        bounds=None,
    )
    kernel = selective.backward_kernel(*_kind(inputs, options, lanes))
    arrays = [_flat(x) for x in (*filled, checkpoints, dy, dlast, *grads[:-1])]
    threads.run(kernel, sequences * groups * shares, _sizes(inputs, options, shares), *arrays)

    summed = {name: getattr(grads, name).sum(0) for name in ("A", "B", "C", "D", "bias")}
    grads = grads._replace(**summed)
    return tuple(
        grad if x is not None else None for grad, x in zip(grads[:-1], inputs, strict=False)
    )


def _shares(jobs: int, blocks: int) -> int:
    """Into how many shares the blocks of a group fall: a number that the threads do not change.

    Each share holds a copy of the gradients of B and C, so there are few of them, but enough that
    16 threads have work.
    """
    return min(blocks, max(1, -(-16 // jobs)))


def _partial(weights: Tensor, shares: int, h0: Tensor) -> Tensor:
    """Room for the gradient of B or C: to add to for each share, or to fill for each sequence."""
    if weights.ndim == 3:
        return weights.new_zeros((shares, *weights.shape))
    return h0.new_empty(h0.shape)


def _groups(inputs: Inputs) -> int:
    """Blocks of channels lie within a group of B and within one of C."""
    groups = [x.shape[1] for x in (inputs.B, inputs.C) if x.ndim == 3]
    return max(groups, default=1)


def _lanes(channels: int, dtype: torch.dtype) -> int:
    """How many channels a job has: four registers' worth, or one if most would stay empty."""
    lanes = 64 if dtype in (torch.float32, torch.complex64) else 32
    return lanes if channels > lanes // 2 else lanes // 4


def _kind(inputs: Inputs, options: Options, lanes: int) -> tuple:
    parts = 2 if inputs.A.is_complex() else 1
    return lanes, parts, _METHODS[options.method], inputs.B.ndim == 3, inputs.C.ndim == 3


def _sizes(inputs: Inputs, options: Options, shares: int = 1) -> selective.Sizes:
    return selective.Sizes(
        channels=inputs.u.shape[1],
        modes=inputs.A.shape[1],
        groups=_groups(inputs),
        chunk=options.chunk,
        shares=shares,
        softplus=options.softplus,
        weighted=inputs.w is not None,
        gated=inputs.z is not None,
        scale=2 if options.pairs else 1,
    )


def _filled(inputs: Inputs) -> Inputs:
    """Something of the right type where there is no tensor: zeros that are read, or nothing."""
    nothing = inputs.u.new_empty(0)
    zeros = inputs.u.new_zeros(inputs.u.shape[1])
    given = {"w": nothing, "z": nothing, "D": zeros, "bias": zeros}
    missing = {name: x for name, x in given.items() if getattr(inputs, name) is None}
    return inputs._replace(**missing)


def _flat(x: Tensor) -> np.ndarray:
    return (torch.view_as_real(x) if x.is_complex() else x).detach().reshape(-1).numpy()
