"""Models of equal size: their sizes and counts against the models themselves."""

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

from ssm_companion.experiments.counts import multiply_adds, state_bytes
from ssm_companion.experiments.models import (
    LAYERS,
    SKELETONS,
    SequenceModel,
    Size,
    equal_parameters,
    parameter_count,
)

KINDS = pytest.mark.parametrize("kind", LAYERS)


def tensors(state):
    return (
        [state] if isinstance(state, torch.Tensor) else [t for part in state for t in tensors(part)]
    )


def small(kind, **options):
    return SequenceModel(kind, Size(8, 12), inputs=1, outputs=5, discrete=False, **options)


@KINDS
@pytest.mark.parametrize(("budget", "discrete"), [(60_000, True), (8_000, False)])
def test_every_kind_has_the_parameters_of_the_budget(kind, budget, discrete):
    ends = {"inputs": 75, "outputs": 75} if discrete else {"inputs": 1, "outputs": 12}
    size = equal_parameters(kind, budget, discrete=discrete, **ends)
    model = SequenceModel(kind, size, discrete=discrete, **ends)
    assert abs(parameter_count(model) - budget) <= 0.03 * budget
    assert 0.5 < size.hidden / size.d_model < 4


@pytest.mark.parametrize("skeleton", SKELETONS)
@KINDS
def test_steps_go_on_from_a_pass(kind, skeleton):
    model, x = small(kind, skeleton=skeleton), torch.randn(3, 9, 1)
    y, state = model(x[:, :6], return_state=True)
    steps = [y]
    for t in range(6, 9):
        y, state = model.step(x[:, t], state)
        steps.append(y[:, None])
    assert_close(torch.cat(steps, dim=1), model(x), atol=1e-5, rtol=1e-4)
    assert_close(model(x, model.init_state(3)), model(x))


def test_the_skeletons_have_the_norms_that_they_say():
    norms = {
        skeleton: [type(norm) is nn.RMSNorm for norm in small("gru", skeleton=skeleton).norms]
        for skeleton in SKELETONS
    }
    assert norms == {
        "full": [True] * 5,
        "plain": [False, True, True, True, False],
        "linear": [False] * 5,
    }


@pytest.mark.parametrize("skeleton", ["full", "plain"])
@KINDS
def test_outputs_are_bounded_by_the_last_norm(kind, skeleton):
    model, x = small(kind, skeleton=skeleton), torch.randn(3, 9, 1)
    head = model.head.weight.norm(dim=1) * model.layers[0].d_model ** 0.5 + model.head.bias.abs()
    with torch.no_grad():
        within = (model(1e4 * x).abs() <= head * 1.0001).all()
    assert within == (skeleton == "full")


@KINDS
def test_in_the_linear_skeleton_memories_alone_can_bend(kind):
    x, z = torch.randn(2, 3, 9, 1, dtype=torch.float64)

    def bends(skeleton):
        model = small(kind, skeleton=skeleton).double()
        with torch.no_grad():
            of_sum, sum_of = model(x + z) + model(0 * x), model(x) + model(z)
        return not torch.allclose(of_sum, sum_of, atol=1e-9)

    assert bends("linear") == (kind not in ("s4d", "lru"))
    assert bends("plain")


@KINDS
@pytest.mark.parametrize("length", [1, 37])
def test_bytes_of_state_are_those_of_its_tensors(kind, length):
    model = small(kind)
    _, state = model(torch.randn(1, length, 1), return_state=True)
    assert state_bytes(model, length) == sum(part.nbytes for part in tensors(state))


def test_only_the_state_of_attention_grows():
    growing = {kind for kind in LAYERS if state_bytes(small(kind), 9) > state_bytes(small(kind), 1)}
    assert growing == {"attention"}


@KINDS
def test_multiply_adds_of_matrices_are_those_that_torch_counts(kind):
    model, x = small(kind), torch.randn(2, 7, 1)
    # as plain matrix products, which the counter sees
    with torch.backends.mkldnn.flags(enabled=False), FlopCounterMode(display=False) as counter:
        model(x)
    by_module = counter.get_flop_counts()
    names = [
        f"SequenceModel.{name}"
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | nn.RNNBase)
    ]
    counted = sum(sum(by_module[name].values()) for name in names)
    assert counted == 2 * 2 * 7 * multiply_adds(model)["matrices"]


def total_of_a_step(model, past):
    _, state = model(torch.randn(1, past, 1), return_state=True)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model.step(torch.randn(1, 1), state)
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("past", [1, 40])
def test_attention_is_all_matrix_products(past):
    model = small("attention")
    assert total_of_a_step(model, past) == sum(multiply_adds(model, past).values())


def test_an_lru_is_all_matrix_products_but_for_its_recurrence():
    model = small("lru")
    counted, (first, _) = multiply_adds(model), model.layers
    # the counter takes a product of complex matrices for one of real ones, and we count two
    complex_products = 2 * first.d_model * first.d_state
    recurrences = 2 * 4 * first.d_state
    assert total_of_a_step(model, 3) == sum(counted.values()) - complex_products - recurrences


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="`kind` must be one of .* did you mean 'mamba2'"):
        equal_parameters("mamba-2", 8000, 1, 12)
    with pytest.raises(ValueError, match="`skeleton` must be one of 'full', 'plain', 'linear'"):
        small("gru", skeleton="bare")
    with pytest.raises(ValueError, match="`budget` must be enough for 'lstm', got 10"):
        equal_parameters("lstm", 10, 75, 75)
