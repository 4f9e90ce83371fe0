"""PyTorch operations, chunk by chunk, on any device.

One chunk of states exists at a time. Within it the recurrence is one fused multiply-add a step;
what surrounds it, discretisation before and read-out after, is done for all steps at once, and
differentiated by autograd.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt

import torch
from torch import Tensor
from torch.autograd import grad
from torch.nn.functional import pad, silu, softplus

from ssm_companion.discretize import factors
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
        decay, drive = _discretise(chunk, options)
        states = _scan(decay, drive, h)
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
        chunk = Inputs(
            *(None if x is None else x.detach().requires_grad_() for x in _take(inputs, rows))
        )
        with torch.enable_grad():
            decay, drive = _discretise(chunk, options)
        states = _scan(decay.detach(), drive.detach(), checkpoints[kept_at])
        after = states[1:].requires_grad_()
        with torch.enable_grad():
            y = _read(after, chunk, options)
        leaves = {name: x for name, x in chunk._asdict().items() if x is not None}
        direct = grad(y, [after, *leaves.values()], dy[rows], allow_unused=True)

        # g_t = direct_t + conj(a_{t+1}) g_{t+1}: the same scan, backwards
        ahead = decay.detach().conj().roll(-1, 0)
        ahead[-1] = 1
        g = _scan(ahead.flip(0), direct[0].flip(0), grads.h0[sequences])[1:].flip(0)
        grads.h0[sequences] = decay[0].detach().conj() * g[0]
        into_a = g * states[:-1].conj()
        through = grad((decay, drive), list(leaves.values()), (into_a, g), allow_unused=True)
        for name, *parts in zip(leaves, direct[1:], through, strict=True):
            _add(grads, name, rows, [part for part in parts if part is not None])
    return grads[:-1]


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


def _discretise(chunk: Inputs, options: Options) -> tuple[Tensor, Tensor]:
    """Factors and inputs of the recurrence, (C, S, D, N)."""
    step = chunk.delta if chunk.bias is None else chunk.delta + chunk.bias
    step = softplus(step) if options.softplus else step
    decay, gain = factors(step.unsqueeze(-1) * chunk.A, options.method)
    x = (step if chunk.w is None else chunk.w) * chunk.u
    return decay, gain * _outer(x, chunk.B)


def _outer(x: Tensor, B: Tensor) -> Tensor:
    """The product of x (C, S, D) and B (C, S, G, N), or (D, N) if constant."""
    if B.ndim == 2:
        return x.unsqueeze(-1) * B
    return (x.unflatten(-1, (B.shape[2], -1, 1)) * B.unsqueeze(-2)).flatten(2, 3)


def _scan(decay: Tensor, drive: Tensor, h: Tensor) -> Tensor:
    """The state before the first step and after each one, (C + 1, S, D, N)."""
    states = drive.new_empty((drive.shape[0] + 1, *drive.shape[1:]))
    states[0] = h
    for t in range(drive.shape[0]):
        torch.addcmul(drive[t], decay[t], states[t], out=states[t + 1])
    return states


def _read(states: Tensor, chunk: Inputs, options: Options) -> Tensor:
    """Outputs (C, S, D)."""
    if chunk.C.ndim == 2:
        y = (states * chunk.C).sum(-1).real
    else:
        grouped = states.unflatten(2, (chunk.C.shape[2], -1))
        y = torch.einsum("csgpn,csgn->csgp", grouped, chunk.C).flatten(2, 3).real
    y = 2 * y if options.pairs else y
    y = y if chunk.D is None else y + chunk.D * chunk.u
    return y if chunk.z is None else y * silu(chunk.z)


def _add(grads: Inputs, name: str, rows: Tensor, parts: list[Tensor]) -> None:
    """Write the gradient at some rows, or add to that of a parameter."""
    if not parts:
        return
    total = sum(parts)
    target = getattr(grads, name)
    if total.ndim == target.ndim:
        target += total
    else:
        target[rows] = total
