"""The neural models of the forecasting experiment, in the plain skeleton.

All is as in :mod:`~ssm_companion.experiments.forecasting`, but for the first and the last norm of
:class:`~ssm_companion.experiments.models.SequenceModel`, which are left out.
"""

from __future__ import annotations

from ssm_companion._shapes import check_positive_int
from ssm_companion.experiments.forecasting import line, run, trainings
from ssm_companion.experiments.models import LAYERS
from ssm_companion.experiments.runner import Plan

__all__ = ["configurations", "line", "run"]


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
        Configurations.

    Examples
    --------
    >>> first, *_ = configurations(Plan(), [])
    >>> first["series"], first["model"], first["skeleton"]
    ('sunspots', 's4d', 'plain')
    """
    check_positive_int("seeds", plan.seeds)
    shared = {"experiment": "plain", "skeleton": "plain"}
    return trainings(plan, plan.models(tuple(LAYERS)), finished, shared)
