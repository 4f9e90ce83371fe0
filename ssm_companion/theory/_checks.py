"""What the theory asks of numbers that may be floats, arrays or SymPy expressions."""

import numpy as np
import sympy as sp


def known(name: str, value: str, known) -> str:
    if value not in known:
        raise ValueError(f"`{name}` must be one of {sorted(known)}, got {value!r}")
    return value


def positive(name: str, x):
    return _checked(name, x, lambda x: x > 0, "> 0")


def not_negative(name: str, x):
    return _checked(name, x, lambda x: x >= 0, ">= 0")


def below_one(name: str, x):
    return _checked(name, x, lambda x: (x >= 0) & (x < 1), "in [0, 1)")


def _checked(name: str, x, holds, expected: str):
    """Numbers as given, lists as arrays, SymPy expressions unchecked."""
    if isinstance(x, sp.Basic):
        return x
    x = x if np.ndim(x) == 0 else np.asarray(x)
    right = holds(np.asarray(x))
    if not np.all(right):
        wrong = np.asarray(x)[~right].flat[0]
        raise ValueError(f"`{name}` must be {expected}, got {wrong}")
    return x
