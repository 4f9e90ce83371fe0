"""What the library is required to reach, and whether it does."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from benchmarks.cases import FIRST, HALF_COMPLEX, SHORT, Case
from benchmarks.measure import CEILING
from benchmarks.results import Results

PSCAN, LOOP = "mambapy pscan", "sequential loop"
_FLAT = 2**20  # bytes that the memory of a stream may vary by


@dataclass(frozen=True)
class Target:
    """A requirement with what was measured; `is_met` is None where nothing was."""

    text: str
    measured: str
    is_met: bool | None


def targets(results: Results, table: tuple[Case, ...], sweep: tuple[Case, ...]) -> list[Target]:
    """All requirements."""
    both = FIRST.with_backward()
    return [
        _at_least(results, FIRST, "cpu", PSCAN, 15),
        _at_least(results, FIRST, "cpu", LOOP, 20),
        _share_of_ceiling(results, 0.4),
        _at_least(results, both, "cpu", PSCAN, 22),
        _at_least(results, FIRST, "chunked", LOOP, 2.5),
        _at_least(results, SHORT, "chunked", LOOP, 10),
        _complex_costs(results, 3),
        _linear(results, sweep, 0.15),
        _memory(results, table),
        _streams(results),
    ]


def _target(text: str, value: float | None, form: str, condition) -> Target:
    if value is None:
        return Target(text, "not measured", None)
    return Target(text, form.format(value), condition(value))


def _at_least(results: Results, case: Case, ours: str, peer: str, factor: float) -> Target:
    text = f"{case.name}: {ours} at least {factor:g} times as fast as {peer}"
    return _target(text, results.ratio(peer, ours, case), "{:.1f} times", lambda x: x >= factor)


def _share_of_ceiling(results: Results, share: float) -> Target:
    text = f"{FIRST.name}: cpu at least {share:.0%} of the {CEILING} ceiling"
    return _target(text, results.ratio(CEILING, "cpu", FIRST), "{:.0%}", lambda x: x >= share)


def _complex_costs(results: Results, factor: float) -> Target:
    """In units of the ceiling, which is the same for both but measured beside each."""
    costs = [results.ratio("cpu", CEILING, case) for case in (HALF_COMPLEX, FIRST)]
    ratio = None if None in costs else costs[0] / costs[1]
    text = f"cpu forward: complex at most {factor:g} times real, at the same count of real states"
    return _target(text, ratio, "{:.2f} times", lambda x: x <= factor)


def _linear(results: Results, sweep: tuple[Case, ...], tolerance: float) -> Target:
    """The time an element takes at the greatest length, against the median from 2**12 on."""
    found = [(case, results.seconds("cpu", case)) for case in sweep if case.L >= 2**12]
    text = f"cpu forward: time linear in L to {sweep[-1].L}, within {tolerance:.0%}"
    if None in (seconds for _, seconds in found):
        return Target(text, "not measured", None)
    each = [seconds / case.elements for case, seconds in found]
    deviation = each[-1] / median(each) - 1
    return _target(text, deviation, "{:+.0%}", lambda x: abs(x) <= tolerance)


def _memory(results: Results, table: tuple[Case, ...]) -> Target:
    """The worst case of the table, in units of what is allowed."""
    found = [(results.extra_bytes("cpu", case), case) for case in table]
    shares = [(extra / _allowed(case), case) for extra, case in found if extra is not None]
    text = "cpu: extra memory at most inputs + outputs + 4 B L D N / 32 bytes, in all cases"
    share, case = max(shares, key=lambda x: x[0], default=(None, None))
    return _target(text, share, f"{{:.0%}} of that, {case and case.name}", lambda x: x <= 1)


def _allowed(case: Case) -> float:
    """A complex case counts its real numbers; gradients are outputs as large as the inputs."""
    per_number = 8 if case.is_complex else 4
    row = 4 * case.B * case.L * case.D
    weights = per_number * case.N * (2 * case.B * case.L + case.D)
    inputs = 2 * row + weights
    return (2 if case.backward else 1) * inputs + row + 4 * case.elements / 32


def _streams(results: Results) -> Target:
    found = results.found.get("streaming", {"failed": ""})
    if "failed" in found or None in found["resident_bytes"]:
        return Target("selective_step: constant memory", "not measured", None)
    growth = max(found["resident_bytes"]) - found["resident_bytes"][0]
    text = f"selective_step: memory constant within 1 MiB over {found['steps']} steps"
    return _target(text, growth / 1024, "{:+.0f} KiB", lambda x: 1024 * x <= _FLAT)
