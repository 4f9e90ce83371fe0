"""The scans as operators of PyTorch, and as citizens of a process: compilers, strides, threads."""

import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from systems import BACKENDS, DOUBLE, KERNELS, assert_near, gradients, scan, system, tensors
from torch.library import opcheck

from ssm_companion import explain, linear_scan, selective_scan
from ssm_companion.kernels import Inputs, Options, checkpoint_rows

on_each_backend = pytest.mark.parametrize("backend", BACKENDS)
on_each_kernel = pytest.mark.parametrize("backend", KERNELS)
in_double_precision = pytest.mark.parametrize("kind", DOUBLE, ids=str)
OPS = torch.ops.ssm_companion


def flat(kind, requires_grad=False):
    """Arguments of the operators: two sequences of 3 and 4 steps."""
    arguments = system(kind, length=7, batch=1, sequences=2)
    rows = {
        name: arguments[name].squeeze(0) if arguments[name].ndim > 2 else arguments[name]
        for name in ("u", "delta", "B", "C", "z")
    }
    for name in kind.varying:
        rows[name] = rows[name].unsqueeze(1)
    inputs = Inputs(
        **rows,
        w=torch.randn_like(rows["u"]),
        A=arguments["A"],
        D=arguments["D"],
        bias=arguments["delta_bias"],
        h0=arguments["initial_state"],
        bounds=torch.tensor([0, 3, 7]),
    )
    leaves = (x.requires_grad_(requires_grad) for x in inputs[:-1])
    options = Options(softplus=True, method=kind.method, pairs=kind.is_complex, chunk=2)
    return Inputs(*leaves, inputs.bounds), options


with_a_kernel = pytest.mark.parametrize(
    "kind", [kind for kind in DOUBLE if kind.method != "trapezoid"], ids=str
)


# ---- the registered operators ----


@on_each_kernel
@pytest.mark.parametrize("number", [torch.float32, torch.complex128], ids=str)
@pytest.mark.parametrize("constant", [False, True])
def test_the_linear_scan_keeps_the_contract_of_an_operator(number, constant, backend):
    a, b, h0 = (torch.randn(x, 3, dtype=number, requires_grad=True) for x in (7, 7, 2))
    a = a[0].detach().requires_grad_() if constant else a
    opcheck(OPS.linear_scan, (a, b, h0, torch.tensor([0, 3, 7]), True, backend))


@on_each_kernel
@with_a_kernel
def test_the_selective_scan_keeps_the_contract_of_an_operator(kind, backend):
    inputs, options = flat(kind, requires_grad=True)
    opcheck(OPS.selective_scan, (*inputs, *options, backend))


@on_each_kernel
@with_a_kernel
def test_the_backward_pass_keeps_the_contract_of_an_operator(kind, backend):
    inputs, options = flat(kind)
    y, last, checkpoints = OPS.selective_scan(*inputs, *options, backend)
    assert len(checkpoints) == checkpoint_rows(7, 2, options.chunk)
    arguments = (torch.randn_like(y), torch.randn_like(last), checkpoints)
    opcheck(OPS.selective_scan_backward, (*arguments, *inputs, *options, backend))


@pytest.fixture
def poisoned():
    """Memory that PyTorch hands out and nobody has written to is NaN."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@on_each_kernel
@with_a_kernel
def test_operators_return_nothing_that_they_have_not_written(kind, backend, poisoned):
    assert torch.empty(3).isnan().all()
    inputs, options = flat(kind)
    y, last, checkpoints = OPS.selective_scan(*inputs, *options, backend)
    arguments = (torch.randn_like(y), torch.randn_like(last), checkpoints)
    found = OPS.selective_scan_backward(*arguments, *inputs, *options, backend)
    assert all(x.isfinite().all() for x in (y, last, checkpoints, *found))
    a, b = torch.randn(2, 7, 3)
    assert OPS.linear_scan(a, b, b[:2], inputs.bounds, False, backend).isfinite().all()


# ---- torch.compile ----


@pytest.mark.parametrize("is_packed", [False, True], ids=["batch", "packed"])
@on_each_kernel
@pytest.mark.parametrize(
    "kind",
    [kind for kind in DOUBLE if (kind.method, kind.is_complex) in [("zoh", 1), ("trapezoid", 0)]],
    ids=str,
)
def test_compiled_scans_equal_those_that_are_not(kind, is_packed, backend):
    sequences = 2 if is_packed else 1
    arguments = system(kind, length=7, batch=1, sequences=sequences)
    if is_packed:
        arguments["cu_seqlens"] = torch.tensor([0, 3, 7])
    names = list(tensors(arguments))

    def function(*values):
        y, last = scan(arguments | dict(zip(names, values, strict=True)), backend)
        y = linear_scan(torch.full_like(y, 0.5), y, cu_seqlens=arguments.get("cu_seqlens"),
                        backend=backend)  # fmt: skip
        return y.square().sum() + last.abs().square().sum()

    def run(function):
        leaves = [arguments[name].clone().requires_grad_() for name in names]
        value = function(*leaves)
        return [value, *torch.autograd.grad(value, leaves)]

    torch._dynamo.reset()
    assert_near(run(torch.compile(function, fullgraph=True, backend="aot_eager")), run(function))


# ---- memory layouts ----


def transposed(x):
    return x.mT.contiguous().mT if x.ndim > 1 else x


def strided(x):
    return torch.stack([x, -x], dim=-1)[..., 0]


def lazy(x):
    """A conjugate, or a sign, that is noted and not yet carried out."""
    return x.conj().resolve_conj().conj() if x.is_complex() else torch.complex(x, -x).conj().imag


@pytest.mark.parametrize("layout", [transposed, strided, lazy])
@on_each_backend
@in_double_precision
def test_the_layout_in_memory_is_of_no_consequence(kind, backend, layout):
    arguments = system(kind, length=11)
    others = {name: layout(x) for name, x in tensors(arguments).items()}
    assert all(torch.equal(others[name], arguments[name]) for name in others)
    assert_near(scan(arguments | others, backend), scan(arguments, backend))


@on_each_backend
@in_double_precision
def test_expanded_inputs_and_gradients_are_read_as_they_are_meant(kind, backend):
    arguments = system(kind, length=11)
    expanded = {name: arguments[name][:1].expand(2, 11, -1) for name in ("u", "delta", "z")}
    leaves = {name: x.contiguous().requires_grad_() for name, x in expanded.items()}
    y = selective_scan(**(arguments | leaves), backend=backend)
    assert_near(selective_scan(**(arguments | expanded), backend=backend), y.detach())
    # the gradient of a sum is a number that is expanded
    found = torch.autograd.grad(y.sum(), list(leaves.values()), retain_graph=True)
    expected = torch.autograd.grad(y, list(leaves.values()), torch.ones_like(y))
    assert_near(found, expected)


# ---- processes and threads ----


FORK = """
    import os, sys, torch
    from ssm_companion import selective_scan

    torch.set_num_threads(2)
    u, B = torch.ones(4, 9, 40), torch.ones(4, 9, 3)
    def run():
        return selective_scan(u, u / 4, -torch.ones(40, 3), B, B, backend="cpu")
    expected = run()
    child = os.fork()
    if child == 0:
        os._exit(0 if torch.equal(run(), expected) else 1)
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))
"""


def python(code, **environment):
    """Run code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )


def test_a_forked_process_can_scan_after_its_parent_did():
    done = python(FORK)
    assert done.returncode == 0, done.stderr


def test_python_threads_scan_at_once():
    many = [system(kind, length=19) for kind in DOUBLE] * 3
    alone = [(*scan(x, "cpu"), *gradients(x, "cpu").values()) for x in many]

    def run(arguments):
        return (*scan(arguments, "cpu"), *gradients(arguments, "cpu").values())

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(run, many))
    for found, expected in zip(together, alone, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(found, expected, strict=True))


# ---- which backend, and without numba ----


def test_explain_says_which_backend_and_why():
    assert explain("cpu", "reference") == "reference: asked for; a plain loop over time"
    assert explain("cpu").startswith("cpu: the fastest for cpu tensors; numba ")
    assert explain("meta").startswith("chunked: no kernels for meta tensors; ")
    with pytest.raises(ValueError, match="`backend` 'gpu' needs tensors on cuda, got cpu"):
        explain("cpu", "gpu")
    with pytest.raises(ValueError, match="did you mean 'chunked'"):
        explain("cpu", "chunk")


WITHOUT_NUMBA = """
    import sys, warnings

    class Absent:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] in ("numba", "llvmlite"):
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    # as on a machine where it was never installed: no finder knows it
    import importlib.util
    find_spec = importlib.util.find_spec
    importlib.util.find_spec = lambda name, package=None: (
        None if name == "numba" else find_spec(name, package)
    )
    sys.meta_path.insert(0, Absent())

    import torch
    from ssm_companion import explain, selective_scan

    u, B = torch.ones(2, 9, 5), torch.ones(2, 9, 3)
    arguments = (u, u / 4, -torch.ones(5, 3), B, B)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        y = selective_scan(*arguments)
        selective_scan(*arguments)
    messages = [str(w.message) for w in caught if "numba" in str(w.message)]
    assert len(messages) == 1 and "pip install -U numba" in messages[0], messages
    torch.testing.assert_close(y, selective_scan(*arguments, backend="reference"))
    assert explain("cpu").startswith("chunked: ") and "numba" in explain("cpu")
    try:
        selective_scan(*arguments, backend="cpu")
    except ImportError as error:
        assert "`backend` 'cpu' needs numba" in str(error), error
        assert "pip install -U numba" in str(error), error
    else:
        raise AssertionError("no ImportError")
    assert "numba" not in sys.modules
"""


def test_without_numba_the_chunked_backend_takes_over_and_says_so_once():
    done = python(WITHOUT_NUMBA)
    assert done.returncode == 0, done.stderr


COMPILED = """
    import torch
    from ssm_companion import selective_scan
    from ssm_companion.kernels.cpu import selective

    kernels, make = [], selective.forward_kernel
    def kept(*traits):
        kernels.append(make(*traits))
        return kernels[-1]
    selective.forward_kernel = kept
    u, B = torch.ones(2, 9, 5), torch.ones(2, 9, 3)
    selective_scan(u, u / 4, -torch.ones(5, 3), B, B, backend="cpu")
    (kernel,) = kernels
    print(sum(kernel.stats.cache_hits.values()), sum(kernel.stats.cache_misses.values()))
"""


def test_a_second_process_compiles_nothing(tmp_path):
    first, second = (python(COMPILED, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2))
    assert first.stdout == "0 1\n", first.stderr
    assert second.stdout == "1 0\n", second.stderr
