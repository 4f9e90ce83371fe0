"""Algebras against SymPy and SciPy, groups against what is known of them."""

from collections import Counter

import numpy as np
import pytest
import sympy as sp
from scipy.spatial.transform import Rotation

from ssm_companion.theory import hypercomplex

RNG = np.random.default_rng(0)
GROUP = hypercomplex.icosians()
PHI = (1 + sp.sqrt(5)) / 2


def parts(name):
    return sp.symbols(f"{name}:4", real=True)


# ------------------------------------------------------- algebras


def test_quaternions_are_those_of_sympy():
    a, b = parts("a"), parts("b")
    expected = sp.Quaternion(*a) * sp.Quaternion(*b)
    found = hypercomplex.product(a, b)
    assert [sp.expand(x - y) for x, y in zip(found, expected.args, strict=True)] == [0] * 4
    assert sp.Matrix(hypercomplex.left_matrix(a)) == sp.Quaternion(*a).product_matrix_left


def test_the_norm_of_a_product_is_the_product_of_norms():
    a, b = parts("a"), parts("b")
    square = lambda x: sum(part**2 for part in x)  # noqa: E731
    assert sp.expand(square(hypercomplex.product(a, b)) - square(a) * square(b)) == 0


def test_complex_and_real_numbers_are_those_of_numpy():
    z, w = RNG.normal(size=(2, 5, 7)) + 1j * RNG.normal(size=(2, 5, 7))
    pairs = lambda z: np.stack([z.real, z.imag], axis=-1)  # noqa: E731
    np.testing.assert_allclose(hypercomplex.product(pairs(z), pairs(w)), pairs(z * w))
    np.testing.assert_allclose(
        hypercomplex.product(z.real[..., None], [3.0]), 3 * z.real[..., None]
    )


@pytest.mark.parametrize("n", [1, 2, 4])
def test_structures_are_associative_and_have_a_one(n):
    A = hypercomplex.structure(n)
    assert hypercomplex.composes(A)
    np.testing.assert_array_equal(A[0], np.eye(n))
    np.testing.assert_array_equal(A[:, :, 0], np.eye(n))
    p, q = RNG.normal(size=(2, 6, n))
    left = hypercomplex.left_matrix
    np.testing.assert_allclose(left(p) @ left(q), left(hypercomplex.product(p, q)))


def test_other_structures_do_not_compose():
    A = hypercomplex.structure(4) + 1e-3 * RNG.normal(size=(4, 4, 4))
    assert not hypercomplex.composes(A)
    change = RNG.normal(size=(4, 4))  # of basis, which is the same algebra
    A = np.einsum(
        "ai,kb,ibj,jc->akc", change, np.linalg.inv(change).T, hypercomplex.structure(4), change.T
    )
    assert hypercomplex.composes(A, 1e-9)


def test_a_structure_can_be_changed_without_harm():
    hypercomplex.structure(4)[:] = 7
    assert hypercomplex.composes(hypercomplex.structure(4))


def test_rotations_are_those_of_scipy():
    q, v = RNG.normal(size=(20, 4)), RNG.normal(size=(20, 3))
    expected = Rotation.from_quat(q[:, [1, 2, 3, 0]]).apply(v)
    np.testing.assert_allclose(hypercomplex.rotate(q, v), expected)
    np.testing.assert_allclose(hypercomplex.rotate(-3 * q, v), expected)


def test_the_product_of_quaternions_is_one_turn_after_another():
    p, q, v = RNG.normal(size=(3, 1, 4)), RNG.normal(size=4), RNG.normal(size=(5, 3))
    once = hypercomplex.rotate(hypercomplex.product(p, q), v)
    assert once.shape == (3, 5, 3)
    np.testing.assert_allclose(hypercomplex.rotate(p, hypercomplex.rotate(q, v)), once)


# ------------------------------------------------------- sums of Kronecker products


@pytest.mark.parametrize("n", [1, 2, 4])
def test_a_kronecker_sum_is_a_matrix_over_the_algebra(n):
    S, x = RNG.normal(size=(n, 3, 5)), RNG.normal(size=(n, 5))
    A = hypercomplex.structure(n)
    H = hypercomplex.kronecker_sum(A, S)
    np.testing.assert_allclose(H, sum(np.kron(a, s) for a, s in zip(A, S, strict=True)))
    entries = hypercomplex.product(np.moveaxis(S, 0, -1), x.T)
    np.testing.assert_allclose(H @ x.ravel(), entries.sum(axis=1).T.ravel())


@pytest.mark.parametrize(("n", "rows", "columns"), [(2, 1, 1), (2, 2, 3), (4, 1, 1), (4, 2, 1)])
def test_the_expression_is_the_matrix(n, rows, columns):
    A, S = RNG.integers(-3, 4, size=(n, n, n)), RNG.integers(-9, 10, size=(n, rows, columns))
    expression = hypercomplex.kronecker_sum_expression(A, rows, columns)
    values = {sp.MatrixSymbol(f"S{i}", rows, columns): sp.Matrix(s) for i, s in enumerate(S)}
    found = expression.subs(values).doit()
    assert found == sp.Matrix(hypercomplex.kronecker_sum(A, S))


def test_the_expression_takes_a_structure_of_symbols():
    A = np.array(sp.symbols("a:8")).reshape(2, 2, 2)
    expression = hypercomplex.kronecker_sum_expression(A)
    S0, S1 = (sp.MatrixSymbol(name, 1, 1)[0, 0] for name in ("S0", "S1"))
    assert expression[1, 0] == A[0, 1, 0] * S0 + A[1, 1, 0] * S1


@pytest.mark.parametrize("n", [2, 3, 4])
def test_the_kronecker_rank_is_the_number_of_terms(n):
    for terms in range(1, n * n + 1):
        pairs = [(RNG.normal(size=(n, n)), RNG.normal(size=(5, 4))) for _ in range(terms)]
        assert hypercomplex.kronecker_rank(sum(np.kron(*pair) for pair in pairs), n) == terms
    assert hypercomplex.kronecker_rank(RNG.normal(size=(5 * n, 4 * n)), n) == n * n
    assert hypercomplex.kronecker_rank(np.kron(np.eye(n), np.ones((3, 3))), n) == 1
    assert hypercomplex.kronecker_rank(np.zeros((n, n)), n) == 0


@pytest.mark.parametrize("n", [1, 2, 4])
def test_the_count_is_the_dimension_of_what_is_reached(n):
    inputs, outputs = 8, 12
    S = np.eye(inputs * outputs // n).reshape(-1, n, outputs // n, inputs // n)
    A = hypercomplex.structure(n)
    reached = [hypercomplex.kronecker_sum(A, weights).ravel() for weights in S]
    count = hypercomplex.parameter_count(inputs, outputs, n)
    assert np.linalg.matrix_rank(reached) == count == len(S)
    assert hypercomplex.parameter_count(inputs, outputs, n, learnt=True) == count + A.size


# ------------------------------------------------------- groups


def test_the_icosians_are_exact():
    """Norms by SymPy, products by its quaternions."""
    a, b = GROUP.exact[..., 0], GROUP.exact[..., 1]
    # (a + b phi)^2 = a^2 + b^2 + (2 a b + b^2) phi, and four times a norm of 1 is 4
    np.testing.assert_array_equal((a**2 + b**2).sum(1), np.full(120, 4))
    np.testing.assert_array_equal((2 * a * b + b**2).sum(1), np.zeros(120))
    exact = lambda i: sp.Quaternion(*((x + y * PHI) / 2 for x, y in GROUP.exact[i].tolist()))  # noqa: E731
    for i, j in RNG.integers(120, size=(15, 2)):
        short = exact(i) * exact(j) - exact(GROUP.table[i, j])
        assert [sp.expand(part) for part in short.args] == [0] * 4


def test_the_table_is_that_of_the_numbers():
    products = hypercomplex.product(GROUP.unit[:, None], GROUP.unit)
    np.testing.assert_allclose(products, GROUP.unit[GROUP.table], atol=1e-15)
    np.testing.assert_array_equal(GROUP.unit[0], [1, 0, 0, 0])
    np.testing.assert_array_equal(GROUP.exact[60:], -GROUP.exact[:60])


def test_the_icosians_are_the_corners_of_the_600_cell():
    """Each has twelve neighbours at 36 degrees, and none is nearer."""
    cosines = np.sort(GROUP.unit @ GROUP.unit.T, axis=1)
    np.testing.assert_allclose(cosines[:, -13:-1], np.cos(np.pi / 5))
    assert cosines[:, -14].max() < 0.51


def test_the_table_is_that_of_the_binary_icosahedral_group():
    t, places = GROUP.table, np.arange(120)
    np.testing.assert_array_equal(t[t[:, :, None], places], t[:, t])
    orders, power = np.zeros(120, dtype=int), places
    for k in range(1, 121):
        orders[(power == 0) & (orders == 0)] = k
        power = t[power, places]
    assert Counter(orders.tolist()) == {1: 1, 2: 1, 3: 20, 4: 30, 5: 24, 6: 20, 10: 24}


def test_neither_group_can_be_solved():
    small = GROUP.table[:60, :60] % 60
    for table in (GROUP.table, small):
        (group,) = hypercomplex.transition_groups(table)
        assert group.order() == len(table)
        assert group.is_perfect and not group.is_solvable
        # by hand: a group of these orders is perfect if its commutators generate it
        inverse = np.argmin(table, axis=1)
        commutators = {
            table[table[i, j], table[inverse[i], inverse[j]]]
            for i in range(len(table))
            for j in range(len(table))
        }
        assert len(commutators) == len(table)


def test_two_letters_are_enough():
    (group,) = hypercomplex.transition_groups(GROUP.table[[1, 2]])
    assert group.order() == 120


@pytest.mark.parametrize(
    "group",
    [
        sp.combinatorics.named_groups.SymmetricGroup(4),
        sp.combinatorics.named_groups.AlternatingGroup(4),
        sp.combinatorics.named_groups.DihedralGroup(6),
        sp.combinatorics.named_groups.CyclicGroup(12),
    ],
)
def test_a_group_of_permutations_is_found_again(group):
    elements = list(group.elements)
    place = {element: i for i, element in enumerate(elements)}
    table = [[place[p * q] for q in elements] for p in elements]
    (found,) = hypercomplex.transition_groups(table)
    assert found.order() == group.order()
    assert found.is_abelian == group.is_abelian
    series = [[g.order() for g in both.derived_series()] for both in (found, group)]
    assert series[0] == series[1]


def test_the_groups_of_all_maps_of_three_states():
    """One idempotent moves nothing, six have two values and three have one."""
    maps = [[1, 2, 0], [1, 0, 2], [0, 0, 2]]
    orders = sorted(group.order() for group in hypercomplex.transition_groups(maps))
    assert orders == [2] * 6 + [6]


def machine(letters, start):
    """States reached from a start, and what each letter does to them."""
    states = [start]
    place = {start: 0}
    for state in states:
        for letter in letters:
            if (new := letter(state)) not in place:
                place[new] = len(states)
                states.append(new)
    return [[place[letter(state)] for state in states] for letter in letters]


def spin(sizes, steps, written):
    """A complex diagonal step on roots of unity: each mode turns, or is written anew."""

    def letter(state):
        return tuple(
            (s + k) % m if w is None else w % m
            for s, k, m, w in zip(state, steps, sizes, written, strict=True)
        )

    return letter


def test_complex_modes_have_abelian_groups_only():
    largest = 0
    for _ in range(40):
        sizes = RNG.integers(2, 5, size=2).tolist()
        letters = [
            spin(
                sizes,
                RNG.integers(12, size=2).tolist(),
                [None if RNG.random() < 0.7 else int(RNG.integers(12)) for _ in sizes],
            )
            for _ in range(3)
        ]
        for group in hypercomplex.transition_groups(machine(letters, (0, 0))):
            assert group.is_abelian
            largest = max(largest, group.order())
    assert largest >= 6


def test_one_quaternion_with_resets_has_a_group_that_cannot_be_solved():
    resets = np.zeros((1, 120), dtype=int)
    maps = np.concatenate([GROUP.table[[1, 2]], resets])
    assert [group.order() for group in hypercomplex.transition_groups(maps)] == [120]


def test_gates_alone_have_no_groups():
    """Written or kept, on three bits: no word does anything that a power of it undoes."""
    write = lambda i, b: lambda s: (*s[:i], b, *s[i + 1 :])  # noqa: E731
    letters = [write(i, b) for i in range(3) for b in (0, 1)]
    assert hypercomplex.transition_groups(machine(letters, (0, 0, 0))) == []


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: hypercomplex.structure(3), "n"),
        (lambda: hypercomplex.composes(np.ones((2, 2))), "A"),
        (lambda: hypercomplex.composes(np.ones((2, 2, 3))), "A"),
        (lambda: hypercomplex.left_matrix([1, 2, 3]), "q"),
        (lambda: hypercomplex.left_matrix(1.0), "q"),
        (lambda: hypercomplex.product([1, 2, 3], [1, 2]), "p"),
        (lambda: hypercomplex.product([1, 2], [1, 2, 3, 4]), "q"),
        (lambda: hypercomplex.rotate([1, 2], [1, 2, 3]), "q"),
        (lambda: hypercomplex.rotate([0, 0, 0, 0], [1, 2, 3]), "q"),
        (lambda: hypercomplex.rotate([1, 0, 0, 0], [1, 2]), "v"),
        (lambda: hypercomplex.kronecker_sum(np.ones((2, 3, 2)), np.ones((2, 1, 1))), "A"),
        (lambda: hypercomplex.kronecker_sum(np.ones((2, 2, 2)), np.ones((3, 1, 1))), "S"),
        (lambda: hypercomplex.kronecker_sum_expression(np.ones((2, 3, 2))), "A"),
        (lambda: hypercomplex.kronecker_rank(np.ones((4, 6)), 4), "H"),
        (lambda: hypercomplex.kronecker_rank(np.ones((4, 6)), 0), "H"),
        (lambda: hypercomplex.parameter_count(6, 8, 4), "n"),
        (lambda: hypercomplex.parameter_count(6, 8, 0), "n"),
        (lambda: hypercomplex.transition_groups([[0, 2]]), "maps"),
        (lambda: hypercomplex.transition_groups([0, 1]), "maps"),
        (lambda: hypercomplex.transition_groups([[0.5, 1]]), "maps"),
    ],
)
def test_wrong_arguments_are_named(call, name):
    with pytest.raises(ValueError, match=f"`{name}`"):
        call()
