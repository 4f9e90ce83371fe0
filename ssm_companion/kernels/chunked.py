"""PyTorch operations, chunk by chunk, on any device.

One chunk of states exists at a time. Within it the recurrence is one fused multiply-add a step;
what surrounds it, discretisation before and read-out after, is done for all steps at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt

import torch
from torch import Tensor
from torch import conj_physical as conj  # `x.conj()` is lazy, and inside an op nothing resolves it
from torch.nn.functional import pad, silu, softplus

from ssm_companion.discretize import factors, slopes
from ssm_companion.kernels import Inputs, Options, batches, checkpoint_rows


def linear(a: Tensor, b: Tensor, h0: Tensor, bounds: Tensor, reverse: bool) -> Tensor:
    """All states (T, M) of h_t = a_t h_{t-1} + b_t."""
    h = torch.empty_like(b)
    for start, stop, first, count in batches(bounds.tolist()):
        rows = [x.expand_as(b)[start:stop].unflatten(0, (count, -1)) for x in (a, b)]
        if reverse:
            rows = [x.flip(1) for x in rows]
        states = _three_phases(*rows, h0[first : first + count])
        h[start:stop] = (states.flip(1) if reverse else states).flatten(0, 1)
    return h


def _three_phases(a: Tensor, b: Tensor, h0: Tensor) -> Tensor:
    """States (S, L, M): each chunk from zero, then the carries, then what the carries add.

    All chunks take a step at once, so sqrt(L) chunks of sqrt(L) steps need 2 sqrt(L) operations.
    """
    length = b.shape[1]
    steps = max(1, isqrt(length))
    missing = -length % steps
    a, b = (pad(x, (0, 0, 0, missing)).unflatten(1, (-1, steps)) for x in (a, b))
    h, product = b.clone(), a.clone()
    for t in range(1, steps):
        h[:, :, t].addcmul_(a[:, :, t], h[:, :, t - 1])
        product[:, :, t] *= product[:, :, t - 1]
    carry = h0
    for chunk in range(h.shape[1]):
        h[:, chunk].addcmul_(product[:, chunk], carry.unsqueeze(1))
        carry = h[:, chunk, -1]
    return h.flatten(1, 2)[:, :length]


def forward(inputs: Inputs, options: Options) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs (T, D), last states (S, D, N) and the states before each chunk."""
    y, last = torch.empty_like(inputs.u), torch.empty_like(inputs.h0)
    kept = checkpoint_rows(inputs.u.shape[0], inputs.h0.shape[0], options.chunk)
    checkpoints = inputs.h0.new_zeros((kept, *inputs.h0.shape[1:]))
    for rows, sequences, kept_at, is_first in _chunks(inputs, options.chunk):
        h = inputs.h0[sequences] if is_first else last[sequences]
        checkpoints[kept_at] = h
        chunk = _take(inputs, rows)
        step, x = _steps(chunk, options)
        decay, gain = factors(step.unsqueeze(-1) * chunk.A, options.method)
        states = _scan(decay, gain * _outer(x, chunk.B), h)
        y[rows] = _read(states[1:], chunk, options)
        last[sequences] = states[-1]
    return y, last, checkpoints


def backward(
    dy: Tensor, dlast: Tensor, inputs: Inputs, checkpoints: Tensor, options: Options
) -> tuple[Tensor | None, ...]:
    """Gradients of all inputs but the bounds."""
    grads = Inputs(*(None if x is None else torch.zeros_like(x) for x in inputs[:-1]), None)
    grads.h0.copy_(dlast)
    for rows, sequences, kept_at, _ in reversed(list(_chunks(inputs, options.chunk))):
        h, dh = checkpoints[kept_at], grads.h0[sequences]
        into, dh = _chunk_backward(dy[rows], dh, h, _take(inputs, rows), options)
        grads.h0[sequences] = dh
        for name, gradient in into.items():
            target = getattr(grads, name)
            if target is None:
                continue
            if gradient.ndim == target.ndim:
                target += gradient  # of a parameter
            else:
                target[rows] = gradient
    return grads[:-1]


def _chunk_backward(
    dy: Tensor, dlast: Tensor, h: Tensor, chunk: Inputs, options: Options
) -> tuple[dict, Tensor]:
    """Gradients of what a chunk reads, by name, and of the state before it."""
    step, x = _steps(chunk, options)
    f, g, df, dg = slopes(step.unsqueeze(-1) * chunk.A, options.method)
    bx = _outer(x, chunk.B)
    states = _scan(f, g * bx, h)
    before, after = states[:-1], states[1:]

    scale = 2 if options.pairs else 1
    gated = dy if chunk.z is None else dy * silu(chunk.z)
    # g_t = direct_t + conj(a_{t+1}) g_{t+1}: the same scan, backwards
    direct = _outer(scale * gated, conj(chunk.C))
    ahead = conj(f).roll(-1, 0).index_fill_(0, torch.tensor([len(f) - 1], device=f.device), 1)
    dh = _scan(ahead.flip(0), direct.flip(0), dlast)[1:].flip(0)

    dz = conj(df * before + dg * bx) * dh
    dbx = conj(g) * dh
    dx = _inner(dbx, conj(chunk.B))
    dstep = (dz * conj(chunk.A)).sum(-1).real
    if chunk.w is None:
        dstep = dstep + dx * chunk.u
    if options.softplus:
        dstep = dstep * _softplus_slope(chunk)
    du = dx * (step if chunk.w is None else chunk.w)
    into = {
        "delta": dstep,
        "bias": dstep.sum((0, 1)),
        "w": dx * chunk.u,
        "A": (dz * step.unsqueeze(-1)).sum((0, 1)),
        "B": _shared(dbx * x.unsqueeze(-1), chunk.B),
        "C": _shared(scale * gated.unsqueeze(-1) * conj(after), chunk.C),
        "D": (gated * chunk.u).sum((0, 1)),
        "u": du if chunk.D is None else du + chunk.D * gated,
    }
    if chunk.z is not None:
        into["z"] = dy * _read(after, chunk._replace(z=None), options) * _silu_slope(chunk.z)
    return into, conj(f[0]) * dh[0]


def _chunks(inputs: Inputs, size: int) -> Iterator[tuple]:
    """Rows (C, S), sequences, places of the checkpoints and whether the sequences begin here."""
    device = inputs.u.device
    for start, stop, first, count in batches(inputs.bounds.tolist()):
        sequences = slice(first, first + count)
        length = (stop - start) // count
        begins = start + length * torch.arange(count, device=device)
        places = begins // size + torch.arange(first, first + count, device=device)
        for number, at in enumerate(range(0, length, size)):
            steps = torch.arange(at, min(at + size, length), device=device)
            yield begins + steps[:, None], sequences, places + number, number == 0


def _take(inputs: Inputs, rows: Tensor) -> Inputs:
    """The inputs at some rows: time first, so that a step is contiguous."""
    varying = {name: getattr(inputs, name) for name in ("u", "delta", "w", "z")}
    varying |= {name: x for name in ("B", "C") if (x := getattr(inputs, name)).ndim == 3}
    taken = {name: x[rows] for name, x in varying.items() if x is not None}
    return inputs._replace(**taken, h0=None, bounds=None)


def _steps(chunk: Inputs, options: Options) -> tuple[Tensor, Tensor]:
    """The steps and the weighted inputs, (C, S, D)."""
    step = chunk.delta if chunk.bias is None else chunk.delta + chunk.bias
    step = softplus(step) if options.softplus else step
    return step, (step if chunk.w is None else chunk.w) * chunk.u


def _softplus_slope(chunk: Inputs) -> Tensor:
    raw = chunk.delta if chunk.bias is None else chunk.delta + chunk.bias
    return torch.where(raw > 20, torch.ones_like(raw), raw.sigmoid())


def _silu_slope(z: Tensor) -> Tensor:
    s = z.sigmoid()
    return s + z * s * (1 - s)


def _outer(x: Tensor, B: Tensor) -> Tensor:
    """The product of x (C, S, D) and B (C, S, G, N), or (D, N) if constant: (C, S, D, N)."""
    if B.ndim == 2:
        return x.unsqueeze(-1) * B
    return (x.unflatten(-1, (B.shape[2], -1, 1)) * B.unsqueeze(-2)).flatten(2, 3)


def _inner(states: Tensor, C: Tensor) -> Tensor:
    """The real part of the product of (C, S, D, N) and C, summed over modes: (C, S, D)."""
    if C.ndim == 2:
        return (states * C).sum(-1).real
    grouped = states.unflatten(2, (C.shape[2], -1))
    return torch.einsum("csgpn,csgn->csgp", grouped, C).flatten(2, 3).real


def _shared(gradient: Tensor, weights: Tensor) -> Tensor:
    """From (C, S, D, N) to the shape of weights: a sum over what shares them."""
    if weights.ndim == 2:
        return gradient.sum((0, 1))
    return gradient.unflatten(2, (weights.shape[2], -1)).sum(3)


def _scan(decay: Tensor, drive: Tensor, h: Tensor) -> Tensor:
    """The state before the first step and after each one, (C + 1, S, D, N)."""
    states = drive.new_empty((drive.shape[0] + 1, *drive.shape[1:]))
    states[0] = h
    for t in range(drive.shape[0]):
        torch.addcmul(drive[t], decay[t], states[t], out=states[t + 1])
    return states


def _read(states: Tensor, chunk: Inputs, options: Options) -> Tensor:
    """Outputs (C, S, D)."""
    y = (2 if options.pairs else 1) * _inner(states, chunk.C)
    y = y if chunk.D is None else y + chunk.D * chunk.u
    return y if chunk.z is None else y * silu(chunk.z)
