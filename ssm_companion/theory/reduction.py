"""Which directions of a state matter for what comes: Gramians, Hankel values, truncation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import sympy as sp
from scipy.linalg import solve_discrete_lyapunov
from scipy.signal import lfilter


class System(NamedTuple):
    r"""A state space system :math:`h_t = A h_{t-1} + B u_t`, :math:`y_t = C h_t`.

    Parameters
    ----------
    A, B, C : numpy.ndarray, ``(N, N)``, ``(N, m)``, ``(p, N)``
        Dynamics, input weights and output weights.
    """

    A: np.ndarray
    B: np.ndarray
    C: np.ndarray


class Modes(NamedTuple):
    r"""A diagonal state with one input and one output, as :class:`ssm_companion.nn.S4D` stores it.

    :math:`h_{t,n} = a_n h_{t-1,n} + b_n u_t` and
    :math:`y_t = 2 \operatorname{Re} \sum_n c_n h_{t,n}`.

    Parameters
    ----------
    a, b, c : numpy.ndarray, ``(N,)``
        Eigenvalues, input and output weights, complex. An eigenvalue with an imaginary part stands
        for itself and its conjugate.
    """

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray


def real_system(a, b, c) -> System:
    r"""A diagonal complex state as a real system, twice as large.

    Parameters
    ----------
    a, b, c : array_like, ``(N,)``
        The modes of :class:`Modes`.

    Returns
    -------
    System
        Of 2 N real numbers: :math:`\sqrt2` times the real parts of the modes, then their
        imaginary parts.

    Raises
    ------
    ValueError
        For unequal shapes.

    Examples
    --------
    >>> A, B, C = real_system([0.5j], [1.0], [0.5])
    >>> [(C @ np.linalg.matrix_power(A, k) @ B).item().__round__(4) for k in range(4)]
    [1.0, 0.0, -0.25, 0.0]
    """
    a, b, c = _modes(a, b, c)
    A = np.block([[np.diag(a.real), -np.diag(a.imag)], [np.diag(a.imag), np.diag(a.real)]])
    root = np.sqrt(2)
    B = root * np.concatenate([b.real, b.imag])[:, None]
    return System(A, B, root * np.concatenate([c.real, -c.imag])[None])


def gramians(A, B, C) -> tuple[np.ndarray, np.ndarray]:
    r"""What the past has put into each direction, and what the future will see of it.

    :math:`W_c = \sum_k A^k B B^\top A^{k\top}` and :math:`W_o = \sum_k A^{k\top} C^\top C A^k`.

    Parameters
    ----------
    A, B, C : array_like, ``(N, N)``, ``(N, m)``, ``(p, N)``
        Dynamics, real and of spectral radius below 1; input weights; output weights.

    Returns
    -------
    W_c, W_o : numpy.ndarray, ``(N, N)``
        Symmetric.

    Raises
    ------
    ValueError
        For shapes that do not fit, or unless A is stable.

    Examples
    --------
    >>> W_c, W_o = gramians([[0.5]], [[3.0]], [[1.0]])
    >>> print(f"{W_c.item():.4f}, {W_o.item():.4f}")
    12.0000, 1.3333
    """
    A, B, C = _system(A, B, C)
    W_c, W_o = solve_discrete_lyapunov(A, B @ B.T), solve_discrete_lyapunov(A.T, C.T @ C)
    return (W_c + W_c.T) / 2, (W_o + W_o.T) / 2


def hankel_values(A, B, C, covariance=None) -> np.ndarray:
    r"""The Hankel singular values: what each direction carries from past inputs to later outputs.

    Square roots of the eigenvalues of :math:`W_c W_o`, the same in every basis.

    Parameters
    ----------
    A, B, C : array_like, ``(N, N)``, ``(N, m)``, ``(p, N)``
        Dynamics, real and of spectral radius below 1; input weights; output weights.
    covariance : array_like, ``(N, N)``, optional
        Second moments of the state under the inputs that come, in place of those under white
        inputs, which are :math:`W_c`.

    Returns
    -------
    numpy.ndarray, ``(N,)``
        In falling order. Those below about 1e-8 of the first are rounding errors.

    Raises
    ------
    ValueError
        As :func:`gramians`.

    Examples
    --------
    >>> hankel_values(np.diag([0.5, 0.8]), [[1.0], [1.0]], [[1.0, 1.0]]).round(4).tolist()
    [3.872, 0.2391]
    """
    reach, see = _roots(A, B, C, covariance)
    return np.linalg.svd(see.T @ reach, compute_uv=False)


def hankel_product_expression() -> sp.Expr:
    r"""The product of the Hankel singular values of two real modes, in SymPy.

    :math:`\prod_i \sigma_i = \prod_i \frac{|b_i c_i|}{1 - a_i^2} \prod_{i<j} \rho_{ij}^2` with the
    distances :math:`\rho` of :func:`ssm_companion.theory.information.crowding`, for any number of
    modes.

    Returns
    -------
    sympy.Expr
        In the real symbols ``a_1, a_2, g_1, g_2``, where :math:`g_i = c_i b_i`.

    Examples
    --------
    >>> first, second = sp.symbols("a_1 a_2", real=True)
    >>> hankel_product_expression().subs(first, second)
    0
    """
    a, g = sp.symbols("a_1:3", real=True), sp.symbols("g_1:3", real=True)
    distance = (a[0] - a[1]) / (1 - a[0] * a[1])
    sizes = [sp.Abs(g[i]) / (1 - a[i] ** 2) for i in range(2)]
    return sizes[0] * sizes[1] * distance**2


def balanced_truncation(A, B, C, order: int, covariance=None) -> System:
    r"""The system that keeps the directions of the largest Hankel singular values.

    Parameters
    ----------
    A, B, C : array_like, ``(N, N)``, ``(N, m)``, ``(p, N)``
        Dynamics, real and of spectral radius below 1; input weights; output weights.
    order : int
        Real numbers r that the state keeps, from 1 to the number of Hankel singular values that
        are not rounding errors.
    covariance : array_like, ``(N, N)``, optional
        Second moments of the state under the inputs that come, in place of those under white
        inputs, which are :math:`W_c`.

    Returns
    -------
    System
        Stable, with r real numbers.

    Raises
    ------
    ValueError
        As :func:`gramians`; for an ``order`` out of range.

    Notes
    -----
    For every input :math:`\lVert y - y_r \rVert \le 2 (\sigma_{r+1} + \dots) \lVert u \rVert`,
    where equal values count once; with a ``covariance`` this does not hold. For inputs under which
    the second moments of the state are ``covariance``, or white ones, the mean of
    :math:`|y_t - y_{r,t}|^2` is at most :math:`\sigma_{r+1}^2 + \sigma_{r+2}^2 + \dots`.

    References
    ----------
    Moore, IEEE Trans. Autom. Control 26 (1981), as we understand it, for the method; the bounds are
    proved in the chapter.

    Examples
    --------
    >>> small = balanced_truncation(np.diag([0.5, 0.8]), [[1.0], [1.0]], [[1.0, 1.0]], 1)
    >>> print(f"{small.A.item():.4f}, {(small.C @ small.B).item():.4f}")
    0.7096, 1.9176
    """
    A, B, C = _system(A, B, C)
    reach, see = _roots(A, B, C, covariance)
    U, values, V = np.linalg.svd(see.T @ reach)
    most = int((values > 1e-12 * values[0]).sum())
    if not 1 <= order <= most:
        raise ValueError(f"`order` must lie between 1 and {most}, got {order}")
    scale = 1 / np.sqrt(values[:order])
    into, back = scale[:, None] * (see @ U[:, :order]).T, reach @ V[:order].T * scale
    return System(into @ A @ back, into @ B, C @ back)


def reduce_modes(a, b, c, order: int, covariance=None) -> Modes:
    r"""Balanced truncation of a diagonal complex state, made diagonal again.

    Parameters
    ----------
    a, b, c : array_like, ``(N,)``
        The modes of :class:`Modes`, ``|a| < 1``.
    order : int
        Real numbers that the state keeps: a complex mode has two, a real one has one.
    covariance : array_like, ``(2 N, 2 N)``, optional
        Second moments of the state, as from :func:`state_moments`, in place of those under white
        inputs.

    Returns
    -------
    Modes
        With :math:`b = 1`, and between ``order / 2`` and ``order`` modes; those with a real
        eigenvalue come last and have a real c.

    Raises
    ------
    ValueError
        As :func:`balanced_truncation`.

    Notes
    -----
    The poles of the small system are none of the old ones. They are distinct for almost all
    systems; where two meet, c is huge.

    Examples
    --------
    >>> small = reduce_modes([0.9j, 0.1], [1.0, 1.0], [0.5, 0.01], 2)
    >>> print(f"{small.a[0]:.3f}, {small.c[0]:.3f}")
    -0.000+0.899j, 0.506-0.001j
    """
    A, B, C = balanced_truncation(*real_system(a, b, c), order, covariance)
    a, modes = np.linalg.eig(A)
    weight = (C @ modes)[0] * np.linalg.solve(modes, B)[:, 0]
    pair, alone = a.imag > 0, a.imag == 0
    a = np.concatenate([a[pair], a[alone]])
    c = np.concatenate([weight[pair], weight[alone].real / 2])
    return Modes(a.astype(complex), np.ones(len(a), complex), c.astype(complex))


def state_moments(a, b, u) -> np.ndarray:
    r"""Second moments of a diagonal complex state under given inputs.

    Parameters
    ----------
    a, b : array_like, ``(N,)``
        Eigenvalues and input weights.
    u : array_like, ``(T,)``
        Inputs, real; the state before them is 0.

    Returns
    -------
    numpy.ndarray, ``(2 N, 2 N)``
        The mean over the T steps of :math:`h h^\top`, in the coordinates of :func:`real_system`.

    Raises
    ------
    ValueError
        For unequal shapes, or no input.

    Examples
    --------
    >>> state_moments([0.5j], [1.0], [1.0, 0.0]).round(4).tolist()
    [[1.0, 0.0], [0.0, 0.25]]
    """
    a, b, _ = _modes(a, b, b)
    u = np.asarray(u, dtype=float)
    if u.ndim != 1 or not u.size:
        raise ValueError(f"`u` must have shape (T,), T >= 1, got {u.shape}")
    h = np.array([lfilter([weight], [1, -pole], u) for pole, weight in zip(a, b, strict=True)])
    x = np.sqrt(2) * np.concatenate([h.real, h.imag])
    return x @ x.T / len(u)


def largest_gain(A, B, C, frequencies: int = 4096) -> float:
    r"""The largest factor by which the system makes a wave louder, and so any input.

    Parameters
    ----------
    A, B, C : array_like, ``(N, N)``, ``(N, m)``, ``(p, N)``
        Dynamics, real and of spectral radius below 1; input weights; output weights.
    frequencies : int, optional
        Number of frequencies, evenly spaced from 0 to half a turn a step.

    Returns
    -------
    float
        The largest singular value of :math:`C (z - A)^{-1} B` on them, a bound from below on that
        over all frequencies.

    Raises
    ------
    ValueError
        As :func:`gramians`.

    Examples
    --------
    >>> round(largest_gain([[0.5]], [[1.0]], [[1.0]]), 4)
    2.0
    """
    A, B, C = _system(A, B, C)
    z = np.exp(1j * np.linspace(0, np.pi, frequencies))[:, None, None]
    response = C @ np.linalg.solve(z * np.eye(len(A)) - A, B[None])
    return float(np.linalg.svd(response, compute_uv=False).max())


# ------------------------------------------------------- arguments


def _roots(A, B, C, covariance) -> tuple[np.ndarray, np.ndarray]:
    """Square roots of what the past puts into the state and of what the future sees of it."""
    reached, seen = gramians(A, B, C)
    if covariance is not None:
        if np.shape(covariance) != reached.shape:
            raise ValueError(
                f"`covariance` must have shape {reached.shape}, got {np.shape(covariance)}"
            )
        reached = np.asarray(covariance, dtype=float)
    return _root(reached), _root(seen)


def _root(W: np.ndarray) -> np.ndarray:
    """A square root of a covariance that may be singular up to rounding."""
    values, axes = np.linalg.eigh(W)
    return axes * np.sqrt(np.maximum(values, 0))


def _modes(a, b, c) -> Modes:
    a, b, c = (np.asarray(x, dtype=complex) for x in (a, b, c))
    if a.ndim != 1 or not a.shape == b.shape == c.shape or not a.size:
        raise ValueError(
            f"`a`, `b`, `c` must have the same shape (N,), got {a.shape}, {b.shape}, {c.shape}"
        )
    return Modes(a, b, c)


def _system(A, B, C) -> System:
    A, B, C = (np.asarray(x, dtype=float) for x in (A, B, C))
    N = len(A) if A.ndim else 0
    if A.shape != (N, N) or B.ndim != 2 or C.ndim != 2 or not len(B) == C.shape[1] == N:
        raise ValueError(
            "`A`, `B`, `C` must have shapes (N, N), (N, m), (p, N), "
            f"got {A.shape}, {B.shape}, {C.shape}"
        )
    radius = np.abs(np.linalg.eigvals(A)).max()
    if not radius < 1:
        raise ValueError(f"`A` must have a spectral radius below 1, got {radius}")
    return System(A, B, C)
