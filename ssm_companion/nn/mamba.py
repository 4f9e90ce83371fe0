"""The Mamba block."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from ssm_companion._shapes import check_choice, check_positive_int
from ssm_companion.init import dt_log_uniform, inv_softplus, s4d_lin, s4d_real
from ssm_companion.nn._conv import CausalConv
from ssm_companion.nn._layer import Layer, factory, undecayed
from ssm_companion.selective import DISCRETIZATIONS, selective_scan

# range of the steps at the start, in the unit of time of 1/A, as published
DT_MIN, DT_MAX = 1e-3, 1e-1


class MambaState(NamedTuple):
    """The past of a Mamba block: the inputs that its filter still sees, and its memory."""

    conv: Tensor  # (B, d_conv - 1, channels), oldest first
    ssm: Tensor  # the state of the scan


class Mamba(Layer):
    r"""A gated block whose memory is a selective scan.

    The input is projected to ``x`` and a gate ``z`` of E = ``expand * d_model`` channels each; x
    goes through a short causal filter and :math:`\operatorname{silu}`, and the result makes its own
    step, B and C for :func:`ssm_companion.selective_scan`. The output, times
    :math:`\operatorname{silu}(z)`, is projected back.

    Parameters
    ----------
    d_model : int
        Channels of the input and of the output.
    d_state : int, optional
        Stored modes N per channel.
    d_conv : int, optional
        Taps K of the filter.
    expand : int, optional
        Inner channels per outer one.
    dt_rank : int or "auto", optional
        Numbers from which the steps of all channels are made; ``d_model / 16``, rounded up, by
        default.
    complex : bool, optional
        Complex modes: each stands for itself and its conjugate, and B and C are complex. At the
        start the modes are those of S4D-Lin, otherwise those of S4D-Real.
    discretization : {"euler", "zoh", "bilinear", "trapezoid"}, optional
        The rule, as in :func:`ssm_companion.selective_scan`. The published one is Euler's.
    device : torch.device, optional
        Device of the parameters.
    dtype : torch.dtype, optional
        Type of the parameters, float32 or float64; torch's default if None.

    Raises
    ------
    ValueError
        For a size below 1, an unknown ``discretization`` or another ``dtype``.

    Notes
    -----
    The state is a named tuple of ``conv``, ``(B, K - 1, E)``, the last inputs of the filter, and
    ``ssm``, ``(B, E, N)``, or ``(B, E, 2, N)`` with the trapezoidal rule.

    The learnt parameters besides the projections ``in_proj``, ``x_proj``, ``dt_proj`` and
    ``out_proj`` and the filter ``conv`` are

    - ``A_log``, ``(E, N)``: the logarithm of ``-Re A``, so that every mode decays;
    - ``frequency``, ``(E, N)``: ``Im A``, for complex modes only;
    - ``D``, ``(E,)``: the feed-through.

    They carry the mark ``_no_weight_decay``. The bias of ``dt_proj`` starts so that the steps are
    log-uniform between 0.001 and 0.1.

    References
    ----------
    Gu and Dao, arXiv 2312.00752 (2023), section 3.4 and the published code.

    Examples
    --------
    >>> layer = Mamba(4, complex=True)
    >>> y, state = layer(torch.randn(2, 10, 4), return_state=True)
    >>> y_next, state = layer.step(torch.randn(2, 4), state)
    >>> y.shape, y_next.shape
    (torch.Size([2, 10, 4]), torch.Size([2, 4]))
    """

    def __init__(
        self,
        d_model: int,
        d_state: int = 16,
        d_conv: int = 4,
        expand: int = 2,
        dt_rank: int | str = "auto",
        complex: bool = False,
        discretization: str = "euler",
        *,
        device=None,
        dtype=None,
    ):
        super().__init__(d_model)
        check_choice("discretization", discretization, DISCRETIZATIONS)
        self.d_state = check_positive_int("d_state", d_state)
        self.d_conv = check_positive_int("d_conv", d_conv)
        self.d_inner = check_positive_int("expand", expand) * d_model
        if dt_rank == "auto":
            dt_rank = math.ceil(d_model / 16)
        self.dt_rank = check_positive_int("dt_rank", dt_rank)
        self.is_complex = bool(complex)
        self.discretization = discretization
        two = "two " if discretization == "trapezoid" else ""
        self._axes = {"state.conv": "K E", "state.ssm": f"E {two}N"}
        # of a step: what makes its size, then B and C, two reals for a complex number
        weights = 2 * d_state if complex else d_state
        self._widths = (self.dt_rank, weights, weights)

        made = factory(device, dtype)
        self.in_proj = nn.Linear(d_model, 2 * self.d_inner, bias=False, **made)
        self.conv = CausalConv(self.d_inner, d_conv, **made)
        self.x_proj = nn.Linear(self.d_inner, sum(self._widths), bias=False, **made)
        self.dt_proj = nn.Linear(self.dt_rank, self.d_inner, **made)
        self.out_proj = nn.Linear(self.d_inner, d_model, bias=False, **made)
        modes = (s4d_lin if complex else s4d_real)(d_state).expand(self.d_inner, d_state)
        self.A_log = undecayed((-modes.real).log(), made)
        if complex:
            self.frequency = undecayed(modes.imag, made)
        self.D = undecayed(torch.ones(self.d_inner), made)
        with torch.no_grad():
            bound = self.dt_rank**-0.5
            self.dt_proj.weight.uniform_(-bound, bound)
            steps = dt_log_uniform(self.d_inner, DT_MIN, DT_MAX)
            self.dt_proj.bias.copy_(inv_softplus(steps))

    @property
    def A(self) -> Tensor:
        """The diagonal of the system, ``(E, N)``."""
        A = -self.A_log.exp()
        return torch.complex(A, self.frequency) if self.is_complex else A

    def _empty(self, batch: int) -> MambaState:
        two = (2,) if self.discretization == "trapezoid" else ()
        dtype = self._dtype.to_complex() if self.is_complex else self._dtype
        return MambaState(
            self._zeros(batch, self.d_conv - 1, self.d_inner),
            self._zeros(batch, self.d_inner, *two, self.d_state, dtype=dtype),
        )

    def _run(
        self, x: Tensor, state: MambaState, cu_seqlens: Tensor | None
    ) -> tuple[Tensor, MambaState]:
        u, z = self.in_proj(x).chunk(2, dim=-1)
        u, conv = self.conv(u, state.conv, cu_seqlens)
        u = silu(u)
        dt, B, C = self.x_proj(u).split(self._widths, dim=-1)
        y, ssm = selective_scan(
            u,
            self.dt_proj(dt),
            self.A,
            self._weights(B),
            self._weights(C),
            self.D,
            z,
            delta_softplus=True,
            discretization=self.discretization,
            initial_state=state.ssm,
            cu_seqlens=cu_seqlens,
            return_last_state=True,
        )
        return self.out_proj(y), MambaState(conv, ssm)

    def _weights(self, x: Tensor) -> Tensor:
        """B or C (B, L, N); if complex, from all real parts and then all imaginary ones."""
        return torch.complex(*x.chunk(2, dim=-1)) if self.is_complex else x

    def extra_repr(self) -> str:
        kind = "complex" if self.is_complex else "real"
        return f"d_state={self.d_state}, {kind} modes, discretization={self.discretization!r}"
