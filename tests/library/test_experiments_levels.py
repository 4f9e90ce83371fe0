"""Levels that drift and levels that jump: their laws, and their forecasts by other roads."""

from itertools import product

import numpy as np
import pytest
import torch
from scipy.linalg import toeplitz
from scipy.stats import multivariate_normal

from ssm_companion._shapes import ShapeError
from ssm_companion.experiments import levels

BOTH = pytest.mark.parametrize("series", levels.SERIES)
LAWS = pytest.mark.parametrize(("stay", "noise"), [(0.98, 0.3), (0.8, 0.5), (0.5, 1.3)])


def drawn(series, rows, length, stay, noise, seed=0):
    return levels.draw(series, rows, length, stay, noise, torch.Generator().manual_seed(seed))


@BOTH
@LAWS
def test_both_series_have_the_same_autocovariances(series, stay, noise):
    y = drawn(series, 200_000, 6, stay, noise).numpy()
    products = y[:, :, None] * y[:, None]
    expected = toeplitz(stay ** np.arange(6)) + noise**2 * np.eye(6)
    off = np.abs(products.mean(0) - expected)
    assert (off < 5 * products.std(0) / len(y) ** 0.5).all()
    assert (np.abs(y.mean(0)) < 5 * y.std(0) / len(y) ** 0.5).all()


def test_one_level_jumps_and_the_other_drifts():
    jumps = drawn("jumping", 4000, 64, 0.9, 0.0).diff(dim=1)
    assert (jumps == 0).double().mean().item() == pytest.approx(0.9, abs=0.005)
    assert jumps[jumps != 0].var().item() == pytest.approx(2, abs=0.1)
    moves = drawn("drifting", 4000, 64, 0.9, 0.0)
    moves = moves[:, 1:] - 0.9 * moves[:, :-1]
    assert moves.var().item() == pytest.approx(1 - 0.9**2, rel=0.02)
    assert (moves**4).mean() / moves.var() ** 2 == pytest.approx(3, abs=0.1)  # Gaussian


@LAWS
def test_affine_forecasts_are_those_of_the_normal_equations(stay, noise):
    y = np.random.default_rng(0).normal(size=(5, 12))
    found = levels.affine(y, stay, noise)
    for t in range(12):
        covariance = toeplitz(stay ** np.arange(t + 1)) + noise**2 * np.eye(t + 1)
        weights = np.linalg.solve(covariance, stay ** np.arange(t + 1, 0, -1))
        np.testing.assert_allclose(found[:, t], y[:, : t + 1] @ weights)


@LAWS
def test_the_error_of_affine_forecasts_solves_its_equation(stay, noise):
    error = levels.affine_error(stay, noise) - noise**2
    right = stay**2 * error * noise**2 / (error + noise**2) + 1 - stay**2
    assert error == pytest.approx(right)


@BOTH
@LAWS
def test_affine_forecasts_have_that_error_on_both_series(series, stay, noise):
    y = drawn(series, 4000, 129, stay, noise).numpy()
    squares = np.square(levels.affine(y[:, :-1], stay, noise) - y[:, 1:])[:, 64:].mean(1)
    spread = squares.std() / len(squares) ** 0.5
    assert abs(squares.mean() - levels.affine_error(stay, noise)) < 4 * spread


def by_enumeration(y, stay, noise):
    """The best forecast after all of y, from the law of y for each way to jump."""
    total = weighted = 0.0
    for jumps in product((False, True), repeat=len(y) - 1):
        segment = np.cumsum([0, *jumps])
        same = (segment[:, None] == segment).astype(float)
        covariance = same + noise**2 * np.eye(len(y))
        weight = stay ** jumps.count(False) * (1 - stay) ** jumps.count(True)
        weight *= multivariate_normal(cov=covariance).pdf(y)
        total += weight
        weighted += weight * same[-1] @ np.linalg.solve(covariance, y)
    return stay * weighted / total


@LAWS
def test_bayes_forecasts_are_those_of_all_ways_to_jump(stay, noise):
    y = drawn("jumping", 6, 9, stay, noise).numpy()
    y[0] = [0, 0, 0, 3, 3, 3, 3, -2, -2]
    found = levels.bayes(y, stay, noise)
    for row, t in product(range(6), range(9)):
        assert found[row, t] == pytest.approx(by_enumeration(y[row, : t + 1], stay, noise))


def test_bayes_forecasts_stand_values_that_no_law_expects():
    y = np.array([[0.0] * 50 + [500.0] * 50])
    found = levels.bayes(y, 0.98, 0.3)
    assert np.isfinite(found).all()
    assert found[0, 49] == pytest.approx(0, abs=1e-6)
    assert found[0, -1] == pytest.approx(0.98 * 500, rel=0.01)


def test_the_error_of_bayes_forecasts_has_nothing_to_do_with_the_past():
    y = drawn("jumping", 4000, 129, 0.98, 0.3).numpy()
    past, after = y[:, :-1], y[:, 1:]
    found = levels.bayes(past, 0.98, 0.3)
    near = levels.affine(past, 0.98, 0.3)
    for seen in (found, near, np.tanh(past), np.sign(past - near), np.abs(past - near) * found):
        products = ((after - found) * seen)[:, 64:].mean(1)
        assert abs(products.mean()) < 4 * products.std() / len(products) ** 0.5


def errors(y):
    past, after = y[:, :-1], y[:, 1:]
    gates = levels.best_gates(y, 0.98, 0.3)
    found = {
        "affine": levels.affine(past, 0.98, 0.3),
        "gated": levels.gated(past, 0.98, **gates),
        "bayes": levels.bayes(past, 0.98, 0.3),
    }
    return {name: np.square(said - after)[:, 64:].mean() for name, said in found.items()}


def test_gates_pay_where_the_level_jumps_alone():
    jumping = errors(drawn("jumping", 1000, 129, 0.98, 0.3).numpy())
    assert jumping["bayes"] < 0.95 * jumping["gated"] < 0.9 * jumping["affine"]
    drifting = errors(drawn("drifting", 1000, 129, 0.98, 0.3).numpy())
    assert drifting["gated"] == pytest.approx(drifting["affine"], rel=0.005)
    assert drifting["bayes"] > 1.05 * drifting["affine"]  # it knows another law


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="`series` must be one of .* did you mean 'jumping'"):
        levels.draw("jumpin", 1, 1, 0.9, 0.1)
    for forecast in (levels.affine, levels.bayes):
        with pytest.raises(ShapeError, match=r"`y` must have shape \(B, L\), got \(3,\)"):
            forecast(np.zeros(3), 0.9, 0.1)
