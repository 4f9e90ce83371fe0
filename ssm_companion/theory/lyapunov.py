"""Lyapunov exponents: how fast two copies that see the same inputs approach each other."""

from __future__ import annotations

import numpy as np
import sympy as sp
from scipy.special import xlogy

_a, _p = sp.Symbol("a"), sp.Symbol("p", nonnegative=True)
# of the gate: its mean and its mean square, and the exponent that comes of it
_MOMENTS = {
    "bernoulli": (_p, _p),
    "arcsine": (sp.Rational(1, 2), sp.Rational(3, 8)),
    "uniform": (sp.Rational(1, 2), sp.Rational(1, 3)),
}
_EXPONENTS = {
    "bernoulli": _p * sp.log(sp.Abs(_a)),
    "arcsine": 2 * sp.log(sp.Abs(1 + sp.sqrt(_a)) / 2),
    "uniform": -1 - sp.re(_a * sp.log(_a) / (1 - _a)),
}


def exponents(factors, *, running: bool = False) -> np.ndarray:
    r"""The Lyapunov exponents of a product of matrices, estimated from its first T factors.

    With :math:`Q_0 = I` and :math:`M_t Q_{t-1} = Q_t R_t` the exponents are the averages of
    :math:`\log |R_{t,ii}|`. They are those of the recursion :math:`h_t = M_t h_{t-1}`.

    Parameters
    ----------
    factors : array_like, ``(..., T, d, d)``
        The matrices :math:`M_t`, the first one applied first; real or complex, finite. Leading
        axes count products.
    running : bool, optional
        Return the estimate after each factor.

    Returns
    -------
    numpy.ndarray, ``(..., d)``
        In nats a step, the largest first. ``-inf`` where a direction is erased. With ``running``
        an axis of length T comes before the last one, and the order is that of the last step.

    Raises
    ------
    ValueError
        For matrices that are not square or not finite, or no factor.

    Notes
    -----
    For any T the exponents add up to the average of :math:`\log|\det M_t|`, and for diagonal or
    upper triangular factors they are the averages over the diagonal, exactly. In general they tend
    to the exponents as T grows if the factors are stationary, ergodic and
    :math:`\mathbb{E} \log^+ \lVert M_t \rVert < \infty`: Oseledets' theorem. Where a direction is
    erased in several steps, none of which erases it alone, rounding makes a finite number of
    ``-inf``.

    References
    ----------
    Benettin, Galgani, Giorgilli and Strelcyn, Meccanica 15 (1980), for the method.

    Examples
    --------
    >>> turn = np.array([[0.0, -2.0], [2.0, 0.0]])
    >>> exponents([turn] * 5).round(4).tolist()
    [0.6931, 0.6931]
    >>> exponents([np.diag([0.5, 1.0]), np.diag([0.5, 0.25])]).round(4).tolist()
    [-0.6931, -0.6931]
    """
    factors = _products(factors)
    *many, length, d, _ = factors.shape
    growth = np.empty((*many, length, d))
    Q = np.eye(d)  # in double precision, and so is all that follows
    with np.errstate(divide="ignore"):  # log 0 = -inf is the answer
        for t in range(length):
            Q, R = np.linalg.qr(factors[..., t, :, :] @ Q)
            growth[..., t, :] = np.log(np.abs(np.diagonal(R, axis1=-2, axis2=-1)))
    if not running:
        return -np.sort(-growth.mean(-2))
    estimates = growth.cumsum(-2) / np.arange(1, length + 1)[:, None]
    order = np.argsort(-estimates[..., -1:, :], axis=-1, kind="stable")
    return np.take_along_axis(estimates, order, axis=-1)


def mode_exponents(delta, A) -> np.ndarray:
    r"""The Lyapunov exponent of each mode of a selective system with frozen steps.

    Mode n of channel d is multiplied by :math:`\exp(\delta_{t,d} A_{d,n})` at step t, so its
    exponent is the mean step times :math:`\Re A_{d,n}`.

    Parameters
    ----------
    delta : array_like, ``(..., L, D)``
        Steps, after the softplus.
    A : array_like, ``(D, N)``
        The diagonal of the system, real or complex.

    Returns
    -------
    numpy.ndarray, ``(..., D, N)``
        In nats a step.

    Raises
    ------
    ValueError
        For shapes that do not fit, or no step.

    Notes
    -----
    The exponent is linear in the step: it depends on its mean and on nothing else of its law, not
    even on the order of the steps. With complex modes it does not depend on the frequency.

    References
    ----------
    For one step per channel, the exact form of the bound of Halloran, Gulati and Roysdon,
    arXiv 2406.00209 (2024), on the largest exponent of Mamba.

    Examples
    --------
    >>> mode_exponents([[0.1], [0.3]], [[-1.0, -2.0]]).round(4).tolist()
    [[-0.2, -0.4]]
    """
    delta, A = np.asarray(delta), np.asarray(A)
    if delta.ndim < 2 or A.ndim != 2 or delta.shape[-1] != len(A) or delta.shape[-2] == 0:
        raise ValueError(
            "`delta` must have shape (..., L, D) with L >= 1 and `A` shape (D, N), "
            f"got {delta.shape} and {A.shape}"
        )
    return delta.mean(-2, dtype=np.float64)[..., None] * A.real


def gate_exponent(a, law: str, p: float | None = None) -> np.ndarray:
    r"""The exponent :math:`\mathbb{E}\log|1 - g(1 - a)|` of a coordinate behind a random gate.

    In :math:`h_t = (1 - g_t) h_{t-1} + g_t (a h_{t-1} + u_t)` two copies that see the same inputs
    and the same independent gates approach each other almost surely if and only if it is negative.

    Parameters
    ----------
    a : array_like
        The factor of the free system, real or complex, any shape.
    law : {"bernoulli", "arcsine", "uniform"}
        The law of the gate: open with probability p and else closed; Beta(1/2, 1/2); or uniform
        between 0 and 1.
    p : float, optional
        The probability of an open gate, for ``"bernoulli"`` and only there; broadcasts with ``a``.

    Returns
    -------
    numpy.ndarray
        Elementwise, in nats a step.

    Raises
    ------
    ValueError
        For another law, or unless ``p`` is a probability where it is needed and absent elsewhere.

    Notes
    -----
    The values are :math:`p \log|a|`; :math:`2\log|1 + \sqrt a| - 2 \log 2`, with the root of
    non-negative real part; and :math:`-1 - \Re\bigl(a \log a / (1 - a)\bigr)`.
    :func:`gate_exponent_expression` has them in symbols. For real ``a < 0`` the arcsine law gives
    :math:`\log\bigl((1 - a)/4\bigr)`.

    Examples
    --------
    >>> gate_exponent([0.25, -3.0], "arcsine").round(4).tolist()
    [-0.5754, 0.0]
    """
    _check_law(law, p)
    a = np.asarray(a)
    if law == "bernoulli":
        return xlogy(p, np.abs(a))
    a = a.astype(complex)
    if law == "arcsine":  # log |1 + small| is exact for a near 1
        return 2 * np.log1p((a - 1) / (2 * (1 + np.sqrt(a)))).real
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(a == 1, -1, xlogy(a, a) / (1 - a))
    return -1 - ratio.real


def gate_exponent_expression(law: str) -> sp.Expr:
    """The exponent of :func:`gate_exponent` in symbols.

    Parameters
    ----------
    law : {"bernoulli", "arcsine", "uniform"}
        The law of the gate.

    Returns
    -------
    sympy.Expr
        In the symbol ``a``, a complex number, and for ``"bernoulli"`` in ``p``.

    Raises
    ------
    ValueError
        For another law.

    Examples
    --------
    >>> gate_exponent_expression("arcsine").subs("a", 4)
    2*log(3/2)
    """
    _check_name(law)
    return _EXPONENTS[law]


def gate_mean_square(a, law: str, p: float | None = None) -> np.ndarray:
    r"""The factor :math:`\mathbb{E}|1 - g(1 - a)|^2` of a coordinate behind a random gate.

    In one step of :math:`h_t = (1 - g_t) h_{t-1} + g_t (a h_{t-1} + u_t)` the mean square distance
    of two copies that see the same inputs and the same independent gates is multiplied by it.

    Parameters
    ----------
    a, law, p
        As in :func:`gate_exponent`.

    Returns
    -------
    numpy.ndarray
        Elementwise.

    Raises
    ------
    ValueError
        As in :func:`gate_exponent`.

    Notes
    -----
    :math:`1 - 2\,\mathbb{E}g\,\Re c + \mathbb{E}g^2\,|c|^2` with :math:`c = 1 - a`.
    :func:`gate_mean_square_expression` has it in symbols.

    Examples
    --------
    >>> gate_mean_square([0.9, -2.0], "arcsine").round(5).tolist()
    [0.90375, 1.375]
    """
    _check_law(law, p)
    mean, square = (p, p) if law == "bernoulli" else map(float, _MOMENTS[law])
    c = 1 - np.asarray(a)
    return 1 - 2 * mean * c.real + square * np.abs(c) ** 2


def gate_mean_square_expression(law: str) -> sp.Expr:
    """The factor of :func:`gate_mean_square` in symbols.

    Parameters
    ----------
    law : {"bernoulli", "arcsine", "uniform"}
        The law of the gate.

    Returns
    -------
    sympy.Expr
        In the symbol ``a``, a complex number, and for ``"bernoulli"`` in ``p``.

    Raises
    ------
    ValueError
        For another law.

    Examples
    --------
    >>> gate_mean_square_expression("uniform").subs("a", -2)
    1
    """
    _check_name(law)
    mean, square = _MOMENTS[law]
    return 1 - 2 * mean * sp.re(1 - _a) + square * sp.Abs(1 - _a) ** 2


def _products(factors) -> np.ndarray:
    factors = np.asarray(factors)
    shape = factors.shape
    if factors.ndim < 3 or shape[-1] != shape[-2] or 0 in shape[-3:]:
        raise ValueError(f"`factors` must have shape (..., T, d, d) with T, d >= 1, got {shape}")
    if not np.isfinite(factors).all():
        raise ValueError("`factors` must be finite")
    return factors


def _check_name(law: str) -> None:
    if law not in _MOMENTS:
        raise ValueError(f"`law` must be one of {', '.join(map(repr, _MOMENTS))}, got {law!r}")


def _check_law(law: str, p) -> None:
    _check_name(law)
    if law != "bernoulli":
        if p is not None:
            raise ValueError(f"`p` must be left out for the law {law!r}, got {p}")
    elif p is None or not np.all((0 <= np.asarray(p)) & (np.asarray(p) <= 1)):
        raise ValueError(f"`p` must be a probability for the law 'bernoulli', got {p}")
