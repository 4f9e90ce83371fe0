"""Companion library of an executable textbook on memory in state space models."""

import importlib

from ssm_companion._setup import setup

__version__ = "0.1.0"

_FUNCTIONS = {
    "explain": "_backends",
    "linear_scan": "scan",
    "selective_scan": "selective",
    "selective_step": "selective",
    "ssd": "duality",
}
_SUBMODULES = (
    "compat",
    "discretize",
    "distributed",
    "init",
    "lti",
    "nn",
    "plotting",
    "roofline",
    "tasks",
    "testing",
    "theory",
    "training",
)

__all__ = ["setup", *_FUNCTIONS, *_SUBMODULES]


def __getattr__(name: str):
    """Import on first use (PEP 562): torch is slow to load and `theory` has no need of it."""
    if name in _FUNCTIONS:
        value = getattr(importlib.import_module(f"ssm_companion.{_FUNCTIONS[name]}"), name)
    elif name in _SUBMODULES:
        value = importlib.import_module(f"ssm_companion.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
