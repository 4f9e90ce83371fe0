"""Forecasts by statistical models of statsmodels, parameters fixed after the fit."""

from __future__ import annotations

import warnings
from itertools import product

import numpy as np

from ssm_companion._shapes import check_choice
from ssm_companion.experiments.rolling import Problem

FITTED = ("training", "training and validation")


def forecast(
    model: str, problem: Problem, origins: np.ndarray, fitted: str
) -> tuple[np.ndarray, dict]:
    """Forecasts from a rolling origin.

    Parameters
    ----------
    model : {"naive", "seasonal-naive", "autoregression", "smoothing"}
        The value of the origin; that of a season before; an autoregression of the scaled series,
        of the order with the best Akaike criterion; additive exponential smoothing (ETS) with or
        without trend, damping and season, as that criterion has it.
    problem : Problem
        The series.
    origins : numpy.ndarray, ``(O,)``
        The places of the last values that may be used.
    fitted : {"training", "training and validation"}
        The parts that parameters and forms are chosen on.

    Returns
    -------
    forecasts : numpy.ndarray, ``(O, H)``
        Of the series, for each horizon.
    chosen : dict
        The form of the model.

    Raises
    ------
    ValueError
        For an unknown ``model`` or ``fitted``.

    Examples
    --------
    >>> from ssm_companion.experiments.rolling import problem
    >>> sun = problem("sunspots")
    >>> forecasts, _ = forecast("seasonal-naive", sun, sun.origins("test"), "training")
    >>> bool((forecasts[0] == sun.values[195:206]).all())
    True
    """
    check_choice("model", model, MODELS)
    check_choice("fitted", fitted, FITTED)
    return MODELS[model](problem, origins, problem.bounds[FITTED.index(fitted)])


def _naive(problem: Problem, origins: np.ndarray, end: int) -> tuple[np.ndarray, dict]:
    return np.repeat(problem.values[origins][:, None], problem.setting.horizon, axis=1), {}


def _seasonal_naive(problem: Problem, origins: np.ndarray, end: int) -> tuple[np.ndarray, dict]:
    season = problem.setting.season
    ahead = np.arange(problem.setting.horizon) % season
    return problem.values[origins[:, None] + 1 - season + ahead], {}


def _autoregression(problem: Problem, origins: np.ndarray, end: int) -> tuple[np.ndarray, dict]:
    from statsmodels.tsa.ar_model import AutoReg, ar_select_order

    z = problem.scaled
    past = z[problem.first : end]
    order = max(ar_select_order(past, maxlag=3 * problem.setting.season, ic="aic").ar_lags or [1])
    constant, *slopes = AutoReg(past, lags=order).fit().params
    window = z[origins[:, None] + np.arange(1 - order, 1)]
    for _ in range(problem.setting.horizon):
        following = constant + window[:, -order:] @ slopes[::-1]
        window = np.column_stack([window, following])
    return problem.unscaled(window[:, order:], origins), {"order": order}


def _smoothing(problem: Problem, origins: np.ndarray, end: int) -> tuple[np.ndarray, dict]:
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    forms = [
        {"trend": trend, "damped_trend": damped, "seasonal": seasonal}
        for (trend, damped), seasonal in product(
            ((None, False), ("add", False), ("add", True)), (None, "add")
        )
    ]

    def model(values: np.ndarray, form: dict) -> ETSModel:
        season = problem.setting.season if form["seasonal"] else None
        return ETSModel(values, seasonal_periods=season, **form)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a form that does not converge has a worse criterion
        fits = [model(problem.values[:end], form).fit(disp=False) for form in forms]
    best = int(np.argmin([fit.aic for fit in fits]))
    form, parameters, horizon = forms[best], fits[best].params, problem.setting.horizon
    # a model of the past alone for each origin, with the parameters of the fit
    forecasts = [
        model(problem.values[: origin + 1], form).smooth(parameters).forecast(horizon)
        for origin in origins
    ]
    return np.array(forecasts), form


MODELS = {
    "naive": _naive,
    "seasonal-naive": _seasonal_naive,
    "autoregression": _autoregression,
    "smoothing": _smoothing,
}
