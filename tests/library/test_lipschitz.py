"""Bounds on slopes against SymPy and brute force."""

import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from ssm_companion.theory.lipschitz import (
    SILU_BEND,
    activation_expression,
    clock_lipschitz,
    clock_sensitivity,
    decay_slope,
    gain_expressions,
    gate_gain,
    recursion_lipschitz,
    recursion_sensitivity,
    slope_range,
    write_gain,
)

NAMES = ("sigmoid", "tanh", "softplus", "silu", "exp", "phi1")
RATES = (0.03, 0.5, 1.0, 4.0, 60.0)


def softplus(x):
    return np.logaddexp(0, x)


def gated(z, v, start=0.0):
    """The last state of h = exp(-z) h + (1 - exp(-z)) v, steps on the last axis."""
    h = start
    for t in range(np.shape(z)[-1]):
        h = h + -np.expm1(-z[..., t]) * (v[..., t] - h)
    return h


def written(rate, steps, v, rule):
    """All states of h = exp(-rate step) h + b v."""
    h, states = 0.0, []
    for t in range(steps.shape[-1]):
        a = np.exp(-rate * steps[..., t])
        h = a * h + (steps[..., t] if rule == "euler" else (1 - a) / rate) * v[..., t]
        states.append(h)
    return np.stack(states, -1)


# activations


@pytest.mark.parametrize("name", NAMES)
def test_slopes_on_a_fine_grid_fill_the_range(name):
    x = sp.Symbol("x", real=True)
    slope = sp.lambdify(x, sp.diff(activation_expression(name), x))
    end = -1e-4 if name in ("exp", "phi1") else 30.0
    slopes = slope(np.linspace(-30, end, 200_001))
    least, greatest = slope_range(name)
    assert least - 1e-9 <= slopes.min() <= least + 2e-3
    assert greatest - 1e-3 <= slopes.max() <= greatest + 1e-9


def test_silu_is_steepest_where_its_second_derivative_vanishes():
    x = sp.Symbol("x", real=True)
    silu = activation_expression("silu")
    s = activation_expression("sigmoid")
    claimed = s * (1 - s) * (2 - x * sp.tanh(x / 2))
    assert sp.simplify((sp.diff(silu, x, 2) - claimed).rewrite(sp.exp)) == 0
    y = sp.Symbol("y", positive=True)
    # at the bend tanh(x/2) = 2/x, and sigmoid = (1 + tanh(x/2))/2
    at_bend = sp.diff(silu, x).subs(sp.exp(-x), (1 - 1 / y) / (1 + 1 / y)).subs(x, 2 * y)
    assert sp.simplify(at_bend - (1 + y) / 2) == 0
    bend = sp.nsolve(sp.diff(silu, x, 2), x, 2.4)
    assert float(bend) == pytest.approx(SILU_BEND, abs=1e-12)
    assert float(sp.diff(silu, x).subs(x, bend)) == pytest.approx(slope_range("silu")[1], abs=1e-12)
    assert slope_range("silu")[0] == pytest.approx(1 - slope_range("silu")[1])


@pytest.mark.parametrize("rate", RATES)
def test_no_decay_is_steeper_than_its_bound_and_one_point_reaches_it(rate):
    x = np.linspace(-60, 60, 400_001)
    decays = np.exp(-rate * softplus(x))
    slopes = np.abs(np.diff(decays)) / np.diff(x)
    assert slopes.max() == pytest.approx(decay_slope(rate), rel=1e-5)
    assert slopes.max() <= decay_slope(rate) * (1 + 1e-9)
    assert x[slopes.argmax()] == pytest.approx(-math.log(rate), abs=1e-3)


def test_decay_slope_in_symbols():
    alpha, p = sp.symbols("alpha p", positive=True)
    # the slope is alpha (1 - p) p^alpha with p = sigmoid(-x)
    slope = alpha * (1 - p) * p**alpha
    (best,) = sp.solve(sp.diff(sp.log(slope), p), p)
    ratio = slope.subs(p, best) / decay_slope(alpha)
    assert sp.simplify(sp.expand_log(sp.log(ratio), force=True)) == 0
    assert sp.limit(decay_slope(alpha), alpha, sp.oo) == sp.exp(-1)
    numeric = decay_slope(np.array(RATES))
    symbolic = [float(decay_slope(alpha).subs(alpha, rate)) for rate in RATES]
    np.testing.assert_allclose(numeric, symbolic, rtol=1e-12)
    assert (np.diff(numeric) > 0).all() and numeric.max() < 1 / math.e


# a recursion with bounded factors


def test_random_recursions_stay_below_the_bound():
    rng = np.random.default_rng(0)
    cases, L = 2000, 40
    kappa, beta = rng.uniform(0, 0.95, cases), rng.uniform(0, 3, cases)
    steep_a, steep_b = rng.uniform(0, 4, (2, cases))
    shift_a, shift_b = rng.normal(size=(2, cases))
    x = rng.normal(size=(cases, L))
    y = x + rng.uniform(0, 1, (cases, 1)) * rng.uniform(-1, 1, (cases, L))
    h, apart = np.zeros((2, cases)), 0
    for t in range(L):
        a, b = (  # of x and of y
            size * np.tanh(steep * np.stack([x[:, t], y[:, t]]) + shift)
            for size, steep, shift in ((kappa, steep_a, shift_a), (beta, steep_b, shift_b))
        )
        h = a * h + b
        apart = np.maximum(apart, np.abs(h[0] - h[1]))
    bound = recursion_lipschitz(kappa, beta, kappa * steep_a, beta * steep_b)
    assert (apart <= bound * np.abs(x - y).max(1) * (1 + 1e-9) + 1e-12).all()


@pytest.mark.parametrize("p", [1, 2, np.inf])
def test_constant_inputs_reach_the_bound_of_a_recursion_in_every_norm(p):
    kappa, beta, steep_a, steep_b = 0.8, 1.5, 0.3, 0.7
    L, eps = 4000, 1e-6
    h, states = np.full(2, beta / (1 - kappa)), []
    x = np.array([0, eps])
    for _ in range(L):
        h = (kappa - steep_a * x) * h + beta - steep_b * x
        states.append(h[0] - h[1])
    ratio = np.linalg.norm(states, p) / np.linalg.norm(np.full(L, eps), p)
    bound = recursion_lipschitz(kappa, beta, steep_a, steep_b)
    assert 0.99 * bound < ratio <= bound * (1 + 1e-6)


def test_recursion_bounds_in_symbols_are_a_geometric_sum():
    k, beta, La, Lb = sp.symbols("kappa beta L_a L_b", positive=True)
    lag = sp.Symbol("lag", integer=True, nonnegative=True)
    at_lag = recursion_sensitivity(lag, k, beta, La, Lb)
    total = sp.summation(k**lag, (lag, 0, sp.oo)).args[0][0] * at_lag.subs(lag, 0)
    assert sp.simplify(total - recursion_lipschitz(k, beta, La, Lb)) == 0
    numbers = {k: 0.7, beta: 2.0, La: 0.25, Lb: 1.5, lag: 3}
    assert float(at_lag.subs(numbers)) == pytest.approx(
        recursion_sensitivity(3, 0.7, 2.0, 0.25, 1.5)
    )
    # a constant factor: h = beta / (1 - a)
    assert sp.simplify(recursion_lipschitz(k, beta, 1, 0) - sp.diff(beta / (1 - k), k)) == 0


# a memory with a clock


def test_clock_sensitivity_is_the_derivative():
    z, v = sp.symbols("z1:4", positive=True), sp.symbols("v1:4")
    h = start = sp.Symbol("h")
    for step, value in zip(z, v, strict=True):
        h = sp.exp(-step) * h + (1 - sp.exp(-step)) * value
    rng = np.random.default_rng(1)
    for _ in range(5):
        numbers = [*rng.exponential(size=3), *rng.normal(size=4)]
        at = dict(zip((*z, *v, start), numbers, strict=True))
        exact = [float((step * sp.diff(h, step)).subs(at)) for step in z]
        computed = clock_sensitivity(numbers[:3], numbers[3:6], numbers[6])
        np.testing.assert_allclose(computed, exact, rtol=1e-10)


SEQUENCES = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        st.lists(st.floats(-6, 6), min_size=n, max_size=n),
        st.lists(st.floats(-6, 6), min_size=n, max_size=n),
        st.lists(st.floats(-1, 2), min_size=n, max_size=n),
    )
)


@given(SEQUENCES, st.floats(0.01, 100), st.floats(-1, 2))
def test_no_two_gate_sequences_break_the_clock_bound(sequences, rate, start):
    x, y, v = map(np.array, sequences)
    apart = abs(gated(rate * softplus(x), v, start) - gated(rate * softplus(y), v, start))
    assert apart <= clock_lipschitz(3.0) * np.abs(x - y).max() + 1e-12
    later = np.maximum(x, y)
    apart = abs(gated(rate * softplus(x), v, start) - gated(rate * softplus(later), v, start))
    bound = clock_lipschitz(3.0, together=True)
    assert apart <= bound * np.abs(x - later).max() + 1e-12


def test_the_clock_bounds_are_reached():
    alternating = np.tile([0.0, 1.0], 5000)
    slow = np.full(10_000, 0.005)
    sensitivity = clock_sensitivity(slow, alternating, 0.5)
    assert 0.495 < np.abs(sensitivity).sum() <= clock_lipschitz(1.0)
    assert clock_sensitivity([1.0], [1.0], 0.0).sum() == pytest.approx(
        clock_lipschitz(1.0, together=True)
    )
    # in x, for a slow gate of which every step is made a little longer
    x = np.full(1000, math.log(math.expm1(0.001)))
    moved = gated(softplus(x + 1e-4), np.ones(1000)) - gated(softplus(x), np.ones(1000))
    assert moved / 1e-4 == pytest.approx(clock_lipschitz(1.0, together=True), rel=2e-3)


def test_clock_lipschitz_in_symbols():
    spread = sp.Symbol("D", positive=True)
    for together in (False, True):
        symbolic = clock_lipschitz(spread, together)
        assert float(symbolic.subs(spread, 3)) == pytest.approx(clock_lipschitz(3.0, together))
    np.testing.assert_allclose(clock_lipschitz([1.0, 3.0]), [0.5, 1.5])


# what a scan makes of bounded inputs


@pytest.mark.parametrize("rule", ["euler", "zoh"])
def test_gains_in_symbols_and_in_numbers_are_the_same(rule):
    rate, step = (g.ravel() for g in np.meshgrid([0.1, 1, 7], [1e-6, 0.01, 1, 20]))
    symbols = sp.symbols("alpha Delta", positive=True)
    for expression, gain in zip(gain_expressions(rule), (write_gain, gate_gain), strict=True):
        in_numbers = [
            float(expression.subs(dict(zip(symbols, at, strict=True))))
            for at in zip(rate, step, strict=True)
        ]
        np.testing.assert_allclose(gain(rate, step, rule), in_numbers, rtol=1e-8)


@pytest.mark.parametrize("rule", ["euler", "zoh"])
def test_no_random_scan_exceeds_the_gains(rule):
    rng = np.random.default_rng(2)
    cases, L, eps = 3000, 50, 1e-6
    rate = 10 ** rng.uniform(-1.5, 1.5, (cases, 1))
    top = rng.uniform(-4, 4, (cases, 1))
    x = top - rng.exponential(size=(cases, 1)) * rng.random((cases, L))
    v = np.sign(rng.normal(size=(cases, L)) + rng.normal(size=(cases, 1)))
    largest = softplus(top)
    states = written(rate[:, 0], softplus(x), v, rule)
    assert (np.abs(states) <= write_gain(rate, largest, rule) * (1 + 1e-12)).all()
    nudge = rng.choice([-1, 1], (cases, L))
    moved, back = (written(rate[:, 0], softplus(x + s * nudge), v, rule) for s in (eps, -eps))
    slope = np.abs(moved - back) / (2 * eps)
    assert (slope <= gate_gain(rate, largest + eps, rule) * (1 + 1e-6) + 1e-6).all()


@pytest.mark.parametrize("rule", ["euler", "zoh"])
def test_constant_inputs_reach_the_write_gain(rule):
    rate, step = 0.5, 0.8
    states = written(rate, np.full(100, step), np.ones(100), rule)
    assert states[-1] == pytest.approx(write_gain(rate, step, rule))


# messages


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: slope_range("relu"), r"`name` must be one of \[.*\], got 'relu'"),
        (lambda: activation_expression("relu"), "`name` must be one of"),
        (lambda: decay_slope(0.0), "`rate` must be > 0, got 0.0"),
        (lambda: recursion_lipschitz(1.0, 1.0, 1.0, 1.0), r"`factor` must be in \[0, 1\), got 1.0"),
        (lambda: recursion_sensitivity(-1, 0.5, 1, 1, 1), "`lag` must be >= 0, got -1"),
        (lambda: clock_lipschitz([1.0, -2.0]), "`spread` must be >= 0, got -2.0"),
        (lambda: clock_sensitivity([-1.0], [1.0]), "`durations` must be >= 0, got -1.0"),
        (lambda: write_gain(1.0, 1.0, "bilinear"), "`rule` must be one of"),
        (lambda: gate_gain(1.0, -1.0), "`step` must be > 0, got -1.0"),
        (lambda: gain_expressions("bilinear"), "`rule` must be one of"),
    ],
)
def test_messages_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()
