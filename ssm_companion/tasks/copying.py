"""Copying tasks: what was on a tape is said again after it."""

from __future__ import annotations

import torch
from torch import Tensor

from ssm_companion._shapes import check_positive_int


def selective_copy(
    batch: int,
    length: int,
    symbols: int,
    kinds: int,
    *,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Tapes that are blank but for a few symbols, and the symbols in their order.

    Every set of places is equally likely, and the symbols are independent and uniform.

    Parameters
    ----------
    batch : int
        Number of tapes B.
    length : int
        Places L on a tape.
    symbols : int
        Number M of symbols on each tape.
    kinds : int
        Number of different symbols.
    generator : torch.Generator, optional
        Source of the random numbers, on the CPU; torch's own if None.

    Returns
    -------
    tape : Tensor, ``(B, L)``
        int64: 0 for a blank, ``1`` to ``kinds`` for a symbol.
    said : Tensor, ``(B, M)``
        int64: the symbols of each tape, in their order.

    Raises
    ------
    ValueError
        For a number below 1, or more symbols than places.

    References
    ----------
    Gu and Dao, arXiv 2312.00752 (2023), section 3.1.

    Examples
    --------
    >>> tape, said = selective_copy(2, 10, 3, kinds=5)
    >>> tape.shape, said.shape
    (torch.Size([2, 10]), torch.Size([2, 3]))
    >>> bool((tape[tape > 0] == said.flatten()).all())
    True
    """
    sizes = {"batch": batch, "length": length, "symbols": symbols, "kinds": kinds}
    for name, size in sizes.items():
        check_positive_int(name, size)
    if symbols > length:
        raise ValueError(f"`symbols` must be at most `length`, {length}, got {symbols}")
    order = torch.rand(batch, length, generator=generator).argsort(-1)
    said = torch.randint(1, kinds + 1, (batch, symbols), generator=generator)
    places = order[:, :symbols].sort(-1).values
    return torch.zeros(batch, length, dtype=torch.int64).scatter(1, places, said), said
