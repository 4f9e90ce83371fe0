"""The tables and figures of a run."""

from __future__ import annotations

from math import nan

import matplotlib as mpl
import matplotlib.pyplot as plt

from benchmarks.cases import FIRST, Case
from benchmarks.measure import CEILING
from benchmarks.peers import OURS, PEERS
from benchmarks.results import TOLERANCE, Results
from benchmarks.targets import PSCAN, targets
from ssm_companion import plotting

_INTRODUCTION = """\
Times are the shortest and the median of several rounds in which all implementations take turns;
"×" is how many times as fast as {pscan} in the same rounds. The ceiling is the time that one
exponential and one multiply-add for each real number of the states take from cache on the same
threads. Memory is what the first run adds at its peak, results included, in a process of its own.
The error is the largest of y and all gradients against float64, relative to the largest entry;
from {tolerance:g} on a result counts as wrong and has no time.
"""


def markdown(results: Results, table: tuple[Case, ...], sweep: tuple[Case, ...]) -> str:
    """The whole report."""
    about = results.about
    machine = about["machine"]
    versions = ", ".join(f"{name} {x or 'missing'}" for name, x in machine["versions"].items())
    bandwidth = results.found.get("bandwidth")
    copies = f"{bandwidth / 1e9:.1f} GB/s" if isinstance(bandwidth, float) else "not measured"
    blocks = [
        f"# Scans on {machine['processor']}, {machine['threads']} of {machine['cores']} cores",
        f"{about['date']}, commit {machine['commit']}, `{about['command']}`\n\n"
        f"{machine['system']}, Python {machine['python']}, {versions}. Copying memory: {copies}.",
        _INTRODUCTION.format(pscan=PSCAN, tolerance=TOLERANCE).strip(),
        _requirements(results, table, sweep),
        *(_table(results, case) for case in table),
        *(_lengths(results, cases) for cases in (sweep, _backward(sweep))),
        _images(results),
    ]
    return "\n\n".join(blocks) + "\n"


def plots(results: Results, sweep: tuple[Case, ...]) -> None:
    """Time against length, and ratios, as SVG files beside the results."""
    plotting.use_style()
    _save(_length_figure(results, sweep), results, "length")
    _save(_ratio_figure(results), results, "ratio")


def _requirements(results: Results, table, sweep) -> str:
    words = {True: "met", False: "**not met**", None: "–"}
    rows = [(x.text, x.measured, words[x.is_met]) for x in targets(results, table, sweep)]
    return "## Requirements\n\n" + _grid(("requirement", "measured", ""), rows)


def _table(results: Results, case: Case) -> str:
    head = ("", "shortest, ms", "median, ms", "×", "of the ceiling", "memory, MB", "error")
    rows = [_row(results, name, case) for name in PEERS]
    ceiling = (CEILING, _ms(results.seconds(CEILING, case)), _ms(results.median(CEILING, case)))
    rows.append((*ceiling, *_blank(4)))
    return f"## {case.name}\n\n" + _grid(head, rows)


def _row(results: Results, name: str, case: Case) -> tuple:
    problem = results.problem(name, case)
    if problem:
        return name, problem, *_blank(5)
    extra = results.extra_bytes(name, case)
    return (
        name,
        _ms(results.seconds(name, case)) + ("" if len(results.times(name, case)) > 1 else " once"),
        _ms(results.median(name, case)),
        _form("{:.2f}", results.ratio(PSCAN, name, case)),
        _form("{:.1%}", results.ratio(CEILING, name, case)),
        _form("{:.1f}", None if extra is None else extra / 1e6),
        _form("{:.0e}", results.error(name, case)),
    )


def _lengths(results: Results, cases: tuple[Case, ...]) -> str:
    """Nanoseconds for each real number of the states."""
    first = cases[0]
    rows = []
    for name in (*PEERS, CEILING):
        times = [results.seconds(name, case) for case in cases]
        each = [
            _form("{:.2f}", None if x is None else 1e9 * x / case.elements)
            for x, case in zip(times, cases, strict=True)
        ]
        stops = next((case for x, case in zip(times, cases, strict=True) if x is None), None)
        rows.append((name, *each, "" if stops is None else results.problem(name, stops)))
    title = first.name.replace(str(first.L), "L")
    head = ("ns an element, L =", *(str(case.L) for case in cases), "why it stops")
    return f"## {title}\n\n" + _grid(head, rows)


def _images(results: Results) -> str:
    stem = results.path.stem
    return (
        f"![Time against the length of the sequence]({stem}-length.svg)\n\n"
        f"![Speed against mambapy's pscan]({stem}-ratio.svg)"
    )


def _length_figure(results: Results, sweep: tuple[Case, ...]) -> plt.Figure:
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True)
    for ax, cases, title in zip(
        axes, (sweep, _backward(sweep)), ("forward", "forward + backward"), strict=True
    ):
        for i, name in enumerate(PEERS):
            found = [(case.L, results.seconds(name, case)) for case in cases]
            found = [pair for pair in found if pair[1] is not None]
            if found:
                ax.loglog(*zip(*found, strict=True), label=name, **_line(i, name))
        ax.set(title=title, xlabel="length L")
        ax.set_xscale("log", base=2)
        ax.grid(True)
    axes[0].set_ylabel("seconds")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", fontsize=8)
    return figure


def _line(i: int, name: str) -> dict:
    style = {"linestyle": "-", "marker": "o"} if name in OURS else {"linestyle": "--"}
    return {"color": f"C{i % 5}", "markersize": 3, **style}


def _ratio_figure(results: Results) -> plt.Figure:
    figure, axes = plt.subplots(1, 2, figsize=(8, 2.8), sharey=True)
    for ax, case in zip(axes, (FIRST, FIRST.with_backward()), strict=True):
        ratios = [results.ratio(PSCAN, name, case) for name in PEERS]
        colours = [plotting.BLUE if name in OURS else plotting.MUTED for name in PEERS]
        bars = ax.barh(list(PEERS), [x or nan for x in ratios], color=colours)
        ax.bar_label(bars, [_form("{:.2g}", x) if x else "" for x in ratios], padding=3, fontsize=8)
        ax.set(title=case.name, xlabel="times as fast as mambapy pscan", xscale="log")
        ax.margins(x=0.2)
    axes[0].invert_yaxis()
    return figure


def _save(figure: plt.Figure, results: Results, what: str) -> None:
    path = results.path.with_name(f"{results.path.stem}-{what}.svg")
    with mpl.rc_context({"svg.hashsalt": what}):
        figure.savefig(path, facecolor=plotting.PAPER, metadata={"Date": None})
    plt.close(figure)


def _backward(cases: tuple[Case, ...]) -> tuple[Case, ...]:
    return tuple(case.with_backward() for case in cases)


def _grid(head: tuple, rows: list[tuple]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _blank(count: int) -> tuple:
    return ("",) * count


def _ms(seconds: float | None) -> str:
    return _form("{:.2f}", None if seconds is None else 1e3 * seconds)


def _form(form: str, value: float | None) -> str:
    return "–" if value is None else form.format(value)
