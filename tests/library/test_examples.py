"""Every public function and class shows an example that runs."""

import dataclasses
import doctest
import importlib
import inspect
import pkgutil

import pytest

import ssm_companion

# an example would need a group of processes, an open notebook or a page of the book
SHOWN_ELSEWHERE = {"distributed", "notebook", "plotting"}


def public_modules():
    for module in pkgutil.walk_packages(ssm_companion.__path__, "ssm_companion."):
        parts = module.name.split(".")[1:]
        if not any(part.startswith("_") or part == "kernels" for part in parts):
            yield module.name


MODULES = sorted(public_modules())


def public_objects(module):
    for name, value in vars(module).items():
        is_code = inspect.isfunction(value) or inspect.isclass(value)
        if is_code and value.__module__ == module.__name__ and not name.startswith("_"):
            yield name, value


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_examples_of_explain_run():
    assert doctest.testmod(importlib.import_module("ssm_companion._backends")).attempted


@pytest.mark.parametrize("name", [m for m in MODULES if m.split(".")[1] not in SHOWN_ELSEWHERE])
def test_each_public_name_has_an_example(name):
    missing = [
        key
        for key, value in public_objects(importlib.import_module(name))
        if ">>> " not in (value.__doc__ or "") and not is_record(value)
    ]
    assert missing == []


def is_record(value):
    """What a function returns and nobody makes: its example is that of the function."""
    return dataclasses.is_dataclass(value) or hasattr(value, "_fields")
