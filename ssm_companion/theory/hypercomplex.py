r"""Numbers of n parts as matrices, and the groups that a state of such numbers can follow.

An algebra is given by its structure matrices A, ``(n, n, n)``: ``A[i]`` is the matrix of
:math:`x \mapsto e_i x`, so that ``A[i][:, j]`` holds the parts of :math:`e_i e_j`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import sympy as sp
from sympy.combinatorics import Permutation, PermutationGroup

_ONE, _TURN, _MIRROR = np.eye(2, dtype=int), np.array([[0, -1], [1, 0]]), np.diag([1, -1])
# k = i j, and the second half of a quaternion is what stands before j: j z = conj(z) j
_QUATERNIONS = [
    np.kron(*pair)
    for pair in [(_ONE, _ONE), (_ONE, _TURN), (_TURN, _MIRROR), (_TURN, _TURN @ _MIRROR)]
]
_STRUCTURES = {
    1: np.ones((1, 1, 1), dtype=int),
    2: np.stack([_ONE, _TURN]),
    4: np.stack(_QUATERNIONS),
}
# numbers a + b phi, where phi^2 = 1 + phi is the golden ratio
_GOLDEN = np.stack([_ONE, np.array([[0, 1], [1, 1]])])


class Icosians(NamedTuple):
    r"""The binary icosahedral group: 120 unit quaternions that are closed under products.

    Element ``i + 60`` is minus element ``i``, and element 0 is 1. Up to sign they are the 60
    rotations of an icosahedron, whose group is the alternating group of five things, with the
    table ``table[:60, :60] % 60``.

    Parameters
    ----------
    exact : numpy.ndarray, ``(120, 4, 2)``
        Integers a and b for each part :math:`(a + b \phi) / 2`, where :math:`\phi` is the golden
        ratio.
    unit : numpy.ndarray, ``(120, 4)``
        The same as numbers.
    table : numpy.ndarray, ``(120, 120)``
        ``table[i, j]`` is the place of the product of the elements i and j.
    """

    exact: np.ndarray
    unit: np.ndarray
    table: np.ndarray


# ------------------------------------------------------- algebras


def structure(n: int) -> np.ndarray:
    r"""The structure matrices of the real numbers, the complex numbers or the quaternions.

    Parameters
    ----------
    n : {1, 2, 4}
        Number of parts: 1; 1 and i; or 1, i, j and k.

    Returns
    -------
    numpy.ndarray, ``(n, n, n)``
        Integers: ``[i]`` is the matrix of a multiplication by the i-th unit from the left.

    Raises
    ------
    ValueError
        For another n.

    Examples
    --------
    >>> one, i = structure(2)
    >>> (i @ i).tolist()
    [[-1, 0], [0, -1]]
    """
    if n not in _STRUCTURES:
        raise ValueError(f"`n` must be 1, 2 or 4, got {n}")
    return _STRUCTURES[n].copy()


def composes(A, tolerance: float = 1e-12) -> bool:
    r"""Whether the product of two matrices :math:`\sum_i q_i A_i` is always another one of them.

    :math:`A_i A_j = \sum_k (A_i)_{kj} A_k`, which says that the algebra is associative. Steps of
    such a kind are composed by n numbers each; others take the whole matrix.

    Parameters
    ----------
    A : array_like, ``(n, n, n)``
        Structure matrices.
    tolerance : float, optional
        The largest entry of a difference that counts as zero.

    Returns
    -------
    bool
        True for an associative algebra.

    Raises
    ------
    ValueError
        For another shape.

    Examples
    --------
    >>> composes(structure(4)), composes(np.ones((2, 2, 2)) - np.eye(2))
    (True, False)
    """
    A = _cube(A)
    short = np.einsum("ikj,kpq->ijpq", A, A) - np.einsum("ipr,jrq->ijpq", A, A)
    return bool(np.abs(short).max() <= tolerance)


def left_matrix(q) -> np.ndarray:
    r"""The matrix of :math:`x \mapsto q x`.

    Parameters
    ----------
    q : array_like, ``(..., n)``
        Real or complex numbers or quaternions by their parts, n = 1, 2 or 4; also SymPy
        expressions.

    Returns
    -------
    numpy.ndarray, ``(..., n, n)``
        :math:`\sum_i q_i A_i`. Orthogonal for a q of norm 1.

    Raises
    ------
    ValueError
        For another n.

    Examples
    --------
    >>> left_matrix([1, 2, 3, 4])[:, 1].tolist()
    [-2, 1, 4, -3]
    """
    q = _parts("q", q)
    return np.einsum("...i,ikj->...kj", q, structure(q.shape[-1]))


def product(p, q) -> np.ndarray:
    """The product p q; of quaternions, the product of Hamilton.

    Parameters
    ----------
    p, q : array_like, ``(..., n)``
        Real or complex numbers or quaternions by their parts, n = 1, 2 or 4; also SymPy
        expressions. The axes before the last one broadcast.

    Returns
    -------
    numpy.ndarray, ``(..., n)``
        The parts of the product.

    Raises
    ------
    ValueError
        For another n, or two different ones.

    Examples
    --------
    >>> i, j = np.eye(4, dtype=int)[1:3]
    >>> product(i, j).tolist(), product(j, i).tolist()
    ([0, 0, 0, 1], [0, 0, 0, -1])
    """
    p, q = _parts("p", p), _parts("q", q)
    if p.shape[-1] != q.shape[-1]:
        raise ValueError(f"`q` must have the {p.shape[-1]} parts of `p`, got {q.shape[-1]}")
    return np.einsum("...kj,...j->...k", left_matrix(p), q)


def rotate(q, v) -> np.ndarray:
    r"""The vector part of :math:`q v q^{-1}`: v, turned about the vector part of q.

    Parameters
    ----------
    q : array_like, ``(..., 4)``
        Quaternions :math:`\cos(\alpha/2) + \sin(\alpha/2)\,u` for a turn by :math:`\alpha` about
        the unit vector u, or any multiple but 0.
    v : array_like, ``(..., 3)``
        Vectors.

    Returns
    -------
    numpy.ndarray, ``(..., 3)``
        The turned vectors, the same for q and -q; the axes before the last one broadcast.

    Raises
    ------
    ValueError
        For another shape, or a q that is 0.

    Examples
    --------
    >>> quarter_turn_about_z = [1, 0, 0, 1]
    >>> rotate(quarter_turn_about_z, [5.0, 0.0, 7.0]).tolist()
    [0.0, 5.0, 7.0]
    """
    q, v = np.asarray(q), np.asarray(v)
    for name, x, n in (("q", q, 4), ("v", v, 3)):
        if x.shape[-1:] != (n,):
            raise ValueError(f"`{name}` must have shape (..., {n}), got {x.shape}")
    square = np.square(q).sum(-1, keepdims=True)
    if not np.all(square > 0):
        raise ValueError("`q` must not be 0")
    pure = np.concatenate([np.zeros_like(v[..., :1]), v], axis=-1)
    return (product(product(q, pure), q * [1, -1, -1, -1]) / square)[..., 1:]


# ------------------------------------------------------- sums of Kronecker products


def kronecker_sum(A, S) -> np.ndarray:
    r"""The matrix :math:`\sum_i A_i \otimes S_i` of a parameterised hypercomplex multiplication.

    With the structure of an algebra it is the product with a matrix over that algebra, whose i-th
    parts are :math:`S_i`; vectors hold all first parts, then all second ones, and so on.

    Parameters
    ----------
    A : array_like, ``(n, n, n)``
        Structure matrices, given or learnt.
    S : array_like, ``(n, r, c)``
        The weights.

    Returns
    -------
    numpy.ndarray, ``(n r, n c)``
        The sum.

    Raises
    ------
    ValueError
        For another shape.

    References
    ----------
    Zhang et al., arXiv 2102.08597 (2021), as we understand it.

    Examples
    --------
    >>> kronecker_sum(structure(2), [[[3]], [[4]]]).tolist()
    [[3, -4], [4, 3]]
    """
    A, S = _cube(A), np.asarray(S)
    if S.ndim != 3 or len(S) != len(A):
        raise ValueError(f"`S` must have shape (n={len(A)}, r, c), got {S.shape}")
    n, rows, columns = S.shape
    return np.einsum("ipq,irc->prqc", A, S).reshape(n * rows, n * columns)


def kronecker_sum_expression(A, rows: int = 1, columns: int = 1) -> sp.Matrix:
    """The matrix of :func:`kronecker_sum` for weights that are symbols.

    Parameters
    ----------
    A : array_like, ``(n, n, n)``
        Structure matrices, of numbers or SymPy expressions.
    rows, columns : int, optional
        Shape of one matrix of weights.

    Returns
    -------
    sympy.Matrix, ``(n * rows, n * columns)``
        In the entries of ``sympy.MatrixSymbol("S0", rows, columns)``, ``S1`` and so on.

    Raises
    ------
    ValueError
        For another shape.

    Examples
    --------
    >>> kronecker_sum_expression(structure(2))
    Matrix([
    [S0[0, 0], -S1[0, 0]],
    [S1[0, 0],  S0[0, 0]]])
    """
    terms = [
        sp.kronecker_product(sp.Matrix(a), sp.MatrixSymbol(f"S{i}", rows, columns).as_explicit())
        for i, a in enumerate(_cube(A))
    ]
    return sum(terms[1:], sp.Matrix(terms[0]))


def kronecker_rank(H, n: int, tolerance: float | None = None) -> int:
    r"""How many terms :math:`A_i \otimes S_i` with n x n matrices :math:`A_i` make up a matrix.

    A parameterised hypercomplex multiplication has n at most; almost no matrix has fewer than the
    lesser of :math:`n^2` and the number of its entries over :math:`n^2`.

    Parameters
    ----------
    H : array_like, ``(n r, n c)``
        The matrix.
    n : int
        Size of the left factors.
    tolerance : float, optional
        Singular values of the rearranged matrix up to this count as zero; NumPy's own if None.

    Returns
    -------
    int
        The least number of terms.

    Raises
    ------
    ValueError
        Unless n divides both sides of ``H``.

    References
    ----------
    The rearrangement is that of Van Loan and Pitsianis (1993), as we understand it.

    Examples
    --------
    >>> kronecker_rank(np.arange(16).reshape(4, 4), 2)
    2
    """
    H = np.asarray(H)
    if H.ndim != 2 or n < 1 or H.shape[0] % n or H.shape[1] % n:
        raise ValueError(f"`H` must have shape (n r, n c) with n = {n}, got {H.shape}")
    blocks = H.reshape(n, H.shape[0] // n, n, H.shape[1] // n).swapaxes(1, 2)
    return int(np.linalg.matrix_rank(blocks.reshape(n * n, -1), tol=tolerance))


def parameter_count(inputs: int, outputs: int, n: int, learnt: bool = False) -> int:
    """Weights of a linear map that is a sum of n Kronecker products.

    Parameters
    ----------
    inputs, outputs : int
        Numbers d and k of channels, multiples of n.
    n : int
        Number of terms; 1 for any matrix.
    learnt : bool, optional
        The structure matrices are learnt too.

    Returns
    -------
    int
        :math:`d k / n`, and :math:`n^3` more if the structure is learnt.

    Raises
    ------
    ValueError
        Unless n divides both numbers of channels.

    Examples
    --------
    >>> [parameter_count(256, 256, n) for n in (1, 2, 4)], parameter_count(256, 256, 4, learnt=True)
    ([65536, 32768, 16384], 16448)
    """
    if n < 1 or inputs % n or outputs % n:
        raise ValueError(f"`n` must divide {inputs} inputs and {outputs} outputs, got {n}")
    return inputs * outputs // n + (n**3 if learnt else 0)


# ------------------------------------------------------- groups


def icosians() -> Icosians:
    r"""The binary icosahedral group, by exact arithmetic from two of its elements.

    Its generators :math:`(1 + i + j + k) / 2` and :math:`(\phi + \phi^{-1} i + j) / 2`, with the
    golden ratio :math:`\phi`, have orders 6 and 10.

    Returns
    -------
    Icosians
        The elements, exactly and as numbers, and their table.

    Examples
    --------
    Every element is a product of commutators, so that the group is not solvable:

    >>> group = icosians()
    >>> group.unit.shape, transition_groups(group.table)[0].is_perfect
    ((120, 4), True)

    A quaternion that is multiplied by one at each step keeps the product of all:

    >>> word = np.random.default_rng(0).integers(120, size=1000)
    >>> state, place = group.unit[0], 0
    >>> for letter in word:
    ...     state, place = product(group.unit[letter], state), group.table[letter, place]
    >>> bool(np.argmax(group.unit @ state) == place)
    True
    """
    one = np.array([[2, 0], [0, 0], [0, 0], [0, 0]])
    steps = np.array([[[1, 0], [1, 0], [1, 0], [1, 0]], [[0, 1], [-1, 1], [1, 0], [0, 0]]])
    found = {one.tobytes(): one}
    queue = [one]
    for element in queue:  # which grows
        for new in _icosian_product(steps, element):
            if new.tobytes() not in found and (-new).tobytes() not in found:
                found[new.tobytes()] = new
                queue.append(new)
    half = np.array(queue)
    exact = np.concatenate([half, -half])
    place = {element.tobytes(): i for i, element in enumerate(exact)}
    products = _icosian_product(exact[:, None], exact)
    table = np.array([[place[new.tobytes()] for new in row] for row in products])
    return Icosians(exact, exact @ [1, (1 + np.sqrt(5)) / 2] / 2, table)


def transition_groups(maps) -> list[PermutationGroup]:
    """The groups in what the words of a finite state machine do to its states.

    The maps of all words, the empty one included, are a monoid. Each group in it permutes the
    values of a map e that is its own square, and the largest one with that e is found.

    Parameters
    ----------
    maps : array_like, ``(K, S)``
        ``maps[k][s]`` is the state after letter k in state s, from 0 to ``S - 1``. The table of a
        group serves, or some of its rows.

    Returns
    -------
    list of PermutationGroup
        For every e the largest group, unless it is trivial; many of them are alike. None if the
        machine cannot even count modulo 2. SymPy tells ``is_abelian``, ``is_solvable`` and
        ``derived_series()``.

    Raises
    ------
    ValueError
        Unless the maps are states.

    Notes
    -----
    Everything is enumerated; S states may have as many as :math:`S^S` maps.

    Examples
    --------
    A switch and a counter modulo 3, with a reset:

    >>> transition_groups([[1, 1], [0, 0]])
    []
    >>> [group.order() for group in transition_groups([[1, 2, 0], [0, 0, 0]])]
    [3]
    """
    monoid = _monoid(maps)
    groups = {}
    for e in monoid[(np.take_along_axis(monoid, monoid, axis=1) == monoid).all(axis=1)]:
        image = np.unique(e)
        moved = e[monoid[:, image]]
        moved = np.unique(moved[(np.sort(moved, axis=1) == image).all(axis=1)], axis=0)
        if len(moved) > 1:
            groups[e.tobytes()] = _generators(np.searchsorted(image, moved))
    return [PermutationGroup([Permutation(row) for row in rows]) for rows in groups.values()]


def _generators(members: np.ndarray) -> np.ndarray:
    """A few permutations that make up all of a group."""
    chosen, left = members[:0], members
    while len(left):
        chosen = np.concatenate([chosen, left[:1]])
        made = {row.tobytes() for row in _monoid(chosen)}
        left = np.array([row for row in left if row.tobytes() not in made])
    return chosen


def _icosian_product(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """The product of halves of integers a + b phi, again in halves."""
    twice = np.einsum("ikj,acb,...ia,...jb->...kc", structure(4), _GOLDEN, p, q)
    return twice // 2


def _monoid(maps) -> np.ndarray:
    maps = np.asarray(maps)
    if maps.ndim != 2 or not np.isin(maps, np.arange(maps.shape[-1])).all():
        raise ValueError(f"`maps` must have shape (K, S) and hold states, got {maps}")
    maps = maps.astype(int)
    queue = [np.arange(maps.shape[1])]
    found = {queue[0].tobytes()}
    for word in queue:  # which grows
        for longer in maps[:, word]:
            if longer.tobytes() not in found:
                found.add(longer.tobytes())
                queue.append(longer)
    return np.array(queue)


def _cube(A) -> np.ndarray:
    A = np.asarray(A)
    if A.ndim != 3 or len(set(A.shape)) != 1:
        raise ValueError(f"`A` must have shape (n, n, n), got {A.shape}")
    return A


def _parts(name: str, q) -> np.ndarray:
    q = np.asarray(q)
    if q.shape[-1:] not in ((1,), (2,), (4,)):
        raise ValueError(f"`{name}` must have 1, 2 or 4 parts on its last axis, got {q.shape}")
    return q
