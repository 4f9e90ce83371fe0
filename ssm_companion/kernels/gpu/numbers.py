"""Real and complex numbers in one notation, as Triton has no complex type.

A number is a tuple of its parts, (re,) or (re, im), each part a tensor; so is a pointer to numbers.
The length of a tuple is known when a kernel is compiled, so nothing of this is left at run time,
and a real number times a complex one costs two products.
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


def parts(x):
    """The parts of a tensor, as views."""
    return (x.real, x.imag) if x.is_complex() else (x,)


def planes(x):
    """The parts of a tensor, each contiguous: neighbours in a row are neighbours in memory."""
    return tuple(part.contiguous() for part in parts(x))


def unset_planes(x, *shape):
    """Memory for a tensor of another shape and the dtype of `x`."""
    return tuple(part.new_empty(shape) for part in parts(x))


def number(planes):
    """The tensor that has these parts."""
    return torch.complex(*planes) if len(planes) == 2 else planes[0]


@triton.jit
def load(pointer, at, mask):
    if len(pointer) == 2:
        re = tl.load(pointer[0] + at, mask, other=0)
        return re, tl.load(pointer[1] + at, mask, other=0)
    else:
        return (tl.load(pointer[0] + at, mask, other=0),)


@triton.jit
def store(pointer, at, mask, x):
    tl.store(pointer[0] + at, x[0], mask)
    if len(x) == 2:
        tl.store(pointer[1] + at, x[1], mask)


@triton.jit
def zeros(x):
    if len(x) == 2:
        return tl.zeros_like(x[0]), tl.zeros_like(x[1])
    else:
        return (tl.zeros_like(x[0]),)


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
