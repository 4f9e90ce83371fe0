"""The line that the ledger reads, and what refuses to print it."""

import numpy as np
import pytest
import torch

from ssm_companion.testing import holds


@pytest.mark.parametrize(
    "condition", [np.ones(2000, bool), torch.ones(20, 100, dtype=torch.bool), [True] * 2000]
)
def test_the_wording_is_fixed(condition):
    assert repr(holds(condition)) == "holds in all 2000 systems"


def test_the_cases_have_a_name():
    assert repr(holds([True, True], what="inputs")) == "holds in all 2 inputs"
    assert holds([True, True], what="inputs").cases == 2


def test_failures_are_counted_and_the_first_are_named():
    condition = np.ones(2000, bool)
    condition[[4, 7, 9, 11, 20, 30]] = False
    message = "^fails in 6 of 2000 systems, first at 4, 7, 9, 11, 20$"
    with pytest.raises(AssertionError, match=message):
        holds(condition)
    with pytest.raises(AssertionError, match=r"fails in 1 of 4 pairs, first at \(1, 0\)"):
        holds(torch.tensor([[True, True], [False, True]]), what="pairs")


def test_fewer_cases_than_claimed_fail():
    assert holds([True] * 3, of=3).cases == 3
    with pytest.raises(AssertionError, match="expected 4 systems, got 3"):
        holds([True] * 3, of=4)


@pytest.mark.parametrize("nothing", [True, np.True_, torch.tensor(True), np.ones(0, bool), []])
def test_a_check_of_nothing_is_an_error(nothing):
    with pytest.raises((ValueError, TypeError), match="`condition` must be"):
        holds(nothing)


@pytest.mark.parametrize("values", [np.ones(3), [1, 1], torch.ones(3), None])
def test_only_booleans_are_conditions(values):
    with pytest.raises(TypeError, match="`condition` must be Boolean"):
        holds(values)
