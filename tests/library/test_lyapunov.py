"""Lyapunov exponents against exact values, quadrature, power series and random gates."""

import itertools
import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from ssm_companion.theory.lyapunov import (
    exponents,
    gate_exponent,
    gate_exponent_expression,
    gate_mean_square,
    gate_mean_square_expression,
    mode_exponents,
)

FREE = [0.9, 0.25, 0.0, -0.5, -1.0, -2.0, -3.5, 1.3, 0.6 + 0.7j, -1.2 + 0.3j]
a, c, p = sp.Symbol("a"), sp.Symbol("c"), sp.Symbol("p", nonnegative=True)
# the mean of g^n: 1/2 3/4 5/6 ... for the arcsine law
MOMENT = {
    "arcsine": lambda n: sp.Rational(math.comb(2 * n, n), 4**n),
    "uniform": lambda n: sp.Rational(1, n + 1),
}
DRAW = {
    "bernoulli": lambda rng, size: rng.random(size) < 0.3,
    "arcsine": lambda rng, size: rng.beta(0.5, 0.5, size),
    "uniform": lambda rng, size: rng.random(size),
}
GIVEN = {"bernoulli": {"p": 0.3}, "arcsine": {}, "uniform": {}}


def gate_average(function, law, free):
    """The mean of a function of a continuous gate by quadrature; log-singularities are told."""
    root = 1 / (1 - free)
    bad = [root.real] if abs(np.imag(root)) < 1e-12 and 0 < np.real(root) < 1 else []
    if law == "uniform":
        return quad(function, 0, 1, points=bad, limit=200)[0]
    angles = [math.asin(math.sqrt(x)) for x in bad]  # g = sin^2 of a uniform angle
    integral = quad(lambda x: function(math.sin(x) ** 2), 0, math.pi / 2, points=angles, limit=200)
    return integral[0] / (math.pi / 2)


@pytest.mark.parametrize("law", ["arcsine", "uniform"])
@pytest.mark.parametrize("free", FREE)
def test_gate_formulas_against_quadrature(law, free):
    exponent = gate_average(lambda x: math.log(abs(1 - x * (1 - free))), law, free)
    assert gate_exponent(free, law) == pytest.approx(exponent, abs=1e-7)
    square = gate_average(lambda x: abs(1 - x * (1 - free)) ** 2, law, free)
    assert gate_mean_square(free, law) == pytest.approx(square, abs=1e-9)


@pytest.mark.parametrize("law", DRAW)
@pytest.mark.parametrize("free", [0.9, 0.25, -0.5, -2.0, 0.6 + 0.7j])
def test_gate_formulas_against_random_gates(law, free):
    gates = DRAW[law](np.random.default_rng(1), 400_000)
    factor = np.abs(1 - gates * (1 - free))
    claims = {np.log: gate_exponent, np.square: gate_mean_square}
    for function, formula in claims.items():
        seen = function(factor)
        error = seen.std() / math.sqrt(len(seen))
        assert abs(seen.mean() - formula(free, law, **GIVEN[law])) < 4.5 * error


@pytest.mark.parametrize("law", DRAW)
def test_gate_formulas_in_symbols_and_in_numbers_are_the_same_object(law):
    free = np.array(FREE, complex)
    free = free[free != 0]
    pairs = [
        (gate_exponent, gate_exponent_expression),
        (gate_mean_square, gate_mean_square_expression),
    ]
    for formula, expression in pairs:
        symbols = expression(law)
        assert symbols.free_symbols <= {a, p}
        numbers = sp.lambdify([a, p], symbols, "numpy")(free, 0.3)
        np.testing.assert_allclose(formula(free, law, **GIVEN[law]), numbers, atol=1e-13)
        for value in (sp.Rational(1, 4), sp.Integer(-2), sp.I / 2):
            exact = complex(symbols.subs({a: value, p: 0.3}))
            assert formula(complex(value), law, **GIVEN[law]) == pytest.approx(exact.real)


@pytest.mark.parametrize("law", MOMENT)
def test_gate_exponents_are_the_sums_of_their_power_series(law):
    # E log(1 - c g) = - sum over n of c^n E g^n / n, for |c| < 1
    series = -sum(c**n * MOMENT[law](n) / n for n in range(1, 9))
    closed = gate_exponent_expression(law).replace(sp.Abs, lambda x: x).replace(sp.re, lambda x: x)
    claimed = sp.series(closed.subs(a, 1 - c), c, 0, 9).removeO()
    assert sp.expand(sp.expand_log(claimed, force=True) - series) == 0


@pytest.mark.parametrize("law", MOMENT)
def test_gate_mean_squares_are_made_of_two_moments(law):
    x = sp.Symbol("x", real=True)
    expected = 1 - 2 * MOMENT[law](1) * (1 - x) + MOMENT[law](2) * (1 - x) ** 2
    assert sp.simplify(gate_mean_square_expression(law).subs(a, x) - expected) == 0


def test_gates_at_the_edges():
    for law in GIVEN:
        assert gate_exponent(1.0, law, **GIVEN[law]) == 0
        assert gate_mean_square(1.0, law, **GIVEN[law]) == 1
    assert gate_exponent(0.0, "bernoulli", 0.0) == 0  # it never opens
    assert gate_exponent(0.0, "bernoulli", 0.2) == -np.inf
    assert gate_exponent(0.0, "uniform") == -1
    assert gate_exponent(0.0, "arcsine") == -math.log(4)
    # where the free system is too unstable for the gate
    assert gate_exponent(-3.0, "arcsine") == pytest.approx(0, abs=1e-15)
    assert gate_mean_square(-5 / 3, "arcsine") == pytest.approx(1)
    assert gate_mean_square(-2.0, "uniform") == pytest.approx(1)


@given(st.floats(1e-12, 1e-3), st.sampled_from(["arcsine", "uniform"]))
def test_slow_modes_keep_their_digits(leak, law):
    free = 1 - leak
    leak = 1 - free  # as it was rounded
    square = {"arcsine": 3 / 8, "uniform": 1 / 3}[law]
    assert abs(gate_exponent(free, law) + leak / 2 + square * leak**2 / 2) < leak**3 + 3e-16


def test_gates_are_elementwise():
    table = gate_exponent(np.array([[0.5], [0.1]]), "bernoulli", np.array([0.0, 0.5, 1.0]))
    expected = np.log([[0.5], [0.1]]) * [0, 0.5, 1]
    np.testing.assert_allclose(table, expected)
    assert gate_mean_square(np.ones((2, 3)), "uniform").shape == (2, 3)


@pytest.mark.parametrize("complex", [False, True])
@pytest.mark.parametrize("d", [1, 2, 4])
def test_exponents_add_up_to_the_determinant(d, complex):
    rng = np.random.default_rng(d)
    factors = rng.normal(size=(3, 50, d, d)) + complex * 1j * rng.normal(size=(3, 50, d, d))
    growth = np.log(np.abs(np.linalg.det(factors))).mean(-1)
    spectrum = exponents(factors)
    assert spectrum.shape == (3, d)
    np.testing.assert_allclose(spectrum.sum(-1), growth)
    assert (np.diff(spectrum) <= 0).all()


def test_exponents_of_one_matrix_are_the_moduli_of_its_eigenvalues():
    A = np.random.default_rng(0).normal(size=(4, 4))
    moduli = np.sort(np.log(np.abs(np.linalg.eigvals(A))))[::-1]
    np.testing.assert_allclose(exponents(np.tile(A, (4000, 1, 1))), moduli, atol=2e-3)


def test_exponents_of_a_period_are_those_of_its_product():
    # two gates that open in turn: each step is safe and the period is not
    A = 0.95 * np.array([[-0.6, -0.8], [0.8, -0.6]])
    first, second = (np.eye(2) - np.diag(open_) @ (np.eye(2) - A) for open_ in ([1, 0], [0, 1]))
    period = np.sort(np.log(np.abs(np.linalg.eigvals(second @ first))))[::-1] / 2
    seen = exponents([first, second] * 4000)
    np.testing.assert_allclose(seen, period, atol=1e-3)
    assert seen[0] > 0.2


def test_exponents_of_random_matrices_are_known():
    # Gaussian entries of variance 1: lambda_i is the mean of log chi of d - i + 1 degrees, exactly
    d, length = 3, 10_000
    rng = np.random.default_rng(0)
    seen = exponents(rng.normal(size=(length, d, d)))
    exact = [(math.log(2) + float(sp.digamma(sp.Rational(k, 2)))) / 2 for k in range(d, 0, -1)]
    deviation = [math.sqrt(float(sp.polygamma(1, sp.Rational(k, 2))) / 4) for k in range(d, 0, -1)]
    assert (np.abs(seen - exact) < 4 * np.array(deviation) / math.sqrt(length)).all()


def test_exponents_survive_where_the_product_does_not():
    factors = np.tile(np.diag([1e-3, 1e3]), (1000, 1, 1))
    np.testing.assert_allclose(exponents(factors), [math.log(1e3), math.log(1e-3)])


def test_an_erased_direction_has_no_exponent():
    erase = np.diag([1.0, 0.0])
    np.testing.assert_array_equal(exponents([np.eye(2), erase, np.eye(2)]), [0, -np.inf])


def test_the_running_estimate_ends_at_the_estimate():
    factors = np.random.default_rng(2).normal(size=(2, 30, 3, 3))
    running = exponents(factors, running=True)
    assert running.shape == (2, 30, 3)
    np.testing.assert_allclose(running[:, -1], exponents(factors), rtol=1e-12)
    shorter = np.sort(running[:, 9])[..., ::-1]
    np.testing.assert_allclose(shorter, exponents(factors[:, :10]))


@pytest.mark.parametrize("complex", [False, True])
def test_mode_exponents_are_those_of_the_product(complex):
    rng = np.random.default_rng(0)
    delta = rng.exponential(size=(2, 30, 3))
    A = -rng.uniform(0.1, 2, (3, 4)) + complex * 1j * rng.normal(size=(3, 4))
    modes = mode_exponents(delta, A)
    assert modes.shape == (2, 3, 4)
    for batch, d in itertools.product(range(2), range(3)):
        decay = np.exp(delta[batch, :, d, None] * A[d])
        seen = exponents(decay[..., None] * np.eye(4))
        np.testing.assert_allclose(np.sort(modes[batch, d])[::-1], seen)


def test_mode_exponents_do_not_see_the_order():
    rng = np.random.default_rng(0)
    delta, A = rng.exponential(size=(30, 3)), -rng.uniform(size=(3, 4))
    np.testing.assert_allclose(mode_exponents(rng.permutation(delta), A), mode_exponents(delta, A))


def test_single_precision_is_only_read():
    # averaged in single precision, 20 000 steps lose four digits
    delta = np.random.default_rng(0).exponential(size=(20_000, 2)).astype(np.float32)
    exact = mode_exponents(delta.astype(float), [[-1.0], [-2.0]])
    np.testing.assert_allclose(mode_exponents(delta, [[-1.0], [-2.0]]), exact, rtol=1e-12)
    factors = np.random.default_rng(0).normal(size=(50, 3, 3)).astype(np.float32)
    np.testing.assert_array_equal(exponents(factors), exponents(factors.astype(float)))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: exponents(np.ones((3, 2))), "`factors` must have shape"),
        (lambda: exponents(np.ones((3, 2, 4))), "d, d.* got .3, 2, 4."),
        (lambda: exponents(np.ones((0, 2, 2))), "T, d >= 1"),
        (lambda: exponents([[[math.nan]]]), "`factors` must be finite"),
        (lambda: mode_exponents(np.ones((5, 2)), np.ones((3, 4))), r"got \(5, 2\) and \(3, 4\)"),
        (lambda: mode_exponents(np.ones((0, 3)), np.ones((3, 4))), "L >= 1"),
        (lambda: mode_exponents(np.ones(3), np.ones((3, 4))), "`delta` must have shape"),
        (lambda: gate_exponent(0.5, "beta"), "`law` must be one of 'bernoulli', 'arcsine'"),
        (lambda: gate_exponent(0.5, "bernoulli"), "`p` must be a probability"),
        (lambda: gate_mean_square(0.5, "bernoulli", 1.5), "`p` must be a probability .* got 1.5"),
        (lambda: gate_mean_square(0.5, "uniform", 0.5), "`p` must be left out .* got 0.5"),
        (lambda: gate_exponent_expression("x"), "`law` must be"),
        (lambda: gate_mean_square_expression("x"), "`law` must be"),
    ],
)
def test_wrong_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
