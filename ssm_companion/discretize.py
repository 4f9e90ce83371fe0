"""From the continuous system to the recurrence.

:math:`h' = A h + B u` becomes :math:`h_t = a h_{t-1} + b u_t`. A is diagonal, so every formula
here is elementwise. The step ``delta`` has the unit of time of 1/A; the products ``delta * A``
are pure numbers.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ssm_companion._shapes import ShapeError, check, check_choice, check_dtype, check_same_dtype

# From |z| = 1/2 on, exp(z) - 1 loses less than two bits to cancellation. Below, the first
# term left out of the series is less than 2e-18.
_SERIES_BELOW = 0.5
_SERIES_TERMS = 15
_METHODS = ("euler", "lawson", "zoh", "bilinear")


def phi1(z: Tensor) -> Tensor:
    r"""The function :math:`\varphi_1(z) = (e^z - 1) / z`, with :math:`\varphi_1(0) = 1`.

    Accurate to a few units in the last place, save beside its zeros at :math:`2 \pi \mathrm{i} k`,
    and with finite derivatives at 0.

    Parameters
    ----------
    z : Tensor
        Any shape, real or complex.

    Returns
    -------
    Tensor
        The value at each entry, in the shape of ``z``.

    References
    ----------
    Hochbruck and Ostermann, *Exponential integrators*, Acta Numerica 19 (2010), section 2.

    Examples
    --------
    >>> phi1(torch.tensor([0.0, 1e-9, 1.0], dtype=torch.float64))
    tensor([1.0000, 1.0000, 1.7183], dtype=torch.float64)
    """
    near = z.abs() < _SERIES_BELOW
    # Both branches are computed for every entry, and a NaN in the branch not taken would
    # still reach the gradient: so each branch sees a harmless value where it is not used.
    far_z = torch.where(near, torch.ones_like(z), z)
    near_z = torch.where(near, z, torch.zeros_like(z))
    return torch.where(near, _phi1_series(near_z), (far_z.exp() - 1) / far_z)


def zoh(delta: Tensor, A: Tensor, B: Tensor) -> tuple[Tensor, Tensor]:
    r"""Zero-order hold: exact for an input that is constant during each step.

    :math:`a = e^{\delta A}` and :math:`b = \delta \varphi_1(\delta A) B`. The arguments are all in
    single or all in double precision.

    Parameters
    ----------
    delta : Tensor, ``(..., D)``
        Steps, real, in the unit of time of 1/A.
    A : Tensor, ``(D, N)``
        Diagonal of the system, real or complex.
    B : Tensor, ``(..., N)`` or ``(D, N)``
        Input weights, real or complex: with the leading axes of ``delta``, or one a channel and
        mode.

    Returns
    -------
    a : Tensor, ``(..., D, N)``
        Factor of the state before; complex if ``A`` or ``B`` is.
    b : Tensor, ``(..., D, N)``
        Factor of the input; complex if ``A`` or ``B`` is.

    Raises
    ------
    ShapeError
        For a wrong shape, or for one that could be read both ways. It is a ValueError.
    TypeError
        For another dtype.

    References
    ----------
    Gu, Gupta, Goel and Ré, arXiv 2206.11893 (2022).

    Examples
    --------
    A system that halves what it holds in one unit of time:

    >>> A = torch.tensor([[0.5]]).log()
    >>> a, b = zoh(torch.ones(1), A, torch.ones(1, 1))
    >>> a, b
    (tensor([[0.5000]]), tensor([[0.7213]]))
    """
    step, A, B = _prepare(delta, A, B)
    z = step * A
    return z.exp(), step * phi1(z) * B


def euler(delta: Tensor, A: Tensor, B: Tensor) -> tuple[Tensor, Tensor]:
    r"""The exact decay with a first-order input.

    :math:`a = e^{\delta A}` and :math:`b = \delta B`. This is what selective models call Euler:
    only the input is treated to first order. Shapes, dtypes and errors are those of :func:`zoh`.

    Parameters
    ----------
    delta : Tensor, ``(..., D)``
        Steps, real, in the unit of time of 1/A.
    A : Tensor, ``(D, N)``
        Diagonal of the system, real or complex.
    B : Tensor, ``(..., N)`` or ``(D, N)``
        Input weights, real or complex.

    Returns
    -------
    a : Tensor, ``(..., D, N)``
        Factor of the state before; complex if ``A`` or ``B`` is.
    b : Tensor, ``(..., D, N)``
        Factor of the input; complex if ``A`` or ``B`` is.

    Raises
    ------
    ShapeError
        For a wrong shape, or for one that could be read both ways. It is a ValueError.
    TypeError
        For another dtype.

    References
    ----------
    Gu and Dao, arXiv 2312.00752 (2023): the published code uses this b where equation (4) writes
    the zero-order hold.

    Examples
    --------
    >>> euler(torch.ones(1), torch.tensor([[0.5]]).log(), torch.ones(1, 1))
    (tensor([[0.5000]]), tensor([[1.]]))
    """
    step, A, B = _prepare(delta, A, B)
    return (step * A).exp(), (step * B).expand(*delta.shape, A.shape[1])


def bilinear(delta: Tensor, A: Tensor, B: Tensor) -> tuple[Tensor, Tensor]:
    r"""The bilinear transform, also Tustin's method or the trapezoidal rule on the state.

    :math:`a = (1 + \delta A / 2) / (1 - \delta A / 2)` and
    :math:`b = \delta B / (1 - \delta A / 2)`: second order, and it maps the left half-plane onto
    the unit disc. Shapes, dtypes and errors are those of :func:`zoh`.

    Parameters
    ----------
    delta : Tensor, ``(..., D)``
        Steps, real, in the unit of time of 1/A.
    A : Tensor, ``(D, N)``
        Diagonal of the system, real or complex.
    B : Tensor, ``(..., N)`` or ``(D, N)``
        Input weights, real or complex.

    Returns
    -------
    a : Tensor, ``(..., D, N)``
        Factor of the state before; complex if ``A`` or ``B`` is.
    b : Tensor, ``(..., D, N)``
        Factor of the input; complex if ``A`` or ``B`` is.

    Raises
    ------
    ShapeError
        For a wrong shape, or for one that could be read both ways. It is a ValueError.
    TypeError
        For another dtype.

    References
    ----------
    Tustin, *A method of analysing the behaviour of linear systems in terms of time series*, Journal
    of the IEE 94 (1947).

    Examples
    --------
    >>> bilinear(torch.ones(1), -torch.ones(1, 1), torch.ones(1, 1))
    (tensor([[0.3333]]), tensor([[0.6667]]))
    """
    step, A, B = _prepare(delta, A, B)
    a, gain = factors(step * A, "bilinear")
    return a, step * gain * B


def trapezoid(
    delta: Tensor, A: Tensor, B: Tensor, end_weight: Tensor | float = 0.5
) -> tuple[Tensor, Tensor, Tensor]:
    r"""The exact decay with the trapezoidal rule for the input.

    :math:`h_t = a h_{t-1} + b u_t + b' u_{t-1}` with :math:`a = e^{\delta A}`,
    :math:`b = \lambda \delta B` and :math:`b' = (1 - \lambda) \delta a B`, where :math:`b'` takes
    the B of the step before in a system whose B varies. The rule is second order for
    :math:`\lambda = 1/2`; for :math:`\lambda = 1` it is :func:`euler`.

    Parameters
    ----------
    delta : Tensor, ``(..., D)``
        Steps, real, in the unit of time of 1/A.
    A : Tensor, ``(D, N)``
        Diagonal of the system, real or complex.
    B : Tensor, ``(..., N)`` or ``(D, N)``
        Input weights, real or complex.
    end_weight : float or Tensor, ``(..., D)``, optional
        Weight of the end of the step, of the dtype of ``delta`` if a tensor.

    Returns
    -------
    a : Tensor, ``(..., D, N)``
        Factor of the state before; complex if ``A`` or ``B`` is.
    b : Tensor, ``(..., D, N)``
        Factor of the input at the end of the step; complex if ``A`` or ``B`` is.
    b_before : Tensor, ``(..., D, N)``
        Factor of the input at its beginning; complex if ``A`` or ``B`` is.

    Raises
    ------
    ShapeError
        For a wrong shape, or for one that could be read both ways. It is a ValueError.
    TypeError
        For another dtype.

    References
    ----------
    The published code of Mamba-3 uses the rule with a learnt :math:`\lambda`.

    Examples
    --------
    >>> A = torch.tensor([[0.5]]).log()
    >>> trapezoid(torch.ones(1), A, torch.ones(1, 1))
    (tensor([[0.5000]]), tensor([[0.5000]]), tensor([[0.2500]]))
    """
    step, A, B = _prepare(delta, A, B)
    if isinstance(end_weight, Tensor):
        check_same_dtype("end_weight", end_weight, "delta", delta)
        if end_weight.shape != delta.shape:
            raise ShapeError(
                f"`end_weight` must have the shape of `delta`, {tuple(delta.shape)}, "
                f"got {tuple(end_weight.shape)}"
            )
        end_weight = end_weight[..., None]
    a = (step * A).exp()
    return a, end_weight * step * B, (1 - end_weight) * step * a * B


def factors(z: Tensor, method: str) -> tuple[Tensor, Tensor]:
    r"""The functions of :math:`z = \delta A` that make a recurrence of the continuous system.

    :math:`h_t = f(z) h_{t-1} + g(z) \delta B u_t`. For ``"euler"`` :math:`f = e^z, g = 1`, as if
    the input came at the end of the step; for ``"lawson"`` :math:`f = g = e^z`, as if it came at
    the start; for ``"zoh"`` :math:`f = e^z, g = \varphi_1(z)`; for ``"bilinear"``
    :math:`f = (1 + z/2) / (1 - z/2), g = 1 / (1 - z/2)`.

    Parameters
    ----------
    z : Tensor
        Any shape, real or complex.
    method : {"euler", "lawson", "zoh", "bilinear"}
        The rule.

    Returns
    -------
    f, g : Tensor
        Of the shape of ``z``.

    Raises
    ------
    ValueError
        For an unknown ``method``.

    Examples
    --------
    >>> factors(torch.tensor(-1.0), "zoh")
    (tensor(0.3679), tensor(0.6321))
    """
    check_choice("method", method, _METHODS)
    if method == "bilinear":
        gain = 1 / (1 - z / 2)
        return (1 + z / 2) * gain, gain
    f = z.exp()
    return f, {"euler": torch.ones_like, "lawson": torch.exp, "zoh": phi1}[method](z)


def slopes(z: Tensor, method: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    r"""The functions f and g of :func:`factors` and their derivatives.

    Parameters
    ----------
    z : Tensor
        Any shape, real or complex.
    method : {"euler", "lawson", "zoh", "bilinear"}
        The rule.

    Returns
    -------
    f, g, df, dg : Tensor
        Of the shape of ``z``.

    Raises
    ------
    ValueError
        For an unknown ``method``.

    Examples
    --------
    >>> f, g, df, dg = slopes(torch.tensor(0.0), "zoh")
    >>> df.item(), dg.item()
    (1.0, 0.5)
    """
    f, g = factors(z, method)
    if method == "bilinear":
        return f, g, g * g, g * g / 2
    if method == "lawson":
        return f, g, f, g
    return f, g, f, _phi1_slope(z, f, g) if method == "zoh" else torch.zeros_like(z)


def _phi1_series(z: Tensor) -> Tensor:
    """sum_k z^k / (k+1)!, by Horner's rule."""
    total = torch.ones_like(z)
    for k in range(_SERIES_TERMS, 1, -1):
        total = 1 + z / k * total
    return total


def _phi1_slope(z: Tensor, exp: Tensor, phi: Tensor) -> Tensor:
    """(e^z - phi1(z)) / z, near 0 as sum_k (k+1) z^k / (k+2)!."""
    near = z.abs() < _SERIES_BELOW
    series = torch.zeros_like(z)
    for k in reversed(range(_SERIES_TERMS)):
        series = series * z + (k + 1) / math.factorial(k + 2)
    return torch.where(near, series, (exp - phi) / torch.where(near, torch.ones_like(z), z))


def _prepare(delta: Tensor, A: Tensor, B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Check the arguments; return them with axes that align, A and B of one dtype."""
    sizes = check("A", A, "D N")
    check("delta", delta, "*batch D", sizes)
    check_dtype("delta", delta, (torch.float32, torch.float64))
    same_precision = (delta.dtype, delta.dtype.to_complex())
    check_dtype("A", A, same_precision)
    check_dtype("B", B, same_precision)

    per_channel = B.shape == A.shape
    per_step = B.shape == (*delta.shape[:-1], A.shape[1])
    if per_channel and per_step:
        raise ShapeError(
            f"`B` of shape {tuple(B.shape)} could be (L, N) or (D, N) here, as L = D; give "
            "`delta` a batch axis: (1, L, D), with `B` (1, L, N) or (D, N)"
        )
    if not (per_channel or per_step):
        lead = ", ".join(str(size) for size in (*delta.shape[:-1], A.shape[1]))
        raise ShapeError(
            f"`B` must have shape (..., N) = ({lead}) or (D, N) = {tuple(A.shape)}, "
            f"got {tuple(B.shape)}"
        )
    dtype = torch.promote_types(A.dtype, B.dtype)
    aligned_B = B if per_channel else B[..., None, :]
    return delta[..., None], A.to(dtype), aligned_B.to(dtype)
