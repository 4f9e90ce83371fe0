r"""Prefix scans as schedules: which places are combined when, and what that costs.

These are for reading and counting. :func:`ssm_companion.linear_scan` is for computing.

Every step :math:`h \mapsto a h + b` is an affine map, and two of them in a row are one:
:math:`(a_2, b_2) \circ (a_1, b_1) = (a_2 a_1, a_2 b_1 + b_2)`. A schedule says in which order
neighbouring segments of time are combined until every place holds the map of all steps up to it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ssm_companion._shapes import ShapeError, check, check_positive_int, check_same_dtype


@dataclass(frozen=True)
class Schedule:
    """Levels of pairs; all pairs of a level are combined at once, from the values before it.

    Parameters
    ----------
    n : int
        Number of places.
    levels : tuple of tuple of (int, int)
        In each level, pairs (target, source) with source < target: the segment that ends at the
        source is put before the one that ends at the target, and takes its place.
    """

    n: int
    levels: tuple[tuple[tuple[int, int], ...], ...]

    @property
    def work(self) -> int:
        """Number of combinations."""
        return sum(len(level) for level in self.levels)

    @property
    def depth(self) -> int:
        """Number of levels, each of which waits for the one before."""
        return len(self.levels)

    @property
    def width(self) -> int:
        """Most combinations in one level."""
        return max((len(level) for level in self.levels), default=0)

    def rounds(self, processors: int) -> int:
        """Time with that many processors, in combinations one after the other.

        Parameters
        ----------
        processors : int
            Combinations that can be made at once.

        Returns
        -------
        int
            The sum over levels of the pairs over the processors, rounded up.

        Raises
        ------
        ValueError
            Unless ``processors`` is an integer of at least 1.
        """
        check_positive_int("processors", processors)
        return sum(math.ceil(len(level) / processors) for level in self.levels)

    def starts(self) -> list[int]:
        """Where the segment that each place holds at the end begins.

        Returns
        -------
        list of int
            Zeros for a scan.

        Raises
        ------
        ValueError
            If a pair is out of order or its two segments are not neighbours.
        """
        start = list(range(self.n))
        for level in self.levels:
            before = list(start)
            for target, source in level:
                if not 0 <= source < target < self.n or before[target] != source + 1:
                    raise ValueError(f"{source} does not end where {target} begins")
                start[target] = before[source]
        return start

    def run(self, a: Tensor, b: Tensor) -> Tensor:
        r"""Scan :math:`h_t = a_t h_{t-1} + b_t` from zero, level by level.

        Parameters
        ----------
        a : Tensor, ``(n, *S)``
            Factors.
        b : Tensor, ``(n, *S)``
            What is added, of the dtype of ``a``.

        Returns
        -------
        Tensor, ``(n, *S)``
            All states.

        Raises
        ------
        ShapeError
            For another shape. It is a ValueError.
        TypeError
            For another dtype.
        """
        sizes = check("a", a, "L *S")
        check("b", b, "L *S", sizes)
        check_same_dtype("b", b, "a", a)
        if sizes["L"] != self.n:
            raise ShapeError(f"`a` must have n = {self.n} steps, got {sizes['L']}")
        a, b = a.clone(), b.clone()
        for level in self.levels:
            target, source = torch.tensor(level, device=a.device).T
            factor = a[target]
            # the right sides are computed before anything is written
            a[target], b[target] = factor * a[source], factor * b[source] + b[target]
        return b


def sequential(n: int) -> Schedule:
    """One place after the other.

    Parameters
    ----------
    n : int
        Number of places.

    Returns
    -------
    Schedule
        Of depth and work ``n - 1``.

    Raises
    ------
    ValueError
        Unless ``n`` is an integer of at least 1.

    Examples
    --------
    >>> sequential(3).levels
    (((1, 0),), ((2, 1),))
    """
    check_positive_int("n", n)
    return _schedule(n, ([(i, i - 1)] for i in range(1, n)))


def hillis_steele(n: int) -> Schedule:
    """At every level each place takes in the segment before its own.

    Parameters
    ----------
    n : int
        Number of places.

    Returns
    -------
    Schedule
        Of the least depth there is, about ``log2(n)``, with ``n`` combinations or nearly so at
        every level.

    Raises
    ------
    ValueError
        Unless ``n`` is an integer of at least 1.

    References
    ----------
    Hillis and Steele, Communications of the ACM 29 (1986).

    Examples
    --------
    >>> schedule = hillis_steele(16)
    >>> schedule.depth, schedule.work
    (4, 49)
    """
    check_positive_int("n", n)
    return _schedule(n, ([(i, i - d) for i in range(d, n)] for d in _doublings(n)))


def blelloch(n: int) -> Schedule:
    """Up a binary tree and down again.

    Parameters
    ----------
    n : int
        Number of places.

    Returns
    -------
    Schedule
        Of depth about ``2 log2(n)`` with fewer than ``2 n`` combinations.

    Raises
    ------
    ValueError
        Unless ``n`` is an integer of at least 1.

    Notes
    -----
    The scan is inclusive and in place, which is the form of Brent and Kung (1982).

    References
    ----------
    Blelloch, *Prefix sums and their applications*, CMU-CS-90-190 (1990).

    Examples
    --------
    >>> schedule = blelloch(16)
    >>> schedule.depth, schedule.work
    (6, 26)
    """
    check_positive_int("n", n)
    steps = _doublings(n)
    up = [[(i, i - d) for i in range(2 * d - 1, n, 2 * d)] for d in steps]
    down = [[(i + d, i) for i in range(2 * d - 1, n - d, 2 * d)] for d in reversed(steps)]
    return _schedule(n, up + down)


def chunked(n: int, size: int) -> Schedule:
    """Every chunk by itself, then from chunk to chunk.

    All places of a chunk take in the end of the chunk before at once.

    Parameters
    ----------
    n : int
        Number of places.
    size : int
        Places in a chunk; the last one may be shorter.

    Returns
    -------
    Schedule
        Of depth about ``size + n / size`` with fewer than ``2 n`` combinations. If ``size``
        divides ``n``, work and depth add up to ``2 n - 2``: there is no cheaper scan.

    Raises
    ------
    ValueError
        Unless both are integers of at least 1.

    Examples
    --------
    >>> schedule = chunked(16, 4)
    >>> schedule.depth, schedule.work
    (6, 24)
    """
    check_positive_int("n", n)
    check_positive_int("size", size)
    alone = [[(i, i - 1) for i in range(m, n, size)] for m in range(1, size)]
    carry = [
        [(i, start - 1) for i in range(start, min(start + size, n))]
        for start in range(size, n, size)
    ]
    return _schedule(n, alone + carry)


def _doublings(n: int) -> list[int]:
    """1, 2, 4, ... below n."""
    return [2**k for k in range((n - 1).bit_length())]


def _schedule(n: int, levels) -> Schedule:
    """Each pair as early as its two segments are there."""
    ready, early = [0] * n, [[] for _ in range(n)]
    for level in levels:
        before = list(ready)
        for target, source in level:
            at = max(before[target], before[source])
            early[at].append((target, source))
            ready[target] = at + 1
    return Schedule(n, tuple(tuple(level) for level in early if level))
