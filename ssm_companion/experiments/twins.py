"""Two series with the same autocovariances: one with something to select, one with nothing.

They are the *drifting* and the *jumping* one of :mod:`~ssm_companion.experiments.levels`. At each
step the next value is to be forecast, with the mean squared error for a loss. Neural models, all of
the same size, learn from windows that are drawn afresh for each update, each from an empty past.
Learning rate and moment of stopping are those with the best validation score. All models are
scored on the second halves of the same test windows. The floors are the best affine forecast, which
has the same error on both series, and the best one of all.

In the linear skeleton nothing is nonlinear but the memory, so that a memory that is linear in its
input can give affine forecasts only. In the plain one there are perceptrons too.
"""

from __future__ import annotations

import random
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ssm_companion._shapes import check_choice, check_positive_int
from ssm_companion.experiments import levels, rates
from ssm_companion.experiments.described import described
from ssm_companion.experiments.models import LAYERS, SequenceModel, equal_parameters
from ssm_companion.experiments.runner import Plan
from ssm_companion.experiments.tracked import train

STAY, NOISE = 0.97, 0.3
RIVALS = ("affine", "gated", "bayes")
BUDGET = 8_000
BATCH, WINDOW, STEPS = 16, 64, 600
SKELETONS = ("linear", "plain")
RATES = (3e-3, 1e-2, 3e-2)
TEST = 6400  # windows
_SEEDS = {"gates": 1, "validation": 2, "test": 3}  # of the draws that are the same for all
_ROWS = 128  # windows of a validation, and windows that are read at once


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
        Configurations, floors first.

    Examples
    --------
    >>> first, *_ = configurations(Plan(), [])
    >>> first["series"], first["model"], first["stay"]
    ('jumping', 'affine', 0.97)
    """
    check_positive_int("seeds", plan.seeds)
    steps = STEPS if plan.steps is None else check_positive_int("steps", plan.steps)
    models = plan.models((*RIVALS, *LAYERS))
    law = {"stay": STAY, "noise": NOISE, "window": WINDOW, "test": TEST}
    shared = {"experiment": "twins", **law}
    sizes = {"budget": BUDGET, "blocks": 2, "batch": BATCH}
    found = [
        {**shared, "series": series, "model": model}
        for series in levels.SERIES
        for model in models
        if model in RIVALS
    ]
    neural = [model for model in models if model in LAYERS]
    for series, skeleton, model in product(levels.SERIES, SKELETONS, neural):
        fixed = {**shared, "skeleton": skeleton, "series": series, "model": model, **sizes}
        found += rates.configurations(fixed, RATES, steps, plan.seeds, finished, shorten=3)
    return found


def run(configuration: dict, checkpoint: Path | None = None) -> dict:
    """Fit a model, if there is something to fit, and score it.

    Parameters
    ----------
    configuration : dict
        One of :func:`configurations`.
    checkpoint : pathlib.Path, optional
        Where to keep what an interrupted training goes on from.

    Returns
    -------
    dict
        ``"score"``, the validation error; ``"test"`` (not for runs that are to find a learning
        rate), with the mean squared error ``"mse"`` and the ``"excess"``, the mean squared distance
        from the best forecast. Of a rival ``"form"``, the gates if it has any; of a neural model
        its learning curve, parameters, bytes of state, multiply-adds and processor seconds of
        training.

    Raises
    ------
    KeyboardInterrupt
        If it is interrupted.

    Examples
    --------
    >>> first, *_ = configurations(Plan(), [])
    >>> round(run({**first, "test": 64})["test"]["mse"], 1)
    0.2
    """
    c = configuration
    held = _draw(c, _ROWS, "validation")
    if c["model"] in RIVALS:
        gates = _gates(c) if c["model"] == "gated" else {}
        y = held.double().numpy()
        score = _mse(_rival(c, y[:, :-1], gates), y[:, 1:])
        return {"score": score, "test": _scores(c, lambda y: _rival(c, y, gates)), "form": gates}
    random.seed(c["seed"])
    torch.manual_seed(c["seed"])
    model = _model(c)

    def loss(model: SequenceModel) -> Tensor:
        y = _draw(c, c["batch"])
        return (_forecast(model, y[:, :-1]) - y[:, 1:]).square().mean()

    def mse(model: SequenceModel) -> float:
        return _mse(_forecast(model, held[:, :-1]).numpy(), held[:, 1:].numpy())

    done = train(model, loss, mse, steps=c["steps"], rate=c["rate"], checkpoint=checkpoint)
    scores = {}
    if c["purpose"] == "result":
        scores["test"] = _scores(c, lambda y: _read(model, y))
    window = c["window"]
    cost = described(model, done, lengths=(1, window), past=window)
    return {"score": done["score"], **scores, **cost}


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
    >>> run = {"series": "jumping", "model": "affine"}
    >>> line(run, {"score": 0.16512, "test": {"mse": 0.17038, "excess": 0.028}})
    'jumping, affine: validation 0.1651; test 0.1704, 0.0280 above the best'
    """
    c, what, found = configuration, "", f"validation {results['score']:.4f}"
    if "rate" in c:
        what = f", {c['skeleton']}, rate {c['rate']:g} for {c['steps']} steps, seed {c['seed']}"
    if "test" in results:
        test = results["test"]
        found += f"; test {test['mse']:.4f}, {test['excess']:.4f} above the best"
    if "cpu_seconds" in results:
        found += f"; {results['cpu_seconds']:.0f} s of processor time"
    return f"{c['series']}, {c['model']}{what}: {found}"


def _model(configuration: dict) -> SequenceModel:
    kind = configuration["model"]
    check_choice("model", kind, LAYERS)
    options = {name: configuration[name] for name in ("blocks", "skeleton")}
    size = equal_parameters(kind, configuration["budget"], 1, 1, discrete=False, **options)
    return SequenceModel(kind, size, 1, 1, discrete=False, **options)


def _draw(configuration: dict, rows: int, what: str | None = None) -> Tensor:
    """Windows with the value after them, in float32: always the same of what has a name."""
    generator = torch.Generator().manual_seed(_SEEDS[what]) if what else None
    law = configuration["stay"], configuration["noise"], generator
    return levels.draw(configuration["series"], rows, configuration["window"] + 1, *law).float()


def _gates(configuration: dict) -> dict[str, float]:
    y = _draw(configuration, 1024, "gates").double().numpy()
    return levels.best_gates(y, configuration["stay"], configuration["noise"])


def _rival(configuration: dict, y: np.ndarray, gates: dict) -> np.ndarray:
    model, stay, noise = (configuration[name] for name in ("model", "stay", "noise"))
    if model == "gated":
        return levels.gated(y, stay, **gates)
    # no forecast of a Gaussian series is better than the affine one
    best = levels.affine if configuration["series"] == "drifting" else levels.bayes
    return (levels.affine if model == "affine" else best)(y, stay, noise)


def _forecast(model: SequenceModel, y: Tensor) -> Tensor:
    return model(y[..., None])[..., 0]


@torch.no_grad()
def _read(model: SequenceModel, y: np.ndarray) -> np.ndarray:
    pieces = torch.from_numpy(y).float().split(_ROWS)
    return torch.cat([_forecast(model, piece) for piece in pieces]).double().numpy()


def _scores(configuration: dict, forecast) -> dict[str, float]:
    y = _draw(configuration, configuration["test"], "test").double().numpy()
    past, after = y[:, :-1], y[:, 1:]
    found, best = forecast(past), _rival({**configuration, "model": "bayes"}, past, {})
    return {"mse": _mse(found, after), "excess": _mse(found, best)}


def _mse(found: np.ndarray, wanted: np.ndarray) -> float:
    """Over the second halves of the windows."""
    half = wanted.shape[1] // 2
    return float(np.square(found - wanted)[:, half:].mean())
