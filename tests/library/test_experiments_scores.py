"""Forecasts and bits: nothing of the future, every place once, against other roads."""

import numpy as np
import pytest
import torch
from statsmodels.tsa.ar_model import AutoReg
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from ssm_companion.experiments import bits, classical, neural
from ssm_companion.experiments.models import LAYERS, SequenceModel, Size
from ssm_companion.experiments.rolling import SETTINGS, problem

SERIES = pytest.mark.parametrize("series", SETTINGS)
KINDS = pytest.mark.parametrize("kind", LAYERS)


def forecasts(model, task, origins):
    if model in classical.MODELS:
        return classical.forecast(model, task, origins, "training")[0]
    torch.manual_seed(0)
    horizon = task.setting.horizon
    network = SequenceModel(model, Size(8, 4), 1, horizon, discrete=False)
    return neural.forecast(network, task, origins, task.setting.window)


@pytest.mark.parametrize("model", [*classical.MODELS, *LAYERS])
@pytest.mark.parametrize("series", ["sunspots", "co2"])
def test_a_forecast_does_not_change_with_the_values_after_it(model, series):
    task = problem(series)
    origins = task.origins("test")[[0, 5, 6, 7, -1]]
    seen = origins[2]
    changed = task.values.copy()
    changed[seen + 1 :] += 30 * task.spread
    before = forecasts(model, task, origins)
    after = forecasts(model, problem(series, changed), origins)
    np.testing.assert_allclose(after[:3], before[:3], rtol=1e-5, atol=1e-5)
    assert np.abs(after[3] - before[3]).max() > 0.01 * task.spread


@SERIES
@pytest.mark.parametrize("part", [0, 1])
def test_training_and_selection_do_not_see_the_parts_after_them(series, part):
    task = problem(series)
    changed = task.values.copy()
    changed[task.bounds[part] :] *= -3
    other = problem(series, changed)
    assert (other.scale, other.spread) == (task.scale, task.spread)
    pairs = zip(*(neural.windows(t, t.setting.window) for t in (task, other)), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)
    origins = task.origins("validation")
    scores = [t.scores(forecasts("gru", t, origins), origins)["mase"] for t in (task, other)]
    assert (scores[0] == scores[1]) == (part == 1)


@SERIES
def test_parts_are_forecast_whole_and_apart(series):
    task = problem(series)
    train, validation, test = task.bounds
    horizon = task.setting.horizon
    for part, start, stop in (("validation", train, validation), ("test", validation, test)):
        origins = task.origins(part)
        ahead = origins[:, None] + np.arange(1, horizon + 1)
        assert sorted(set(ahead.ravel())) == list(range(start, stop))
    assert horizon <= task.setting.season  # so that the value of a year before is known


@SERIES
def test_scores_against_loops(series):
    task = problem(series)
    y, season, horizon = task.values, task.setting.season, task.setting.horizon
    origins = task.origins("test")[:4]
    guesses = np.random.default_rng(0).normal(y.mean(), y.std(), (4, horizon))
    naive = [abs(y[t] - y[t - season]) for t in range(season, task.bounds[0])]
    errors = [
        [g - y[o + 1 + h] for h, g in enumerate(row)]
        for o, row in zip(origins, guesses, strict=True)
    ]
    found = task.scores(guesses, origins)
    assert found["mase"] == pytest.approx(np.mean(np.abs(errors)) / np.mean(naive))
    assert found["rmse"] == pytest.approx(np.mean(np.square(errors)) ** 0.5)
    assert np.mean(found["mase_by_horizon"]) == pytest.approx(found["mase"], abs=1e-3)
    assert np.mean(found["mase_by_origin"]) == pytest.approx(found["mase"], abs=1e-3)
    scaled = np.stack([task.scaled[o + 1 : o + 1 + horizon] for o in origins])
    truth = np.stack([y[o + 1 : o + 1 + horizon] for o in origins])
    np.testing.assert_allclose(task.unscaled(scaled, origins), truth)


@SERIES
def test_autoregression_is_that_of_statsmodels(series):
    task = problem(series)
    origins, horizon, end = task.origins("test"), task.setting.horizon, task.bounds[0]
    found, chosen = classical.forecast("autoregression", task, origins, "training")
    z = task.scaled[task.first :]
    fit = AutoReg(z[: end - task.first], lags=chosen["order"]).fit()
    for i in (0, 50):
        seen = origins[i] + 1 - task.first
        longer = fit.append(z[end - task.first : seen], refit=False)
        expected = task.unscaled(longer.forecast(horizon)[None], origins[i : i + 1])
        np.testing.assert_allclose(found[i : i + 1], expected)


def test_smoothing_goes_on_from_the_fit():
    task = problem("sunspots")
    end = task.bounds[0]
    found, form = classical.forecast("smoothing", task, np.array([end - 1]), "training")
    season = task.setting.season if form["seasonal"] else None
    fit = ETSModel(task.values[:end], seasonal_periods=season, **form).fit(disp=False)
    np.testing.assert_allclose(found[0], fit.forecast(task.setting.horizon))


def test_windows_are_followed_by_their_targets():
    task = problem("co2")
    inputs, targets = neural.windows(task, 30)
    z = task.scaled
    for row, step, ahead in ((0, 0, 0), (4, 29, 11), (len(inputs) - 1, 29, 11)):
        place = task.first + row + step
        assert inputs[row, step, 0] == pytest.approx(z[place], rel=1e-6)
        assert targets[row, step, ahead] == pytest.approx(z[place + 1 + ahead], rel=1e-6)
    assert place + 1 + ahead == task.bounds[0] - 1


def character_model(kind="gru"):
    torch.manual_seed(0)
    return SequenceModel(kind, Size(8, 8), 10, 10)


@pytest.mark.parametrize("length", [5, 16, 17, 18, 24, 25, 40, 61])
def test_every_character_is_scored_once(length):
    model = character_model()
    torch.nn.init.zeros_(model.head.weight)
    torch.nn.init.zeros_(model.head.bias)
    codes = torch.randint(10, (length,))
    for found in (bits.windowed_bits(model, codes, 16), bits.carried_bits(model, codes)):
        assert found == pytest.approx(np.log2(10), rel=1e-6)


def bits_of(model, past, following):
    return -torch.log_softmax(model(past[None])[0, -1], -1)[following].item() / np.log(2)


@pytest.mark.parametrize("kind", ["lru", "mamba-complex", "gru"])
def test_a_carried_state_knows_all_before(kind, monkeypatch):
    monkeypatch.setattr(bits, "_PIECE", 7)
    model, codes = character_model(kind), torch.randint(10, (40,))
    with torch.no_grad():
        expected = np.mean([bits_of(model, codes[:t], codes[t]) for t in range(1, 40)])
    assert bits.carried_bits(model, codes) == pytest.approx(expected, rel=1e-5)


def test_a_window_knows_half_of_itself_at_least():
    model, codes, window = character_model("attention"), torch.randint(10, (62,)), 16

    def start(t):
        """Of the window of place t: the first, one of those half a window apart, the last."""
        if t <= window:
            return 0
        first = -(-(t - window) // 8) * 8
        return min(first, len(codes) - 1 - window)

    with torch.no_grad():
        expected = [bits_of(model, codes[start(t) : t], codes[t]) for t in range(1, 62)]
    found = bits.windowed_bits(model, codes, window)
    assert found == pytest.approx(np.mean(expected), rel=1e-5)


def test_a_cut_forgets_all_before_it():
    model, codes = character_model("gru"), torch.randint(10, (62,))
    with torch.no_grad():
        expected = [bits_of(model, codes[(t - 1) // 8 * 8 : t], codes[t]) for t in range(1, 57)]
    assert bits.cut_bits(model, codes, 8) == pytest.approx(np.mean(expected), rel=1e-5)


def test_wrong_arguments_are_named():
    task = problem("sunspots")
    with pytest.raises(ValueError, match="`series` must be one of .* got 'sunspot'"):
        problem("sunspot")
    with pytest.raises(ValueError, match="`part` must be one of 'validation', 'test', got 'train'"):
        task.origins("train")
    with pytest.raises(ValueError, match="`model` must be one of .* got 'arima'"):
        classical.forecast("arima", task, task.origins("test"), "training")
    with pytest.raises(ValueError, match="`fitted` must be one of"):
        classical.forecast("naive", task, task.origins("test"), "test")
    with pytest.raises(ValueError, match="`window` must be at most 143, got 150"):
        neural.windows(task, 150)
