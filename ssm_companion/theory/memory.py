"""How long a linear recurrence remembers, and how much one number can hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np


def impulse_response(a, b, c, length: int) -> np.ndarray:
    """k_t = sum_n c_n a_n^t b_n for t = 0, ..., length - 1: the output of one unit input.

    The system is h_t = a h_{t-1} + b u_t, y_t = sum_n c_n h_{t,n}. `a`, `b`, `c` are (N,),
    real or complex; returns (length,), complex if any of them is.

    Raises ValueError for unequal shapes or a length below 1.
    """
    a, b, c = (np.asarray(x) for x in (a, b, c))
    if a.ndim != 1 or not a.shape == b.shape == c.shape:
        raise ValueError(
            f"`a`, `b`, `c` must have the same shape (N,), got {a.shape}, {b.shape}, {c.shape}"
        )
    if length < 1:
        raise ValueError(f"`length` must be >= 1, got {length}")
    return a ** np.arange(length)[:, None] @ (b * c)


def half_life(a):
    """Steps after which a mode with eigenvalue `a` has lost half of its size.

    log(1/2) / log|a|, elementwise, in steps; 0 for a = 0.
    Raises ValueError unless |a| < 1.
    """
    return math.log(2) * time_constant(a)


def time_constant(a):
    """Steps after which a mode with eigenvalue `a` has shrunk by a factor e.

    -1 / log|a|, elementwise, in steps; 0 for a = 0.
    Raises ValueError unless |a| < 1.
    """
    modulus = _stable_modulus(a)
    with np.errstate(divide="ignore"):  # log 0 = -inf, and -1 / -inf = 0 is the answer
        return -1 / np.log(modulus)


def fading_bound(a, b, lag: int, radius: float = 1.0):
    """How far apart the states can be after two inputs that agree lately.

    For h_t = sum_k a^k b u_{t-k}, two inputs with |u| <= radius that agree on the last
    `lag` steps leave states at most 2 radius |b| |a|^lag / (1 - |a|) apart. The bound is
    reached in the limit of a long past by inputs of opposite extremes, for real a.

    `a`, `b` broadcast, real or complex; elementwise, in the unit of the state.
    Raises ValueError unless |a| < 1, lag >= 0 and radius >= 0.

    Source: the fading memory of Boyd and Chua, IEEE Trans. Circuits Syst. 32 (1985), for
    one mode; the sum is a geometric series.
    """
    modulus = _stable_modulus(a)
    if lag < 0 or not radius >= 0:
        raise ValueError(f"`lag` and `radius` must be >= 0, got {lag} and {radius}")
    return 2 * radius * np.abs(b) * modulus**lag / (1 - modulus)


def ternary_state(bits: Sequence[int]) -> Fraction:
    """The exact state after h_t = h_{t-1} / 3 + x_t, from 0, over `bits` in time order.

    One rational number holds every bit: `ternary_decode` reads them back. Returns a
    fraction in [0, 3/2).
    Raises ValueError for an entry that is neither 0 nor 1.

    Source: the Cantor coding of Siegelmann and Sontag, On the computational power of
    neural nets, J. Comput. Syst. Sci. 50 (1995), in base 3.
    """
    h = Fraction(0)
    for t, bit in enumerate(bits):
        if bit not in (0, 1):
            raise ValueError(f"`bits` must be 0 or 1, got {bit!r} at step {t}")
        h = h / 3 + int(bit)
    return h


def ternary_decode(h, length: int) -> list[int]:
    """The last `length` bits that `ternary_state` took in, in time order.

    `h` is the exact state or a float near it: a float yields its most recent bits, and
    wrong ones further back, since each step backwards multiplies the error by 3.
    Raises ValueError unless 0 <= h <= 3/2 and length >= 0.
    """
    if not 0 <= h <= 1.5:
        raise ValueError(f"`h` must be in [0, 3/2], got {h}")
    if length < 0:
        raise ValueError(f"`length` must be >= 0, got {length}")
    # A float is itself a rational number; from here on nothing is rounded.
    rest = Fraction(h)
    newest_first = []
    for _ in range(length):
        # The older bits add up to less than 1/2, so h_t >= 1 exactly if x_t = 1. The
        # middle of the empty gap (1/2, 1) asks the same, and forgives a rounded h.
        bit = int(rest > Fraction(3, 4))
        newest_first.append(bit)
        rest = 3 * (rest - bit)
    return newest_first[::-1]


def _stable_modulus(a):
    modulus = np.abs(a)
    if not np.all(modulus < 1):
        raise ValueError(f"`a` must have |a| < 1, got |a| up to {np.max(modulus)}")
    return modulus
