"""Gradient descent on the modes of a system, as fast as one core goes, and its long runs.

The same computation as :mod:`ssm_companion.experiments.time_loop`, in closed form and in numba:
that is the code to read first.
"""

from __future__ import annotations

import math
import os
import time
from pathlib import Path

import numpy as np

from ssm_companion._shapes import check, check_choice, check_positive_int
from ssm_companion.experiments.modes import DTYPES, ModeParameters, start, target
from ssm_companion.kernels.cpu.modes import BETAS, descent_kernel, lanes

OPTIMIZERS = ("adam", "adamw", "radam")
DECAY, FLOOR = 0.01, 1e-8  # PyTorch's own choice, as of BETAS
CHUNK = 10_000  # updates between checkpoints
POINTS = 60  # of a learning curve


class Descent:
    """A training that has come so far.

    Parameters
    ----------
    modes : ModeParameters
        The system to start from.
    target : numpy.ndarray, ``(t,)``
        The impulse response to learn.
    rate : float
        Learning rate at the start; it falls to zero along a cosine.
    steps : int
        Updates of the whole training.
    optimizer : {"adam", "adamw", "radam"}, optional
        With PyTorch's own options.
    accumulated : bool, optional
        Whether an update goes along the sum of all gradients so far, as when they are not cleared.
    dtype : {"float32", "float64"}, optional
        In which to compute.

    Raises
    ------
    ValueError
        For an unknown ``optimizer`` or ``dtype``, ``steps`` below 1, or wrong shapes.

    Examples
    --------
    >>> modes = start(32, r_min=0.99, is_complex=True, seed=0)
    >>> descent = Descent(modes, target("delay", 32), rate=1e-3, steps=1000)
    >>> losses = descent.advance(1000)
    >>> bool(losses[0] > 0.99 and losses[-1] < 1e-6)
    True
    """

    def __init__(
        self,
        modes: ModeParameters,
        target: np.ndarray,
        *,
        rate: float,
        steps: int,
        optimizer: str = "adam",
        accumulated: bool = False,
        dtype: str = "float32",
    ):
        check_positive_int("steps", steps)
        check_choice("optimizer", optimizer, OPTIMIZERS)
        check_choice("dtype", dtype, DTYPES)
        check_positive_int("t", check("target", target, "t")["t"])
        sizes: dict = {}
        for name, values in modes._asdict().items():
            sizes = check(f"modes.{name}", values, "n", sizes)
        self.rate, self.steps, self.optimizer = rate, steps, optimizer
        self.accumulated, self.done = accumulated, 0
        self.target = target.astype(dtype)
        self._count, self._lanes = len(modes.nu), lanes(len(modes.nu), dtype == "float32")
        self._kernel = descent_kernel(self._lanes, 2 if modes.is_complex else 1)
        packed = _packed(modes, self._lanes).astype(dtype)
        # parameters, moving averages of the gradients and of their squares, gradients
        self.state = np.stack([packed, *np.zeros((3, *packed.shape), dtype)])
        self._signs = np.ones(packed.shape[0] * self._lanes, dtype)
        if not modes.is_complex:
            self._signs[: self._count] = np.cos(modes.theta)
        self._run(0, np.empty(0))  # compiles

    def advance(self, updates: int) -> np.ndarray:
        """Make updates.

        Parameters
        ----------
        updates : int
            How many; those that are left if there are fewer.

        Returns
        -------
        numpy.ndarray, ``(updates,)``
            float64, the loss before each of them.
        """
        losses = np.empty(min(updates, self.steps - self.done))
        self._run(self.done, losses)
        self.done += len(losses)
        return losses

    @property
    def modes(self) -> ModeParameters:
        """The system as it is now."""
        numbers = np.moveaxis(self.state[0], 0, 2)  # (3, parts, blocks, lanes)
        numbers = numbers.reshape(*numbers.shape[:2], -1)[..., : self._count]
        if numbers.shape[1] == 1:
            b, c, nu = numbers[:, 0]
            return ModeParameters(b, c, nu, np.where(self._signs[: self._count] < 0, np.pi, 0.0))
        b, c = numbers[:2, 0] + 1j * numbers[:2, 1]
        return ModeParameters(b, c, *numbers[2])

    def _run(self, first: int, losses: np.ndarray) -> None:
        rates = _rates(self.optimizer, self.rate, self.steps, first, len(losses))
        arrays = [part.reshape(-1) for part in self.state]  # views
        constants = self._signs, self.target, rates.astype(self.target.dtype)
        self._kernel(*arrays, *constants, self.accumulated, losses)


def train(configuration: dict, checkpoint: Path | None = None) -> dict:
    """Make a run, or what is left of it.

    Parameters
    ----------
    configuration : dict
        Of :func:`ssm_companion.experiments.complex_real.configurations` or its complex counterpart.
    checkpoint : pathlib.Path, optional
        Where to keep what an interrupted run goes on from. It is written every 10 000 updates, and
        going on from it changes no bit of the result.

    Returns
    -------
    dict
        ``"initial"``, ``"last"`` and ``"best"`` loss before an update; at the end ``"largest_b"``
        and ``"largest_c"``, the largest modulus of an entry, and ``"sum_bc"``, the sum of the
        moduli of the products; ``"cpu_seconds"``; and ``"curve"``, lists ``"steps"`` and
        ``"loss"``: the loss after so many updates. Six digits each, None for what is not finite.

    Raises
    ------
    KeyboardInterrupt
        If it is interrupted.

    Examples
    --------
    >>> from ssm_companion.experiments.complex_complex import configurations
    >>> from ssm_companion.experiments.runner import Plan
    >>> first, *_ = configurations(Plan(steps=100), [])
    >>> train(first)["curve"]["steps"][-1]
    99
    """
    c = configuration
    run = Descent(
        start(c["modes"], r_min=c["r_min"], is_complex=c["is_complex"], seed=c["seed"]),
        target(c["target"], c["length"], c["seed"]),
        **{name: c[name] for name in ("rate", "steps", "optimizer", "accumulated", "dtype")},
    )
    at = _moments(c["steps"])
    curve, best, seconds = np.full(len(at), np.nan), np.inf, 0.0
    if checkpoint is not None and checkpoint.exists():
        with np.load(checkpoint) as saved:
            run.state[:], run.done = saved["state"], int(saved["done"])
            curve, best, seconds = saved["curve"], float(saved["best"]), float(saved["seconds"])
    while run.done < run.steps:
        first, began = run.done, time.process_time()
        losses = run.advance(CHUNK)
        seconds += time.process_time() - began
        best = np.fmin(best, np.fmin.reduce(losses))
        here = (first <= at) & (at < run.done)
        curve[here] = losses[at[here] - first]
        if checkpoint is not None:
            found = {"curve": curve, "best": best, "seconds": seconds}
            _save(checkpoint, state=run.state, done=run.done, **found)
    end = run.modes
    return {
        "initial": _digits(curve[0]),
        "last": _digits(curve[-1]),
        "best": _digits(best),
        "largest_b": _digits(np.abs(end.b).max()),
        "largest_c": _digits(np.abs(end.c).max()),
        "sum_bc": _digits(np.abs(end.b.astype(complex) * end.c).sum()),
        "cpu_seconds": round(seconds, 2),
        "curve": {"steps": at.tolist(), "loss": [_digits(loss) for loss in curve]},
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
    >>> run = {"target": "delay", "length": 32, "r_min": 0.99, "rate": 1e-5, "optimizer": "adam"}
    >>> run |= {"seed": 0, "accumulated": False}
    >>> line(run, {"best": 0.781, "sum_bc": 312.0, "cpu_seconds": 2.1})
    'delay of 32, from 0.99, rate 1e-05, adam, seed 0, cleared: loss 0.781, sum |b c| 312, 2.1 s'
    """
    c = configuration
    how = "accumulated" if c["accumulated"] else "cleared"
    return (
        f"{c['target']} of {c['length']}, from {c['r_min']:g}, rate {c['rate']:g}, "
        f"{c['optimizer']}, seed {c['seed']}, {how}: loss {results['best']:.3g}, "
        f"sum |b c| {results['sum_bc']:.3g}, {results['cpu_seconds']:.1f} s"
    )


def _packed(modes: ModeParameters, width: int) -> np.ndarray:
    """The parameters in blocks, ``(blocks, 3, parts, width)``.

    Modes that fill up the last block have b = c = 0. Their gradients are zero, and so they stay.
    """
    rows = [[modes.b], [modes.c], [modes.nu]]
    if modes.is_complex:
        rows = [[x.real, x.imag] for x in (modes.b, modes.c)] + [[modes.nu, modes.theta]]
    numbers = np.array(rows)
    missing = -numbers.shape[2] % width
    numbers = np.pad(numbers, [(0, 0), (0, 0), (0, missing)])
    return np.moveaxis(numbers.reshape(*numbers.shape[:2], -1, width), 2, 0)


def _rates(optimizer: str, rate: float, steps: int, first: int, count: int) -> np.ndarray:
    """What the kernel needs of each update, ``(count, 4)``; see there.

    Each rule reads x <- decay x - size mean / (scale sqrt(square) + floor).
    """
    done = np.arange(first, first + count)
    lr = rate * (1 + np.cos(np.pi * done / steps)) / 2
    bias, bias_of_square = (1 - beta ** (done + 1.0) for beta in BETAS)
    decay, size = np.ones(count), lr / bias
    scale, floor = 1 / np.sqrt(bias_of_square), np.full(count, FLOOR)
    if optimizer == "adamw":
        decay = 1 - lr * DECAY
    if optimizer == "radam":
        most = 2 / (1 - BETAS[1]) - 1
        rho = most - 2 * (done + 1) * (1 - bias_of_square) / bias_of_square
        settled = rho > 5
        r = np.where(settled, rho, most)
        rectified = np.sqrt((r - 4) * (r - 2) * most / ((most - 4) * (most - 2) * r))
        size = np.where(settled, size * rectified * np.sqrt(bias_of_square), size)
        scale, floor = settled.astype(float), np.where(settled, FLOOR, 1.0)
    return np.stack([decay, size, scale, floor], axis=1)


def _moments(steps: int) -> np.ndarray:
    """After how many updates a learning curve has its points."""
    return np.unique(np.geomspace(1, steps, min(POINTS, steps)).round().astype(int)) - 1


def _save(path: Path, **arrays) -> None:
    aside = path.with_name(path.name + ".part")
    with aside.open("wb") as file:
        np.savez(file, **arrays)
    os.replace(aside, path)


def _digits(value: float) -> float | None:
    """Six digits; None for what JSON cannot say."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
