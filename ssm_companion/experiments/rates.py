"""A learning rate for each model: the best of a few, on validation data."""

from __future__ import annotations

from ssm_companion.experiments.records import key

SEED = 100  # of the runs that look for a rate; no result has it


def configurations(
    fixed: dict,
    rates: tuple[float, ...],
    steps: int,
    seeds: int,
    finished: list[dict],
    *,
    shorten: int = 1,
) -> list[dict]:
    """The runs that look for a rate, or those that use the one found.

    Parameters
    ----------
    fixed : dict
        What all these runs have in common.
    rates : tuple of float
        The rates to choose from.
    steps : int
        Updates of a run.
    seeds : int
        Seeds 0, 1, ... of the runs that use the rate.
    finished : list of dict
        Records; a rate is chosen when all runs that look for it are among them.
    shorten : int, optional
        The runs that look for a rate have ``steps // shorten`` updates, at least one.

    Returns
    -------
    list of dict
        Configurations: ``fixed`` with ``"purpose"``, ``"rate"``, ``"steps"`` and ``"seed"``.

    Examples
    --------
    >>> search = configurations({"model": "gru"}, (0.01, 0.1), 800, 2, [], shorten=4)
    >>> [(run["rate"], run["steps"]) for run in search]
    [(0.01, 200), (0.1, 200)]
    >>> scores = [{"score": 1.3}, {"score": 1.2}]
    >>> finished = [{"configuration": c, "results": r} for c, r in zip(search, scores)]
    >>> final = configurations({"model": "gru"}, (0.01, 0.1), 800, 2, finished, shorten=4)
    >>> [(run["rate"], run["steps"], run["seed"]) for run in final]
    [(0.1, 800, 0), (0.1, 800, 1)]
    """
    trial = {**fixed, "purpose": "rate", "steps": max(1, steps // shorten), "seed": SEED}
    search = [{**trial, "rate": rate} for rate in rates]
    scores = {key(record["configuration"]): record["results"]["score"] for record in finished}
    if not all(key(run) in scores for run in search):
        return search
    best = min(search, key=lambda run: scores[key(run)])
    final = {**fixed, "purpose": "result", "steps": steps, "rate": best["rate"]}
    return [{**final, "seed": seed} for seed in range(seeds)]
