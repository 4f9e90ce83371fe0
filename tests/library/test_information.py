"""Information in a state against joint covariances, enumerated channels and simulation."""

import math

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad
from scipy.special import entr

from ssm_companion.theory.information import (
    KNOWN,
    capacity,
    capacity_expressions,
    crowding,
    crowding_expression,
    fano_block,
    fano_expression,
    fano_symbol,
    gaussian_information,
    gramian,
    least_dimension,
    memory_curve,
    memory_curve_expression,
    responses,
    rounded_information,
    unit_weights,
)

LAGS = 7


def h2(p):
    return (entr(p) + entr(1 - p)) / math.log(2)


def random_system(rng, kind):
    d, m = rng.integers(1, 5, 2)
    A, B = rng.normal(size=(LAGS, d, d)), rng.normal(size=(LAGS, d, m))
    if kind == "constant":
        A, B = A[0] / (1.1 * np.abs(np.linalg.eigvals(A[0])).max()), B[0]
    if kind == "diagonal steps":
        d = d + LAGS  # so that the array is not square
        A, B = rng.uniform(-1, 1, (LAGS, d)), rng.normal(size=d)
    if kind == "complex":
        A = np.sqrt(rng.uniform(size=d)) * np.exp(2j * np.pi * rng.uniform(size=d))
        B = rng.normal(size=(d, m)) + 1j * rng.normal(size=(d, m))
    return A, B


def joint_covariance(A, B, noise, start=None):
    """Of the inputs, oldest first, the start and the noisy state, by stepping the recursion."""
    T = LAGS
    A = np.asarray(A)
    A = [np.diag(x) if x.ndim == 1 else x for x in ([A] * T if A.shape[0] != T else A)]
    B = B[:, None] if B.ndim == 1 else B
    B = [B] * T if B.ndim == 2 else B
    d, m = B[0].shape
    h = np.zeros((d, T * m + d), dtype=complex)
    h[:, T * m :] = np.eye(d)
    for t in range(T):
        h = A[t] @ h
        h[:, t * m : (t + 1) * m] += B[t]
    if any(np.iscomplexobj(X) for X in (*A, *B)):
        to_real = np.block([[h[:, T * m :].real, -h[:, T * m :].imag]])
        to_imag = np.block([[h[:, T * m :].imag, h[:, T * m :].real]])
        h = np.block([[h[:, : T * m].real, to_real], [h[:, : T * m].imag, to_imag]])
    h, n = h.real, T * m
    first = np.zeros((len(h), len(h))) if start is None else start
    X = np.block([[np.eye(n), np.zeros((n, len(h)))], [np.zeros((len(h), n)), first]])
    return np.block([[X, X @ h.T], [h @ X, h @ X @ h.T + noise * np.eye(len(h))]]), n, m


def conditional(S, one, other, given):
    """I(one; other | given) from a covariance; coordinates of variance 0 are left out."""
    given = [i for i in given if S[i, i] > 0]
    log_det = lambda i: np.linalg.slogdet(S[np.ix_(i, i)])[1] if i else 0.0  # noqa: E731
    whole = log_det(one + other + given)
    return (log_det(one + given) + log_det(other + given) - log_det(given) - whole) / 2


KINDS = ("constant", "varying", "diagonal steps", "complex")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(6))
def test_information_is_that_of_the_joint_covariance(kind, seed):
    rng = np.random.default_rng(seed)
    A, B = random_system(rng, kind)
    noise = 10 ** rng.uniform(-2, 1)
    S, n, _ = joint_covariance(A, B, noise)
    z = [*range(n, len(S))][-len(gramian(A, B, LAGS)) :]
    brute = conditional(S, [*range(n)], z, [])
    assert gaussian_information(gramian(A, B, LAGS), noise) == pytest.approx(brute, rel=1e-9)


@pytest.mark.parametrize("known", KNOWN)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("started", [False, True])
def test_memory_curve_is_that_of_the_joint_covariance(kind, known, started):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        A, B = random_system(rng, kind)
        d = len(gramian(A, B, LAGS))
        root = rng.normal(size=(d, d))
        start = root @ root.T if started else None
        noise = 10 ** rng.uniform(-1, 1)
        S, n, m = joint_covariance(A, B, noise, start)
        z, first = [*range(n + d, n + 2 * d)], [*range(n, n + d)]
        curve = memory_curve(A, B, noise, LAGS, known, start)
        for k, nats in enumerate(curve):
            asked = [*range((LAGS - 1 - k) * m, (LAGS - k) * m)]
            newer, older = [*range(asked[-1] + 1, n)], [*range(asked[0])] + first
            given = {"nothing": [], "newer": newer, "older": older, "others": older + newer}
            assert nats == pytest.approx(conditional(S, asked, z, given[known]), abs=1e-8)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_known_orders_the_curves_and_two_of_them_add_up(seed):
    rng = np.random.default_rng(seed)
    A, B = random_system(rng, KINDS[seed % 4])
    curves = {known: memory_curve(A, B, 0.3, LAGS, known) for known in KNOWN}
    total = gaussian_information(gramian(A, B, LAGS), 0.3)
    assert curves["newer"].sum() == pytest.approx(total)
    assert curves["older"].sum() == pytest.approx(total)
    for known in ("newer", "older"):
        assert np.all(curves["nothing"] <= curves[known] + 1e-9)
        assert np.all(curves[known] <= curves["others"] + 1e-9)


def test_the_curves_of_one_factor_are_the_expressions():
    a, k, v = sp.Symbol("a", positive=True), sp.Symbol("k", integer=True, nonnegative=True), None
    v = sp.Symbol("v", positive=True)
    for known in KNOWN:
        formula = sp.lambdify((a, k, v), memory_curve_expression(known))
        for factor in (0.3, 0.9, 0.99):
            start = gramian([factor], [1.0])
            curve = memory_curve([factor], [1.0], 0.2, 30, known, start)
            np.testing.assert_allclose(curve, formula(factor, np.arange(30), 0.2), atol=1e-12)


def test_the_scalar_curve_telescopes_in_sympy():
    a, v = sp.Symbol("a", positive=True), sp.Symbol("v", positive=True)
    k = sp.Symbol("k", integer=True, nonnegative=True)
    tail = a ** (2 * k) / (1 - a**2)
    step = sp.log((v + tail) / (v + tail.subs(k, k + 1))) / 2
    gap = memory_curve_expression("newer") - step
    values = {a: sp.Rational(4, 5), v: sp.Rational(1, 7)}
    assert all(abs(gap.subs(values).subs(k, n).evalf()) < 1e-12 for n in range(5))
    assert sp.simplify(sp.exp(2 * gap)) == 1


def test_the_stationary_gramian_is_the_limit_and_solves_its_equation():
    rng = np.random.default_rng(0)
    for kind in ("constant", "complex"):
        A, B = random_system(rng, kind)
        A = 0.9 * A
        np.testing.assert_allclose(gramian(A, B), gramian(A, B, 700), atol=1e-9)


def test_capacity_bounds_every_information_and_a_register_attains_it():
    rng = np.random.default_rng(1)
    for _ in range(200):
        A, B = random_system(rng, "constant")
        W, noise = gramian(A, B, LAGS), 10 ** rng.uniform(-2, 1)
        assert gaussian_information(W, noise) <= capacity(np.trace(W), len(W), noise) + 1e-12
    W = gramian(np.eye(5, k=-1), np.eye(5)[0], 9)
    assert gaussian_information(W, 0.1) == pytest.approx(capacity(5.0, 5, 0.1))


def test_capacity_and_its_inverse_are_the_expressions():
    P, d, v, tau = sp.symbols("P d v tau", positive=True)
    bound, least = capacity_expressions()
    number = sp.lambdify((P, d, v), bound)
    dims = np.array([1, 2.5, 10, 300])
    np.testing.assert_allclose(capacity(7.0, dims, 0.4), number(7.0, dims, 0.4))
    nats = capacity(7.0, dims, 0.4)
    np.testing.assert_allclose(least_dimension(nats, 7.0, 0.4), dims, rtol=1e-6)
    for x, y in zip(nats, dims, strict=True):
        symbolic = least.subs({tau: x, P: 7, v: sp.Rational(2, 5)}).evalf()
        assert float(sp.re(symbolic)) == pytest.approx(y, rel=1e-6)
    assert sp.limit(bound, d, sp.oo) == P / (2 * v)
    assert least_dimension([1.0, 9.0], 7.0, 0.4)[1] == np.inf


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("complex_modes", [False, True])
def test_crowding_is_half_the_log_determinant_of_the_gramian(seed, complex_modes):
    rng = np.random.default_rng(seed)
    poles = 0.95 * rng.uniform(-1, 1, 4)
    if complex_modes:
        poles = np.abs(poles) * np.exp(1j * np.pi * rng.uniform(0.1, 0.9, 4))
    W = gramian(poles, unit_weights(poles))
    d, v = len(W), 1e-3
    assert np.trace(W) == pytest.approx(d)
    assert np.linalg.slogdet(W)[1] / 2 == pytest.approx(crowding(poles), abs=1e-6)
    least = d / 2 * math.log(1 / v) + crowding(poles)
    assert least - 1e-9 <= gaussian_information(W, v) <= capacity(d, d, v) + 1e-9


def test_crowding_of_two_poles_is_the_expression_and_equal_poles_are_one():
    a, b = sp.symbols("a b", real=True)
    for x, y in ((0.5, -0.2), (0.9, 0.99), (-0.3, -0.31)):
        assert crowding([x, y]) == pytest.approx(float(crowding_expression().subs({a: x, b: y})))
    assert crowding([0.5, 0.5]) == -np.inf


def test_gaussian_information_against_simulation():
    # I = h(z) - h(n), the entropy of z by the mean of -log of its density, 99.9 % interval
    rng = np.random.default_rng(2)
    A, B = np.array([0.9, -0.5]), np.array([1.0, 0.5])
    W = gramian(A, B, 40)
    u = rng.normal(size=(40, 200_000))
    h = np.zeros((2, u.shape[1]))
    for row in u:
        h = A[:, None] * h + B[:, None] * row
    n = 0.5 * rng.normal(size=h.shape)
    z, S = h + n, W + 0.25 * np.eye(2)
    density = lambda x, S: (  # noqa: E731
        -(x * np.linalg.solve(S, x)).sum(0) / 2 - np.linalg.slogdet(2 * np.pi * S)[1] / 2
    )
    sample = density(n, 0.25 * np.eye(2)) - density(z, S)
    width = 3.3 * sample.std() / math.sqrt(len(sample))
    assert abs(sample.mean() - gaussian_information(W, 0.25)) < width


def test_averaged_gates_do_not_bound_a_selective_memory_but_its_covariance_does():
    # h = x 1{|x| > 3}: numbers of the text
    phi = lambda x: np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)  # noqa: E731
    closed = math.erf(3 / math.sqrt(2))
    loud = quad(lambda x: x**2 * phi(x), 3, 40)[0] * 2
    z, x = np.linspace(-12, 12, 2401), np.linspace(3, 9, 1201)
    written = (phi(z[:, None] - x) + phi(z[:, None] + x)) * phi(x)
    written = np.trapezoid(written, x, axis=1)
    density = closed * phi(z) + written
    entropy = entr(density).sum() * (z[1] - z[0])
    nats = entropy - math.log(2 * math.pi * math.e) / 2
    assert nats == pytest.approx(0.0127, abs=5e-5)
    assert gaussian_information([[1 - closed]], 1.0) == pytest.approx(0.0013, abs=1e-4)
    assert gaussian_information([[loud]], 1.0) == pytest.approx(0.0144, abs=2e-4)


@pytest.mark.parametrize("seed", range(20))
def test_no_state_on_a_grid_has_more_entropy_than_its_covariance_allows(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 8, 2)
    law = rng.dirichlet(np.full(sizes.prod(), 0.5))
    step = rng.uniform(0.1, 3, 2)
    points = np.stack(np.meshgrid(*map(np.arange, sizes), indexing="ij"), -1).reshape(-1, 2) * step
    centred = points - law @ points
    covariance = centred.T @ (centred * law[:, None])
    assert entr(law).sum() <= rounded_information(covariance, step) + 1e-12


def test_the_bound_of_a_rounded_state_is_attained_by_fine_gaussian_rounding():
    grid = np.arange(-4000, 4001)
    law = np.exp(-(grid**2) / (2 * 300**2))
    law /= law.sum()
    bound = rounded_information([[law @ grid**2]], 1.0)
    assert entr(law).sum() == pytest.approx(bound, abs=1e-5)


def random_channel(rng, length, kinds):
    strings = np.array(np.meshgrid(*[np.arange(kinds)] * length)).reshape(length, -1).T
    law = rng.dirichlet(np.full(len(strings), rng.choice([0.2, 1, 50])))
    channel = rng.dirichlet(np.full(rng.integers(1, 6), rng.choice([0.05, 1])), len(strings))
    joint = law[:, None] * channel
    entropy = entr(law).sum() / math.log(2)
    both = entr(joint).sum() / math.log(2)
    state = entr(joint.sum(0)).sum() / math.log(2)
    return strings, joint, entropy, max(entropy + state - both, 0.0)


@pytest.mark.parametrize("seed", range(150))
def test_no_reader_of_a_random_channel_beats_fano(seed):
    rng = np.random.default_rng(seed)
    length, kinds = [(1, 5), (2, 3), (3, 2), (4, 2)][seed % 4]
    strings, joint, entropy, information = random_channel(rng, length, kinds)
    block = 1 - joint.max(0).sum()  # the best reader of the whole string
    symbol = 0.0  # and of each symbol by itself
    for s in range(length):
        marginal = np.array([joint[strings[:, s] == x].sum(0) for x in range(kinds)])
        symbol += (1 - marginal.max(0).sum()) / length
    assert block >= fano_block(entropy, information, length, kinds) - 1e-9
    assert symbol >= fano_symbol(entropy, information, length, kinds) - 1e-9
    linear = (entropy - information - 1) / (length * math.log2(kinds))
    assert fano_block(entropy, information, length, kinds) >= linear - 1e-12


@pytest.mark.parametrize("kinds", [2, 3, 8])
@pytest.mark.parametrize("error", [0.01, 0.2, 0.45])
def test_a_symmetric_channel_attains_both(kinds, error):
    kept = math.log2(kinds) - h2(error) - error * math.log2(kinds - 1)
    assert fano_symbol(6 * math.log2(kinds), 6 * kept, 6, kinds) == pytest.approx(error)
    assert fano_block(math.log2(kinds), kept, 1, kinds) == pytest.approx(error)


def test_fano_solves_its_expression():
    p, q = sp.symbols("p q", positive=True)
    right = sp.lambdify((p, q), fano_expression())
    kinds, missing = np.array([2, 3, 10, 1000]), np.array([0.5, 1.2, 0.01, 9.0])
    error = fano_symbol(missing, 0, 1, kinds)
    np.testing.assert_allclose(right(error, kinds.astype(float)), missing, rtol=1e-9)


def test_a_long_string_does_not_overflow():
    assert fano_block(5000.0, 10, 5000, 2) > 0.99
    assert fano_symbol(5000.0, 5000.0, 5000, 2) == 0


def refused():
    yield "lags", lambda: responses([0.5], [1.0], 0)
    yield "lags", lambda: responses(np.zeros((3, 2)), [1.0, 1.0], 4)
    yield "A", lambda: responses(np.zeros((2, 2)), [1.0], 3)
    yield "A", lambda: gramian([1.0], [1.0])
    yield "steps", lambda: gramian(np.zeros((5, 2, 2)), [1.0, 1.0])
    yield "W", lambda: gaussian_information([[1.0, 2.0]], 1.0)
    yield "W", lambda: gaussian_information([[-1.0]], 1.0)
    yield "noise", lambda: gaussian_information([[1.0]], 0.0)
    yield "noise", lambda: capacity(1.0, 1, -1.0)
    yield "power", lambda: capacity(-1.0, 1, 1.0)
    yield "d", lambda: capacity(1.0, 0, 1.0)
    yield "nats", lambda: least_dimension(0.0, 1.0, 1.0)
    yield "known", lambda: memory_curve([0.5], [1.0], 1.0, 3, "all")
    yield "noise", lambda: memory_curve([0.5], [1.0], 0.0, 3)
    yield "start", lambda: memory_curve([0.5], [1.0], 1.0, 3, start=[1.0])
    yield "known", lambda: memory_curve_expression("all")
    yield "poles", lambda: crowding([1.0])
    yield "poles", lambda: unit_weights([[0.5]])
    yield "step", lambda: rounded_information([[1.0]], 0.0)
    yield "entropy", lambda: fano_symbol(8.0, 1, 7, 2)
    yield "information", lambda: fano_block(7.0, -1, 7, 2)
    yield "length", lambda: fano_block(7.0, 1, 0, 2)
    yield "kinds", lambda: fano_symbol(7.0, 1, 7, 1)


@pytest.mark.parametrize("name, call", list(refused()))
def test_errors_name_the_argument_and_what_came(name, call):
    with pytest.raises(ValueError, match=rf"`{name}`.*got"):
        call()
