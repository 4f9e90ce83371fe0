"""``python -m ssm_companion.experiments NAME``: compute the runs that are not recorded yet."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from ssm_companion.experiments import runner


def main(arguments: list[str] | None = None) -> int:
    """Compute the runs of an experiment from the command line.

    Parameters
    ----------
    arguments : list of str, optional
        The arguments; those of the process if None.

    Returns
    -------
    int
        0 if all runs are in the file, 1 if some failed, 2 for wrong arguments, 130 if it was
        stopped.

    Examples
    --------
    >>> main(["language", "--only", "gru", "--seeds", "0"])
    2
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    given = _parser().parse_args(arguments)
    if given.name == "cost" and given.workers > 1:
        print(
            "`workers` must be 1 for cost, where runs must not disturb each other", file=sys.stderr
        )
        return 2
    out = given.out or Path("results", f"{given.name}.jsonl")
    try:
        failed = runner.run(
            given.name,
            out,
            runner.Plan(given.seeds, tuple(given.only), given.steps),
            engine=given.engine,
            workers=given.workers,
            address=given.address,
            command=" ".join(["python -m ssm_companion.experiments", *arguments]),
        )
    except (ValueError, ModuleNotFoundError, ConnectionError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on. Finished runs are in {out}.", file=sys.stderr)
        return 130
    print(f"{len(failed)} runs failed" if failed else f"all runs are in {out}", file=sys.stderr)
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ssm_companion.experiments",
        description="Compute the runs of an experiment that are not in its file yet. Stop it at "
        "any time; the same command goes on where it was.",
    )
    add = parser.add_argument
    add("name", choices=runner.NAMES, help="the experiment")
    add("--workers", type=int, default=1, help="processes, each on one thread (default: 1)")
    add("--engine", choices=("local", "ray"), default="local", help="where to compute")
    add("--address", help="of a Ray cluster; without it Ray is started on this machine")
    add("--seeds", type=int, default=5, help="seeds for each model (default: 5)")
    add("--only", nargs="+", default=[], metavar="MODEL", help="these models, or targets, alone")
    add("--steps", type=int, help="updates of each training, for a trial")
    add("--out", type=Path, help="the file (default: results/NAME.jsonl)")
    return parser


if __name__ == "__main__":
    # being told to end is as good a reason to stop in order as Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
