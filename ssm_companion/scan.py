"""The linear recurrence, which is all the memory that a state space model has."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ssm_companion import _ops
from ssm_companion._backends import pick
from ssm_companion._packing import boundaries
from ssm_companion._shapes import (
    ShapeError,
    check,
    check_dtype,
    check_same_device,
    check_same_dtype,
)

_HALF = (torch.bfloat16, torch.float16)
_FULL = (torch.float32, torch.float64, torch.complex64, torch.complex128)


def linear_scan(
    a: Tensor,
    b: Tensor,
    h0: Tensor | None = None,
    *,
    reverse: bool = False,
    cu_seqlens: Tensor | None = None,
    return_last: bool = False,
    backend: str = "auto",
) -> Tensor | tuple[Tensor, Tensor]:
    """All states of :math:`h_t = a_t h_{t-1} + b_t`, elementwise, along axis 1.

    ``*S``, the shape of one state, stands for any number of axes. Nothing is broadcast but an ``a``
    of shape ``(*S)``.

    Parameters
    ----------
    a : Tensor, ``(B, L, *S)`` or ``(*S)``
        Factors. The shape is exactly ``(*S)`` for an ``a`` that is constant in time and over the
        batch.
    b : Tensor, ``(B, L, *S)``
        Inputs, with ``L >= 1``, of the dtype of ``a``.
    h0 : Tensor, ``(B, *S)``, optional
        The state before the first step; zeros if None.
    reverse : bool, optional
        Run :math:`h_t = a_t h_{t+1} + b_t` instead: ``h0`` is then the state after the end, and the
        last state is that of ``t = 0``.
    cu_seqlens : Tensor, ``(n_seqs + 1,)``, optional
        Boundaries ``(0, ..., L)``, each above the one before, of ``n_seqs`` sequences that are
        packed end to end into a batch of 1; int32 or int64. No state passes a boundary; ``h0`` and
        the last state are then ``(n_seqs, *S)``, one row a sequence.
    return_last : bool, optional
        Return the last state too.
    backend : {"auto", "reference", "chunked", "cpu", "gpu"}, optional
        The implementation; :func:`ssm_companion.explain` says what "auto" takes.

    Returns
    -------
    h : Tensor, ``(B, L, *S)``
        All states, in the order of time.
    last : Tensor, ``(B, *S)``
        With ``return_last`` only: the state computed last, in a pair with ``h``.

    Raises
    ------
    ShapeError
        For a wrong shape. It is a ValueError.
    TypeError
        For a dtype that is not supported or not shared.
    ValueError
        For a wrong ``cu_seqlens`` or ``backend``, or tensors on several devices.

    Notes
    -----
    *Precision.* float32, float64, complex64 and complex128 compute in their own precision. bfloat16
    and float16 compute in float32: h is rounded to the input's dtype, while ``h0`` and the last
    state are float32, so that a scan in pieces loses nothing.

    *Derivatives* are of every order, in both modes, with respect to ``a``, ``b`` and ``h0``.

    References
    ----------
    Blelloch, *Prefix sums and their applications*, CMU-CS-90-190 (1990), section 1.4, for the
    recurrence as a scan; ``cu_seqlens`` follows FlashAttention.

    Examples
    --------
    A state that forgets half of itself at each step, driven by ones:

    >>> import torch
    >>> from ssm_companion import linear_scan
    >>> a, b = torch.full((1, 4, 1), 0.5), torch.ones(1, 4, 1)
    >>> linear_scan(a, b).flatten()
    tensor([1.0000, 1.5000, 1.7500, 1.8750])
    """
    sizes = check("b", b, "B L *S")
    check_dtype("b", b, _FULL + _HALF)
    if sizes["L"] == 0:
        raise ShapeError("`b` must hold at least one step, got L = 0")
    constant = getattr(a, "ndim", None) == len(sizes["*S"])
    check("a", a, "*S" if constant else "B L *S", sizes)
    check_same_dtype("a", a, "b", b)
    check_same_device("a", a, "b", b)

    bounds = boundaries(cu_seqlens, sizes, b.device)
    sequences, state = bounds.shape[0] - 1, sizes["*S"]
    dtype = torch.float32 if b.dtype in _HALF else b.dtype
    if h0 is None:
        h0 = b.new_zeros((sequences, *state), dtype=dtype)
    axis = "B" if cu_seqlens is None else "n_seqs"
    check("h0", h0, f"{axis} *S", {axis: sequences, "*S": state})
    check_dtype("h0", h0, (dtype,))
    check_same_device("h0", h0, "b", b)

    flat_a = a.to(dtype).reshape(-1) if constant else _rows(a, dtype)
    h = _ops.linear(
        flat_a,
        _rows(b, dtype),
        _rows(h0.unsqueeze(1), dtype),
        bounds,
        reverse,
        pick(b.device, backend),
    )
    last = h[bounds[:-1] if reverse else bounds[1:] - 1].reshape(h0.shape)
    h = h.reshape(b.shape).to(b.dtype)
    return (h, last) if return_last else h


def _rows(x: Tensor, dtype: torch.dtype) -> Tensor:
    """A sequence (B, L, *S) as (B L, M)."""
    batch, length, *state = x.shape
    return x.to(dtype).reshape(batch * length, math.prod(state))
