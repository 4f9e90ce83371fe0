"""Reachable responses by brute-force ranks, null spaces, Fourier sums and exact arithmetic."""

import numpy as np
import pytest
import sympy as sp

from ssm_companion.theory.memory import impulse_response
from ssm_companion.theory.vandermonde import fourier_modes, matching_weights, reach_rank

CORNERS = [0, 0.5, -0.5, 0.5j, -0.5j, 0.3 + 0.6j, 0.3 - 0.6j, 1, -1, 1j, 0.3]


def response(poles, weights, t):
    return np.real(impulse_response(poles, np.ones(len(poles)), weights, t))


def responses_to_unit_weights(poles, t):
    """Of the weights 1 and i at one pole after the other, as rows."""
    units = np.vstack([np.eye(len(poles)), 1j * np.eye(len(poles))])
    return np.array([response(poles, w, t) for w in units])


def test_the_rank_against_brute_force():
    """Poles drawn with repetition, so that equal and conjugate ones are common."""
    rng = np.random.default_rng(0)
    for _ in range(500):
        poles = rng.choice(CORNERS, size=rng.integers(1, 8))
        t = rng.integers(1, 10)
        brute = np.linalg.matrix_rank(responses_to_unit_weights(poles, t), tol=1e-9)
        assert reach_rank(poles, t) == brute


def test_the_rank_in_exact_arithmetic():
    half, root = sp.Rational(1, 2), sp.sqrt(3) / 2
    poles = [half + root * sp.I, sp.exp(-sp.I * sp.pi / 3), sp.cos(sp.pi / 3), sp.Integer(0)]
    for t in (2, 3, 5):
        powers = [[sp.expand_complex(p**k) for k in range(t)] for p in poles]
        rows = sp.Matrix(powers).applyfunc(sp.re).col_join(sp.Matrix(powers).applyfunc(sp.im))
        assert reach_rank(poles, t) == rows.rank()
    assert reach_rank(poles, 9) == 4


def test_poles_that_nearly_coincide():
    chain = 0.5 + 0.6e-3 * np.arange(5)
    assert reach_rank(chain, 9) == 5
    assert reach_rank(chain, 9, tolerance=1e-3) == 1
    assert reach_rank([sp.Integer(1), 1 - sp.Rational(1, 10**15)], 9) == 2
    turns = 0.9 * np.exp(2j * np.pi * np.arange(9) / 9)
    assert reach_rank(turns, 20) == 9  # conjugates up to rounding


@pytest.mark.parametrize("t", range(1, 12))
def test_half_the_width_reaches_everything_and_less_does_not(t):
    rng = np.random.default_rng(t)
    target = rng.normal(size=t)
    poles = rng.normal(size=(t + 1) // 2) + 1j * rng.uniform(0.2, 1, size=(t + 1) // 2)
    poles /= np.maximum(np.abs(poles), 1)
    found = response(poles, matching_weights(poles, target), t)
    np.testing.assert_allclose(found, target, atol=1e-6)
    if t > 2:
        with pytest.raises(ValueError, match="`poles`"):
            matching_weights(poles[:-1], target)


def test_no_shorter_weights_match():
    """They are orthogonal to all weights whose response is zero."""
    rng = np.random.default_rng(1)
    for _ in range(50):
        t, n = rng.integers(1, 7), rng.integers(7, 12)
        poles = rng.uniform(-1, 1, n) + 1j * rng.uniform(-1, 1, n) * rng.integers(2)
        target = rng.normal(size=t)
        w = matching_weights(poles, target)
        np.testing.assert_allclose(response(poles, w, t), target, atol=1e-9)
        rows = responses_to_unit_weights(poles, t).T
        projected = np.linalg.pinv(rows) @ target  # the other road: by singular values
        np.testing.assert_allclose(np.r_[np.real(w), np.imag(w)], projected, atol=1e-7)


def test_real_poles_have_real_weights():
    weights = matching_weights([0.5, -0.25, 0.0], [1.0, 2.0, 3.0])
    assert weights.dtype == float
    exact = sp.Matrix(3, 3, lambda k, n: [sp.Rational(1, 2), -sp.Rational(1, 4), 0][n] ** k)
    exact = exact.solve(sp.Matrix([1, 2, 3]))
    np.testing.assert_allclose(weights, np.array(exact, dtype=float).ravel())


@pytest.mark.parametrize("t", [16, 32, 48, 64])
def test_the_response_is_off_by_the_rounding_of_the_weights(t):
    poles = np.cos(np.pi * (np.arange(t) + 0.5) / t)
    target = np.cos(np.pi / 2 * np.arange(t))
    w = matching_weights(poles, target)
    off = np.abs(response(poles, w, t) - target).max()
    assert off <= 10 * np.finfo(float).eps * np.abs(w).sum()
    assert off < 1e-3 or t >= 45  # 2^53 is exceeded at t = 45


@pytest.mark.parametrize("t", [*range(1, 10), 64, 255])
@pytest.mark.parametrize("stable", [False, True])
def test_fourier_modes_match_within_their_bounds(t, stable):
    rng = np.random.default_rng(t)
    r = 1 - 1 / t if stable and t > 1 else 1.0
    for target in (rng.normal(size=t), np.eye(t)[t - 1], np.eye(t)[0], np.sign(rng.normal(size=t))):
        poles, weights = fourier_modes(target, r)
        assert len(poles) == len(weights) == (t + 1) // 2
        np.testing.assert_allclose(response(poles, weights, t), target, atol=1e-9)
        np.testing.assert_allclose(np.abs(poles), r)
        assert reach_rank(poles, t) == t
        sizes, factor = np.abs(weights), r ** (1 - t) * (1 + 1e-12)
        assert factor < np.e
        assert sizes.sum() <= factor * np.linalg.norm(target)
        assert sizes.max() <= factor * 2 * np.abs(target).sum() / t


def test_the_bounds_on_the_weights_are_reached():
    """By a delay, whose modes all weigh the same; and so is that on their sum."""
    sizes = np.abs(fourier_modes(np.eye(8)[5]).weights)
    np.testing.assert_allclose(sizes, 2 / 8)
    assert sizes.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: reach_rank([0.5], 0), "t"),
        (lambda: reach_rank([[0.5]], 2), "poles"),
        (lambda: reach_rank([], 2), "poles"),
        (lambda: reach_rank([np.nan], 2), "poles"),
        (lambda: matching_weights([0.5, 0.5], [1.0, 2.0]), "poles"),
        (lambda: matching_weights([0.5, 0.5j, -0.5j], [1.0] * 4), "poles"),
        (lambda: matching_weights([0.5], [1j]), "target"),
        (lambda: matching_weights([0.5], []), "target"),
        (lambda: fourier_modes([1.0, np.inf]), "target"),
        (lambda: fourier_modes([1j]), "target"),
        (lambda: fourier_modes([1.0], radius=0.0), "radius"),
    ],
)
def test_wrong_arguments_are_named(call, name):
    with pytest.raises(ValueError, match=f"`{name}`"):
        call()
