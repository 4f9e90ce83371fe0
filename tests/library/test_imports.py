"""Imports run one way, and the cheap parts stay cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import ssm_companion

ROOT = Path(ssm_companion.__file__).parent

THEORY = (
    "bottleneck",
    "causal",
    "contraction",
    "estimators",
    "expressivity",
    "hypercomplex",
    "information",
    "lipschitz",
    "lyapunov",
    "memory",
    "polynomials",
    "rate_distortion",
    "reach",
    "reduction",
    "vandermonde",
)
# What each module may import of the package; a new module has to be given a place.
ALLOWED = {
    "": {"_setup"},
    "_arguments": {"_packing", "_shapes", "kernels"},
    "_backends": {"_shapes"},
    "_ops": {"_backends", "_shapes", "_vector_math", "kernels"},
    "_packing": {"_shapes"},
    "_progress": set(),
    "_setup": {"_shapes", "_vector_math", "plotting"},
    "_shapes": set(),
    "_trapezoid": {"_ops", "kernels"},
    "_vector_math": set(),
    "compat": {"_shapes", "selective"},
    "discretize": {"_shapes"},
    "distributed": {"_shapes", "scan", "selective"},
    "duality": {"_packing", "_shapes", "scan"},
    "experiments": set(),
    "experiments.__main__": {"experiments"},
    "experiments.bits": {"experiments.models"},
    "experiments.classical": {"_shapes", "experiments.rolling"},
    "experiments.complex_complex": {"_shapes", "experiments"},
    "experiments.complex_real": {"_shapes", "experiments"},
    "experiments.cost": {"_shapes", "experiments", "tasks.text"},
    "experiments.counts": {"_shapes", "experiments.models", "nn", "roofline"},
    "experiments.descent": {"_shapes", "experiments.modes", "kernels.cpu"},
    "experiments.described": {"experiments.counts", "experiments.models"},
    "experiments.engines": {"_shapes", "experiments.records"},
    "experiments.forecasting": {"_shapes", "experiments"},
    "experiments.language": {"_shapes", "experiments", "tasks.text"},
    "experiments.levels": {"_shapes"},
    "experiments.models": {"_shapes", "nn"},
    "experiments.modes": {"_shapes"},
    "experiments.neural": {"experiments.models", "experiments.rolling"},
    "experiments.plain": {"_shapes", "experiments"},
    "experiments.rates": {"experiments.records"},
    "experiments.records": {""},
    "experiments.rolling": {"_shapes", "tasks.series"},
    "experiments.runner": {"_shapes", "experiments"},
    "experiments.time_loop": {"_shapes", "experiments.modes"},
    "experiments.tracked": {"training"},
    "experiments.twins": {"_shapes", "experiments"},
    "init": {"_shapes"},
    "kernels": set(),
    "kernels.chunked": {"discretize", "kernels"},
    "kernels.cpu": {"_shapes", "kernels", "kernels.cpu"},
    "kernels.cpu.cache": set(),
    "kernels.cpu.functions": {"kernels.cpu"},
    "kernels.cpu.linear": {"kernels.cpu"},
    "kernels.cpu.modes": {"kernels.cpu"},
    "kernels.cpu.selective": {"kernels.cpu"},
    "kernels.cpu.simd": set(),
    "kernels.cpu.threads": set(),
    "kernels.cpu.tiles": {"kernels.cpu"},
    "kernels.gpu": {"kernels.gpu"},
    "kernels.gpu.discretize": {"kernels.gpu"},
    "kernels.gpu.numbers": set(),
    "kernels.gpu.recurrence": {"kernels.gpu"},
    "kernels.gpu.selective": {"kernels", "kernels.gpu"},
    "kernels.reference": {"discretize", "kernels"},
    "roofline": set(),
    "scan": {"_backends", "_ops", "_packing", "_shapes"},
    "scan_algorithms": {"_shapes"},
    "selective": {"_arguments", "_backends", "_ops", "_shapes", "_trapezoid", "kernels"},
    "lti": {"_shapes", "discretize"},
    "nn": {"nn.baselines", "nn.lru", "nn.mamba", "nn.mamba2", "nn.phm", "nn.s4d"},
    "nn._conv": set(),
    "nn._layer": {"_packing", "_shapes"},
    "nn.baselines": {"_packing", "_shapes", "nn._layer"},
    "nn.lru": {"_shapes", "init", "nn._layer", "scan"},
    "nn.mamba": {"_shapes", "init", "nn._conv", "nn._layer", "selective"},
    "nn.mamba2": {"_shapes", "duality", "init", "nn._conv", "nn._layer", "nn.mamba"},
    "nn.phm": {"_packing", "_shapes", "init", "nn._layer", "nn.mamba", "theory.hypercomplex"},
    "nn.s4d": {"_shapes", "discretize", "init", "scan"},
    "notebook": set(),
    "plotting": set(),
    "tasks": {"tasks.copying", "tasks.series", "tasks.text"},
    "tasks.copying": {"_shapes"},
    "tasks.series": {"_shapes"},
    "tasks.text": {"_shapes"},
    "testing": set(),
    "theory": {"theory." + name for name in THEORY},
    "theory._checks": set(),
    **{"theory." + name: {"theory._checks"} for name in THEORY},
    "theory.causal": {"theory._checks", "theory.rate_distortion"},
    "theory.expressivity": {"theory._checks", "theory.vandermonde"},
    "theory.polynomials": {"theory._checks", "theory.vandermonde"},
    "theory.reach": {"theory._checks", "theory.lipschitz"},
    "training": {"_progress", "_shapes"},
}
FILES = sorted(ROOT.rglob("*.py"))


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def own_imports(tree):
    """Modules of the package that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {name for name in names if is_module(name)}
            found |= modules or {node.module}
    own = {name for name in found if name.split(".")[0] == "ssm_companion"}
    return {name.removeprefix("ssm_companion").removeprefix(".") for name in own}


def is_module(name):
    path = ROOT.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or path.joinpath("__init__.py").exists()


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_run_one_way(path):
    name = module_name(path)
    assert name in ALLOWED, f"say in this test what `{name}` may import"
    for imported in own_imports(ast.parse(path.read_text())):
        parents = {imported, imported.rsplit(".", 1)[0]}
        assert parents & ALLOWED[name], f"`{name}` may not import `{imported}`"


@pytest.mark.parametrize("path", sorted((ROOT / "theory").rglob("*.py")), ids=module_name)
def test_theory_does_not_name_torch(path):
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert "torch" not in imported
    assert "import torch" not in path.read_text()


def loaded_after(code):
    listing = f"{code}\nimport sys; print(*sys.modules)"
    command = [sys.executable, "-c", listing]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT.parent)
    return set(done.stdout.split())


def test_importing_the_package_loads_no_library():
    loaded = loaded_after("import ssm_companion")
    assert not loaded & {"torch", "numpy", "matplotlib", "statsmodels", "IPython"}


def test_theory_works_without_torch():
    loaded = loaded_after("import ssm_companion; ssm_companion.theory.memory.half_life(0.5)")
    assert "numpy" in loaded
    assert "torch" not in loaded


def test_a_scan_loads_no_kernels_but_its_own():
    loaded = loaded_after("""
import sys, torch, ssm_companion as s
one = torch.ones(1, 1, 1)
s.linear_scan(one, one, backend="chunked")
assert "numba" not in sys.modules
s.linear_scan(one, one)
""")
    assert "ssm_companion.kernels.cpu" in loaded
    assert "ssm_companion.kernels.gpu" not in loaded


def test_training_does_not_load_ipython():
    assert "IPython" not in loaded_after("import ssm_companion.training")


@pytest.mark.parametrize("name", ssm_companion.__all__)
def test_public_names_are_there(name):
    assert name in dir(ssm_companion)
    assert getattr(ssm_companion, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(ssm_companion, "selective_scam")


def test_setup_makes_draws_repeatable_and_applies_the_style(monkeypatch):
    styled = []
    from ssm_companion import plotting

    monkeypatch.setattr(plotting, "use_style", lambda: styled.append(True))
    draws = [(ssm_companion.setup(7).random(), torch.rand(1).item()) for _ in range(2)]
    assert draws[0] == draws[1] != (ssm_companion.setup(8).random(), torch.rand(1).item())
    assert len(styled) == 3


def test_setup_sets_the_threads():
    before = torch.get_num_threads()
    try:
        generator = ssm_companion.setup(threads=2)
        assert torch.get_num_threads() == 2
        assert isinstance(generator, np.random.Generator)
    finally:
        torch.set_num_threads(before)
