"""Jobs on the threads that PyTorch would use."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import torch

# More shares than threads, so that a thread that is held up does not hold up the others.
_SHARES = 4
_pool: ThreadPoolExecutor | None = None


def run(kernel, jobs: int, *args) -> None:
    """Call `kernel(first, stop, *args)` for shares of the jobs; it must release the GIL.

    Which thread takes which share is of no consequence to the result, as no two jobs write to one
    place.
    """
    threads = min(torch.get_num_threads(), jobs)
    if threads <= 1:
        kernel(0, jobs, *args)
        return
    shares = min(jobs, threads * _SHARES)
    cuts = [jobs * i // shares for i in range(shares + 1)]
    pool = _threads(threads)
    futures = [
        pool.submit(kernel, first, stop, *args) for first, stop in zip(cuts, cuts[1:], strict=False)
    ]
    for future in futures:
        future.result()


def _threads(count: int) -> ThreadPoolExecutor:
    global _pool
    if _pool is None or _pool._max_workers != count:
        _pool = ThreadPoolExecutor(count, thread_name_prefix="ssm_companion")
    return _pool


def _forget() -> None:
    """A forked child has the pool but not its threads."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
