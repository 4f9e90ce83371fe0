"""Measurements, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import re
import time
from pathlib import Path

import torch

from benchmarks import machine
from benchmarks.cases import Case, error, evaluated, exact, inputs, weights
from benchmarks.peers import PEERS, find_installed
from ssm_companion import selective_step

CEILING = "exp + FMA"
MEMORY_LIMIT = 8 * 2**30
TIME_LIMIT = 30  # seconds until a process is ended
MOST_ROUNDS = 40
_SMALL = {"B": 1, "L": 32, "D": 64, "N": 16}


class Failed(Exception):
    """A measurement that came to nothing; says why."""


def isolated(function, *args, timeout: float):
    """The value of a function, called in a new process."""
    # a server that has imported everything and computed nothing makes a process in no time
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    context.set_forkserver_preload(["benchmarks.measure"])
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(sender, function, args))
    process.start()
    sender.close()
    try:
        if not receiver.poll(timeout):
            raise Failed(f"more than {timeout:.0f} s")
        value = receiver.recv()
    except EOFError:
        process.join()
        raise Failed(f"the process ended with code {process.exitcode}") from None
    finally:
        process.kill()
        process.join()
    if isinstance(value, Failed):
        raise value
    return value


def _send(sender, function, args) -> None:
    try:
        value = function(*args)
    except Exception as failure:
        out_of_memory = isinstance(failure, MemoryError) or "allocate memory" in str(failure)
        first_line = f"{type(failure).__name__}: {failure}".splitlines()[0]
        value = Failed(f"more than {MEMORY_LIMIT >> 30} GiB" if out_of_memory else first_line)
    sender.send(value)


def write_exact(case: Case, path: Path, threads: int) -> None:
    """The result to compare with, to a file."""
    torch.set_num_threads(threads)
    torch.save(exact(case), path)


def probe(name: str, case: Case, path: Path, threads: int) -> dict:
    """The first run of a case: its time, the memory it adds at its peak, and its error."""
    torch.set_num_threads(threads)
    find_installed()
    run = PEERS[name].run
    small = Case(**_SMALL, is_complex=case.is_complex, backward=case.backward)
    evaluated(run, small, inputs(small), weights(small))  # compiles
    _limit_memory()
    tensors, dy = inputs(case), weights(case)
    before = _reset_peak()
    start = time.perf_counter()
    found = evaluated(run, case, tensors, dy)
    seconds = time.perf_counter() - start
    extra = None if before is None else _status("VmHWM") - before
    worst = error(found, torch.load(path, mmap=True)[: len(found)])
    return {"seconds": seconds, "extra_bytes": extra, "error": worst}


def timings(case: Case, names: list[str], threads: int, budget: float) -> dict[str, list[float]]:
    """Seconds of all rounds of each implementation and of the ceiling; they take turns."""
    torch.set_num_threads(threads)
    find_installed()
    tensors, dy = inputs(case), weights(case)

    def runner(name):
        return lambda: evaluated(PEERS[name].run, case, tensors, dy)

    runs = {CEILING: lambda: machine.exp_fma(case.elements), **{x: runner(x) for x in names}}
    for run in runs.values():
        run()
    times = {name: [] for name in runs}
    while waiting := [name for name, x in times.items() if _needs_more(x, budget)]:
        for name in waiting:
            start = time.perf_counter()
            runs[name]()
            times[name].append(time.perf_counter() - start)
    return times


def _needs_more(times: list[float], budget: float) -> bool:
    return len(times) < 2 or (sum(times) < budget and len(times) < MOST_ROUNDS)


def bandwidth(threads: int) -> float:
    torch.set_num_threads(threads)
    return machine.copy_bandwidth()


def streaming(steps: int, channels: int = 64, modes: int = 16) -> dict:
    """Memory along a stream, one step at a time, and the time a step takes."""
    torch.set_num_threads(1)
    state = torch.zeros(1, channels, modes)
    A = -torch.arange(1.0, modes + 1).repeat(channels, 1)
    u, delta = torch.randn(1, channels), torch.full((1, channels), 0.01)
    B, C = torch.randn(1, modes), torch.randn(1, modes)
    resident, every = [], steps // 10
    start = time.perf_counter()
    with torch.no_grad():
        for t in range(steps):
            _, state = selective_step(state, u, delta, A, B, C)
            if t % every == every - 1:
                resident.append(_status("VmRSS"))
    seconds = (time.perf_counter() - start) / steps
    return {"steps": steps, "seconds": seconds, "resident_bytes": resident}


def _limit_memory() -> None:
    """From here on, let allocations beyond the limit fail, where the system can do that."""
    size = _status("VmData")
    if size is not None:
        import resource

        limit = size + MEMORY_LIMIT
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _reset_peak() -> int | None:
    """Forget the peak that importing and compiling left; the memory in use now."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return _status("VmRSS")


def _status(field: str) -> int | None:
    """A number of bytes that Linux knows about this process; None on other systems."""
    try:
        text = Path("/proc/self/status").read_text()
    except FileNotFoundError:
        return None
    return 1024 * int(re.search(rf"^{field}:\s*(\d+) kB", text, re.MULTILINE).group(1))
