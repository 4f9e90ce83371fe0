"""The diagonal state space layer S4D."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssm_companion._shapes import check, check_choice, check_dtype, check_positive_int
from ssm_companion.discretize import zoh
from ssm_companion.init import dt_log_uniform, s4d_inv, s4d_lin, s4d_real
from ssm_companion.scan import linear_scan

_INITS = {"lin": s4d_lin, "inv": s4d_inv, "real": s4d_real}


class S4D(nn.Module):
    """One diagonal state space system per channel, and nothing else.

    h' = A h + u and y = C h + D u, with A diagonal, discretised by zero-order hold with
    one learnt step per channel. Channels do not mix and nothing is nonlinear: a block
    that uses the layer adds both.

    B is fixed to ones: only the product of B and C reaches the output, so C holds both.

    With `init="lin"` or `"inv"` the N stored modes are complex and each stands for itself
    and its conjugate: y = 2 Re(C h) + D u. With `"real"` they are real: y = C h + D u.
    Complex parameters are stored as pairs of reals, and -Re A by its logarithm, so that
    every mode decays.

    Args
        d_model: channels D.
        d_state: stored modes N per channel.
        init: eigenvalues at the start, from `ssm_companion.init`.
        dt_min, dt_max: range of the step sizes at the start, log-uniform, in the unit of
            time of 1/A.
        device, dtype: of the parameters; float32 or float64.

    Parameters
        log_decay (D, N); frequency (D, N), complex modes only; C (D, N, 2) for complex
        modes, (D, N) for real ones; D (D,); log_delta (D,).

    Raises ValueError for a size below 1, an unknown `init`, another `dtype`, or unless
    0 < dt_min <= dt_max.

    Source: Gu, Gupta, Goel and Ré, arXiv 2206.11893 (2022).
    """

    def __init__(
        self,
        d_model: int,
        d_state: int = 16,
        *,
        init: str = "lin",
        dt_min: float = 1e-3,
        dt_max: float = 1e-1,
        device=None,
        dtype=None,
    ):
        super().__init__()
        self.d_model = check_positive_int("d_model", d_model)
        self.d_state = check_positive_int("d_state", d_state)
        check_choice("init", init, _INITS)
        dtype = dtype or torch.get_default_dtype()
        check_choice("dtype", dtype, (torch.float32, torch.float64))

        def parameter(values: Tensor) -> nn.Parameter:
            return nn.Parameter(values.to(device=device, dtype=dtype).contiguous())

        eigenvalues = _INITS[init](d_state).expand(d_model, d_state)
        self.is_complex = eigenvalues.is_complex()
        self.log_decay = parameter((-eigenvalues.real).log())
        C = torch.randn(d_model, d_state, dtype=eigenvalues.dtype)
        if self.is_complex:
            self.frequency = parameter(eigenvalues.imag)
            C = torch.view_as_real(C)
        self.C = parameter(C)
        self.D = parameter(torch.ones(d_model))
        self.log_delta = parameter(dt_log_uniform(d_model, dt_min, dt_max).log())

    def forward(
        self, u: Tensor, state: Tensor | None = None, *, return_state: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        """`u` (B, L, D) to y (B, L, D), from `state` (B, D, N) or zeros.

        With `return_state`, the pair of y and the state after the last step.
        Raises ShapeError for a wrong shape, TypeError for a dtype unlike the parameters'.
        """
        sizes = check("u", u, "B L D", {"D": self.d_model})
        check_dtype("u", u, (self.D.dtype,))
        if state is None:
            state = self.init_state(sizes["B"])
        self._check_state(state, sizes)
        a, b = self.discretise()
        h, last = linear_scan(a, b * u[..., None], state, return_last=True)
        y = self._read_out(h, u)
        return (y, last) if return_state else y

    def step(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One step: `u` (B, D) and `state` (B, D, N) to y (B, D) and the next state.

        Raises as `forward` does. `state` is left as it is.
        """
        sizes = check("u", u, "B D", {"D": self.d_model})
        check_dtype("u", u, (self.D.dtype,))
        self._check_state(state, sizes)
        a, b = self.discretise()
        state = a * state + b * u[..., None]
        return self._read_out(state, u), state

    def init_state(self, batch: int) -> Tensor:
        """The state of an empty past: zeros (batch, D, N), complex for complex modes."""
        shape = (check_positive_int("batch", batch), self.d_model, self.d_state)
        return torch.zeros(shape, dtype=self._state_dtype, device=self.D.device)

    def discretise(self) -> tuple[Tensor, Tensor]:
        """The a and b of h_t = a h_{t-1} + b u_t, both (D, N)."""
        A = -self.log_decay.exp()
        if self.is_complex:
            A = torch.complex(A, self.frequency)
        return zoh(self.log_delta.exp(), A, torch.ones_like(A))

    def extra_repr(self) -> str:
        kind = "complex" if self.is_complex else "real"
        return f"d_model={self.d_model}, d_state={self.d_state}, {kind} modes"

    @property
    def _state_dtype(self) -> torch.dtype:
        return self.D.dtype.to_complex() if self.is_complex else self.D.dtype

    def _check_state(self, state: Tensor, sizes: dict) -> None:
        check("state", state, "B D N", {"B": sizes["B"], "D": self.d_model, "N": self.d_state})
        check_dtype("state", state, (self._state_dtype,))

    def _read_out(self, h: Tensor, u: Tensor) -> Tensor:
        """`h` (..., D, N) and `u` (..., D) to y (..., D)."""
        if not self.is_complex:
            return (h * self.C).sum(-1) + self.D * u
        return 2 * (h * torch.view_as_complex(self.C)).sum(-1).real + self.D * u
