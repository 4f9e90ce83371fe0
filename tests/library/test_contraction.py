"""Norms in which systems shrink, against brute force, SciPy, python-control and SymPy."""

import itertools
import math

import control
import numpy as np
import pytest
import sympy as sp

from ssm_companion.theory.contraction import (
    common_lyapunov,
    common_rate,
    joint_spectral_bounds,
    lyapunov,
    lyapunov_expression,
    norm_in,
    spectral_radius,
    stack_bound,
)

SHEAR = np.array([[0.5, 2.0], [0.0, 0.5]])
# the unit square shrinks under both, and no ellipse does
SQUARE = 0.9 * np.array([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, -1.0]]])


def stable(rng, d, *shape, complex=False):
    A = rng.normal(size=(*shape, d, d))
    if complex:
        A = A + 1j * rng.normal(size=A.shape)
    return A * (rng.uniform(0.1, 0.98, shape) / spectral_radius(A))[..., None, None]


@pytest.mark.parametrize("complex", [False, True])
@pytest.mark.parametrize("d", [1, 2, 3, 6])
def test_lyapunov_solves_its_equation_and_is_the_sum_over_time(d, complex):
    rng = np.random.default_rng(d)
    A = 0.9 * stable(rng, d, 20, complex=complex)
    Q = np.eye(d) + np.ones((d, d))
    P = lyapunov(A, Q)
    adjoint = A.conj().swapaxes(-1, -2)
    np.testing.assert_allclose(P - adjoint @ P @ A, np.broadcast_to(Q, P.shape), atol=1e-9)
    term, total = np.broadcast_to(Q, P.shape), 0
    for _ in range(400):
        total, term = total + term, adjoint @ term @ A
    np.testing.assert_allclose(P, total, rtol=1e-8)


def test_lyapunov_against_python_control():
    rng = np.random.default_rng(0)
    for d in range(1, 7):
        A = stable(rng, d)
        # their equation is A X A' - X + Q = 0
        np.testing.assert_allclose(lyapunov(A), control.dlyap(A.T, np.eye(d)), rtol=1e-8)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_lyapunov_in_symbols_and_in_numbers_are_the_same_object(d):
    rng = np.random.default_rng(d)
    entries = sp.Matrix(d, d, lambda i, j: sp.Symbol(f"a{i}{j}"))
    triangle = d == 3  # full ones take SymPy a minute
    expression = lyapunov_expression(entries.upper_triangular() if triangle else entries)
    in_numbers = sp.lambdify(list(entries), expression)
    for A in stable(rng, d, 20):
        A = np.clip(np.triu(A), -0.9, 0.9) if triangle else A
        np.testing.assert_allclose(in_numbers(*A.ravel()), lyapunov(A), rtol=1e-7)


def test_norm_in_is_the_greatest_stretch_of_a_vector():
    rng = np.random.default_rng(1)
    A = stable(rng, 3, 50)
    P = lyapunov(A)
    norms = norm_in(P, A)
    h = rng.normal(size=(4000, 3))
    moved = np.einsum("kij,nj->kni", A, h)
    after = np.einsum("kni,kij,knj->kn", moved, P, moved)
    stretched = np.sqrt(after / np.einsum("ni,kij,nj->kn", h, P, h))
    assert (stretched <= norms[:, None] * (1 + 1e-12)).all()
    assert (stretched.max(1) > 0.97 * norms).all()
    assert (norms < 1).all()


def test_norm_in_of_the_identity_is_the_spectral_norm_also_for_complex_matrices():
    A = stable(np.random.default_rng(2), 4, 10, complex=True)
    np.testing.assert_allclose(norm_in(np.eye(4), A), np.linalg.norm(A, 2, axis=(-2, -1)))


def test_norm_in_of_a_complex_lyapunov_solution_has_the_exact_rate():
    A = stable(np.random.default_rng(3), 3, 30, complex=True)
    P = lyapunov(A)
    largest = np.linalg.eigvalsh(P)[:, -1]
    np.testing.assert_allclose(norm_in(P, A) ** 2, 1 - 1 / largest, rtol=1e-9)


def test_joint_spectral_bounds_enclose_every_long_product():
    rng = np.random.default_rng(4)
    family = stable(rng, 2, 3)
    lower, upper = joint_spectral_bounds(family, 6)
    brute = max(
        spectral_radius(np.linalg.multi_dot(word)).item() ** (1 / 6)
        for word in itertools.product(family, repeat=6)
    )
    assert brute <= lower * (1 + 1e-12) <= upper * (1 + 1e-9)


def test_joint_spectral_bounds_meet_for_commuting_matrices():
    family = [np.diag([0.9, 0.1]), np.diag([0.2, 0.8])]
    np.testing.assert_allclose(joint_spectral_bounds(family, 3), [0.9, 0.9])


def test_two_matrices_each_stable_with_an_unstable_product():
    assert spectral_radius([SHEAR, SHEAR.T]).tolist() == [0.5, 0.5]
    product = spectral_radius(SHEAR @ SHEAR.T)
    assert joint_spectral_bounds([SHEAR, SHEAR.T], 2)[0] == pytest.approx(math.sqrt(product))
    assert common_lyapunov([SHEAR, SHEAR.T], rate=1.0) is None


def test_common_lyapunov_serves_the_whole_hull():
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(20):
        family = 0.8 * stable(rng, 3, 3)
        P = common_lyapunov(family, rate=0.99)
        if P is None:
            continue
        found += 1
        weights = rng.dirichlet(np.ones(3), 200)
        assert (norm_in(P, np.einsum("wm,mij->wij", weights, family)) <= 0.99 + 1e-6).all()
        assert np.linalg.eigvalsh(P)[0] == pytest.approx(1)
    assert found >= 5


def test_a_square_may_shrink_where_no_ellipse_does():
    assert (np.abs(SQUARE).sum(-1) <= 0.9 + 1e-12).all()
    rate, P = common_rate(SQUARE, tolerance=1e-4)
    assert rate == pytest.approx(0.9 * math.sqrt(2), abs=2e-4)
    assert (norm_in(P, SQUARE) <= rate + 1e-6).all()


def test_common_rate_of_one_matrix_comes_close_to_its_spectral_radius():
    rate, P = common_rate([SHEAR])
    assert 0.5 <= rate < 0.502
    assert norm_in(P, SHEAR) <= rate + 1e-6


@pytest.mark.parametrize("coupling", [1e2, 1e3, 1e4])
def test_common_rate_is_not_lost_where_norms_are_huge(coupling):
    rate, P = common_rate([[[0.5, coupling], [0.0, 0.5]]])
    assert 0.5 <= rate < 0.52
    assert norm_in(P, [[0.5, coupling], [0.0, 0.5]]) <= rate * (1 + 1e-6)


def test_common_lyapunov_distorts_no_more_than_the_equation_of_lyapunov():
    for rate in (0.6, 0.8, 0.95):
        P = common_lyapunov([SHEAR], rate)
        assert np.linalg.cond(P) <= np.linalg.cond(lyapunov(SHEAR / rate)) * (1 + 1e-3)


def test_joint_spectral_bounds_of_one_matrix_by_hand():
    powers = [np.linalg.matrix_power(SHEAR, k) for k in (1, 2, 3)]
    norms = [np.linalg.norm(power, 2) ** (1 / k) for k, power in enumerate(powers, 1)]
    np.testing.assert_allclose(joint_spectral_bounds([SHEAR], 3), [0.5, min(norms)], rtol=1e-7)
    small = joint_spectral_bounds([1e-200 * SHEAR], 3)
    np.testing.assert_allclose(small, [5e-201, 1e-200 * min(norms)], rtol=1e-7)


def test_common_lyapunov_gives_no_certificate_that_is_slightly_wrong():
    assert common_lyapunov([1e-8 * np.eye(2)], 5e-9) is None


@pytest.mark.parametrize(("layers", "factor", "gain"), [(1, 0.5, 2.0), (4, 0.9, 0.3), (8, 0.5, 1)])
def test_stack_bound_is_what_the_recursion_gives(layers, factor, gain):
    e = np.ones(layers)
    for t in range(1, 40):
        below = 0.0
        for i in range(layers):
            e[i] = below = factor * e[i] + gain * below
        assert stack_bound(t, layers, factor, gain) == pytest.approx(e[-1])


def test_stack_bound_in_symbols_arrays_and_numbers():
    t, q, g = sp.symbols("t q gamma", positive=True)
    expression = stack_bound(t, 4, q, g)
    steps = np.arange(12)
    np.testing.assert_allclose(
        sp.lambdify((t, q, g), expression)(steps, 0.7, 2.0), stack_bound(steps, 4, 0.7, 2.0)
    )
    j = sp.Symbol("j", integer=True)
    wanted = q**t * sp.summation(g**j * sp.binomial(t + j - 1, j), (j, 0, 3))
    assert all(sp.simplify((wanted - expression).subs(t, n)) == 0 for n in range(1, 9))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spectral_radius(np.ones((2, 3))), r"shape \(..., d, d\), got \(2, 3\)"),
        (lambda: spectral_radius([[np.nan]]), "`A` must be finite"),
        (lambda: lyapunov([[1.0]]), "`A` must have spectral radius below 1, got 1"),
        (lambda: lyapunov(np.zeros((2, 2)), [[1.0]]), "`Q` must be as large as `A`, got 1 and 2"),
        (lambda: lyapunov_expression(sp.ones(2, 3)), r"must be square .* got \(2, 3\)"),
        (lambda: lyapunov(np.zeros((2, 2)), [[1.0, 1.0], [0.0, 1.0]]), "`Q` must be Hermitian"),
        (lambda: lyapunov_expression(sp.eye(1)), "`A` has an eigenvalue that is the reciprocal"),
        (lambda: lyapunov_expression(sp.diag(2, sp.Rational(1, 2))), "`A` has an eigenvalue"),
        (lambda: lyapunov_expression(sp.zeros(2), sp.Matrix([[1, 1], [0, 1]])), "be symmetric"),
        (lambda: norm_in(-np.eye(2), np.eye(2)), "positive definite, got a least eigenvalue of -1"),
        (lambda: norm_in([[1.0, 1.0], [0.0, 1.0]], np.eye(2)), "`P` must be Hermitian"),
        (lambda: norm_in([[1.0]], np.eye(2)), "`P` must be as large as `A`, got 1 and 2"),
        (lambda: joint_spectral_bounds(np.eye(2), 2), r"shape \(m, d, d\), got \(2, 2\)"),
        (lambda: joint_spectral_bounds(SQUARE, 0), "`length` must be >= 1"),
        (lambda: joint_spectral_bounds(SQUARE, 25), "at most 1000000 products"),
        (lambda: common_lyapunov(1j * SQUARE, 1.0), "`matrices` must be real"),
        (lambda: common_lyapunov(SQUARE, 0.0), "`rate` must be > 0, got 0.0"),
        (lambda: common_rate(SQUARE, 0.0), "`tolerance` must be > 0"),
        (lambda: stack_bound(3, 0, 0.5, 1.0), "`layers` must be >= 1, got 0"),
    ],
)
def test_messages(call, message):
    with pytest.raises(ValueError, match=message):
        call()
