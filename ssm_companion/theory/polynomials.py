r"""What real poles pay for a response, by polynomials that are small on an interval.

The price of a target :math:`\varphi` is the least :math:`\sum_n |w_n|` of all systems
:math:`\varphi_k = \sum_n w_n \lambda_n^k`, k < t, of any width with :math:`|\lambda_n| \le 1`.
By duality it is the largest :math:`\sum_k p_k \varphi_k` of a real polynomial p of degree below t
with :math:`|p| \le 1` where the poles may be: on [-1, 1], or on the disc.
"""

from __future__ import annotations

import math
import operator
import warnings
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import sympy as sp
from numpy.polynomial import Chebyshev, Polynomial
from numpy.polynomial import chebyshev as cheb
from scipy.optimize import linprog
from scipy.special import xlogy

from ssm_companion.theory._checks import known, not_negative
from ssm_companion.theory.vandermonde import WeightedModes

DUAL = {"sup": 1, "l1": np.inf, "l2": 2}
ORDER = {"sup": np.inf, "l1": 1, "l2": 2}
ROUNDS = 6  # of a program and new points of its grid
_m, _d, _k, _n, _M, _t = sp.symbols("m d k n M t", positive=True)
_x, _y = sp.symbols("x y", real=True)


class Difference(NamedTuple):
    """A lower bound on a price by one forward difference.

    Parameters
    ----------
    bound : float
        The bound.
    start, order : int
        The place m and the order d of the difference.
    parity : int
        0 if it is taken over the even steps, 1 over the odd ones.
    """

    bound: float
    start: int
    order: int
    parity: int


class Price(NamedTuple):
    """The price of a target, between two bounds, with what proves them.

    Parameters
    ----------
    lower, upper : float
        Bounds on the price.
    modes : WeightedModes
        A system whose weights sum to at most ``upper`` in modulus. It follows the target, up to
        the accuracy of the solver.
    polynomial : numpy.polynomial.Chebyshev or numpy.polynomial.Polynomial
        Bounded by 1 where the poles may be; it proves ``lower``.
    """

    lower: float
    upper: float
    modes: WeightedModes
    polynomial: Chebyshev | Polynomial


# ------------------------------------------------------- forward differences


def difference_ceiling(m, d):
    r"""The largest :math:`\mu^m (1 - \mu)^d` on [0, 1], which is :math:`m^m d^d / (m + d)^{m + d}`.

    The d-th forward difference of :math:`\mu^j` at j = m is this product up to its sign.

    Parameters
    ----------
    m, d : array_like
        Exponents, ``>= 0``, not only integers.

    Returns
    -------
    float or numpy.ndarray
        The arguments broadcast. At most :math:`4^{-\min(m, d)}`.

    Raises
    ------
    ValueError
        For a negative exponent.

    Examples
    --------
    >>> difference_ceiling([0, 1, 1.5], [3, 1, 0]).round(12).tolist()
    [1.0, 0.25, 1.0]
    """
    m, d = np.asarray(not_negative("m", m)), np.asarray(not_negative("d", d))
    return np.exp(xlogy(m, m) + xlogy(d, d) - xlogy(m + d, m + d))


def difference_ceiling_expression() -> sp.Expr:
    """The maximum of :func:`difference_ceiling`, as a SymPy expression.

    Returns
    -------
    sympy.Expr
        In the symbols ``m`` and ``d``, positive.

    Examples
    --------
    >>> difference_ceiling_expression()
    d**d*m**m*(d + m)**(-d - m)
    """
    return _m**_m * _d**_d / (_m + _d) ** (_m + _d)


def difference_bound(target, tolerance: float = 0.0, norm: str = "sup") -> Difference:
    r"""The best lower bound on the price of a target that a forward difference gives.

    :math:`(|\Delta^d \varphi^\sigma(m)| - c_d \varepsilon) / M`, over the even and the odd steps
    :math:`\sigma`, all m and d, where M is :func:`difference_ceiling`, of m + 1/2 at odd steps, and
    :math:`c_d` what an error of norm 1 changes in a difference.

    Parameters
    ----------
    target : sequence, ``(t,)``
        Real numbers, which count as exact: integers, fractions or floats.
    tolerance : float, optional
        The error :math:`\varepsilon \ge 0` that a response may have.
    norm : {"sup", "l1", "l2"}, optional
        In which the error is measured, over the t steps.

    Returns
    -------
    Difference
        The bound, not negative, and the difference that gives it.

    Raises
    ------
    ValueError
        For a negative tolerance, another norm, or a target that is not a vector of real numbers.

    Notes
    -----
    That floats count as exact matters: 0.9, 0.81, ... are cheap, but 128 of them rounded to floats
    are dear. Fractions, or a tolerance for the rounding, say what is meant.

    References
    ----------
    Ran-Milo et al. (2024) bound magnitudes of real systems by forward differences, as we
    understand them with :math:`4^{-\min(m, d)}` in the place of M.

    Examples
    --------
    >>> difference_bound([1, 0, -1, 0, 1])
    Difference(bound=8.0, start=1, order=1, parity=0)
    """
    known("norm", norm, DUAL)
    not_negative("tolerance", tolerance)
    target, best = _exact(target), Difference(0.0, 0, 0, 0)
    for parity in (0, 1):
        half = target[parity::2]
        for d in range(len(half)):
            m = np.arange(len(half) - d)
            room = np.abs(np.diff(half, d)).astype(float) - tolerance * _binomial_norm(d, norm)
            bounds = room / difference_ceiling(m + parity / 2, d)
            at = int(bounds.argmax())
            best = max(best, Difference(float(bounds[at]), at, d, parity))
    return best


# ------------------------------------------------------- prices by linear programs


def real_price(target, tolerance: float = 0.0, norm: str = "sup") -> Price:
    r"""The least sum of weights with which real poles in [-1, 1] follow a target.

    The maximum of :math:`\sum_k p_k \varphi_k - \varepsilon \lVert p \rVert_*` over real
    polynomials of degree below t with :math:`|p(x)| \le 1` on [-1, 1], where the last norm is the
    dual one, of the coefficients.

    Parameters
    ----------
    target : sequence, ``(t,)``
        The response :math:`\varphi`. Real numbers, which count as exact: integers, fractions or
        floats.
    tolerance : float, optional
        The error :math:`\varepsilon \ge 0` that a response may have.
    norm : {"sup", "l1", "l2"}, optional
        In which the error is measured, over the t steps.

    Returns
    -------
    Price
        Its bounds hold for every width. They are as close as the solver came, with an exact target
        mostly to one part in a million.

    Raises
    ------
    ValueError
        For a negative tolerance, another norm, or a target that is not a vector of real numbers.
    RuntimeError
        If a solver fails.
    ImportError
        With a tolerance, without cvxpy, which is part of the extra ``book``.

    Notes
    -----
    Solved in Chebyshev polynomials: weights on a grid that the extrema of the polynomial are added
    to. The upper bound adds to the weights of the system found what the rest of the target costs at
    most; the lower one divides by the true maximum of the polynomial found. Both are as computed,
    with rounding errors of about :math:`10^{-15}` of the price of an exact match. A tolerance that
    makes a target cheap by comparison leaves the bounds apart.

    References
    ----------
    The duality is that of the moment problem on an interval, and Elfving's theorem on optimal
    designs, as we understand them.

    Examples
    --------
    >>> price = real_price([0, 0, 0, 1, 0, 0, 0])
    >>> round(price.lower, 6), round(price.upper, 6)
    (20.0, 20.0)
    """
    known("norm", norm, DUAL)
    not_negative("tolerance", tolerance)
    target = _exact(target)
    t = len(target)
    if np.linalg.norm(target.astype(float), ORDER[norm]) <= tolerance or not target.any():
        return Price(0.0, 0.0, WeightedModes(np.zeros(0), np.zeros(0)), Chebyshev(np.zeros(t)))
    to_moments = _chebyshev_coefficients(t)
    moments = (to_moments @ target).astype(float)
    scale = np.abs(moments).max()
    moments, slack = moments / scale, to_moments.astype(float) * (tolerance / scale)
    x, closest = np.cos(np.pi * np.linspace(0, 1, 32 * t + 1)), None
    for _ in range(ROUNDS):
        T = cheb.chebvander(x, t - 1).T
        w, c, error = _follow(T, moments, slack, norm) if tolerance else _match(T, moments)
        extrema = _extrema(c)
        c = c / np.abs(cheb.chebval(extrema, c)).max()
        lower = moments @ c - np.linalg.norm(slack.T @ c, DUAL[norm])
        # a moment of the rest costs at most 4 / pi, the most a coefficient of p can be
        upper = np.abs(w).sum() + 4 / np.pi * np.abs(moments - T @ w - error).sum()
        used = w != 0
        bounds = max(float(scale * lower), 0.0), float(scale * upper)
        found = Price(*bounds, WeightedModes(x[used], scale * w[used]), Chebyshev(c))
        closest = min(closest or found, found, key=_gap)
        if _gap(closest) <= (1e-6 if tolerance else 1e-9):
            break
        x = np.union1d(x, extrema)
    return closest


def complex_price(target) -> Price:
    r"""The least sum of weights with which complex poles in the unit disc match a target.

    For :math:`\varphi_k = \Re \sum_n w_n \lambda_n^k`: the maximum of :math:`\sum_k p_k \varphi_k`
    over real polynomials of degree below t with :math:`|p(z)| \le 1` for :math:`|z| \le 1`.

    Parameters
    ----------
    target : array_like, ``(t,)``
        The response :math:`\varphi`, real.

    Returns
    -------
    Price
        Its bounds are as close as the solver came. The poles are on the upper half-circle.

    Raises
    ------
    ValueError
        For a target that is not a vector of real numbers.
    RuntimeError
        If the solver fails.
    ImportError
        Without cvxpy, which is part of the extra ``book``.

    Notes
    -----
    At least the largest :math:`|\varphi_k|` and at most :math:`\lVert\varphi\rVert_2`.

    Examples
    --------
    >>> price = complex_price([0, 0, 0, 1, 0, 0, 0])
    >>> round(price.lower, 4), round(price.upper, 4)
    (1.0, 1.0)
    """
    target = _exact(target).astype(float)
    t = len(target)
    if not target.any():
        return Price(0.0, 0.0, WeightedModes(np.zeros(0), np.zeros(0)), Polynomial(np.zeros(t)))
    angles, closest = np.pi * np.linspace(0, 1, 16 * t + 1), None
    for _ in range(ROUNDS):
        powers = np.exp(1j * angles * np.arange(t)[:, None])
        w, p = _match_on_circle(powers, target)
        p = p * np.sign(p @ target)
        correlation = np.correlate(p, p, "full")[t - 1 :]
        squared = np.r_[correlation[0], 2 * correlation[1:]]  # |p|^2 as a series in cos(angle)
        extrema = _extrema(squared)
        p = p / np.sqrt(np.abs(cheb.chebval(extrema, squared)).max())
        upper = np.abs(w).sum() + np.linalg.norm(target - (powers @ w).real)
        modes = WeightedModes(np.exp(1j * angles), w)
        found = Price(float(p @ target), float(upper), modes, Polynomial(p))
        closest = min(closest or found, found, key=_gap)
        if _gap(closest) <= 1e-6:
            break
        angles = np.union1d(angles, np.arccos(extrema))
    return closest


# ------------------------------------------------------- prices in closed form


def delay_price(k: int, t: int) -> int:
    r"""The price of the delay by k steps, matched for t steps: 1 at k, and 0 elsewhere.

    The modulus of the coefficient of :math:`x^k` in the Chebyshev polynomial :math:`T_n`, where n
    is t - 1 or t - 2, whichever is even or odd as k is.

    Parameters
    ----------
    k, t : int
        The delay and the number of steps, ``0 <= k < t``.

    Returns
    -------
    int
        Exact.

    Raises
    ------
    ValueError
        Unless ``0 <= k < t``.

    References
    ----------
    For k = t - 1 Chebyshev (1854), otherwise V. A. Markov (1892), as we understand them.

    Examples
    --------
    >>> delay_price(15, 32), delay_price(31, 32)
    (10827497472, 1073741824)
    """
    k, t = operator.index(k), operator.index(t)  # numpy's integers overflow
    if not 0 <= k < t:
        raise ValueError(f"`k` must be in [0, t={t}), got {k}")
    n = t - 1 - (t - 1 - k) % 2
    return 1 if k == 0 else 2**k * n * math.comb((n + k) // 2, k) // (n + k)


def delay_price_expression() -> sp.Expr:
    """The price of :func:`delay_price`, as a SymPy expression.

    Returns
    -------
    sympy.Expr
        In the symbols ``k`` and ``n``, both even or both odd, for ``n > 0``.

    Examples
    --------
    >>> delay_price_expression()
    2**k*n*binomial(k/2 + n/2, k)/(k + n)
    """
    return 2**_k * _n * sp.binomial((_n + _k) / 2, _k) / (_n + _k)


def oscillation_price(t: int) -> int:
    r"""The price of a quarter turn a step, 1, 0, -1, 0, ..., matched for t steps.

    :math:`T_M(3)` with :math:`M = \lfloor (t - 1) / 2 \rfloor`. With an error of at most
    :math:`\varepsilon \le 1` at each step it is :math:`1 - \varepsilon` times that.

    Parameters
    ----------
    t : int
        Number of steps, ``>= 1``.

    Returns
    -------
    int
        Exact.

    Raises
    ------
    ValueError
        Unless ``t >= 1``.

    Examples
    --------
    >>> [oscillation_price(t) for t in (4, 6, 8, 10, 12)]
    [3, 17, 99, 577, 3363]
    """
    # T_M(3) = |T_2M(i)|, for T_M(2 x^2 - 1) = T_2M(x)
    return worst_price(_at_least_one(t) - (t - 1) % 2)


def oscillation_price_expression() -> sp.Expr:
    """The price of :func:`oscillation_price`, as a SymPy expression.

    Returns
    -------
    sympy.Expr
        In the symbol ``M``, for 2 M + 1 or 2 M + 2 steps.

    Examples
    --------
    >>> oscillation_price_expression()
    (3 - 2*sqrt(2))**M/2 + (2*sqrt(2) + 3)**M/2
    """
    root = 2 * sp.sqrt(2)
    return ((3 - root) ** _M + (3 + root) ** _M) / 2


def worst_price(t: int) -> int:
    r"""The price of the dearest target of t steps with values in [-1, 1].

    :math:`|T_{t-1}(\mathrm{i})|`, the sum of the moduli of the coefficients of :math:`T_{t-1}`.
    The quarter turn has it: its cosine for odd t, its sine for even t.

    Parameters
    ----------
    t : int
        Number of steps, ``>= 1``.

    Returns
    -------
    int
        Exact.

    Raises
    ------
    ValueError
        Unless ``t >= 1``.

    References
    ----------
    An inequality of Szego on coefficients, in Erdos (1947), as we understand it.

    Examples
    --------
    >>> [worst_price(t) for t in range(1, 9)]
    [1, 1, 3, 7, 17, 41, 99, 239]
    """
    before, price = 1, 1
    for _ in range(_at_least_one(t) - 2):
        before, price = price, 2 * price + before
    return price


def worst_price_expression() -> sp.Expr:
    """The price of :func:`worst_price`, as a SymPy expression.

    Returns
    -------
    sympy.Expr
        In the symbol ``t``.

    Examples
    --------
    >>> worst_price_expression()
    (1 - sqrt(2))**(t - 1)/2 + (1 + sqrt(2))**(t - 1)/2
    """
    return ((1 - sp.sqrt(2)) ** (_t - 1) + (1 + sp.sqrt(2)) ** (_t - 1)) / 2


def mode_rate(poles):
    r"""How many bits a step the price of one mode grows, when real poles have to match it.

    :math:`\log_2 \rho` with :math:`\rho + 1/\rho = |\lambda - 1| + |\lambda + 1|`: the ellipse with
    foci -1 and 1 through the pole has half-axes that sum to :math:`\rho`.

    Parameters
    ----------
    poles : array_like
        Poles :math:`\lambda`, real or complex, any shape.

    Returns
    -------
    float or numpy.ndarray
        In bits a step; 0 on [-1, 1], and at most :math:`\log_2(1 + \sqrt 2)`, for a quarter turn,
        in the unit disc.

    Examples
    --------
    >>> mode_rate([0.5, 1j, 0.5j]).round(4).tolist()
    [0.0, 1.2716, 0.6942]
    """
    return np.arccosh(np.asarray(poles, dtype=complex)).real / math.log(2)


def mode_rate_expression() -> sp.Expr:
    r"""The rate of :func:`mode_rate`, as a SymPy expression.

    Returns
    -------
    sympy.Expr
        In the symbols ``x`` and ``y``, real, for the pole :math:`x + \mathrm{i} y`.

    Examples
    --------
    >>> x, y = sp.symbols("x y", real=True)
    >>> mode_rate_expression().subs({x: 0, y: 1})
    log(1 + sqrt(2))/log(2)
    """
    half = (sp.sqrt((_x - 1) ** 2 + _y**2) + sp.sqrt((_x + 1) ** 2 + _y**2)) / 2
    return sp.log(half + sp.sqrt(half**2 - 1)) / sp.log(2)


def mode_price_bounds(poles, weights, t: int) -> tuple[np.ndarray, np.ndarray]:
    r"""Bounds on the price of one mode :math:`\Re(w \lambda^k)`, matched for t steps.

    With :math:`\rho` as in :func:`mode_rate` and :math:`\cosh(\log\rho + \mathrm{i}\alpha) =
    \lambda`, it is between :math:`\tfrac14 |w| (|\sin\alpha| \rho^{t-2} - 2 \rho^{2-t})` and
    :math:`|w| \rho^{t-1}`.

    Parameters
    ----------
    poles, weights : array_like
        The pole :math:`\lambda`, and w; real or complex. They broadcast.
    t : int
        Number of steps, ``>= 3``.

    Returns
    -------
    tuple of numpy.ndarray
        The lower bound, which is 0 where the formula is negative, and the upper one.

    Raises
    ------
    ValueError
        Unless ``t >= 3``.

    Notes
    -----
    The upper bound is that of Bernstein and Walsh on a polynomial outside [-1, 1]. For a pole on
    the unit circle :math:`|w| |T_{t-1}(\lambda)|` is one too, which some phase of w attains.

    Examples
    --------
    >>> [round(float(bound), 2) for bound in mode_price_bounds(1j, 1.0, 7)]
    [20.5, 197.99]
    """
    if t < 3:
        raise ValueError(f"`t` must be >= 3, got {t}")
    log, w = np.arccosh(np.asarray(poles, dtype=complex)), np.abs(weights)
    rho, sine = np.exp(log.real), np.abs(np.sin(log.imag))
    lower = w / 4 * (sine * rho ** (t - 2) - 2 * rho ** (2.0 - t))
    return np.maximum(lower, 0), w * rho ** (t - 1)


# ------------------------------------------------------- programs and polynomials


def _match(T: np.ndarray, moments: np.ndarray):
    """The least weights on a grid with these moments, the polynomial that proves it, no error."""
    n = T.shape[1]
    tight = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    found = linprog(np.ones(2 * n), A_eq=np.hstack([T, -T]), b_eq=moments, options=tight)
    if not found.success:
        raise RuntimeError(f"the linear program was not solved: {found.message}")
    return found.x[:n] - found.x[n:], found.eqlin.marginals, 0.0


def _follow(T: np.ndarray, moments: np.ndarray, slack: np.ndarray, norm: str):
    """The same with moments off by those, which are returned, of an error of norm at most 1."""
    import cvxpy as cp

    w, e = cp.Variable(T.shape[1]), cp.Variable(len(moments))
    near = T @ w + slack @ e == moments
    _solve(cp.Problem(cp.Minimize(cp.norm1(w)), [near, cp.norm(e, ORDER[norm]) <= 1]))
    error = e.value / max(1.0, np.linalg.norm(e.value, ORDER[norm]))
    return w.value, near.dual_value * np.sign(near.dual_value @ moments), slack @ error


def _match_on_circle(powers: np.ndarray, target: np.ndarray):
    """The least complex weights on points of the circle, and the polynomial that proves it."""
    import cvxpy as cp

    w = cp.Variable((2, powers.shape[1]))
    match = powers.real @ w[0] - powers.imag @ w[1] == target
    _solve(cp.Problem(cp.Minimize(cp.sum(cp.norm(w, 2, axis=0))), [match]))
    return w.value[0] + 1j * w.value[1], match.dual_value


def _solve(problem) -> None:
    import cvxpy as cp

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of inaccuracy: both bounds are recomputed
        try:
            problem.solve(solver=cp.CLARABEL)
        except cp.SolverError as error:
            raise RuntimeError(f"the program was not solved: {error}") from error
    if problem.status not in {"optimal", "optimal_inaccurate"}:
        raise RuntimeError(f"the program was not solved: {problem.status}")


def _extrema(c: np.ndarray) -> np.ndarray:
    """The ends of [-1, 1] and the places between where a Chebyshev series can be largest."""
    roots = cheb.chebroots(cheb.chebtrim(cheb.chebder(c)))
    return np.r_[-1.0, 1.0, np.clip(roots.real, -1, 1)]


def _gap(price: Price) -> float:
    return 1 - price.lower / price.upper


def _chebyshev_coefficients(t: int) -> np.ndarray:
    """The coefficient of x^k in T_j at [j, k], exact integers."""
    rows = np.zeros((t, t), dtype=object)
    for j in range(t):
        if j < 2:
            rows[j, j] = 1
        else:
            rows[j, 1:] = 2 * rows[j - 1, :-1]
            rows[j] -= rows[j - 2]
    return rows


def _binomial_norm(d: int, norm: str) -> float:
    """The norm of the coefficients of a d-th difference that is dual to the one named."""
    return {
        "sup": 2.0**d,
        "l1": float(math.comb(d, d // 2)),
        "l2": math.sqrt(math.comb(2 * d, d)),
    }[norm]


def _at_least_one(t: int) -> int:
    if t < 1:
        raise ValueError(f"`t` must be >= 1, got {t}")
    return t


def _exact(target) -> np.ndarray:
    """The numbers as fractions, so that sums of huge terms that cancel are right."""
    values = np.asarray(target)
    if (
        values.ndim != 1
        or len(values) == 0
        or np.iscomplexobj(values)
        or not np.isfinite(values.astype(float)).all()
    ):
        raise ValueError(f"`target` must be finite real numbers of shape (t,), got {values}")
    return np.array([Fraction(value) for value in values.tolist()], dtype=object)
