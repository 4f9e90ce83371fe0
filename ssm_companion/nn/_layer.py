"""What all layers but S4D share: the contract of `forward`, `step` and `init_state`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssm_companion._packing import boundaries
from ssm_companion._shapes import (
    ShapeError,
    check,
    check_choice,
    check_dtype,
    check_positive_int,
)


class Layer(nn.Module):
    """A causal map of sequences whose whole past is a state.

    A layer defines `_axes`, `_empty` and `_run`. Its state is a tensor, or a named tuple of
    tensors, whose first axis counts sequences.

    Parameters
    ----------
    d_model : int
        Channels D of the input and of the output.
    """

    # the axes of each part of the state after the first one; the key of a lone tensor is "state"
    _axes: dict[str, str]
    # those of them that grow with the past
    _growing: tuple[str, ...] = ()

    def __init__(self, d_model: int):
        super().__init__()
        self.d_model = check_positive_int("d_model", d_model)

    def _empty(self, batch: int):
        """The state of an empty past."""
        raise NotImplementedError

    def _run(self, x: Tensor, state, cu_seqlens: Tensor | None) -> tuple:
        """Outputs (B, L, D) and the last state, for arguments that have been checked."""
        raise NotImplementedError

    def forward(
        self,
        x: Tensor,
        state=None,
        *,
        return_state: bool = False,
        cu_seqlens: Tensor | None = None,
    ):
        """Map whole sequences of inputs to outputs.

        Parameters
        ----------
        x : Tensor, ``(B, L, D)``
            Inputs, with ``L >= 1``, of the dtype of the parameters.
        state : optional
            The state before the first step, as from ``init_state`` or from a call before this
            one; that of an empty past if None.
        return_state : bool, optional
            Return the last state too.
        cu_seqlens : Tensor, ``(n_seqs + 1,)``, optional
            Boundaries ``(0, ..., L)`` of sequences packed end to end into a batch of 1; int32 or
            int64. Nothing passes a boundary; states are then of ``n_seqs`` sequences.

        Returns
        -------
        y : Tensor, ``(B, L, D)``
            Outputs.
        state
            With ``return_state`` only: the state after the last step, in a pair with ``y``.
            Gradients flow through both states.

        Raises
        ------
        ShapeError
            For a wrong shape. It is a ValueError.
        TypeError
            For a dtype unlike the parameters', or a state of another layer.
        ValueError
            For a wrong ``cu_seqlens``.
        """
        sizes = check("x", x, "B L D", {"D": self.d_model})
        check_dtype("x", x, (self._dtype,))
        if sizes["L"] == 0:
            raise ShapeError("`x` must hold at least one step, got L = 0")
        sequences = boundaries(cu_seqlens, sizes, x.device).shape[0] - 1
        if state is None:
            state = self._empty(sequences)
        self._check_state(state, "B" if cu_seqlens is None else "n_seqs", sequences)
        y, state = self._run(x, state, cu_seqlens)
        return (y, state) if return_state else y

    def step(self, x: Tensor, state) -> tuple:
        """Take one step in time.

        Parameters
        ----------
        x : Tensor, ``(B, D)``
            Inputs of this step, of the dtype of the parameters.
        state
            The state before it; left as it is.

        Returns
        -------
        y : Tensor, ``(B, D)``
            Outputs of this step.
        state
            The next state.

        Raises
        ------
        ShapeError
            For a wrong shape. It is a ValueError.
        TypeError
            For a dtype unlike the parameters', or a state of another layer.
        """
        check("x", x, "B D", {"D": self.d_model})
        y, state = self.forward(x.unsqueeze(1), state, return_state=True)
        return y.squeeze(1), state

    def init_state(self, batch: int):
        """The state of an empty past.

        Parameters
        ----------
        batch : int
            Number of sequences.

        Returns
        -------
        Tensor or named tuple of Tensor
            The state, with ``batch`` sequences on the first axis.

        Raises
        ------
        ValueError
            Unless ``batch`` is an integer of at least 1.
        """
        return self._empty(check_positive_int("batch", batch))

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype

    def _zeros(self, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        device = next(self.parameters()).device
        return torch.zeros(shape, dtype=dtype or self._dtype, device=device)

    def _check_state(self, state, axis: str, sequences: int) -> None:
        """Compare every part with that of an empty past; `axis` names the first axis."""
        empty = self._empty(sequences)
        if not isinstance(state, type(empty)):
            expected, got = type(empty).__name__, type(state).__name__
            raise TypeError(f"`state` must be a {expected}, got {got}")
        patterns = [f"{axis} {axes}" for axes in self._axes.values()]
        sizes: dict = {}
        for name, pattern, like in zip(self._axes, patterns, _parts(empty), strict=True):
            sizes = check(name, like, pattern, sizes)
        for growing in self._growing:
            del sizes[growing]
        names_and_parts = zip(self._axes, patterns, _parts(state), _parts(empty), strict=True)
        for name, pattern, part, like in names_and_parts:
            sizes = check(name, part, pattern, sizes)
            check_dtype(name, part, (like.dtype,))


def factory(device, dtype) -> dict:
    """Where and in which precision the parameters are made: arguments for `torch.nn` layers."""
    dtype = dtype or torch.get_default_dtype()
    check_choice("dtype", dtype, (torch.float32, torch.float64))
    return {"device": device, "dtype": dtype}


def undecayed(values: Tensor, made: dict) -> nn.Parameter:
    """A parameter that an optimiser should not decay, marked as is usual in this field."""
    parameter = nn.Parameter(values.to(**made).contiguous())
    parameter._no_weight_decay = True
    return parameter


def _parts(state) -> tuple[Tensor, ...]:
    return (state,) if isinstance(state, Tensor) else tuple(state)
