"""The short causal convolution in front of a selective scan."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class CausalConv(nn.Module):
    r"""One short filter per channel: :math:`y_t = b + \sum_{k=0}^{K-1} w_k x_{t-K+1+k}`.

    Its state is the last K - 1 inputs, ``(B, K - 1, D)``, oldest first.

    Parameters
    ----------
    channels : int
        Channels D.
    width : int
        Taps K.
    device : torch.device, optional
        Device of the parameters.
    dtype : torch.dtype, optional
        Type of the parameters.
    """

    def __init__(self, channels: int, width: int, *, device=None, dtype=None):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, width, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(channels, device=device, dtype=dtype))
        bound = width**-0.5  # as torch.nn.Conv1d does for filters of one channel each
        for parameter in (self.weight, self.bias):
            nn.init.uniform_(parameter, -bound, bound)

    def forward(
        self, x: Tensor, state: Tensor, cu_seqlens: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Outputs (B, L, D) and the next state, one row a sequence."""
        if cu_seqlens is None:
            return self._filter(x, state)
        pieces = x.split(cu_seqlens.diff().tolist(), dim=1)
        filtered = map(self._filter, pieces, state.split(1))
        y, last = zip(*filtered, strict=True)
        return torch.cat(y, dim=1), torch.cat(last)

    def _filter(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        length = x.shape[1]
        x = torch.cat([state, x], dim=1)
        # a sum over few taps needs no layout of its own, as the convolutions of torch do
        y = sum(x[:, k : k + length] * tap for k, tap in enumerate(self.weight.T))
        return y + self.bias, x[:, length:]

    def extra_repr(self) -> str:
        channels, width = self.weight.shape
        return f"{channels}, {width}"
