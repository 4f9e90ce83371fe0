"""Which responses a choice of poles can reach, and the weights that reach them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import sympy as sp
from scipy.linalg import qr, solve_triangular
from scipy.sparse.csgraph import connected_components


class WeightedModes(NamedTuple):
    r"""A diagonal system by its modes; its response is :math:`\Re \sum_n w_n \lambda_n^k`.

    Parameters
    ----------
    poles : numpy.ndarray, ``(N,)``
        The eigenvalues :math:`\lambda_n`, real or complex.
    weights : numpy.ndarray, ``(N,)``
        The products :math:`w_n = c_n b_n` of read-out and input weights.
    """

    poles: np.ndarray
    weights: np.ndarray


def reach_rank(poles, t: int, tolerance: float = 1e-12) -> int:
    r"""The dimension of the space of responses of given poles, over their first t steps.

    It is :math:`\min(t, \#(\Lambda \cup \bar\Lambda))` for the set :math:`\Lambda` of the poles,
    when the weights w of :math:`\Re \sum_n w_n \lambda_n^k` run over the complex numbers. Real
    poles count once, other ones twice unless their conjugates are poles too. Every response is
    reached if it is t.

    Parameters
    ----------
    poles : sequence, ``(N,)``
        Real or complex, also as SymPy numbers. Zero is allowed, and :math:`0^0 = 1`.
    t : int
        Number of steps, ``>= 1``.
    tolerance : float, optional
        Poles that are joined by steps of at most this length count as one. If there is a SymPy
        number among the poles, those that are this near count as one only if SymPy can prove it.

    Returns
    -------
    int
        The dimension over the real numbers.

    Raises
    ------
    ValueError
        Unless ``poles`` is a sequence of finite numbers and ``t >= 1``.

    Notes
    -----
    The rank of a Vandermonde matrix: :math:`\Re(V w) = (V w + \bar V \bar w) / 2`.

    Examples
    --------
    >>> reach_rank([0.9, -0.5], 8), reach_rank([0.5j, 0.3 + 0.2j], 8)
    (2, 4)
    >>> reach_rank([sp.sqrt(2) / 2, 1 / sp.sqrt(2)], 8)
    1
    """
    if t < 1:
        raise ValueError(f"`t` must be >= 1, got {t}")
    exact = [sp.sympify(pole) for pole in poles] if _has_sympy(poles) else []
    values = _vector("poles", [complex(pole) for pole in exact] if exact else poles)
    exact += [sp.conjugate(pole) for pole in exact]
    values = np.concatenate([values, values.conj()])
    same = np.abs(values[:, None] - values) <= tolerance
    for i, j in np.argwhere(same) if exact else ():
        same[i, j] = bool((exact[i] - exact[j]).equals(0))
    return min(t, int(connected_components(same, directed=False)[0]))


def matching_weights(poles, target) -> np.ndarray:
    r"""The shortest weights for which :math:`\Re \sum_n w_n \lambda_n^k` is the target.

    Parameters
    ----------
    poles : array_like, ``(N,)``
        Real or complex.
    target : array_like, ``(t,)``
        The response to match, real.

    Returns
    -------
    numpy.ndarray, ``(N,)``
        Of all the weights that match it, those of least Euclidean norm; real if the poles are.

    Raises
    ------
    ValueError
        For wrong shapes, numbers that are not finite, or poles that do not reach every response
        of this length: see :func:`reach_rank`.

    Notes
    -----
    Solved by an orthogonal factorisation, which no conditioning can make worse than the rounding
    of the weights themselves: the response is off by about :math:`10^{-16} \sum_n |w_n|`. For real
    poles in [-1, 1] that sum grows exponentially with t for most targets, and so does the error.

    Examples
    --------
    >>> matching_weights([1.0, -1.0], [0.0, 1.0]).round(12).tolist()
    [0.5, -0.5]
    >>> matching_weights([1j], [1.0, 0.0]).round(12).tolist()
    [(1+0j)]
    """
    poles, target = _vector("poles", poles), _vector("target", target)
    if np.iscomplexobj(target):
        raise ValueError(f"`target` must be real, got {target.dtype}")
    t, reached = len(target), reach_rank(poles, len(target), tolerance=0.0)
    if reached < t:
        raise ValueError(
            f"`poles` must, with their conjugates, be at least {t} distinct numbers to reach every "
            f"response of {t} steps, got {reached}"
        )
    V = poles ** np.arange(t)[:, None]
    rows = np.hstack([V.real, -V.imag]) if np.iscomplexobj(V) else V
    Q, R = qr(rows.T, mode="economic")
    w = Q @ solve_triangular(R, target, trans="T")
    return w[: len(poles)] + 1j * w[len(poles) :] if np.iscomplexobj(V) else w


def fourier_modes(target, radius: float = 1.0) -> WeightedModes:
    r"""A complex system of half the width of its target, with moderate weights.

    Of the t roots of :math:`z^t = \pm r^t`, plus for odd and minus for even t, those in the closed
    upper half-plane; they reach every target. The weights are those of a discrete Fourier
    transform.

    Parameters
    ----------
    target : array_like, ``(t,)``
        The response to match, real.
    radius : float, optional
        The modulus r of all poles, ``> 0``. Stable systems have ``radius < 1``.

    Returns
    -------
    WeightedModes
        :math:`\lceil t / 2 \rceil` complex poles and weights.

    Raises
    ------
    ValueError
        Unless the radius is positive and the target a vector of finite real numbers.

    Notes
    -----
    For :math:`r \le 1` and the target :math:`\varphi`,
    :math:`\sum_n |w_n| \le r^{1-t} \lVert\varphi\rVert_2` and
    :math:`\max_n |w_n| \le 2 r^{1-t} \lVert\varphi\rVert_1 / t`; the factor :math:`r^{1-t}` is
    below e for :math:`r = 1 - 1/t`.

    Examples
    --------
    >>> poles, weights = fourier_modes([0.0, 1.0, 0.0, 0.0])
    >>> len(poles), round(float(np.abs(weights).sum()), 12)
    (2, 1.0)
    >>> [round(float((weights * poles**k).sum().real), 12) + 0.0 for k in range(4)]
    [0.0, 1.0, 0.0, 0.0]
    """
    target = _vector("target", target)
    if not radius > 0 or np.iscomplexobj(target):
        raise ValueError(f"`radius` must be > 0 and `target` real, got {radius} and {target.dtype}")
    t = len(target)
    angles = np.pi * np.arange(1 - t % 2, t, 2) / t
    poles = radius * np.exp(1j * angles)
    weights = poles ** -np.arange(t)[:, None]
    share = np.where(angles == 0, 1, 2) / t  # a root and its conjugate in one mode
    return WeightedModes(poles, share * (target @ weights))


def _has_sympy(poles) -> bool:
    return any(isinstance(pole, sp.Basic) for pole in poles)


def _vector(name: str, x) -> np.ndarray:
    x = np.asarray(x)
    if x.ndim != 1 or len(x) == 0 or not np.isfinite(x).all():
        raise ValueError(f"`{name}` must be finite numbers of shape (n,), got {x}")
    return x if np.iscomplexobj(x) else x.astype(float)
