"""The first call of each of MKL's vector functions, made by one thread.

MKL chooses the code of `exp`, `sin`, ... for this processor when a function is first called. If
several threads make that call together, one of them may run code of half the digits, once in some
dozens of processes: https://github.com/pytorch/pytorch/issues/188792. A call on one number is made
by one thread, and later ones are right.
"""

from __future__ import annotations

import torch

FUNCTIONS = ("exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "sqrt", "atan")


def settle() -> None:
    """Call each function once, in both precisions."""
    for dtype in (torch.float32, torch.float64):
        one = torch.ones(1, dtype=dtype)
        for name in FUNCTIONS:
            getattr(torch, name)(one)
