"""Run the benchmarks: `python -m benchmarks.scans --help`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tqdm import tqdm

from benchmarks import cases, machine, measure, peers, report
from benchmarks.cases import Case
from benchmarks.results import Results, probe_key, timing_key

TOO_SLOW = 5.0  # seconds, from which on a case is run once and longer ones are not tried
RESULTS = machine.ROOT / "results" / "benchmarks"


def main() -> None:
    options = _options()
    peers.find_installed()
    about = {
        "machine": machine.describe(options.threads),
        "command": " ".join(["python -m benchmarks.scans", *sys.argv[1:]]),
        "quick": options.quick,
    }
    suffix = "-quick" if options.quick else ""
    path = options.results / f"scans-{machine.short_name(about['machine'])}{suffix}.json"
    results = Results(path, about, options.resume)
    table, sweep = cases.TABLE, cases.SWEEP
    if options.quick:
        table, sweep = cases.QUICK_TABLE, cases.QUICK_SWEEP
    _measure(results, table, sweep, options)
    text = report.markdown(results, table, sweep)
    report.plots(results, sweep)
    path.with_suffix(".md").write_text(text)
    print(text)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scans", description=__doc__)
    add = parser.add_argument
    add("--threads", type=int, default=min(2, os.cpu_count()), help="PyTorch's threads")
    add("--budget", type=float, default=1.5, help="seconds of rounds for each number in the table")
    add("--quick", action="store_true", help="few cases, short rounds")
    add("--resume", action="store_true", help="keep what an interrupted run has measured")
    add("--results", type=Path, default=RESULTS, help="folder to write to")
    return parser.parse_args()


def _measure(results: Results, table, sweep, options: argparse.Namespace) -> None:
    threads = options.threads
    steps = 10_000 if options.quick else 100_000
    budget = options.budget / 3 if options.quick else options.budget
    todo = [(case, budget) for case in table]
    todo += [(x, budget / 5) for case in sweep for x in (case, case.with_backward())]
    with tqdm(total=len(todo) + 2, unit="case") as bar, tempfile.TemporaryDirectory() as folder:
        for case, seconds in todo:
            bar.set_description(case.name)
            _measure_case(results, case, sweep, Path(folder) / "exact.pt", threads, seconds)
            bar.update()
        for key, function, argument in (
            ("bandwidth", measure.bandwidth, threads),
            ("streaming", measure.streaming, steps),
        ):
            bar.set_description(key)
            results.measure(key, lambda f=function, x=argument: measure.isolated(f, x, timeout=300))
            bar.update()


def _measure_case(results: Results, case: Case, sweep, path: Path, threads: int, budget: float):
    """First each implementation by itself, then those that are right and fast enough in turns."""
    if timing_key(case) in results.found:
        return
    measure.isolated(measure.write_exact, case, path, threads, timeout=600)

    def probe(name):
        why_not = peers.why_not(name, case) or _too_slow_before(results, name, case, sweep)
        if why_not:
            raise measure.Failed(why_not)
        limit = measure.TIME_LIMIT
        return measure.isolated(measure.probe, name, case, path, threads, timeout=limit)

    for name in peers.PEERS:
        results.measure(probe_key(name, case), lambda name=name: probe(name))
    names = [name for name in peers.PEERS if (results.seconds(name, case) or 1e9) < TOO_SLOW]
    results.measure(
        timing_key(case),
        lambda: measure.isolated(measure.timings, case, names, threads, budget, timeout=600),
    )


def _too_slow_before(results: Results, name: str, case: Case, sweep) -> str | None:
    """What stopped an implementation at a shorter length."""
    lengths = [x.with_backward() if case.backward else x for x in sweep]
    if case not in lengths:
        return None
    for before in lengths[: lengths.index(case)]:
        if results.problem(name, before):
            return f"no result at L = {before.L}"
        if results.seconds(name, before) > TOO_SLOW:
            return f"{results.seconds(name, before):.0f} s at L = {before.L} already"
    return None


if __name__ == "__main__":
    main()
