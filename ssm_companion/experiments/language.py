"""Which character comes next in a novel: bits for each, from models of equal size.

The text is cut in this order: 90 per cent to train on, 5 to validate, 5 to test. A model is trained
on random windows, each from an empty past. It is scored in three ways, in bits a character:

- *carried*: it reads the whole part once, from start to end, with its state carried along;
- *windowed*: each character is foretold from a window like those of the training, of which the
  first half is not scored; every character of the part is scored once;
- *cut*: as carried, but the past is forgotten every so many characters.

Attention is not carried, since its state would grow with the part, nor cut into pieces that are
longer than the windows of its training. For each kind, the learning rate is the one of three that
has the best validation score after a short run.
"""

from __future__ import annotations

import random
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ssm_companion._shapes import check_positive_int
from ssm_companion.experiments import rates
from ssm_companion.experiments.bits import carried_bits, cut_bits, windowed_bits
from ssm_companion.experiments.described import described
from ssm_companion.experiments.models import LAYERS, SequenceModel, equal_parameters
from ssm_companion.experiments.runner import Plan
from ssm_companion.experiments.tracked import train
from ssm_companion.tasks.text import batches, load_text

BUDGET = 60_000
BATCH, WINDOW, STEPS = 16, 128, 2000
RATES = (3e-3, 1e-2, 3e-2)
CUTS = (16, 32, 64, 128, 256, 512, 1024)  # characters between two cuts
_GLIMPSE = 8192  # characters of the validation part that are scored during a training


def configurations(plan: Plan, finished: list[dict]) -> list[dict]:
    """The runs of the experiment, as far as they can be planned.

    Parameters
    ----------
    plan : Plan
        Which runs are wanted.
    finished : list of dict
        Records of runs; the learning rate of a model is known when those that search for it are
        among them.

    Returns
    -------
    list of dict
        Configurations.

    Examples
    --------
    >>> first, *_ = configurations(Plan(only=("gru",)), [])
    >>> first["purpose"], first["model"], first["rate"]
    ('rate', 'gru', 0.003)
    """
    check_positive_int("seeds", plan.seeds)
    steps = STEPS if plan.steps is None else check_positive_int("steps", plan.steps)
    shared = {
        "experiment": "language",
        "budget": BUDGET,
        "blocks": 2,
        "batch": BATCH,
        "window": WINDOW,
    }
    found = []
    for model in plan.models(tuple(LAYERS)):
        fixed = {**shared, "model": model}
        found += rates.configurations(fixed, RATES, steps, plan.seeds, finished, shorten=4)
    return found


def run(configuration: dict, checkpoint: Path | None = None) -> dict:
    """Train a model and score it.

    Parameters
    ----------
    configuration : dict
        One of :func:`configurations`.
    checkpoint : pathlib.Path, optional
        Where to keep what an interrupted training goes on from.

    Returns
    -------
    dict
        ``"bits"``, by part and way of scoring (without the test part for runs that are to find a
        learning rate); the learning curve, its validation bits windowed and of the start
        of the part; parameters, bytes of state, multiply-adds and processor seconds of training.

    Raises
    ------
    KeyboardInterrupt
        If it is interrupted.

    Examples
    --------
    >>> first, *_ = configurations(Plan(only=("gru",), steps=4), [])
    >>> sorted(run(first)["bits"]["validation"])
    ['carried', 'cut', 'windowed']
    """
    novel = load_text()
    training, validation, test = (part.codes for part in novel.split())
    window, kind = configuration["window"], configuration["model"]
    random.seed(configuration["seed"])
    torch.manual_seed(configuration["seed"])
    letters, blocks = len(novel.alphabet), configuration["blocks"]
    size = equal_parameters(kind, configuration["budget"], letters, letters, blocks=blocks)
    model = SequenceModel(kind, size, letters, letters, blocks=blocks)

    def loss(model: SequenceModel) -> Tensor:
        inputs, following = batches(training, configuration["batch"], window)
        return cross_entropy(model(inputs).flatten(0, 1), following.flatten())

    done = train(
        model,
        loss,
        lambda model: windowed_bits(model, validation[:_GLIMPSE], window),
        steps=configuration["steps"],
        rate=configuration["rate"],
        checkpoint=checkpoint,
    )
    parts = {"validation": validation}
    if configuration["purpose"] == "result":
        parts["test"] = test
    return {
        "score": done["score"],
        "bits": {name: _scores(model, codes, window) for name, codes in parts.items()},
        **described(model, done, lengths=(1, window, 2048), past=window // 2),
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
    >>> run = {"model": "gru", "purpose": "rate", "rate": 0.01, "seed": 100, "steps": 600}
    >>> line(run, {"score": 2.5, "cpu_seconds": 31.4})
    'gru, rate 0.01 for 600 steps, seed 100: validation 2.500 bits, 31 s of processor time'
    """
    c = configuration
    what = f"{c['model']}, rate {c['rate']:g} for {c['steps']} steps, seed {c['seed']}"
    cost = f"{results['cpu_seconds']:.0f} s of processor time"
    return f"{what}: validation {results['score']:.3f} bits, {cost}"


def _scores(model: SequenceModel, codes: Tensor, window: int) -> dict:
    """By way of scoring; None for the one that attention has no state for."""
    recurrent = model.kind != "attention"
    cuts = [every for every in CUTS if recurrent or every <= window]
    return {
        "carried": carried_bits(model, codes) if recurrent else None,
        "windowed": windowed_bits(model, codes, window),
        "cut": {str(every): cut_bits(model, codes, every) for every in cuts},
    }
