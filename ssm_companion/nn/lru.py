"""The linear recurrent unit."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ssm_companion._shapes import check_positive_int
from ssm_companion.init import lru_ring
from ssm_companion.nn._layer import Layer, factory
from ssm_companion.scan import linear_scan


class LRU(Layer):
    r"""One discrete diagonal system with dense input and output matrices.

    :math:`h_t = \lambda \odot h_{t-1} + \gamma \odot B u_t` and
    :math:`y_t = \operatorname{Re}(C h_t) + D \odot u_t` with
    :math:`\gamma = \sqrt{1 - |\lambda|^2}`, which keeps the variance of a state that is driven by
    white noise independent of :math:`\lambda`. There is no step size and nothing is nonlinear: a
    block that uses the layer adds that.

    Parameters
    ----------
    d_model : int
        Channels D.
    d_state : int, optional
        Modes N, shared by all channels. Each is complex and stands for itself alone.
    r_min : float, optional
        Smallest modulus of the eigenvalues at the start.
    r_max : float, optional
        Largest modulus at the start.
    max_phase : float, optional
        Largest phase at the start, in radians a step.
    device : torch.device, optional
        Device of the parameters.
    dtype : torch.dtype, optional
        Type of the parameters, float32 or float64; torch's default if None.

    Raises
    ------
    ValueError
        For a size below 1, another ``dtype``, or unless ``0 <= r_min <= r_max <= 1``.

    Notes
    -----
    The state is a complex tensor ``(B, N)``. Complex parameters are stored as pairs of reals. The
    learnt parameters are

    - ``nu_log``, ``(N,)``: :math:`|\lambda| = \exp(-\exp \nu)`, so that every mode decays;
    - ``theta_log``, ``(N,)``: the phase is :math:`\exp \theta`, in radians a step;
    - ``B``, ``(N, D, 2)``, and ``C``, ``(D, N, 2)``: the matrices;
    - ``D``, ``(D,)``: the feed-through.

    The published layer learns :math:`\gamma` besides, from the value that it has here throughout.

    References
    ----------
    Orvieto et al., arXiv 2303.06349 (2023), section 3.

    Examples
    --------
    >>> layer = LRU(4, 16)
    >>> y, state = layer(torch.randn(2, 10, 4), return_state=True)
    >>> y_next, state = layer.step(torch.randn(2, 4), state)
    >>> y.shape, y_next.shape
    (torch.Size([2, 10, 4]), torch.Size([2, 4]))
    """

    _axes = {"state": "N"}

    def __init__(
        self,
        d_model: int,
        d_state: int = 16,
        *,
        r_min: float = 0.0,
        r_max: float = 1.0,
        max_phase: float = 2 * math.pi,
        device=None,
        dtype=None,
    ):
        super().__init__(d_model)
        self.d_state = check_positive_int("d_state", d_state)
        made = factory(device, dtype)

        def parameter(values: Tensor) -> nn.Parameter:
            return nn.Parameter(values.to(**made).contiguous())

        ring = lru_ring(d_state, r_min, r_max, max_phase)
        self.nu_log = parameter((-ring.abs().log()).log())
        self.theta_log = parameter(ring.angle().remainder(2 * math.pi).log())
        # entries of B and C of variance 1 / D and 1 / N, half of it in each part
        self.B = parameter(torch.randn(d_state, d_model, 2) / math.sqrt(2 * d_model))
        self.C = parameter(torch.randn(d_model, d_state, 2) / math.sqrt(2 * d_state))
        self.D = parameter(torch.randn(d_model))

    def _empty(self, batch: int) -> Tensor:
        return self._zeros(batch, self.d_state, dtype=self._dtype.to_complex())

    def _run(self, x: Tensor, state: Tensor, cu_seqlens: Tensor | None) -> tuple[Tensor, Tensor]:
        eigenvalues, gamma = self.recurrence()
        inputs = torch.einsum("bld,ndk->blnk", x, gamma[:, None, None] * self.B)
        h, last = linear_scan(
            eigenvalues,
            torch.view_as_complex(inputs),
            state,
            cu_seqlens=cu_seqlens,
            return_last=True,
        )
        C = torch.view_as_complex(self.C)
        return (h @ C.T).real + self.D * x, last

    def recurrence(self) -> tuple[Tensor, Tensor]:
        r"""The eigenvalues and the scale of the input.

        Returns
        -------
        eigenvalues : Tensor, ``(N,)``
            Complex, per step.
        gamma : Tensor, ``(N,)``
            :math:`\sqrt{1 - |\lambda|^2}`, real.
        """
        nu = self.nu_log.exp()
        # 1 - |lambda|^2 with no cancellation for |lambda| near 1
        gamma = (-torch.expm1(-2 * nu)).sqrt()
        return torch.polar((-nu).exp(), self.theta_log.exp()), gamma

    def extra_repr(self) -> str:
        return f"d_model={self.d_model}, d_state={self.d_state}"
