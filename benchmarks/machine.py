"""What the machine can do at best, and what it is."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from importlib import metadata
from pathlib import Path

import numpy as np
import torch
from numba import njit

from ssm_companion.kernels.cpu import functions as f
from ssm_companion.kernels.cpu import threads
from ssm_companion.kernels.cpu.simd import load, store

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("torch", "numba", "llvmlite", "numpy", "mambapy", "accelerated-scan", "torchlpc")
LANES, ROWS = 64, 64  # a tile of 16 KiB in float32, as the library's kernels use


@njit(nogil=True, cache=True, boundscheck=False)
def _exp_fma_tiles(first, stop, tile):
    """Of tiles `first` to `stop`: load, exponential, multiply and add, store, and nothing else."""
    out = np.empty_like(tile)
    for _ in range(first, stop):
        for t in range(ROWS):
            x = load(tile, t * LANES, LANES)
            store(out, t * LANES, f.expm1(x, x) * x + x)
    return out[0]


def exp_fma(elements: int) -> None:
    """One exponential and one multiply-add for each element, from cache, on PyTorch's threads.

    The exponential and the threads are those of the library's "cpu" backend, so this is the time
    that the backend would take if nothing but its exponentials and its recurrence cost any.
    """
    tile = np.linspace(-2, 0, LANES * ROWS, dtype=np.float32)
    threads.run(_exp_fma_tiles, -(-elements // tile.size), tile)


def copy_bandwidth(megabytes: int = 256, rounds: int = 9) -> float:
    """Bytes read and written a second by a copy that is larger than the caches."""
    source = torch.zeros(megabytes * 2**18)
    target = torch.empty_like(source)
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        target.copy_(source)
        times.append(time.perf_counter() - start)
    return 2 * source.nbytes / min(times)


def describe(thread_count: int) -> dict:
    """Processor, memory, versions and commit."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": thread_count,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "commit": _commit(),
    }


def short_name(machine: dict) -> str:
    """The machine as part of a file name."""
    words = re.sub(r"\(\w+\)|@.*|processor|cpu", "", machine["processor"].lower())
    return "-".join(re.findall(r"[a-z0-9.]+", words) + [f"{machine['cores']}-cores"])


def _processor() -> str:
    """The name and the model: hypervisors give the same name to different generations."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except FileNotFoundError:
        return platform.processor() or platform.machine()
    found = dict(re.findall(r"^(model name|cpu family|model)\s*: (.*)$", text, re.MULTILINE))
    if "model name" not in found:
        return platform.machine()
    return f"{found['model name']} family {found['cpu family']} model {found['model']}"


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit, and whether the code that is measured differs from it."""
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        changes = _git("status", "--porcelain", "--", "ssm_companion", "benchmarks")
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None
    return f"{commit} with changes" if changes else commit


def _git(*command: str) -> str:
    done = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
