"""The Gaussian information bottleneck: what a memory of x can know about y, nat by nat."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import sympy as sp
from scipy.linalg import solve_discrete_lyapunov, solve_triangular

from ssm_companion.theory._checks import not_negative

_TINY = 1e-12  # what rounding leaves of a correlation of 0, or between one and 1


class Canonical(NamedTuple):
    """The canonical correlations of x and y, and the readings of x that have them.

    Parameters
    ----------
    correlations : numpy.ndarray, ``(min(n, m),)``
        Falling, in [0, 1].
    directions : numpy.ndarray, ``(min(n, m), n)``
        Row i times x has variance 1, is uncorrelated with the other rows, and is correlated with
        one number of y only.
    """

    correlations: np.ndarray
    directions: np.ndarray


class Kept(NamedTuple):
    """A memory in the plane of the information bottleneck.

    Parameters
    ----------
    nats : float
        What the memory holds about x, in nats.
    relevant : float
        What it holds about y, in nats.
    """

    nats: float
    relevant: float


# ---------------------------------------------------------------- two Gaussian vectors


def canonical(covariance, n: int) -> Canonical:
    r"""The canonical correlations of two Gaussian vectors, and where in x they are.

    With :math:`S_x = L L^\top` they are the singular values of
    :math:`L^{-1} S_{xy} S_y^{-1/2}`, and row i of the directions is :math:`u_i^\top L^{-1}`, with
    the left singular vector :math:`u_i`.

    Parameters
    ----------
    covariance : array_like, ``(n + m, n + m)``
        Joint covariance of (x, y), x first. That of x has to be positive definite; that of y may be
        singular, and what y says twice counts once.
    n : int
        How many of the numbers are x, at least 1 and below ``n + m``.

    Returns
    -------
    Canonical
        Correlations and directions. A correlation within 1e-12 of 0 or of 1 is returned as that.

    Raises
    ------
    ValueError
        For a shape or an ``n`` that do not fit, or a matrix that is not symmetric and positive
        semidefinite, or of which the part of x is singular.

    References
    ----------
    Hotelling, Biometrika 28 (1936), as we understand it.

    Examples
    --------
    >>> correlations, directions = canonical([[4.0, 1.0], [1.0, 1.0]], 1)
    >>> correlations.tolist(), directions.tolist()
    ([0.5], [[0.5]])
    """
    S, scale = _correlation_matrix(covariance, n)
    if np.linalg.eigvalsh(S[:n, :n])[0] < _TINY:
        raise ValueError(f"`covariance` must be positive definite in its first n = {n} rows")
    L = np.linalg.cholesky(S[:n, :n])
    cross = solve_triangular(L, S[:n, n:] @ _inverse_root(S[n:, n:]), lower=True)
    U, correlations, _ = np.linalg.svd(cross)
    correlations[correlations < _TINY] = 0
    correlations[correlations > 1 - _TINY] = 1
    rows = solve_triangular(L, U[:, : len(correlations)], lower=True, trans="T").T
    return Canonical(correlations, rows / scale[:n])


def past_and_future(A, C, noise, reading_noise, steps: int) -> np.ndarray:
    r"""Joint covariance of the past and the future of a stationary linear-Gaussian process.

    The process is :math:`x_t = A x_{t-1} + w_t`, :math:`y_t = C x_t + v_t`; the past is
    :math:`y_1, \dots, y_T`, the future :math:`y_{T+1}, \dots, y_{2T}`.

    Parameters
    ----------
    A : array_like, ``(d, d)``
        The transition, with all eigenvalues in the open unit disc.
    C : array_like, ``(p, d)``
        What is seen of the state.
    noise : array_like, ``(d, d)``
        Covariance of :math:`w_t`.
    reading_noise : array_like, ``(p, p)``
        Covariance of :math:`v_t`.
    steps : int
        The length T of each half, at least 1.

    Returns
    -------
    numpy.ndarray, ``(2 T p, 2 T p)``
        Times in order; for :func:`canonical` with ``n = T p``.

    Raises
    ------
    ValueError
        For shapes that do not fit, an unstable A, or no step.

    Examples
    --------
    The past of :math:`x_t = x_{t-1} / 2 + w_t` says of its future what its last value says:

    >>> covariance = past_and_future([[0.5]], [[1.0]], [[1.0]], [[0.0]], 3)
    >>> canonical(covariance, 3).correlations.round(9).tolist()
    [0.5, 0.0, 0.0]
    """
    A, C, Q, V = (np.asarray(M, dtype=float) for M in (A, C, noise, reading_noise))
    if not (A.ndim == C.ndim == 2 and A.shape == Q.shape == (C.shape[1],) * 2):
        raise ValueError(
            f"`A` and `noise` must have shape (d, d) and `C` (p, d), got {A.shape}, {Q.shape} "
            f"and {C.shape}"
        )
    if V.shape != (len(C),) * 2:
        raise ValueError(f"`reading_noise` must have shape {(len(C),) * 2}, got {V.shape}")
    radius = np.abs(np.linalg.eigvals(A)).max()
    if not radius < 1:
        raise ValueError(f"`A` must have spectral radius below 1, got {radius:.4g}")
    if steps < 1:
        raise ValueError(f"`steps` must be >= 1, got {steps}")
    carried, lags = solve_discrete_lyapunov(A, Q), []
    for _ in range(2 * steps):
        lags.append(C @ carried @ C.T)
        carried = A @ carried
    lags[0] = lags[0] + V
    times = range(2 * steps)
    return np.block([[lags[s - t] if s >= t else lags[t - s].T for t in times] for s in times])


# ---------------------------------------------------------------- the curve


def slope(correlations, nats) -> np.ndarray:
    r"""The price :math:`\beta` of a nat about y, in nats about x: the curve rises by 1 / beta.

    It solves :math:`\sum_i \tfrac12 \log^+ ((\beta - 1) / c_i) = C` with
    :math:`c_i = (1 - \rho_i^2) / \rho_i^2`, and is

    .. math:: \beta = 1 + \min_k \, (c_1 \cdots c_k)^{1/k} \, e^{2C/k}

    with the c in rising order.

    Parameters
    ----------
    correlations : array_like, ``(..., d)``
        Canonical correlations :math:`\rho_i`, in [0, 1], in any order.
    nats : array_like
        The number C of nats about x, ``>= 0`` or infinite; broadcasts with the leading axes.

    Returns
    -------
    numpy.ndarray
        :math:`1 / \rho_1^2` at ``nats = 0``. Infinite where no correlation is left to pay for, and
        1 for any number of nats if a correlation is 1: each nat about x is then one about y.

    Raises
    ------
    ValueError
        For correlations outside [0, 1], negative nats, or no component.

    Notes
    -----
    A direction that holds R nats says :math:`-\tfrac12 \log(1 - \rho^2 (1 - e^{-2R}))` about y, of
    slope :math:`1 / (1 + c\, e^{2R})`. All that are on have the same slope. The minimum comes as
    the maximum in :func:`ssm_companion.theory.rate_distortion.water_level`.

    References
    ----------
    Chechik, Globerson, Tishby and Weiss, JMLR 6 (2005), for Gaussian memories, as we understand it.

    Examples
    --------
    >>> slope([0.8, 0.6], [0.0, np.inf]).round(4).tolist()
    [1.5625, inf]
    """
    with np.errstate(over="ignore"):
        return 1 + np.exp(_log_level(_correlations(correlations), nats))


def rates(correlations, nats) -> np.ndarray:
    r"""How the best memory of C nats divides them among the canonical directions.

    :math:`R_i = \tfrac12 \log^+ ((\beta - 1) / c_i)` with the :func:`slope`.

    Parameters
    ----------
    correlations : array_like, ``(..., d)``
        Canonical correlations, in [0, 1], in any order.
    nats : array_like
        The number C of nats about x, ``>= 0`` or infinite; broadcasts with the leading axes.

    Returns
    -------
    numpy.ndarray, ``(..., d)``
        Nats about each direction, in the order of the correlations. They sum to C, except that a
        correlation of 0 gets none even if all are 0. Directions of correlation 1 share all C nats
        evenly: any other division among them is as good.

    Raises
    ------
    ValueError
        As :func:`slope`.

    Examples
    --------
    >>> rates([0.8, 0.6, 0.0], np.log(4)).round(4).tolist()
    [0.9808, 0.4055, 0.0]
    """
    rho = _correlations(correlations)
    log_level, nats = _log_level(rho, nats)[..., None], np.asarray(nats, dtype=float)[..., None]
    perfect = rho == 1
    some = perfect.sum(-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        held = np.where(rho > 0, (log_level - _log_cost(rho)).clip(min=0) / 2, 0.0)
    return np.where(some > 0, np.where(perfect, nats / np.maximum(some, 1), 0.0), held)


def relevant(correlations, nats) -> np.ndarray:
    r"""The most nats about y that a memory of x with C nats about x can hold.

    :math:`J(C) = -\tfrac12 \sum_i \log(1 - \rho_i^2 (1 - e^{-2 R_i}))` with the :func:`rates`.

    Parameters
    ----------
    correlations : array_like, ``(..., d)``
        Canonical correlations of the Gaussian x and y, in [0, 1], in any order.
    nats : array_like
        The number C of nats about x, ``>= 0`` or infinite; broadcasts with the leading axes.

    Returns
    -------
    numpy.ndarray
        In nats. At most C, and at most the mutual information of x and y, which is its value at
        ``nats = inf``.

    Raises
    ------
    ValueError
        As :func:`slope`.

    Notes
    -----
    It bounds all memories, Gaussian or not, as long as the memory sees y through x alone. It is
    also :math:`\tfrac12 \sum_i \log^+ ((1 - 1/\beta) / (1 - \rho_i^2))`.

    Examples
    --------
    >>> relevant([0.8, 0.6], [0.0, np.log(4), np.inf]).round(4).tolist()
    [0.0, 0.5108, 0.734]
    """
    rho, held = np.broadcast_arrays(_correlations(correlations), rates(correlations, nats))
    with np.errstate(divide="ignore"):
        known = -np.log1p(rho**2 * np.expm1(-2 * held)) / 2
    return np.where(rho == 1, held, known).sum(-1)


def thresholds(correlations) -> np.ndarray:
    r"""The nats about x at which each direction enters the best memory.

    :math:`C_i = \tfrac12 \sum_{j : c_j < c_i} \log(c_i / c_j)`: there :math:`\beta` is
    :math:`1 / \rho_i^2`.

    Parameters
    ----------
    correlations : array_like, ``(..., d)``
        Canonical correlations, in [0, 1], in any order.

    Returns
    -------
    numpy.ndarray, ``(..., d)``
        In nats, in the order of the correlations. Infinite for a correlation of 0, and for all
        below 1 if one is 1.

    Raises
    ------
    ValueError
        For correlations outside [0, 1] or no component.

    Examples
    --------
    >>> thresholds([0.8, 0.6, 0.0]).round(4).tolist()
    [0.0, 0.5754, inf]
    """
    log_cost = _log_cost(_correlations(correlations))
    later, sooner = log_cost[..., :, None], log_cost[..., None, :]
    with np.errstate(invalid="ignore"):
        waits = np.where(sooner < later, later - sooner, 0.0).sum(-1) / 2
    return np.where(log_cost == np.inf, np.inf, waits)


def reading_noise(correlations, nats) -> np.ndarray:
    r"""The noise with which the best memory of C nats reads each direction.

    The memory holds :math:`z_i = u_i + n_i` for each direction :math:`u_i` of variance 1, with
    noises of variance :math:`1 / (e^{2 R_i} - 1)` and the :func:`rates`.

    Parameters
    ----------
    correlations : array_like, ``(..., d)``
        Canonical correlations, in [0, 1], in any order.
    nats : array_like
        The number C of nats about x, ``>= 0`` or infinite; broadcasts with the leading axes.

    Returns
    -------
    numpy.ndarray, ``(..., d)``
        Variances: infinite for a direction that is off.

    Raises
    ------
    ValueError
        As :func:`slope`.

    Examples
    --------
    >>> reading_noise([0.8, 0.0], np.log(2)).round(4).tolist()
    [0.3333, inf]
    """
    with np.errstate(divide="ignore", over="ignore"):
        return 1 / np.expm1(2 * rates(correlations, nats))


def relevant_expression(count: int) -> sp.Expr:
    """The curve of :func:`relevant`, as a SymPy expression.

    Parameters
    ----------
    count : int
        Number of directions, at least 1.

    Returns
    -------
    sympy.Expr
        In the symbols ``rho_1 >= rho_2 >= ...``, positive and below 1, and ``C``, nonnegative.

    Raises
    ------
    ValueError
        For a ``count`` below 1.

    Examples
    --------
    >>> curve = relevant_expression(1)
    >>> rho, C = sp.Symbol("rho_1", positive=True), sp.Symbol("C", nonnegative=True)
    >>> sp.simplify(curve.subs({rho: sp.Rational(4, 5), C: sp.log(2)}))
    -log(13)/2 + log(5)
    """
    if count < 1:
        raise ValueError(f"`count` must be >= 1, got {count}")
    correlations = sp.symbols(f"rho_1:{count + 1}", positive=True)
    nats = sp.Symbol("C", nonnegative=True)
    product, levels = sp.Integer(1), []
    for k, rho in enumerate(correlations, start=1):
        product *= (1 - rho**2) / rho**2
        levels.append(product ** sp.Rational(1, k) * sp.exp(2 * nats / k))
    beta = 1 + sp.Min(*levels)
    return sum(sp.log(sp.Max(1, (1 - 1 / beta) / (1 - rho**2))) for rho in correlations) / 2


# ---------------------------------------------------------------- memories


def memory(covariance, n: int, reading, noise) -> Kept:
    r"""What the state :math:`h = W x + n` holds about x and about y, all jointly Gaussian.

    Parameters
    ----------
    covariance : array_like, ``(n + m, n + m)``
        Joint covariance of (x, y), x first. That of y may be singular.
    n : int
        How many of the numbers are x, at least 1 and below ``n + m``.
    reading : array_like, ``(d, n)``
        The matrix W.
    noise : float or array_like, ``(d, d)``
        Covariance N of the noise, positive definite; a number stands for that multiple of the
        identity.

    Returns
    -------
    Kept
        :math:`\tfrac12 \log\det(1 + N^{-1} W S_x W^\top)` nats about x, and this less the same with
        the covariance of x given y: nats about y.

    Raises
    ------
    ValueError
        For shapes that do not fit, or a joint covariance that is not symmetric and positive
        semidefinite.
    numpy.linalg.LinAlgError
        If the covariance of the noise is not positive definite.

    Examples
    --------
    >>> nats, about = memory([[1.0, 0.8], [0.8, 1.0]], 1, [[1.0]], 1 / 3)
    >>> print(f"{nats:.4f} {about:.4f} {relevant([0.8], nats):.4f}")
    0.6931 0.3270 0.3270
    """
    S, scale = _correlation_matrix(covariance, n)
    W = np.asarray(reading, dtype=float)
    if W.ndim != 2 or W.shape[1] != n:
        raise ValueError(f"`reading` must have shape (d, n={n}), got {W.shape}")
    N = noise * np.eye(len(W)) if np.ndim(noise) == 0 else np.asarray(noise, dtype=float)
    if N.shape != (len(W),) * 2:
        raise ValueError(f"`noise` must be a number or have shape {(len(W),) * 2}, got {N.shape}")
    W = np.linalg.solve(np.linalg.cholesky(N), W * scale[:n])
    by_y = S[:n, n:] @ _inverse_root(S[n:, n:])
    held, missed = (_white_nats(W @ K @ W.T) for K in (S[:n, :n], S[:n, :n] - by_y @ by_y.T))
    return Kept(held, held - missed)


def _white_nats(signal: np.ndarray) -> float:
    return float(np.log1p(np.linalg.eigvalsh(signal).clip(min=0)).sum() / 2)


# ---------------------------------------------------------------- arguments


def _log_cost(rho: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):  # a correlation of 0 costs inf, one of 1 costs 0
        return np.log1p(-(rho**2)) - 2 * np.log(rho)


def _log_level(rho: np.ndarray, nats) -> np.ndarray:
    """Logarithm of beta - 1."""
    nats = np.asarray(not_negative("nats", nats), dtype=float)[..., None]
    cost = np.sort(_log_cost(rho), axis=-1)
    k = np.arange(1, cost.shape[-1] + 1)
    with np.errstate(invalid="ignore"):
        level = ((cost.cumsum(-1) + 2 * nats) / k).min(-1)
    return np.where(cost[..., 0] == -np.inf, -np.inf, level)


def _correlations(correlations) -> np.ndarray:
    rho = np.asarray(correlations, dtype=float)
    if rho.ndim == 0 or rho.shape[-1] == 0:
        raise ValueError(f"`correlations` must have shape (..., d), d >= 1, got {rho.shape}")
    wrong = ~((rho >= 0) & (rho <= 1))
    if wrong.any():
        raise ValueError(f"`correlations` must be in [0, 1], got {rho[wrong].flat[0]}")
    return rho


def _correlation_matrix(covariance, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The covariance in units of the standard deviations, and these."""
    S = np.asarray(covariance, dtype=float)
    if S.ndim != 2 or S.shape[0] != S.shape[1]:
        raise ValueError(f"`covariance` must have shape (n + m, n + m), got {S.shape}")
    if not 1 <= n < len(S):
        raise ValueError(f"`n` must be in 1 .. {len(S) - 1}, got {n}")
    if not np.all(np.isfinite(S)) or np.any(S.diagonal() < 0):
        raise ValueError("`covariance` must be finite, with no negative variance")
    scale = np.sqrt(S.diagonal())
    scale = np.where(scale > 0, scale, 1.0)
    S = S / np.outer(scale, scale)
    if not np.allclose(S, S.T, atol=1e-9):
        raise ValueError("`covariance` must be symmetric")
    least = np.linalg.eigvalsh(S)[0]
    if least < -1e-9:
        raise ValueError(
            "`covariance` must be positive semidefinite, got the eigenvalue "
            f"{least:.3g} in units of the standard deviations"
        )
    return S, scale


def _inverse_root(S: np.ndarray) -> np.ndarray:
    """Makes a vector of covariance S white, with columns of zeros for what it says twice."""
    variances, axes = np.linalg.eigh(S)
    heard = variances > _TINY * len(S)
    return axes * np.where(heard, 1 / np.sqrt(np.where(heard, variances, 1)), 0)
