"""Real systems that are to learn an impulse response, over all published settings.

1024 modes, 32 steps, two starts, three rates, three optimisers: the real half of the synthetic
experiments of Ran-Milo et al., arXiv:2410.14067, with half a million updates in float32. Their loop
does not clear the gradients between updates, so that they add up; each run is made both ways.
"""

from __future__ import annotations

from itertools import product

from ssm_companion._shapes import check_positive_int
from ssm_companion.experiments.descent import OPTIMIZERS, line, train
from ssm_companion.experiments.modes import TARGETS
from ssm_companion.experiments.runner import Plan

__all__ = ["configurations", "line", "run"]

MODES, LENGTH = 1024, 32
RADII = (0.0, 0.99)
RATES = (1e-4, 1e-5, 1e-6)
STEPS = 500_000

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
    >>> len(configurations(Plan(seeds=3), []))
    324
    """
    check_positive_int("seeds", plan.seeds)
    shared = {
        "experiment": "complex_real",
        "is_complex": False,
        "modes": MODES,
        "length": LENGTH,
        "steps": STEPS if plan.steps is None else check_positive_int("steps", plan.steps),
        "dtype": "float32",
    }
    names = "accumulated", "seed", "target", "r_min", "rate", "optimizer"
    values = (False, True), range(plan.seeds), plan.models(TARGETS), RADII, RATES, OPTIMIZERS
    return [shared | dict(zip(names, choice, strict=True)) for choice in product(*values)]
