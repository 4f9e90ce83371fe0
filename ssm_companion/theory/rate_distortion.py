"""Rate-distortion of memory: the least error of a state that holds a given number of nats."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import sympy as sp
from scipy.special import xlogy
from scipy.stats import norm

from ssm_companion.theory._checks import not_negative, positive


class Point(NamedTuple):
    """A memory in the plane of rate and distortion.

    Parameters
    ----------
    nats : float or numpy.ndarray
        Information that the memory has about its input, or a bound from above on it, in nats.
    distortion : float or numpy.ndarray
        Mean distortion of what is read from it.
    """

    nats: float | np.ndarray
    distortion: float | np.ndarray


class Certified(NamedTuple):
    """A point of a rate-distortion curve, up to ``gap``.

    Parameters
    ----------
    nats : float
        Information of the channel that was found, in nats.
    distortion : float
        Its mean distortion.
    gap : float
        The curve at this distortion lies between ``nats - gap`` and ``nats``.
    channel : numpy.ndarray, ``(X, Y)``
        Row x holds the probabilities of the reproductions of the letter x.
    """

    nats: float
    distortion: float
    gap: float
    channel: np.ndarray


# ---------------------------------------------------------------- Gaussian sources


def water_level(variances, nats) -> np.ndarray:
    r"""The level m of reverse water-filling at a given number of nats.

    It solves :math:`\sum_i \tfrac12 \log^+ (\lambda_i / m) = C`, and is

    .. math:: m = \max_k \, (\lambda_1 \cdots \lambda_k)^{1/k} \, e^{-2C/k}

    with the variances in falling order.

    Parameters
    ----------
    variances : array_like, ``(..., d)``
        Variances of independent Gaussian components: the eigenvalues of a covariance.
    nats : array_like
        The number C of nats, ``>= 0`` or infinite; broadcasts with the leading axes.

    Returns
    -------
    numpy.ndarray
        In the unit of the variances. The largest variance at ``nats = 0``.

    Raises
    ------
    ValueError
        For negative or not finite variances, negative nats, or no component.

    Notes
    -----
    :math:`\sum_i \log^+(\lambda_i/m)` is the largest of the sums of :math:`\log(\lambda_i/m)` over
    the first k components, and each of these falls with m. So the level is the largest of the
    levels at which one of them is 2C: no search, and no loop.

    References
    ----------
    Cover and Thomas, *Elements of Information Theory*, section 10.3.3, for the equation.

    Examples
    --------
    >>> float(water_level([4.0, 1.0], np.log(2)))
    1.0
    >>> water_level([4.0, 1.0], [0.0, np.log(8)]).round(4).tolist()
    [4.0, 0.25]
    """
    largest = -np.sort(-_variances(variances), axis=-1)
    nats = np.asarray(not_negative("nats", nats))[..., None]
    k = np.arange(1, largest.shape[-1] + 1)
    with np.errstate(divide="ignore"):  # a component of variance 0 asks for no nats
        return np.exp(((np.log(largest).cumsum(-1) - 2 * nats) / k).max(-1))


def distortion_rate(variances, nats) -> np.ndarray:
    r"""The least squared error of a memory with C nats about a Gaussian vector.

    :math:`D(C) = \sum_i \min(\lambda_i, m)` with the :func:`water_level` m.

    Parameters
    ----------
    variances : array_like, ``(..., d)``
        Variances of independent Gaussian components: the eigenvalues of a covariance.
    nats : array_like
        The number C of nats, ``>= 0`` or infinite; broadcasts with the leading axes.

    Returns
    -------
    numpy.ndarray
        :math:`\mathbb{E}\lVert x - \hat x\rVert^2`, summed over components.

    Raises
    ------
    ValueError
        As :func:`water_level`.

    Notes
    -----
    The slope of the curve is :math:`-2m`: what one more nat takes from the error.

    Examples
    --------
    >>> float(distortion_rate([4.0, 1.0], np.log(2)))
    2.0
    """
    level = water_level(variances, nats)
    return np.minimum(_variances(variances), level[..., None]).sum(-1)


def rate_distortion(variances, distortion) -> np.ndarray:
    r"""The least number of nats with which a Gaussian vector is known up to an error D.

    :math:`R(D) = \sum_i \tfrac12 \log^+ (\lambda_i / m)` with the level m that solves
    :math:`\sum_i \min(\lambda_i, m) = D`, which is
    :math:`m = \max_k (D - \sum_{i > k} \lambda_i) / k`.

    Parameters
    ----------
    variances : array_like, ``(..., d)``
        Variances of independent Gaussian components: the eigenvalues of a covariance.
    distortion : array_like
        The squared error D, summed over components, ``>= 0``; broadcasts with the leading axes.

    Returns
    -------
    numpy.ndarray
        In nats: 0 where D is the sum of the variances or more, infinite where D is 0 and a
        variance is not.

    Raises
    ------
    ValueError
        For negative or not finite variances, a negative distortion, or no component.

    Examples
    --------
    >>> float(rate_distortion([4.0, 1.0], 2.0) / np.log(2))
    1.0
    """
    variances = _variances(variances)
    largest = -np.sort(-variances, axis=-1)
    distortion = np.asarray(not_negative("distortion", distortion))[..., None]
    smaller = largest[..., ::-1].cumsum(-1)[..., ::-1] - largest  # the sum of those after k
    k = np.arange(1, largest.shape[-1] + 1)
    level = ((distortion - smaller) / k).max(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        above = np.where(variances > level, np.log(variances / level), 0.0)
    return above.sum(-1) / 2


def distortion_rate_expression(count: int) -> sp.Expr:
    """The distortion-rate function of a Gaussian vector, as a SymPy expression.

    Parameters
    ----------
    count : int
        Number of components, at least 1.

    Returns
    -------
    sympy.Expr
        In the symbols ``lambda_1 >= lambda_2 >= ...``, positive, and ``C``, nonnegative.

    Raises
    ------
    ValueError
        For a ``count`` below 1.

    Examples
    --------
    >>> distortion_rate_expression(1)
    Min(lambda_1, lambda_1*exp(-2*C))
    """
    if count < 1:
        raise ValueError(f"`count` must be >= 1, got {count}")
    variances = sp.symbols(f"lambda_1:{count + 1}", positive=True)
    nats = sp.Symbol("C", nonnegative=True)
    product, levels = sp.Integer(1), []
    for k, variance in enumerate(variances, start=1):
        product *= variance
        levels.append(product ** sp.Rational(1, k) * sp.exp(-2 * nats / k))
    return sum(sp.Min(variance, sp.Max(*levels)) for variance in variances)


def stationary_distortion_rate(spectrum, nats) -> np.ndarray:
    r"""The least squared error a step of a memory with C nats a step about a Gaussian process.

    :math:`D = \frac1{2\pi}\int \min(S, m)\,d\omega` with the level m for which
    :math:`\frac1{4\pi}\int \log^+(S/m)\,d\omega = C`, both integrals over a period.

    Parameters
    ----------
    spectrum : array_like, ``(..., n)``
        The spectral density S at n frequencies, evenly spaced over a whole period; its mean is the
        variance of the process.
    nats : array_like
        Nats a step, ``>= 0`` or infinite; broadcasts with the leading axes.

    Returns
    -------
    numpy.ndarray
        Mean squared error a step.

    Raises
    ------
    ValueError
        As :func:`water_level`.

    Notes
    -----
    With n frequencies the integrals are means, and the problem is that of n components. For a
    whole block at once: a memory that sees inputs one by one, and has to answer at once, does
    worse.

    References
    ----------
    Kolmogorov's formula, as we understand it of 1956.

    Examples
    --------
    >>> float(stationary_distortion_rate(np.full(8, 2.0), np.log(2)))
    0.5
    """
    count = np.shape(spectrum)[-1]
    return distortion_rate(spectrum, count * np.asarray(nats)) / count


def tangent(variances, level) -> np.ndarray:
    r"""The least value of :math:`D + 2 m I` over all memories of a Gaussian vector.

    Every memory with I nats and squared error D has
    :math:`D + 2mI \ge \sum_i \min(\lambda_i, m) + m \log^+(\lambda_i/m)`, for every m > 0. As m
    varies these are the tangents of the curve of :func:`distortion_rate`.

    Parameters
    ----------
    variances : array_like, ``(..., d)``
        Variances of independent Gaussian components: the eigenvalues of a covariance.
    level : array_like
        The level m, ``> 0``; broadcasts with the leading axes.

    Returns
    -------
    numpy.ndarray
        In the unit of the variances.

    Raises
    ------
    ValueError
        For negative or not finite variances, no component, or a level that is not positive.

    Examples
    --------
    >>> bool(np.isclose(tangent([4.0, 1.0], 1.0), 2 + 2 * np.log(2)))
    True
    """
    level = np.asarray(positive("level", level))[..., None]
    above = np.maximum(_variances(variances), level)
    return (np.minimum(_variances(variances), level) + level * np.log(above / level)).sum(-1)


def guaranteed_distortion(variances, nats) -> np.ndarray:
    r"""The largest squared error that C nats leave to a jointly Gaussian memory, read best.

    :math:`\sum_i \lambda_i - \lambda_{\min} (1 - e^{-2C})`, attained by a memory that observes
    nothing but the component of least variance.

    Parameters
    ----------
    variances : array_like, ``(..., d)``
        Eigenvalues of the covariance of x.
    nats : array_like
        The number C of nats, ``>= 0`` or infinite; broadcasts with the leading axes.

    Returns
    -------
    numpy.ndarray
        In the unit of the variances.

    Raises
    ------
    ValueError
        As :func:`water_level`.

    Notes
    -----
    For squared error, and where x and the state are jointly Gaussian. Without the second, no number
    of nats guarantees less than the sum of the variances.

    Examples
    --------
    >>> guaranteed_distortion([4.0, 1.0], [0.0, np.log(2), np.inf]).tolist()
    [5.0, 4.25, 4.0]
    """
    variances, nats = _variances(variances), np.asarray(not_negative("nats", nats))
    least = variances.min(-1)
    return variances.sum(-1) - least + least * np.exp(-2 * nats)


# ---------------------------------------------------------------- memories


def linear_memory(covariance, reading, noise) -> Point:
    r"""Information and error of the state :math:`h = W x + n` of a Gaussian vector, read best.

    Parameters
    ----------
    covariance : array_like, ``(n, n)``
        Covariance S of x, positive definite.
    reading : array_like, ``(d, n)``
        The matrix W.
    noise : float or array_like, ``(d, d)``
        Covariance of n, positive definite; a number stands for that multiple of the identity.

    Returns
    -------
    Point
        :math:`\tfrac12 \log\det(1 + N^{-1} W S W^\top)` nats, and the trace of the covariance of x
        given h.

    Raises
    ------
    ValueError
        For shapes that do not fit.
    numpy.linalg.LinAlgError
        If a covariance is not positive definite.

    Examples
    --------
    >>> nats, error = linear_memory(np.diag([4.0, 1.0]), [[1.0, 0.0]], 4.0)
    >>> round(nats, 4), round(error, 4)
    (0.3466, 3.0)
    """
    S, W = np.asarray(covariance, dtype=float), np.asarray(reading, dtype=float)
    if S.ndim != 2 or W.ndim != 2 or not S.shape[0] == S.shape[1] == W.shape[1]:
        raise ValueError(
            f"`covariance` must have shape (n, n) and `reading` (d, n), got {S.shape} and {W.shape}"
        )
    N = noise * np.eye(len(W)) if np.ndim(noise) == 0 else np.asarray(noise, dtype=float)
    if N.shape != (len(W), len(W)):
        raise ValueError(f"`noise` must be a number or have shape {(len(W),) * 2}, got {N.shape}")
    roots = [np.linalg.cholesky(C) for C in (S, N)]
    seen = np.linalg.solve(roots[1], W @ roots[0])  # in units of the noise, of a white source
    gains = np.linalg.svd(seen)[1] ** 2
    left = np.linalg.inv(np.eye(len(S)) + seen.T @ seen)
    error = np.trace(roots[0] @ left @ roots[0].T)
    return Point(float(np.log1p(gains).sum() / 2), float(error))


def uniform_quantiser(variance, step) -> Point:
    r"""Entropy and error of a Gaussian number rounded to multiples of a step, read best.

    Parameters
    ----------
    variance : float
        Variance of the number, ``> 0``; its mean is 0, in the middle of a cell.
    step : float
        Width of the cells, ``> 0``.

    Returns
    -------
    Point
        The entropy of the index of the cell, and the mean squared distance from the mean of the
        cell. Beyond nine standard deviations all is one cell.

    Raises
    ------
    ValueError
        Unless variance and step are positive.

    Notes
    -----
    The entropy is what the index says about the number; an entropy coder that stores many indices
    needs hardly more, and one that stores a single index at most one bit more.

    Examples
    --------
    >>> nats, error = uniform_quantiser(1.0, 0.1)
    >>> print(f"{nats - 0.5 * np.log(1 / error):.4f}, {0.5 * np.log(np.pi * np.e / 6):.4f}")
    0.1765, 0.1765
    """
    step = positive("step", step) / np.sqrt(positive("variance", variance))
    edges = (np.arange(int(9 / step) + 1) + 0.5) * step  # of the cells above 0; those below mirror
    beyond, moment = norm.sf(edges), norm.pdf(edges)
    share = -np.diff(beyond, append=0.0)
    centre = 1 - 2 * beyond[0]
    nats = -xlogy(centre, centre) - 2 * xlogy(share, share).sum()
    moment = -np.diff(moment, append=0.0)
    seen = 2 * (moment**2 / np.where(share > 0, share, 1.0)).sum()
    return Point(float(nats), float(variance * (1 - seen)))


# ---------------------------------------------------------------- any source


def blahut_arimoto(p, distortion, slope: float, *, tolerance=1e-9, steps=10_000) -> Certified:
    r"""A point of the rate-distortion curve of a finite source, with a bound on its error.

    Parameters
    ----------
    p : array_like, ``(X,)``
        Probabilities of the letters.
    distortion : array_like, ``(X, Y)``
        Cost of reading the letter x as the reproduction y, finite.
    slope : float
        The price s of a unit of distortion, in nats, ``>= 0``: the point minimises
        :math:`I + s D`, where the curve has the slope :math:`-s`.
    tolerance : float, optional
        Stop when the gap, in nats, is below this.
    steps : int, optional
        Stop after so many steps.

    Returns
    -------
    Certified
        Nats, distortion, gap and channel. A gap above ``tolerance`` says that the steps ran out.

    Raises
    ------
    ValueError
        If ``p`` is not a law, for shapes that do not fit, a distortion that is not finite, a slope
        that is negative or not finite, or no step.

    Notes
    -----
    For every law q of reproductions let :math:`Z_x = \sum_y q_y e^{-s d(x,y)}` and
    :math:`c_y = \sum_x p_x e^{-s d(x,y)} / Z_x`. Then
    :math:`-\sum_x p_x \log Z_x - \log \max_y c_y \le I + s D` for every channel. A step replaces
    :math:`q_y` by :math:`q_y c_y`.

    References
    ----------
    Blahut, IEEE Trans. Inf. Theory 18 (1972), as we understand it, for steps and bound.

    Examples
    --------
    A fair bit at Hamming distortion 1/4: the slope there is log 3, the rate log 2 - h(1/4).

    >>> found = blahut_arimoto([0.5, 0.5], 1 - np.eye(2), np.log(3))
    >>> print(f"{found.distortion:.4f}, {found.nats / np.log(2):.4f} bits")
    0.2500, 0.1887 bits
    """
    p, d = _finite_source(p, distortion)
    if not np.isfinite(slope) or steps < 1:
        raise ValueError(f"`slope` must be finite and `steps` >= 1, got {slope} and {steps}")
    nearest = d.min(1, keepdims=True)  # taken out of the exponent, or large slopes underflow
    weight = np.exp(-not_negative("slope", slope) * (d - nearest))
    q = np.full(d.shape[1], 1 / d.shape[1])
    for _ in range(steps):
        Z = np.maximum(weight @ q, np.finfo(float).tiny)  # 0 for a letter that never comes
        c = (p / Z) @ weight
        moved = q @ xlogy(c, c)  # nats from the old law of reproductions to the new
        gap = np.log(c.max()) - moved
        channel = q * weight / Z[:, None]
        q = q * c
        if gap < tolerance:
            break
    cost = (channel * (d - nearest)).sum(1)
    nats = -p @ np.log(Z) - slope * (p @ cost) - moved
    return Certified(float(nats), float(p @ (cost + nearest[:, 0])), float(gap), channel)


# ---------------------------------------------------------------- arguments


def _variances(variances) -> np.ndarray:
    variances = np.asarray(variances, dtype=float)
    if variances.ndim == 0 or variances.shape[-1] == 0:
        raise ValueError(f"`variances` must have shape (..., d), d >= 1, got {variances.shape}")
    if not np.all(np.isfinite(variances) & (variances >= 0)):
        wrong = variances[~(np.isfinite(variances) & (variances >= 0))].flat[0]
        raise ValueError(f"`variances` must be finite and >= 0, got {wrong}")
    return variances


def _finite_source(p, table) -> tuple[np.ndarray, np.ndarray]:
    p, table = np.asarray(p, dtype=float), np.asarray(table, dtype=float)
    if p.ndim != 1 or table.ndim != 2 or len(p) != len(table) or 0 in table.shape:
        raise ValueError(
            "`p` must have shape (X,) and the table of letters and reproductions (X, Y), "
            f"got {p.shape} and {table.shape}"
        )
    if not np.all(p >= 0) or not np.isclose(p.sum(), 1):
        raise ValueError(f"`p` must be >= 0 and sum to 1, got the sum {p.sum()}")
    if not np.all(np.isfinite(table)):
        raise ValueError("the table of letters and reproductions must be finite")
    return p, table
