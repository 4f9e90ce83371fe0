"""Mutual information from samples: what an estimator can say at most, and how far it is off."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import digamma, logsumexp

# ---------------------------------------------------------------- nearest neighbours


def ksg(x, y, k: int = 3, *, variant: int = 1) -> float:
    r"""The mutual information of two samples, by distances to nearest neighbours.

    Variant 1: :math:`\psi(k) + \psi(n) - \langle \psi(n_x + 1) + \psi(n_y + 1) \rangle`, where
    :math:`n_x` counts the other points whose x is strictly closer than the k-th nearest pair, in
    the largest of the differences of all coordinates. Variant 2:
    :math:`\psi(k) - 1/k + \psi(n) - \langle \psi(n_x) + \psi(n_y) \rangle`, where :math:`n_x`
    counts those whose x is as close as the farthest x among the k nearest pairs, or closer.

    Parameters
    ----------
    x, y : array_like, ``(n, dx)`` and ``(n, dy)``, or ``(n,)``
        Samples in pairs. Bring all coordinates to similar scales first: distances compare them.
    k : int, optional
        Which neighbour, at least 1 and below n.
    variant : int, optional
        1 or 2.

    Returns
    -------
    float
        In nats; may be negative. Never above :func:`ksg_ceiling`.

    Raises
    ------
    ValueError
        For shapes that do not fit, samples that are not finite, a ``k`` out of range, an unknown
        variant, or more than k equal pairs: samples with repeated pairs have no density.

    Notes
    -----
    Pairs at exactly the k-th distance count as if the tie were broken, so that :math:`n_x` and
    :math:`n_y` are never below k - 1 in variant 1.

    References
    ----------
    Kraskov, Stögbauer and Grassberger, Phys. Rev. E 69 (2004), as we understand it.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 2000).T
    >>> print(f"{ksg(x, y):.2f} of {-np.log(1 - 0.8**2) / 2:.2f}")
    0.53 of 0.51
    """
    x, y = _pairs(x, y)
    _check_neighbours(len(x), k, variant)
    joint = np.hstack([x, y])
    distance, nearest = cKDTree(joint).query(joint, k + 1, p=np.inf)
    if not distance[:, k].all():
        raise ValueError(f"`x` and `y` must not hold more than k = {k} equal pairs")
    if variant == 1:
        counts = [_closer(z, np.nextafter(distance[:, k], 0)).clip(min=k - 1) + 1 for z in (x, y)]
        start = digamma(k)
    else:
        spans = [np.abs(z[nearest] - z[:, None]).max((1, 2)) for z in (x, y)]
        counts = [_closer(z, span) for z, span in zip((x, y), spans, strict=True)]
        start = digamma(k) - 1 / k
    return float(start + digamma(len(x)) - sum(digamma(count).mean() for count in counts))


def ksg_ceiling(n: int, k: int = 3, *, variant: int = 1) -> float:
    r"""The most that :func:`ksg` can return for n samples, whatever they are.

    :math:`\psi(n) - \psi(k)` for variant 1 and :math:`\psi(n) - \psi(k + 1)` for variant 2: about
    :math:`\log(n / k)`.

    Parameters
    ----------
    n : int
        Number of samples.
    k : int, optional
        Which neighbour, at least 1 and below n.
    variant : int, optional
        1 or 2.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    ValueError
        For a ``k`` out of range or an unknown variant.

    Notes
    -----
    The k - 1 pairs that are closer than the k-th are closer in x and in y, so
    :math:`n_x, n_y \ge k - 1` in variant 1; the k nearest are all counted in variant 2, so
    :math:`n_x, n_y \ge k` there. The digamma function rises. Both ceilings are reached where y is
    x, without ties.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=1000)
    >>> print(f"{ksg(x, x):.4f} {ksg_ceiling(1000):.4f}")
    5.9845 5.9845
    """
    _check_neighbours(n, k, variant)
    return float(digamma(n) - digamma(k + variant - 1))


# ---------------------------------------------------------------- the Gaussian formula


def gaussian(x, y) -> float:
    r"""The mutual information of two samples, as if they were jointly Gaussian.

    :math:`-\tfrac12 \log\det(1 - R R^\top)` with the correlations R of the sample, each block made
    white.

    Parameters
    ----------
    x, y : array_like, ``(n, dx)`` and ``(n, dy)``, or ``(n,)``
        Samples in pairs, ``n > dx + dy``.

    Returns
    -------
    float
        In nats; infinite, or very large by rounding, if the sample lies on a hyperplane that needs
        both x and y.

    Raises
    ------
    ValueError
        For shapes that do not fit, samples that are not finite, too few of them, or an x or y that
        lies on a hyperplane by itself.

    Notes
    -----
    Too large by :func:`gaussian_bias` in the mean, if the law is Gaussian.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 3.0, 4.0])
    >>> print(f"{gaussian(x, [1.0, 3.0, 2.0, 4.0]):.4f} {-np.log(1 - 0.8**2) / 2:.4f}")
    0.5108 0.5108
    """
    x, y = _pairs(x, y)
    _check_count(len(x), x.shape[1], y.shape[1])
    axes = [_orthonormal(name, z) for name, z in (("x", x), ("y", y))]
    correlations = np.linalg.svd(axes[0].T @ axes[1], compute_uv=False)
    with np.errstate(divide="ignore"):
        return float(-np.log1p(-(np.minimum(correlations, 1) ** 2)).sum() / 2)


def gaussian_bias(n: int, dx: int, dy: int) -> float:
    r"""How much :func:`gaussian` is too large in the mean, for n samples of a Gaussian law.

    .. math::
        \tfrac12 \sum_{i=1}^{d_y}
        \Bigl[ \psi\bigl(\tfrac{n - i}{2}\bigr) - \psi\bigl(\tfrac{n - d_x - i}{2}\bigr) \Bigr]

    Parameters
    ----------
    n : int
        Number of samples, above ``dx + dy``.
    dx, dy : int
        Number of coordinates of x and of y, at least 1.

    Returns
    -------
    float
        In nats. The same for every Gaussian law; about ``dx * dy / (2 * n)`` for many samples.

    Raises
    ------
    ValueError
        For too few samples or no coordinate.

    Notes
    -----
    The log-determinant of a sample covariance of d coordinates, about the sample's mean, is
    :math:`\log\det\Sigma + \sum_{i=1}^{d} \psi((n - i) / 2)` and a constant for each coordinate, in
    the mean. The estimate is half of that of x, plus that of y, less that of both.

    Examples
    --------
    >>> print(f"{gaussian_bias(100, 3, 3):.4f}")
    0.0471
    """
    _check_count(n, dx, dy)
    i = np.arange(1, dy + 1)
    return float((digamma((n - i) / 2) - digamma((n - dx - i) / 2)).sum() / 2)


# ---------------------------------------------------------------- bounds by a critic


def infonce(scores) -> np.ndarray:
    r"""The InfoNCE bound: how well a critic finds the partner of each x among K candidates.

    :math:`\log K + \frac1K \sum_i \log \bigl( e^{s_{ii}} / \sum_j e^{s_{ij}} \bigr)`: the softmax
    runs over the candidates y, along the last axis.

    Parameters
    ----------
    scores : array_like, ``(..., K, K)``
        ``scores[..., i, j]`` is the critic's score of :math:`x_i` and :math:`y_j`, finite; the
        pairs that were drawn together are on the diagonal.

    Returns
    -------
    numpy.ndarray
        In nats. No value is above ``log K``, for a softmax is at most 1. If the pairs are
        independent, and the scores are those of one function of x and y that was not made from
        them, the mean is at most the mutual information.

    Raises
    ------
    ValueError
        For a shape that does not fit or scores that are not finite.

    References
    ----------
    van den Oord, Li and Vinyals (2018), as we understand it.

    Examples
    --------
    >>> float(infonce(np.zeros((4, 4)))), float(infonce(1e3 * np.eye(4)) / np.log(4))
    (0.0, 1.0)
    """
    scores = _finite("scores", scores)
    if scores.ndim < 2 or scores.shape[-1] != scores.shape[-2] or scores.shape[-1] == 0:
        raise ValueError(f"`scores` must have shape (..., K, K), K >= 1, got {scores.shape}")
    own = np.diagonal(scores, axis1=-2, axis2=-1)
    return np.log(scores.shape[-1]) + (own - logsumexp(scores, axis=-1)).mean(-1)


def donsker_varadhan(joint, marginal) -> np.ndarray:
    r"""The bound of Donsker and Varadhan: the mean score of pairs, less that of strangers.

    :math:`\frac1n \sum_i s_i - \log \bigl( \frac1m \sum_j e^{s'_j} \bigr)`.

    Parameters
    ----------
    joint : array_like, ``(..., n)``
        The critic's scores of pairs drawn together.
    marginal : array_like, ``(..., m)``
        Its scores of x and y from different pairs; the leading axes broadcast.

    Returns
    -------
    numpy.ndarray
        In nats. With means over the laws in place of the samples it is at most the mutual
        information, and reaches it with :func:`gaussian_log_ratio` for Gaussian pairs. With samples
        it is no bound: the logarithm of a mean over few strangers is too small in the mean.

    Raises
    ------
    ValueError
        For no sample or scores that are not finite.

    References
    ----------
    Belghazi et al. (2018) train a network to raise it, as we understand them.

    Examples
    --------
    >>> float(donsker_varadhan([1.0, 3.0], [0.0, 0.0]))
    2.0
    """
    joint, marginal = _scores("joint", joint), _scores("marginal", marginal)
    return joint.mean(-1) - logsumexp(marginal, axis=-1) + np.log(marginal.shape[-1])


def nwj(joint, marginal) -> np.ndarray:
    r"""The bound of Nguyen, Wainwright and Jordan, without the logarithm of a mean.

    :math:`1 + \frac1n \sum_i s_i - \frac1m \sum_j e^{s'_j}`.

    Parameters
    ----------
    joint : array_like, ``(..., n)``
        The critic's scores of pairs drawn together.
    marginal : array_like, ``(..., m)``
        Its scores of x and y from different pairs; the leading axes broadcast.

    Returns
    -------
    numpy.ndarray
        In nats. Its mean over samples is at most the mutual information, for every critic. Never
        above :func:`donsker_varadhan` of the same scores.

    Raises
    ------
    ValueError
        For no sample or scores that are not finite.

    References
    ----------
    Nguyen, Wainwright and Jordan, IEEE Trans. Inf. Theory 56 (2010), as we understand it.

    Examples
    --------
    >>> float(nwj([1.0, 3.0], [0.0, 0.0]))
    2.0
    """
    joint, marginal = _scores("joint", joint), _scores("marginal", marginal)
    with np.errstate(over="ignore"):
        return 1 + joint.mean(-1) - np.exp(marginal).mean(-1)


def gaussian_log_ratio(x, y, rho) -> np.ndarray:
    r"""The best critic of Gaussian pairs: :math:`\log p(x, y) / (p(x) p(y))`.

    :math:`\sum_i \bigl[ -\tfrac12 \log(1 - \rho_i^2)
    - \tfrac{\rho_i^2 (x_i^2 + y_i^2) - 2 \rho_i x_i y_i}{2 (1 - \rho_i^2)} \bigr]` for coordinates
    of variance 1, each correlated with its partner only.

    Parameters
    ----------
    x, y : array_like, ``(..., d)``
        Values; the leading axes broadcast.
    rho : float or array_like, ``(d,)``
        Correlations, in (-1, 1).

    Returns
    -------
    numpy.ndarray
        In nats, summed over the last axis.

    Raises
    ------
    ValueError
        For a correlation outside (-1, 1), or x and y without an axis.

    Examples
    --------
    >>> x = np.zeros((4, 1))
    >>> gaussian_log_ratio(x[:, None], x, 0.8).round(4).shape
    (4, 4)
    """
    x, y, rho = (np.asarray(z, dtype=float) for z in (x, y, _inside("rho", rho)))
    if 0 in (x.ndim, y.ndim):
        raise ValueError(f"`x` and `y` must have shape (..., d), got {x.shape} and {y.shape}")
    left = 1 - rho**2
    square = (rho**2 * (x**2 + y**2) - 2 * rho * x * y) / left
    return -(np.log(left) + square).sum(-1) / 2


def ratio_variance(rho) -> np.ndarray:
    r"""Variance of :math:`p(x, y) / (p(x) p(y))` where x and y are drawn apart.

    :math:`\prod_i 1 / (1 - \rho_i^2) - 1`, which is :math:`e^{2I} - 1` with the mutual information
    I of the pair.

    Parameters
    ----------
    rho : array_like, ``(..., d)``, or float
        Correlations of the coordinates, in (-1, 1).

    Returns
    -------
    numpy.ndarray
        The mean of the ratio is 1. So the mean over n independent strangers, which
        :func:`donsker_varadhan` and :func:`nwj` need, has relative error
        :math:`\sqrt{(e^{2I} - 1) / n}`.

    Raises
    ------
    ValueError
        For a correlation outside (-1, 1).

    Notes
    -----
    The mean of the squared ratio is that of the ratio where x and y are drawn together, a Gaussian
    integral. For pairs that are not Gaussian it need not be :math:`e^{2I}`; by Jensen's inequality
    it is never less than :math:`e^I`.

    Examples
    --------
    >>> float(ratio_variance([0.6, 0.8]).round(4))
    3.3403
    """
    rho = np.atleast_1d(np.asarray(_inside("rho", rho), dtype=float))
    return np.expm1(-np.log1p(-(rho**2)).sum(-1))


# ---------------------------------------------------------------- arguments


def _closer(z: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """How many other points lie within the radius of each, ends included."""
    return cKDTree(z).query_ball_point(z, radius, p=np.inf, return_length=True) - 1


def _orthonormal(name: str, z: np.ndarray) -> np.ndarray:
    z = z - z.mean(0)
    Q, values, _ = np.linalg.svd(z / np.maximum(z.std(0), np.finfo(float).tiny), False)
    if values[-1] <= 1e-12 * values[0]:
        raise ValueError(f"`{name}` must not lie on a hyperplane")
    return Q


def _pairs(x, y) -> tuple[np.ndarray, np.ndarray]:
    x, y = (_finite(name, z) for name, z in (("x", x), ("y", y)))
    x, y = (z[:, None] if z.ndim == 1 else z for z in (x, y))
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or 0 in x.shape + y.shape:
        raise ValueError(
            f"`x` and `y` must have shapes (n, dx) and (n, dy), got {x.shape} and {y.shape}"
        )
    return x, y


def _scores(name: str, scores) -> np.ndarray:
    scores = _finite(name, scores)
    if scores.ndim == 0 or scores.shape[-1] == 0:
        raise ValueError(f"`{name}` must have shape (..., n), n >= 1, got {scores.shape}")
    return scores


def _finite(name: str, values) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if not np.all(np.isfinite(values)):
        raise ValueError(f"`{name}` must be finite, got {values[~np.isfinite(values)].flat[0]}")
    return values


def _inside(name: str, rho):
    wrong = ~(np.abs(rho) < 1)
    if np.any(wrong):
        raise ValueError(f"`{name}` must be in (-1, 1), got {np.asarray(rho)[wrong].flat[0]}")
    return rho


def _check_neighbours(n: int, k: int, variant: int) -> None:
    if variant not in (1, 2):
        raise ValueError(f"`variant` must be 1 or 2, got {variant!r}")
    if not 1 <= k < n:
        raise ValueError(f"`k` must be in 1 .. n - 1 = {n - 1}, got {k}")


def _check_count(n: int, dx: int, dy: int) -> None:
    if min(dx, dy) < 1:
        raise ValueError(f"`dx` and `dy` must be >= 1, got {dx} and {dy}")
    if n <= dx + dy:
        raise ValueError(f"`n` must be above dx + dy = {dx + dy}, got {n} samples")
