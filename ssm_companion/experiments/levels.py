r"""Two noisy levels with the same autocovariances, and the best forecasts of each.

:math:`y_t = x_t + s e_t` with white standard normal :math:`e_t`. A *drifting* level is a Gaussian
AR(1), :math:`x_t = \varphi x_{t-1} + \sqrt{1 - \varphi^2}\, w_t`. A *jumping* one is drawn anew
from the standard normal law with probability :math:`1 - \varphi` at each step, and kept otherwise.
For both, :math:`E\, x_t x_{t+k} = \varphi^{|k|}`, so that both have the same best affine forecast,
with the same mean squared error. For the drifting level no forecast is better. For the jumping one
the best is to forget when a surprise says so.

Series are rows, which begin in stationarity. A forecast at a step is one of the next value of y,
from the values of its row up to that step.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import logsumexp
from torch import Tensor

from ssm_companion._shapes import check, check_choice

SERIES = ("jumping", "drifting")


def draw(
    series: str,
    rows: int,
    length: int,
    stay: float,
    noise: float,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Draw noisy levels.

    Parameters
    ----------
    series : {"jumping", "drifting"}
        How the level moves.
    rows, length : int
        Number B of series, and of steps L of each.
    stay : float
        Correlation :math:`\varphi` of neighbouring levels, in (0, 1).
    noise : float
        Standard deviation s of the noise.
    generator : torch.Generator, optional
        Of the random numbers; the global one if None.

    Returns
    -------
    Tensor, ``(B, L)``
        float64.

    Raises
    ------
    ValueError
        For an unknown ``series``.

    Examples
    --------
    >>> y = draw("jumping", 3, 500, stay=0.98, noise=0.0)
    >>> changed = (y.diff() != 0).double().mean()
    >>> bool(0 < changed < 0.05)
    True
    """
    check_choice("series", series, SERIES)
    options = {"dtype": torch.float64, "generator": generator}
    fresh, noisy = (torch.randn(rows, length, **options) for _ in range(2))
    steps = torch.arange(length)
    if series == "drifting":
        covariance = stay ** (steps[:, None] - steps).abs().double()
        level = fresh @ torch.linalg.cholesky(covariance).T
    else:
        jumps = torch.rand(rows, length, **options) >= stay
        last = (jumps * steps).cummax(dim=1).values  # 0 before the first jump
        level = fresh.gather(1, last)
    return level + noise * noisy


def affine_error(stay: float, noise: float) -> float:
    r"""Mean squared error of the best affine forecast from the whole past.

    It is :math:`P + s^2`, where the error P of the forecast of the level solves
    :math:`P = \varphi^2 P s^2 / (P + s^2) + 1 - \varphi^2`.

    Parameters
    ----------
    stay, noise : float
        As for :func:`draw`; the noise is positive.

    Returns
    -------
    float
        The error, of both series.

    Examples
    --------
    >>> round(affine_error(0.0001, 1.0), 6)
    2.0
    """
    moved, variance = 1 - stay**2, noise**2
    half = moved * (1 - variance) / 2
    return float(half + np.sqrt(half**2 + moved * variance)) + variance


def affine(y: np.ndarray, stay: float, noise: float) -> np.ndarray:
    """The best affine forecasts, those of a Kalman filter.

    Parameters
    ----------
    y : numpy.ndarray, ``(B, L)``
        The series.
    stay, noise : float
        As for :func:`draw`; the noise is positive.

    Returns
    -------
    numpy.ndarray, ``(B, L)``
        At each step the forecast of the next value.

    Raises
    ------
    ShapeError
        For another shape.

    Examples
    --------
    >>> affine(np.array([[1.0, 1.0]]), stay=0.5, noise=1.0)
    array([[0.25, 0.3 ]])
    """
    error, gains = 1.0, []  # of the forecast of the level
    for _ in range(check("y", y, "B L")["L"]):
        gains.append(error / (error + noise**2))
        error = stay**2 * (1 - gains[-1]) * error + 1 - stay**2
    gain = iter(gains)
    return _followed(y, stay, lambda off: next(gain))


def gated(y: np.ndarray, stay: float, calm: float, moved: float, beyond: float) -> np.ndarray:
    """Forecasts with two gains: a larger one after a surprise.

    Parameters
    ----------
    y : numpy.ndarray, ``(B, L)``
        The series.
    stay : float
        As for :func:`draw`.
    calm, moved : float
        Gains for values that are up to ``beyond`` from their forecast, and farther.
    beyond : float
        The distance.

    Returns
    -------
    numpy.ndarray, ``(B, L)``
        At each step the forecast of the next value.

    Raises
    ------
    ShapeError
        For another shape.

    Examples
    --------
    >>> gated(np.array([[1.0, 3.0]]), stay=1.0, calm=0.5, moved=1.0, beyond=2.0)
    array([[0.5, 3. ]])
    """
    check("y", y, "B L")
    return _followed(y, stay, lambda off: np.where(np.abs(off) > beyond, moved, calm))


def best_gates(y: np.ndarray, stay: float, noise: float) -> dict[str, float]:
    """The gains and the distance of :func:`gated` with the least squared error on some series.

    Parameters
    ----------
    y : numpy.ndarray, ``(B, L)``
        The series. The first half of each row is not scored.
    stay, noise : float
        As for :func:`draw`; the noise is positive.

    Returns
    -------
    dict
        ``"calm"``, ``"moved"`` and ``"beyond"``, found by the simplex method of Nelder and Mead.

    Raises
    ------
    ShapeError
        For another shape.

    Examples
    --------
    >>> y = draw("jumping", 64, 128, stay=0.98, noise=0.3).numpy()
    >>> found = best_gates(y, stay=0.98, noise=0.3)
    >>> found["calm"] < found["moved"]
    True
    """
    half = check("y", y, "B L")["L"] // 2

    def error(gates: np.ndarray) -> float:
        return np.square(gated(y, stay, *gates)[:, half:-1] - y[:, half + 1 :]).mean()

    found = minimize(error, (0.3, 0.9, 3 * noise), method="Nelder-Mead")
    return dict(zip(("calm", "moved", "beyond"), found.x.tolist(), strict=True))


def bayes(y: np.ndarray, stay: float, noise: float) -> np.ndarray:
    r"""The best forecasts of a jumping level.

    They are :math:`\varphi` times the mean of the level given the past. Given that the level has
    lasted for the last r values, with sum S, it is normal with mean :math:`S / (r + s^2)` and
    variance :math:`s^2 / (r + s^2)`. The law of r given the past follows from step to step by
    Bayes' rule. All r are kept, so that nothing is approximated.

    Parameters
    ----------
    y : numpy.ndarray, ``(B, L)``
        The series.
    stay, noise : float
        As for :func:`draw`; the noise is positive.

    Returns
    -------
    numpy.ndarray, ``(B, L)``
        At each step the forecast of the next value.

    Raises
    ------
    ShapeError
        For another shape.

    Examples
    --------
    >>> bayes(np.array([[1.0, 1.0]]), stay=0.5, noise=1.0).round(4)
    array([[0.25  , 0.2981]])
    """
    rows, length = check("y", y, "B L").values()
    variance, forecasts = noise**2, np.empty((rows, length))
    # columns are r = 0, 1, ...: how many values the level had lasted for before this one
    law, sums = np.zeros((rows, 1)), np.zeros((rows, 1))  # the law as logarithms
    for t in range(length):
        r, value = np.arange(t + 1), y[:, t, None]
        mean, spread = sums / (r + variance), variance / (r + variance) + variance
        law = law - np.square(value - mean) / spread / 2 - np.log(spread) / 2
        law -= logsumexp(law, axis=1, keepdims=True)
        sums += value
        forecasts[:, t] = stay * (np.exp(law) * sums / (r + 1 + variance)).sum(axis=1)
        law = np.hstack([np.full((rows, 1), np.log(1 - stay)), np.log(stay) + law])
        sums = np.hstack([np.zeros((rows, 1)), sums])
    return forecasts


def _followed(y: np.ndarray, stay: float, gain: Callable) -> np.ndarray:
    """Forecasts that go towards each value by a gain of how far they were off."""
    forecast, found = np.zeros(len(y)), []
    for value in y.T:
        off = value - forecast
        forecast = stay * (forecast + gain(off) * off)
        found.append(forecast)
    return np.stack(found, axis=1)
