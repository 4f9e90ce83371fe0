"""Checks of arguments whose errors say the name, what was expected and what came.

An array is whatever has a `shape` and a `dtype`, so the same checks serve NumPy and
torch, and this file needs no torch.
"""

from __future__ import annotations

import difflib
import operator
from collections.abc import Iterable

import numpy as np


class ShapeError(ValueError):
    """An array whose shape is not the documented one."""


def check(name: str, tensor, pattern: str, sizes: dict | None = None) -> dict:
    """Match the shape of `tensor` against `pattern` and return the sizes, old and new.

    `pattern` names one axis a word, as in `"B L D"`. A word that starts with a star
    stands for any number of axes, and is bound to a tuple. An axis that `sizes` already
    holds must have that size; no axis is ever broadcast.

    >>> sizes = check("u", np.zeros((2, 7, 3)), "B L D")
    >>> sizes
    {'B': 2, 'L': 7, 'D': 3}
    >>> check("state", np.zeros((2, 4, 5)), "B D N", sizes)
    Traceback (most recent call last):
        ...
    ssm_companion._shapes.ShapeError: `state` must have shape (B=2, D=3, N), got (2, 4, 5)

    Raises TypeError for something without a shape, ShapeError for a wrong one.
    """
    axes = pattern.split()
    known = sizes or {}
    if not hasattr(tensor, "shape"):
        kind = type(tensor).__name__
        raise TypeError(f"`{name}` must be an array of shape {_render(axes, known)}, got {kind}")
    shape = tuple(tensor.shape)
    bound = _match(axes, shape, known)
    if bound is None:
        raise ShapeError(f"`{name}` must have shape {_render(axes, known)}, got {shape}")
    return bound


def check_dtype(name: str, tensor, allowed: Iterable) -> None:
    """Raise TypeError unless the dtype of `tensor` is one of `allowed`."""
    allowed = tuple(dict.fromkeys(allowed))
    if tensor.dtype not in allowed:
        names = " or ".join(str(dtype) for dtype in allowed)
        raise TypeError(f"`{name}` must have dtype {names}, got {tensor.dtype}")


def check_same_dtype(name: str, tensor, other_name: str, other) -> None:
    """Raise TypeError unless both arrays have one dtype."""
    if tensor.dtype != other.dtype:
        raise TypeError(
            f"`{name}` and `{other_name}` must have the same dtype, "
            f"got {tensor.dtype} and {other.dtype}"
        )


def check_same_device(name: str, tensor, other_name: str, other) -> None:
    """Raise ValueError unless both tensors are on one device."""
    if tensor.device != other.device:
        raise ValueError(
            f"`{name}` must be on the device of `{other_name}`, {other.device}, got {tensor.device}"
        )


def check_positive_int(name: str, value) -> int:
    """Return `value` as an int, or raise ValueError if it is not an integer >= 1."""
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    # bool is an int in Python, but `d_state=True` is a mistake
    if number < 1 or isinstance(value, bool):
        raise ValueError(f"`{name}` must be an integer >= 1, got {value!r}")
    return number


def check_finite(name: str, x) -> None:
    """Raise ValueError if `x` holds a NaN or an infinity; say how many and where."""
    finite = np.asarray(x.isfinite().cpu() if hasattr(x, "isfinite") else np.isfinite(x))
    bad = np.argwhere(~finite)
    if len(bad):
        first = tuple(int(i) for i in bad[0])
        raise ValueError(
            f"`{name}` must be finite, got {len(bad)} non-finite of {finite.size} values, "
            f"the first at {first}"
        )


def check_choice(name: str, value, allowed: Iterable) -> None:
    """Raise ValueError unless `value` is one of `allowed`; suggest the nearest one."""
    allowed = tuple(allowed)
    if value in allowed:
        return
    names = ", ".join(repr(choice) for choice in allowed)
    words = [choice for choice in allowed if isinstance(choice, str)]
    near = difflib.get_close_matches(value, words, n=1) if isinstance(value, str) else []
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"`{name}` must be one of {names}, got {value!r}{hint}")


def _match(axes: list[str], shape: tuple[int, ...], known: dict) -> dict | None:
    """The sizes after matching, or None where the shape does not fit."""
    star = next((i for i, axis in enumerate(axes) if axis.startswith("*")), None)
    parts: tuple = shape
    if star is not None:
        width = len(shape) - (len(axes) - 1)
        if width < 0:
            return None
        parts = (*shape[:star], shape[star : star + width], *shape[star + width :])
    if len(parts) != len(axes):
        return None
    bound = dict(known)
    for axis, size in zip(axes, parts, strict=True):
        if bound.setdefault(axis, size) != size:
            return None
    return bound


def _render(axes: list[str], known: dict) -> str:
    words = [f"{axis}={known[axis]}" if axis in known else axis for axis in axes]
    return f"({', '.join(words)}{',' if len(words) == 1 else ''})"
