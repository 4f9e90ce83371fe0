"""h_t = a_t h_{t-1} + b_t on the GPU."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from ssm_companion.kernels.gpu.numbers import LAUNCH, STAGES, add, load, mul, parts, store

# One warp with a number a thread: the shortest step, and the most programs.
BLOCK = 32


def linear(a: Tensor, b: Tensor, h0: Tensor, bounds: Tensor, reverse: bool) -> Tensor:
    """All states, see `ssm_companion.kernels`."""
    h = torch.empty_like(b)
    sequences, width = h0.shape
    with torch.cuda.device_of(b):
        linear_kernel[(sequences * triton.cdiv(width, BLOCK),)](
            parts(a),
            parts(b),
            parts(h0),
            bounds.to(b.device),
            parts(h),
            width,
            CONSTANT=a.ndim == 1,
            REVERSE=reverse,
            BLOCK=BLOCK,
            num_warps=1,
            **LAUNCH,
        )
    return h


@triton.jit
def linear_kernel(
    a_ptr,
    b_ptr,
    h0_ptr,
    bounds_ptr,
    h_ptr,
    width,
    CONSTANT: tl.constexpr,
    REVERSE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    blocks = tl.cdiv(width, BLOCK)
    sequence = (tl.program_id(0) // blocks).to(tl.int64)
    lane = tl.program_id(0) % blocks * BLOCK + tl.arange(0, BLOCK)
    inside = lane < width
    # the parts of a complex number are side by side in memory
    step: tl.constexpr = len(h_ptr)
    start = tl.load(bounds_ptr + sequence)
    length = (tl.load(bounds_ptr + sequence + 1) - start).to(tl.int32)
    h = load(h0_ptr, step * (sequence * width + lane), inside)
    if CONSTANT:
        a = load(a_ptr, step * lane, inside)
    for t in tl.range(0, length, num_stages=STAGES):
        row = start + (length - 1 - t if REVERSE else t)
        at = step * (row * width + lane)
        if not CONSTANT:
            a = load(a_ptr, at, inside)
        h = add(mul(a, h), load(b_ptr, at, inside))
        store(h_ptr, at, inside, h)
