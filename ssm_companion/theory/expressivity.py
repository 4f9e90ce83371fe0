"""How many real modes a response needs, and how near a bounded number of them can come."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog

from ssm_companion.theory._checks import not_negative, positive
from ssm_companion.theory.vandermonde import reach_rank


class Fit(NamedTuple):
    r"""A real diagonal system near a target.

    Parameters
    ----------
    error : float
        The largest :math:`|\varphi_k - \sum_n w_n \lambda_n^k|`.
    poles, weights : numpy.ndarray, ``(N,)``
        The modes with nonzero weights :math:`w_n = c_n b_n`.
    """

    error: float
    poles: np.ndarray
    weights: np.ndarray


# ------------------------------------------------------- how many


def sign_changes(values) -> int:
    """How often a sequence changes its sign; zeros are passed over.

    Parameters
    ----------
    values : array_like, ``(n,)``
        Real numbers.

    Returns
    -------
    int
        The number of sign changes.

    Raises
    ------
    ValueError
        Unless the values are a vector of finite numbers.

    Notes
    -----
    A sum of n real modes with poles that are not negative has at most ``n - 1``.

    Examples
    --------
    >>> sign_changes([1, 0, 2, -1, 0, -3, 4])
    2
    """
    signs = np.sign(_vector("values", values))
    return int(np.count_nonzero(np.diff(signs[signs != 0])))


def least_real_modes(target, tolerance: float = 0.0) -> int:
    """How many real modes at least come this near to a target, whatever their poles and weights.

    At the even steps a real pole works like its square, which is not negative, so n real modes
    have at most ``n - 1`` sign changes there; likewise at the odd steps.

    Parameters
    ----------
    target : array_like, ``(t,)``
        The response, real.
    tolerance : float, optional
        The allowed error at each step, ``>= 0``.

    Returns
    -------
    int
        A lower bound: one more than the sign changes at the even or at the odd steps, whichever
        are more, of the values beyond the tolerance; 0 if there are none.

    Raises
    ------
    ValueError
        For a negative tolerance or a target that is not a vector of finite numbers.

    References
    ----------
    The count is Descartes' rule of signs for exponential sums (Laguerre). Ran-Milo et al. (2024)
    separate real from complex systems, as we understand them, by such oscillations.

    Examples
    --------
    >>> quarter_turns = np.cos(np.pi / 2 * np.arange(16))
    >>> least_real_modes(quarter_turns, tolerance=0.99)
    8
    """
    target = _vector("target", target)
    beyond = np.where(np.abs(target) > not_negative("tolerance", tolerance), target, 0)
    halves = [half for half in (beyond[::2], beyond[1::2]) if half.any()]
    return max((1 + sign_changes(half) for half in halves), default=0)


def modes_for_angle(theta, t):
    r"""How many real modes at least it takes to follow one complex mode closely enough.

    :math:`\lfloor t\, \mathrm{dist}(\theta, \pi\mathbb{Z}) / \pi \rfloor`, the number of
    half-turns, bounds :func:`least_real_modes` of :math:`\Re(w \lambda^k)` from below for every
    phase of w and every tolerance that is small enough.

    Parameters
    ----------
    theta : array_like
        The angle of the pole, in radians.
    t : array_like
        Number of steps, ``>= 1``.

    Returns
    -------
    int or numpy.ndarray
        The arguments broadcast.

    Raises
    ------
    ValueError
        Unless ``t`` is positive.

    Examples
    --------
    >>> int(modes_for_angle(np.pi / 2, 66))
    33
    """
    turns = np.asarray(theta) / np.pi
    return np.floor(np.asarray(positive("t", t)) * np.abs(turns - np.round(turns))).astype(int)


def exact_real_modes(poles, t: int) -> int:
    r"""How many real modes at least have the same first t responses as a given system.

    With N exponents, which are the poles and their conjugates, of which one at least is not real,
    it takes :math:`t - N + 1`; with real poles alone, the lesser of that and N.

    Parameters
    ----------
    poles : array_like, ``(n,)``
        Of a system :math:`\Re \sum_n w_n \lambda_n^k`. No two may be equal or conjugate, and no
        weight zero, nor purely imaginary at a real pole.
    t : int
        Number of steps, ``>= 1``.

    Returns
    -------
    int
        A lower bound for exact matching. One complex mode needs ``t - 1``; t real modes match
        everything.

    Raises
    ------
    ValueError
        For poles of which two are equal or conjugate, or ``t < 1``.

    Notes
    -----
    The difference of the two systems vanishes for t steps, and an exponential sum with t or fewer
    exponents that does so is zero.

    References
    ----------
    The count is that of Massey's lemma on linear recurrences and of partial realisation, as we
    understand them.

    Examples
    --------
    >>> exact_real_modes([np.exp(0.001j)], 64), exact_real_modes([0.9, -0.5], 64)
    (63, 2)
    """
    poles = np.asarray(poles)
    N = reach_rank(poles, 2 * len(poles))
    if N < len(poles) + np.count_nonzero(np.imag(poles)):
        raise ValueError(f"`poles` must not be equal or conjugate to each other, got {poles}")
    if t < 1:
        raise ValueError(f"`t` must be >= 1, got {t}")
    least = max(t - N + 1, 0)
    return min(least, N) if np.isreal(poles).all() else least


# ------------------------------------------------------- how near


def real_fit(target, budget: float, poles=None) -> Fit:
    r"""The nearest response of real modes whose weights have a bounded sum of moduli.

    The linear program over the weights for the error
    :math:`\max_k |\varphi_k - \sum_n w_n \lambda_n^k|`, with :math:`\sum_n |w_n|` up to the
    budget.

    Parameters
    ----------
    target : array_like, ``(t,)``
        The response :math:`\varphi`, real.
    budget : float
        The most that the moduli of the weights may sum to, ``>= 0``. May be infinite.
    poles : array_like, ``(N,)``, optional
        The real poles that may be used. By default any number of poles in [-1, 1].

    Returns
    -------
    Fit
        A system within the budget, and its error, recomputed from its weights; it is within one
        thousandth of the largest value of the target of what the program promises.

    Raises
    ------
    ValueError
        For a negative budget or vectors that are not finite.
    RuntimeError
        If the program is lost to rounding, which happens for budgets above about
        :math:`10^6`: there the modes cancel to more digits than the solver keeps.

    Notes
    -----
    The default is a grid of [-1, 1]. No system of any width comes nearer with a budget that is
    smaller by one part in 10 000: a polynomial of degree below t that is bounded by 1 on the grid
    is bounded by :math:`1 / \cos(\pi / 256)` between its points.

    Examples
    --------
    >>> quarter_turns = np.cos(np.pi / 2 * np.arange(8))
    >>> round(real_fit(quarter_turns, budget=49.5).error, 3)
    0.5
    """
    target = _vector("target", target)
    t = len(target)
    poles = np.cos(np.pi * np.linspace(0, 1, 128 * t + 1)) if poles is None else poles
    poles = _vector("poles", poles)
    V, one = poles ** np.arange(t)[:, None], np.ones((t, 1))
    rows, limits = np.block([[V, -V, -one], [-V, V, -one]]), np.r_[target, -target]
    if not_negative("budget", budget) < np.inf:
        rows = np.vstack([rows, np.r_[np.ones(2 * len(poles)), 0]])
        limits = np.r_[limits, budget]
    cost = np.r_[np.zeros(2 * len(poles)), 1]
    tight = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    found = linprog(cost, rows, limits, options=tight)
    if not found.success:
        raise RuntimeError(f"no fit: {found.message} A smaller `budget` may help.")
    weights = found.x[: len(poles)] - found.x[len(poles) : -1]
    weights *= min(1.0, budget / max(np.abs(weights).sum(), 1e-300))
    error, used = np.abs(target - V @ weights).max(), weights != 0
    if error > found.fun + 1e-3 * np.abs(target).max():
        raise RuntimeError(f"`budget` {budget} is lost to rounding: {error} against {found.fun}")
    return Fit(float(error), poles[used], weights[used])


def _vector(name: str, x) -> np.ndarray:
    x = np.asarray(x)
    if x.ndim != 1 or len(x) == 0 or np.iscomplexobj(x) or not np.isfinite(x).all():
        raise ValueError(f"`{name}` must be finite real numbers of shape (n,), got {x}")
    return x.astype(float)
