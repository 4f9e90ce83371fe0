"""Measured series, up to a year or a cycle ahead: neural memories and statistical models.

All neural models are of the same size and see the scaled series of
:class:`~ssm_companion.experiments.rolling.Problem`. At each step a model gives all horizons at
once. It is trained on random windows of the training part, all steps of a window at once, and each
window from an empty past; the loss is the mean absolute error. Learning rate and moment of
stopping are those with the best validation score. To forecast, a model reads the series once from
its start, its state carried along; attention reads a window that ends at the origin.
"""

from __future__ import annotations

import random
from pathlib import Path

import torch
from torch import Tensor

from ssm_companion._shapes import check_choice, check_positive_int
from ssm_companion.experiments import classical, rates
from ssm_companion.experiments.described import described
from ssm_companion.experiments.models import LAYERS, SequenceModel, equal_parameters
from ssm_companion.experiments.neural import forecast, windows
from ssm_companion.experiments.rolling import SETTINGS, Problem, problem
from ssm_companion.experiments.runner import Plan
from ssm_companion.experiments.tracked import train

BUDGET = 8_000
BATCH, STEPS = 8, 400
RATES = (3e-4, 1e-3, 3e-3, 1e-2)


def configurations(plan: Plan, finished: list[dict]) -> list[dict]:
    """The runs of the experiment, as far as they can be planned.

    Parameters
    ----------
    plan : Plan
        Which runs are wanted.
    finished : list of dict
        Records of runs; the learning rate of a model on a series is known when those that search
        for it are among them.

    Returns
    -------
    list of dict
        Configurations, statistical models first.

    Examples
    --------
    >>> first, *_ = configurations(Plan(), [])
    >>> first["series"], first["model"], first["fitted"]
    ('sunspots', 'naive', 'training')
    """
    check_positive_int("seeds", plan.seeds)
    models = plan.models((*classical.MODELS, *LAYERS))
    found = [
        {"experiment": "forecasting", "series": series, "model": model, "fitted": fitted}
        for series in SETTINGS
        for model in models
        if model in classical.MODELS
        for fitted in classical.FITTED
    ]
    neural = tuple(model for model in models if model in LAYERS)
    return found + trainings(plan, neural, finished, {"experiment": "forecasting"})


def trainings(plan: Plan, models: tuple[str, ...], finished: list[dict], shared: dict) -> list:
    """The runs of neural models, as far as they can be planned.

    Parameters
    ----------
    plan : Plan
        Which runs are wanted.
    models : tuple of str
        Keys of ``LAYERS``.
    finished : list of dict
        As for :func:`configurations`.
    shared : dict
        What these configurations have besides: ``"experiment"``, and ``"skeleton"`` unless full.

    Returns
    -------
    list of dict
        Configurations.

    Examples
    --------
    >>> first, *_ = trainings(Plan(), ("gru",), [], {"experiment": "plain", "skeleton": "plain"})
    >>> first["model"], first["rate"], first["skeleton"]
    ('gru', 0.0003, 'plain')
    """
    steps = STEPS if plan.steps is None else check_positive_int("steps", plan.steps)
    found = []
    for series in SETTINGS:
        for model in models:
            fixed = {
                **shared,
                "series": series,
                "model": model,
                "budget": BUDGET,
                "blocks": 2,
                "batch": BATCH,
                "window": SETTINGS[series].window,
            }
            found += rates.configurations(fixed, RATES, steps, plan.seeds, finished)
    return found


def run(configuration: dict, checkpoint: Path | None = None) -> dict:
    """Fit a model and score its forecasts.

    Parameters
    ----------
    configuration : dict
        One of :func:`configurations`.
    checkpoint : pathlib.Path, optional
        Where to keep what an interrupted training goes on from.

    Returns
    -------
    dict
        ``"score"``, the validation error, which is one of the fit for a statistical model that was
        fitted on the validation part too; ``"validation"`` and ``"test"`` (not for runs that are
        to find a learning rate), of :meth:`~ssm_companion.experiments.rolling.Problem.scores`. Of
        a statistical model ``"form"``; of a neural one its learning curve, parameters, bytes of
        state, multiply-adds and processor seconds of training.

    Raises
    ------
    KeyboardInterrupt
        If it is interrupted.

    Examples
    --------
    >>> naive, *_ = configurations(Plan(), [])
    >>> round(run(naive)["test"]["mase"], 2)
    2.1
    """
    task = problem(configuration["series"])
    if configuration["model"] in classical.MODELS:
        return _run_classical(configuration, task)
    random.seed(configuration["seed"])
    torch.manual_seed(configuration["seed"])
    model = _model(configuration, task)
    window = configuration["window"]
    inputs, targets = windows(task, window)

    def loss(model: SequenceModel) -> Tensor:
        rows = torch.randint(len(inputs), (configuration["batch"],))
        return (model(inputs[rows]) - targets[rows]).abs().mean()

    def mase(model: SequenceModel) -> float:
        origins = task.origins("validation")
        return task.scores(forecast(model, task, origins, window), origins)["mase"]

    steps, rate = configuration["steps"], configuration["rate"]
    done = train(model, loss, mase, steps=steps, rate=rate, checkpoint=checkpoint)
    parts = ("validation", "test") if configuration["purpose"] == "result" else ("validation",)
    scores = {part: _scored(model, task, part, window) for part in parts}
    return {
        "score": done["score"],
        **scores,
        **described(model, done, lengths=(1, window), past=window),
    }


def line(configuration: dict, results: dict) -> str:
    """What to print of a run.

    Parameters
    ----------
    configuration, results : dict
        The run.

    Returns
    -------
    str
        One line.

    Examples
    --------
    >>> run = {"series": "co2", "model": "naive", "fitted": "training"}
    >>> line(run, {"score": 1.0, "test": {"mase": 1.2}})
    'co2, naive, fitted on training: validation 1.000, test 1.200'
    """
    c = configuration
    how = f"fitted on {c['fitted']}" if "fitted" in c else f"rate {c['rate']:g}, seed {c['seed']}"
    test = f", test {results['test']['mase']:.3f}" if "test" in results else ""
    cost = f", {results['cpu_seconds']:.0f} s of processor time" if "cpu_seconds" in results else ""
    return f"{c['series']}, {c['model']}, {how}: validation {results['score']:.3f}{test}{cost}"


def _model(configuration: dict, task: Problem) -> SequenceModel:
    kind, horizon = configuration["model"], task.setting.horizon
    check_choice("model", kind, LAYERS)
    skeleton = configuration.get("skeleton", "full")
    options = {"blocks": configuration["blocks"], "discrete": False, "skeleton": skeleton}
    size = equal_parameters(kind, configuration["budget"], 1, horizon, **options)
    return SequenceModel(kind, size, 1, horizon, **options)


def _scored(model: SequenceModel, task: Problem, part: str, window: int) -> dict:
    origins = task.origins(part)
    return task.scores(forecast(model, task, origins, window), origins)


def _run_classical(configuration: dict, task: Problem) -> dict:
    scores, form = {}, {}
    for part in ("validation", "test"):
        origins = task.origins(part)
        values, form = classical.forecast(
            configuration["model"], task, origins, configuration["fitted"]
        )
        scores[part] = task.scores(values, origins)
    return {"score": scores["validation"]["mase"], **scores, "form": form}
