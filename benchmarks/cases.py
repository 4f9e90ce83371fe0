"""What is computed: sizes, inputs, and results in float64 to compare with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log, pi

import torch
from torch import Tensor

from ssm_companion import selective_scan

NAMES = ("u", "delta", "A", "B", "C")
LONGEST_LOOP = 2**14  # steps that the float64 loop takes in seconds


@dataclass(frozen=True)
class Case:
    """A selective scan over (B, L, D, N), with or without the gradients of all inputs."""

    B: int
    L: int
    D: int
    N: int
    is_complex: bool = False
    backward: bool = False

    @property
    def name(self) -> str:
        kind = "complex" if self.is_complex else "real"
        what = "forward + backward" if self.backward else "forward"
        return f"({self.B}, {self.L}, {self.D}, {self.N}) {kind}, {what}"

    @property
    def elements(self) -> int:
        """Real numbers in the states of all steps."""
        return self.B * self.L * self.D * self.N * (2 if self.is_complex else 1)

    def with_backward(self) -> Case:
        return replace(self, backward=True)


FIRST = Case(2, 2048, 256, 16)
HALF_COMPLEX = Case(2, 2048, 256, 8, is_complex=True)  # as many real numbers as the first
FULL_COMPLEX = Case(2, 2048, 256, 16, is_complex=True)
LONG, WIDE = Case(1, 16384, 64, 16), Case(8, 512, 512, 16)
SHORT = Case(2, 256, 256, 16).with_backward()  # the sequential loop can be differentiated here
SWEEP = tuple(Case(1, 2**k, 16, 16) for k in range(8, 21, 2))

_FORWARD = (FIRST, HALF_COMPLEX, FULL_COMPLEX, LONG, WIDE)
TABLE = tuple(x for case in _FORWARD for x in (case, case.with_backward())) + (SHORT,)
QUICK_TABLE = (FIRST, FIRST.with_backward(), HALF_COMPLEX, SHORT)
QUICK_SWEEP = SWEEP[:4]


def inputs(case: Case) -> list[Tensor]:
    """u, delta, A, B and C in float32: a Mamba layer at the start of its training.

    A is S4D-Real or S4D-Lin, and the steps are log-uniform between 1e-3 and 1e-1.
    """
    draw = torch.Generator().manual_seed(0)
    dtype = torch.complex64 if case.is_complex else torch.float32
    rows, modes = (case.B, case.L), torch.arange(case.N)
    u = torch.randn(*rows, case.D, generator=draw)
    delta = torch.empty_like(u).uniform_(log(1e-3), log(1e-1), generator=draw).exp_()
    A = (
        torch.complex(torch.full((case.N,), -0.5), pi * modes)
        if case.is_complex
        else -(modes + 1.0)
    )
    B, C = (torch.randn(*rows, case.N, dtype=dtype, generator=draw) for _ in range(2))
    return [u, delta, A.repeat(case.D, 1), B, C]


def weights(case: Case) -> Tensor:
    """The derivative of a loss with respect to y."""
    draw = torch.Generator().manual_seed(1)
    return torch.randn(case.B, case.L, case.D, generator=draw)


def evaluated(function, case: Case, tensors: list[Tensor], dy: Tensor) -> list[Tensor]:
    """y, followed by the gradients of the inputs if the case asks for them."""
    if not case.backward:
        with torch.no_grad():
            return [function(*tensors)]
    leaves = [x.detach().requires_grad_() for x in tensors]
    y = function(*leaves)
    return [y.detach(), *torch.autograd.grad(y, leaves, dy)]


def exact(case: Case) -> list[Tensor]:
    """The result in float64: by a loop over time, or where that takes minutes, chunk by chunk."""
    function = loop if case.L <= LONGEST_LOOP else _chunked
    tensors = [_double(x) for x in inputs(case)]
    return evaluated(function, case, tensors, weights(case).double())


def loop(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """The recurrence as it is written on paper, one step after the other."""
    h, outputs = 0, []
    for u_t, delta_t, B_t, C_t in zip(*(x.unbind(1) for x in (u, delta, B, C)), strict=True):
        decay = torch.exp(delta_t.unsqueeze(-1) * A)
        h = decay * h + (delta_t * u_t).unsqueeze(-1) * B_t.unsqueeze(1)
        outputs.append((h * C_t.unsqueeze(1)).sum(-1))
    return real(torch.stack(outputs, dim=1))


def real(y: Tensor) -> Tensor:
    """The sum over modes and, if they are complex, over their conjugates."""
    return 2 * y.real if y.is_complex() else y


def error(found: list[Tensor], wanted: list[Tensor]) -> float:
    """The largest deviation of any tensor, in units of its largest entry."""
    pairs = zip(found, wanted, strict=True)
    return max(((x - exact).abs().max() / exact.abs().max()).item() for x, exact in pairs)


def _chunked(*tensors: Tensor) -> Tensor:
    return selective_scan(*tensors, backend="chunked", chunk_size=1024)


def _double(x: Tensor) -> Tensor:
    return x.to(torch.complex128 if x.is_complex() else torch.float64)
