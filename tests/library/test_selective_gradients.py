"""Derivatives of the selective scan: against finite differences, the reference, and themselves."""

import pytest
import torch
from systems import BACKENDS, DOUBLE, KERNELS, assert_near, gradients, scan, system, tensors
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.func import grad, jvp, vjp, vmap

from ssm_companion import selective_scan

on_each_backend = pytest.mark.parametrize("backend", BACKENDS)
on_each_kernel = pytest.mark.parametrize("backend", KERNELS)
in_double_precision = pytest.mark.parametrize("kind", DOUBLE, ids=str)


def function_of(names, arguments, backend):
    """Outputs and last state as a function of some of the arguments."""

    def run(*values):
        return scan(arguments | dict(zip(names, values, strict=True)), backend)

    return run


def small(kind, **sizes):
    """Two chunks, the second with a rest."""
    sizes = {"length": 3, "batch": 1, "modes": 2} | sizes
    arguments = system(kind, channels=17 if kind.wide else 2, **sizes)
    return arguments | {"chunk_size": 2}


@on_each_backend
@pytest.mark.parametrize("bare", [False, True], ids=["options", "bare"])
@in_double_precision
def test_derivatives_are_those_of_finite_differences(kind, bare, backend):
    arguments = small(kind, bare=bare)
    leaves = {name: x.requires_grad_() for name, x in tensors(arguments).items()}
    run = function_of(leaves, arguments, backend)
    assert gradcheck(run, tuple(leaves.values()), fast_mode=True)


@on_each_backend
@in_double_precision
def test_derivatives_of_packed_sequences_and_groups(kind, backend):
    arguments = small(kind, length=5, groups=(2, 1), sequences=2)
    arguments["cu_seqlens"] = torch.tensor([0, 2, 5])
    leaves = {name: x.requires_grad_() for name, x in tensors(arguments).items()}
    run = function_of(leaves, arguments, backend)
    assert gradcheck(run, tuple(leaves.values()), fast_mode=True)


@on_each_backend
@in_double_precision
def test_frozen_arguments_do_not_change_the_derivatives_of_others(kind, backend):
    arguments = system(kind)
    names = list(tensors(arguments))
    all_at_once = gradients(arguments, backend)
    subsets = [[name] for name in names]
    subsets += [[name for name in names if name != frozen] for frozen in names]
    for subset in subsets:
        expected = {name: all_at_once[name] for name in subset}
        assert_near(gradients(arguments, backend, subset), expected)


@on_each_kernel
@pytest.mark.parametrize("bare", [False, True], ids=["options", "bare"])
@pytest.mark.parametrize("groups", [(1, 1), (2, 2), (2, 3)], ids=str)
@in_double_precision
def test_derivatives_equal_those_of_the_reference(kind, groups, bare, backend):
    arguments = system(
        kind, length=29, channels=kind.channels[-1], modes=5, groups=groups, bare=bare
    )
    assert_near(gradients(arguments, backend), gradients(arguments, "reference"), 1e-10)


@on_each_kernel
@in_double_precision
def test_derivatives_of_packed_sequences_equal_those_of_the_reference(kind, backend):
    bounds = torch.tensor([0, 1, 4, 21, 29])
    arguments = system(kind, length=29, batch=1, sequences=4) | {"cu_seqlens": bounds}
    assert_near(gradients(arguments, backend), gradients(arguments, "reference"), 1e-10)


@on_each_kernel
@pytest.mark.parametrize("kind", [kind for kind in DOUBLE if kind.is_complex], ids=str)
def test_derivatives_without_conjugate_pairs_equal_those_of_the_reference(kind, backend):
    arguments = system(kind) | {"conj_pairs": False}
    assert_near(gradients(arguments, backend), gradients(arguments, "reference"), 1e-10)


@pytest.mark.parametrize("step", [-1e-9, 0.0, 1e-9, -0.49, 0.51])
@on_each_kernel
@pytest.mark.parametrize("kind", [kind for kind in DOUBLE if kind.method == "zoh"], ids=str)
def test_derivatives_on_both_sides_of_a_switch_of_formulas(kind, backend, step):
    arguments = system(kind, bare=True)
    arguments["delta"] = torch.full_like(arguments["delta"], step)
    arguments["A"] = arguments["A"] / arguments["A"].abs()
    assert_near(gradients(arguments, backend), gradients(arguments, "reference"), 1e-12)


@in_double_precision
def test_the_reference_has_second_derivatives_and_forward_mode(kind):
    arguments = system(kind, length=2, batch=1, channels=2, modes=1)
    leaves = {name: x.requires_grad_() for name, x in tensors(arguments).items()}
    run = function_of(leaves, arguments, "reference")
    assert gradcheck(run, tuple(leaves.values()), check_forward_ad=True, fast_mode=True)
    assert gradgradcheck(run, tuple(leaves.values()), fast_mode=True)


@on_each_kernel
def test_a_second_derivative_of_a_kernel_says_who_has_it(backend):
    arguments = system(DOUBLE[0])
    A = arguments["A"].requires_grad_()
    y = selective_scan(**arguments, backend=backend)
    (first,) = torch.autograd.grad(y.sum(), A, create_graph=True)
    with pytest.raises(NotImplementedError, match="need backend='reference'"):
        first.sum().backward()


def in_a_dual_level(run, x):
    with forward_ad.dual_level():
        run(forward_ad.make_dual(x, x))


def of_a_gradient(run, x):
    """Tangents of what comes from above only."""
    value, pull = vjp(run, x)
    jvp(pull, (value,), (value,))


REFERENCE = "need.* backend='reference'"
FORWARD = {
    "jvp": lambda run, x: jvp(run, (x,), (x,)),
    "dual": in_a_dual_level,
    "gradient": of_a_gradient,
}


@on_each_kernel
@pytest.mark.parametrize("grad_mode", [True, False])
@pytest.mark.parametrize("way", FORWARD)
@pytest.mark.parametrize("method", ["euler", "trapezoid"])
def test_forward_mode_of_a_kernel_says_who_has_it(method, way, grad_mode, backend):
    """Not zeros, which is what PyTorch makes of the tangents of an operator without a formula."""
    arguments = system(next(kind for kind in DOUBLE if kind.method == method))
    run = function_of(["initial_state"], arguments, backend)
    with torch.set_grad_enabled(grad_mode), pytest.raises(NotImplementedError, match=REFERENCE):
        FORWARD[way](run, arguments["initial_state"])


def test_forward_mode_in_a_compiled_function_says_who_has_it():
    arguments = system(DOUBLE[0])
    run = function_of(["u"], arguments, "cpu")
    torch._dynamo.reset()
    with pytest.raises(NotImplementedError, match=REFERENCE):
        torch.compile(lambda x: FORWARD["jvp"](run, x), backend="eager")(arguments["u"])


@on_each_kernel
@torch.no_grad()
def test_a_scan_without_tangents_runs_amid_forward_mode(backend):
    arguments = system(DOUBLE[0])
    expected = scan(arguments, backend)
    with forward_ad.dual_level():
        assert_near(scan(arguments, backend), expected)


# ---- transforms ----


def stacked(arguments, mapped):
    """Three systems that differ in the arguments that are mapped over."""
    others = {name: torch.stack([arguments[name] * c for c in (1, 0.5, 1.5)]) for name in mapped}
    dims = {name: 0 if name in mapped else None for name in tensors(arguments)}
    return arguments | others, dims


@on_each_kernel
@pytest.mark.parametrize("without", [(), ("A",), ("B", "C"), ("u", "delta"), ("initial_state",)])
@in_double_precision
def test_vmap_equals_a_loop(kind, without, backend):
    arguments = system(kind, length=5, groups=(2, 1))
    mapped = [name for name in tensors(arguments) if name not in without]
    systems, dims = stacked(arguments, mapped)
    results = vmap(function_of(dims, arguments, backend), tuple(dims.values()))(
        *(systems[name] for name in dims)
    )
    for i in range(3):
        one = arguments | {name: systems[name][i] for name in mapped}
        assert_near([x[i] for x in results], scan(one, backend))


@on_each_kernel
@pytest.mark.parametrize("name", ["A", "u", "B", "initial_state"])
@in_double_precision
def test_vmap_over_one_argument_and_another_axis_equals_a_loop(kind, name, backend):
    arguments = system(kind, length=5)
    systems, _ = stacked(arguments, [name])
    run = function_of([name], arguments, backend)
    results = vmap(run, in_dims=1)(systems[name].movedim(0, 1))
    for i in range(3):
        assert_near([x[i] for x in results], run(systems[name][i]))


@on_each_kernel
@in_double_precision
def test_a_functional_gradient_is_that_of_autograd(kind, backend):
    arguments = system(kind)
    names = list(tensors(arguments))

    def loss(values):
        y, last = scan(arguments | values, backend)
        return (y**2).sum() + (last.abs() ** 2).sum()

    leaves = {name: arguments[name].clone().requires_grad_() for name in names}
    loss(leaves).backward()
    found = grad(loss)({name: arguments[name] for name in names})
    assert_near(found, {name: x.grad for name, x in leaves.items()})


@on_each_kernel
@in_double_precision
def test_gradients_per_sample_equal_a_loop(kind, backend):
    arguments = system(kind, batch=3, length=5, groups=(1, 2))
    per_sample = [x for x in ("u", "delta", "z", "end_weight", "B", "C", "initial_state")
                  if x in arguments and arguments[x].shape[0] == 3]  # fmt: skip
    shared = {name: x for name, x in tensors(arguments).items() if name not in per_sample}

    def loss(parameters, sample):
        batch_of_one = {name: x.unsqueeze(0) for name, x in sample.items()}
        y, last = scan(arguments | parameters | batch_of_one, backend)
        return (y**2).sum() + (last.abs() ** 2).sum()

    samples = {name: arguments[name] for name in per_sample}
    found = vmap(grad(loss), in_dims=(None, 0))(shared, samples)
    for i in range(3):
        sample = {name: x[i] for name, x in samples.items()}
        assert_near({name: x[i] for name, x in found.items()}, grad(loss)(shared, sample))
