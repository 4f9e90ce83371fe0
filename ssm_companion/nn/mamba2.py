"""The Mamba-2 block."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import silu, softplus

from ssm_companion._shapes import check_positive_int
from ssm_companion.duality import ssd
from ssm_companion.init import dt_log_uniform, inv_softplus
from ssm_companion.nn._conv import CausalConv
from ssm_companion.nn._layer import Layer, factory, undecayed
from ssm_companion.nn.mamba import DT_MAX, DT_MIN, MambaState


class Mamba2(Layer):
    r"""A gated block whose memory is a scan with one decay per head.

    The input is projected to a gate ``z`` and an ``x`` of E = ``expand * d_model`` channels, to B
    and C of N numbers each, and to one step per head. x, B and C go through a short causal filter
    and :math:`\operatorname{silu}`; the H = E / P heads of x then
    through :func:`ssm_companion.duality.ssd` with decay :math:`\exp(\delta_t A)` and input
    :math:`\delta_t x_t`. The output, times :math:`\operatorname{silu}(z)`, is normalised and
    projected back.

    Parameters
    ----------
    d_model : int
        Channels of the input and of the output.
    d_state : int, optional
        Size N of the state of one channel.
    d_conv : int, optional
        Taps K of the filter.
    expand : int, optional
        Inner channels per outer one.
    headdim : int, optional
        Channels P per head, a divisor of ``expand * d_model``.
    chunk_size : int, optional
        Steps that are computed as one matrix product.
    device : torch.device, optional
        Device of the parameters.
    dtype : torch.dtype, optional
        Type of the parameters, float32 or float64; torch's default if None.

    Raises
    ------
    ValueError
        For a size below 1, a ``headdim`` that does not divide, or another ``dtype``.

    Notes
    -----
    The state is a named tuple of ``conv``, ``(B, K - 1, E + 2 N)``, the last inputs of the filter,
    and ``ssm``, ``(B, H, P, N)``.

    The learnt parameters besides the projections ``in_proj`` and ``out_proj``, the filter ``conv``
    and the scales of ``norm`` are, one number a head,

    - ``A_log``: the logarithm of ``-A``, so that every head decays; A starts uniform in
      ``[-16, -1]``;
    - ``dt_bias``: added to the step before softplus; it starts so that the steps are log-uniform
      between 0.001 and 0.1;
    - ``D``: the feed-through.

    They carry the mark ``_no_weight_decay``.

    References
    ----------
    Dao and Gu, arXiv 2405.21060 (2024), section 7 and the published code.

    Examples
    --------
    >>> layer = Mamba2(4, headdim=8)
    >>> y, state = layer(torch.randn(2, 10, 4), return_state=True)
    >>> y_next, state = layer.step(torch.randn(2, 4), state)
    >>> y.shape, y_next.shape
    (torch.Size([2, 10, 4]), torch.Size([2, 4]))
    """

    _axes = {"state.conv": "K channels", "state.ssm": "H P N"}

    def __init__(
        self,
        d_model: int,
        d_state: int = 128,
        d_conv: int = 4,
        expand: int = 2,
        headdim: int = 64,
        *,
        chunk_size: int = 64,
        device=None,
        dtype=None,
    ):
        super().__init__(d_model)
        self.d_state = check_positive_int("d_state", d_state)
        self.d_conv = check_positive_int("d_conv", d_conv)
        self.d_inner = check_positive_int("expand", expand) * d_model
        self.headdim = check_positive_int("headdim", headdim)
        self.chunk_size = check_positive_int("chunk_size", chunk_size)
        self.nheads, rest = divmod(self.d_inner, headdim)
        if rest:
            raise ValueError(
                f"`headdim` must divide expand * d_model = {self.d_inner}, got {headdim}"
            )
        self._filtered = (self.d_inner, d_state, d_state)  # x, B, C

        made = factory(device, dtype)
        filtered = sum(self._filtered)
        self._widths = (self.d_inner, filtered, self.nheads)  # z; x, B, C; the step
        self.in_proj = nn.Linear(d_model, sum(self._widths), bias=False, **made)
        self.conv = CausalConv(filtered, d_conv, **made)
        self.A_log = undecayed(torch.empty(self.nheads).uniform_(1, 16).log(), made)
        steps = dt_log_uniform(self.nheads, DT_MIN, DT_MAX)
        self.dt_bias = undecayed(inv_softplus(steps), made)
        self.D = undecayed(torch.ones(self.nheads), made)
        self.norm = nn.RMSNorm(self.d_inner, eps=1e-5, **made)
        self.out_proj = nn.Linear(self.d_inner, d_model, bias=False, **made)

    def _empty(self, batch: int) -> MambaState:
        return MambaState(
            self._zeros(batch, self.d_conv - 1, sum(self._filtered)),
            self._zeros(batch, self.nheads, self.headdim, self.d_state),
        )

    def _run(
        self, x: Tensor, state: MambaState, cu_seqlens: Tensor | None
    ) -> tuple[Tensor, MambaState]:
        z, filtered, dt = self.in_proj(x).split(self._widths, dim=-1)
        filtered, conv = self.conv(filtered, state.conv, cu_seqlens)
        u, B, C = silu(filtered).split(self._filtered, dim=-1)
        u = u.unflatten(-1, (self.nheads, self.headdim))
        delta = softplus(dt + self.dt_bias)
        y, ssm = ssd(
            u * delta[..., None],
            -self.A_log.exp() * delta,
            B,
            C,
            chunk_size=self.chunk_size,
            initial_state=state.ssm,
            cu_seqlens=cu_seqlens,
            return_last_state=True,
        )
        y = (y + self.D[:, None] * u).flatten(-2)
        return self.out_proj(self.norm(y * silu(z))), MambaState(conv, ssm)

    def extra_repr(self) -> str:
        return f"d_state={self.d_state}, nheads={self.nheads}, headdim={self.headdim}"
