"""How many nats and bits a state can hold: Gaussian readings, memory curves, Fano's inequality."""

from __future__ import annotations

import math

import numpy as np
import sympy as sp
from scipy.linalg import solve_discrete_lyapunov
from scipy.special import entr, lambertw

from ssm_companion.theory._checks import known as one_of
from ssm_companion.theory._checks import not_negative, positive

KNOWN = ("nothing", "newer", "older", "others")

_power, _noise, _nats, _d = sp.symbols("P v tau d", positive=True)
_a, _k = sp.Symbol("a", positive=True), sp.Symbol("k", integer=True, nonnegative=True)
_p, _q = sp.symbols("p q", positive=True)


def responses(A, B, lags: int) -> np.ndarray:
    r"""What an input of each lag adds to the state: :math:`V_k = A_T \cdots A_{T-k+1} B_{T-k}`.

    The system is :math:`h_t = A_t h_{t-1} + B_t u_t`, and the last step is T.

    Parameters
    ----------
    A : array_like, ``(d,)``, ``(d, d)``, ``(T, d)`` or ``(T, d, d)``
        The transition, or its diagonal; of every step, or of the last T steps, oldest first. A
        square array is one matrix, so the diagonals of as many steps as modes have to be written
        out as matrices.
    B : array_like, ``(d,)``, ``(d, m)`` or ``(T, d, m)``
        Input weights, likewise.
    lags : int
        Number of lags, at most T.

    Returns
    -------
    numpy.ndarray, ``(lags, d, m)``
        Lag 0 first. For complex A or B the inputs are still real, and the real parts of the d
        numbers come before their imaginary parts: ``(lags, 2 d, m)``.

    Raises
    ------
    ValueError
        For shapes that do not fit or a ``lags`` below 1 or above T.

    Examples
    --------
    >>> responses([0.5], [1.0], 3).ravel().tolist()
    [1.0, 0.5, 0.25]
    >>> responses([0.5j], [1.0], 3)[..., 0].tolist()
    [[1.0, 0.0], [0.0, 0.5], [-0.25, 0.0]]
    """
    A, B = _steps(A, B, lags)
    carried = np.eye(A.shape[-1])
    V = []
    for k in range(1, lags + 1):
        V.append(carried @ B[-k])
        carried = carried @ A[-k]
    V = np.array(V)
    return np.concatenate([V.real, V.imag], axis=1) if np.iscomplexobj(V) else V


def gramian(A, B, steps: int | None = None) -> np.ndarray:
    r"""The reachability Gramian :math:`W = \sum_k V_k V_k^{\mathsf T}`.

    It is the covariance of the state if the inputs are white, of variance 1, and the start is 0.

    Parameters
    ----------
    A, B : array_like
        As in :func:`responses`.
    steps : int, optional
        Number of steps since the start; without it there are infinitely many, and A and B are
        those of every step.

    Returns
    -------
    numpy.ndarray, ``(d, d)``
        Real and symmetric; ``(2 d, 2 d)`` for complex A or B, in the order of :func:`responses`.

    Raises
    ------
    ValueError
        As in :func:`responses`; without ``steps`` also if the system varies or an eigenvalue of A
        is not below 1 in modulus.

    Examples
    --------
    >>> gramian([0.6], [0.8]).round(3).tolist()
    [[1.0]]
    >>> gramian([[0, 0], [1, 0]], [1, 0], steps=5).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if steps is not None:
        V = responses(A, B, steps)
        return np.einsum("kim,kjm->ij", V, V)
    if np.ndim(A) == 3 or np.ndim(B) == 3 or _is_diagonal_of_steps(A):
        raise ValueError("`steps` must be given for a system that varies in time, got None")
    (A,), (B,) = _steps(A, B, 1)
    radius = np.abs(np.linalg.eigvals(A)).max()
    if not radius < 1:
        raise ValueError(f"`A` must have eigenvalues below 1 in modulus, got {radius}")
    A, B = _real(A, B)
    return solve_discrete_lyapunov(A, B @ B.T)


def gaussian_information(W, noise) -> np.ndarray:
    r"""What a noisy reading of the state says about the inputs: :math:`\tfrac12\log\det(I+W/v)`.

    Parameters
    ----------
    W : array_like, ``(..., d, d)``
        Covariance of the state: the :func:`gramian` for white Gaussian inputs of variance 1.
    noise : float or array_like
        Variance v of the Gaussian noise on each real coordinate, > 0; of shape ``(...)``.

    Returns
    -------
    numpy.ndarray, ``(...)``
        In nats. Exact for Gaussian inputs and gates that do not depend on them, an upper bound
        for every state, linear or not, with the covariance W.

    Raises
    ------
    ValueError
        For a W that is not square, symmetric and positive semidefinite, or a noise not above 0.

    References
    ----------
    The Gaussian vector channel: Cover and Thomas, *Elements of Information Theory*.

    Examples
    --------
    >>> float(gaussian_information([[3.0]], 1.0) / np.log(2))
    1.0
    """
    W = np.asarray(W, dtype=float)
    if W.ndim < 2 or W.shape[-1] != W.shape[-2] or not np.allclose(W, np.swapaxes(W, -1, -2)):
        raise ValueError(f"`W` must be square and symmetric, (..., d, d), got shape {W.shape}")
    powers = np.linalg.eigvalsh(W)
    if np.any(powers < -1e-9 * np.abs(powers).max(initial=0)):
        raise ValueError(f"`W` must be positive semidefinite, got the eigenvalue {powers.min()}")
    snr = np.maximum(powers, 0) / np.asarray(positive("noise", noise))[..., None]
    return np.log1p(snr).sum(-1) / 2


def capacity(power, d, noise):
    r"""The most that d numbers can hold: :math:`\tfrac d2 \log(1 + P / (d v))`.

    Parameters
    ----------
    power : array_like
        Total power P, the trace of the covariance of the state, >= 0.
    d : array_like
        Real numbers in the state, > 0. Twice as many as complex ones.
    noise : array_like
        Variance v of the noise on each number, > 0.

    Returns
    -------
    float or numpy.ndarray
        In nats; it grows with d to :math:`P / (2 v)` and not beyond.

    Raises
    ------
    ValueError
        For an argument out of its range.

    Examples
    --------
    >>> [round(float(capacity(8.0, d, 1.0)), 2) for d in (1, 8, 800)]
    [1.1, 2.77, 3.98]
    """
    d = np.asarray(positive("d", d))
    power = np.asarray(not_negative("power", power))
    return d / 2 * np.log1p(power / (d * np.asarray(positive("noise", noise))))


def least_dimension(nats, power, noise):
    r"""The d at which :func:`capacity` reaches some nats, a real number; infinite if none does.

    Parameters
    ----------
    nats : array_like
        What is to be held, > 0.
    power, noise : array_like
        As in :func:`capacity`, the power > 0.

    Returns
    -------
    numpy.ndarray
        With :math:`c = 2 \tau v / P`, :math:`y = -W_{-1}(-c e^{-c}) / c` and Lambert's W it is
        :math:`2 \tau / \log y`; ``inf`` for :math:`c \ge 1`.

    Raises
    ------
    ValueError
        For an argument not above 0.

    Examples
    --------
    >>> float(least_dimension(capacity(8.0, 5, 1.0), 8.0, 1.0).round(9))
    5.0
    >>> float(least_dimension(4.0, 8.0, 1.0))
    inf
    """
    nats, power, noise = (
        np.asarray(positive(name, x), dtype=float)
        for name, x in (("nats", nats), ("power", power), ("noise", noise))
    )
    c = 2 * nats * noise / power
    inside = np.where(c < 1, c, 0.5)
    y = -lambertw(-inside * np.exp(-inside), -1).real / inside
    return np.where(c < 1, 2 * nats / np.log(y), np.inf)


def capacity_expressions() -> tuple[sp.Expr, sp.Expr]:
    """The capacity of d numbers, and the d that some nats need, in SymPy.

    Returns
    -------
    capacity : sympy.Expr
        In the positive symbols ``P``, ``d`` and ``v``.
    least_dimension : sympy.Expr
        In ``tau``, ``P`` and ``v``, for ``2 tau v < P``.

    Examples
    --------
    >>> capacity_expressions()[0]
    d*log(P/(d*v) + 1)/2
    """
    c = 2 * _nats * _noise / _power
    y = -sp.LambertW(-c * sp.exp(-c), -1) / c
    return _d / 2 * sp.log(1 + _power / (_d * _noise)), 2 * _nats / sp.log(y)


def memory_curve(A, B, noise, lags: int, known: str = "nothing", start=None) -> np.ndarray:
    r"""How many nats a noisy reading of the state has about the input of each lag.

    Parameters
    ----------
    A, B : array_like
        As in :func:`responses`. The inputs are independent standard Gaussian numbers.
    noise : float
        Variance of the Gaussian noise on each real number of the state, > 0.
    lags : int
        Steps since the start.
    known : {"nothing", "newer", "older", "others"}, optional
        What the reader knows besides the reading: nothing, all inputs of smaller lag, all of
        larger lag and the start, or all other inputs and the start.
    start : array_like, optional
        Covariance of a Gaussian state before the first of these steps, of the shape of the
        :func:`gramian`; zero if None. The stationary curve has ``start=gramian(A, B)``.

    Returns
    -------
    numpy.ndarray, ``(lags,)``
        In nats, lag 0 first.

    Raises
    ------
    ValueError
        As in :func:`responses`, or for a noise not above 0, another ``known``, or a ``start`` of
        another shape.

    Notes
    -----
    With a start of zero the curves for ``"newer"`` and for ``"older"`` add up to
    :func:`gaussian_information` of the :func:`gramian`, by the chain rule; ``"nothing"`` adds up
    to no more, and ``"others"`` to no less. At each lag ``"nothing"`` is the least of the four
    and ``"others"`` the largest.

    Examples
    --------
    >>> memory_curve([0.5], [1.0], 1e-9, 3, "newer", start=gramian([0.5], [1.0])).round(3).tolist()
    [0.693, 0.693, 0.693]
    """
    one_of("known", known, KNOWN)
    V = responses(A, B, lags)
    d = V.shape[1]
    first = np.zeros((d, d)) if start is None else _carried_start(A, B, lags, start, d)
    parts = V @ V.swapaxes(1, 2)
    floor = positive("noise", noise) * np.eye(d)
    older = np.cumsum(np.concatenate([first[None], parts[:0:-1]]), axis=0)[::-1]
    newer = np.cumsum(np.concatenate([np.zeros((1, d, d)), parts[:-1]]), axis=0)
    # what stays unknown, besides the input that is asked about
    rest = {"nothing": older + newer, "newer": older, "older": newer, "others": 0 * newer}[known]
    return (_log_det(floor + rest + parts) - _log_det(floor + rest)) / 2


def memory_curve_expression(known: str = "nothing") -> sp.Expr:
    r"""The stationary curve of :math:`h_t = a h_{t-1} + u_t` in SymPy.

    Parameters
    ----------
    known : {"nothing", "newer", "older", "others"}, optional
        As in :func:`memory_curve`.

    Returns
    -------
    sympy.Expr
        Nats about the input of lag ``k``, in the symbols ``a`` (0 < a < 1), ``k`` and the noise
        ``v``.

    Raises
    ------
    ValueError
        For another ``known``.

    Examples
    --------
    >>> memory_curve_expression("others")
    log(a**(2*k)/v + 1)/2
    """
    one_of("known", known, KNOWN)
    part = _a ** (2 * _k)
    older, newer = _a**2 * part / (1 - _a**2), (1 - part) / (1 - _a**2)
    rest = {"nothing": older + newer, "newer": older, "older": newer, "others": 0}[known]
    return sp.log(1 + part / (_noise + rest)) / 2


def unit_weights(poles) -> np.ndarray:
    r"""Input weights that give every real number of a stationary diagonal state variance 1.

    For white inputs of variance 1; of a complex mode the real and the imaginary part have variance
    1 on average.

    Parameters
    ----------
    poles : array_like, ``(N,)``
        Eigenvalues, real or complex, with ``|a| < 1``.

    Returns
    -------
    numpy.ndarray, ``(N,)``
        :math:`\sqrt{1 - |a|^2}`, times :math:`\sqrt 2` for complex modes.

    Raises
    ------
    ValueError
        Unless ``|a| < 1``.

    Examples
    --------
    >>> unit_weights([0.6, -0.8]).round(3).tolist()
    [0.8, 0.6]
    """
    poles = _stable(poles)
    return np.sqrt((1 - np.abs(poles) ** 2) * (2 if np.iscomplexobj(poles) else 1))


def crowding(poles) -> float:
    r"""What a diagonal state with one input loses because its modes are close to each other.

    With the weights of :func:`unit_weights` and little noise v the d real numbers of the state
    hold :math:`\tfrac d2 \log \tfrac 1v` nats plus this number, which is
    :math:`\tfrac12 \log\det W`. It is the sum of :math:`\log|(a - a') / (1 - a \bar a')|` over
    all pairs of poles.

    Parameters
    ----------
    poles : array_like, ``(N,)``
        Eigenvalues with ``|a| < 1``. In an array of complex numbers each stands for itself and its
        conjugate.

    Returns
    -------
    float
        In nats, at most 0; ``-inf`` if two poles coincide.

    Raises
    ------
    ValueError
        Unless ``|a| < 1``.

    Notes
    -----
    For every v the state holds no less than that sum, and no more than
    :math:`\tfrac d2 \log(1 + 1/v)`.

    References
    ----------
    Cauchy's determinant.

    Examples
    --------
    >>> round(crowding([0.5, -0.5]), 4), round(crowding([0.5, 0.6]), 4)
    (-0.2231, -1.9459)
    """
    poles = _stable(poles)
    if np.iscomplexobj(poles):
        poles = np.concatenate([poles, poles.conj()])
    i, j = np.triu_indices(len(poles), 1)
    distance = np.abs((poles[i] - poles[j]) / (1 - poles[i] * poles[j].conj()))
    with np.errstate(divide="ignore"):  # log 0 = -inf is the answer
        return float(np.log(distance).sum())


def crowding_expression() -> sp.Expr:
    """The part of one pair of real poles in :func:`crowding`, in SymPy.

    Returns
    -------
    sympy.Expr
        In nats, in the symbols ``a`` and ``b``, real.

    Examples
    --------
    >>> crowding_expression()
    log(Abs((a - b)/(a*b - 1)))
    """
    a, b = sp.symbols("a b", real=True)
    return sp.log(sp.Abs((a - b) / (1 - a * b)))


def rounded_information(covariance, step) -> np.ndarray:
    r"""The most that a state on a grid can hold, from its covariance.

    For every state whose coordinates are multiples of the steps, up to a shift,
    :math:`H \le \tfrac12 \log\det(I + 12\, S) + \tfrac d2 \log(\pi e / 6)`, where S is the
    covariance in units of the steps.

    Parameters
    ----------
    covariance : array_like, ``(..., d, d)``
        Covariance of the rounded state.
    step : float or array_like, ``(d,)``
        Distance of two neighbours on the grid, of each coordinate, > 0.

    Returns
    -------
    numpy.ndarray, ``(...)``
        In nats.

    Raises
    ------
    ValueError
        As in :func:`gaussian_information`, or for a step not above 0.

    Examples
    --------
    >>> spread = (16**2 - 1) / 12                  # sixteen equally likely neighbours: 4 bits
    >>> round(float(rounded_information([[spread]], 1.0) / np.log(2)), 3)
    4.255
    """
    covariance = np.asarray(covariance, dtype=float)
    step = np.broadcast_to(positive("step", step), covariance.shape[-1:])
    cells = gaussian_information(covariance / np.outer(step, step), 1 / 12)
    return cells + len(step) / 2 * math.log(math.pi * math.e / 6)


def fano_symbol(entropy, information, length, kinds):
    r"""The least mean share of wrong symbols, for what a state says about a string.

    Solves :math:`h_2(p) + p \log_2(q - 1) \ge (H - I) / t` for the least p.

    Parameters
    ----------
    entropy : array_like
        Entropy H of the string, in bits, from 0 to :math:`t \log_2 q`.
    information : array_like
        What the state says about the string, I, in bits, >= 0; or any bound from above.
    length : array_like
        Symbols t in the string, >= 1.
    kinds : array_like
        Size q of the alphabet, >= 2.

    Returns
    -------
    numpy.ndarray
        From 0 to :math:`1 - 1/q`.

    Raises
    ------
    ValueError
        For an argument out of its range.

    References
    ----------
    Fano's inequality: Cover and Thomas, *Elements of Information Theory*.

    Examples
    --------
    >>> float(fano_symbol(7, 4, 7, 2).round(4))      # 4 bits about 7 coin tosses
    0.0876
    """
    length, bits = _alphabet(length, kinds)
    missing = _missing(entropy, information, length * bits) / length
    return _least_error(missing, np.log2(np.asarray(kinds) - 1.0), 1 - 1 / np.asarray(kinds))


def fano_block(entropy, information, length, kinds):
    r"""The least probability of a string with any error, for what a state says about it.

    Solves :math:`h_2(p) + p \log_2(q^t - 1) \ge H - I` for the least p, which is at least
    :math:`(H - I - 1) / (t \log_2 q)`.

    Parameters
    ----------
    entropy, information, length, kinds : array_like
        As in :func:`fano_symbol`.

    Returns
    -------
    numpy.ndarray
        From 0 to :math:`1 - q^{-t}`.

    Raises
    ------
    ValueError
        For an argument out of its range.

    References
    ----------
    Fano's inequality: Cover and Thomas, *Elements of Information Theory*.

    Examples
    --------
    >>> float(fano_block(10, 0, 10, 2).round(4))     # nothing is known: 1 - 1/1024
    0.999
    """
    length, bits = _alphabet(length, kinds)
    missing = _missing(entropy, information, length * bits)
    alone = 2.0 ** -(length * bits)
    return _least_error(missing, length * bits + np.log1p(-alone) / math.log(2), 1 - alone)


def fano_expression() -> sp.Expr:
    r"""The right side of Fano's inequality, :math:`h_2(p) + p \log_2(q - 1)`, in SymPy.

    Returns
    -------
    sympy.Expr
        In bits, in the positive symbols ``p`` and ``q``; q is the number of possible answers.

    Examples
    --------
    >>> fano_expression()
    (-p*log(p) + p*log(q - 1) - (1 - p)*log(1 - p))/log(2)
    """
    spread = -_p * sp.log(_p) - (1 - _p) * sp.log(1 - _p)
    return (spread + _p * sp.log(_q - 1)) / sp.log(2)


def _least_error(missing, log_others, most) -> np.ndarray:
    """The root of an increasing function, by bisection, to the last digits."""
    missing, log_others, most = np.broadcast_arrays(missing, log_others, most)
    low, high = np.zeros(missing.shape), np.array(most, dtype=float)
    for _ in range(60):
        p = (low + high) / 2
        enough = (entr(p) + entr(1 - p)) / math.log(2) + p * log_others >= missing
        low, high = np.where(enough, low, p), np.where(enough, p, high)
    return np.where(missing > 0, high, 0.0)


def _alphabet(length, kinds):
    for name, x, least in (("length", length, 1), ("kinds", kinds, 2)):
        if not np.all(np.asarray(x) >= least):
            raise ValueError(f"`{name}` must be >= {least}, got {np.min(x)}")
    return np.asarray(length, dtype=float), np.log2(kinds)


def _missing(entropy, information, most):
    information = np.asarray(not_negative("information", information))
    entropy = np.asarray(not_negative("entropy", entropy))
    if not np.all(entropy <= most * (1 + 1e-12)):
        raise ValueError(f"`entropy` must be at most {most} bits, got {entropy}")
    return np.maximum(entropy - information, 0.0)


def _steps(A, B, lags: int) -> tuple[np.ndarray, np.ndarray]:
    """A (T, d, d) and B (T, d, m), repeated if constant."""
    if lags < 1:
        raise ValueError(f"`lags` must be >= 1, got {lags}")
    A, B = np.asarray(A), np.asarray(B)
    shapes = f"{A.shape} and {B.shape}"
    if A.ndim == 1 or _is_diagonal_of_steps(A):
        A = A[..., None] * np.eye(A.shape[-1])
    B = B[:, None] if B.ndim == 1 else B
    A, B = (np.broadcast_to(X, (lags, *X.shape)) if X.ndim == 2 else X for X in (A, B))
    if A.ndim != 3 or B.ndim != 3 or not A.shape[1] == A.shape[2] == B.shape[1]:
        raise ValueError(
            "`A` must be (d,), (d, d), (T, d) or (T, d, d) and `B` (d,), (d, m) or (T, d, m), "
            f"got {shapes}"
        )
    if min(len(A), len(B)) < lags:
        raise ValueError(f"`lags` must be at most the number of steps, got {lags} for {shapes}")
    return A, B


def _is_diagonal_of_steps(A) -> bool:
    return np.ndim(A) == 2 and np.shape(A)[0] != np.shape(A)[1]


def _real(A, B):
    """The same system on real and imaginary parts, for real inputs."""
    if not (np.iscomplexobj(A) or np.iscomplexobj(B)):
        return A, B
    return np.block([[A.real, -A.imag], [A.imag, A.real]]), np.concatenate([B.real, B.imag])


def _carried_start(A, B, lags: int, start, d: int) -> np.ndarray:
    start = np.asarray(start, dtype=float)
    if start.shape != (d, d):
        raise ValueError(f"`start` must have shape {(d, d)}, got {start.shape}")
    A, B = _steps(A, B, lags)
    carried = np.eye(d)
    for k in range(1, lags + 1):
        carried = carried @ (_real(A[-k], B[-k])[0])
    return carried @ start @ carried.T


def _stable(poles) -> np.ndarray:
    poles = np.asarray(poles)
    if poles.ndim != 1 or not np.all(np.abs(poles) < 1):
        raise ValueError(f"`poles` must be (N,) with moduli below 1, got {poles}")
    return poles


def _log_det(S: np.ndarray) -> np.ndarray:
    return np.linalg.slogdet(S)[1]
