"""Companion library of an executable textbook on memory in state space models."""

import importlib

from ssm_companion._setup import setup

__version__ = "0.1.0"

__all__ = [
    "linear_scan",
    "nn",
    "plotting",
    "setup",
    "tasks",
    "testing",
    "theory",
    "training",
]

_SUBMODULES = ("nn", "plotting", "tasks", "testing", "theory", "training")


def __getattr__(name: str):
    """Import on first use (PEP 562): torch is slow to load and `theory` has no need of it."""
    if name == "linear_scan":
        value = importlib.import_module("ssm_companion.scan").linear_scan
    elif name in _SUBMODULES:
        value = importlib.import_module(f"ssm_companion.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
