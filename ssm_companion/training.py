"""Gradient descent on a loss, with what a chapter needs around it and no more."""

from __future__ import annotations

import inspect
import math
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ssm_companion._progress import progress as show_progress
from ssm_companion._shapes import check, check_choice, check_positive_int


# eq=False: comparing arrays gives an array, which is no answer to `==`
@dataclass(frozen=True, eq=False)
class History:
    """What happened in a fit.

    Parameters
    ----------
    losses : numpy.ndarray, ``(steps,)``
        float64, the loss before each update.
    seconds : float
        Wall time of this call.
    steps : int
        Updates made, those before a resumed checkpoint included.
    interrupted : bool
        Whether the user stopped it.
    """

    losses: np.ndarray
    seconds: float
    steps: int
    interrupted: bool


def fit(
    model: nn.Module | list[Tensor],
    loss: Callable[..., Tensor],
    *,
    steps: int = 500,
    lr: float = 1e-2,
    optimizer: Callable = torch.optim.Adam,
    schedule: str | None = None,
    progress: bool = True,
    checkpoint: str | Path | None = None,
    every: int = 100,
) -> History:
    """Minimise ``loss`` over the parameters of ``model``, in place.

    Stopping it by hand (KeyboardInterrupt) returns the history so far.

    Parameters
    ----------
    model : torch.nn.Module or list of Tensor
        A module, or a list of tensors that require gradients.
    loss : callable
        Returns a scalar tensor; called as ``loss(model)`` if it has a parameter without a default,
        else as ``loss()``.
    steps : int, optional
        Number of updates.
    lr : float, optional
        Learning rate.
    optimizer : callable, optional
        Called as ``optimizer(parameters, lr=lr)``.
    schedule : {None, "cosine"}, optional
        None for a constant rate, ``"cosine"`` for one that falls to 0 over ``steps``.
    progress : bool, optional
        Show the loss while it runs.
    checkpoint : str or pathlib.Path, optional
        A file to write every ``every`` steps and at the end. If it exists, the fit continues from
        it and ends bit for bit where an uninterrupted one would, as long as ``loss`` draws its
        random numbers from torch or Python's ``random``. Delete the file to start afresh.
    every : int, optional
        Number of steps between two checkpoints.

    Returns
    -------
    History
        The losses, and how the fit ended.

    Raises
    ------
    FloatingPointError
        If the loss is not finite; it names the step. The parameters are then those before that
        step.
    ShapeError
        If the loss is not a scalar. It is a ValueError.
    ValueError
        For a wrong ``steps``, ``every`` or ``schedule``, or for a checkpoint that was made with
        other settings.

    Examples
    --------
    >>> import torch
    >>> weight = torch.zeros(1, requires_grad=True)
    >>> loss = lambda: (weight - 3).square().sum()
    >>> history = fit([weight], loss, steps=200, lr=0.1, progress=False)
    >>> round(weight.item(), 2)
    3.0
    """
    check_positive_int("steps", steps)
    check_positive_int("every", every)
    check_choice("schedule", schedule, _SCHEDULES)
    closure = (lambda: loss(model)) if _takes_argument(loss) else loss
    run = _Run(model, optimizer, lr, steps, schedule)
    if checkpoint is not None and Path(checkpoint).exists():
        run.load(Path(checkpoint))

    began = time.perf_counter()
    display = show_progress(progress, steps, len(run.losses))
    interrupted = False
    try:
        while len(run.losses) < steps:
            run.step(closure)
            done = len(run.losses)
            display.update(done, run.losses[-1])
            if checkpoint is not None and (done % every == 0 or done == steps):
                run.save(Path(checkpoint))
    except KeyboardInterrupt:
        interrupted = True
    finally:
        display.close(_summary(run.losses, steps))
    seconds = time.perf_counter() - began
    return History(np.array(run.losses), seconds, len(run.losses), interrupted)


class _Run:
    """Everything that changes during a fit, which is what a checkpoint holds."""

    def __init__(self, model, optimizer, lr, steps, schedule):
        self.tensors = list(model.parameters() if isinstance(model, nn.Module) else model)
        # buffers of a module, such as running means, are part of its state too
        self.buffers = list(model.buffers()) if isinstance(model, nn.Module) else []
        self.optimizer = optimizer(self.tensors, lr=lr)
        self.rates = _SCHEDULES[schedule](lr, steps)
        self.losses: list[float] = []
        # a checkpoint continues only the fit that it came from
        self.settings = {
            "steps": steps,
            "lr": lr,
            "schedule": schedule,
            "optimizer": type(self.optimizer).__name__,
            "shapes": [tuple(tensor.shape) for tensor in self.tensors + self.buffers],
        }

    def step(self, closure) -> None:
        done = len(self.losses)
        value = closure()
        check("loss", value, "")
        number = value.item()
        if not math.isfinite(number):
            raise FloatingPointError(f"the loss must be finite, got {number} at step {done}")
        self.optimizer.zero_grad()
        value.backward()
        for group in self.optimizer.param_groups:
            group["lr"] = self.rates(done)
        self.optimizer.step()
        self.losses.append(number)

    def save(self, path: Path) -> None:
        state = {
            "settings": self.settings,
            "tensors": self.tensors,
            "buffers": self.buffers,
            "optimizer": self.optimizer.state_dict(),
            "losses": self.losses,
            "rng": (torch.get_rng_state(), torch.cuda.get_rng_state_all(), random.getstate()),
        }
        # written aside and renamed, so that a kill never leaves half a checkpoint
        aside = path.with_name(path.name + ".part")
        torch.save(state, aside)
        os.replace(aside, path)

    def load(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        for key, expected in self.settings.items():
            if (got := state["settings"][key]) != expected:
                raise ValueError(
                    f"`checkpoint` must be of a fit with {key} = {expected}, got {got}"
                )
        with torch.no_grad():
            saved = state["tensors"] + state["buffers"]
            for own, value in zip(self.tensors + self.buffers, saved, strict=True):
                own.copy_(value)
        self.optimizer.load_state_dict(state["optimizer"])
        self.losses = state["losses"]
        cpu, cuda, python = state["rng"]
        torch.set_rng_state(cpu)
        torch.cuda.set_rng_state_all(cuda)
        random.setstate(python)


def _constant(lr: float, steps: int) -> Callable[[int], float]:
    return lambda step: lr


def _cosine(lr: float, steps: int) -> Callable[[int], float]:
    return lambda step: lr * (1 + math.cos(math.pi * step / steps)) / 2


_SCHEDULES = {None: _constant, "cosine": _cosine}


def _takes_argument(function: Callable) -> bool:
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return any(
        parameter.kind in positional and parameter.default is inspect.Parameter.empty
        for parameter in inspect.signature(function).parameters.values()
    )


def _summary(losses: list[float], steps: int) -> str:
    """The last line of the display: no timing, so that it is the same in every run."""
    if not losses:
        return f"stopped after 0 of {steps} steps"
    complete = len(losses) == steps
    done = f"fitted in {steps}" if complete else f"stopped after {len(losses)} of {steps}"
    return f"{done} steps: loss {losses[-1]:.3g}"
