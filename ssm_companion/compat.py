"""The selective scan behind the signature and the layout of the package `mamba-ssm`."""

from __future__ import annotations

import torch
from torch import Tensor

from ssm_companion._shapes import check, check_dtype
from ssm_companion.selective import selective_scan

_REAL = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def selective_scan_fn(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    return_last_state: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    r"""``mamba_ssm.ops.selective_scan_interface.selective_scan_fn``, on any device.

    The rule is Euler's, and a complex mode stands for itself and its conjugate: the output is
    :math:`2 \operatorname{Re} \sum_n C_n h_n`. Time is the last axis.

    Parameters
    ----------
    u : Tensor, ``(B, D, L)``
        Inputs, with ``L >= 1``.
    delta : Tensor, ``(B, D, L)``
        Steps, in the unit of time of 1/A.
    A : Tensor, ``(D, N)``
        Diagonal of the system, real or complex.
    B : Tensor, ``(D, N)``, ``(B, N, L)`` or ``(B, G, N, L)``
        Input weights: constant in time, or varying and shared by all channels or by each of G
        groups. For a complex ``A`` the constant ones are complex, and the varying ones real with a
        last axis of ``2 L``: real part and imaginary part of the first step, then of the next.
    C : Tensor, ``(D, N)``, ``(B, N, L)`` or ``(B, G, N, L)``
        Output weights, likewise.
    D : Tensor, ``(D,)``, optional
        Feed-through.
    z : Tensor, ``(B, D, L)``, optional
        Gate: the output is multiplied by ``silu(z)``.
    delta_bias : Tensor, ``(D,)``, optional
        Added to ``delta``.
    delta_softplus : bool, optional
        Take ``softplus(delta + delta_bias)`` for the step.
    return_last_state : bool, optional
        Return the last state too.

    Returns
    -------
    y : Tensor, ``(B, D, L)``
        Outputs, of the dtype of ``u``.
    last_state : Tensor, ``(B, D, N)``
        With ``return_last_state`` only: the state after the last step, in a pair with ``y``.

    Raises
    ------
    ShapeError
        For a wrong shape. It is a ValueError.
    TypeError
        For a dtype that is not supported or does not go with that of ``u``.
    ValueError
        For a step that is not finite.

    Notes
    -----
    Gradients flow through ``last_state`` here; the original leaves them out. Double precision is
    supported here, and the backward pass gives the same numbers each time.

    For new code use :func:`ssm_companion.selective_scan`, which has initial states, packed
    sequences and the other rules.

    References
    ----------
    Gu and Dao, arXiv 2312.00752 (2023), and the published code.

    Examples
    --------
    >>> u, delta = torch.ones(1, 1, 3), torch.tensor([[[0.0, 1.0, 0.0]]])
    >>> A, one = -torch.ones(1, 1), torch.ones(1, 1, 3)
    >>> selective_scan_fn(u, delta, A, one, one)
    tensor([[[0., 1., 1.]]])
    """
    sizes = check("u", u, "B D L")
    check("delta", delta, "B D L", sizes)
    sizes = check("A", A, "D N", sizes)
    if z is not None:
        check("z", z, "B D L", sizes)
    y, last = selective_scan(
        u.transpose(1, 2),
        delta.transpose(1, 2),
        A,
        _weights("B", B, sizes, A.is_complex()),
        _weights("C", C, sizes, A.is_complex()),
        D,
        None if z is None else z.transpose(1, 2),
        delta_bias=delta_bias,
        delta_softplus=delta_softplus,
        return_last_state=True,
    )
    y = y.transpose(1, 2)
    return (y, last) if return_last_state else y


def _weights(name: str, x: Tensor, sizes: dict, is_complex: bool) -> Tensor:
    """B or C with time on axis 1 and complex where they should be."""
    ndim = getattr(x, "ndim", None)
    if ndim == 2:
        check(name, x, "D N", sizes)
        return x
    groups = "G " if ndim == 4 else ""
    if not is_complex:
        check(name, x, f"B {groups}N L", sizes)
        return x.movedim(-1, 1)
    check(name, x, f"B {groups}N 2L", {**sizes, "2L": 2 * sizes["L"]})
    check_dtype(name, x, _REAL)
    # there is no complex dtype on two halves
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    return torch.complex(x[..., ::2], x[..., 1::2]).movedim(-1, 1)
