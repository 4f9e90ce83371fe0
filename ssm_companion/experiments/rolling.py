"""Forecasts from a rolling origin: what they are made of, and how they are scored.

A series is cut in this order: the first half to train on, a sixth to validate, a third to test. A
forecast from an origin uses the values up to it and none after it. The origin moves on by one step
at a time while all parameters stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssm_companion._shapes import check_choice
from ssm_companion.tasks.series import load


@dataclass(frozen=True)
class Setting:
    """How a series is forecast.

    Parameters
    ----------
    season : int
        Steps of a season.
    horizon : int
        Longest horizon H, at most a season.
    window : int
        Steps of a window of the training.
    reference : {"mean", "months", "year before"}
        What is subtracted: the mean of the training part; its mean of each month; the value of
        the year before.
    """

    season: int
    horizon: int
    window: int
    reference: str


# a cycle of the sun takes eleven years, roughly; carbon dioxide has a trend and a season
SETTINGS = {
    "sunspots": Setting(season=11, horizon=11, window=66, reference="mean"),
    "co2": Setting(season=12, horizon=12, window=120, reference="year before"),
    "elnino": Setting(season=12, horizon=12, window=120, reference="months"),
}


# eq=False: comparing arrays gives an array, which is no answer to `==`
@dataclass(frozen=True, eq=False)
class Problem:
    r"""A series, its parts, and the scaled series :math:`z_t = (y_t - r_t) / s`.

    The reference :math:`r_{t+h}` is known at time t for every horizon h, so that a forecast of z
    is one of y.

    Parameters
    ----------
    setting : Setting
        How it is forecast.
    values : numpy.ndarray, ``(T,)``
        float64, the series y.
    reference : numpy.ndarray, ``(T,)``
        float64, r; not a number where there is none.
    spread : float
        s, the standard deviation of y - r in the training part.
    """

    setting: Setting
    values: np.ndarray
    reference: np.ndarray
    spread: float

    @property
    def scaled(self) -> np.ndarray:
        """The series z, ``(T,)``; not a number where there is no reference."""
        return (self.values - self.reference) / self.spread

    @property
    def first(self) -> int:
        """The place at which z begins."""
        return int(np.isfinite(self.reference).argmax())

    @property
    def bounds(self) -> tuple[int, int, int]:
        """The ends of the training, validation and test parts."""
        return bounds(len(self.values))

    @property
    def scale(self) -> float:
        """Mean absolute error of the seasonal naive forecast in the training part."""
        season, y = self.setting.season, self.values[: self.bounds[0]]
        return float(np.abs(y[season:] - y[:-season]).mean())

    def origins(self, part: str) -> np.ndarray:
        """The places of the last values that forecasts of a part may use.

        Parameters
        ----------
        part : {"validation", "test"}
            The part that holds all values to be forecast.

        Returns
        -------
        numpy.ndarray, ``(O,)``
            int64.
        """
        check_choice("part", part, ("validation", "test"))
        train, validation, test = self.bounds
        start, stop = (train, validation) if part == "validation" else (validation, test)
        return np.arange(start - 1, stop - self.setting.horizon)

    def unscaled(self, forecasts: np.ndarray, origins: np.ndarray) -> np.ndarray:
        """Forecasts of y from those of z, both ``(O, H)``."""
        return self.spread * forecasts + self.reference[self._ahead(origins)]

    def scores(self, forecasts: np.ndarray, origins: np.ndarray) -> dict:
        """Compare forecasts with what came.

        Parameters
        ----------
        forecasts : numpy.ndarray, ``(O, H)``
            Of y, from each origin for each horizon.
        origins : numpy.ndarray, ``(O,)``
            The origins.

        Returns
        -------
        dict
            ``"mase"`` and ``"rmse"``, means over origins and horizons: of the absolute error over
            ``scale``, and of the squared error, under a root; ``"mase_by_horizon"``,
            ``"rmse_by_horizon"``; ``"mase_by_origin"``.
        """
        error = forecasts - self.values[self._ahead(origins)]
        scaled = np.abs(error) / self.scale
        return {
            "mase": float(scaled.mean()),
            "rmse": float(np.sqrt(np.square(error).mean())),
            "mase_by_horizon": scaled.mean(0).round(4).tolist(),
            "rmse_by_horizon": np.sqrt(np.square(error).mean(0)).round(4).tolist(),
            "mase_by_origin": scaled.mean(1).round(4).tolist(),
        }

    def _ahead(self, origins: np.ndarray) -> np.ndarray:
        return origins[:, None] + np.arange(1, self.setting.horizon + 1)


def bounds(length: int) -> tuple[int, int, int]:
    """The ends of the training, validation and test parts of a series.

    Parameters
    ----------
    length : int
        Number of values.

    Returns
    -------
    train, validation, test : int
        Half of the values, two thirds, all; rounded down.

    Examples
    --------
    >>> bounds(309)
    (154, 206, 309)
    """
    return length // 2, 2 * length // 3, length


def problem(series: str, values: np.ndarray | None = None) -> Problem:
    """A series, ready to be forecast.

    Parameters
    ----------
    series : {"sunspots", "co2", "elnino"}
        Its name.
    values : numpy.ndarray, ``(T,)``, optional
        Other values in place of the measured ones.

    Returns
    -------
    Problem
        The problem. Its reference and spread come from the training part alone.

    Raises
    ------
    ValueError
        For another name.

    Examples
    --------
    >>> sun = problem("sunspots")
    >>> sun.origins("test")[[0, -1]], len(sun.values)
    (array([205, 297]), 309)
    """
    check_choice("series", series, SETTINGS)
    setting = SETTINGS[series]
    y = load(series).values if values is None else values
    train, season = bounds(len(y))[0], setting.season
    if setting.reference == "mean":
        reference = np.full(len(y), y[:train].mean())
    elif setting.reference == "months":
        means = np.array([y[month:train:season].mean() for month in range(season)])
        reference = np.resize(means, len(y))
    else:
        reference = np.concatenate([np.full(season, np.nan), y[:-season]])
    spread = float(np.nanstd((y - reference)[:train]))
    return Problem(setting, y, reference, spread)
