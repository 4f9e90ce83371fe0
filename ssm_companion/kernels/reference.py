"""The oracle: the recurrence as it is written on paper.

Every other implementation is tested against this one. It is a Python loop over
out-of-place torch operations, so that autograd, double backward, forward-mode
derivatives and `torch.func` transforms follow from torch, with nothing to get wrong.
"""

from __future__ import annotations

import torch
from torch import Tensor


def scan(a: Tensor, b: Tensor, h0: Tensor, *, reverse: bool) -> tuple[Tensor, Tensor]:
    """h_t = a_t h_{t-1} + b_t from h_{-1} = h0; backwards in time if `reverse`.

    Shapes: `a`, `b` (B, L, *S) with L >= 1, `h0` (B, *S); returns all states (B, L, *S),
    in the order of time, and the one computed last (B, *S). One dtype for all.
    """
    length = b.shape[1]
    states = []
    h = h0
    for t in reversed(range(length)) if reverse else range(length):
        h = a[:, t] * h + b[:, t]
        states.append(h)
    return torch.stack(states[::-1] if reverse else states, dim=1), h
