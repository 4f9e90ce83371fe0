"""An update of a descent on modes, against PyTorch and the machine: `python -m benchmarks.modes`.

The fast descent, PyTorch's loop over time and the ceiling take turns on one thread, so that what
disturbs the machine disturbs all of them. The ceiling is a kernel of the library's own vectors that
does the same number of multiply-adds, eigenvalues and parameter updates from registers, and nothing
else. Sums that no product goes into are left out of it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from numba import njit

from benchmarks import machine
from benchmarks.scans import RESULTS
from ssm_companion.experiments.descent import Descent
from ssm_companion.experiments.modes import start, target
from ssm_companion.experiments.time_loop import descend
from ssm_companion.kernels.cpu.modes import eigenvalue_at, updated
from ssm_companion.kernels.cpu.simd import load, store

CASES = ((False, 1024, 32), *((True, t, t) for t in (32, 64, 128, 256)))  # is_complex, modes, t
UPDATES, LOOP_UPDATES = 1000, 10  # of a round
LANES = 64
OURS, LOOP, CEILING = "descent", "PyTorch's loop over time", "ceiling"


@njit(nogil=True, cache=True, boundscheck=False)
def _ceiling(x, multiply_adds, eigenvalues, parameters):
    """So many vectors of each, in three chains that hide each other's latency."""
    a, b, c = load(x, 0, LANES), load(x, LANES, LANES), load(x, 2 * LANES, LANES)
    p, q, r = a, b, c
    for _ in range(multiply_adds // 3):
        p, q, r = p * a + b, q * b + c, r * c + a
    for _ in range(eigenvalues // 3):
        p, q, r = eigenvalue_at(p, a), eigenvalue_at(q, b), eigenvalue_at(r, c)
    for _ in range(parameters // 3):
        p = updated(p, a, b, c, 1.0, 0.5, 1.0, 1.0)[0]
        q = updated(q, b, c, a, 1.0, 0.5, 1.0, 1.0)[0]
        r = updated(r, c, a, b, 1.0, 0.5, 1.0, 1.0)[0]
    store(x, 3 * LANES, p + q + r)


def multiply_adds(is_complex: bool, modes: int, length: int) -> int:
    """Of an update: a power of each eigenvalue for each step, and Horner's scheme twice."""
    return 3 * modes * length * (4 if is_complex else 1)


def measured(is_complex: bool, modes: int, length: int, rounds: int) -> dict[str, list[float]]:
    """Seconds an update takes, in each round."""
    system = start(modes, r_min=0.99, is_complex=is_complex, seed=0)
    wanted, options = target("random", length), {"rate": 1e-5, "steps": 10**9}
    descent, parts = Descent(system, wanted, **options), 2 if is_complex else 1
    x = np.linspace(0.2, 0.8, 4 * LANES, dtype=np.float32)
    numbers = modes * UPDATES
    work = multiply_adds(is_complex, modes, length) * UPDATES, numbers * parts, 3 * numbers * parts
    runs = {
        OURS: (lambda: descent.advance(UPDATES), UPDATES),
        LOOP: (lambda: descend(system, wanted, **options, updates=LOOP_UPDATES), LOOP_UPDATES),
        CEILING: (lambda: _ceiling(x, *(amount // LANES for amount in work)), UPDATES),
    }
    times = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, (run, updates) in runs.items():
            began = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - began) / updates)
    return {name: values[1:] for name, values in times.items()}  # the first round compiles


def markdown(about: dict, found: list[dict]) -> str:
    """The table of a run."""
    names = "modes", "steps", OURS, "median", LOOP, "median", "times as fast", "of the ceiling"
    rows = [names, ("---",) * len(names)]
    for case in found:
        ours, loop, ceiling = (case["seconds"][name] for name in (OURS, LOOP, CEILING))
        shown = [f"{1e6 * f(x):.2f}" for x in (ours, loop) for f in (min, median)]
        kind = "complex" if case["is_complex"] else "real"
        ratios = f"{min(loop) / min(ours):.0f}", f"{min(ceiling) / min(ours):.0%}"
        rows.append((f"{case['modes']} {kind}", str(case["length"]), *shown, *ratios))
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    where = about["machine"]
    return (
        f"# A descent on modes, on one core of {where['processor']}\n\n"
        f"{about['date']}, commit {where['commit']}, `{about['command']}`\n\n"
        f"Microseconds an update of all parameters takes in float32, by Adam: the shortest and the "
        f"median of {about['rounds']} rounds in which both and the ceiling take turns. The ceiling "
        f"is the time that as many multiply-adds, eigenvalues and updates of parameters take from "
        f"registers.\n\n{table}\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.modes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="of each case")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    options = parser.parse_args()
    torch.set_num_threads(1)
    about = {
        "machine": machine.describe(1),
        "command": " ".join(["python -m benchmarks.modes", *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "rounds": options.rounds,
    }
    found = [
        {"is_complex": is_complex, "modes": modes, "length": length}
        | {"seconds": measured(is_complex, modes, length, options.rounds)}
        for is_complex, modes, length in CASES
    ]
    options.results.mkdir(parents=True, exist_ok=True)
    path = options.results / f"modes-{machine.short_name(about['machine'])}.json"
    path.write_text(json.dumps({**about, "measurements": found}, indent=1) + "\n")
    text = markdown(about, found)
    path.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
