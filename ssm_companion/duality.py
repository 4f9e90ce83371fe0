r"""State space duality: a scan with one decay per head, computed by matrix products.

:math:`h_t = a_t h_{t-1} + x_t B_t^\top` and :math:`y_t = h_t C_t` is, written out,
:math:`y_i = \sum_{j \le i} M_{ij} x_j` with :math:`M_{ij} = (C_i \cdot B_j) a_{j+1} \cdots a_i`,
which is causal attention without softmax under a mask of decays. Within chunks of time the matrix
is used, between them the recurrence.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ssm_companion._packing import boundaries
from ssm_companion._shapes import ShapeError, check, check_dtype, check_positive_int
from ssm_companion.scan import linear_scan

_HALF = (torch.bfloat16, torch.float16)
_FULL = (torch.float32, torch.float64)


def segsum(log_a: Tensor) -> Tensor:
    r"""Sums over all segments of time, :math:`s_{ij} = \sum_{k=j+1}^{i} \log a_k`.

    Parameters
    ----------
    log_a : Tensor, ``(*S, L)``
        Logarithms of factors, real; ``-inf`` for a factor of 0.

    Returns
    -------
    Tensor, ``(*S, L, L)``
        The sum for :math:`j \le i`, which is 0 on the diagonal; ``-inf`` for :math:`j > i`.

    Raises
    ------
    ShapeError
        For a tensor without axes. It is a ValueError.
    TypeError
        For a dtype other than float32 and float64.

    Notes
    -----
    Each segment is summed by itself. The difference of two cumulative sums is the same number on
    paper, but loses the small sums among large ones, and is NaN after a factor of 0.

    References
    ----------
    Dao and Gu, arXiv 2405.21060 (2024), listing 1.

    Examples
    --------
    >>> segsum(torch.tensor([1.0, 2.0, 3.0]))
    tensor([[0., -inf, -inf],
            [2., 0., -inf],
            [5., 3., 0.]])
    """
    sizes = check("log_a", log_a, "*S L")
    check_dtype("log_a", log_a, _FULL)
    length = sizes["L"]
    lower = torch.ones(length, length, dtype=torch.bool, device=log_a.device).tril()
    # column j holds the terms k > j only, so that the running sum down the column starts at j
    terms = log_a[..., None].expand(*log_a.shape, length)
    terms = terms.masked_fill(~lower.tril(-1), 0)
    return terms.cumsum(-2).masked_fill(~lower, -torch.inf)


def semiseparable_matrix(log_a: Tensor, B: Tensor, C: Tensor) -> Tensor:
    r"""The whole map as a matrix: :math:`M_{ij} = (C_i \cdot B_j) \exp \sum_{k=j+1}^i \log a_k`.

    From zeros, the outputs of :func:`ssd` are M times the inputs, head by head. The matrix takes
    memory for ``B * H * L * L`` numbers: it is for small L, to look at.

    Parameters
    ----------
    log_a : Tensor, ``(B, L, H)``
        Logarithms of the decays, one a head; float32 or float64.
    B : Tensor, ``(B, L, N)`` or ``(B, L, G, N)``
        Input weights, of the dtype of ``log_a``: shared by all heads, or by each of G groups of
        ``H / G`` consecutive heads.
    C : Tensor, of the shape of ``B``
        Output weights, of the dtype of ``log_a``.

    Returns
    -------
    Tensor, ``(B, H, L, L)``
        One lower triangular matrix a head.

    Raises
    ------
    ShapeError
        For a wrong shape. It is a ValueError.
    TypeError
        For another dtype.

    References
    ----------
    Dao and Gu, arXiv 2405.21060 (2024), section 3.

    Examples
    --------
    >>> log_a, one = torch.full((1, 3, 1), 0.5).log(), torch.ones(1, 3, 1)
    >>> semiseparable_matrix(log_a, one, one)[0, 0]
    tensor([[1.0000, 0.0000, 0.0000],
            [0.5000, 1.0000, 0.0000],
            [0.2500, 0.5000, 1.0000]])
    """
    sizes = check("log_a", log_a, "B L H")
    check_dtype("log_a", log_a, _FULL)
    B, C = _weights(B, C, sizes, (log_a.dtype,))
    decay = segsum(_by_group(log_a, B.shape[2]).movedim(1, -1)).exp()
    scores = torch.einsum("bign,bjgn->bgij", C, B)
    return (scores.unsqueeze(2) * decay).flatten(1, 2)


def ssd(
    x: Tensor,
    log_a: Tensor,
    B: Tensor,
    C: Tensor,
    *,
    chunk_size: int = 64,
    initial_state: Tensor | None = None,
    cu_seqlens: Tensor | None = None,
    return_last_state: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    r"""Run a system with one decay per head and a matrix for a state, chunk by chunk.

    :math:`h_t = a_t h_{t-1} + x_t B_t^\top` and :math:`y_t = h_t C_t`, where :math:`a_t` is a
    number and :math:`h_t` has P rows and N columns. Everything is real.

    Parameters
    ----------
    x : Tensor, ``(B, L, H, P)``
        Inputs, with ``L >= 1``: H heads of P channels.
    log_a : Tensor, ``(B, L, H)``
        Logarithms of the decays; ``-inf`` forgets the state.
    B : Tensor, ``(B, L, N)`` or ``(B, L, G, N)``
        Input weights: shared by all heads, or by each of G groups of ``H / G`` consecutive heads.
    C : Tensor, of the shape of ``B``
        Output weights.
    chunk_size : int, optional
        Steps Q in a chunk. The work per step grows with Q, the number of states kept with 1/Q.
    initial_state : Tensor, ``(B, H, P, N)``, optional
        The state before the first step; zeros if None.
    cu_seqlens : Tensor, ``(n_seqs + 1,)``, optional
        Boundaries ``(0, ..., L)`` of sequences packed end to end into a batch of 1; int32 or
        int64. No state passes a boundary; states are then ``(n_seqs, H, P, N)``.
    return_last_state : bool, optional
        Return the last state too.

    Returns
    -------
    y : Tensor, ``(B, L, H, P)``
        Outputs, of the dtype of ``x``.
    last_state : Tensor, ``(B, H, P, N)``
        With ``return_last_state`` only: the state after the last step, in a pair with ``y``.

    Raises
    ------
    ShapeError
        For a wrong shape. It is a ValueError.
    TypeError
        For a dtype that is not supported or does not go with that of ``x``.
    ValueError
        For a wrong ``cu_seqlens`` or ``chunk_size``.

    Notes
    -----
    *Precision.* float32 and float64 compute in their own precision; with bfloat16 and float16
    inputs everything is computed in float32 and ``y`` is rounded. ``log_a``, ``B`` and ``C`` may
    have the dtype of ``x`` or the one of the computation; states have the one of the computation.

    *Derivatives* are those of the PyTorch operations, and flow through both states.

    References
    ----------
    Dao and Gu, arXiv 2405.21060 (2024), section 6.

    Examples
    --------
    >>> log_a, one = torch.full((1, 3, 1), 0.5).log(), torch.ones(1, 3, 1)
    >>> ssd(torch.ones(1, 3, 1, 1), log_a, one, one).flatten()
    tensor([1.0000, 1.5000, 1.7500])
    """
    sizes = check("x", x, "B L H P")
    check_dtype("x", x, _FULL + _HALF)
    check_positive_int("chunk_size", chunk_size)
    if sizes["L"] == 0:
        raise ShapeError("`x` must hold at least one step, got L = 0")
    bounds = boundaries(cu_seqlens, sizes, x.device)
    full = torch.float32 if x.dtype in _HALF else x.dtype
    check("log_a", log_a, "B L H", sizes)
    check_dtype("log_a", log_a, (x.dtype, full))
    B, C = _weights(B, C, sizes, (x.dtype, full))
    groups, modes = B.shape[2:]
    axis = "B" if cu_seqlens is None else "n_seqs"
    sizes |= {axis: bounds.shape[0] - 1, "N": modes}
    if initial_state is None:
        shape = [sizes[name] for name in (axis, "H", "P", "N")]
        initial_state = torch.zeros(shape, dtype=full, device=x.device)
    check("initial_state", initial_state, f"{axis} H P N", sizes)
    check_dtype("initial_state", initial_state, (full,))

    chunks = _chunks(bounds, min(chunk_size, x.shape[1]))
    heads = [_by_group(values, groups) for values in (x, log_a)]
    pieces = [_cut(values.to(full), chunks) for values in (*heads, B, C)]
    y, last = _run(*pieces, initial_state.unflatten(1, (groups, -1)), chunks.bounds)
    y = y[chunks.inside].reshape(x.shape).to(x.dtype)
    return (y, last.flatten(1, 2)) if return_last_state else y


class _Chunks(NamedTuple):
    """How T rows of time are cut into K chunks of Q rows, none of which spans two sequences."""

    rows: Tensor  # (K, Q), the row at each place
    inside: Tensor  # (K, Q), whether the place is filled: the last chunk of a sequence may not be
    bounds: Tensor  # (S + 1,), the chunks of sequence s are bounds[s], ..., bounds[s + 1] - 1


def _chunks(bounds: Tensor, size: int) -> _Chunks:
    start, stop = bounds[:-1], bounds[1:]
    count = (stop - start + size - 1) // size
    chunk_bounds = torch.cat([count.new_zeros(1), count.cumsum(0)])
    sequence = torch.arange(len(count), device=bounds.device).repeat_interleave(count)
    nth = torch.arange(len(sequence), device=bounds.device) - chunk_bounds[sequence]
    rows = (start[sequence] + nth * size)[:, None] + torch.arange(size, device=bounds.device)
    return _Chunks(rows, rows < stop[sequence][:, None], chunk_bounds)


def _cut(values: Tensor, chunks: _Chunks) -> Tensor:
    """A sequence (B, L, *S) as (K, Q, *S). Zeros fill up: an input of 0, a factor of exp(0) = 1."""
    rows = values.flatten(0, 1)
    pieces = rows[chunks.rows.clamp(max=len(rows) - 1)]
    outside = ~chunks.inside
    return pieces.masked_fill(outside.view(*outside.shape, *[1] * (pieces.ndim - 2)), 0)


def _run(
    x: Tensor, log_a: Tensor, B: Tensor, C: Tensor, h0: Tensor, bounds: Tensor
) -> tuple[Tensor, Tensor]:
    """Outputs (K, Q, G, E, P) and last states (S, G, E, P, N), for E heads in each of G groups.

    x (K, Q, G, E, P), log_a (K, Q, G, E), B and C (K, Q, G, N), h0 (S, G, E, P, N).
    """
    x, B, C = x.permute(0, 2, 3, 1, 4), B.transpose(1, 2), C.transpose(1, 2)
    log_a = log_a.movedim(1, -1)
    # within each chunk, from zeros: the outputs, and the state at the end
    decay = segsum(log_a).exp()
    y = ((C @ B.mT).unsqueeze(2) * decay) @ x
    states = torch.einsum("kgeqp,kgqn->kgepn", x * decay[..., -1, :, None], B)
    # between the chunks: the state at the end of each, from the one before
    through = log_a.sum(-1).exp()[..., None, None].expand_as(states)
    states = linear_scan(through[None], states[None], h0, cu_seqlens=bounds)[0]
    before = states.roll(1, 0).index_copy(0, bounds[:-1], h0)
    # what the state before a chunk adds to its outputs
    carried = torch.einsum("kgqn,kgepn->kgeqp", C, before)
    y = y + log_a.cumsum(-1).exp()[..., None] * carried
    return y.permute(0, 3, 1, 2, 4), states[bounds[1:] - 1]


def _weights(B: Tensor, C: Tensor, sizes: dict, allowed: tuple) -> tuple[Tensor, Tensor]:
    """B and C as (B, L, G, N)."""
    pattern = "B L G N" if getattr(B, "ndim", None) == 4 else "B L N"
    bound = check("B", B, pattern, sizes)
    groups = bound.get("G", 1)
    if groups == 0 or sizes["H"] % groups:
        raise ShapeError(
            f"`B` must have G groups with G a divisor of H = {sizes['H']}, got G = {groups}"
        )
    check("C", C, pattern, bound)
    check_dtype("B", B, allowed)
    check_dtype("C", C, allowed)
    return (B.unsqueeze(2), C.unsqueeze(2)) if B.ndim == 3 else (B, C)


def _by_group(x: Tensor, groups: int) -> Tensor:
    """(B, L, H, *S) as (B, L, G, H / G, *S)."""
    return x.unflatten(2, (groups, -1))
