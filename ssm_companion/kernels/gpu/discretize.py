"""The functions of the step, with their derivatives.

As every function is inlined, what a caller does not use of the results is not computed.
"""

import triton
import triton.language as tl

from ssm_companion.kernels.gpu.numbers import add, inverse, mul, where

METHODS = ("euler", "lawson", "zoh", "bilinear")
EULER = tl.constexpr(0)
LAWSON = tl.constexpr(1)
ZOH = tl.constexpr(2)
LOG2_E = tl.constexpr(1.4426950408889634)


@triton.jit
def factors(A, step, METHOD: tl.constexpr):
    """As `ssm_companion.discretize.factors` of z = step A: f, g and their derivatives."""
    z = mul((step,), A)
    if METHOD == EULER:
        f = exp(A, step)
        return f, (1.0,), f, (0.0,)
    elif METHOD == LAWSON:
        f = exp(A, step)
        return f, f, f, f
    elif METHOD == ZOH:
        f = exp(A, step)
        g, dg = phi1(z, f)
        return f, g, f, dg
    else:
        half = mul((0.5,), z)
        g = inverse(add((1.0,), mul((-1.0,), half)))
        df = mul(g, g)
        return mul(add((1.0,), half), g), g, df, mul((0.5,), df)


@triton.jit
def exp(A, step):
    """The exponential of step A. The factor log2(e) goes with A: it leaves the loop over time."""
    size = tl.exp2(step * (A[0] * LOG2_E))
    if len(A) == 2:
        cos, sin = cos_sin(step * A[1])
        return size * cos, size * sin
    else:
        return (size,)


@triton.jit
def cos_sin(x):
    """Both, to 1.5 units in the last place up to angles of 10^5 in single precision.

    There by the reduction of Cody and Waite to |r| <= pi/4, which the two share, and the
    polynomials of the Cephes library. The GPU's own functions either have an absolute error only
    or keep a table for huge angles in local memory, and spill.
    """
    if x.dtype == tl.float64:
        return tl.cos(x), tl.sin(x)
    else:
        # an angle of 2^24 and more has no fraction, and is as good as none
        x = tl.where(tl.abs(x) < 16777216, x, 0)
        turns = tl.floor(x * 0.63661977 + 0.5)
        # pi/2 in three pieces; with a fused multiply-add the first step is exact
        r = tl.fma(turns, -1.57079601, x)
        r = tl.fma(turns, -3.13916473e-07, r)
        r = tl.fma(turns, -5.39030253e-15, r)
        s = r * r
        cos = 1 + s * (-0.5 + s * (4.16666457e-2 + s * (-1.38873163e-3 + s * 2.44331571e-5)))
        sin = r + r * s * (-1.66666546e-1 + s * (8.33216087e-3 + s * -1.95152959e-4))
        quarter = turns.to(tl.int32)
        odd = (quarter & 1) != 0
        cos, sin = tl.where(odd, sin, cos), tl.where(odd, cos, sin)
        cos = tl.where(((quarter + 1) & 2) != 0, -cos, cos)
        return cos, tl.where((quarter & 2) != 0, -sin, sin)


@triton.jit
def phi1(z, exp_z):
    """(exp(z) - 1) / z and its derivative, by their series where the difference would cancel."""
    if len(z) == 2:
        near = z[0] * z[0] + z[1] * z[1] < 0.25
    else:
        near = tl.abs(z[0]) < 0.5
    # what the series leaves out is below the rounding error
    if z[0].dtype == tl.float64:
        TERMS: tl.constexpr = 15
    else:
        TERMS: tl.constexpr = 9
    series, slope = add((1.0,), mul((1 / TERMS,), z)), (1 / TERMS,)
    for k in tl.static_range(TERMS - 1, 1, -1):
        slope = mul((1 / k,), add(series, mul(z, slope)))
        series = add((1.0,), mul((1 / k,), mul(z, series)))
    over_z = inverse(z)
    value = where(near, series, mul(add(exp_z, (-1.0,)), over_z))
    far_slope = mul(add(exp_z, mul((-1.0,), value)), over_z)
    return value, where(near, slope, far_slope)


@triton.jit
def softplus(x):
    """log(1 + exp(x)) and its derivative; x and 1 from 20 on, as in PyTorch."""
    e = tl.exp(-tl.abs(x))
    v = 1 + e
    # log(v) errs by the rounding of v, and e / (v - 1) mends that: Kahan's log(1 + e)
    log = tl.where(v == 1, e, tl.log(v) * (e / tl.where(v == 1, 1, v - 1)))
    return tl.where(x > 20, x, tl.maximum(x, 0) + log), tl.where(x > 20, 1, tl.sigmoid(x))
