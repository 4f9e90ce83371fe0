"""Elementary functions on vectors, and the algebra of vectors that may be complex.

These are functions of `Value`s, and of pairs (re, im) for complex numbers. Each is a polynomial on
a small interval, to which the argument is brought; the degrees leave an error below one unit in the
last place. In float32, where every operation counts, the polynomials are interpolated at Chebyshev
points.
"""

from __future__ import annotations

from functools import cache
from math import factorial, log, log2, pi

from numba import types
from numba.extending import intrinsic
from numpy import e
from numpy.polynomial import Chebyshev, Polynomial

from ssm_companion.kernels.cpu.simd import Value, Vector, emitted, total

LOG2_E = log2(e)
LN_2 = log(2)
HALF_PI = pi / 2

# name: (coefficient of x**k, lowest and highest x, degree in float32 and in float64)
_SERIES = {
    # (2**x - 1) / x
    "exp2m1": (lambda k: LN_2 ** (k + 1) / factorial(k + 1), (-0.5, 0.5), (5, 13)),
    # sin(pi f / 2) / f and (cos(pi f / 2) - 1) / f**2, x = f**2
    "sin": (lambda k: (-1) ** k * HALF_PI ** (2 * k + 1) / factorial(2 * k + 1), (0, 0.25), (3, 9)),
    "cosm1": (
        lambda k: (-1) ** (k + 1) * HALF_PI ** (2 * k + 2) / factorial(2 * k + 2),
        (0, 0.25),
        (3, 9),
    ),
    # log((1 + s) / (1 - s)) / s, x = s**2
    "log": (lambda k: 2 / (2 * k + 1), (0, 0.0295), (3, 11)),
}
# phi1'(z) = sum_k (k + 1) z**k / (k + 2)!, enough for |z| < 1/2
_PHI1_DERIVATIVE = [(k + 1) / factorial(k + 2) for k in range(14)]


@cache
def _coefficients(name: str, is_single: bool) -> list[float]:
    """The series as a polynomial: interpolated in float32, cut off in float64."""
    coefficient, domain, degrees = _SERIES[name]
    series = Polynomial([coefficient(k) for k in range(20)])
    if not is_single:
        return series.coef[: degrees[1] + 1].tolist()
    fitted = Chebyshev.interpolate(series, degrees[0], domain=domain)
    return fitted.convert(kind=Polynomial).coef.tolist()


def _polynomial(x: Value, name: str) -> Value:
    return x.horner(_coefficients(name, x.vector.is_single))


# ---- functions of real vectors ----


def _rounded(x: Value) -> tuple[Value, Value]:
    """(s, r) with r = x - n for the nearest integer n, which s holds in its lowest bits."""
    large = 1.5 * 2.0 ** (23 if x.vector.is_single else 52)  # leaves no room for a fraction
    s = x + large
    return s, x - (s - large)


def _power_of_two(s: Value) -> Value:
    """2**n for the n that s holds: it moves from the mantissa to the exponent."""
    bits, bias = (23, 127) if s.vector.is_single else (52, 1023)
    return ((s.bits() << bits) + (bias << bits)).as_floats()


def _exp2m1(x: Value) -> Value:
    """2**x - 1, to full relative accuracy near 0 too; it stops growing at x = 127 or 1023."""
    lowest, highest = (-127.0, 127.49) if x.vector.is_single else (-1023.0, 1023.49)
    s, r = _rounded(x.clamped(lowest, highest))
    scale = _power_of_two(s)
    return scale * (r * _polynomial(r, "exp2m1")) + (scale - 1)


def _exp(x: Value) -> Value:
    """e**x, with a relative error of |x| roundings."""
    lowest, highest = (-87.0, 88.0) if x.vector.is_single else (-708.0, 709.0)
    s, r = _rounded(x.clamped(lowest, highest) * LOG2_E)
    return _power_of_two(s) * (r * _polynomial(r, "exp2m1") + 1)


def _log1p(x: Value) -> Value:
    """log(1 + x) for x >= 0: the rounding error of 1 + x is put back."""
    # the bits of sqrt(1/2): a number above it, below 1, carries into the exponent
    bits, root = (23, 0x3F3504F3) if x.vector.is_single else (52, 0x3FE6A09E667F3BCD)
    y = x + 1
    exponent = (y.bits() - root) >> bits
    m = (y.bits() - (exponent << bits)).as_floats()
    s = (m - 1) / (m + 1)
    return exponent.to_floats() * LN_2 + s * _polynomial(s * s, "log") + (x - (y - 1)) / y


@emitted
def sigmoid(x):
    """1 / (1 + e**-x), from 0 to 1."""
    return 1 / (_exp(-x) + 1)


@emitted
def softplus(x):
    """log(1 + e**x), and x itself from 20 on, as in PyTorch."""
    return x.where("<", 20, _log1p(_exp(x.clamped(-1e30, 20))), x)


@emitted
def softplus_derivative(x):
    """The sigmoid, and 1 from 20 on."""
    return x.where("<", 20, 1 / (_exp(-x) + 1), 1)


# ---- the algebra of numbers and vectors, real or complex ----


def _times(a, b):
    if isinstance(a, tuple) and isinstance(b, tuple):
        return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]
    if isinstance(a, tuple):
        return a[0] * b, a[1] * b
    return _times(b, a) if isinstance(b, tuple) else a * b


def _plus(a, b):
    if isinstance(a, tuple) and isinstance(b, tuple):
        return a[0] + b[0], a[1] + b[1]
    if isinstance(a, tuple):
        return a[0] + b, a[1]
    return _plus(b, a) if isinstance(b, tuple) else a + b


def _conj(a):
    return (a[0], -a[1]) if isinstance(a, tuple) else a


def _real(a):
    return a[0] if isinstance(a, tuple) else a


def _inverse(a):
    if not isinstance(a, tuple):
        return 1 / a
    return _times(_conj(a), 1 / _real(_times(_conj(a), a)))


def _where_small(z, bound: float, then, otherwise):
    """`then` in the lanes where |z|**2 < bound, else `otherwise`."""
    size = _real(_times(_conj(z), z))
    if not isinstance(z, tuple):
        return size.where("<", bound, then, otherwise)
    then = then if isinstance(then, tuple) else (then, 0)
    return tuple(size.where("<", bound, *choice) for choice in zip(then, otherwise, strict=True))


@emitted
def times(a, b):
    """The product."""
    return _times(a, b)


@emitted
def plus(a, b):
    """The sum."""
    return _plus(a, b)


@emitted
def conj_times(a, b):
    """The conjugate of a, times b."""
    return _times(_conj(a), b)


@emitted
def real_times(a, b):
    """The real part of a b."""
    return _real(_times(a, b))


@emitted
def real_conj_times(a, b):
    """The real part of the conjugate of a, times b."""
    return _real(_times(_conj(a), b))


@intrinsic
def sums(typingctx, a):
    """The sum over the lanes, or the pair of them."""
    if isinstance(a, Vector):
        return a.dtype(a), lambda context, builder, sig, args: total(builder, args[0], a)

    def codegen(context, builder, sig, args):
        parts = [total(builder, builder.extract_value(args[0], i), a[i]) for i in range(2)]
        return context.make_tuple(builder, sig.return_type, parts)

    return types.UniTuple(a[0].dtype, 2)(a), codegen


# ---- discretisation ----


@emitted
def scaled(A):
    """A in the units of the exponential: powers of two, and quarter turns."""
    return (A[0] * LOG2_E, A[1] * (1 / HALF_PI)) if isinstance(A, tuple) else A * LOG2_E


def _expm1(x):
    """e**z - 1 for z in the units of `scaled`, to full accuracy near 0."""
    if not isinstance(x, tuple):
        return _exp2m1(x)
    grown = _exp2m1(x[0])
    cosm1, sin = _turned(x[1])
    return grown * (cosm1 + 1) + cosm1, (grown + 1) * sin


def _turned(x: Value) -> tuple[Value, Value]:
    """(cos - 1, sin) of x quarter turns; near x = 0 neither loses a digit."""
    s, f = _rounded(x)
    v = f * f
    sin, cosm1 = f * _polynomial(v, "sin"), v * _polynomial(v, "cosm1")
    cos, quarters = cosm1 + 1, s.bits()
    new_sin = quarters.choose(1, cos, sin)
    new_cos = quarters.choose(1, sin, cos)
    new_sin = quarters.choose(2, -new_sin, new_sin)
    new_cos = (quarters + 1).choose(2, -new_cos, new_cos)
    return quarters.choose(3, new_cos - 1, cosm1), new_sin


def _phi1(z, m):
    """(e**z - 1) / z from m = e**z - 1, and 1 at z = 0."""
    tiny = 1e-30
    return _where_small(z, tiny, 1, _times(m, _inverse(_where_small(z, tiny, 1, z))))


@emitted
def expm1(A_scaled, step):
    """The factor of the state less 1, for the rules in which it decays as it is."""
    return _expm1(_times(A_scaled, step))


@emitted
def zoh(A, A_scaled, step):
    """The factor of the state less 1, and that of the input over the step."""
    m = _expm1(_times(A_scaled, step))
    return m, _phi1(_times(A, step), m)


@emitted
def bilinear(A, step):
    """The factor of the state less 1, and that of the input over the step."""
    half = _times(A, step * 0.5)
    g = _inverse(_plus(_times(half, -1), 1))
    return _times(_times(half, g), 2), g


@emitted
def phi1_derivative(z, m, g):
    """(e**z - phi1(z)) / z from m = e**z - 1 and g = phi1(z)."""
    *rest, last = _PHI1_DERIVATIVE
    series = _plus(_times(z, 0), last)
    for c in reversed(rest):
        series = _plus(_times(series, z), c)
    far = _times(_plus(_plus(m, 1), _times(g, -1)), _inverse(_where_small(z, 0.25, 1, z)))
    return _where_small(z, 0.25, series, far)
