"""Which implementation runs, and why."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import logging
import re
import warnings
from types import ModuleType

import torch

from ssm_companion._shapes import check_choice

NAMES = ("reference", "chunked", "cpu", "gpu")
# what the kernels are written in, and since which version it has what they use
_PACKAGE = {"cpu": "numba", "gpu": "triton"}
_SINCE = {"numba": (0, 62), "triton": (3, 3)}
_DEVICE = {"cpu": ("cpu",), "gpu": ("cuda",)}
_log = logging.getLogger("ssm_companion")


def explain(device: str | torch.device = "cpu", backend: str = "auto") -> str:
    """Say which backend a scan would use on a device, and why.

    The same line goes to the logger ``ssm_companion``, at level DEBUG, whenever a scan picks its
    backend.

    Parameters
    ----------
    device : str or torch.device, optional
        The device of the inputs.
    backend : {"auto", "reference", "chunked", "cpu", "gpu"}, optional
        What would be asked for.

    Returns
    -------
    str
        One line: the backend, and the reason.

    Raises
    ------
    ValueError
        For an unknown backend, or for one that does not run on the device.
    ImportError
        For a backend whose package is not installed.

    Examples
    --------
    >>> explain("cpu", "chunked")
    'chunked: asked for; PyTorch operations, chunk by chunk'
    """
    return "{}: {}".format(*_choose(torch.device(device).type, backend))


@torch.compiler.assume_constant_result
def pick(device: torch.device, backend: str) -> str:
    """The name of the backend for tensors on `device`."""
    name, reason = _choose(device.type, backend)
    _log.debug("%s: %s", name, reason)
    return name


def kernels(name: str) -> ModuleType:
    """The module of a backend, loaded on first use."""
    return importlib.import_module(f"ssm_companion.kernels.{name}")


@functools.cache
def _choose(device: str, backend: str) -> tuple[str, str]:
    check_choice("backend", backend, ("auto", *NAMES))
    if backend == "auto":
        return _automatic(device)
    if device not in _DEVICE.get(backend, (device,)):
        wanted = " or ".join(_DEVICE[backend])
        raise ValueError(f"`backend` {backend!r} needs tensors on {wanted}, got {device}")
    package = _PACKAGE.get(backend)
    if package and (missing := _missing(package)):
        raise ImportError(f"`backend` {backend!r} needs {missing}")
    return backend, f"asked for; {_what(backend)}"


def _automatic(device: str) -> tuple[str, str]:
    fast = {"cpu": "cpu", "cuda": "gpu"}.get(device)
    if fast is None:
        return "chunked", f"no kernels for {device} tensors; {_what('chunked')}"
    missing = _missing(_PACKAGE[fast])
    if not missing:
        return fast, f"the fastest for {device} tensors; {_what(fast)}"
    warnings.warn(
        f"scans of {device} tensors run with backend='chunked', which is right but several times "
        f"slower; the fast kernels need {missing}",
        stacklevel=2,
    )
    return "chunked", f"the fast kernels need {missing}; {_what('chunked')}"


def _missing(package: str) -> str:
    """What to install, or nothing."""
    since = ".".join(map(str, _SINCE[package]))
    wanted = f"{package} >= {since}: pip install -U {package}"
    if importlib.util.find_spec(package) is None:
        return wanted
    found = importlib.metadata.version(package)
    numbers = tuple(int(part) for part in re.findall(r"\d+", found)[:2])
    return "" if numbers >= _SINCE[package] else f"{wanted} (found {found})"


def _what(backend: str) -> str:
    if backend == "reference":
        return "a plain loop over time"
    if backend == "chunked":
        return "PyTorch operations, chunk by chunk"
    package = _PACKAGE[backend]
    threads = f", {torch.get_num_threads()} threads" if backend == "cpu" else ""
    return f"{package} {importlib.metadata.version(package)} kernels{threads}"
