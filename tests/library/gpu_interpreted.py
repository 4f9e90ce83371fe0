"""The GPU kernels, interpreted on the CPU, against the reference: run by test_gpu_interpreter.py.

Triton decides when a kernel is defined whether to interpret it, so this needs a process of its own
with TRITON_INTERPRET=1, and is not collected otherwise.
"""

import itertools
import random

import pytest
import torch
import triton
import triton.language as tl

from ssm_companion import _ops
from ssm_companion.discretize import phi1
from ssm_companion.kernels import Inputs, Options, gpu, reference
from ssm_companion.kernels.gpu import discretize, selective

# Relative to the largest entry; a quarter of the digits are for sums, large angles and gradients.
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}
PRECISIONS = [torch.float32, torch.float64]


@pytest.fixture(autouse=True)
def poisoned(monkeypatch):
    """Memory that a kernel should have written and has not is NaN."""
    for owner, name in [(torch, "empty_like"), (torch.Tensor, "new_empty")]:
        monkeypatch.setattr(owner, name, filled(getattr(owner, name)))


def filled(make):
    def poisoned_too(*args, **kwargs):
        made = make(*args, **kwargs)
        return made.fill_(torch.nan) if made.is_floating_point() or made.is_complex() else made

    return poisoned_too


def assert_near(found, wanted, name):
    assert found.shape == wanted.shape, name
    assert found.dtype.is_complex == wanted.dtype.is_complex, name
    error = (found - wanted).abs().max()
    bound = TOLERANCE[found.real.dtype] * wanted.abs().max()
    assert error <= bound, f"{name} is off by {error:.2g}, more than {bound:.2g}"


# ---- the two operators ----


def draw_system(seed, precision, is_complex, method):
    """Inputs and options; what is not given is drawn."""
    draw = random.Random(seed)
    torch.manual_seed(draw.getrandbits(32))
    lengths = draw.choice([(1,), (7,), (5, 1), (2, 6), (3, 1, 2)])
    # 35 channels of 5 or 16 modes are more than one block, the others less
    groups, per_group = draw.choice([(1, 1), (1, 5), (2, 3), (3, 1), (2, 35)])
    modes = draw.choice([1, 3, 5, 16])
    channels, rows = groups * per_group, sum(lengths)

    def real(*shape):
        return torch.randn(*shape, dtype=precision)

    def number(*shape):
        return torch.complex(real(*shape), real(*shape)) if is_complex else real(*shape)

    def weights():
        constant = draw.random() < 0.5
        return number(channels, modes) if constant else number(rows, groups, modes)

    def maybe(*shape):
        return real(*shape) if draw.random() < 0.5 else None

    # from 1e-4 to 1 and more: z on both sides of where the series of phi_1 takes over
    A = number(channels, modes) * 10 ** (-4 * torch.rand(channels, modes, dtype=precision))
    softplus = draw.random() < 0.5
    delta, bias = real(rows, channels), maybe(channels)
    inputs = Inputs(
        u=real(rows, channels),
        delta=3 * delta if softplus else delta.abs(),
        w=maybe(rows, channels),
        A=torch.complex(-A.real.abs(), A.imag) if is_complex else -A.abs(),
        B=weights(),
        C=weights(),
        D=maybe(channels),
        z=maybe(rows, channels),
        bias=bias if softplus or bias is None else bias.abs(),
        h0=number(len(lengths), channels, modes),
        bounds=torch.tensor([0, *itertools.accumulate(lengths)]),
    )
    pairs = is_complex and draw.random() < 0.5
    return inputs, Options(softplus, method, pairs, chunk=draw.choice([1, 3, 64]))


def double(x):
    return x.to(torch.complex128 if x.is_complex() else torch.float64)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("precision", PRECISIONS, ids=str)
@pytest.mark.parametrize("is_complex", [False, True], ids=["real", "complex"])
@pytest.mark.parametrize("method", ["euler", "lawson", "zoh", "bilinear"])
def test_selective_agrees_with_the_reference(method, is_complex, precision, seed, monkeypatch):
    seed_of_all = f"{method} {is_complex} {precision} {seed}"
    inputs, options = draw_system(seed_of_all, precision, is_complex, method)
    if seed == 0:  # one slot, which takes the sequences one after the other
        monkeypatch.setattr(selective, "SCRATCH", 1)
    leaves = [None if x is None else double(x).requires_grad_() for x in inputs[:-1]]
    wanted = reference.selective(Inputs(*leaves, inputs.bounds), options)
    *found, checkpoints = gpu.forward(inputs, options)
    for name, x, y in zip(("y", "last"), found, wanted, strict=True):
        assert_near(x, y, name)

    dy, dlast = torch.randn_like(found[0]), torch.randn_like(found[1])
    there = [x for x in leaves if x is not None]
    wanted = iter(torch.autograd.grad(wanted, there, [double(dy), double(dlast)]))
    found = gpu.backward(dy, dlast, inputs, checkpoints, options)
    for name, x, grad in zip(Inputs._fields, leaves, found, strict=False):
        if x is None:
            assert grad is None
        else:
            assert_near(grad, next(wanted), f"gradient of {name}")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64, torch.complex128])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("lengths", [(1,), (5, 1, 7)], ids=str)
def test_linear_agrees_with_the_reference(lengths, constant, reverse, dtype):
    rows, width = sum(lengths), 37
    a = torch.randn(width, dtype=dtype) if constant else torch.randn(rows, width, dtype=dtype)
    b, h0 = torch.randn(rows, width, dtype=dtype), torch.randn(len(lengths), width, dtype=dtype)
    bounds = torch.tensor([0, *itertools.accumulate(lengths)])
    wanted = reference.linear(double(a), double(b), double(h0), bounds, reverse)
    assert_near(gpu.linear(a, b, h0, bounds, reverse), wanted, "h")


def test_the_op_runs_the_kernels_both_ways():
    inputs, options = draw_system(1, torch.float64, True, "euler")
    leaves = [None if x is None else x.requires_grad_() for x in inputs[:-1]]
    there = [x for x in leaves if x is not None]
    results = []
    for backend in ("gpu", "reference"):
        y, last = _ops.selective(Inputs(*leaves, inputs.bounds), options, backend)
        loss = y.square().sum() + last.abs().square().sum()
        results.append([loss.detach(), *torch.autograd.grad(loss, there)])
    for i, (found, wanted) in enumerate(zip(*results, strict=True)):
        assert_near(found, wanted, f"result {i}")


# ---- the functions of the step ----


@triton.jit
def functions(x_ptr, y_ptr, softplus_ptr, cos_ptr, sin_ptr, phi_ptr, slope_ptr, SIZE: tl.constexpr):
    i = tl.arange(0, SIZE)
    x, y = tl.load(x_ptr + i), tl.load(y_ptr + i)
    cos, sin = discretize.cos_sin(y)
    softplus, _ = discretize.softplus(x)
    _, phi, _, slope = discretize.factors((x, y), 1 + 0 * x, discretize.ZOH)
    tl.store(softplus_ptr + i, softplus)
    tl.store(cos_ptr + i, cos)
    tl.store(sin_ptr + i, sin)
    tl.store(phi_ptr + 2 * i, phi[0])
    tl.store(phi_ptr + 2 * i + 1, phi[1])
    tl.store(slope_ptr + 2 * i, slope[0])
    tl.store(slope_ptr + 2 * i + 1, slope[1])


@pytest.mark.parametrize("precision", PRECISIONS, ids=str)
def test_functions_of_the_step_are_accurate_entry_by_entry(precision):
    size = 4096
    sign = 2 * torch.randint(2, (size,), dtype=precision) - 1
    x = sign * torch.logspace(-8, 1.8, size, dtype=precision)
    y = x.flip(0)[torch.randperm(size)]
    softplus, cos, sin = (torch.empty_like(x) for _ in range(3))
    phi, slope = (torch.empty(size, dtype=precision.to_complex()) for _ in range(2))
    parts = map(torch.view_as_real, (phi, slope))
    functions[(1,)](x, y, softplus, cos, sin, *parts, SIZE=size)

    point = torch.complex(x, y).to(torch.complex128).requires_grad_()
    wanted_phi = phi1(point)
    # the derivative of an analytic function is the conjugate of what autograd calls one
    (wanted_slope,) = torch.autograd.grad(wanted_phi, point, torch.ones_like(wanted_phi))
    wanted = {
        "softplus": (softplus, torch.nn.functional.softplus(double(x))),
        "cos": (cos, double(y).cos()),
        "sin": (sin, double(y).sin()),
        "phi1": (phi, wanted_phi),
        "slope": (slope, wanted_slope.conj()),
    }
    epsilon = torch.finfo(precision).eps
    for name, (found, value) in wanted.items():
        # A step times A is known to epsilon z, and that much its exponential errs by. The others
        # have no such excuse, but for cos and sin beside their zeros.
        allowed = 4 + (point.detach().abs() if name in ("phi1", "slope") else 0)
        scale = value.abs() + (0 if name == "softplus" else 1)
        assert ((found - value).abs() <= allowed * epsilon * scale).all(), name
