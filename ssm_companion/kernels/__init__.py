"""Implementations of the two operators, one module a backend, all with one contract.

Every backend sees time flattened: the sequences of a batch lie end to end on one axis of T rows,
and `bounds` (S + 1,) int64 says where each of the S sequences starts and stops. A batch of B
sequences of length L is S = B, T = B L; a packed batch is the same thing with other bounds.

`linear` of h_t = a_t h_{t-1} + b_t:
    linear(a, b, h0, bounds, reverse) -> h
    a (T, M) or (M,), b (T, M), h0 (S, M), h (T, M); one dtype, real or complex.

`selective` of h_t = f(z) h_{t-1} + g(z) w_t u_t B_t with z = delta_t A, and y_t = C_t h_t:
    forward(inputs, options) -> y, last, checkpoints
    backward(dy, dlast, inputs, checkpoints, options) -> one gradient for each input
with the tensors of `Inputs` and the settings of `Options` below.

All tensors are contiguous, on one device and in one precision. The state's dtype is that of A, B,
C and h0, real or complex; u, delta, w, D, z and bias are real.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor


class Inputs(NamedTuple):
    """The tensors of a selective scan over T rows, D channels, G groups and N modes."""

    u: Tensor  # (T, D)
    delta: Tensor  # (T, D)
    w: Tensor | None  # (T, D), weight of the input; the step itself if None
    A: Tensor  # (D, N)
    B: Tensor  # (T, G, N), or (D, N) if constant
    C: Tensor  # (T, G, N), with the G of B, or (D, N) if constant
    D: Tensor | None  # (D,)
    z: Tensor | None  # (T, D), y is multiplied by silu(z)
    bias: Tensor | None  # (D,), added to delta
    h0: Tensor  # (S, D, N)
    bounds: Tensor  # (S + 1,), int64, on the CPU or on the device of u


class Options(NamedTuple):
    """The settings of a selective scan."""

    softplus: bool  # the step is softplus(delta + bias)
    method: str  # "euler", "lawson", "zoh" or "bilinear": see discretize.factors
    pairs: bool  # each mode stands for itself and its conjugate: y = 2 Re(C h)
    chunk: int  # steps between two checkpoints


def checkpoint_rows(rows: int, sequences: int, chunk: int) -> int:
    """How many checkpoints (D, N) are kept: enough for any bounds.

    Chunk i of the sequence s that starts at row r is kept at index r // chunk + s + i. As a
    sequence from r to q has ceil((q - r) / chunk) <= q // chunk - r // chunk + 1 chunks, no two
    share an index.
    """
    return rows // chunk + sequences


def batches(bounds: list[int]) -> list[tuple[int, int, int, int]]:
    """Sequences that can run side by side: (first row, past the last row, sequence, how many).

    One entry if all have the same length, else one for each.
    """
    lengths = {stop - start for start, stop in zip(bounds, bounds[1:], strict=False)}
    if len(lengths) == 1:
        return [(bounds[0], bounds[-1], 0, len(bounds) - 1)]
    pairs = zip(bounds, bounds[1:], strict=False)
    return [(start, stop, i, 1) for i, (start, stop) in enumerate(pairs)]
