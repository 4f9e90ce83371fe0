"""Gramians, Hankel values and truncation against long sums, Hankel matrices and simulation."""

import control
import numpy as np
import pytest
import sympy as sp

from ssm_companion.theory import reduction
from ssm_companion.theory.information import crowding


def random_system(seed, inputs=1, outputs=1):
    rng = np.random.default_rng(seed)
    N = int(rng.integers(2, 9))
    A = rng.normal(size=(N, N))
    A *= rng.uniform(0.2, 0.97) / np.abs(np.linalg.eigvals(A)).max()
    return reduction.System(A, rng.normal(size=(N, inputs)), rng.normal(size=(outputs, N)))


def random_modes(seed, N=4):
    rng = np.random.default_rng(seed)
    a = rng.uniform(0.1, 0.95, N) * np.exp(1j * rng.uniform(0.1, 3.0, N))
    return a, *(rng.normal(size=(2, N)) + 1j * rng.normal(size=(2, N)))


def kernel(A, B, C, length):
    K, h = [], B
    for _ in range(length):
        K.append(C @ h)
        h = A @ h
    return np.array(K)


def outputs(A, B, C, u):
    h, y = np.zeros(len(A)), []
    for u_t in u:
        h = A @ h + B @ u_t
        y.append(C @ h)
    return np.array(y)


def states(A, B, u):
    return outputs(A, B, np.eye(len(A)), u)


def beside(system, small):
    """The system whose output is the difference of the two."""
    A = np.block(
        [
            [system.A, np.zeros((len(system.A), len(small.A)))],
            [np.zeros((len(small.A), len(system.A))), small.A],
        ]
    )
    return A, np.vstack([system.B, small.B]), np.hstack([system.C, -small.C])


SHAPES = [(1, 1), (2, 3)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shape", SHAPES)
def test_gramians_are_the_sums(seed, shape):
    A, B, C = random_system(seed, *shape)
    W_c, W_o = reduction.gramians(A, B, C)
    from_clicks = kernel(A, B, np.eye(len(A)), 2000)
    to_outputs = kernel(A, np.eye(len(A)), C, 2000)
    np.testing.assert_allclose(W_c, np.einsum("kij,klj->il", from_clicks, from_clicks), rtol=1e-8)
    np.testing.assert_allclose(W_o, np.einsum("kji,kjl->il", to_outputs, to_outputs), rtol=1e-8)
    np.testing.assert_allclose(W_c, control.dlyap(A, B @ B.T), rtol=1e-8)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shape", SHAPES)
def test_hankel_values_are_those_of_the_hankel_matrix(seed, shape):
    system = random_system(seed, *shape)
    K = kernel(*system, 500)
    table = np.block([[K[i + j] for j in range(250)] for i in range(250)])
    values = np.linalg.svd(table, compute_uv=False)[: len(system.A)]
    np.testing.assert_allclose(reduction.hankel_values(*system), values, atol=1e-6 * values[0])


def test_hankel_values_are_the_same_in_every_basis_and_gramians_are_not():
    A, B, C = random_system(3)
    T = np.random.default_rng(4).normal(size=A.shape)
    other = np.linalg.solve(T, A @ T), np.linalg.solve(T, B), C @ T
    values = reduction.hankel_values(A, B, C)
    np.testing.assert_allclose(reduction.hankel_values(*other), values, atol=1e-7 * values[0])
    assert not np.allclose(*(reduction.gramians(*s)[0] for s in ((A, B, C), other)))


@pytest.mark.parametrize("k", [0, 3, 7])
def test_a_delay_needs_as_many_numbers_as_steps(k):
    """All values of the shift register are 1, so nothing may go."""
    shift = np.eye(k + 1, k=-1), np.eye(k + 1)[:, :1], np.eye(k + 1)[-1:]
    np.testing.assert_allclose(reduction.hankel_values(*shift), np.ones(k + 1))


@pytest.mark.parametrize("seed", range(6))
def test_the_product_of_the_values(seed):
    a, b, c = random_modes(seed, 3)
    values = reduction.hankel_values(*reduction.real_system(a, b, c))
    log = 2 * np.log(np.abs(b * c) / (1 - np.abs(a) ** 2)).sum() + 2 * crowding(a)
    assert np.log(values).sum() == pytest.approx(log, rel=1e-5)


def test_the_product_of_two_values_by_sympy():
    expression = reduction.hankel_product_expression()
    names = dict(zip(("a_1", "a_2", "g_1", "g_2"), (0.5, -0.7, 2.0, -0.3), strict=True))
    product = expression.subs({sp.Symbol(n, real=True): v for n, v in names.items()})
    values = reduction.hankel_values(np.diag([0.5, -0.7]), [[2.0], [-0.3]], [[1.0, 1.0]])
    assert float(product) == pytest.approx(values.prod())


@pytest.mark.parametrize("seed", range(5))
def test_a_real_system_has_the_kernel_of_its_modes(seed):
    a, b, c = random_modes(seed)
    expected = [2 * (c * a**k * b).sum().real for k in range(30)]
    found = kernel(*reduction.real_system(a, b, c), 30).ravel()
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("shape", SHAPES)
def test_the_two_bounds_of_truncation(seed, shape):
    system = random_system(seed, *shape)
    values = reduction.hankel_values(*system)
    for order in range(1, len(values)):
        small = reduction.balanced_truncation(*system, order)
        assert np.abs(np.linalg.eigvals(small.A)).max() < 1
        error = reduction.largest_gain(*beside(system, small), frequencies=500)
        assert values[order] * (1 - 1e-2) <= error <= 2 * values[order:].sum() * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("shape", SHAPES)
def test_clicks_lose_no_more_than_the_squares(seed, shape):
    system = random_system(seed, *shape)
    values = reduction.hankel_values(*system)
    for order in range(1, len(values)):
        small = reduction.balanced_truncation(*system, order)
        lost = (kernel(*system, 1500) - kernel(*small, 1500)) ** 2
        assert lost.sum() <= (values[order:] ** 2).sum() * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("shape", SHAPES)
def test_inputs_lose_no_more_than_what_they_put_into_what_goes(seed, shape):
    """Coloured inputs, one sequence, no mean over anything but time."""
    system, rng = random_system(seed, *shape), np.random.default_rng(seed)
    u = np.cumsum(rng.normal(size=(200, shape[0])), axis=0) + 3
    h = states(system.A, system.B, u)
    seen = h.T @ h / len(u)
    values = reduction.hankel_values(*system, covariance=seen)
    most = int((values > 1e-9 * values[0]).sum())
    for order in range(1, most):
        small = reduction.balanced_truncation(*system, order, covariance=seen)
        assert np.abs(np.linalg.eigvals(small.A)).max() < 1
        lost = ((outputs(*system, u) - outputs(*small, u)) ** 2).sum(1).mean()
        assert lost <= (values[order:] ** 2).sum() * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_truncation_by_eigenvectors_is_the_same_system(seed):
    """Another road: projection on eigenvectors of the product of the Gramians."""
    A, B, C = system = random_system(seed)
    order = len(A) // 2
    W_c, W_o = reduction.gramians(*system)
    right, left = (np.linalg.eig(P) for P in (W_c @ W_o, W_o @ W_c))
    pick = lambda e: e[1][:, np.argsort(-e[0].real)[:order]].real  # noqa: E731
    V, U = pick(right), pick(left).T
    inner = np.linalg.inv(U @ V)
    other = inner @ U @ A @ V, inner @ U @ B, C @ V
    small = reduction.balanced_truncation(*system, order)
    np.testing.assert_allclose(kernel(*small, 20), kernel(*other, 20), atol=1e-8)


@pytest.mark.parametrize("seed", range(8))
def test_reduced_modes_are_the_truncated_system(seed):
    a, b, c = random_modes(seed)
    system = reduction.real_system(a, b, c)
    for order in range(1, 9):
        small = reduction.reduce_modes(a, b, c, order)
        numbers = np.where(small.a.imag != 0, 2, 1).sum()
        assert numbers == order
        assert np.all(small.a.imag >= 0) and np.all(np.abs(small.a) < 1)
        expected = kernel(*reduction.balanced_truncation(*system, order), 25).ravel()
        found = [2 * (small.c * small.a**k * small.b).sum().real for k in range(25)]
        np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())
    np.testing.assert_allclose(found, kernel(*system, 25).ravel(), atol=1e-6)


def test_modes_are_reduced_for_the_inputs_that_come():
    a, b, c = random_modes(9)
    seen = reduction.state_moments(a, b, np.sin(np.arange(400) / 3) + 2)
    system = reduction.real_system(a, b, c)
    expected = kernel(*reduction.balanced_truncation(*system, 3, seen), 25).ravel()
    small = reduction.reduce_modes(a, b, c, 3, seen)
    found = [2 * (small.c * small.a**k * small.b).sum().real for k in range(25)]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    white = kernel(*reduction.balanced_truncation(*system, 3), 25).ravel()
    assert np.abs(white - expected).max() > 1e-2


def test_moments_of_a_state():
    a, b, _ = random_modes(5)
    u = np.random.default_rng(0).normal(size=300)
    A, B, _ = reduction.real_system(a, b, b)
    h = states(A, B, u[:, None])
    np.testing.assert_allclose(reduction.state_moments(a, b, u), h.T @ h / 300, atol=1e-10)


def test_white_inputs_have_the_moments_of_the_gramian():
    a, b, c = random_modes(6)
    u = np.random.default_rng(0).normal(size=200_000)
    W_c, _ = reduction.gramians(*reduction.real_system(a, b, c))
    seen = reduction.state_moments(a, b, u)
    np.testing.assert_allclose(seen, W_c, atol=0.03 * np.abs(W_c).max())
    values = reduction.hankel_values(*reduction.real_system(a, b, c), covariance=W_c)
    np.testing.assert_allclose(values, reduction.hankel_values(*reduction.real_system(a, b, c)))


@pytest.mark.parametrize("seed", range(4))
def test_the_largest_gain(seed):
    A, B, C = random_system(seed)
    response = control.ss(A, B, C, 0, 1)(np.exp(1j * np.linspace(0, np.pi, 4096)))
    gain = reduction.largest_gain(A, B, C)
    assert gain == pytest.approx(np.abs(response).max())
    assert gain >= reduction.hankel_values(A, B, C)[0] * (1 - 1e-3)


def test_the_largest_gain_of_more_inputs_is_a_singular_value():
    B, C = np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])
    assert reduction.largest_gain([[0.5]], B, C) == pytest.approx(2 * 5 * np.sqrt(5))


ONE = [[1.0]]


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: reduction.gramians([[1.0]], ONE, ONE), "A"),
        (lambda: reduction.gramians(np.ones((2, 3)), ONE, ONE), "A"),
        (lambda: reduction.hankel_values([[0.5]], ONE, np.ones((1, 2))), "C"),
        (lambda: reduction.hankel_values([[0.5]], ONE, ONE, covariance=np.eye(2)), "covariance"),
        (lambda: reduction.balanced_truncation([[0.5]], ONE, ONE, 2), "order"),
        (lambda: reduction.balanced_truncation([[0.5]], ONE, ONE, 0), "order"),
        (lambda: reduction.reduce_modes([0.5], [1.0], [1.0, 2.0], 1), "c"),
        (lambda: reduction.reduce_modes([0.5j], [1.0], [1.0], 3), "order"),
        (lambda: reduction.state_moments([0.5], [1.0], []), "u"),
    ],
)
def test_wrong_arguments_are_named(call, name):
    with pytest.raises(ValueError, match=f"`{name}`"):
        call()
