"""Causal rates against determinants, Riccati equations, integrals, programs and simulation."""

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad
from scipy.linalg import solve_discrete_are, toeplitz
from scipy.optimize import brentq, minimize

from ssm_companion.theory import causal
from ssm_companion.theory.lyapunov import exponents

BITS = np.log(2)
SOURCES = [(0.9, 1.0, 0.25), (-0.6, 2.0, 1.5), (0.0, 1.0, 0.3), (1.0, 1.0, 2.0), (2.5, 0.3, 0.7)]


def source(a, noise, steps, first):
    """Covariance of the first steps of x_t = a x_{t-1} + w_t, where x_1 has variance `first`."""
    x = np.diag(np.r_[first, np.full(steps - 1, noise)])
    into = np.tril(a ** np.maximum(np.subtract.outer(np.arange(steps), np.arange(steps)), 0.0))
    return into @ x @ into.T


@pytest.mark.parametrize(("a", "noise", "error"), SOURCES)
def test_the_follower_says_what_the_rate_says(a, noise, error):
    """By the determinant of a long block, which knows nothing of filters."""
    seen = causal.follower(a, noise, error).noise

    def said(steps):
        S = source(a, noise, steps, noise)
        return np.linalg.slogdet(np.eye(steps) + S / seen)[1] / 2

    n = 40 if a < 2 else 12  # longer blocks of what expands are ill-conditioned
    assert said(n) - said(n - 1) == pytest.approx(causal.causal_rate(a, noise, error), rel=1e-6)


@pytest.mark.parametrize(("a", "noise", "error"), SOURCES)
def test_the_follower_has_the_error_it_promises(a, noise, error):
    """By conditioning a block on its readings."""
    gate, seen, before = causal.follower(a, noise, error)
    n = 40 if a < 2 else 12
    S = source(a, noise, n, noise)
    gain = np.linalg.solve(S + seen * np.eye(n), S[:, -1])
    assert S[-1, -1] - S[-1] @ gain == pytest.approx(error, rel=1e-6)
    assert gain[-1] == pytest.approx(gate, rel=1e-6)
    np.testing.assert_allclose(gain[-3:-1], gate * (a * (1 - gate)) ** np.array([2, 1]), atol=1e-6)
    riccati = solve_discrete_are([[a]], [[1.0]], [[noise]], [[seen]])
    assert riccati.item() == pytest.approx(before)


@pytest.mark.parametrize(("a", "noise", "error"), SOURCES)
def test_the_gate_is_the_rate(a, noise, error):
    rate = causal.causal_rate(a, noise, error)
    assert causal.follower(a, noise, error).gate == pytest.approx(1 - np.exp(-2 * rate))


@pytest.mark.parametrize(("a", "noise", "error"), [s for s in SOURCES if abs(s[0]) < 1])
def test_no_schedule_of_errors_costs_less(a, noise, error):
    """All Gaussian memories of ten steps from a stationary start: any errors, the same mean."""
    variance = noise / (1 - a**2)

    def cost(logs):
        left = variance / (1 + np.exp(logs))
        before = np.r_[variance, a**2 * left[:-1] + noise]
        left = np.minimum(left, before)
        return np.log(before / left).mean() / 2, left.mean()

    start = np.full(10, np.log(variance / error - 1))
    best = minimize(
        lambda logs: cost(logs)[0],
        start,
        constraints={"type": "ineq", "fun": lambda logs: error - cost(logs)[1]},
    )
    rate = causal.causal_rate(a, noise, error)
    once = np.log(variance / (a**2 * error + noise)) / 20
    assert rate - 1e-7 <= best.fun <= rate + once + 1e-7


def test_rate_and_error_are_inverse():
    a, noise, rate = np.array([[-0.9], [0.3], [1.7]]), 2.0, np.array([0.6, 1.0, 3.0])
    error = causal.causal_distortion(a, noise, rate)
    np.testing.assert_allclose(causal.causal_rate(a, noise, error), rate + 0 * a)


@pytest.mark.parametrize("a", [-0.9, 0.5, 1.3, -2.0])
def test_the_error_is_where_the_recurrence_settles(a):
    for rate in (0.2, 0.8, 1.5):
        error = 5.0
        for _ in range(4000):
            error = min(np.exp(-2 * rate) * (a**2 * error + 0.7), 1e12)
        expected = causal.causal_distortion(a, 0.7, rate)
        assert error == pytest.approx(expected) if np.isfinite(expected) else error > 1e3


def test_rates_at_the_edges():
    assert causal.causal_rate(0.8, 0.36, 1.0) == pytest.approx(0)
    assert causal.causal_rate(0.8, 0.36, 7.0) == 0
    assert causal.causal_distortion(0.8, 0.36, 0.0) == pytest.approx(1.0)
    assert causal.causal_distortion(2.0, 1.0, np.log(2)) == np.inf
    assert causal.causal_rate(3.0, 1.0, 1e12) == pytest.approx(np.log(3))


def test_the_expressions_are_the_functions():
    a, s2, D, R = sp.Symbol("a", real=True), *sp.symbols("s2 D R", positive=True)
    at = {a: -0.7, s2: 1.3, D: 0.4, R: 0.9}
    pairs = [
        (causal.causal_rate_expression(), causal.causal_rate(-0.7, 1.3, 0.4)),
        (causal.causal_distortion_expression(), causal.causal_distortion(-0.7, 1.3, 0.9)),
        (causal.price_expression(), causal.price_of_causality(-0.7, 1.3, 0.4)),
    ]
    for expression, number in pairs:
        assert float(expression.subs(at)) == pytest.approx(float(number), rel=1e-6)
    inverse = sp.solve(causal.causal_rate_expression() - R, D)[0]
    assert sp.simplify(inverse - causal.causal_distortion_expression()) == 0


def integrals(a, noise, error):
    """Reverse water-filling by adaptive quadrature and a root."""
    spectrum = lambda w: noise / (1 + a * a - 2 * a * np.cos(w))  # noqa: E731
    over = lambda f, m: quad(f, 0, np.pi, points=edges(m), limit=400)[0] / np.pi  # noqa: E731

    def edges(m):
        c = (1 + a * a - noise / m) / (2 * a)
        return [np.arccos(c)] if abs(c) < 1 else None

    short = lambda m: over(lambda w: min(spectrum(w), m), m) - error  # noqa: E731
    m = brentq(short, 1e-9, noise / (1 - abs(a)) ** 2, xtol=1e-13)
    return over(lambda w: max(np.log(spectrum(w) / m), 0) / 2, m)


@pytest.mark.parametrize("a", [0.6, -0.6, 0.9])
@pytest.mark.parametrize("error", [0.1, 0.5, 1.0, 1.4])
def test_the_price_against_integrals(a, error):
    price = causal.causal_rate(a, 1.0, error) - integrals(a, 1.0, error)
    assert causal.price_of_causality(a, 1.0, error) == pytest.approx(price, abs=2e-6)


def test_the_price_at_its_largest():
    for a, most in ((0.6, 0.122), (0.9, 0.208), (0.99, 0.232)):
        error = np.linspace(0.3, 1.2, 91)
        price = causal.price_of_causality(a, 1.0, error, frequencies=2**14) / BITS
        assert price.max() == pytest.approx(most, abs=1e-3)
        assert price.max() <= np.log2(1 + a * a) / 2
        assert np.all(price > 0)


def test_the_price_is_nothing_where_nothing_is_asked():
    variance = 1 / (1 - 0.9**2)
    assert causal.price_of_causality(0.9, 1.0, variance) == pytest.approx(0, abs=1e-6)
    assert causal.price_of_causality(0.9, 1.0, 2 * variance) == 0
    np.testing.assert_allclose(causal.price_of_causality(0.0, 1.0, [0.1, 0.7]), 0, atol=1e-12)


def test_a_price_is_that_of_a_long_block():
    """Toeplitz eigenvalues in place of the spectrum."""
    S = toeplitz(0.7 ** np.arange(400)) / (1 - 0.49)
    values = np.linalg.eigvalsh(S)
    for error in (0.2, 0.9):
        m = brentq(lambda m, e=error: np.minimum(values, m).mean() - e, 1e-9, values.max())
        block = np.log(np.maximum(values / m, 1)).mean() / 2
        price = causal.causal_rate(0.7, 1.0, error) - block
        assert causal.price_of_causality(0.7, 1.0, error) == pytest.approx(price, abs=3e-3)


def test_the_data_rate_is_the_rate_of_a_loose_follower():
    for a in (-3.0, 1.0, 0.4):
        assert causal.data_rate(a) == pytest.approx(causal.causal_rate(a, 1.0, 1e14), abs=1e-9)


def test_the_data_rate_is_the_sum_of_the_positive_exponents():
    """Of Lyapunov, by QR over many steps."""
    rng = np.random.default_rng(0)
    for _ in range(10):
        A = rng.normal(size=(4, 4))
        found = exponents(np.broadcast_to(A, (4000, 4, 4)))
        assert causal.data_rate(A) == pytest.approx(found.clip(min=0).sum(), abs=2e-2)


@pytest.mark.parametrize("r", [0.7, 1.3])
def test_a_rotation_counts_twice(r):
    turn = np.array([[np.cos(2.2), -np.sin(2.2)], [np.sin(2.2), np.cos(2.2)]])
    assert causal.data_rate(r * turn) == pytest.approx(2 * max(np.log(r), 0))


def follow(a, w, levels, start, disturb, edges):
    """The distance of x from the middle of its interval, which is cut into cells."""
    x, half, errors = start, start, []
    for t, M in enumerate(levels):
        x, half = a * x + disturb(t), abs(a) * half + w
        cuts = half * edges(M)
        cell = np.clip(np.searchsorted(cuts, x) - 1, 0, M - 1)
        x, half = x - (cuts[cell] + cuts[cell + 1]) / 2, (cuts[cell + 1] - cuts[cell]) / 2
        errors.append(abs(x))
    return np.array(errors)


# not more steps: rounding errors of x grow threefold at each
LEVELS = [[4] * 12, [2] * 12, [3] * 12, [2, 5] * 6, [1, 1, 2] * 4]


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("a", [3.0, -1.2])
def test_equal_cells_keep_the_promise_and_an_adversary_exhausts_it(a, levels):
    rng, w, start = np.random.default_rng(1), 0.1, 0.5
    equal = lambda M: np.linspace(-1, 1, M + 1)  # noqa: E731
    promised = causal.following_error(a, w, levels, start)
    for _ in range(20):
        found = follow(a, w, levels, start, lambda t: rng.uniform(-w, w), equal)
        assert np.all(found <= promised * (1 + 1e-9))
    worst = lambda t: w * np.sign(a) ** (t + 1)  # noqa: E731
    found = follow(a, w, levels, start, worst, equal)
    np.testing.assert_allclose(found, promised, rtol=1e-6)


@pytest.mark.parametrize("levels", [row for row in LEVELS if 1 not in row])
def test_unequal_cells_promise_less(levels):
    """Half of the widest cell, again and again, by random cuts."""
    rng = np.random.default_rng(2)
    promised = causal.following_error(3.0, 0.1, levels, 0.5)
    for _ in range(100):
        half = 0.5
        for t, M in enumerate(levels):
            half = (3 * half + 0.1) * rng.dirichlet(np.full(M, 5.0)).max()
            assert half >= promised[t]


def test_the_error_of_known_starts_in_closed_form():
    a, w, M = sp.Symbol("a", real=True), *sp.symbols("w M", positive=True)
    t = sp.Symbol("t", integer=True, nonnegative=True)
    expression = causal.following_error_expression()
    for factor, levels in ((3.0, 4), (-1.5, 2), (3.0, 2)):
        numbers = causal.following_error(factor, 0.1, [levels] * 9)
        for step, number in enumerate(numbers, 1):
            at = {a: factor, w: 0.1, M: levels, t: step}
            assert float(expression.subs(at)) == pytest.approx(number)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: causal.causal_rate(0.5, 0.0, 1.0), "noise"),
        (lambda: causal.causal_rate(0.5, 1.0, [0.5, 0.0]), "distortion"),
        (lambda: causal.causal_distortion(0.5, 1.0, -0.1), "rate"),
        (lambda: causal.causal_distortion(0.5, -1.0, 0.1), "noise"),
        (lambda: causal.follower(0.5, 1.0, 2.0), "distortion"),
        (lambda: causal.follower(0.5, 1.0, 0.0), "distortion"),
        (lambda: causal.price_of_causality(1.0, 1.0, 0.5), "a"),
        (lambda: causal.price_of_causality(-1.0, 1.0, 0.5), "a"),
        (lambda: causal.price_of_causality(0.5, 1.0, -0.5), "distortion"),
        (lambda: causal.data_rate(np.ones((2, 3))), "A"),
        (lambda: causal.following_error(2.0, -0.1, [2]), "disturbance"),
        (lambda: causal.following_error(2.0, 0.1, [2, 0]), "levels"),
        (lambda: causal.following_error(2.0, 0.1, 3), "levels"),
        (lambda: causal.following_error(2.0, 0.1, [3], -1.0), "start"),
    ],
)
def test_wrong_arguments_are_named(call, name):
    with pytest.raises(ValueError, match=f"`{name}`"):
        call()
