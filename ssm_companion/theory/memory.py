"""How long a linear recurrence remembers, and how much one number can hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np


def impulse_response(a, b, c, length: int) -> np.ndarray:
    r"""The output :math:`k_t = \sum_n c_n a_n^t b_n` of one unit input.

    The system is :math:`h_t = a h_{t-1} + b u_t`, :math:`y_t = \sum_n c_n h_{t,n}`.

    Parameters
    ----------
    a : array_like, ``(N,)``
        Eigenvalues, real or complex.
    b : array_like, ``(N,)``
        Input weights, real or complex.
    c : array_like, ``(N,)``
        Read-out weights, real or complex.
    length : int
        Number of steps.

    Returns
    -------
    numpy.ndarray, ``(length,)``
        The output for ``t = 0, ..., length - 1``; complex if any of ``a``, ``b``, ``c`` is.

    Raises
    ------
    ValueError
        For unequal shapes or a ``length`` below 1.

    Examples
    --------
    >>> impulse_response([0.5, -0.5], [1, 1], [1, 1], 4).tolist()
    [2.0, 0.0, 0.5, 0.0]
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
    r"""Steps after which a mode has lost half of its size: :math:`\log(1/2) / \log|a|`.

    Parameters
    ----------
    a : array_like
        Eigenvalues, real or complex, with ``|a| < 1``; any shape.

    Returns
    -------
    float or numpy.ndarray
        Elementwise, in steps; 0 for ``a = 0``.

    Raises
    ------
    ValueError
        Unless ``|a| < 1``.

    Examples
    --------
    >>> float(half_life(0.5))
    1.0
    """
    return math.log(2) * time_constant(a)


def time_constant(a):
    r"""Steps after which a mode has shrunk by a factor e: :math:`-1 / \log|a|`.

    Parameters
    ----------
    a : array_like
        Eigenvalues, real or complex, with ``|a| < 1``; any shape.

    Returns
    -------
    float or numpy.ndarray
        Elementwise, in steps; 0 for ``a = 0``.

    Raises
    ------
    ValueError
        Unless ``|a| < 1``.

    Examples
    --------
    >>> round(float(time_constant(0.99)), 1)
    99.5
    """
    modulus = _stable_modulus(a)
    with np.errstate(divide="ignore"):  # log 0 = -inf, and -1 / -inf = 0 is the answer
        return -1 / np.log(modulus)


def fading_bound(a, b, lag: int, radius: float = 1.0):
    r"""How far apart the states can be after two inputs that agree lately.

    For :math:`h_t = \sum_k a^k b u_{t-k}`, two inputs with :math:`|u| \le \mathrm{radius}` that
    agree on the last ``lag`` steps leave states at most
    :math:`2\,\mathrm{radius}\,|b|\,|a|^{\mathrm{lag}} / (1 - |a|)` apart.

    Parameters
    ----------
    a : array_like
        Eigenvalues, real or complex, with ``|a| < 1``.
    b : array_like
        Input weights, real or complex; ``a`` and ``b`` broadcast.
    lag : int
        Number of steps, up to now, on which the inputs agree.
    radius : float, optional
        Bound on the modulus of the inputs.

    Returns
    -------
    float or numpy.ndarray
        The bound, elementwise, in the unit of the state.

    Raises
    ------
    ValueError
        Unless ``|a| < 1``, ``lag >= 0`` and ``radius >= 0``.

    Notes
    -----
    The bound is reached in the limit of a long past by inputs of opposite extremes, for real ``a``.

    References
    ----------
    The fading memory of Boyd and Chua, IEEE Trans. Circuits Syst. 32 (1985), for one mode; the sum
    is a geometric series.

    Examples
    --------
    >>> float(fading_bound(0.5, 1.0, lag=3))
    0.5
    """
    modulus = _stable_modulus(a)
    if lag < 0 or not radius >= 0:
        raise ValueError(f"`lag` and `radius` must be >= 0, got {lag} and {radius}")
    return 2 * radius * np.abs(b) * modulus**lag / (1 - modulus)


def ternary_state(bits: Sequence[int]) -> Fraction:
    """The exact state of :math:`h_t = h_{t-1} / 3 + x_t`, from 0, after some bits.

    One rational number holds every bit: :func:`ternary_decode` reads them back.

    Parameters
    ----------
    bits : sequence of int
        The inputs x, each 0 or 1, in time order.

    Returns
    -------
    fractions.Fraction
        The last state, in ``[0, 3/2)``.

    Raises
    ------
    ValueError
        For an entry that is neither 0 nor 1.

    References
    ----------
    The Cantor coding of Siegelmann and Sontag, *On the computational power of neural nets*, J.
    Comput. Syst. Sci. 50 (1995), in base 3.

    Examples
    --------
    >>> ternary_state([1, 0, 1])
    Fraction(10, 9)
    >>> ternary_decode(ternary_state([1, 0, 1]), 3)
    [1, 0, 1]
    """
    h = Fraction(0)
    for t, bit in enumerate(bits):
        if bit not in (0, 1):
            raise ValueError(f"`bits` must be 0 or 1, got {bit!r} at step {t}")
        h = h / 3 + int(bit)
    return h


def ternary_decode(h, length: int) -> list[int]:
    """The last bits that :func:`ternary_state` took in.

    Parameters
    ----------
    h : fractions.Fraction or float
        The exact state or a float near it: a float yields its most recent bits, and wrong ones
        further back, since each step backwards multiplies the error by 3.
    length : int
        Number of bits to read.

    Returns
    -------
    list of int
        The last ``length`` bits, in time order.

    Raises
    ------
    ValueError
        Unless ``0 <= h <= 3/2`` and ``length >= 0``.

    Examples
    --------
    >>> ternary_decode(ternary_state([1, 0, 1]), 3)
    [1, 0, 1]
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
