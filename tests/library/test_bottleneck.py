"""The Gaussian bottleneck against searches over memories, other algorithms and simulation."""

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import brentq, minimize
from scipy.stats import norm

from ssm_companion.theory import bottleneck


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def random_joint(rng, n, m):
    mixing = rng.normal(size=(n + m, n + m + 1))
    return mixing @ mixing.T


def random_correlations(rng, *shape):
    return np.sqrt(rng.uniform(0.001, 0.999, shape))


def information_about(S, n):
    logs = [np.linalg.slogdet(M)[1] for M in (S[:n, :n], S[n:, n:], S)]
    return (logs[0] + logs[1] - logs[2]) / 2


# ------------------------------------------------------------------ canonical correlations


def test_directions_are_white_and_each_meets_one_of_y(rng):
    for _ in range(50):
        n, m = rng.integers(1, 6, 2)
        S = random_joint(rng, n, m)
        rho, rows = bottleneck.canonical(S, n)
        np.testing.assert_allclose(rows @ S[:n, :n] @ rows.T, np.eye(min(n, m)), atol=1e-8)
        explained = S[:n, n:] @ np.linalg.solve(S[n:, n:], S[n:, :n])
        np.testing.assert_allclose(rows @ explained @ rows.T, np.diag(rho**2), atol=1e-8)
        assert (np.diff(rho) <= 0).all()
        assert -np.log1p(-(rho**2)).sum() / 2 == pytest.approx(information_about(S, n), abs=1e-7)


def test_canonical_correlations_do_not_feel_a_change_of_coordinates(rng):
    for _ in range(20):
        S = random_joint(rng, 3, 2)
        change = np.zeros((5, 5))
        change[:3, :3], change[3:, 3:] = rng.normal(size=(3, 3)), rng.normal(size=(2, 2))
        change[3:] *= 1e6
        rho = bottleneck.canonical(S, 3).correlations
        moved = bottleneck.canonical(change @ S @ change.T, 3).correlations
        np.testing.assert_allclose(moved, rho, atol=1e-6)


def test_what_y_says_twice_counts_once(rng):
    S = random_joint(rng, 3, 2)
    twice = np.block([[np.eye(3), np.zeros((3, 2))], [np.zeros((4, 3)), rng.normal(size=(4, 2))]])
    rho = bottleneck.canonical(S, 3).correlations
    again = bottleneck.canonical(twice @ S @ twice.T, 3).correlations
    np.testing.assert_allclose(again, [*rho, 0], atol=1e-7)
    constant = np.pad(S, (0, 1))
    np.testing.assert_allclose(bottleneck.canonical(constant, 3).correlations, [*rho, 0], atol=1e-9)


def test_a_part_of_x_itself_has_correlation_one():
    covariance = np.array([[2.0, 0.0, 1.0], [0.0, 3.0, 0.0], [1.0, 0.0, 0.5]])
    rho, rows = bottleneck.canonical(covariance, 2)
    assert rho.tolist() == [1.0]
    np.testing.assert_allclose(np.abs(rows), [[1 / np.sqrt(2), 0]], atol=1e-12)


def test_past_and_future_against_simulation(rng):
    A, C = np.array([[0.8, 0.3], [-0.3, 0.6]]), np.array([[1.0, 0.5]])
    Q, V = np.array([[0.5, 0.1], [0.1, 0.3]]), np.array([[0.4]])
    covariance = bottleneck.past_and_future(A, C, Q, V, 2)
    x, seen = np.zeros((100_000, 2)), []
    for _ in range(64):
        x = x @ A.T + rng.multivariate_normal([0, 0], Q, len(x))
        seen.append(x @ C.T + np.sqrt(V[0, 0]) * rng.normal(size=(len(x), 1)))
    sampled = np.cov(np.hstack(seen[-4:]).T)
    np.testing.assert_allclose(sampled, covariance, atol=0.02 * covariance[0, 0])


def test_past_and_future_meet_in_as_many_directions_as_the_state_has(rng):
    for d, p in ((1, 1), (2, 1), (3, 2)):
        A = rng.normal(size=(d, d))
        A *= 0.9 / np.abs(np.linalg.eigvals(A)).max()
        C = rng.normal(size=(p, d))
        covariance = bottleneck.past_and_future(A, C, np.eye(d), np.eye(p), 6)
        rho = bottleneck.canonical(covariance, 6 * p).correlations
        assert rho[d - 1] > 1e-3 and (rho[d:] < 1e-6).all()
        back = covariance.reshape(12, p, 12, p)[::-1, :, ::-1].reshape(12 * p, 12 * p)
        np.testing.assert_allclose(bottleneck.canonical(back, 6 * p).correlations, rho, atol=1e-6)


# ------------------------------------------------------------------ the curve


def nats_held(log_level, rho, nats):
    cost = (1 - rho**2) / rho**2
    return np.log(np.exp(log_level) / cost).clip(min=0).sum() / 2 - nats


def test_the_slope_solves_its_equation(rng):
    for _ in range(200):
        rho, nats = random_correlations(rng, rng.integers(1, 8)), 10 ** rng.uniform(-3, 1.2)
        root = brentq(nats_held, -40, 80, args=(rho, nats), xtol=1e-13)
        assert bottleneck.slope(rho, nats) == pytest.approx(1 + np.exp(root), rel=1e-9)
        assert bottleneck.rates(rho, nats).sum() == pytest.approx(nats)


def test_the_slope_is_that_of_the_curve_and_falls(rng):
    rho, nats = random_correlations(rng, 40, 1, 5), np.linspace(0.01, 4, 150)
    curve = bottleneck.relevant(rho, nats)
    step = 1e-5
    ahead, behind = (bottleneck.relevant(rho, nats + s) for s in (step, -step))
    got = (ahead - behind) / (2 * step)
    np.testing.assert_allclose(got, 1 / bottleneck.slope(rho, nats), rtol=1e-4, atol=1e-9)
    assert (np.diff(curve) > 0).all()
    assert (np.diff(curve, 2) < 1e-12).all()


def test_no_other_division_of_the_nats_says_more(rng):
    touch = []
    for _ in range(200):
        rho, nats = random_correlations(rng, 4), rng.uniform(0.05, 3)
        shares = nats * rng.dirichlet(np.full(4, 0.5), 200)
        known = (-np.log(1 - rho**2 * (1 - np.exp(-2 * shares))) / 2).sum(1)
        best = bottleneck.relevant(rho, nats)
        assert known.max() <= best * (1 + 1e-12)
        touch.append(known.max() / best)
    assert max(touch) > 0.999


def test_thresholds_are_where_a_scan_finds_a_direction_on(rng):
    nats = np.linspace(0, 6, 6001)
    for _ in range(20):
        rho = random_correlations(rng, 4)
        on = bottleneck.rates(rho, nats) > 0
        for i, threshold in enumerate(bottleneck.thresholds(rho)):
            first = nats[on[:, i].argmax()] if on[:, i].any() else np.inf
            assert min(threshold, 6) <= first <= threshold + 0.001 + 1e-9 or threshold > 5.999
            at = bottleneck.slope(rho, threshold)
            assert at == pytest.approx(1 / rho[i] ** 2)


def test_the_expression_is_the_function(rng):
    for count in (1, 2, 4):
        names = [*sp.symbols(f"rho_1:{count + 1}", positive=True), sp.Symbol("C", nonnegative=True)]
        evaluate = sp.lambdify(names, bottleneck.relevant_expression(count), "numpy")
        for _ in range(30):
            rho, nats = np.sort(random_correlations(rng, count))[::-1], rng.uniform(0, 4)
            got = bottleneck.relevant(rho, nats)
            assert float(evaluate(*rho, nats)) == pytest.approx(got, rel=1e-8, abs=1e-12)


@pytest.mark.filterwarnings("error")
def test_the_ends_of_the_curve():
    rho = np.array([0.9, 0.5, 0.0])
    whole = -np.log(1 - rho**2).sum() / 2
    assert bottleneck.relevant(rho, [0, np.inf]) == pytest.approx([0, whole])
    assert bottleneck.rates(rho, np.inf).tolist() == [np.inf, np.inf, 0]
    assert bottleneck.reading_noise(rho, [0, np.inf]).tolist() == [[np.inf] * 3, [0, 0, np.inf]]
    assert bottleneck.slope(rho, [0, np.inf]) == pytest.approx([1 / 0.81, np.inf])
    assert bottleneck.slope([0.0, 0.0], [0, 2]).tolist() == [np.inf, np.inf]
    assert bottleneck.relevant([0.0, 0.0], [0, 2, np.inf]).tolist() == [0, 0, 0]
    assert bottleneck.rates([0.0], [0, 2, np.inf]).tolist() == [[0], [0], [0]]
    assert bottleneck.thresholds([0.0, 0.0]).tolist() == [np.inf, np.inf]


@pytest.mark.filterwarnings("error")
def test_a_correlation_of_one_is_the_limit():
    rho, nats = [1.0, 0.5, 0.0, 1.0], [0.0, 0.7, 3.0, np.inf]
    assert bottleneck.relevant(rho, nats).tolist() == nats
    assert bottleneck.slope(rho, nats).tolist() == [1, 1, 1, 1]
    assert bottleneck.thresholds(rho).tolist() == [0, np.inf, np.inf, 0]
    near = np.sqrt([1 - 1e-13, 0.25, 0, 1 - 1e-13])
    for function in (bottleneck.relevant, bottleneck.slope, bottleneck.rates):
        got = function(rho, nats[:3])
        np.testing.assert_allclose(got, function(near, nats[:3]), atol=1e-9)


# ------------------------------------------------------------------ memories


def test_a_memory_against_its_joint_covariance(rng):
    for _ in range(60):
        n, m, d = rng.integers(1, 5, 3)
        S, W, root = random_joint(rng, n, m), rng.normal(size=(d, n)), rng.normal(size=(d, d))
        N = root @ root.T + 0.1 * np.eye(d)
        both = np.vstack([np.eye(n + m), np.hstack([W, np.zeros((d, m))])])
        joint = both @ S @ both.T
        joint[n + m :, n + m :] += N
        seen = [*range(n, n + m), *range(n + m, n + m + d)]
        kept = bottleneck.memory(S, n, W, N)
        about_x = [*range(n), *range(n + m, n + m + d)]
        assert kept.nats == pytest.approx(information_about(joint[np.ix_(about_x, about_x)], n))
        expected = information_about(joint[np.ix_(seen, seen)], m)
        assert kept.relevant == pytest.approx(expected, abs=1e-7)


def test_linear_memories_lie_below_the_curve_and_some_near_it(rng):
    touch = []
    for _ in range(1000):
        n, m, d = rng.integers(1, 5, 3)
        S = random_joint(rng, n, m)
        kept = bottleneck.memory(S, n, rng.normal(size=(d, n)), 10 ** rng.uniform(-2, 3))
        best = bottleneck.relevant(bottleneck.canonical(S, n).correlations, kept.nats)
        assert kept.relevant <= best + 1e-9
        touch.append(kept.relevant / best if n > 1 else 0)
    assert max(touch) > 0.95 and np.quantile(touch, 0.1) < 0.5


def test_the_best_memory_reads_the_directions_in_their_noise(rng):
    for _ in range(60):
        S, nats = random_joint(rng, 3, 4), rng.uniform(0.1, 4)
        rho, rows = bottleneck.canonical(S, 3)
        noise = bottleneck.reading_noise(rho, nats)
        on = np.isfinite(noise)
        kept = bottleneck.memory(S, 3, rows[on], np.diag(noise[on]))
        assert kept.nats == pytest.approx(nats, rel=1e-7)
        assert kept.relevant == pytest.approx(bottleneck.relevant(rho, nats), rel=1e-7)


@pytest.mark.parametrize("beta", [1.3, 2.0, 6.0])
def test_a_search_over_linear_memories_ends_on_the_curve(beta):
    rng = np.random.default_rng(3)
    S = random_joint(rng, 3, 3)
    rho = bottleneck.canonical(S, 3).correlations

    def price(W):
        kept = bottleneck.memory(S, 3, W.reshape(3, 3), 1.0)
        return kept.nats / beta - kept.relevant

    found = min(minimize(price, rng.normal(size=9)).fun for _ in range(6))
    rates = np.log(np.maximum((beta - 1) * rho**2 / (1 - rho**2), 1)) / 2
    nats = rates.sum()
    assert found == pytest.approx(nats / beta - bottleneck.relevant(rho, nats), abs=1e-5)


# ------------------------------------------------------------------ memories that are not Gaussian


def cells(rho, count):
    """Exact probabilities of x and y, each rounded to one of ``count`` cells."""
    edges = np.concatenate([[-9], np.linspace(-2.6, 2.6, count - 1), [9]])
    nodes, weights = np.polynomial.legendre.leggauss(40)
    width = np.diff(edges)[:, None] / 2
    x = edges[:-1, None] + width * (nodes + 1)
    ends = np.r_[-np.inf, edges[1:-1], np.inf]
    below = norm.cdf((ends - rho * x[..., None]) / np.sqrt(1 - rho**2))
    return ((width * weights * norm.pdf(x))[..., None] * np.diff(below)).sum(1)


def information_of(table):
    table = table / table.sum()
    product = table.sum(1, keepdims=True) * table.sum(0)
    seen = table > 0
    return (table[seen] * np.log(table[seen] / product[seen])).sum()


def test_a_rounded_memory_lies_below_the_curve(rng):
    """Threshold readings, which are far from Gaussian, and random channels after them."""
    for rho in (0.5, 0.9, 0.99):
        joint = cells(rho, 41)
        p = joint.sum(1)
        for _ in range(60):
            cuts = np.sort(rng.integers(0, 42, rng.integers(1, 6)))
            reading = np.eye(6)[np.searchsorted(cuts, np.arange(41), side="right")]
            blur = rng.uniform() * rng.dirichlet(np.ones(6), 6)
            channel = reading @ (np.eye(6) * (1 - blur.sum(1, keepdims=True)) + blur)
            channel /= channel.sum(1, keepdims=True)
            nats = information_of(p[:, None] * channel)
            assert information_of(channel.T @ joint) <= bottleneck.relevant([rho], nats) + 1e-9


@pytest.mark.parametrize("beta", [2.0, 5.0])
def test_the_discrete_bottleneck_comes_close_from_below(beta):
    """The iteration of Tishby, Pereira and Bialek on a rounded pair knows nothing of Gauss."""
    rho, rng = 0.9, np.random.default_rng(1)
    joint = cells(rho, 41)
    p = joint.sum(1)
    given = joint / p[:, None]
    channel = rng.dirichlet(np.ones(15), 41)
    for _ in range(3000):
        h = p @ channel
        centre = (channel * p[:, None] / h).T @ given
        fit = given @ np.log(centre).T
        channel = h * np.exp(beta * (fit - fit.max(1, keepdims=True)))
        channel /= channel.sum(1, keepdims=True)
    nats, known = information_of(p[:, None] * channel), information_of(channel.T @ joint)
    best = bottleneck.relevant([rho], nats)
    assert known <= best + 1e-9
    assert known > 0.95 * best
    level = np.log((beta - 1) * rho**2 / (1 - rho**2)) / 2
    assert nats == pytest.approx(level, abs=0.1)


# ------------------------------------------------------------------ messages


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: bottleneck.relevant([0.5, 1.1], 1),
            r"`correlations` .* in \[0, 1\], got 1.1",
        ),
        (lambda: bottleneck.slope([np.nan], 1), "`correlations` must be in .*, got nan"),
        (lambda: bottleneck.thresholds(0.5), r"`correlations` must have shape \(..., d\), d >= 1"),
        (lambda: bottleneck.rates([], 1), r"`correlations` must have shape .*, got \(0,\)"),
        (lambda: bottleneck.rates([0.5], -1), "`nats` must be >= 0, got -1"),
        (lambda: bottleneck.reading_noise([0.5], np.nan), "`nats` must be >= 0, got nan"),
        (lambda: bottleneck.relevant_expression(0), "`count` must be >= 1, got 0"),
        (lambda: bottleneck.canonical(np.ones((2, 3)), 1), "`covariance` must have shape"),
        (lambda: bottleneck.canonical(np.eye(3), 3), r"`n` must be in 1 .. 2, got 3"),
        (lambda: bottleneck.canonical([[1, 2], [2, 1]], 1), "`covariance` must be positive semi"),
        (lambda: bottleneck.canonical(np.ones((3, 3)), 2), "definite in its first n = 2 rows"),
        (lambda: bottleneck.canonical([[1, 0.5], [0, 1]], 1), "`covariance` must be symmetric"),
        (lambda: bottleneck.canonical(-np.eye(2), 1), "`covariance` must be finite, with no neg"),
        (lambda: bottleneck.memory(np.eye(3), 2, np.ones((1, 3)), 1.0), r"`reading` .*\(1, 3\)"),
        (lambda: bottleneck.memory(np.eye(2), 1, [[1.0]], np.eye(2)), r"`noise` .*\(2, 2\)"),
        (
            lambda: bottleneck.past_and_future([[1.0]], [[1.0]], [[1.0]], [[1.0]], 2),
            "`A` must have spectral radius below 1, got 1",
        ),
        (
            lambda: bottleneck.past_and_future([[0.5]], [[1.0]], [[1.0]], [[1.0]], 0),
            "`steps` must be >= 1, got 0",
        ),
        (lambda: bottleneck.past_and_future([0.5], [1.0], 1.0, 1.0, 2), "`A` and `noise`"),
        (
            lambda: bottleneck.past_and_future([[0.5]], [[1.0]], [[1.0]], 0.0, 2),
            r"`reading_noise` must have shape \(1, 1\), got \(\)",
        ),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
