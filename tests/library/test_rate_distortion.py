"""The theory of rate and distortion against brute force, convex programs and closed forms."""

import cvxpy as cp
import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad
from scipy.linalg import toeplitz
from scipy.optimize import brentq
from scipy.stats import norm

from ssm_companion.theory.rate_distortion import (
    blahut_arimoto,
    distortion_rate,
    distortion_rate_expression,
    guaranteed_distortion,
    linear_memory,
    rate_distortion,
    stationary_distortion_rate,
    tangent,
    uniform_quantiser,
    water_level,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def spread(rng, *shape):
    """Variances over four decades."""
    return 10 ** rng.uniform(-2, 2, shape)


def binary_entropy(p):
    return -p * np.log(p) - (1 - p) * np.log1p(-p)


def random_covariance(rng, n):
    Q = np.linalg.qr(rng.normal(size=(n, n)))[0]
    return Q * spread(rng, n) @ Q.T


# ------------------------------------------------------------------ Gaussian sources


def nats_left(log_level, variances, nats):
    return np.log(variances / np.exp(log_level)).clip(min=0).sum() / 2 - nats


def test_the_level_solves_its_equation(rng):
    for _ in range(300):
        variances, nats = spread(rng, rng.integers(1, 9)), 10 ** rng.uniform(-3, 1.5)
        root = np.exp(brentq(nats_left, -100, 10, args=(variances, nats), xtol=1e-14))
        assert water_level(variances, nats) == pytest.approx(root, rel=1e-9)


def test_the_curve_is_that_of_a_convex_program(rng):
    for _ in range(10):
        variances, nats = spread(rng, 5), rng.uniform(0.1, 4)
        errors = cp.Variable(5)
        rate = cp.sum(np.log(variances) - cp.log(errors)) / 2
        problem = cp.Problem(cp.Minimize(cp.sum(errors)), [rate <= nats, errors <= variances])
        assert problem.solve() == pytest.approx(distortion_rate(variances, nats), rel=1e-5)


def test_no_joint_covariance_does_better(rng):
    """All of them, not only those that share the eigenvectors of the source."""
    for _ in range(5):
        S = random_covariance(rng, 3)
        error = rng.uniform(0.05, 0.9) * np.trace(S)
        left = cp.Variable((3, 3), symmetric=True)
        constraints = [left << S, cp.trace(left) <= error]
        problem = cp.Problem(cp.Maximize(cp.log_det(left)), constraints)
        found = (np.linalg.slogdet(S)[1] - problem.solve(solver=cp.SCS, eps=1e-7)) / 2
        assert found == pytest.approx(rate_distortion(np.linalg.eigvalsh(S), error), abs=1e-4)


def test_rate_and_distortion_are_inverse(rng):
    variances, nats = spread(rng, 400, 6), 10 ** rng.uniform(-2, 1, 400)
    np.testing.assert_allclose(
        rate_distortion(variances, distortion_rate(variances, nats)), nats, rtol=1e-8
    )


def test_the_shape_of_the_curve(rng):
    variances, nats = spread(rng, 50, 1, 6), np.linspace(0, 5, 200)
    error = distortion_rate(variances, nats)
    assert (np.diff(error) < 0).all()
    assert (np.diff(error, 2) > -1e-9 * error[..., 1:-1]).all()
    slope = (distortion_rate(variances, nats + 1e-6) - error) / 1e-6
    np.testing.assert_allclose(slope, -2 * water_level(variances, nats), rtol=1e-3)


def test_the_tangents_touch_the_curve_and_stay_below(rng):
    variances, nats = spread(rng, 50, 1, 6), np.linspace(0.01, 5, 80)
    level = water_level(variances, nats)
    error = distortion_rate(variances, nats)
    np.testing.assert_allclose(error + 2 * level * nats, tangent(variances, level), rtol=1e-10)
    others = spread(rng, 50, 80)
    assert (error + 2 * others * nats >= tangent(variances, others) * (1 - 1e-12)).all()


def test_the_expression_is_the_function(rng):
    for count in (1, 2, 4):
        expression = distortion_rate_expression(count)
        names = [*sp.symbols(f"lambda_1:{count + 1}", positive=True), sp.Symbol("C", nonnegative=1)]
        evaluate = sp.lambdify(names, expression, "numpy")
        for _ in range(30):
            variances, nats = np.sort(spread(rng, count))[::-1], rng.uniform(0, 4)
            got = distortion_rate(variances, nats)
            assert float(evaluate(*variances, nats)) == pytest.approx(got, rel=1e-10)


def test_the_ends_of_the_curve():
    assert distortion_rate([3.0, 1.0], 0) == 4
    assert distortion_rate([3.0, 1.0], np.inf) == 0
    assert rate_distortion([3.0, 1.0], 0) == np.inf
    assert rate_distortion([3.0, 1.0], [4, 5, np.inf]).tolist() == [0, 0, 0]
    assert distortion_rate([3.0, 0.0], 0.5) == pytest.approx(3 / np.e)
    assert rate_distortion([3.0, 0.0], 3 / np.e) == pytest.approx(0.5)
    assert distortion_rate([0.0, 0.0], [0, 1]).tolist() == [0, 0]
    assert rate_distortion([0.0, 0.0], 0) == 0


def test_a_stationary_source_is_a_long_block():
    a, nats = 0.8, 0.7
    angles = 2 * np.pi * np.arange(4096) / 4096
    spectrum = 1 / np.abs(1 - a * np.exp(1j * angles)) ** 2
    block = toeplitz(a ** np.arange(300.0) / (1 - a**2))
    longest = distortion_rate(np.linalg.eigvalsh(block), 300 * nats) / 300
    exact = stationary_distortion_rate(spectrum, nats)
    assert exact < longest == pytest.approx(exact, rel=5e-3)
    assert exact == pytest.approx(np.exp(-2 * nats))  # below 1 / (1 + a)^2 all frequencies count


# ------------------------------------------------------------------ memories


def test_a_linear_memory_against_its_joint_covariance(rng):
    for _ in range(100):
        n, d = rng.integers(1, 6, 2)
        S, W, N = random_covariance(rng, n), rng.normal(size=(d, n)), random_covariance(rng, d)
        joint = np.block([[S, S @ W.T], [W @ S, W @ S @ W.T + N]])
        logs = [np.linalg.slogdet(M)[1] for M in (S, joint[n:, n:], joint)]
        left = S - S @ W.T @ np.linalg.solve(joint[n:, n:], W @ S)
        nats, error = linear_memory(S, W, N)
        assert nats == pytest.approx((logs[0] + logs[1] - logs[2]) / 2, abs=1e-6)
        assert error == pytest.approx(np.trace(left), rel=1e-6)


def test_linear_memories_lie_between_the_two_curves(rng):
    touch = []
    for _ in range(1000):
        n, d = rng.integers(1, 6, 2)
        S, noise = random_covariance(rng, n), 10 ** rng.uniform(-2, 3)
        nats, error = linear_memory(S, rng.normal(size=(d, n)), noise)
        variances = np.linalg.eigvalsh(S)
        low, high = distortion_rate(variances, nats), guaranteed_distortion(variances, nats)
        assert low * (1 - 1e-9) <= error <= high * (1 + 1e-9)
        touch.append((error - low) / (high - low) if n > 1 else 0)
    assert max(touch) > 0.9 and np.quantile(touch, 0.1) < 0.1


def test_both_curves_are_attained(rng):
    for _ in range(100):
        variances, nats = np.sort(spread(rng, 4))[::-1], rng.uniform(0.1, 4)
        S = np.diag(variances)
        worst = linear_memory(S, np.eye(4)[3:], variances[3] / np.expm1(2 * nats))
        assert worst.nats == pytest.approx(nats)
        assert worst.distortion == pytest.approx(guaranteed_distortion(variances, nats))
        level = water_level(variances, nats)
        heard = variances > level * (1 + 1e-9)
        noise = np.diag(1 / (1 / level - 1 / variances[heard]))
        best = linear_memory(S, np.eye(4)[heard], noise)
        assert best.nats == pytest.approx(nats, rel=1e-6)
        assert best.distortion == pytest.approx(distortion_rate(variances, nats))


@pytest.mark.parametrize("step", [0.05, 0.7, 2.0, 5.0])
def test_the_quantiser_against_integrals(step):
    edges = (np.arange(-200, 201) - 0.5) * step
    edges = edges[np.abs(edges) < 12]
    edges = np.concatenate([[-np.inf], edges, [np.inf]]) if len(edges) else [-np.inf, np.inf]
    nats = error = 0
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        share = norm.cdf(high) - norm.cdf(low)
        if share < 1e-14:
            continue
        mean = quad(lambda x: x * norm.pdf(x), low, high)[0] / share
        error += quad(lambda x, m=mean: (x - m) ** 2 * norm.pdf(x), low, high)[0]
        nats -= share * np.log(share)
    got = uniform_quantiser(3.0, step * np.sqrt(3))
    assert got.nats == pytest.approx(nats, abs=1e-8)
    assert got.distortion == pytest.approx(3 * error, abs=1e-7)


def test_the_quantiser_stays_above_the_curve_and_within_a_quarter_bit():
    for step in np.geomspace(1e-3, 8, 60):
        nats, error = uniform_quantiser(1.0, step)
        over = nats - rate_distortion([1.0], error)
        assert -1e-12 < over < 0.5 * np.log(np.pi * np.e / 6) + 1e-6


# ------------------------------------------------------------------ any source


@pytest.mark.parametrize("bias", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("error", [0.01, 0.05, 0.09])
def test_a_biased_bit(bias, error):
    found = blahut_arimoto([bias, 1 - bias], 1 - np.eye(2), np.log1p(-error) - np.log(error))
    assert found.gap < 1e-9
    assert found.distortion == pytest.approx(error, abs=1e-6)
    exact = binary_entropy(bias) - binary_entropy(found.distortion)
    assert exact - 1e-12 <= found.nats <= exact + found.gap + 1e-12


def test_equal_letters():
    """The rate log q - h(D) - D log(q - 1) of a source of q equal letters at Hamming distortion."""
    for q in (3, 7):
        found = blahut_arimoto(np.full(q, 1 / q), 1 - np.eye(q), 2.0)
        D = found.distortion
        assert found.nats == pytest.approx(np.log(q) - binary_entropy(D) - D * np.log(q - 1))


def test_the_certificate_is_true_before_convergence(rng):
    for _ in range(20):
        p, d = rng.dirichlet(np.ones(4)), rng.random((4, 5))
        slope = rng.uniform(0, 12)
        for steps in (1, 3, 10):
            rough = blahut_arimoto(p, d, slope, steps=steps)
            curve = best_channel(p, d, rough.distortion)
            assert rough.nats - rough.gap - 1e-6 <= curve <= rough.nats + 1e-6


def best_channel(p, d, error):
    """The rate at a distortion, by a convex program over all channels."""
    Q = cp.Variable(d.shape, nonneg=True)
    joint = cp.multiply(p[:, None], Q)
    apart = cp.multiply(p[:, None], cp.vstack([p @ Q] * len(p)))
    constraints = [cp.sum(Q, axis=1) == 1, cp.sum(cp.multiply(joint, d)) <= error]
    return cp.Problem(cp.Minimize(cp.sum(cp.rel_entr(joint, apart))), constraints).solve()


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_the_steps_are_alternating_minimisations(rng, steps):
    """The best channel for a law of reproductions, then the law of this channel; and the gap."""
    p, d, slope = rng.dirichlet(np.ones(4)), rng.random((4, 6)), 5.0
    law = np.full(6, 1 / 6)
    for _ in range(steps):
        used, channel = law, law * np.exp(-slope * d)
        channel /= channel.sum(1, keepdims=True)
        law = p @ channel
    found = blahut_arimoto(p, d, slope, steps=steps)
    np.testing.assert_allclose(found.channel, channel, rtol=1e-12)
    bound = -p @ np.log(np.exp(-slope * d) @ used) - np.log((law / used).max())
    assert found.nats + slope * found.distortion - found.gap == pytest.approx(bound)


def test_nats_are_those_of_the_channel(rng):
    for steps in (1, 10, 1000):
        p, d = rng.dirichlet(np.ones(4)), rng.random((4, 6))
        found = blahut_arimoto(p, d, rng.uniform(0, 9), steps=steps)
        joint = p[:, None] * found.channel
        np.testing.assert_allclose(joint.sum(1), p)
        law = np.log(np.maximum(joint, 1e-300) / np.outer(p, joint.sum(0)))
        assert found.nats == pytest.approx((joint * law).sum(), abs=1e-12)
        assert found.distortion == pytest.approx((joint * d).sum())


def test_two_roads_to_a_random_source(rng):
    for _ in range(5):
        p, d = rng.dirichlet(np.ones(4)), rng.random((4, 5))
        found = blahut_arimoto(p, d, rng.uniform(2, 10), steps=100_000)
        assert found.gap < 1e-8
        assert found.nats == pytest.approx(best_channel(p, d, found.distortion), abs=1e-5)


def test_a_fine_grid_of_a_gaussian():
    grid = np.linspace(-6, 6, 241)
    p = norm.pdf(grid)
    found = blahut_arimoto(p / p.sum(), (grid[:, None] - grid) ** 2, 2.0, tolerance=1e-4)
    assert found.gap < 1e-4
    assert found.nats == pytest.approx(rate_distortion([1.0], found.distortion), abs=2e-3)
    assert found.distortion == pytest.approx(1 / (2 * 2.0), abs=2e-3)  # slope -1 / (2 D)


def test_a_fine_grid_of_a_laplace_law():
    """Absolute error, mean absolute value 1: log(1 / D) nats."""
    grid = np.linspace(-11, 11, 221)
    p = np.exp(-np.abs(grid))
    found = blahut_arimoto(p / p.sum(), np.abs(grid[:, None] - grid), 2.0, tolerance=1e-4)
    assert found.gap < 1e-4
    assert found.nats == pytest.approx(np.log(1 / found.distortion), abs=5e-3)
    assert found.distortion == pytest.approx(1 / 2, abs=5e-3)


def test_the_ends_of_a_finite_curve():
    p, d = np.array([0.2, 0.3, 0.5]), np.array([[0, 1, 2], [1, 0, 1], [2, 1, 0.0]])
    free = blahut_arimoto(p, d, 0.0)
    assert free.nats == pytest.approx(0, abs=1e-12) and free.gap < 1e-12
    dear = blahut_arimoto(p, d + 7, 5000.0)  # no underflow, whatever is common to a row
    assert dear.nats == pytest.approx(-(p * np.log(p)).sum()) and dear.distortion == 7
    useless = blahut_arimoto(p, np.hstack([d, np.full((3, 1), 1e4)]), 3.0)  # a far reproduction
    assert useless.gap < 1e-9 and useless.channel[:, 3].max() == 0


# ------------------------------------------------------------------ messages


def test_a_letter_that_never_comes_does_no_harm():
    found = blahut_arimoto([0.6, 0.4, 0.0], 1 - np.eye(3), 800.0)
    alone = blahut_arimoto([0.6, 0.4], 1 - np.eye(2), 800.0)
    assert np.isclose(found.nats, alone.nats) and found.gap < 1e-9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: water_level([1, -2], 1), r"`variances` must be finite and >= 0, got -2"),
        (lambda: distortion_rate([1, np.inf], 1), r"`variances` must be finite .* got inf"),
        (lambda: distortion_rate(1.0, 1), r"`variances` must have shape \(\.\.\., d\), .* \(\)"),
        (lambda: distortion_rate([1.0], -1), "`nats` must be >= 0, got -1"),
        (lambda: rate_distortion([1.0], -0.5), "`distortion` must be >= 0, got -0.5"),
        (lambda: tangent([1.0], 0), "`level` must be > 0, got 0"),
        (lambda: guaranteed_distortion([], 1), r"`variances` must have shape .* got \(0,\)"),
        (lambda: distortion_rate_expression(0), "`count` must be >= 1, got 0"),
        (lambda: linear_memory(np.eye(2), [[1.0]], 1), r"`covariance` .* \(2, 2\) and \(1, 1\)"),
        (
            lambda: linear_memory(np.eye(2), np.eye(2), np.eye(3)),
            r"`noise` .* \(2, 2\), got \(3, 3",
        ),
        (lambda: uniform_quantiser(1.0, 0.0), "`step` must be > 0, got 0"),
        (lambda: blahut_arimoto([0.5, 0.6], np.eye(2), 1), "`p` must .* sum to 1, got the sum 1.1"),
        (
            lambda: blahut_arimoto([1.0], np.eye(2), 1),
            r"`p` must have shape .* \(1,\) and \(2, 2\)",
        ),
        (lambda: blahut_arimoto([1.0], [[np.inf]], 1), "must be finite"),
        (lambda: blahut_arimoto([1.0], [[1.0]], -1), "`slope` must be >= 0, got -1"),
        (lambda: blahut_arimoto([1.0], [[1.0]], np.inf), "`slope` must be finite .* got inf"),
        (lambda: blahut_arimoto([1.0], [[1.0]], 1, steps=0), "`steps` >= 1, got 1 and 0"),
        (lambda: blahut_arimoto([1.5, -0.5], np.eye(2), 1), "`p` must be >= 0"),
    ],
)
def test_messages(call, message):
    with pytest.raises(ValueError, match=message):
        call()
