"""Forecasts by neural models: what they learn from, and how they read a series."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ssm_companion.experiments.models import SequenceModel
from ssm_companion.experiments.rolling import Problem


def windows(task: Problem, window: int) -> tuple[Tensor, Tensor]:
    """All windows of the training part, and what follows each of their steps.

    Parameters
    ----------
    task : Problem
        The series.
    window : int
        Steps W of a window.

    Returns
    -------
    inputs : Tensor, ``(S, W, 1)``
        float32, windows of the scaled series.
    targets : Tensor, ``(S, W, H)``
        float32, for each step the H values after it, none of them after the training part.

    Raises
    ------
    ValueError
        If the training part is too short.

    Examples
    --------
    >>> from ssm_companion.experiments.rolling import problem
    >>> inputs, targets = windows(problem("sunspots"), 66)
    >>> inputs.shape, targets.shape
    (torch.Size([78, 66, 1]), torch.Size([78, 66, 11]))
    """
    horizon = task.setting.horizon
    z = _tensor(task.scaled[task.first : task.bounds[0]])
    if len(z) < window + horizon:
        raise ValueError(f"`window` must be at most {len(z) - horizon}, got {window}")
    pieces = z.unfold(0, window + horizon, 1)
    return pieces[:, :window, None], pieces[:, 1:].unfold(1, horizon, 1)


@torch.no_grad()
def forecast(model: SequenceModel, task: Problem, origins: np.ndarray, window: int) -> np.ndarray:
    """Forecasts from a rolling origin.

    Parameters
    ----------
    model : SequenceModel
        The model, of one number in and H out.
    task : Problem
        The series.
    origins : numpy.ndarray, ``(O,)``
        The places of the last values that may be used, in order.
    window : int
        How many values attention reads; other kinds read all.

    Returns
    -------
    numpy.ndarray, ``(O, H)``
        Of the series, for each horizon.

    Examples
    --------
    >>> from ssm_companion.experiments.models import Size
    >>> from ssm_companion.experiments.rolling import problem
    >>> sun, model = problem("sunspots"), SequenceModel("gru", Size(4, 4), 1, 11, discrete=False)
    >>> forecast(model, sun, sun.origins("test"), 66).shape
    (93, 11)
    """
    z = _tensor(task.scaled)
    if model.kind == "attention":
        rows = torch.stack([z[origin + 1 - window : origin + 1] for origin in origins])
        outputs = model(rows[..., None])[:, -1]
    else:
        past = z[task.first : origins[-1] + 1]
        outputs = model(past[None, :, None])[0, origins - task.first]
    return task.unscaled(outputs.double().numpy(), origins)


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values).float()
