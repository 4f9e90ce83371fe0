"""Jobs on PyTorch's own threads.

PyTorch's operators run on a team of OpenMP threads that spin for some milliseconds after each
operator, to be there for the next. Another pool would fight with them for the cores; so the kernels
ask the same OpenMP library for the same team.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

# More shares than threads, so that a thread that is held up does not hold up the others.
_SHARES = 4
_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def run(kernel, jobs: int, *args) -> None:
    """Call `kernel(first, stop, *args)` for shares of the jobs; it must release the GIL.

    Which thread takes which share is of no consequence to the result, as no two jobs write to one
    place.
    """
    threads = min(torch.get_num_threads(), jobs)
    if threads == 1:
        kernel(0, jobs, *args)
        return
    shares = min(jobs, threads * _SHARES)
    cuts = [jobs * i // shares for i in range(shares + 1)]
    counter, failures = itertools.count(), []

    def work(_=None) -> None:
        try:
            while (share := next(counter)) < shares:
                kernel(cuts[share], cuts[share + 1], *args)
        except BaseException as failure:  # goes on in the thread that called
            failures.append(failure)

    team = _openmp()
    if team is not None:
        team(_CALLBACK(work), None, threads, 0)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(threads)))
    if failures:
        raise failures[0]


@functools.cache
def _openmp():
    """`GOMP_parallel(function, data, threads, flags)` of the library that PyTorch has loaded."""
    if _is_forked:
        return None
    for path in sorted((Path(torch.__file__).parent / "lib").glob("libgomp*.so*")):
        parallel = ctypes.CDLL(str(path)).GOMP_parallel
        parallel.argtypes = [_CALLBACK, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
        parallel.restype = None
        return parallel
    return None


_is_forked = False


def _after_fork() -> None:
    """A forked child has the team but not its threads, and would wait for them forever."""
    global _is_forked
    _is_forked = True
    _openmp.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
