"""Progress of a long loop: one line in a notebook, a bar on a terminal, or nothing."""

from __future__ import annotations

import sys
import time

_UPDATES_PER_SECOND = 4


class Silent:
    """Shows nothing."""

    def update(self, step: int, loss: float) -> None:
        pass

    def close(self, summary: str) -> None:
        pass


class Terminal:
    """A tqdm bar; nothing if stderr is not a terminal."""

    def __init__(self, steps: int, start: int):
        from tqdm import tqdm

        self._bar = tqdm(total=steps, initial=start, disable=None)

    def update(self, step: int, loss: float) -> None:
        self._bar.set_postfix_str(f"loss {loss:.3g}", refresh=False)
        self._bar.update(step - self._bar.n)

    def close(self, summary: str) -> None:
        self._bar.close()


class Notebook:
    """One display that is updated in place and ends as the summary.

    Only the summary is left in the notebook, and it holds no timing, so that running the
    notebook again gives the same output.
    """

    def __init__(self, steps: int):
        from IPython.display import display

        self._steps = steps
        self._due = 0.0
        self._handle = display(self._text(f"fitting in {steps} steps"), raw=True, display_id=True)

    def update(self, step: int, loss: float) -> None:
        now = time.monotonic()
        if now >= self._due:
            self._due = now + 1 / _UPDATES_PER_SECOND
            line = f"step {step} of {self._steps}: loss {loss:.3g}"
            self._handle.update(self._text(line), raw=True)

    def close(self, summary: str) -> None:
        self._handle.update(self._text(summary), raw=True)

    @staticmethod
    def _text(line: str) -> dict:
        return {"text/plain": line}


def progress(enabled: bool, steps: int, start: int = 0) -> Silent | Terminal | Notebook:
    """The display that suits where the code runs; `start` steps are already done."""
    if not enabled:
        return Silent()
    return Notebook(steps) if _in_kernel() else Terminal(steps, start)


def _in_kernel() -> bool:
    """Whether this runs in an IPython kernel; never imports IPython to find out."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
