"""What a memory must write at each step to follow a source, and what it pays for not waiting."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import sympy as sp

from ssm_companion.theory._checks import not_negative, positive
from ssm_companion.theory.rate_distortion import rate_distortion

_a = sp.Symbol("a", real=True)
_noise, _error, _rate, _levels = sp.symbols("s2 D R M", positive=True)
_width, _steps = sp.Symbol("w", positive=True), sp.Symbol("t", integer=True, nonnegative=True)


class Follower(NamedTuple):
    """The cheapest memory that follows a Gauss-Markov source.

    It is :math:`h_t = (1 - g) a h_{t-1} + g z_t`, where :math:`z_t` is the source seen in noise.

    Parameters
    ----------
    gate : float or numpy.ndarray
        The gate g, which is :math:`1 - e^{-2R}` for R nats a step.
    noise : float or numpy.ndarray
        Variance of the noise in :math:`z_t`.
    before : float or numpy.ndarray
        Mean squared error of the forecast :math:`a h_{t-1}` of the source.
    """

    gate: float | np.ndarray
    noise: float | np.ndarray
    before: float | np.ndarray


# ------------------------------------------------------- following a source, nats a step


def causal_rate(a, noise, distortion):
    r"""The least nats a step with which a Gauss-Markov source is known at once up to an error.

    :math:`R(D) = \tfrac12 \log(a^2 + s^2 / D)` for :math:`x_t = a x_{t-1} + w_t`; 0 if that is
    negative.

    Parameters
    ----------
    a : array_like
        The factor a, real. May be 1 or more.
    noise : array_like
        Variance of the Gaussian :math:`w_t`, ``> 0``.
    distortion : array_like
        The mean squared error D of step t, read after step t, ``> 0``.

    Returns
    -------
    float or numpy.ndarray
        In nats a step; the arguments broadcast.

    Raises
    ------
    ValueError
        Unless noise and distortion are positive.

    References
    ----------
    Gorbunov and Pinsker (1974); Tatikonda, Sahai and Mitter (2004): as we understand them.

    Examples
    --------
    >>> float(causal_rate(0.0, 1.0, 0.25) / np.log(2))
    1.0
    >>> round(float(causal_rate(3.0, 1.0, 1e9) / np.log(3)), 6)
    1.0
    """
    signal = np.square(a) + positive("noise", noise) / positive("distortion", distortion)
    return np.log(np.maximum(signal, 1)) / 2


def causal_rate_expression() -> sp.Expr:
    """The rate of :func:`causal_rate`, as a SymPy expression.

    Returns
    -------
    sympy.Expr
        In the symbols ``a``, real, and ``s2`` and ``D``, positive.

    Examples
    --------
    >>> causal_rate_expression()
    log(a**2 + s2/D)/2
    """
    return sp.log(_a**2 + _noise / _error) / 2


def causal_distortion(a, noise, rate):
    r"""The least error of a memory that writes R nats a step about a Gauss-Markov source.

    :math:`s^2 / (e^{2R} - a^2)`, the fixed point of :math:`D \mapsto e^{-2R} (a^2 D + s^2)`;
    infinite unless :math:`R > \log|a|`.

    Parameters
    ----------
    a, noise : array_like
        The factor, real, and the variance :math:`s^2 > 0` of the Gaussian :math:`w_t`.
    rate : array_like
        Nats a step, ``>= 0``.

    Returns
    -------
    float or numpy.ndarray
        Mean squared error of a step; the arguments broadcast.

    Raises
    ------
    ValueError
        Unless the noise is positive and the rate not negative.

    Examples
    --------
    >>> causal_distortion([0.5, 2.0, 1.0], 3.0, np.log(2)).tolist()
    [0.8, inf, 1.0]
    """
    room = np.exp(2 * np.asarray(not_negative("rate", rate))) - np.square(a)
    noise = positive("noise", noise)
    return np.where(room > 0, noise / np.where(room > 0, room, 1.0), np.inf)[()]


def causal_distortion_expression() -> sp.Expr:
    """The error of :func:`causal_distortion`, as a SymPy expression, for a rate above log|a|.

    Returns
    -------
    sympy.Expr
        In the symbols ``a``, real, and ``s2`` and ``R``, positive.

    Examples
    --------
    >>> causal_distortion_expression()
    s2/(-a**2 + exp(2*R))
    """
    return _noise / (sp.exp(2 * _rate) - _a**2)


def follower(a, noise, distortion) -> Follower:
    r"""The Kalman filter that attains :func:`causal_rate`, in its steady state.

    Parameters
    ----------
    a, noise : array_like
        The factor, real, and the variance :math:`s^2 > 0` of the Gaussian :math:`w_t`.
    distortion : array_like
        Its mean squared error D, ``> 0``, and below :math:`s^2 / (1 - a^2)` if ``|a| < 1``.

    Returns
    -------
    Follower
        Gate, noise and error of the forecast.

    Raises
    ------
    ValueError
        For a noise or distortion that is not positive, or a distortion that is had for nothing.

    Examples
    --------
    >>> gate, noise, before = follower(2.0, 1.0, 1.0)
    >>> print(f"{gate:.2f} {noise:.2f} {before:.2f}")
    0.80 1.25 5.00
    """
    before = np.square(a) * distortion + positive("noise", noise)
    gate = 1 - positive("distortion", distortion) / before
    if not np.all(gate > 0):
        raise ValueError("`distortion` must be below the variance of the source")
    return Follower(gate, distortion / gate, before)


def price_of_causality(a, noise, distortion, frequencies: int = 4096):
    r"""What a memory pays a step because it must answer before it has heard what comes.

    :func:`causal_rate`, less the rate of reverse water-filling over the spectrum
    :math:`s^2 / |1 - a e^{-i\omega}|^2`.

    Parameters
    ----------
    a : array_like
        The factor a, ``|a| < 1``.
    noise : array_like
        Variance of the Gaussian :math:`w_t`, ``> 0``.
    distortion : array_like
        The mean squared error D of a step, ``> 0``.
    frequencies : int, optional
        Number of frequencies, evenly spaced over a period. Near ``|a| = 1`` it must be large
        compared to :math:`1 / (1 - |a|)`.

    Returns
    -------
    numpy.ndarray
        In nats a step; the arguments broadcast.

    Raises
    ------
    ValueError
        Unless ``|a| < 1`` and noise and distortion are positive.

    Notes
    -----
    :math:`\tfrac12 \log(1 + a^2 D / s^2)` as long as :math:`D \le s^2 / (1 + |a|)^2`. Never more
    than :math:`\tfrac12 \log(1 + a^2)`, which is below half a bit.

    Examples
    --------
    >>> print(f"{price_of_causality(0.9, 1.0, 0.25) / np.log(2):.3f}")
    0.133
    """
    a, noise, distortion = np.broadcast_arrays(a, positive("noise", noise), distortion)
    if not np.all(np.abs(a) < 1):
        raise ValueError(f"`a` must lie in (-1, 1), got {a[np.abs(a) >= 1].flat[0]}")
    omega = 2 * np.pi * np.arange(frequencies) / frequencies
    spectrum = noise[..., None] / np.abs(1 - a[..., None] * np.exp(-1j * omega)) ** 2
    block = rate_distortion(spectrum, frequencies * distortion) / frequencies
    return causal_rate(a, noise, distortion) - block


def price_expression() -> sp.Expr:
    r"""The price of causality for small errors, as a SymPy expression.

    Returns
    -------
    sympy.Expr
        In nats a step, in the symbols ``a``, ``s2`` and ``D``; exact for
        :math:`D \le s^2 / (1 + |a|)^2`.

    Examples
    --------
    >>> price_expression()
    log(D*a**2/s2 + 1)/2
    """
    return sp.log(1 + _a**2 * _error / _noise) / 2


# ------------------------------------------------------- following what expands


def data_rate(A) -> float:
    r"""The nats a step below which no memory follows :math:`x_t = A x_{t-1} + w_t`.

    :math:`\sum_i \max(0, \log|\lambda_i|)` over the eigenvalues of A with their multiplicities.

    Parameters
    ----------
    A : array_like, ``(n, n)``, or a number
        Dynamics of the source.

    Returns
    -------
    float
        In nats a step. Any higher rate is enough; with disturbances that fill the space this one
        is not, unless all eigenvalues are below 1 in modulus.

    Raises
    ------
    ValueError
        Unless ``A`` is square.

    References
    ----------
    Tatikonda and Mitter (2004), Nair and Evans (2004): as we understand them.

    Examples
    --------
    >>> print(f"{data_rate([[3.0, 1.0], [0.0, 0.5]]) / np.log(2):.4f}")
    1.5850
    """
    A = np.atleast_2d(A)
    if A.ndim != 2 or A.shape[0] != A.shape[1]:
        raise ValueError(f"`A` must have shape (n, n), got {np.shape(A)}")
    return float(np.log(np.maximum(np.abs(np.linalg.eigvals(A)), 1)).sum())


def following_error(a, disturbance, levels, start=0.0) -> np.ndarray:
    r"""The least error that a memory can promise, which writes one of M symbols at each step.

    About :math:`x_t = a x_{t-1} + w_t` with :math:`|w_t| \le w`, for the worst disturbances and
    starts. It obeys :math:`e_t = (|a| e_{t-1} + w) / M_t`.

    Parameters
    ----------
    a : float
        The factor a, real.
    disturbance : float
        The bound w, ``>= 0``.
    levels : array_like, ``(T,)``
        Numbers M of symbols, ``>= 1``, one for each step.
    start : float, optional
        The error before the first step: half of the width of the interval that :math:`x_0` is
        known to lie in.

    Returns
    -------
    numpy.ndarray, ``(T,)``
        In the unit of x, after the symbol of each step.

    Raises
    ------
    ValueError
        For a number of symbols below 1, or a disturbance or a start below 0.

    Examples
    --------
    >>> following_error(3.0, 0.1, [4, 4, 4]).round(4).tolist()
    [0.025, 0.0438, 0.0578]
    """
    levels, e = np.asarray(levels), not_negative("start", start)
    if levels.ndim != 1 or not np.all(levels >= 1):
        raise ValueError(f"`levels` must have shape (T,) and be >= 1, got {levels}")
    w, errors = not_negative("disturbance", disturbance), []
    for M in levels:
        e = (abs(a) * e + w) / M
        errors.append(e)
    return np.array(errors)


def following_error_expression() -> sp.Expr:
    r"""The error of :func:`following_error` after t steps of M symbols from a known start.

    Returns
    -------
    sympy.Expr
        In the symbols ``a``, real, ``w`` and ``M``, positive, and ``t``, for :math:`|a| \ne M`.

    Examples
    --------
    >>> following_error_expression()
    w*(1 - (Abs(a)/M)**t)/(M - Abs(a))
    """
    return _width * (1 - (sp.Abs(_a) / _levels) ** _steps) / (_levels - sp.Abs(_a))
