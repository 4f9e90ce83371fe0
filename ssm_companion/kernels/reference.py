"""The oracle: the recurrences as they are written on paper.

Every other implementation is tested against this one. Both functions are Python loops over
out-of-place torch operations, so that autograd, double backward, forward-mode derivatives and
`torch.func` transforms follow from torch, with nothing to get wrong.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import silu, softplus

from ssm_companion.discretize import factors
from ssm_companion.kernels import Inputs, Options, batches


def linear(a: Tensor, b: Tensor, h0: Tensor, bounds: Tensor, reverse: bool) -> Tensor:
    """All states of h_t = a_t h_{t-1} + b_t; backwards in time if `reverse`."""
    if len(b) == 0:
        return b.clone()
    pieces = []
    for start, stop, first, count in batches(bounds.tolist()):
        rows = b[start:stop].unflatten(0, (count, -1))
        decay = a.expand_as(b)[start:stop].unflatten(0, (count, -1))
        length = rows.shape[1]
        h, states = h0[first : first + count], []
        for t in reversed(range(length)) if reverse else range(length):
            h = decay[:, t] * h + rows[:, t]
            states.append(h)
        pieces.append(torch.stack(states[::-1] if reverse else states, dim=1).flatten(0, 1))
    return torch.cat(pieces)


def selective(inputs: Inputs, options: Options) -> tuple[Tensor, Tensor]:
    """Outputs (T, D) and last states (S, D, N)."""
    if len(inputs.u) == 0:
        return inputs.u.clone(), inputs.h0.clone()
    pieces = []
    for start, stop, first, count in batches(inputs.bounds.tolist()):

        def rows(x, start=start, stop=stop, count=count):
            return None if x is None else x[start:stop].unflatten(0, (count, -1))

        varying = {name: rows(getattr(inputs, name)) for name in ("u", "delta", "w", "z")}
        varying |= {name: rows(x) for name in "BC" if (x := getattr(inputs, name)).ndim == 3}
        piece = inputs._replace(**varying, h0=inputs.h0[first : first + count])
        pieces.append(_batch(piece, options))
    y, last = zip(*pieces, strict=True)
    return torch.cat([piece.flatten(0, 1) for piece in y]), torch.cat(last)


def _batch(inputs: Inputs, options: Options) -> tuple[Tensor, Tensor]:
    """The same for sequences of one length, time on axis 1."""
    u, delta, w, A, B, C, D, z, bias, h, _ = inputs
    step = delta if bias is None else delta + bias
    step = softplus(step) if options.softplus else step
    x = (step if w is None else w) * u
    channels, outputs = A.shape[0], []
    for t in range(u.shape[1]):
        decay, gain = factors(step[:, t, :, None] * A, options.method)
        h = decay * h + gain * x[:, t, :, None] * per_channel(B, t, channels)
        outputs.append((per_channel(C, t, channels) * h).sum(-1).real)
    y = torch.stack(outputs, dim=1) * (2 if options.pairs else 1)
    y = y if D is None else y + D * u
    return (y if z is None else y * silu(z)), h


def per_channel(x: Tensor, t: int, channels: int) -> Tensor:
    """B or C at step t with an axis of channels: (B, D, N), or (D, N) if constant."""
    return x if x.ndim == 2 else x[:, t].repeat_interleave(channels // x.shape[2], dim=1)
