"""Measured time of the models of the language experiment: to be run alone on a quiet machine.

One update of a training, and one generated character after pasts of several lengths, each on one
thread. Where other programs run, the shortest times are nearer to the truth than the medians.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from ssm_companion._shapes import check_positive_int
from ssm_companion.experiments.counts import multiply_adds, state_bytes
from ssm_companion.experiments.language import BATCH, BUDGET, WINDOW
from ssm_companion.experiments.models import (
    LAYERS,
    SequenceModel,
    equal_parameters,
    parameter_count,
)
from ssm_companion.experiments.records import surroundings
from ssm_companion.experiments.runner import Plan
from ssm_companion.tasks.text import batches, load_text

PASTS = (1, 256, 2048)
ROUNDS = 15


def configurations(plan: Plan, finished: list[dict]) -> list[dict]:
    """The runs of the experiment; on another processor they are other runs.

    Parameters
    ----------
    plan : Plan
        Which runs are wanted; its seeds are repetitions, its steps the timed updates of each.
    finished : list of dict
        Not used.

    Returns
    -------
    list of dict
        Configurations, one repetition of all models after the other.

    Examples
    --------
    >>> len(configurations(Plan(seeds=3, only=("gru", "lstm")), []))
    6
    """
    check_positive_int("seeds", plan.seeds)
    shared = {
        "experiment": "cost",
        "processor": surroundings()["machine"]["processor"],
        "budget": BUDGET,
        "blocks": 2,
        "batch": BATCH,
        "window": WINDOW,
        "rounds": ROUNDS if plan.steps is None else check_positive_int("steps", plan.steps),
    }
    return [
        {**shared, "model": model, "seed": seed}
        for seed in range(plan.seeds)
        for model in plan.models(tuple(LAYERS))
    ]


def run(configuration: dict, checkpoint: Path | None = None) -> dict:
    """Time a model.

    Parameters
    ----------
    configuration : dict
        One of :func:`configurations`.
    checkpoint : pathlib.Path, optional
        Not used: a run takes seconds.

    Returns
    -------
    dict
        ``"update"`` and, by length of the past, ``"step"``: median and shortest time, in seconds;
        with bytes of state and multiply-adds after each past, and the load of the machine (mean
        number of processes that wished to run, over the last minute; None where it is not known).

    Examples
    --------
    >>> first, *_ = configurations(Plan(only=("gru",), steps=1), [])
    >>> sorted(run(first)["step"])
    ['1', '2048', '256']
    """
    novel = load_text()
    letters, blocks, kind = len(novel.alphabet), configuration["blocks"], configuration["model"]
    torch.manual_seed(configuration["seed"])
    size = equal_parameters(kind, configuration["budget"], letters, letters, blocks=blocks)
    model = SequenceModel(kind, size, letters, letters, blocks=blocks)
    load, rounds = _load(), configuration["rounds"]
    optimizer = torch.optim.Adam(model.parameters())
    inputs, following = batches(novel.codes, configuration["batch"], configuration["window"])

    def update() -> None:
        optimizer.zero_grad()
        cross_entropy(model(inputs).flatten(0, 1), following.flatten()).backward()
        optimizer.step()

    return {
        "update": _timed(update, rounds),
        "step": {str(past): _step(model, novel.codes, past, rounds) for past in PASTS},
        "parameters": parameter_count(model),
        "state_bytes": {str(past): state_bytes(model, past) for past in PASTS},
        "multiply_adds": {str(past): multiply_adds(model, past) for past in PASTS},
        "load": load,
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
    >>> time = {"median": 0.02, "shortest": 0.018}
    >>> line({"model": "gru"}, {"update": time, "step": {"1": time, "256": time, "2048": time}})
    'gru: an update 20.0 ms; a character 20.00 ms after 1, 20.00 ms after 256, 20.00 ms after 2048'
    """
    steps = [
        f"{1e3 * time['median']:.2f} ms after {past}" for past, time in results["step"].items()
    ]
    update = 1e3 * results["update"]["median"]
    return f"{configuration['model']}: an update {update:.1f} ms; a character {', '.join(steps)}"


@torch.no_grad()
def _step(model: SequenceModel, codes: torch.Tensor, past: int, rounds: int) -> dict[str, float]:
    _, state = model(codes[None, :past], return_state=True)
    return _timed(lambda: model.step(codes[past, None], state), 4 * rounds)


def _timed(work: Callable[[], object], rounds: int) -> dict[str, float]:
    """Seconds, after two rounds that do not count."""
    times = []
    for _ in range(rounds + 2):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return {"median": float(np.median(times[2:])), "shortest": min(times[2:])}


def _load() -> float | None:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
