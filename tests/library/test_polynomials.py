"""Prices against closed forms, other programs, random systems and random polynomials."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from numpy.polynomial import Chebyshev, Polynomial
from scipy.optimize import linprog

from ssm_companion.theory.memory import impulse_response
from ssm_companion.theory.polynomials import (
    complex_price,
    delay_price,
    delay_price_expression,
    difference_bound,
    difference_ceiling,
    difference_ceiling_expression,
    mode_price_bounds,
    mode_rate,
    mode_rate_expression,
    oscillation_price,
    oscillation_price_expression,
    real_price,
    worst_price,
    worst_price_expression,
)

X = sp.Symbol("x")
NORMS = {"sup": np.inf, "l1": 1, "l2": 2}
DUALS = {"sup": 1, "l1": np.inf, "l2": 2}


def response(poles, weights, t):
    return np.real(impulse_response(poles, np.ones(len(poles)), weights, t))


def quarter_turns(t):
    return [[1, 0, -1, 0][k % 4] for k in range(t)]


def delay(k, t):
    return [int(j == k) for j in range(t)]


def random_system(rng, complex_poles=False):
    n = rng.integers(1, 8)
    poles = rng.choice([-1, 1], n) * rng.uniform(0, 1, n) ** rng.choice([0.1, 1])
    weights = rng.normal(size=n) * 10 ** rng.uniform(-1, 1, n)
    if complex_poles:
        turn = np.exp(1j * rng.uniform(0, 7, (2, n)))
        poles, weights = poles * turn[0], weights * turn[1]
    return poles, weights


def random_error(rng, t, norm):
    error = rng.normal(size=t) * (rng.random(t) < rng.random())
    return error / max(np.linalg.norm(error, NORMS[norm]), 1e-12)


# ------------------------------------------------------- differences


def test_the_ceiling_against_a_grid():
    mu = np.linspace(0, 1, 100_001)
    for m, d in itertools.product([0, 0.5, 1, 3, 7.5], [0, 1, 2, 6]):
        assert difference_ceiling(m, d) == pytest.approx((mu**m * (1 - mu) ** d).max(), rel=1e-6)
        assert difference_ceiling(m, d) <= 4.0 ** -min(m, d)


def test_the_ceiling_in_symbols():
    """The derivative vanishes at m / (m + d), where the product has this value."""
    m, d, mu = *sp.symbols("m d", positive=True), sp.Symbol("mu", positive=True)
    product = mu**m * (1 - mu) ** d
    at = {mu: m / (m + d)}
    assert sp.simplify(sp.diff(sp.log(product), mu).subs(at)) == 0
    expression = difference_ceiling_expression()
    for numbers in ({m: 2, d: 3}, {m: sp.Rational(3, 2), d: 1}):
        assert sp.simplify((product.subs(at) - expression).subs(numbers)) == 0
    assert float(expression.subs({m: 2.5, d: 4})) == pytest.approx(difference_ceiling(2.5, 4))


@pytest.mark.parametrize("norm", NORMS)
def test_no_system_weighs_less_than_its_differences_say(norm):
    rng = np.random.default_rng(0)
    touched = 0.0
    for _ in range(500):
        poles, weights = random_system(rng)
        t, tolerance = rng.integers(1, 40), rng.choice([1e-9, 1e-3, 0.1])
        target = response(poles, weights, t) + tolerance * random_error(rng, t, norm)
        bound = difference_bound(target, tolerance * (1 + 1e-6), norm).bound
        assert bound <= np.abs(weights).sum() * (1 + 1e-6)
        touched = max(touched, bound / np.abs(weights).sum())
    assert touched > 0.9


@pytest.mark.parametrize("norm", NORMS)
def test_the_difference_is_a_polynomial(norm):
    """The bound is what its polynomial proves, by exact coefficients and its true maximum."""
    rng = np.random.default_rng(1)
    for _ in range(30):
        target, tolerance = rng.normal(size=rng.integers(3, 12)), rng.choice([0.0, 0.02])
        bound, m, d, odd = difference_bound(target, tolerance, norm)
        p = sp.Poly(X ** (2 * m + odd) * (X**2 - 1) ** d, X).all_coeffs()[::-1]
        p = np.r_[np.array(p, dtype=float), np.zeros(len(target))][: len(target)]
        proved = abs(p @ target) - tolerance * np.linalg.norm(p, DUALS[norm])
        most = np.abs(Polynomial(p)(np.linspace(-1, 1, 20_001))).max()
        assert bound == pytest.approx(proved / most, rel=1e-5)


def test_the_best_difference_is_found():
    rng = np.random.default_rng(2)
    for _ in range(50):
        target, tolerance = rng.normal(size=9), rng.uniform(0, 0.1)
        best = 0.0
        for half, shift in ((target[::2], 0), (target[1::2], 0.5)):
            for m, d in itertools.product(range(5), repeat=2):
                if m + d < len(half):
                    signs = [(-1) ** i * math.comb(d, i) for i in range(d + 1)]
                    room = abs(np.dot(signs, half[m : m + d + 1])) - 2**d * tolerance
                    best = max(best, room / difference_ceiling(m + shift, d))
        assert difference_bound(target, tolerance).bound == pytest.approx(best)


def test_differences_of_an_oscillation_are_powers_of_two():
    bound, m, d, parity = difference_bound(quarter_turns(63))
    assert (m + d, parity) == (31, 0)
    assert bound == pytest.approx(2**d / difference_ceiling(m, d))
    assert difference_bound(quarter_turns(63), 0.25).bound == pytest.approx(0.75 * bound)
    assert bound < oscillation_price(63)
    assert np.log2(bound) / 63 == pytest.approx(np.log2(3) / 2, abs=0.02)


def test_rounding_makes_a_tame_target_dear_unless_it_is_tolerated():
    powers = [Fraction(9, 10) ** k for k in range(128)]
    assert difference_bound(powers).bound <= 1 + 1e-12
    rounded = np.array(powers, dtype=float)
    assert difference_bound(rounded).bound > 1e6
    assert difference_bound(rounded, tolerance=1e-15).bound <= 1


# ------------------------------------------------------- prices against closed forms


@pytest.mark.parametrize("t", [1, 2, 3, 4, 5, 8, 12, 13, 32])
def test_delays_in_closed_form(t):
    for k in range(t) if t < 32 else (0, 15, 22, 31):
        price = real_price(delay(k, t))
        expected = delay_price(k, t)
        assert price.lower <= expected * (1 + 1e-9)
        assert expected <= price.upper * (1 + 1e-9)
        assert price.upper - price.lower <= 1e-5 * expected


@pytest.mark.parametrize("t", [1, 2, 3, 4, 7, 10, 16, 21, 32])
def test_oscillations_in_closed_form(t):
    price = real_price(quarter_turns(t))
    assert price.lower == pytest.approx(oscillation_price(t), rel=1e-6)
    assert price.upper == pytest.approx(oscillation_price(t), rel=1e-6)


@pytest.mark.parametrize("t", range(1, 7))
def test_no_bounded_target_is_dearer_than_the_worst(t):
    """The price is convex, so that the dearest target of a box is one of its corners."""
    corners = itertools.product([-1, 1], repeat=t - 1)
    prices = [real_price([1, *corner]).upper for corner in corners]
    assert max(prices) == pytest.approx(worst_price(t), rel=1e-5)
    cosine_or_sine = quarter_turns(t) if t % 2 else quarter_turns(t + 3)[3:]
    assert real_price(cosine_or_sine).lower == pytest.approx(worst_price(t), rel=1e-5)


def test_closed_forms_are_coefficients_of_chebyshev_polynomials():
    for t in range(1, 20):
        last = sp.Poly(sp.chebyshevt(t - 1, X), X)
        before = sp.Poly(sp.chebyshevt(max(t - 2, 0), X), X)
        for k in range(t):
            expected = max(abs(p.coeff_monomial(X**k)) for p in (last, before))
            assert delay_price(k, t) == expected
        assert worst_price(t) == sum(map(abs, last.all_coeffs()))
        assert worst_price(t) == abs(sp.expand(sp.chebyshevt(t - 1, sp.I)))
        assert oscillation_price(t) == sp.chebyshevt((t - 1) // 2, 3)


def test_the_expressions_are_the_functions():
    k, n, M, t = sp.symbols("k n M t", positive=True)
    for steps, lag in ((6, 3), (12, 5), (9, 8), (32, 15)):
        degree = steps - 1 - (steps - 1 - lag) % 2
        assert delay_price_expression().subs({k: lag, n: degree}) == delay_price(lag, steps)
    for steps in (1, 2, 7, 40):
        at = {M: (steps - 1) // 2, t: steps}
        assert sp.expand(oscillation_price_expression().subs(at)) == oscillation_price(steps)
        assert sp.expand(worst_price_expression().subs(at)) == worst_price(steps)
    x, y = sp.symbols("x y", real=True)
    number = mode_rate_expression().subs({x: 0.3, y: -0.8})
    assert float(number) == pytest.approx(float(mode_rate(0.3 - 0.8j)))


def first_beyond(price, bits):
    return next(t for t in range(1, 80) if price(t) >= 2**bits)


@pytest.mark.parametrize(("bits", "steps"), [(24, (21, 24, 26)), (53, (45, 49, 55))])
def test_when_a_weight_exceeds_the_significand(bits, steps):
    prices = (
        oscillation_price,
        lambda t: delay_price((t - 1) // 2, t),
        lambda t: delay_price(t - 1, t),
    )
    assert tuple(first_beyond(price, bits) for price in prices) == steps


def test_rates_of_delays():
    """Bits a step at k = a t: the last tap, the middle one, and the worst, which oscillates."""
    t = 20_000
    bits = {a: math.log2(delay_price(round(a * (t - 1)), t)) / t for a in (0.5, 0.5**0.5, 1.0)}
    np.testing.assert_allclose(list(bits.values()), [1.1887, 1.2716, 1.0], atol=1e-3)
    h2 = lambda p: -(p * np.log2(p) + (1 - p) * np.log2(1 - p))  # noqa: E731
    for a, rate in bits.items():
        if a < 1:
            assert rate == pytest.approx(a + (1 + a) / 2 * h2((1 - a) / (1 + a)), abs=1e-3)


# ------------------------------------------------------- prices against what they bound


def monomials(series, t):
    """Exact coefficients of a Chebyshev series, whose own conversion loses digits."""
    powers = sum(sp.Rational(float(c)) * sp.chebyshevt(j, X) for j, c in enumerate(series.coef))
    coefficients = sp.Poly(powers, X).all_coeffs()[::-1]
    return np.array(coefficients + [0] * (t - len(coefficients)), dtype=float)


def check_real(price, target, tolerance, norm):
    t = len(target)
    assert np.abs(price.polynomial(np.linspace(-1, 1, 20_001))).max() <= 1 + 1e-9
    p = monomials(price.polynomial, t)
    proved = p @ target - tolerance * np.linalg.norm(p, DUALS[norm])
    assert proved == pytest.approx(price.lower, abs=1e-6 * price.upper)
    assert np.abs(price.modes.poles).max() <= 1
    assert np.abs(price.modes.weights).sum() <= price.upper * (1 + 1e-12)
    off = target - response(*price.modes, t)
    assert np.linalg.norm(off, NORMS[norm]) <= tolerance + 1e-5 * np.abs(target).max()
    assert price.lower <= price.upper


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("tolerance", [0.0, 0.01, 0.2])
def test_both_bounds_are_proved(norm, tolerance):
    rng = np.random.default_rng(3)
    for t in (2, 5, 9, 12):
        for target in (rng.normal(size=t), np.array(quarter_turns(t)), np.array(delay(t // 2, t))):
            price = real_price(target, tolerance, norm)
            check_real(price, target, tolerance, norm)
            assert price.upper - price.lower <= 1e-4 * price.upper
            assert difference_bound(target, tolerance, norm).bound <= price.upper


@pytest.mark.parametrize("norm", NORMS)
def test_no_system_weighs_less_than_the_price(norm):
    rng = np.random.default_rng(4)
    touched = 0.0
    for _ in range(60):
        poles, weights = random_system(rng)
        t, tolerance = rng.integers(1, 14), rng.choice([0.0, 0.01, 0.1])
        target = response(poles, weights, t) + tolerance * random_error(rng, t, norm)
        price = real_price(target, tolerance * (1 + 1e-9), norm)
        assert price.lower <= np.abs(weights).sum() * (1 + 1e-6) + 1e-9
        touched = max(touched, price.lower / np.abs(weights).sum())
    assert touched > 0.9


def test_no_polynomial_proves_more_than_the_price():
    """Random ones, and Chebyshev polynomials, with some of their extrema squeezed."""
    rng = np.random.default_rng(5)
    grid = np.linspace(-1, 1, 4001)
    for _ in range(20):
        t = rng.integers(2, 12)
        target = rng.normal(size=t)
        most = real_price(target).upper
        for _ in range(100):
            p = Chebyshev(rng.normal(size=t) * (rng.random(t) < 0.4) + np.eye(t)[-1])
            coefficients = np.r_[p.convert(kind=Polynomial).coef, np.zeros(t)][:t]
            # the maximum on the grid is above 0.999 of the true one
            assert 0.999 * abs(coefficients @ target) / np.abs(p(grid)).max() <= most


def test_a_delay_of_three_within_a_tolerance():
    assert real_price(delay(3, 7)).lower == pytest.approx(20, rel=1e-6)
    loose = real_price(delay(3, 7), 0.05)
    assert loose.lower <= 17.95 <= loose.upper
    assert loose.upper - loose.lower < 1e-4


@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("tolerance", [0.1, 0.5, 0.9])
def test_slower_oscillations_stay_dear_within_a_tolerance(turns, tolerance):
    """Exactly 1 - tolerance of the price for quarter turns, at least that of fewer for others."""
    t = 14
    price = real_price(np.cos(np.pi / (2 * turns) * np.arange(t)), tolerance)
    known = (1 - tolerance) * oscillation_price(2 * ((t - 1) // (2 * turns)) + 1)
    assert known <= price.upper * (1 + 1e-9)
    if turns == 1:
        assert price.lower == pytest.approx(known, rel=1e-5)


def test_what_costs_nothing_and_what_costs_one():
    assert real_price([0, 0, 0])[:2] == (0, 0)
    assert real_price([0.1, -0.1], 0.1)[:2] == (0, 0)
    assert real_price([3.0, 4.0], 5.0, "l2")[:2] == (0, 0)
    assert complex_price([0, 0])[:2] == (0, 0)
    decay = real_price(0.9 ** np.arange(10))
    assert decay.lower == pytest.approx(1, abs=1e-4)
    assert decay.upper == pytest.approx(1, abs=1e-4)


# ------------------------------------------------------- single modes


def test_the_rate_is_that_of_an_ellipse_and_of_chebyshev_polynomials():
    rng = np.random.default_rng(6)
    poles = rng.uniform(-1, 1, 500) + 1j * rng.uniform(-1, 1, 500)
    rho = 2 ** mode_rate(poles)
    np.testing.assert_allclose(rho + 1 / rho, np.abs(poles - 1) + np.abs(poles + 1))
    fast = poles[mode_rate(poles) > 0.1]
    values = [np.ones_like(fast), fast]
    for _ in range(300):
        values.append(2 * fast * values[-1] - values[-2])
    grown = np.log2(np.abs(values[300] / values[200])) / 100
    np.testing.assert_allclose(mode_rate(fast), grown, rtol=1e-9)


def test_a_quarter_turn_has_the_highest_rate():
    rng = np.random.default_rng(7)
    poles = np.sqrt(rng.uniform(0, 1, 10_000)) * np.exp(1j * rng.uniform(0, 7, 10_000))
    top = np.log2(1 + np.sqrt(2))
    assert mode_rate(poles).max() < top == pytest.approx(float(mode_rate(1j)))
    np.testing.assert_array_equal(mode_rate([-1, -0.3, 0, 0.999, 1]), 0)
    theta = np.linspace(0, np.pi, 50)
    on_circle = np.arcsinh(np.sqrt(np.abs(np.sin(theta)))) / np.log(2)
    np.testing.assert_allclose(mode_rate(np.exp(1j * theta)), on_circle, atol=1e-7)


def test_the_bounds_on_the_price_of_a_mode():
    rng = np.random.default_rng(8)
    for i in range(60):
        pole = rng.choice([1, rng.uniform(0.1, 1)]) * np.exp(1j * rng.uniform(-4, 4))
        weight, t = rng.normal() * np.exp(1j * rng.uniform(0, 7)), int(rng.integers(3, 15))
        price = real_price(response([pole], [weight], t))
        lower, upper = mode_price_bounds(pole, weight, t)
        assert lower <= price.upper
        assert price.lower <= upper * (1 + 1e-9)
        if i % 2:
            pole /= abs(pole)
            price = real_price(response([pole], [weight], t))
            known = abs(weight) * abs(np.cosh((t - 1) * np.arccosh(pole)))
            assert price.lower <= known * (1 + 1e-9)


def test_the_worst_phase_on_the_circle_and_within():
    """On it the price reaches |T(pole)|; within it can be higher."""
    for pole, t in ((np.exp(0.7j), 8), (np.exp(0.4j) / 2, 5)):
        phases = np.exp(1j * np.linspace(0, np.pi, 46))
        prices = [real_price(response([pole], [w], t)).lower for w in phases]
        known = abs(np.cosh((t - 1) * np.arccosh(pole)))
        if abs(pole) == 1:
            assert max(prices) == pytest.approx(known, rel=1e-3)
        else:
            assert (round(max(prices), 2), round(known, 2)) == (1.21, 1.02)


# ------------------------------------------------------- the disc


def by_polygons(target, sides=64):
    """The price from above: the polynomial's values in polygons around the circle of radius 1."""
    t = len(target)
    angles = np.pi * np.linspace(0, 1, 24 * t + 1)
    sides = np.exp(2j * np.pi * np.arange(sides) / sides)
    powers = np.exp(1j * np.outer(angles, np.arange(t)))
    rows = (sides[:, None, None] * powers).real.reshape(-1, t)
    found = linprog(-np.asarray(target), rows, np.ones(len(rows)), bounds=(None, None))
    return -found.fun


@pytest.mark.parametrize("t", [1, 2, 5, 8])
def test_the_complex_price_by_polygons(t):
    rng = np.random.default_rng(t)
    for target in (rng.normal(size=t), rng.choice([-1.0, 1.0], size=t)):
        price, above = complex_price(target), by_polygons(target)
        assert price.lower <= above * (1 + 1e-6)
        assert above <= price.upper / np.cos(np.pi / 64) * (1 + 3e-3)  # between points of the grid


@pytest.mark.parametrize("t", [1, 2, 6, 11, 24])
def test_the_complex_price_is_proved(t):
    rng = np.random.default_rng(t)
    for target in (rng.normal(size=t), np.array(quarter_turns(t)), np.array(delay(t // 2, t))):
        lower, upper, modes, p = complex_price(target)
        assert upper - lower <= 1e-4 * upper
        assert np.abs(p(np.exp(1j * np.linspace(0, np.pi, 20_001)))).max() <= 1 + 1e-9
        assert p.coef @ target == pytest.approx(lower)
        assert np.abs(modes.weights).sum() <= upper
        np.testing.assert_allclose(np.abs(modes.poles), 1)
        np.testing.assert_allclose(response(*modes, t), target, atol=1e-5)
        assert np.abs(target).max() <= upper * (1 + 1e-9)
        assert lower <= np.linalg.norm(target) * (1 + 1e-9)


def test_delays_and_oscillations_cost_one_on_the_disc():
    for target in (delay(5, 16), delay(15, 16), quarter_turns(16)):
        price = complex_price(target)
        assert price.lower == pytest.approx(1, abs=1e-5)
        assert price.upper == pytest.approx(1, abs=1e-5)


def test_no_complex_system_weighs_less_than_the_price():
    rng = np.random.default_rng(9)
    for _ in range(60):
        poles, weights = random_system(rng, complex_poles=True)
        price = complex_price(response(poles, weights, rng.integers(1, 12)))
        assert price.lower <= np.abs(weights).sum() * (1 + 1e-9)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: difference_ceiling(-1, 2), "m"),
        (lambda: difference_ceiling(1, [2, -2]), "d"),
        (lambda: difference_bound([1.0], -0.1), "tolerance"),
        (lambda: difference_bound([1.0], 0.1, "l3"), "norm"),
        (lambda: difference_bound([[1.0]]), "target"),
        (lambda: real_price([]), "target"),
        (lambda: real_price([1j]), "target"),
        (lambda: real_price([np.nan]), "target"),
        (lambda: real_price([1.0], -1.0), "tolerance"),
        (lambda: real_price([1.0], 0.1, "max"), "norm"),
        (lambda: complex_price([np.inf]), "target"),
        (lambda: delay_price(4, 4), "k"),
        (lambda: delay_price(-1, 4), "k"),
        (lambda: oscillation_price(0), "t"),
        (lambda: worst_price(0), "t"),
        (lambda: mode_price_bounds(1j, 1.0, 2), "t"),
    ],
)
def test_wrong_arguments_are_named(call, name):
    with pytest.raises(ValueError, match=f"`{name}`"):
        call()
