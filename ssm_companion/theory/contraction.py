"""Norms in which a linear system shrinks: one matrix, a family of matrices, a stack of layers."""

from __future__ import annotations

import math
import warnings

import numpy as np
import scipy.linalg
import sympy as sp

# products that are looked at before asking for fewer or shorter ones
MAX_PRODUCTS = 10**6


def spectral_radius(A) -> np.ndarray:
    r"""The largest modulus of an eigenvalue.

    Parameters
    ----------
    A : array_like, ``(..., d, d)``
        Matrices, real or complex.

    Returns
    -------
    numpy.ndarray, ``(...)``
        :math:`\rho(A)`.

    Raises
    ------
    ValueError
        For matrices that are not square.

    Examples
    --------
    >>> float(spectral_radius([[0.5, 2.0], [0.0, 0.5]]))
    0.5
    """
    return np.abs(np.linalg.eigvals(_square("A", A))).max(-1)


def lyapunov(A, Q=None) -> np.ndarray:
    r"""The matrix P with :math:`P - A^* P A = Q`: the discrete Lyapunov (Stein) equation.

    In the norm :math:`\sqrt{h^* P h}` the matrix A shrinks every vector: see :func:`norm_in`.

    Parameters
    ----------
    A : array_like, ``(..., d, d)``
        Matrices of spectral radius below 1, real or complex.
    Q : array_like, ``(..., d, d)``, optional
        Hermitian; the identity by default. Leading axes broadcast with those of ``A``.

    Returns
    -------
    numpy.ndarray, ``(..., d, d)``
        :math:`P = \sum_t (A^*)^t Q A^t`, Hermitian.

    Raises
    ------
    ValueError
        For a matrix that is not square, unequal sizes, a spectral radius of 1 or more, or a ``Q``
        that is not Hermitian.

    Notes
    -----
    SciPy solves it. :func:`lyapunov_expression` is the same in symbols.

    Examples
    --------
    >>> lyapunov([[0.5]]).round(4).tolist()
    [[1.3333]]
    """
    A = _square("A", A)
    Q = np.eye(A.shape[-1]) if Q is None else _square("Q", Q)
    if Q.shape[-1] != A.shape[-1]:
        raise ValueError(f"`Q` must be as large as `A`, got {Q.shape[-1]} and {A.shape[-1]}")
    _check_hermitian("Q", Q)
    if not (spectral_radius(A) < 1).all():
        worst = spectral_radius(A).max()
        raise ValueError(f"`A` must have spectral radius below 1, got {worst:.6g}")
    adjoint = A.conj().swapaxes(-1, -2)
    P = _lyapunov_each(adjoint, Q)
    return (P + P.conj().swapaxes(-1, -2)) / 2


_lyapunov_each = np.vectorize(
    scipy.linalg.solve_discrete_lyapunov, signature="(d,d),(d,d)->(d,d)"
)


def lyapunov_expression(A: sp.Matrix, Q: sp.Matrix | None = None) -> sp.Matrix:
    r"""The matrix P with :math:`P - A^{\mathsf T} P A = Q`, in symbols.

    Parameters
    ----------
    A : sympy.Matrix, ``(d, d)``
        A real matrix. No eigenvalue may be the reciprocal of another or of itself.
    Q : sympy.Matrix, ``(d, d)``, optional
        Symmetric; the identity by default.

    Returns
    -------
    sympy.Matrix, ``(d, d)``
        P, each entry in factored form.

    Raises
    ------
    ValueError
        If ``A`` is not square, ``Q`` has another shape or is not symmetric, or the equation has no
        solution or several.

    Examples
    --------
    >>> a = sp.Symbol("a")
    >>> lyapunov_expression(sp.Matrix([[a]]))
    Matrix([[-1/((a - 1)*(a + 1))]])
    """
    d = A.rows
    Q = sp.eye(d) if Q is None else Q
    if A.cols != d or Q.shape != (d, d):
        raise ValueError(f"`A`, `Q` must be square and equally large, got {A.shape}, {Q.shape}")
    if not Q.is_symmetric():
        raise ValueError(f"`Q` must be symmetric, got {Q}")
    unknowns = {(i, j): sp.Dummy(f"p{i}{j}") for i in range(d) for j in range(i, d)}
    P = sp.Matrix(d, d, lambda i, j: unknowns[min(i, j), max(i, j)])
    gap = P - A.T * P * A - Q
    equations = [gap[i, j] for i, j in unknowns]
    solution = sp.solve(equations, list(unknowns.values()), dict=True)
    if len(solution) != 1 or len(solution[0]) < len(unknowns):
        raise ValueError("`A` has an eigenvalue that is the reciprocal of one of its eigenvalues")
    return P.subs(solution[0]).applyfunc(sp.factor)


def norm_in(P, A) -> np.ndarray:
    r"""The operator norm of A when vectors are measured by :math:`\sqrt{h^* P h}`.

    Parameters
    ----------
    P : array_like, ``(..., d, d)``
        Hermitian and positive definite.
    A : array_like, ``(..., d, d)``
        Matrices, real or complex. Leading axes broadcast.

    Returns
    -------
    numpy.ndarray, ``(...)``
        The largest factor by which A lengthens a vector.

    Raises
    ------
    ValueError
        If ``P`` is not Hermitian and positive definite, or the sizes differ.

    Examples
    --------
    >>> A = np.array([[0.5, 2.0], [0.0, 0.5]])
    >>> float(norm_in(np.eye(2), A).round(2)), float(norm_in(lyapunov(A), A).round(2))
    (2.12, 0.96)
    """
    P, A = _square("P", P), _square("A", A)
    if P.shape[-1] != A.shape[-1]:
        raise ValueError(f"`P` must be as large as `A`, got {P.shape[-1]} and {A.shape[-1]}")
    _check_hermitian("P", P)
    try:
        root = np.linalg.cholesky(P).conj().swapaxes(-1, -2)  # h* P h = |root h|^2
    except np.linalg.LinAlgError:
        least = np.linalg.eigvalsh(P).min()
        raise ValueError(
            f"`P` must be positive definite, got a least eigenvalue of {least:.3g}"
        ) from None
    seen = np.linalg.solve(root.swapaxes(-1, -2), (root @ A).swapaxes(-1, -2))
    return np.linalg.norm(seen, 2, axis=(-2, -1))


def joint_spectral_bounds(matrices, length: int) -> tuple[float, float]:
    r"""Two bounds on the joint spectral radius, from all products of up to ``length`` factors.

    Parameters
    ----------
    matrices : array_like, ``(m, d, d)``
        The family.
    length : int
        The longest products that are looked at; there are ``m ** length``.

    Returns
    -------
    float
        The greatest :math:`\rho(A_k \cdots A_1)^{1/k}`; the joint spectral radius is no less.
    float
        The least over k of the greatest :math:`\lVert A_k \cdots A_1 \rVert_2^{1/k}`; it is no
        more.

    Raises
    ------
    ValueError
        If ``matrices`` is not ``(m, d, d)``, or for a ``length`` below 1 or with more than a
        million products.

    Examples
    --------
    >>> A = np.array([[0.5, 2.0], [0.0, 0.5]])
    >>> lower, upper = joint_spectral_bounds([A, A.T], 8)
    >>> round(lower, 3), round(upper, 3)
    (2.118, 2.118)
    """
    family = _family(matrices)
    if length < 1 or len(family) ** length > MAX_PRODUCTS:
        raise ValueError(
            f"`length` must be >= 1 with at most {MAX_PRODUCTS} products, got {length}, "
            f"{len(family)}^{length} products"
        )
    scale = float(np.abs(family).max()) or 1.0  # long products neither over- nor underflow
    family = family / scale
    lower, upper, products = 0.0, math.inf, np.eye(family.shape[-1])[None]
    for k in range(1, length + 1):
        products = (family[:, None] @ products).reshape(-1, *family.shape[1:])
        lower = max(lower, float(spectral_radius(products).max()) ** (1 / k))
        size = float(np.linalg.norm(products, 2, axis=(-2, -1)).max())
        upper = min(upper, size ** (1 / k))
    return scale * lower, scale * max(lower, upper)


def common_lyapunov(matrices, rate: float) -> np.ndarray | None:
    r"""One norm for a family: P with :math:`A^{\mathsf T} P A \le \mathrm{rate}^2 P` for all A.

    By convexity the same P serves every matrix in the convex hull of the family.

    Parameters
    ----------
    matrices : array_like, ``(m, d, d)``
        Real matrices.
    rate : float
        The factor per step that is asked for.

    Returns
    -------
    numpy.ndarray, ``(d, d)``, or None
        Symmetric with least eigenvalue 1, and a greatest one near the least possible; its norm
        was recomputed for each matrix (:func:`norm_in`, to six digits). None if no P was found,
        which near the limit is no proof that there is none.

    Raises
    ------
    ValueError
        If ``matrices`` is not real and ``(m, d, d)``, or ``rate`` is not positive.
    ModuleNotFoundError
        Without cvxpy, which is part of the extra ``book``.

    Notes
    -----
    A semidefinite program: minimise c subject to :math:`I \le P \le c I` and the inequalities.

    References
    ----------
    Boyd, El Ghaoui, Feron and Balakrishnan, Linear Matrix Inequalities in System and Control
    Theory (1994), for the continuous-time case.

    Examples
    --------
    >>> A = np.array([[0.5, 0.6], [0.0, 0.5]])
    >>> P = common_lyapunov([A, A.T], rate=0.95)
    >>> bool((norm_in(P, [A, A.T]) < 0.951).all())
    True
    """
    family = _real_family(matrices)
    if not rate > 0:
        raise ValueError(f"`rate` must be > 0, got {rate}")
    return _solve(_program(family), family, rate)


def common_rate(matrices, tolerance: float = 1e-3) -> tuple[float, np.ndarray]:
    r"""The least factor per step that one quadratic norm can certify for a family.

    Parameters
    ----------
    matrices : array_like, ``(m, d, d)``
        Real matrices.
    tolerance : float, optional
        The search halves an interval until it is this short.

    Returns
    -------
    float
        The factor: an upper bound of the least one, and within ``tolerance`` of it as long as the
        solver does not fail earlier.
    numpy.ndarray, ``(d, d)``
        The P of :func:`common_lyapunov` that shows it.

    Raises
    ------
    ValueError
        As :func:`common_lyapunov`, or if ``tolerance`` is not positive.

    Examples
    --------
    >>> rate, P = common_rate([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, -1.0]]])
    >>> round(rate, 2)
    1.41
    """
    family = _real_family(matrices)
    if not tolerance > 0:
        raise ValueError(f"`tolerance` must be > 0, got {tolerance}")
    given, (seen, root) = family, _balanced(family)
    program, best = _program(seen), np.eye(family.shape[-1])
    low, high = spectral_radius(family).max(), norm_in(best, seen).max()
    while high - low > tolerance:
        middle = (low + high) / 2
        P = _solve(program, seen, middle)
        low, high, best = (middle, high, best) if P is None else (low, middle, P)
    P = root.T @ best @ root
    P = (P + P.T) / 2
    return float(norm_in(P, given).max()), P / np.linalg.eigvalsh(P)[0]


def _balanced(family: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The family in coordinates in which no matrix is far from its spectral radius, and these."""
    floor = 1e-6 * norm_in(np.eye(family.shape[-1]), family).max()
    radius = max(spectral_radius(family).max(), floor, 1e-300)
    P = lyapunov(family / (1.02 * radius)).sum(0)
    root = np.linalg.cholesky(P / np.linalg.eigvalsh(P)[0]).T
    return root @ family @ np.linalg.inv(root), root


def stack_bound(t, layers: int, factor, gain):
    r"""How far two copies of a stack can be apart in its top layer, for starts at most 1 apart.

    Each layer obeys :math:`e_t \le \mathrm{factor}\, e_{t-1} + \mathrm{gain}\, e'_t`, with
    :math:`e'` the difference in the layer below and 0 below the lowest.

    Parameters
    ----------
    t : int, array_like of int or sympy.Expr
        Steps.
    layers : int
        Layers of the stack.
    factor : float, array_like or sympy.Expr
        Contraction of each layer, per step.
    gain : float, array_like or sympy.Expr
        What a layer makes of a difference below it.

    Returns
    -------
    float, numpy.ndarray or sympy.Expr
        :math:`\mathrm{factor}^t \sum_{j < \mathrm{layers}} \mathrm{gain}^j \binom{t+j-1}{j}`.

    Raises
    ------
    ValueError
        For fewer layers than one.

    Examples
    --------
    >>> stack_bound(3, 2, 0.5, 1.0)
    0.5
    >>> stack_bound(sp.Symbol("t"), 2, sp.Symbol("a"), 1)
    a**t*(t + 1)
    """
    if layers < 1:
        raise ValueError(f"`layers` must be >= 1, got {layers}")
    t, factor, gain = (np.asarray(x) if isinstance(x, list) else x for x in (t, factor, gain))
    ways, total = 1, 0
    for j in range(layers):
        total = total + gain**j * ways
        ways = ways * (t + j) / (j + 1)  # binomial(t + j, j + 1)
    return factor**t * total


def _program(family: np.ndarray):
    """The search for P as a program whose parameter is the squared rate, and its unknown."""
    import cvxpy as cp

    d = family.shape[-1]
    P, spread = cp.Variable((d, d), symmetric=True), cp.Variable()
    squared = cp.Parameter(nonneg=True, name="squared")
    constraints = [P >> np.eye(d), spread * np.eye(d) >> P]
    constraints += [squared * P - A.T @ P @ A >> 0 for A in family]
    return cp.Problem(cp.Minimize(spread), constraints), P


def _solve(program, family: np.ndarray, rate: float) -> np.ndarray | None:
    """The P for this rate, if the solver finds one and it stands up to recomputation."""
    import cvxpy as cp

    problem, P = program
    problem.param_dict["squared"].value = rate**2
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of inaccuracy: P is put to the test below
            problem.solve(solver=cp.CLARABEL)
    except cp.SolverError:
        return None
    if problem.status not in {"optimal", "optimal_inaccurate"}:
        return None
    found = (P.value + P.value.T) / 2
    least = np.linalg.eigvalsh(found)[0]
    if least <= 0:
        return None
    return found / least if (norm_in(found, family) <= rate * (1 + 1e-6)).all() else None


def _square(name: str, matrix) -> np.ndarray:
    matrix = np.asarray(matrix)
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2] or matrix.shape[-1] == 0:
        raise ValueError(f"`{name}` must have shape (..., d, d), got {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise ValueError(f"`{name}` must be finite")
    return matrix if matrix.dtype.kind == "c" else matrix.astype(float)


def _check_hermitian(name: str, matrix: np.ndarray) -> None:
    adjoint = matrix.conj().swapaxes(-1, -2)
    if not np.allclose(matrix, adjoint, rtol=0, atol=1e-9 * np.abs(matrix).max()):
        raise ValueError(f"`{name}` must be Hermitian")


def _family(matrices) -> np.ndarray:
    family = np.asarray(matrices)
    if family.ndim != 3 or 0 in family.shape:
        raise ValueError(f"`matrices` must have shape (m, d, d), got {family.shape}")
    return _square("matrices", family)


def _real_family(matrices) -> np.ndarray:
    family = _family(matrices)
    if np.iscomplexobj(family):
        raise ValueError(f"`matrices` must be real, got {family.dtype}")
    return family
