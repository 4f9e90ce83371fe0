"""Finished runs, one line of JSON each, in a file that a kill cannot break."""

from __future__ import annotations

import json
import os
import platform
import re
import sysconfig
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import ssm_companion


def key(configuration: dict) -> str:
    """What tells runs apart.

    Parameters
    ----------
    configuration : dict
        All that decides the outcome of a run.

    Returns
    -------
    str
        The same for equal configurations, whatever the order of their entries.

    Examples
    --------
    >>> key({"model": "gru", "seed": 0}) == key({"seed": 0, "model": "gru"})
    True
    """
    text = json.dumps(configuration, sort_keys=True, allow_nan=False)
    return sha256(text.encode()).hexdigest()[:16]


def read(path: Path) -> list[dict]:
    """The finished runs in a file.

    Parameters
    ----------
    path : pathlib.Path
        The file; it need not exist.

    Returns
    -------
    list of dict
        One record for each run. A last line that was not written to its end is left out.

    Raises
    ------
    ValueError
        For any other line that is not JSON; it names the line.

    Examples
    --------
    >>> read(Path("no such file"))
    []
    """
    if not path.exists():
        return []
    whole = path.read_bytes()
    lines = whole[: whole.rfind(b"\n") + 1].splitlines()
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(json.loads(line))
        except ValueError as error:
            raise ValueError(f"line {number} of {path} must be JSON, got {line[:40]!r}") from error
    return records


def recorded(name: str) -> list[dict]:
    """The finished runs of an experiment that come with the book.

    Parameters
    ----------
    name : str
        Of the file in the folder ``results``, without its ending.

    Returns
    -------
    list of dict
        One record for each run.

    Raises
    ------
    FileNotFoundError
        If there is no such file, in a checkout or among what was installed.

    Examples
    --------
    >>> len({run["configuration"]["model"] for run in recorded("forecasting")})
    12
    """
    checkout = Path(ssm_companion.__file__).parents[1]
    installed = Path(sysconfig.get_path("data"), "share", "ssm_companion")
    places = [folder / "results" / f"{name}.jsonl" for folder in (checkout, installed)]
    for path in places:
        if path.exists():
            return read(path)
    raise FileNotFoundError(f"no runs called {name!r} in {places[0].parent} or {places[1].parent}")


def append(path: Path, record: dict) -> None:
    """Add a finished run.

    Parameters
    ----------
    path : pathlib.Path
        The file, made if need be. A last line that was not written to its end is cut off first.
    record : dict
        The run.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "runs.jsonl")
    ...     append(path, {"bits": 2.1})
    ...     _ = path.write_text(path.read_text() + '{"bits": 1.')
    ...     append(path, {"bits": 1.9})
    ...     read(path)
    [{'bits': 2.1}, {'bits': 1.9}]
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(record, allow_nan=False).encode() + b"\n"
    with path.open("a+b") as file:
        file.seek(0)
        whole = file.read()
        file.truncate(whole.rfind(b"\n") + 1)
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def surroundings() -> dict:
    """Where a run took place.

    Returns
    -------
    dict
        ``"machine"`` and ``"versions"``.

    Examples
    --------
    >>> sorted(surroundings())
    ['machine', 'versions']
    """
    packages = {name: _version(name) for name in ("torch", "numpy", "numba", "statsmodels")}
    own = {"python": platform.python_version(), "ssm_companion": ssm_companion.__version__}
    machine = {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    return {"machine": machine, "versions": own | packages}


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except FileNotFoundError:
        text = ""
    found = dict(re.findall(r"^(model name|cpu family|model)\s*: (.*)$", text, re.MULTILINE))
    if "model name" not in found:
        return platform.processor() or platform.machine()
    # hypervisors give the same name to different generations
    return f"{found['model name']} family {found['cpu family']} model {found['model']}"


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
