"""Finished measurements, kept in a JSON file from one run to the next."""

from __future__ import annotations

import json
import time
from pathlib import Path
from statistics import median

from benchmarks.cases import Case
from benchmarks.measure import CEILING, Failed

TOLERANCE = 1e-4  # largest error of a right result in float32, see cases.error


class Results:
    """Measurements by name: a value, or {"failed": why}."""

    def __init__(self, path: Path, about: dict, resume: bool):
        self.path, self.about, self.found = path, about, {}
        if resume and path.exists():
            stored = json.loads(path.read_text())
            if stored["machine"] != about["machine"]:
                raise SystemExit(f"{path} is of another machine or code: run without --resume")
            self.found = stored["measurements"]

    def measure(self, key: str, function) -> None:
        """Call the function and keep its value, unless there is one."""
        if key in self.found:
            return
        try:
            self.found[key] = function()
        except Failed as failure:
            self.found[key] = {"failed": str(failure)}
        self.save()

    def save(self) -> None:
        self.about["date"] = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**self.about, "measurements": self.found}, indent=1)
        self.path.write_text(text + "\n")

    def problem(self, name: str, case: Case) -> str | None:
        """Why an implementation has no time in a case, or None."""
        probe = self.found.get(probe_key(name, case), {"failed": "not measured"})
        if "failed" in probe:
            return probe["failed"]
        if not probe["error"] < TOLERANCE:
            return f"wrong: error {probe['error']:.0e}"
        return None

    def times(self, name: str, case: Case) -> list[float]:
        """All rounds, the one of the probe if there are no others, or none if it is wrong."""
        if name != CEILING and self.problem(name, case):
            return []
        rounds = self.found.get(timing_key(case), {})
        if name in rounds:
            return rounds[name]
        return [] if name == CEILING else [self.found[probe_key(name, case)]["seconds"]]

    def seconds(self, name: str, case: Case) -> float | None:
        """The shortest time: what the others wait for is not the code's."""
        return min(self.times(name, case), default=None)

    def median(self, name: str, case: Case) -> float | None:
        times = self.times(name, case)
        return median(times) if times else None

    def ratio(self, slow: str, fast: str, case: Case) -> float | None:
        """How many times as long the first takes, if both took turns."""
        rounds = self.found.get(timing_key(case), {})
        if slow not in rounds or fast not in rounds:
            return None
        return min(rounds[slow]) / min(rounds[fast])

    def extra_bytes(self, name: str, case: Case) -> int | None:
        return self.found.get(probe_key(name, case), {}).get("extra_bytes")

    def error(self, name: str, case: Case) -> float | None:
        return self.found.get(probe_key(name, case), {}).get("error")


def probe_key(name: str, case: Case) -> str:
    return f"{name}: {case.name}"


def timing_key(case: Case) -> str:
    return f"rounds: {case.name}"
