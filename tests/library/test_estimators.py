"""Estimators of information on pairs whose information is known."""

import numpy as np
import pytest
import sympy as sp
from scipy.special import digamma
from scipy.stats import multivariate_normal, norm

from ssm_companion.theory import estimators
from ssm_companion.theory.estimators import gaussian_log_ratio, ksg, ksg_ceiling


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def gaussian_pairs(rng, rho, *shape):
    x, other = rng.normal(size=(2, *shape, np.size(rho)))
    return x, rho * x + np.sqrt(1 - np.square(rho)) * other


def information(rho):
    return -np.log(1 - np.square(rho)).sum() / 2


# ------------------------------------------------------------------ nearest neighbours


def slow_ksg(x, y, k, variant):
    """Both estimators by sorting all distances."""
    n, total = len(x), 0.0
    for i in range(n):
        dx, dy = np.abs(x - x[i]).max(1), np.abs(y - y[i]).max(1)
        dx[i] = dy[i] = np.inf
        both = np.maximum(dx, dy)
        nearest = np.argsort(both)[:k]
        if variant == 1:
            counts = [1 + (d < both[nearest[-1]]).sum() for d in (dx, dy)]
        else:
            counts = [(d <= d[nearest].max()).sum() for d in (dx, dy)]
        total += sum(digamma(c) for c in counts)
    return digamma(k) - (variant == 2) / k + digamma(n) - total / n


@pytest.mark.parametrize("variant", [1, 2])
@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (2, 3)])
def test_ksg_is_the_slow_one(rng, variant, dx, dy):
    for k in (1, 4):
        x, noise = rng.normal(size=(150, dx)), rng.standard_cauchy(size=(150, dy))
        y = x[:, :1] + noise
        got = ksg(x, y, k, variant=variant)
        assert got == pytest.approx(slow_ksg(x, y, k, variant), abs=1e-12)


@pytest.mark.parametrize("variant", [1, 2])
@pytest.mark.parametrize("rho", [0.0, 0.6, 0.9])
def test_ksg_finds_the_information_of_gaussian_pairs(variant, rho):
    rng = np.random.default_rng(4)
    found = [ksg(*gaussian_pairs(rng, rho, 1000), variant=variant) for _ in range(20)]
    error = np.std(found) / np.sqrt(len(found))
    assert np.mean(found) == pytest.approx(information(rho), abs=4 * error + 0.02)


def test_ksg_finds_the_information_of_uniform_noise(rng):
    """The pair x and x + u, with x and u uniform on [0, 1]: half a nat."""
    x, u = rng.random((2, 20_000))
    assert ksg(x, x + u) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("variant", [1, 2])
@pytest.mark.parametrize("k", [1, 3, 10])
def test_the_ceiling_of_ksg_is_reached_and_never_passed(rng, variant, k):
    ceiling = ksg_ceiling(80, k, variant=variant)
    for d in (1, 3):
        x = rng.normal(size=(80, d))
        assert ksg(x, x, k, variant=variant) == pytest.approx(ceiling, abs=1e-12)
        for scale in (1e-12, 1e-3, 1.0):
            y = x + scale * rng.normal(size=x.shape)
            assert ksg(x, y, k, variant=variant) <= ceiling + 1e-12
    lattice = np.arange(80.0)
    assert ksg(lattice, lattice, k, variant=variant) <= ceiling + 1e-12


def test_ksg_stays_at_its_ceiling_while_the_information_grows(rng):
    found = []
    for bits in (20, 30, 40):
        x, y = gaussian_pairs(rng, np.sqrt(1 - 4.0**-bits), 500)
        found.append(ksg(x, y))
        assert ksg_ceiling(500) < 0.5 * bits * np.log(2)
    assert found[-1] == pytest.approx(ksg_ceiling(500), abs=1e-6)


# ------------------------------------------------------------------ the Gaussian formula


def test_the_gaussian_estimate_is_that_of_the_sample_covariance(rng):
    for _ in range(30):
        n, (dx, dy) = 40, rng.integers(1, 5, 2)
        x = rng.normal(size=(n, dx)) * 1e4
        y = rng.normal(size=(n, dy)) + 1e-4 * x[:, :1] + 7
        S = np.corrcoef(np.hstack([x, y]).T)
        logs = [np.linalg.slogdet(M)[1] for M in (S[:dx, :dx], S[dx:, dx:], S)]
        assert estimators.gaussian(x, y) == pytest.approx((logs[0] + logs[1] - logs[2]) / 2)


@pytest.mark.parametrize(("n", "dx", "dy"), [(5, 1, 1), (12, 3, 2), (40, 2, 5)])
def test_the_bias_of_the_gaussian_estimate(rng, n, dx, dy):
    found = []
    mixing = rng.normal(size=(dx + dy, dx + dy))
    S = mixing @ mixing.T
    logs = [np.linalg.slogdet(M)[1] for M in (S[:dx, :dx], S[dx:, dx:], S)]
    truth = (logs[0] + logs[1] - logs[2]) / 2
    for _ in range(4000):
        both = rng.normal(size=(n, dx + dy)) @ mixing.T
        found.append(estimators.gaussian(both[:, :dx], both[:, dx:]))
    error = np.std(found) / np.sqrt(len(found))
    bias = estimators.gaussian_bias(n, dx, dy)
    assert np.mean(found) - truth == pytest.approx(bias, abs=4 * error)
    assert bias > 8 * error


def test_the_bias_is_symmetric_and_vanishes():
    assert estimators.gaussian_bias(30, 2, 7) == pytest.approx(estimators.gaussian_bias(30, 7, 2))
    assert estimators.gaussian_bias(10**6, 3, 4) == pytest.approx(6e-6, rel=1e-4)


def test_a_copy_has_infinite_gaussian_information():
    x = np.array([0.0, 1.0, 2.0, 4.0])
    assert estimators.gaussian(x, -x) > 15


# ------------------------------------------------------------------ bounds by a critic


def test_infonce_against_its_definition_and_its_ceiling(rng):
    scores = 5 * rng.normal(size=(40, 6, 6))
    direct = [np.mean([np.exp(s[i, i]) / np.exp(s[i]).sum() for i in range(6)]) for s in scores]
    got = estimators.infonce(scores)
    assert (got <= np.log(6) + np.log(direct) + 1e-12).all()  # Jensen: a mean inside the logarithm
    shifted = scores + rng.normal(size=(40, 6, 1))
    np.testing.assert_allclose(estimators.infonce(shifted), got)
    assert not np.allclose(estimators.infonce(scores + rng.normal(size=(40, 1, 6))), got)
    assert (got <= np.log(6)).all()
    assert estimators.infonce(1e4 * np.eye(6)) == np.log(6)


@pytest.mark.parametrize("K", [2, 16, 128])
def test_infonce_with_the_best_critic_stays_below_information_and_ceiling(rng, K):
    rho = np.array([0.9, 0.95])
    x, y = gaussian_pairs(rng, rho, 200, K)
    found = estimators.infonce(gaussian_log_ratio(x[:, :, None], y[:, None], rho))
    error = found.std() / np.sqrt(len(found))
    assert found.max() <= np.log(K)
    assert found.mean() <= information(rho) + 4 * error
    assert found.mean() > 0.75 * min(np.log(K), information(rho))


def test_a_worse_critic_bounds_less(rng):
    x, y = gaussian_pairs(rng, 0.9, 100, 64)
    best, other = (
        estimators.infonce(gaussian_log_ratio(x[:, :, None], y[:, None], rho)).mean()
        for rho in (0.9, 0.5)
    )
    assert other < best - 0.1


def test_the_bounds_reach_the_information_with_the_best_critic(rng):
    rho = np.array([0.5, 0.3])
    x, y = gaussian_pairs(rng, rho, 200_000)
    joint = gaussian_log_ratio(x, y, rho)
    marginal = gaussian_log_ratio(x, np.roll(y, 1, axis=0), rho)
    error = np.sqrt(joint.var() + estimators.ratio_variance(rho)) / np.sqrt(len(x))
    for bound in (estimators.donsker_varadhan, estimators.nwj):
        assert bound(joint, marginal) == pytest.approx(information(rho), abs=4 * error)
        assert bound(joint / 2, marginal / 2) < information(rho) - 0.02
    shifted = estimators.donsker_varadhan(joint + 3, marginal + 3)
    assert shifted == pytest.approx(estimators.donsker_varadhan(joint, marginal))
    assert estimators.nwj(joint + 3, marginal + 3) < 0


def test_nwj_is_never_above_donsker_varadhan(rng):
    joint, marginal = 3 * rng.normal(size=(2, 500, 20))
    difference = estimators.donsker_varadhan(joint, marginal) - estimators.nwj(joint, marginal)
    assert (difference >= 0).all()
    direct = joint.mean(1) - np.log(np.exp(marginal).mean(1))
    np.testing.assert_allclose(estimators.donsker_varadhan(joint, marginal), direct)


def test_few_strangers_promise_too_much(rng):
    """With samples the bound is none: ten strangers for pairs of 2.3 nats."""
    x, y = gaussian_pairs(rng, 0.995, 2000, 10)
    marginal = gaussian_log_ratio(x, np.roll(y, 1, axis=1), 0.995)
    found = estimators.donsker_varadhan(gaussian_log_ratio(x, y, 0.995), marginal)
    assert found.mean() > 1.5 * information(0.995)


def test_the_log_ratio_is_that_of_the_densities(rng):
    for rho in (-0.7, 0.2, 0.95):
        x, y = rng.normal(size=(2, 50, 1))
        both = multivariate_normal([0, 0], [[1, rho], [rho, 1]]).logpdf(np.hstack([x, y]))
        expected = both - norm.logpdf(x[:, 0]) - norm.logpdf(y[:, 0])
        np.testing.assert_allclose(gaussian_log_ratio(x, y, rho), expected, atol=1e-10)


# ------------------------------------------------------------------ the variance of the ratio


def test_the_variance_of_the_ratio_by_a_gaussian_integral():
    rho = sp.Symbol("rho", positive=True)
    together = sp.Matrix([[1, rho], [rho, 1]]).inv()  # that of strangers is 1
    squared = 2 * together - sp.eye(2)
    moment = together.det() / sp.sqrt(sp.simplify(squared.det()))
    assert sp.simplify(moment - 1 / (1 - rho**2)) == 0
    assert float(moment.subs(rho, 0.6)) - 1 == pytest.approx(estimators.ratio_variance(0.6))


def test_the_variance_of_the_ratio_grows_with_the_information(rng):
    rho = rng.uniform(-0.9, 0.9, (50, 4))
    expected = [np.expm1(2 * information(row)) for row in rho]
    np.testing.assert_allclose(estimators.ratio_variance(rho), expected)
    assert estimators.ratio_variance(np.zeros(3)) == 0


def test_the_variance_of_the_ratio_by_simulation(rng):
    """The fourth moment is finite below a correlation of 1/3, so the variance settles."""
    rho = np.array([0.2, -0.3])
    x, y = rng.normal(size=(2, 400, 2000, 2))
    ratio = np.exp(gaussian_log_ratio(x, y, rho))
    assert ratio.mean() == pytest.approx(1, abs=2e-3)
    assert ratio.var() == pytest.approx(estimators.ratio_variance(rho), rel=0.02)
    spread = np.sqrt(estimators.ratio_variance(rho) / 2000)
    assert ratio.mean(1).std() == pytest.approx(spread, rel=0.15)


# ------------------------------------------------------------------ messages

FIVE = np.arange(5.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: ksg(FIVE, FIVE[:4]),
            r"`x` and `y` .*, got \(5, 1\) and \(4, 1\)",
        ),
        (lambda: ksg(np.zeros((5, 1, 1)), FIVE), "`x` and `y` must have shapes"),
        (lambda: ksg([1.0, np.nan], [1.0, 2.0]), "`x` must be finite, got nan"),
        (lambda: ksg(FIVE, FIVE, 5), "`k` must be in 1 .. n - 1 = 4, got 5"),
        (lambda: ksg_ceiling(5, 0), "`k` must be in 1 .. n - 1 = 4, got 0"),
        (lambda: ksg(FIVE, FIVE, variant=3), "`variant` must be 1 or 2, got 3"),
        (lambda: ksg(FIVE // 3, FIVE // 3, 1), "must not hold more than k = 1 equal pairs"),
        (lambda: estimators.gaussian(FIVE[:2], FIVE[:2]), "`n` must be above dx . dy = 2, got 2"),
        (lambda: estimators.gaussian(FIVE, 0 * FIVE), "`y` must not lie on a hyperplane"),
        (lambda: estimators.gaussian_bias(5, 0, 1), "`dx` and `dy` must be >= 1, got 0 and 1"),
        (lambda: estimators.infonce(np.zeros((2, 3))), r"`scores` must have shape .*\(2, 3\)"),
        (lambda: estimators.infonce([[np.inf]]), "`scores` must be finite, got inf"),
        (lambda: estimators.donsker_varadhan([], [1.0]), r"`joint` must have shape .*\(0,\)"),
        (lambda: estimators.nwj([1.0], [np.nan]), "`marginal` must be finite, got nan"),
        (lambda: gaussian_log_ratio([0.0], [0.0], 1.0), r"`rho` must be in \(-1, 1\), got 1.0"),
        (lambda: gaussian_log_ratio(0.0, [0.0], 0.5), r"`x` and `y` must have shape \(..., d\)"),
        (lambda: estimators.ratio_variance([0.5, -1.0]), r"`rho` must be .*, got -1.0"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
