"""Bits a character that a model needs for a text, in three ways of reading it."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ssm_companion.experiments.models import SequenceModel

_PIECE = 2048  # characters that are read at once, with the state carried from piece to piece
_ROWS = 32  # windows that are read at once


@torch.no_grad()
def carried_bits(model: SequenceModel, codes: Tensor) -> float:
    """Mean bits a character of a text that is read once, from start to end.

    Parameters
    ----------
    model : SequenceModel
        The model, of symbols.
    codes : Tensor, ``(T,)``
        The text, int64. Its first character is not scored.

    Returns
    -------
    float
        Mean of :math:`-\\log_2 p` of each character, given all before it.

    Examples
    --------
    >>> from ssm_companion.experiments.models import Size
    >>> model = SequenceModel("gru", Size(8, 16), 10, 10)
    >>> codes = torch.randint(10, (64,))
    >>> 2 < carried_bits(model, codes) < 5
    True
    """
    state, nats = None, 0.0
    for start in range(0, len(codes) - 1, _PIECE):
        piece = codes[start : start + _PIECE + 1]
        logits, state = model(piece[None, :-1], state, return_state=True)
        nats += cross_entropy(logits[0], piece[1:], reduction="sum").item()
    return nats / (len(codes) - 1) / math.log(2)


@torch.no_grad()
def windowed_bits(model: SequenceModel, codes: Tensor, window: int) -> float:
    """Mean bits a character, each given at least half a window of what is before it.

    Parameters
    ----------
    model : SequenceModel
        The model, of symbols.
    codes : Tensor, ``(T,)``
        The text, int64. Its first character is not scored.
    window : int
        Characters of a window, an even number. A character is given between half of them and all
        of them, but for those at the start of the text.

    Returns
    -------
    float
        Mean of :math:`-\\log_2 p`.

    Examples
    --------
    >>> from ssm_companion.experiments.models import Size
    >>> model = SequenceModel("gru", Size(8, 16), 10, 10)
    >>> codes = torch.randint(10, (64,))
    >>> 2 < windowed_bits(model, codes, 16) < 5
    True
    """
    half = window // 2
    nats = _nats(model, codes[: window + 1][None], 0)
    last = len(codes) - 1
    starts = list(range(half, last - window + 1, half))
    for first in range(0, len(starts), _ROWS):
        rows = [codes[start : start + window + 1] for start in starts[first : first + _ROWS]]
        nats += _nats(model, torch.stack(rows), half)
    scored = min(last, window) + half * len(starts)
    if scored < last:  # what is left is less than half a window
        nats += _nats(model, codes[-window - 1 :][None], window - (last - scored))
    return nats / last / math.log(2)


@torch.no_grad()
def cut_bits(model: SequenceModel, codes: Tensor, every: int) -> float:
    """Mean bits a character of a text that is forgotten again and again.

    Parameters
    ----------
    model : SequenceModel
        The model, of symbols.
    codes : Tensor, ``(T,)``
        The text, int64. It is read in pieces, each from an empty past, and what is left after the
        last whole piece is not read. The first character of a piece is given and not scored; it is
        the last one of the piece before.
    every : int
        Characters of a piece that are scored, below T.

    Returns
    -------
    float
        Mean of :math:`-\\log_2 p`.

    Examples
    --------
    >>> from ssm_companion.experiments.models import Size
    >>> model = SequenceModel("gru", Size(8, 16), 10, 10)
    >>> codes = torch.randint(10, (64,))
    >>> 2 < cut_bits(model, codes, 16) < 5
    True
    """
    pieces = codes.unfold(0, every + 1, every)
    at_once = max(1, _PIECE // every)
    nats = sum(_nats(model, rows, 0) for rows in pieces.split(at_once))
    return nats / (len(pieces) * every) / math.log(2)


def _nats(model: SequenceModel, rows: Tensor, skip: int) -> float:
    """Of all but the first `skip` places."""
    logits = model(rows[:, :-1])[:, skip:]
    return cross_entropy(
        logits.flatten(0, 1), rows[:, 1 + skip :].flatten(), reduction="sum"
    ).item()
