"""Formulas about memory against brute force."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from ssm_companion.theory.memory import (
    fading_bound,
    half_life,
    impulse_response,
    ternary_decode,
    ternary_state,
    time_constant,
)

BITS = st.lists(st.integers(0, 1), max_size=60)


def state_after(a, b, inputs):
    h = 0.0
    for u in inputs:
        h = a * h + b * u
    return h


def test_impulse_response_against_scipy():
    a, b, c = np.array([0.9, -0.5, 0.2]), np.array([1.0, 2.0, -1.0]), np.array([0.3, 1.0, 4.0])
    # SciPy reads the state before the update: its output k is ours at k - 1
    system = scipy.signal.StateSpace(np.diag(a), b[:, None], c[None], [[0.0]], dt=1)
    _, (response,) = scipy.signal.dimpulse(system, n=12)
    np.testing.assert_allclose(impulse_response(a, b, c, 11), response[1:, 0], atol=1e-12)


def test_impulse_response_of_a_conjugate_pair_is_a_decaying_cosine():
    a = 0.9 * np.exp(0.4j)
    response = impulse_response([a, a.conjugate()], [1, 1], [0.5, 0.5], 20)
    t = np.arange(20)
    np.testing.assert_allclose(response, 0.9**t * np.cos(0.4 * t), atol=1e-12)


@pytest.mark.parametrize("a", [0.5, -0.5, 0.99, 0.6 + 0.7j])
def test_half_life_and_time_constant_shrink_by_a_half_and_by_e(a):
    assert abs(a) ** half_life(a) == pytest.approx(1 / 2)
    assert abs(a) ** time_constant(a) == pytest.approx(np.exp(-1))


def test_half_life_is_elementwise_and_zero_for_no_memory():
    np.testing.assert_allclose(half_life(np.array([0.5, 0.25, 0.0])), [1, 0.5, 0])


@given(
    st.floats(-0.95, 0.95),
    st.floats(-3, 3),
    st.integers(0, 10),
    st.floats(0.1, 5),
    st.lists(st.floats(-1, 1), min_size=1, max_size=40),
    st.data(),
)
def test_no_two_inputs_that_agree_lately_break_the_fading_bound(a, b, lag, radius, past, data):
    bounded = st.floats(-1, 1)
    other = data.draw(st.lists(bounded, min_size=len(past), max_size=len(past)))
    recent = data.draw(st.lists(bounded, min_size=lag, max_size=lag))
    one, two = (radius * np.array(x + recent) for x in (past, other))
    apart = abs(state_after(a, b, one) - state_after(a, b, two))
    assert apart <= fading_bound(a, b, lag, radius) * (1 + 1e-12) + 1e-12


@pytest.mark.parametrize("a", [0.8, -0.8])
def test_the_fading_bound_is_reached(a):
    lag, radius, b = 3, 2.0, -1.5
    past = radius * np.sign(a) ** np.arange(200)
    recent = np.zeros(lag)
    one, two = np.concatenate([past, recent]), np.concatenate([-past, recent])
    apart = abs(state_after(a, b, one) - state_after(a, b, two))
    assert apart == pytest.approx(fading_bound(a, b, lag, radius))


@given(BITS)
def test_every_bit_comes_back_from_the_exact_state(bits):
    assert ternary_decode(ternary_state(bits), len(bits)) == bits


@given(st.lists(st.integers(0, 1), min_size=1, max_size=30))
def test_thirty_bits_come_back_from_a_float(bits):
    assert ternary_decode(float(ternary_state(bits)), len(bits)) == bits


def test_a_float_does_not_hold_sixty_bits():
    bits = [1, 0, 0, 1, 1, 0] * 10
    read = ternary_decode(float(ternary_state(bits)), 60)
    assert read[-30:] == bits[-30:]
    assert read != bits


def test_histories_of_one_length_have_different_states():
    states = {ternary_state(bits) for bits in itertools.product([0, 1], repeat=8)}
    assert len(states) == 256
    assert all(0 <= h < Fraction(3, 2) for h in states)


def test_ternary_state_follows_its_recurrence():
    assert ternary_state([1, 0, 1]) == Fraction(1, 9) + 1
    assert ternary_state([]) == 0
