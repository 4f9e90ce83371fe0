"""Complex systems that are to learn an impulse response as long as they have modes.

The other half of :mod:`ssm_companion.experiments.complex_real`: Adam, one rate and one start, for
32 to 256 modes and steps.
"""

from __future__ import annotations

from itertools import product

from ssm_companion._shapes import check_positive_int
from ssm_companion.experiments.complex_real import STEPS
from ssm_companion.experiments.descent import line, train
from ssm_companion.experiments.modes import TARGETS
from ssm_companion.experiments.runner import Plan

__all__ = ["configurations", "line", "run"]

LENGTHS = (32, 64, 128, 256)

run = train


def configurations(plan: Plan, finished: list[dict]) -> list[dict]:
    """The runs of the experiment.

    Parameters
    ----------
    plan : Plan
        Which runs are wanted; its models are targets.
    finished : list of dict
        Not used.

    Returns
    -------
    list of dict
        Configurations, those that clear the gradients first, and of these seed 0.

    Examples
    --------
    >>> len(configurations(Plan(seeds=5), []))
    120
    """
    check_positive_int("seeds", plan.seeds)
    shared = {
        "experiment": "complex_complex",
        "is_complex": True,
        "r_min": 0.99,
        "rate": 1e-5,
        "optimizer": "adam",
        "steps": STEPS if plan.steps is None else check_positive_int("steps", plan.steps),
        "dtype": "float32",
    }
    choices = product((False, True), range(plan.seeds), LENGTHS, plan.models(TARGETS))
    return [
        shared
        | {"accumulated": accumulated, "seed": seed, "modes": length, "length": length}
        | {"target": target}
        for accumulated, seed, length, target in choices
    ]
