"""The same system with constant weights, seen as a convolution and as a transfer function."""

from __future__ import annotations

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from ssm_companion._shapes import (
    ShapeError,
    check,
    check_choice,
    check_dtype,
    check_positive_int,
    check_same_dtype,
)
from ssm_companion.discretize import factors

_REAL = (torch.float32, torch.float64)
_COMPLEX = (torch.complex64, torch.complex128)


def kernel(
    A: Tensor,
    B: Tensor,
    C: Tensor,
    delta: Tensor,
    length: int,
    *,
    discretization: str = "zoh",
    conj_pairs: bool | None = None,
) -> Tensor:
    r"""The output for one unit input, :math:`k_t = \operatorname{Re} \sum_n C_n a_n^t b_n`.

    The convolution with it is what :func:`ssm_companion.selective_scan` computes when the step and
    the weights are constant in time. The arguments are all in single or all in double precision.

    Parameters
    ----------
    A : Tensor, ``(D, N)``
        Diagonal of the system, real or complex.
    B : Tensor, ``(D, N)``
        Input weights, real or complex.
    C : Tensor, ``(D, N)``
        Output weights, real or complex. No conjugate is taken.
    delta : Tensor, ``(D,)``
        Steps, real, in the unit of time of 1/A.
    length : int
        Number of steps L.
    discretization : {"euler", "zoh", "bilinear", "trapezoid"}, optional
        The rule, as in ``ssm_companion.discretize``; the trapezoidal one with
        :math:`\lambda = 1/2`.
    conj_pairs : bool, optional
        Each mode stands for itself and its conjugate, so that the sum over modes is
        :math:`2 \operatorname{Re} \sum_n C_n a_n^t b_n`. If None, exactly when ``A`` is complex.

    Returns
    -------
    Tensor, ``(D, L)``
        The outputs of each channel for ``t = 0, ..., L - 1``, real.

    Raises
    ------
    ShapeError
        For a wrong shape. It is a ValueError.
    TypeError
        For another dtype.
    ValueError
        Unless ``length >= 1``; for an unknown ``discretization``, or ``conj_pairs`` for a real
        system.

    Notes
    -----
    The powers take memory for ``D * N * L`` numbers.

    References
    ----------
    Gu, Gupta, Goel and Ré, arXiv 2206.11893 (2022), section 3.2.

    Examples
    --------
    >>> A, one = torch.tensor([[0.5]]).log(), torch.ones(1, 1)
    >>> kernel(A, one, one, torch.ones(1), 4, discretization="euler")
    tensor([[1.0000, 0.5000, 0.2500, 0.1250]])
    """
    A, B, C, pairs = _system(A, B, C, conj_pairs)
    check("delta", delta, "D", {"D": A.shape[0]})
    check_dtype("delta", delta, (A.real.dtype,))
    check_positive_int("length", length)
    check_choice("discretization", discretization, ("euler", "zoh", "bilinear", "trapezoid"))

    delta = delta[:, None]
    z = delta * A
    # the trapezoidal rule gives half of an input at once and the other half a step later, when
    # both have decayed by a: Euler's rule, save for the first output
    is_trapezoid = discretization == "trapezoid"
    a, gain = factors(z, "euler" if is_trapezoid else discretization)
    powers = _powers(a, length) if discretization == "bilinear" else _exponentials(z, length)
    k = torch.einsum("dn,dnl->dl", C * gain * delta * B, powers).real
    k = torch.cat([k[:, :1] / 2, k[:, 1:]], dim=1) if is_trapezoid else k
    return 2 * k if pairs else k


def fft_conv(u: Tensor, k: Tensor) -> Tensor:
    r"""The causal convolution :math:`y_t = \sum_{s \le t} k_{t-s} u_s` of each channel.

    By the fast Fourier transform in :math:`O(L \log L)`, with enough zeros that nothing wraps
    around.

    Parameters
    ----------
    u : Tensor, ``(B, L, D)``
        Inputs, float32 or float64, with ``L >= 1``.
    k : Tensor, ``(D, L)``
        One kernel a channel, of the dtype of ``u``.

    Returns
    -------
    Tensor, ``(B, L, D)``
        Outputs.

    Raises
    ------
    ShapeError
        For a wrong shape. It is a ValueError.
    TypeError
        For another dtype.

    Notes
    -----
    The error is that of the transform: relative to the largest output of a channel, not to each.

    Examples
    --------
    >>> fft_conv(torch.ones(1, 3, 1), torch.tensor([[1.0, 0.5, 0.25]])).flatten()
    tensor([1.0000, 1.5000, 1.7500])
    """
    sizes = check("u", u, "B L D")
    check_dtype("u", u, _REAL)
    check("k", k, "D L", sizes)
    check_same_dtype("k", k, "u", u)
    length = sizes["L"]
    if length == 0:
        raise ShapeError("`u` must hold at least one step, got L = 0")
    padded = next_fast_len(2 * length - 1, real=True)
    product = torch.fft.rfft(u, padded, dim=1) * torch.fft.rfft(k.T, padded, dim=0)
    return torch.fft.irfft(product, padded, dim=1)[:, :length]


def transfer_function(
    A: Tensor, B: Tensor, C: Tensor, s: Tensor, *, conj_pairs: bool | None = None
) -> Tensor:
    r"""The response :math:`H(s) = \sum_n C_n B_n / (s - A_n)` to the input :math:`e^{s t}`.

    Parameters
    ----------
    A : Tensor, ``(D, N)``
        Diagonal of the system, real or complex, in single or double precision.
    B : Tensor, ``(D, N)``
        Input weights, in the same precision.
    C : Tensor, ``(D, N)``
        Output weights, in the same precision. No conjugate is taken.
    s : Tensor, ``(*S)``
        Points of the complex plane, complex, of any shape and in the same precision; the unit is
        that of A. On the imaginary axis, :math:`s = \mathrm{i} \omega` with :math:`\omega` in
        radians.
    conj_pairs : bool, optional
        Each mode stands for itself and its conjugate. If None, exactly when ``A`` is complex.

    Returns
    -------
    Tensor, ``(D, *S)``
        The response of each channel, complex.

    Raises
    ------
    ShapeError
        For a wrong shape. It is a ValueError.
    TypeError
        For another dtype.
    ValueError
        For ``conj_pairs`` for a real system.

    Notes
    -----
    *Conjugates.* The output of a complex system is a real part, which is not analytic in s. Its
    transfer function has the poles :math:`A_n` and :math:`\bar A_n`:
    :math:`\sum_n C_n B_n / (s - A_n) + \bar C_n \bar B_n / (s - \bar A_n)`, and half of that with
    ``conj_pairs=False``, where the output is :math:`\operatorname{Re} C h`.

    *Discrete systems.* For :math:`h_t = a h_{t-1} + b u_t` the response to :math:`z^t` is
    ``z * transfer_function(a, b, C, z)``.

    Examples
    --------
    >>> one = torch.ones(1, 1)
    >>> transfer_function(-one, one, one, torch.tensor([0j, 1j]))
    tensor([[1.0000+0.0000j, 0.5000-0.5000j]])
    """
    A, B, C, pairs = _system(A, B, C, conj_pairs)
    check("s", s, "*S")
    check_dtype("s", s, (A.real.dtype.to_complex(),))
    points = s.reshape(-1, 1, 1)
    H = (C * B / (points - A)).sum(-1)
    if A.is_complex():
        mirrored = ((C * B).conj() / (points - A.conj())).sum(-1)
        H = (H + mirrored) * (1 if pairs else 0.5)
    return H.T.reshape(-1, *s.shape)


def _system(
    A: Tensor, B: Tensor, C: Tensor, conj_pairs: bool | None
) -> tuple[Tensor, Tensor, Tensor, bool]:
    """A, B and C checked and of one dtype, and whether their modes stand for pairs."""
    sizes = check("A", A, "D N")
    check_dtype("A", A, _REAL + _COMPLEX)
    real = A.real.dtype
    for name, x in (("B", B), ("C", C)):
        check(name, x, "D N", sizes)
        check_dtype(name, x, (real, real.to_complex()))
    pairs = A.is_complex() if conj_pairs is None else bool(conj_pairs)
    is_complex = any(x.is_complex() for x in (A, B, C))
    if pairs and not is_complex:
        raise ValueError("`conj_pairs` needs a complex system, got real A, B and C")
    dtype = real.to_complex() if is_complex else real
    return A.to(dtype), B.to(dtype), C.to(dtype), pairs


def _exponentials(z: Tensor, length: int) -> Tensor:
    """exp(t z) for t = 0, ..., length - 1 on a new last axis; the error is that of rounding t z."""
    return (z[..., None] * torch.arange(length, device=z.device)).exp()


def _powers(a: Tensor, length: int) -> Tensor:
    """a^t likewise, for an `a` that may be 0 or negative, which has no real logarithm."""
    a = a[..., None]
    return torch.cat([torch.ones_like(a), a.expand(*a.shape[:-1], length - 1)], dim=-1).cumprod(-1)
