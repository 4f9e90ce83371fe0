"""Counts of real modes against random and adversarial systems, exact fits, and known prices."""

import numpy as np
import pytest
from scipy.linalg import null_space

from ssm_companion.theory.expressivity import (
    exact_real_modes,
    least_real_modes,
    modes_for_angle,
    real_fit,
    sign_changes,
)
from ssm_companion.theory.memory import impulse_response
from ssm_companion.theory.vandermonde import matching_weights


def response(poles, weights, t):
    return np.real(impulse_response(poles, np.ones(len(poles)), weights, t))


def mode(theta, t, phase=0.0, r=1.0):
    k = np.arange(t)
    return r**k * np.cos(theta * k + phase)


def test_sign_changes_against_all_pairs():
    rng = np.random.default_rng(0)
    for _ in range(300):
        values = rng.integers(-2, 3, size=rng.integers(1, 12))
        between = 0
        for i, j in np.argwhere(np.triu(np.ones((len(values), len(values))), 1)):
            between += values[i] * values[j] < 0 and not values[i + 1 : j].any()
        assert sign_changes(values) == between


@pytest.mark.parametrize("zero", [False, True])
def test_positive_modes_change_sign_less_often_than_they_are_many(zero):
    """As often as they can: where they are told to, and at the first step by a pole at zero."""
    rng = np.random.default_rng(1)
    for _ in range(300):
        n = rng.integers(1, 5)
        poles = rng.uniform(0.3, 1, size=n)
        vanish = poles ** np.r_[1.5, 3.5, 6.5, 10.5][: n - 1, None]
        values = poles ** np.arange(25)[:, None] @ null_space(vanish)[:, 0]
        values[0] *= -1 if zero else 1
        assert sign_changes(values) == n - 1 + zero


def test_no_real_system_beats_the_count():
    rng = np.random.default_rng(2)
    reached = 0
    for _ in range(3000):
        n, t = rng.integers(1, 6), rng.integers(2, 30)
        poles, weights = rng.uniform(-1.1, 1.1, n), rng.normal(size=n) * 10 ** rng.uniform(-2, 2, n)
        tolerance = rng.choice([0.0, 0.1, 1.0])
        error = tolerance * rng.uniform(-1, 1, t)
        least = least_real_modes(response(poles, weights, t) + error, tolerance * (1 + 1e-9))
        assert least <= n
        reached += least == n
    assert reached > 100


def test_an_oscillation_needs_half_as_many_modes_as_steps():
    for t in range(1, 40):
        assert least_real_modes(mode(np.pi / 2, t), tolerance=0.99) == (t + 1) // 2
        assert least_real_modes(mode(np.pi / 2, t), tolerance=1.0) == 0
    damped = mode(np.pi / 2, 20, r=0.9)
    assert least_real_modes(damped, tolerance=0.9**9.9) == 5


def test_the_angle_says_how_many():
    """Random phases, and phases and angles at which entries vanish."""
    rng = np.random.default_rng(3)
    for _ in range(5000):
        t = rng.integers(2, 60)
        q = rng.integers(2, 24)
        theta = rng.choice([rng.uniform(-7, 7), np.pi * rng.integers(1, q) / q])
        phase = rng.choice([rng.uniform(-7, 7), np.pi * rng.integers(0, 2 * q) / (2 * q)])
        # the zeros among the entries are rounded ones, and the tolerance passes over them
        least = least_real_modes(mode(theta, t, phase), tolerance=1e-9)
        assert least >= modes_for_angle(theta, t)
    theta = np.array([0.3, 1.0, np.pi / 2, 3.0])
    found = [least_real_modes(mode(angle, 400), 1e-9) for angle in theta]
    np.testing.assert_allclose(found, modes_for_angle(theta, 400), atol=2)


@pytest.mark.parametrize("t", range(4, 10))
def test_one_mode_fewer_than_steps_can_be_enough(t):
    """A quarter turn: the polynomial whose roots are the poles has to annihilate it."""
    target, least = mode(np.pi / 2, t), exact_real_modes([1j], t)
    assert least == t - 1
    poles = np.linspace(-0.7, 0.9, least - 1)
    others = np.poly(poles)[::-1]
    poles = np.r_[poles, others @ target[1:] / (others @ target[:-1])]
    weights = matching_weights(poles, target[:-1])
    np.testing.assert_allclose(response(poles, weights, t), target, atol=1e-6)


def test_fewer_modes_never_match():
    """Random poles leave a residual, by least squares."""
    rng = np.random.default_rng(4)
    for _ in range(200):
        t, theta = rng.integers(3, 8), rng.uniform(0.3, 2.8)
        poles = rng.uniform(-1, 1, exact_real_modes([np.exp(1j * theta)], t) - 1)
        V = poles ** np.arange(t)[:, None]
        off = V @ np.linalg.lstsq(V, mode(theta, t))[0] - mode(theta, t)
        assert np.abs(off).max() > 1e-9


def test_exact_counts():
    assert exact_real_modes([0.9], 10) == exact_real_modes([0.9], 1) == 1
    assert exact_real_modes([0.9, 0.5, 0.1], 4) == 2
    assert exact_real_modes([0.9, 0.5j], 10) == 8
    assert exact_real_modes([0.9, 0.5j], 2) == 0
    # three real modes, and two real ones that agree with them for four steps
    three = response([1.0, 0.0, -1.0], [1.0, 1.0, 1.0], 4)  # 3, 0, 2, 0
    root = np.sqrt(2 / 3)
    np.testing.assert_allclose(response([root, -root], [1.5, 1.5], 4), three, atol=1e-12)


@pytest.mark.parametrize("t", [5, 8, 16])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.95])
def test_an_oscillation_within_a_budget(t, share):
    """The error is 1 - budget / T(3), and a larger budget is used up to one part in 10 000."""
    price = np.cosh((t - 1) // 2 * np.arccosh(3))
    error, poles, weights = real_fit(mode(np.pi / 2, t), share * price)
    assert np.abs(weights).sum() <= share * price * (1 + 1e-12)
    assert 1 - share - 1e-9 <= error <= 1 - share * (1 - 1e-4) + 1e-9
    off = np.abs(response(poles, weights, t) - mode(np.pi / 2, t)).max()
    assert off == pytest.approx(error, abs=1e-9)
    assert np.abs(poles).max() <= 1


def test_no_random_system_within_the_budget_is_nearer():
    rng = np.random.default_rng(5)
    for _ in range(20):
        t, budget = rng.integers(2, 12), 10 ** rng.uniform(-1, 2)
        poles = rng.uniform(-1, 1, 40)
        weights = rng.dirichlet(np.full(40, 0.2)) * rng.choice([-1, 1], 40) * budget
        noise = 0.1 * rng.uniform(-1, 1, t)
        fit = real_fit(response(poles, weights, t) + noise, budget * (1 + 1e-4))
        assert fit.error <= np.abs(noise).max() + 1e-9


def test_fits_with_given_poles():
    target, poles = mode(1.0, 9), np.linspace(-0.9, 0.9, 9)
    assert real_fit(target, np.inf, poles).error < 1e-9
    two = real_fit(target, np.inf, poles[:2])
    # the best of a Chebyshev approximation equals its error at one step more than it has modes
    off = np.abs(response(two.poles, two.weights, 9) - target)
    assert np.isclose(off, two.error).sum() == 3
    assert real_fit(target, 0.0).error == pytest.approx(1)
    assert len(real_fit(target, 0.0).poles) == 0


def test_a_budget_beyond_the_precision_is_an_error():
    with pytest.raises(RuntimeError, match="`budget`"):
        real_fit(mode(np.pi / 2, 40), 1e12)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: sign_changes([[1.0]]), "values"),
        (lambda: sign_changes([np.nan]), "values"),
        (lambda: least_real_modes([1j]), "target"),
        (lambda: least_real_modes([1.0], -0.1), "tolerance"),
        (lambda: modes_for_angle(1.0, 0), "t"),
        (lambda: exact_real_modes([0.5j, -0.5j], 4), "poles"),
        (lambda: exact_real_modes([0.5, 0.5], 4), "poles"),
        (lambda: exact_real_modes([0.5], 0), "t"),
        (lambda: real_fit([1.0], -1.0), "budget"),
        (lambda: real_fit([], 1.0), "target"),
        (lambda: real_fit([1.0], 1.0, [0.5j]), "poles"),
    ],
)
def test_wrong_arguments_are_named(call, name):
    with pytest.raises(ValueError, match=f"`{name}`"):
        call()
