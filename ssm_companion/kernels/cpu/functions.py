"""Elementary functions on vectors, and the algebra of vectors that may be complex.

A complex vector is a pair (re, im). Functions are polynomials on a small interval, to which their
arguments are brought; the degrees leave an error below one unit in the last place. In float32,
where every operation counts, the polynomials are interpolated at Chebyshev points.
"""

from __future__ import annotations

from math import factorial

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload, register_jitable
from numpy.polynomial import Chebyshev, Polynomial

from ssm_companion.kernels.cpu.simd import (
    clamped,
    fma,
    power_of_two,
    split_exponent,
    total,
    turned,
    where_less,
)

LOG2_E = float(np.log2(np.e))
LN_2 = float(np.log(2))
HALF_PI = float(np.pi / 2)
QUARTERS = 1 / HALF_PI  # quarter turns in a radian


# name: (coefficient of x**k, lowest and highest x, degree in float32 and in float64)
_SERIES = {
    # (2**x - 1) / x
    "exp2m1": (lambda k: LN_2 ** (k + 1) / factorial(k + 1), (-0.5, 0.5), (5, 13)),
    # sin(pi f / 2) / f and (cos(pi f / 2) - 1) / f**2, x = f**2
    "sin": (lambda k: (-1) ** k * HALF_PI ** (2 * k + 1) / factorial(2 * k + 1), (0, 0.25), (3, 9)),
    "cosm1": (
        lambda k: -((-1) ** k) * HALF_PI ** (2 * k + 2) / factorial(2 * k + 2),
        (0, 0.25),
        (3, 9),
    ),
    # log((1 + s) / (1 - s)) / s, x = s**2
    "log": (lambda k: 2 / (2 * k + 1), (0, 0.0295), (3, 11)),
}
# phi1'(z) = sum_k (k + 1) z**k / (k + 2)!, highest power first, enough for |z| < 1/2
_PHI1_DERIVATIVE = tuple((k + 1) / factorial(k + 2) for k in reversed(range(14)))


def _coefficients(name: str, double: bool) -> list[float]:
    """The series as a polynomial: cut off in float64, interpolated in float32."""
    coefficient, domain, degrees = _SERIES[name]
    series = Polynomial([coefficient(k) for k in range(20)])
    if double:
        return list(series.coef[: degrees[1] + 1])
    fitted = Chebyshev.interpolate(series, degrees[0], domain=domain)
    return list(fitted.convert(kind=Polynomial).coef)


@intrinsic(prefer_literal=True)
def polynomial(typingctx, x, name):
    """One of the polynomials above, by Horner's rule."""
    coefficients = _coefficients(name.literal_value, x.dtype == types.float64)

    def codegen(context, builder, sig, args):
        constants = [ir.Constant(args[0].type, [float(c)] * x.lanes) for c in coefficients]
        value = constants.pop()
        while constants:
            value = fma(builder, value, args[0], constants.pop())
        return value

    return x(x, name), codegen


# ---- functions of real vectors ----


def rounded(x):
    """(s, r): s carries the nearest integer n as `power_of_two` wants it, and r = x - n."""


@overload(rounded)
def _(x):
    # adding it leaves no room for a fraction
    large = 1.5 * 2.0 ** (23 if x.dtype == types.float32 else 52)

    def run(x):
        s = x + large
        return s, x - (s - large)

    return run


def expm1_of_log2(x):
    """2**x - 1, to full relative accuracy near 0 too; it stops growing at x = 127 or 1023."""


@overload(expm1_of_log2)
def _(x):
    lowest, highest = (-127.0, 127.49) if x.dtype == types.float32 else (-1023.0, 1023.49)

    def run(x):
        s, r = rounded(clamped(x, lowest, highest))
        scale = power_of_two(s)
        return scale * (r * polynomial(r, "exp2m1")) + (scale - 1.0)

    return run


def exp(x):
    """Exponential, to full relative accuracy where it is small too."""


@overload(exp)
def _(x):
    lowest, highest = (-87.0, 88.0) if x.dtype == types.float32 else (-708.0, 709.0)

    def run(x):
        s, r = rounded(clamped(x, lowest, highest) * LOG2_E)
        return power_of_two(s) * (r * polynomial(r, "exp2m1") + 1.0)

    return run


@register_jitable
def sigmoid(x):
    """The logistic function."""
    return 1.0 / (exp(x * -1.0) + 1.0)


@register_jitable
def log1p(x):
    """log(1 + x) for x >= 0: the rounding error of 1 + x is put back."""
    y = x + 1.0
    m, e = split_exponent(y)
    s = (m - 1.0) / (m + 1.0)
    return e * LN_2 + s * polynomial(s * s, "log") + (x - (y - 1.0)) / y


@register_jitable
def softplus(x):
    """log(1 + e**x), and x itself from 20 on, as in PyTorch."""
    return where_less(x, 20.0, log1p(exp(clamped(x, -1e30, 20.0))), x)


@register_jitable
def softplus_derivative(x):
    return where_less(x, 20.0, sigmoid(x), 1.0)


# ---- numbers and vectors, real or complex ----


def _is_pair(x) -> bool:
    return isinstance(x, types.BaseTuple)


def times(a, b):
    """The product."""


@overload(times)
def _(a, b):
    if _is_pair(a) and _is_pair(b):
        return lambda a, b: (a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0])
    if _is_pair(a):
        return lambda a, b: (a[0] * b, a[1] * b)
    return lambda a, b: a * b


def conj_times(a, b):
    """The conjugate of a, times b."""


@overload(conj_times)
def _(a, b):
    if _is_pair(a) and _is_pair(b):
        return lambda a, b: (a[0] * b[0] + a[1] * b[1], a[0] * b[1] - a[1] * b[0])
    if _is_pair(a):
        return lambda a, b: (a[0] * b, a[1] * b * -1.0)
    return lambda a, b: a * b


def real_times(a, b):
    """The real part of a b."""


@overload(real_times)
def _(a, b):
    if _is_pair(a):
        return lambda a, b: a[0] * b[0] - a[1] * b[1]
    return lambda a, b: a * b


def real_conj_times(a, b):
    """The real part of the conjugate of a, times b."""


@overload(real_conj_times)
def _(a, b):
    if _is_pair(a):
        return lambda a, b: a[0] * b[0] + a[1] * b[1]
    return lambda a, b: a * b


def plus(a, b):
    """The sum."""


@overload(plus)
def _(a, b):
    if _is_pair(a) and _is_pair(b):
        return lambda a, b: (a[0] + b[0], a[1] + b[1])
    if _is_pair(a):
        return lambda a, b: (a[0] + b, a[1])
    return lambda a, b: a + b


def sums(a):
    """The sum over the lanes."""


@overload(sums)
def _(a):
    if _is_pair(a):
        return lambda a: (total(a[0]), total(a[1]))
    return lambda a: total(a)


def inverse(a):
    """The reciprocal."""


@overload(inverse)
def _(a):
    if _is_pair(a):

        def run(a):
            scale = 1.0 / (a[0] * a[0] + a[1] * a[1])
            return a[0] * scale, a[1] * scale * -1.0

        return run
    return lambda a: 1.0 / a


def where_small(z, bound, then, otherwise):
    """`then` in the lanes where |z|**2 < bound, else `otherwise`."""


@overload(where_small)
def _(z, bound, then, otherwise):
    if _is_pair(z):

        def run(z, bound, then, otherwise):
            size = z[0] * z[0] + z[1] * z[1]
            re = where_less(size, bound, then[0], otherwise[0])
            return re, where_less(size, bound, then[1], otherwise[1])

        return run
    return lambda z, bound, then, otherwise: where_less(z * z, bound, then, otherwise)


def scaled(A):
    """A in the units of `expm1`: powers of two, and quarter turns."""


@overload(scaled)
def _(A):
    if _is_pair(A):
        return lambda A: (A[0] * LOG2_E, A[1] * QUARTERS)
    return lambda A: A * LOG2_E


def expm1(x):
    """e**z - 1 for z in the units of `scaled`, to full accuracy near 0."""


@overload(expm1)
def _(x):
    if not _is_pair(x):
        return lambda x: expm1_of_log2(x)

    def run(x):
        grown = expm1_of_log2(x[0])
        s, f = rounded(x[1])
        v = f * f
        cosm1, sin = turned(s, f * polynomial(v, "sin"), v * polynomial(v, "cosm1"))
        return grown * (cosm1 + 1.0) + cosm1, (grown + 1.0) * sin

    return run


@register_jitable
def phi1(z, m):
    """(e**z - 1) / z from m = e**z - 1, and 1 at z = 0."""
    tiny = 1e-30
    one = plus(times(z, 0.0), 1.0)
    return where_small(z, tiny, one, times(m, inverse(where_small(z, tiny, one, z))))


@register_jitable
def phi1_derivative(z, m, g):
    """(e**z - phi1(z)) / z from m = e**z - 1 and g = phi1(z)."""
    one = plus(times(z, 0.0), 1.0)
    series = plus(times(z, 0.0), _PHI1_DERIVATIVE[0])
    for c in _PHI1_DERIVATIVE[1:]:
        series = plus(times(series, z), c)
    far = times(plus(plus(m, 1.0), times(g, -1.0)), inverse(where_small(z, 0.25, one, z)))
    return where_small(z, 0.25, series, far)
