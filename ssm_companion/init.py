"""Where the eigenvalues and the step sizes of a diagonal system start.

N counts the stored modes. A complex mode stands for itself and its conjugate, so N complex modes
are a real system of 2N states. Everything is returned in double precision for the caller to round
once.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ssm_companion._shapes import check_positive_int


def s4d_lin(N: int) -> Tensor:
    r"""Eigenvalues with frequencies on an even grid: :math:`A_n = -1/2 + \mathrm{i} \pi n`.

    Parameters
    ----------
    N : int
        Number of stored modes.

    Returns
    -------
    Tensor, ``(N,)``
        The eigenvalues, complex.

    Raises
    ------
    ValueError
        Unless ``N >= 1``.

    References
    ----------
    S4D-Lin of Gu, Gupta, Goel and Ré, arXiv 2206.11893 (2022).

    Examples
    --------
    >>> s4d_lin(3).imag
    tensor([0.0000, 3.1416, 6.2832], dtype=torch.float64)
    """
    n = _modes(N)
    return torch.complex(torch.full_like(n, -0.5), math.pi * n)


def s4d_inv(N: int) -> Tensor:
    r"""Eigenvalues that follow those of HiPPO-LegS, highest frequency first.

    :math:`A_n = -\frac12 + \mathrm{i} \frac{M}{\pi} \left(\frac{M}{2n + 1} - 1\right)` with
    :math:`M = 2N`. The paper writes the formula with the size of the real system, which is M here:
    these follow the eigenvalues of HiPPO-LegS of size M.

    Parameters
    ----------
    N : int
        Number of stored modes.

    Returns
    -------
    Tensor, ``(N,)``
        The eigenvalues, complex.

    Raises
    ------
    ValueError
        Unless ``N >= 1``.

    References
    ----------
    S4D-Inv of Gu, Gupta, Goel and Ré, arXiv 2206.11893 (2022).

    Examples
    --------
    >>> s4d_inv(3).imag
    tensor([9.5493, 1.9099, 0.3820], dtype=torch.float64)
    """
    n = _modes(N)
    full = 2 * N
    return torch.complex(torch.full_like(n, -0.5), full / math.pi * (full / (2 * n + 1) - 1))


def s4d_legs(N: int) -> Tensor:
    r"""Eigenvalues of the normal part of HiPPO-LegS of size 2N, highest frequency first.

    HiPPO-LegS is the matrix with :math:`A_{nk} = -\sqrt{(2n + 1)(2k + 1)}` below the diagonal,
    :math:`-(n + 1)` on it and 0 above. With :math:`P_n = \sqrt{n + 1/2}` the matrix
    :math:`A + P P^\top` is :math:`-\frac12 I` plus a skew-symmetric one, so all its eigenvalues
    have real part :math:`-\frac12`. These are the N with a positive imaginary part.

    Parameters
    ----------
    N : int
        Number of stored modes.

    Returns
    -------
    Tensor, ``(N,)``
        The eigenvalues, complex.

    Raises
    ------
    ValueError
        Unless ``N >= 1``.

    References
    ----------
    S4D-LegS of Gu, Gupta, Goel and Ré, arXiv 2206.11893 (2022).

    Examples
    --------
    >>> s4d_legs(3).imag
    tensor([10.9515,  2.4682,  0.4715], dtype=torch.float64)
    """
    root = (torch.arange(2 * check_positive_int("N", N), dtype=torch.float64) + 0.5).sqrt()
    lower = torch.outer(root, root).tril(-1)
    # i times a real skew-symmetric matrix is Hermitian: its eigenvalues are real, and ascend
    frequency = torch.linalg.eigvalsh(1j * (lower - lower.T))[N:].flip(0)
    return torch.complex(torch.full_like(frequency, -0.5), frequency)


def s4d_real(N: int) -> Tensor:
    """Eigenvalues of decay without oscillation: :math:`A_n = -(n + 1)`.

    Parameters
    ----------
    N : int
        Number of stored modes.

    Returns
    -------
    Tensor, ``(N,)``
        The eigenvalues, real.

    Raises
    ------
    ValueError
        Unless ``N >= 1``.

    References
    ----------
    S4D-Real of Gu, Gupta, Goel and Ré, arXiv 2206.11893 (2022).

    Examples
    --------
    >>> s4d_real(3)
    tensor([-1., -2., -3.], dtype=torch.float64)
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
    """Discrete eigenvalues, per step, uniform by area on a ring.

    Parameters
    ----------
    N : int
        Number of stored modes.
    r_min : float, optional
        Smallest modulus.
    r_max : float, optional
        Largest modulus.
    max_phase : float, optional
        Largest phase, in radians a step; the smallest is 0.
    generator : torch.Generator, optional
        Draws the numbers; torch's own by default.

    Returns
    -------
    Tensor, ``(N,)``
        The eigenvalues, complex, with the modulus in ``[r_min, r_max]`` and the phase in
        ``[0, max_phase]``.

    Raises
    ------
    ValueError
        Unless ``N >= 1`` and ``0 <= r_min <= r_max <= 1``.

    References
    ----------
    Orvieto et al., arXiv 2303.06349 (2023), lemma 3.2.

    Examples
    --------
    >>> ring = lru_ring(100, r_min=0.9, r_max=0.99)
    >>> bool((ring.abs() >= 0.9).all() and (ring.abs() <= 0.99).all())
    True
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
    """Step sizes with a uniform logarithm.

    Parameters
    ----------
    D : int
        Number of channels.
    lo : float
        Smallest step, in any unit of time.
    hi : float
        Largest step, in the same unit.
    generator : torch.Generator, optional
        Draws the numbers; torch's own by default.

    Returns
    -------
    Tensor, ``(D,)``
        The steps, real, in ``[lo, hi]``, in the unit of ``lo`` and ``hi``.

    Raises
    ------
    ValueError
        Unless ``D >= 1`` and ``0 < lo <= hi``, with ``hi`` finite.

    References
    ----------
    Gu, Gupta, Goel and Ré, arXiv 2206.11893 (2022).

    Examples
    --------
    >>> steps = dt_log_uniform(100, 0.001, 0.1)
    >>> bool((steps >= 0.001).all() and (steps <= 0.1).all())
    True
    """
    check_positive_int("D", D)
    if not 0 < lo <= hi < math.inf:
        raise ValueError(f"`lo`, `hi` must be 0 < lo <= hi, got {lo}, {hi}")
    share = torch.rand(D, dtype=torch.float64, generator=generator)
    return torch.exp(math.log(lo) + (math.log(hi) - math.log(lo)) * share)


def inv_softplus(x: Tensor) -> Tensor:
    """The y with ``softplus(y) = log(1 + exp(y)) = x``.

    Parameters
    ----------
    x : Tensor
        Any shape, each entry above 0.

    Returns
    -------
    Tensor
        The y of each entry, in the shape of ``x``.

    Raises
    ------
    ValueError
        If an entry of ``x`` is not above 0.

    Examples
    --------
    >>> torch.nn.functional.softplus(inv_softplus(torch.tensor([0.001, 0.1, 30.0])))
    tensor([1.0000e-03, 1.0000e-01, 3.0000e+01])
    """
    if not bool((x > 0).all()):
        raise ValueError(f"`x` must be > 0, got a smallest entry of {x.min().item()}")
    # log(exp(x) - 1) overflows for large x and cancels for small x; this form does neither
    return x + torch.log(-torch.expm1(-x))


def _modes(N: int) -> Tensor:
    return torch.arange(check_positive_int("N", N), dtype=torch.float64)
