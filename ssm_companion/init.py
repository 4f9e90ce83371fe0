"""Where the eigenvalues and the step sizes of a diagonal system start.

N counts the stored modes. A complex mode stands for itself and its conjugate, so N
complex modes are a real system of 2N states. Everything is returned in double precision
for the caller to round once.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ssm_companion._shapes import check_positive_int


def s4d_lin(N: int) -> Tensor:
    """A_n = -1/2 + i pi n, of shape (N,), complex: frequencies on an even grid.

    Raises ValueError unless N >= 1.

    Source: S4D-Lin of Gu, Gupta, Goel and Ré, arXiv 2206.11893 (2022).
    """
    n = _modes(N)
    return torch.complex(torch.full_like(n, -0.5), math.pi * n)


def s4d_inv(N: int) -> Tensor:
    """A_n = -1/2 + i (M / pi) (M / (2n + 1) - 1) with M = 2N, of shape (N,), complex.

    The paper writes the formula with the size of the real system, which is M here: these
    follow the eigenvalues of HiPPO-LegS of size M. Highest frequency first.

    Raises ValueError unless N >= 1.

    Source: S4D-Inv of Gu, Gupta, Goel and Ré, arXiv 2206.11893 (2022).
    """
    n = _modes(N)
    full = 2 * N
    return torch.complex(torch.full_like(n, -0.5), full / math.pi * (full / (2 * n + 1) - 1))


def s4d_real(N: int) -> Tensor:
    """A_n = -(n + 1), of shape (N,), real: decay without oscillation.

    Raises ValueError unless N >= 1.

    Source: S4D-Real of Gu, Gupta, Goel and Ré, arXiv 2206.11893 (2022).
    """
    return -(_modes(N) + 1)


def lru_ring(
    N: int,
    r_min: float = 0.0,
    r_max: float = 1.0,
    max_phase: float = 2 * math.pi,
    *,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Discrete eigenvalues uniform by area on a ring: (N,), complex, per step.

    The modulus lies in [r_min, r_max] and the phase, in radians a step, in [0, max_phase].
    `generator` draws the numbers (default: torch's own).

    Raises ValueError unless N >= 1 and 0 <= r_min <= r_max <= 1.

    Source: Orvieto et al., arXiv 2303.06349 (2023), lemma 3.2.
    """
    check_positive_int("N", N)
    if not 0 <= r_min <= r_max <= 1:
        raise ValueError(f"`r_min`, `r_max` must be 0 <= r_min <= r_max <= 1, got {r_min}, {r_max}")
    area, turn = torch.rand(2, N, dtype=torch.float64, generator=generator)
    radius = (r_min**2 + (r_max**2 - r_min**2) * area).sqrt()
    return torch.polar(radius, max_phase * turn)


def dt_log_uniform(
    D: int, lo: float, hi: float, *, generator: torch.Generator | None = None
) -> Tensor:
    """Step sizes with a uniform logarithm in [lo, hi], of shape (D,), real.

    The unit is that of `lo` and `hi`; `generator` draws the numbers (default: torch's own).

    Raises ValueError unless D >= 1 and 0 < lo <= hi.

    Source: Gu, Gupta, Goel and Ré, arXiv 2206.11893 (2022).
    """
    check_positive_int("D", D)
    if not 0 < lo <= hi < math.inf:
        raise ValueError(f"`lo`, `hi` must be 0 < lo <= hi, got {lo}, {hi}")
    share = torch.rand(D, dtype=torch.float64, generator=generator)
    return torch.exp(math.log(lo) + (math.log(hi) - math.log(lo)) * share)


def inv_softplus(x: Tensor) -> Tensor:
    """The y with softplus(y) = log(1 + exp(y)) = x, for x > 0; any shape.

    Raises ValueError if an entry of `x` is not above 0.
    """
    if not bool((x > 0).all()):
        raise ValueError(f"`x` must be > 0, got a smallest entry of {x.min().item()}")
    # log(exp(x) - 1) overflows for large x and cancels for small x; this form does neither
    return x + torch.log(-torch.expm1(-x))


def _modes(N: int) -> Tensor:
    return torch.arange(check_positive_int("N", N), dtype=torch.float64)
