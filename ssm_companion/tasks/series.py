"""Measured series, from the data files that come with statsmodels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ssm_companion._shapes import check, check_choice, check_finite, check_positive_int


# eq=False: comparing arrays gives an array, which is no answer to `==`
@dataclass(frozen=True, eq=False)
class Series:
    """An evenly sampled series.

    Parameters
    ----------
    name : str
        What it is called here.
    time : numpy.ndarray, ``(T,)``
        float64, in calendar years; the middle of each month for monthly values.
    values : numpy.ndarray, ``(T,)``
        float64, in ``unit``.
    unit : str
        The unit of the values.
    step : float
        Time between two values, in years.
    source : str
        Who measured it and where it was published.
    note : str
        What was done to it here.

    Examples
    --------
    >>> load("co2").split(24)[1].values.shape
    (24,)
    """

    name: str
    time: np.ndarray
    values: np.ndarray
    unit: str
    step: float
    source: str
    note: str

    def __len__(self) -> int:
        return len(self.values)

    def split(self, n_test: int) -> tuple[Series, Series]:
        """Split off the last values.

        Parameters
        ----------
        n_test : int
            Number of values to split off.

        Returns
        -------
        train : Series
            The series up to its last ``n_test`` values.
        test : Series
            Those values.

        Raises
        ------
        ValueError
            Unless ``1 <= n_test < len(series)``.
        """
        check_positive_int("n_test", n_test)
        if n_test >= len(self):
            raise ValueError(f"`n_test` must be below the {len(self)} values, got {n_test}")
        cut = len(self) - n_test
        train = replace(self, time=self.time[:cut], values=self.values[:cut])
        return train, replace(self, time=self.time[cut:], values=self.values[cut:])


def load(name: str) -> Series:
    """A series by name.

    Parameters
    ----------
    name : {"sunspots", "co2", "elnino"}
        ``"sunspots"`` is yearly, ``"co2"`` and ``"elnino"`` are monthly.

    Returns
    -------
    Series
        The series.

    Raises
    ------
    ValueError
        For another name.

    Examples
    --------
    >>> series = load("sunspots")
    >>> len(series), series.unit
    (309, 'sunspot number')
    """
    check_choice("name", name, _LOADERS)
    return _LOADERS[name]()


def lagged(values: np.ndarray, lags: int) -> tuple[np.ndarray, np.ndarray]:
    """The pairs that a forecast from the last ``lags`` values learns from.

    Parameters
    ----------
    values : numpy.ndarray, ``(T,)``
        The series, finite.
    lags : int
        Number of values to forecast from.

    Returns
    -------
    design : numpy.ndarray, ``(T - lags, lags)``
        The design matrix, oldest value first in each row.
    targets : numpy.ndarray, ``(T - lags,)``
        The value after each row.

    Raises
    ------
    ShapeError
        Unless ``values`` is 1-D. It is a ValueError.
    ValueError
        If ``values`` holds a non-finite value, or unless ``1 <= lags < T``.

    Examples
    --------
    >>> lagged(np.arange(5.0), 2)
    (array([[0., 1.],
           [1., 2.],
           [2., 3.]]), array([2., 3., 4.]))
    """
    check("values", values, "T")
    check_finite("values", values)
    check_positive_int("lags", lags)
    if lags >= len(values):
        raise ValueError(f"`lags` must be below the {len(values)} values, got {lags}")
    windows = np.lib.stride_tricks.sliding_window_view(values, lags + 1)
    return windows[:, :-1].copy(), windows[:, -1].copy()


def _sunspots() -> Series:
    from statsmodels.datasets import sunspots  # slow to import, so only when asked for

    table = sunspots.load_pandas().data
    return Series(
        name="sunspots",
        time=table["YEAR"].to_numpy(float),
        values=table["SUNACTIVITY"].to_numpy(float),
        unit="sunspot number",
        step=1.0,
        source=(
            "Yearly sunspot numbers 1700-2008, NOAA National Geophysical Data Center, "
            "http://www.ngdc.noaa.gov/stp/solar/solarda3.html, as bundled with statsmodels"
        ),
        note="Yearly means, as published; year Y stands at time Y.",
    )


def _co2() -> Series:
    from statsmodels.datasets import co2

    monthly = co2.load_pandas().data["co2"].resample("MS").mean()
    empty = int(monthly.isna().sum())
    return Series(
        name="co2",
        time=(monthly.index.year + (monthly.index.month - 0.5) / 12).to_numpy(float),
        values=monthly.interpolate("linear").to_numpy(float),
        unit="ppmv",
        step=1 / 12,
        source=(
            "Atmospheric CO2 at Mauna Loa, C. D. Keeling and T. P. Whorf (2004), Carbon "
            "Dioxide Information Analysis Center, as bundled with statsmodels"
        ),
        note=(
            f"Monthly means of weekly values; {empty} of {len(monthly)} months without an "
            "observation are interpolated linearly."
        ),
    )


def _elnino() -> Series:
    from statsmodels.datasets import elnino

    table = elnino.load_pandas().data.set_index("YEAR")
    years = table.index.to_numpy(float)
    return Series(
        name="elnino",
        time=(years[:, None] + (np.arange(12) + 0.5) / 12).ravel(),
        values=table.to_numpy(float).ravel(),
        unit="°C",
        step=1 / 12,
        source=(
            "Sea surface temperature 1950-2010 of the Pacific Ocean between 0-10 degrees South "
            "and 90-80 degrees West, NOAA National Weather Service, ERSST.V3B, Nino 1+2, "
            "http://www.cpc.ncep.noaa.gov/data/indices/, as bundled with statsmodels"
        ),
        note="Monthly means, as published; a row of twelve for each year, put end to end.",
    )


_LOADERS = {"sunspots": _sunspots, "co2": _co2, "elnino": _elnino}
