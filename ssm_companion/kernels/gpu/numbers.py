"""Real and complex numbers in one notation, as Triton has no complex type.

A number is a tuple of its parts: (re,) or (re, im), each part a tensor. The length of a tuple is
known when a kernel is compiled, so nothing of this is left at run time, and a real number times a
complex one costs two products.
"""

import torch
import triton
import triton.language as tl

# How every kernel is launched. A product feeds a sum in every line, and one rounding is better than
# two; versions of Triton differ in what they do unasked. An SM has more registers than its few
# programs need, but the compiler of NVIDIA would rather spill than have no room for others.
LAUNCH = {"enable_fp_fusion": True}
if torch.version.hip is None:
    LAUNCH["maxnreg"] = 255
# Loads run this many steps ahead, less one: a step is too short to wait for memory.
STAGES = tl.constexpr(4)


def memory(x):
    """What a kernel gets of a tensor: complex ones as real ones, parts side by side."""
    return torch.view_as_real(x) if x is not None and x.is_complex() else x


@triton.jit
def load(pointer, at, mask, COMPLEX: tl.constexpr):
    if COMPLEX:
        re = tl.load(pointer + 2 * at, mask, other=0)
        return re, tl.load(pointer + 2 * at + 1, mask, other=0)
    else:
        return (tl.load(pointer + at, mask, other=0),)


@triton.jit
def store(pointer, at, mask, x):
    if len(x) == 2:
        tl.store(pointer + 2 * at, x[0], mask)
        tl.store(pointer + 2 * at + 1, x[1], mask)
    else:
        tl.store(pointer + at, x[0], mask)


@triton.jit
def zeros(shape: tl.constexpr, dtype: tl.constexpr, COMPLEX: tl.constexpr):
    if COMPLEX:
        return tl.zeros(shape, dtype), tl.zeros(shape, dtype)
    else:
        return (tl.zeros(shape, dtype),)


@triton.jit
def add(x, y):
    if len(x) == 2 and len(y) == 2:
        return x[0] + y[0], x[1] + y[1]
    elif len(x) == 2:
        return x[0] + y[0], x[1]
    elif len(y) == 2:
        return x[0] + y[0], y[1]
    else:
        return (x[0] + y[0],)


@triton.jit
def mul(x, y):
    if len(x) == 2 and len(y) == 2:
        return x[0] * y[0] - x[1] * y[1], x[0] * y[1] + x[1] * y[0]
    elif len(x) == 2:
        return x[0] * y[0], x[1] * y[0]
    elif len(y) == 2:
        return x[0] * y[0], x[0] * y[1]
    else:
        return (x[0] * y[0],)


@triton.jit
def conj(x):
    if len(x) == 2:
        return x[0], -x[1]
    else:
        return x


@triton.jit
def inverse(x):
    if len(x) == 2:
        size = x[0] * x[0] + x[1] * x[1]
        return x[0] / size, -x[1] / size
    else:
        return (1 / x[0],)


@triton.jit
def where(condition, x, y):
    if len(x) == 2:
        return tl.where(condition, x[0], y[0]), tl.where(condition, x[1], y[1])
    else:
        return (tl.where(condition, x[0], y[0]),)


@triton.jit
def total(x, axis: tl.constexpr):
    if len(x) == 2:
        return tl.sum(x[0], axis, keep_dims=True), tl.sum(x[1], axis, keep_dims=True)
    else:
        return (tl.sum(x[0], axis, keep_dims=True),)


@triton.jit
def inner(x, y):
    """Re(sum of x y over the modes)."""
    if len(x) == 2:
        return tl.sum(x[0] * y[0] - x[1] * y[1], 1, keep_dims=True)
    else:
        return tl.sum(x[0] * y[0], 1, keep_dims=True)
