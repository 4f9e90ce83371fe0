"""From the arguments of a selective scan to what the kernels take, or an error that says why not.

`B`, `L`, `D`, `N` and `G` below are sizes; the arguments of those names are tensors.
"""

from __future__ import annotations

from math import lcm

import torch
from torch import Tensor

from ssm_companion._packing import boundaries
from ssm_companion._shapes import ShapeError, check, check_dtype, check_same_device
from ssm_companion.kernels import Inputs

_HALF = (torch.bfloat16, torch.float16)
_FULL = (torch.float32, torch.float64)
_COMPLEX = {torch.float32: torch.complex64, torch.float64: torch.complex128}


def checked(
    u, delta, A, B, C, D, z, *, delta_bias, initial_state, cu_seqlens, two_states
) -> tuple[Inputs, dict]:
    """The inputs of the kernels, time flattened, in one precision; and the sizes.

    `two_states` says that a state is (D, 2, N) and not (D, N).
    """
    sizes = check("u", u, "B L D")
    check_dtype("u", u, (*_FULL, *_HALF))
    if sizes["L"] == 0:
        raise ShapeError("`u` must hold at least one step, got L = 0")
    if sizes["D"] == 0:
        raise ShapeError("`u` must have at least one channel, got D = 0")
    bounds = boundaries(cu_seqlens, sizes, u.device)
    full = torch.float32 if u.dtype in _HALF else u.dtype
    paired = _COMPLEX[full]
    either = (u.dtype, full)

    sizes = check("A", A, "D N", sizes)
    if sizes["N"] == 0:
        raise ShapeError("`A` must have at least one mode, got N = 0")
    check_dtype("A", A, (full, paired))
    per_channel = [_channels(name, x, sizes, full) for name, x in (("D", D), ("bias", delta_bias))]
    B = _weights("B", B, sizes, either, full)
    C = _weights("C", C, sizes, either, full)

    if B.ndim == C.ndim == 3:
        groups = lcm(B.shape[1], C.shape[1])
        B, C = (x if x.shape[1] == groups else _repeated(x, groups) for x in (B, C))

    is_complex = any(x.is_complex() for x in (A, B, C))
    state_dtype = paired if is_complex else full
    axis = "B" if cu_seqlens is None else "n_seqs"
    pattern = f"{axis} D two N" if two_states else f"{axis} D N"
    expected = {**sizes, axis: bounds.shape[0] - 1, "two": 2}
    if initial_state is None:
        shape = [expected[name] for name in pattern.split()]
        initial_state = torch.zeros(shape, dtype=state_dtype, device=u.device)
    check("initial_state", initial_state, pattern, expected)
    check_dtype("initial_state", initial_state, (state_dtype,))

    inputs = Inputs(
        u=_rows("u", u, sizes, either, full),
        delta=_rows("delta", delta, sizes, either, full),
        w=None,
        A=A.to(state_dtype),
        B=B.to(state_dtype),
        C=C.to(state_dtype),
        D=per_channel[0],
        z=None if z is None else _rows("z", z, sizes, either, full),
        bias=per_channel[1],
        h0=initial_state,
        bounds=bounds,
    )
    _check_devices(inputs)
    return inputs, sizes


def _rows(name: str, x: Tensor, sizes: dict, allowed: tuple, full: torch.dtype) -> Tensor:
    """A sequence (B, L, D) as (T, D)."""
    check(name, x, "B L D", sizes)
    check_dtype(name, x, allowed)
    return x.to(full).flatten(0, 1)


def weights_of_end(end_weight: Tensor | None, inputs: Inputs, u: Tensor) -> Tensor | float:
    """`end_weight` as (T, D), or the 1/2 that stands for None."""
    if end_weight is None:
        return 0.5
    sizes, full = check("u", u, "B L D"), inputs.u.dtype
    rows = _rows("end_weight", end_weight, sizes, (u.dtype, full), full)
    check_same_device("end_weight", rows, "u", u)
    return rows


def _channels(name: str, x: Tensor | None, sizes: dict, full: torch.dtype) -> Tensor | None:
    if x is not None:
        name = {"bias": "delta_bias"}.get(name, name)
        check(name, x, "D", sizes)
        check_dtype(name, x, (full,))
    return x


def _weights(name: str, x: Tensor, sizes: dict, allowed: tuple, full: torch.dtype) -> Tensor:
    """B or C as (T, G, N), or (D, N) if constant."""
    ndim = getattr(x, "ndim", None)
    pattern = {2: "D N", 4: "B L G N"}.get(ndim, "B L N")
    groups = check(name, x, pattern, sizes).get("G", 1)
    constant = ndim == 2
    check_dtype(name, x, (*((full,) if constant else allowed), _COMPLEX[full]))
    if constant:
        return x
    if groups == 0 or sizes["D"] % groups:
        raise ShapeError(
            f"`{name}` must have G groups with G a divisor of D = {sizes['D']}, got G = {groups}"
        )
    x = x if x.is_complex() else x.to(full)
    return x.flatten(0, 1).unflatten(-1, (1, -1)) if ndim == 3 else x.flatten(0, 1)


def _repeated(x: Tensor, groups: int) -> Tensor:
    return x.repeat_interleave(groups // x.shape[1], dim=1)


def _check_devices(inputs: Inputs) -> None:
    for name, x in inputs._asdict().items():
        if x is not None:
            name = {"bias": "delta_bias", "h0": "initial_state"}.get(name, name)
            check_same_device(name, x, "u", inputs.u)
