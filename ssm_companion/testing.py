"""Checks that print what they found, for results claimed in the text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Verdict:
    """A claim that was checked case by case and held in each.

    Parameters
    ----------
    cases : int
        Number of cases.
    what : str
        What the cases are, in the plural.
    """

    cases: int
    what: str

    def __repr__(self) -> str:
        return f"holds in all {self.cases} {self.what}"


def holds(condition, *, what: str = "systems", of: int | None = None) -> Verdict:
    """Check that ``condition`` is true in every case, and say in how many.

    Parameters
    ----------
    condition : array_like or Tensor
        Boolean, of any shape, one entry a case.
    what : str, optional
        Names the cases.
    of : int, optional
        The number of cases there should be.

    Returns
    -------
    Verdict
        Prints as in the example. The book's ledger of results reads that line, so its wording is
        fixed.

    Raises
    ------
    AssertionError
        If a case fails or their number is not ``of``; with the number and the first indices of the
        failures.
    ValueError
        If there is no case to check, as in an empty array or a single True.
    TypeError
        If the entries are not Boolean.

    Examples
    --------
    >>> holds(np.arange(2000) >= 0)
    holds in all 2000 systems
    """
    cases = _as_cases(condition)
    if of is not None and cases.size != of:
        raise AssertionError(f"expected {of} {what}, got {cases.size}")
    failures = np.argwhere(~cases)
    if len(failures):
        first = ", ".join(_index(row) for row in failures[:5])
        raise AssertionError(f"fails in {len(failures)} of {cases.size} {what}, first at {first}")
    return Verdict(cases.size, what)


def _as_cases(condition) -> np.ndarray:
    if hasattr(condition, "detach"):
        condition = condition.detach().cpu()
    cases = np.asarray(condition)
    if cases.dtype != bool:
        raise TypeError(f"`condition` must be Boolean, got dtype {cases.dtype}")
    if cases.ndim == 0 or cases.size == 0:
        raise ValueError(
            f"`condition` must be an array with a Boolean for each case, got shape {cases.shape}: "
            "that checks nothing"
        )
    return cases


def _index(row: np.ndarray) -> str:
    return str(row[0]) if len(row) == 1 else str(tuple(int(i) for i in row))
