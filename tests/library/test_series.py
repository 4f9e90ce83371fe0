"""The bundled series, their split and their lags."""

import numpy as np
import pytest
from statsmodels.datasets import co2, elnino

from ssm_companion.tasks.series import lagged, load

LENGTHS = {"sunspots": 309, "co2": 526, "elnino": 732}


@pytest.mark.parametrize("name", LENGTHS)
def test_series_are_complete_and_evenly_sampled(name):
    series = load(name)
    assert series.name == name
    assert len(series) == LENGTHS[name] == len(series.time)
    assert np.isfinite(series.values).all()
    np.testing.assert_allclose(np.diff(series.time), series.step, rtol=1e-9)
    assert series.unit and series.source and series.note


def test_sunspots_span_their_years():
    series = load("sunspots")
    assert (series.time[0], series.time[-1]) == (1700, 2008)
    assert series.values.max() == 190.2  # 1957


def test_co2_months_are_means_and_empty_ones_are_interpolated():
    series = load("co2")
    weekly = co2.load_pandas().data["co2"]
    month = int(np.argmin(np.abs(series.time - (1990 + 6.5 / 12))))
    assert series.values[month] == pytest.approx(weekly["1990-07"].mean())
    empty = (weekly.groupby([weekly.index.year, weekly.index.month]).count() == 0).to_numpy()
    assert f"{empty.sum()} of 526 months" in series.note
    gap = int(np.flatnonzero(empty)[0])
    assert series.values[gap] == pytest.approx(series.values[[gap - 1, gap + 1]].mean())


def test_elnino_is_read_along_its_rows():
    series = load("elnino")
    table = elnino.load_pandas().data
    for year, column in ((1950, "JAN"), (1950, "DEC"), (1997, "OCT"), (2010, "DEC")):
        place = list(table.columns[1:]).index(column)
        month = int(np.argmin(np.abs(series.time - (year + (place + 0.5) / 12))))
        assert series.values[month] == table.set_index("YEAR").loc[year, column]
    # the warmest month of the record is one of the El Niño of 1997 and 1998
    assert 1997 < series.time[series.values.argmax()] < 1999


@pytest.mark.parametrize("n_test", [1, 50, 308])
def test_split_keeps_the_order_and_loses_nothing(n_test):
    series = load("sunspots")
    train, test = series.split(n_test)
    assert len(test) == n_test
    assert train.time[-1] < test.time[0]
    for part in ("time", "values"):
        joined = np.concatenate([getattr(train, part), getattr(test, part)])
        np.testing.assert_array_equal(joined, getattr(series, part))


def test_lagged_rows_are_the_past_of_their_target():
    design, target = lagged(np.arange(6.0), 2)
    np.testing.assert_array_equal(design, [[0, 1], [1, 2], [2, 3], [3, 4]])
    np.testing.assert_array_equal(target, [2, 3, 4, 5])


def test_lagged_copies():
    values = np.arange(6.0)
    design, _ = lagged(values, 2)
    design[:] = 9
    np.testing.assert_array_equal(values, np.arange(6.0))
