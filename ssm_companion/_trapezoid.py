"""The trapezoidal rule as a scan with Lawson's rule.

h_t = a_t (h_{t-1} + e_t v_{t-1}) + f_t v_t, with v_t = B_t u_t, e_t = (1 - w_t) delta_t and
f_t = w_t delta_t. Put p_t = h_t - f_t v_t, the state without what the present input adds. Then
p_t = a_t (p_{t-1} + (f_{t-1} + e_t) v_{t-1}): a scan over the inputs of one step before, which
decay with the state. What is left of a sum is added and nothing taken off again, so no digit is
lost: C_t h_t = C_t p_t + f_t u_t (C_t B_t).

The first step of a sequence has its earlier input from the initial state: p_0 = h_0 + e_1 v_0.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import silu, softplus

from ssm_companion._ops import selective
from ssm_companion.kernels import Inputs, Options


def trapezoid(
    inputs: Inputs, end_weight: Tensor | float, options: Options, backend: str
) -> tuple[Tensor, Tensor]:
    """Outputs (T, D) and last states (S, D, 2, N): h, then B u of the last step."""
    u, h0, bounds = inputs.u, inputs.h0, inputs.bounds
    step = inputs.delta if inputs.bias is None else inputs.delta + inputs.bias
    step = softplus(step) if options.softplus else step
    first, last = bounds[:-1], bounds[1:] - 1
    e, f = (1 - end_weight) * step, end_weight * step

    def earlier(x):
        return x.roll(1, 0).index_fill(0, first, 0)

    scan = inputs._replace(
        u=earlier(u),
        delta=step,
        w=earlier(f) + e,
        B=inputs.B if inputs.B.ndim == 2 else earlier(inputs.B),
        D=None,
        z=None,
        bias=None,
        h0=h0[:, :, 0] + e[first].unsqueeze(-1) * h0[:, :, 1],
    )
    y, p = selective(scan, options._replace(softplus=False, method="lawson"), backend)

    share = _read_through(inputs.C, inputs.B, u.shape[1])
    y = y + (2 if options.pairs else 1) * f * u * share
    y = y if inputs.D is None else y + inputs.D * u
    y = y if inputs.z is None else y * silu(inputs.z)
    v = _input_weights(inputs.B, last, u.shape[1]) * u[last].unsqueeze(-1)
    h = p + f[last].unsqueeze(-1) * v
    return y, torch.stack([h, v], dim=2)


def _read_through(C: Tensor, B: Tensor, channels: int) -> Tensor:
    """Re(C_t B_t), per row and channel."""
    if C.ndim == B.ndim == 3 and C.shape[1] == B.shape[1]:
        return (C * B).sum(-1).real.repeat_interleave(channels // C.shape[1], dim=1)
    C, B = (x if x.ndim == 2 else x.repeat_interleave(channels // x.shape[1], 1) for x in (C, B))
    return (C * B).sum(-1).real


def _input_weights(B: Tensor, rows: Tensor, channels: int) -> Tensor:
    return B if B.ndim == 2 else B[rows].repeat_interleave(channels // B.shape[1], dim=1)
