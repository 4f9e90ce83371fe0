"""Other memories behind the same contract, to compare with: LSTM, GRU and attention."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from torch.nn.utils.rnn import pack_sequence, unpack_sequence

from ssm_companion._packing import boundaries
from ssm_companion._shapes import check_positive_int
from ssm_companion.nn._layer import Layer, factory


class LSTMState(NamedTuple):
    """The past of an LSTM."""

    h: Tensor  # (B, D), the output before
    c: Tensor  # (B, D), the cells


class LSTM(Layer):
    """Long short-term memory: ``torch.nn.LSTM`` of one layer with D hidden units.

    Parameters
    ----------
    d_model : int
        Channels D of the input, of the output and of the state.
    device : torch.device, optional
        Device of the parameters.
    dtype : torch.dtype, optional
        Type of the parameters, float32 or float64; torch's default if None.

    Raises
    ------
    ValueError
        For a size below 1 or another ``dtype``.

    Notes
    -----
    The state is a named tuple of ``h`` and ``c``, both ``(B, D)``.

    References
    ----------
    Hochreiter and Schmidhuber, *Long short-term memory*, Neural Computation 9 (1997).

    Examples
    --------
    >>> layer = LSTM(4)
    >>> y, state = layer(torch.randn(2, 10, 4), return_state=True)
    >>> y_next, state = layer.step(torch.randn(2, 4), state)
    >>> y.shape, y_next.shape
    (torch.Size([2, 10, 4]), torch.Size([2, 4]))
    """

    _axes = {"state.h": "D", "state.c": "D"}

    def __init__(self, d_model: int, *, device=None, dtype=None):
        super().__init__(d_model)
        self.core = nn.LSTM(d_model, d_model, batch_first=True, **factory(device, dtype))

    def _empty(self, batch: int) -> LSTMState:
        return LSTMState(*(self._zeros(batch, self.d_model) for _ in range(2)))

    def _run(
        self, x: Tensor, state: LSTMState, cu_seqlens: Tensor | None
    ) -> tuple[Tensor, LSTMState]:
        before = tuple(part.unsqueeze(0) for part in state)
        y, last = _run_core(self.core, x, before, cu_seqlens)
        return y, LSTMState(*(part.squeeze(0) for part in last))


class GRU(Layer):
    """Gated recurrent unit: ``torch.nn.GRU`` of one layer with D hidden units.

    Parameters
    ----------
    d_model : int
        Channels D of the input, of the output and of the state.
    device : torch.device, optional
        Device of the parameters.
    dtype : torch.dtype, optional
        Type of the parameters, float32 or float64; torch's default if None.

    Raises
    ------
    ValueError
        For a size below 1 or another ``dtype``.

    Notes
    -----
    The state is a tensor ``(B, D)``, the output before.

    References
    ----------
    Cho et al., arXiv 1406.1078 (2014), in the variant of ``torch.nn.GRU``.

    Examples
    --------
    >>> layer = GRU(4)
    >>> y, state = layer(torch.randn(2, 10, 4), return_state=True)
    >>> y_next, state = layer.step(torch.randn(2, 4), state)
    >>> y.shape, y_next.shape
    (torch.Size([2, 10, 4]), torch.Size([2, 4]))
    """

    _axes = {"state": "D"}

    def __init__(self, d_model: int, *, device=None, dtype=None):
        super().__init__(d_model)
        self.core = nn.GRU(d_model, d_model, batch_first=True, **factory(device, dtype))

    def _empty(self, batch: int) -> Tensor:
        return self._zeros(batch, self.d_model)

    def _run(self, x: Tensor, state: Tensor, cu_seqlens: Tensor | None) -> tuple[Tensor, Tensor]:
        y, last = _run_core(self.core, x, state.unsqueeze(0), cu_seqlens)
        return y, last.squeeze(0)


def _run_core(core: nn.Module, x: Tensor, before, cu_seqlens: Tensor | None) -> tuple:
    """A recurrent layer of PyTorch, over a batch or over packed sequences."""
    if cu_seqlens is None:
        return core(x, before)
    pieces = x[0].split(cu_seqlens.diff().tolist())
    y, last = core(pack_sequence(pieces, enforce_sorted=False), before)
    return torch.cat(unpack_sequence(y)).unsqueeze(0), last


class AttentionState(NamedTuple):
    """The past of an attention layer, which is all of it."""

    keys: Tensor  # (B, T, H, P), rotated
    values: Tensor  # (B, T, H, P)
    valid: Tensor  # (B, T), Boolean: whether there is an entry


class Attention(Layer):
    r"""Causal multi-head attention with rotary positions.

    Parameters
    ----------
    d_model : int
        Channels D.
    n_heads : int, optional
        Heads H. Each has P = D / H channels, an even number.
    device : torch.device, optional
        Device of the parameters.
    dtype : torch.dtype, optional
        Type of the parameters, float32 or float64; torch's default if None.

    Raises
    ------
    ValueError
        For a size below 1, a ``d_model`` that is no multiple of ``2 * n_heads``, or another
        ``dtype``.

    Notes
    -----
    The state grows with the past: it is a named tuple of ``keys`` and ``values``,
    ``(B, T, H, P)``, and ``valid``, ``(B, T)``, which says where there is an entry. T is the
    number of steps so far. Packed sequences of several lengths share the T of the longest and
    leave entries of the others empty.

    Positions count from the start of a sequence: at position t the pair of channels
    ``(2i, 2i + 1)`` of queries and keys is rotated by :math:`t \cdot 10000^{-2i/P}` radians.

    References
    ----------
    Vaswani et al., arXiv 1706.03762 (2017); rotary positions of Su et al., arXiv 2104.09864 (2021).

    Examples
    --------
    >>> layer = Attention(4, 2)
    >>> y, state = layer(torch.randn(2, 10, 4), return_state=True)
    >>> y_next, state = layer.step(torch.randn(2, 4), state)
    >>> y.shape, y_next.shape
    (torch.Size([2, 10, 4]), torch.Size([2, 4]))
    """

    _axes = {"state.keys": "T H P", "state.values": "T H P", "state.valid": "T"}
    _growing = ("T",)

    def __init__(self, d_model: int, n_heads: int = 4, *, device=None, dtype=None):
        super().__init__(d_model)
        self.n_heads = check_positive_int("n_heads", n_heads)
        if d_model % (2 * n_heads):
            raise ValueError(
                f"`d_model` must be a multiple of 2 * n_heads = {2 * n_heads}, got {d_model}"
            )
        made = factory(device, dtype)
        self.in_proj = nn.Linear(d_model, 3 * d_model, bias=False, **made)
        self.out_proj = nn.Linear(d_model, d_model, bias=False, **made)

    def _empty(self, batch: int) -> AttentionState:
        shape = (batch, 0, self.n_heads, self.d_model // self.n_heads)
        keys, values = (self._zeros(*shape) for _ in range(2))
        return AttentionState(keys, values, self._zeros(batch, 0, dtype=torch.bool))

    def _run(
        self, x: Tensor, state: AttentionState, cu_seqlens: Tensor | None
    ) -> tuple[Tensor, AttentionState]:
        x, inside = _side_by_side(x, cu_seqlens)
        queries, keys, values = self.in_proj(x).unflatten(-1, (3, self.n_heads, -1)).unbind(2)
        before = state.valid.sum(1, keepdim=True)
        positions = before + torch.arange(x.shape[1], device=x.device)
        state = AttentionState(
            torch.cat([state.keys, _rotate(keys, positions)], dim=1),
            torch.cat([state.values, values], dim=1),
            torch.cat([state.valid, inside], dim=1),
        )
        # a query sees all that came before this call, and of this call what is not later
        length, total = inside.shape[1], state.valid.shape[1]
        earlier = torch.ones(length, total, dtype=torch.bool, device=x.device)
        earlier = earlier.tril(total - length)
        heads = (_rotate(queries, positions), state.keys, state.values)
        y = scaled_dot_product_attention(
            *(part.transpose(1, 2) for part in heads),
            attn_mask=(earlier & state.valid[:, None])[:, None],
        )
        y = self.out_proj(y.transpose(1, 2).flatten(2))
        return (y if cu_seqlens is None else y[inside].unsqueeze(0)), state

    def extra_repr(self) -> str:
        return f"n_heads={self.n_heads}"


def _side_by_side(x: Tensor, cu_seqlens: Tensor | None) -> tuple[Tensor, Tensor]:
    """Sequences as a batch (S, L, D), filled up with zeros, and where they are not filled up."""
    batch, length, _ = x.shape
    if cu_seqlens is None:
        return x, torch.ones(batch, length, dtype=torch.bool, device=x.device)
    bounds = boundaries(cu_seqlens, {"B": batch, "L": length}, x.device)
    longest = int(bounds.diff().max())
    rows = bounds[:-1, None] + torch.arange(longest, device=x.device)
    inside = rows < bounds[1:, None]
    return x[0][rows.clamp(max=length - 1)].masked_fill(~inside[..., None], 0), inside


def _rotate(x: Tensor, positions: Tensor) -> Tensor:
    """Rotary positions: x (B, L, H, P) with each pair of channels turned; positions (B, L)."""
    pairs = x.shape[-1] // 2
    speed = 1e4 ** (-torch.arange(pairs, dtype=x.dtype, device=x.device) / pairs)
    angle = positions[..., None, None] * speed
    turned = torch.view_as_complex(x.unflatten(-1, (pairs, 2))) * torch.polar(
        torch.ones_like(angle), angle
    )
    return torch.view_as_real(turned).flatten(-2)
