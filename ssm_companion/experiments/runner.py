"""Compute the runs of an experiment that are not in its file yet."""

from __future__ import annotations

import contextlib
import datetime
import importlib
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from ssm_companion._shapes import check_choice, check_positive_int
from ssm_companion.experiments import engines, records

NAMES = ("forecasting", "language", "cost", "twins", "plain", "complex_real", "complex_complex")


@dataclass(frozen=True)
class Plan:
    """Which runs of an experiment are wanted.

    Parameters
    ----------
    seeds : int, optional
        Seeds 0, 1, ... for each model.
    only : tuple of str, optional
        Models; all if empty.
    steps : int, optional
        Updates of a training; those of the experiment if None.
    """

    seeds: int = 5
    only: tuple[str, ...] = ()
    steps: int | None = None

    def models(self, known: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the known models that are wanted.

        Parameters
        ----------
        known : tuple of str
            The models of an experiment.

        Returns
        -------
        tuple of str
            In the order of ``known``.

        Raises
        ------
        ValueError
            If one that is wanted is not known.

        Examples
        --------
        >>> Plan(only=("gru",)).models(("lstm", "gru"))
        ('gru',)
        """
        for name in self.only:
            check_choice("only", name, known)
        return tuple(name for name in known if name in self.only or not self.only)


def run(
    name: str,
    out: Path,
    plan: Plan | None = None,
    *,
    engine: str = "local",
    workers: int = 1,
    address: str | None = None,
    command: str = "",
) -> list[dict]:
    """Compute the runs that are missing, and add each to the file as it ends.

    An interruption loses no run that has ended, and of the others what came after their last
    checkpoint; the same call goes on from there.

    Parameters
    ----------
    name : str
        The experiment, one of ``NAMES``.
    out : pathlib.Path
        The file. Checkpoints are kept beside it, in a folder that ends in ``.scratch``.
    plan : Plan, optional
        Which runs are wanted.
    engine, workers, address
        As for :func:`~ssm_companion.experiments.engines.compute`.
    command : str, optional
        What to record as the command that was given.

    Returns
    -------
    list of dict
        The configurations of the runs that failed.

    Raises
    ------
    ValueError
        For an unknown ``name`` or model, or ``workers`` below 1.
    ModuleNotFoundError
        If Ray is asked for and not installed.

    Examples
    --------
    >>> run("languages", Path("runs.jsonl"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: `name` must be one of ..., got 'languages'; did you mean 'language'?
    """
    check_choice("name", name, NAMES)
    check_positive_int("workers", workers)
    plan = plan or Plan()
    experiment = importlib.import_module(f"ssm_companion.experiments.{name}")
    scratch = out.resolve().with_suffix(".scratch")  # absolute, for processes elsewhere
    failed: dict[str, dict] = {}
    # an experiment plans some runs only when it has seen others
    _clean(scratch, records.read(out))
    while todo := _missing(experiment.configurations(plan, records.read(out)), out, failed):
        keys = [records.key(configuration) for configuration in todo]
        where = {key: scratch / f"{key}.pt" for key in keys}
        progress = _Progress(len(todo))
        found = engines.compute(
            todo, list(where.values()), engine=engine, workers=workers, address=address
        )
        with contextlib.closing(found):
            for configuration, outcome in found:
                key = records.key(configuration)
                if isinstance(outcome, Exception):
                    failed[key] = configuration
                    progress.end(f"failed: {configuration}: {outcome!r}")
                    continue
                today = datetime.date.today().isoformat()
                about = {"command": command, "date": today}
                records.append(out, {"configuration": configuration, **outcome, **about})
                progress.end(experiment.line(configuration, outcome["results"]))
        _clean(scratch, records.read(out))
    return list(failed.values())


def _missing(wanted: list[dict], out: Path, failed: dict) -> list[dict]:
    done = {records.key(record["configuration"]) for record in records.read(out)} | failed.keys()
    return [configuration for configuration in wanted if records.key(configuration) not in done]


def _clean(scratch: Path, finished: list[dict]) -> None:
    """Delete the checkpoints of finished runs, those too that a kill left behind."""
    for record in finished:
        (scratch / f"{records.key(record['configuration'])}.pt").unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not there, or holds what failed runs left
        scratch.rmdir()


class _Progress:
    """A line for each run that has ended, and a bar on a terminal."""

    def __init__(self, runs: int):
        self.bar = tqdm(total=runs, disable=None, unit="run", leave=False)
        self.runs, self.ended, self.began = runs, 0, time.monotonic()

    def end(self, line: str) -> None:
        self.ended += 1
        left = self.runs - self.ended
        seconds = round((time.monotonic() - self.began) / self.ended * left)
        after = f"{left} to go, about {datetime.timedelta(seconds=seconds)}" if left else "done"
        tqdm.write(f"[{self.ended}/{self.runs}] {line}; {after}", file=sys.stdout)
        sys.stdout.flush()
        self.bar.update()
        if not left:
            self.bar.close()
