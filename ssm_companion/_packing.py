"""Sequences that lie end to end on one axis of time."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from ssm_companion._shapes import check, check_dtype


def boundaries(cu_seqlens: Tensor | None, sizes: dict, device: torch.device) -> Tensor:
    """Where each sequence starts and stops when the batch is flattened: (S + 1,), int64.

    Without `cu_seqlens` the S = B sequences have L steps each. With it they are the ones packed
    into a batch of 1, once it is known to rise from 0 to L; only the tracer of `torch.compile`,
    which has no values, takes that on trust.
    """
    batch, length = sizes["B"], sizes["L"]
    if cu_seqlens is None:
        return torch.arange(batch + 1, device=device) * length
    check("cu_seqlens", cu_seqlens, "boundaries")
    check_dtype("cu_seqlens", cu_seqlens, (torch.int32, torch.int64))
    if batch != 1:
        raise ValueError(f"`cu_seqlens` needs a batch of 1, got B = {batch}")
    if not torch.compiler.is_compiling():
        bounds = cu_seqlens.tolist()
        rises = all(start < stop for start, stop in pairwise(bounds))
        if len(bounds) < 2 or bounds[0] != 0 or bounds[-1] != length or not rises:
            raise ValueError(f"`cu_seqlens` must rise from 0 to L = {length}, got {bounds}")
    return cu_seqlens.to(device=device, dtype=torch.int64)
