"""The diagonal state space layer S4D."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssm_companion._shapes import check, check_choice, check_dtype, check_positive_int
from ssm_companion.discretize import zoh
from ssm_companion.init import dt_log_uniform, s4d_inv, s4d_legs, s4d_lin, s4d_real
from ssm_companion.scan import linear_scan

_INITS = {"lin": s4d_lin, "inv": s4d_inv, "legs": s4d_legs, "real": s4d_real}


class S4D(nn.Module):
    r"""One diagonal state space system per channel, and nothing else.

    :math:`h' = A h + u` and :math:`y = C h + D u`, with A diagonal, discretised by zero-order hold
    with one learnt step per channel. Channels do not mix and nothing is nonlinear: a block that
    uses the layer adds both.

    Parameters
    ----------
    d_model : int
        Channels D.
    d_state : int, optional
        Stored modes N per channel.
    init : {"lin", "inv", "legs", "real"}, optional
        Eigenvalues at the start, from ``ssm_companion.init``.
    dt_min : float, optional
        Smallest step size at the start, in the unit of time of 1/A. The steps are log-uniform.
    dt_max : float, optional
        Largest step size at the start, in the same unit.
    device : torch.device, optional
        Device of the parameters.
    dtype : torch.dtype, optional
        Type of the parameters, float32 or float64; torch's default if None.

    Raises
    ------
    ValueError
        For a size below 1, an unknown ``init``, another ``dtype``, or unless
        ``0 < dt_min <= dt_max``.

    Notes
    -----
    B is fixed to ones: only the product of B and C reaches the output, so C holds both.

    With ``init="real"`` the N stored modes are real: :math:`y = C h + D u`. Otherwise they are
    complex and each stands for itself and its conjugate:
    :math:`y = 2 \operatorname{Re}(C h) + D u`. Complex parameters are stored as pairs of reals.

    The learnt parameters are

    - ``log_decay``, ``(D, N)``: the logarithm of ``-Re A``, so that every mode decays;
    - ``frequency``, ``(D, N)``: ``Im A``, for complex modes only;
    - ``C``, ``(D, N, 2)`` for complex modes, ``(D, N)`` for real ones: the read-out;
    - ``D``, ``(D,)``: the feed-through;
    - ``log_delta``, ``(D,)``: the logarithm of the step.

    References
    ----------
    Gu, Gupta, Goel and Ré, arXiv 2206.11893 (2022).

    Examples
    --------
    >>> layer = S4D(4, 16)
    >>> y, state = layer(torch.randn(2, 10, 4), return_state=True)
    >>> y_next, state = layer.step(torch.randn(2, 4), state)
    >>> y.shape, y_next.shape
    (torch.Size([2, 10, 4]), torch.Size([2, 4]))
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
        """Map a whole sequence of inputs to outputs.

        Parameters
        ----------
        u : Tensor, ``(B, L, D)``
            Inputs, of the dtype of the parameters.
        state : Tensor, ``(B, D, N)``, optional
            The state before the first step; zeros if None.
        return_state : bool, optional
            Return the last state too.

        Returns
        -------
        y : Tensor, ``(B, L, D)``
            Outputs.
        state : Tensor, ``(B, D, N)``
            With ``return_state`` only: the state after the last step, in a pair with ``y``.

        Raises
        ------
        ShapeError
            For a wrong shape. It is a ValueError.
        TypeError
            For a dtype unlike the parameters'.
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
        """Take one step in time.

        Parameters
        ----------
        u : Tensor, ``(B, D)``
            Inputs of this step, of the dtype of the parameters.
        state : Tensor, ``(B, D, N)``
            The state before it; left as it is.

        Returns
        -------
        y : Tensor, ``(B, D)``
            Outputs of this step.
        state : Tensor, ``(B, D, N)``
            The next state.

        Raises
        ------
        ShapeError
            For a wrong shape. It is a ValueError.
        TypeError
            For a dtype unlike the parameters'.
        """
        sizes = check("u", u, "B D", {"D": self.d_model})
        check_dtype("u", u, (self.D.dtype,))
        self._check_state(state, sizes)
        a, b = self.discretise()
        state = a * state + b * u[..., None]
        return self._read_out(state, u), state

    def init_state(self, batch: int) -> Tensor:
        """The state of an empty past.

        Parameters
        ----------
        batch : int
            Number of sequences.

        Returns
        -------
        Tensor, ``(batch, D, N)``
            Zeros, complex for complex modes.

        Raises
        ------
        ValueError
            Unless ``batch`` is an integer of at least 1.
        """
        shape = (check_positive_int("batch", batch), self.d_model, self.d_state)
        return torch.zeros(shape, dtype=self._state_dtype, device=self.D.device)

    def discretise(self) -> tuple[Tensor, Tensor]:
        """The a and b of :math:`h_t = a h_{t-1} + b u_t`.

        Returns
        -------
        a, b : Tensor, ``(D, N)``
            Complex for complex modes.
        """
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
