"""A training that keeps its learning curve and its best parameters through interruptions."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from ssm_companion.training import fit

POINTS = 40  # of a learning curve


class Tracked(nn.Module):
    """A model, and how it has fared on validation data so far.

    What it keeps are buffers, so that the checkpoints of :func:`~ssm_companion.training.fit` hold
    them.

    Parameters
    ----------
    model : torch.nn.Module
        The model.
    score : callable
        ``score(model)`` is a float, the lower the better.
    steps : int
        Updates of the training.

    Examples
    --------
    >>> tracked = Tracked(nn.Linear(1, 1), lambda model: model.bias.item() ** 2, steps=10)
    >>> tracked.observe()
    >>> tracked.lowest.item() == tracked.model.bias.item() ** 2
    True
    """

    def __init__(self, model: nn.Module, score: Callable[[nn.Module], float], steps: int):
        super().__init__()
        self.model = model
        self.score = score
        self.every = math.ceil(steps / POINTS)
        self._since: float | None = None
        points = math.ceil(steps / self.every) + 1
        double = {"dtype": torch.float64}
        self.register_buffer("done", torch.zeros((), dtype=torch.int64))
        self.register_buffer("seconds", torch.zeros((), **double))
        self.register_buffer("curve", torch.full((points,), math.nan, **double))
        self.register_buffer("lowest", torch.full((), math.inf, **double))
        for i, parameter in enumerate(model.parameters()):
            self.register_buffer(f"best_{i}", parameter.detach().clone())

    def observe(self) -> None:
        """To be called before each update: time it, and at times score the model."""
        now = time.process_time()
        if self._since is not None:
            self.seconds += now - self._since
        if self.done % self.every == 0:
            self._note(int(self.done) // self.every)
        self.done += 1
        self._since = time.process_time()

    def finish(self) -> None:
        """Score the model a last time and give it the parameters that fared best."""
        self._note(len(self.curve) - 1)
        with torch.no_grad():
            for i, parameter in enumerate(self.model.parameters()):
                parameter.copy_(getattr(self, f"best_{i}"))

    def _note(self, place: int) -> None:
        with torch.no_grad():
            self.curve[place] = value = self.score(self.model)
            if value < self.lowest:
                self.lowest.fill_(value)
                for i, parameter in enumerate(self.model.parameters()):
                    getattr(self, f"best_{i}").copy_(parameter)


def train(
    model: nn.Module,
    loss: Callable[[nn.Module], Tensor],
    score: Callable[[nn.Module], float],
    *,
    steps: int,
    rate: float,
    checkpoint: Path | None = None,
) -> dict:
    """Train by Adam at a rate that falls to zero, and keep the parameters that score best.

    Parameters
    ----------
    model : torch.nn.Module
        Changed in place; left with the best of its parameters at 41 moments.
    loss : callable
        ``loss(model)`` is a scalar tensor.
    score : callable
        ``score(model)`` is a float on validation data, the lower the better.
    steps : int
        Number of updates.
    rate : float
        Learning rate at the start.
    checkpoint : pathlib.Path, optional
        Where to keep what an interrupted training goes on from.

    Returns
    -------
    dict
        ``"score"``, the best one; ``"curve"``, with lists ``"steps"``, ``"validation"`` (the score
        before that step) and ``"training"`` (the mean loss up to the next one); ``"cpu_seconds"``
        of the updates alone, which is their time on one thread of a quiet machine, all parts of an
        interrupted training together; ``"diverged"``, the step at which the loss was no longer
        finite, or None.

    Raises
    ------
    KeyboardInterrupt
        If it is interrupted.

    Examples
    --------
    >>> model = nn.Linear(1, 1)
    >>> loss = lambda model: model(torch.ones(1, 1)).square().mean()
    >>> done = train(model, loss, lambda model: loss(model).item(), steps=80, rate=0.1)
    >>> len(done["curve"]["steps"]), done["diverged"]
    (41, None)
    """
    tracked = Tracked(model, score, steps)

    def observed(tracked: Tracked) -> Tensor:
        tracked.observe()
        return loss(tracked.model)

    losses: list[float] = []
    options = {"schedule": "cosine", "progress": False, "every": tracked.every}
    try:
        history = fit(tracked, observed, steps=steps, lr=rate, checkpoint=checkpoint, **options)
        if history.interrupted:
            raise KeyboardInterrupt
        losses = history.losses.tolist()
        tracked.finish()
        diverged = None
    except FloatingPointError:
        diverged = int(tracked.done) - 1
        tracked.finish()
    return {
        "score": tracked.lowest.item(),
        "curve": _curve(tracked, losses, steps),
        "cpu_seconds": round(tracked.seconds.item(), 2),
        "diverged": diverged,
    }


def _curve(tracked: Tracked, losses: list[float], steps: int) -> dict[str, list]:
    every = tracked.every
    starts = [*range(0, steps, every), steps]
    means = [sum(part) / len(part) if (part := losses[i : i + every]) else None for i in starts]
    return {
        "steps": starts,
        "validation": [_rounded(value) for value in tracked.curve.tolist()],
        "training": [None if mean is None else _rounded(mean) for mean in means],
    }


def _rounded(value: float) -> float | None:
    """Six digits; None for what JSON cannot say."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
