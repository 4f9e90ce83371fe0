"""Where runs are computed: processes of this machine, or a Ray cluster."""

from __future__ import annotations

import importlib
import importlib.util
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from ssm_companion._shapes import check_choice
from ssm_companion.experiments.records import surroundings

Outcome = tuple[dict, dict | Exception]


def compute(
    configurations: list[dict],
    checkpoints: list[Path],
    *,
    engine: str = "local",
    workers: int = 1,
    address: str | None = None,
) -> Iterator[Outcome]:
    """Compute runs, in any order.

    Parameters
    ----------
    configurations : list of dict
        One for each run. Its ``"experiment"`` names the module here whose function ``run`` makes
        the results of it.
    checkpoints : list of pathlib.Path
        For each run, where an interrupted one is kept.
    engine : {"local", "ray"}, optional
        Processes of this machine or tasks of Ray, each on one thread.
    workers : int, optional
        Number of processes, and of processors of a Ray that is started here.
    address : str, optional
        Address of a Ray cluster, whose machines need this package and, for the checkpoints, the
        folder of the file; a Ray is started on this machine if None.

    Yields
    ------
    configuration : dict
        Of a run that has ended.
    outcome : dict or Exception
        Its ``"results"``, ``"machine"`` and ``"versions"``, or why there are none.

    Raises
    ------
    ValueError
        For an unknown ``engine``.
    ModuleNotFoundError
        If Ray is asked for and not installed.

    Examples
    --------
    >>> list(compute([], []))
    []
    """
    check_choice("engine", engine, _ENGINES)
    yield from _ENGINES[engine](
        list(zip(configurations, checkpoints, strict=True)), workers, address
    )


def _run(configuration: dict, checkpoint: Path) -> dict:
    import torch

    torch.set_num_threads(1)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    experiment = importlib.import_module(f"ssm_companion.experiments.{configuration['experiment']}")
    return {"results": experiment.run(configuration, checkpoint), **surroundings()}


def _local(runs: list, workers: int, address: str | None) -> Iterator[Outcome]:
    spawn = multiprocessing.get_context("spawn")
    others = multiprocessing.active_children()
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_obey_parent)
    try:
        futures = {pool.submit(_run, *run): run[0] for run in runs}
        for future in as_completed(futures):
            yield futures[future], future.exception() or future.result()
    finally:
        # a process that is left has half a run to do, which its checkpoint keeps
        for process in set(multiprocessing.active_children()).difference(others):
            process.terminate()
        pool.shutdown(cancel_futures=True)


def _obey_parent() -> None:
    """Leave Ctrl-C to the parent, and end with it: else this would wait for work for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _ray(runs: list, workers: int, address: str | None) -> Iterator[Outcome]:
    if importlib.util.find_spec("ray") is None:
        raise ModuleNotFoundError(
            "`engine='ray'` needs Ray, which is not installed: pip install ray"
        )
    import ray

    own = {"num_cpus": workers} if address is None else {}
    ray.init(address=address, include_dashboard=False, log_to_driver=False, **own)
    try:
        task = ray.remote(num_cpus=1, max_retries=0)(_run)
        waiting = {task.remote(*run): run[0] for run in runs}
        while waiting:
            for done in ray.wait(list(waiting))[0]:
                yield waiting.pop(done), _result(ray, done)
    finally:
        ray.shutdown()


def _result(ray, done) -> dict | Exception:
    try:
        return ray.get(done)
    except ray.exceptions.RayError as error:
        return error


_ENGINES = {"local": _local, "ray": _ray}
