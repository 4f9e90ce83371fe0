"""Every layer is a causal map with a state, and any way of cutting time gives one answer."""

import copy
from functools import cache
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from ssm_companion.nn import GRU, LRU, LSTM, Attention, Hypercomplex, Mamba, Mamba2

D = 8
MAKERS = {
    "LRU": lambda **made: LRU(D, 5, **made),
    "Mamba": lambda **made: Mamba(D, 3, **made),
    "Mamba no filter": lambda **made: Mamba(D, 3, d_conv=1, **made),
    "Mamba complex": lambda **made: Mamba(D, 3, complex=True, discretization="zoh", **made),
    "Mamba trapezoid": lambda **made: Mamba(D, 3, complex=True, discretization="trapezoid", **made),
    "Mamba2": lambda **made: Mamba2(D, 3, headdim=4, chunk_size=4, **made),
    "Hypercomplex": lambda **made: Hypercomplex(D, 3, **made),
    "Hypercomplex learnt": lambda **made: Hypercomplex(D, 3, learn_structure=True, **made),
    "LSTM": lambda **made: LSTM(D, **made),
    "GRU": lambda **made: GRU(D, **made),
    "Attention": lambda **made: Attention(D, 2, **made),
}
EVERY = pytest.mark.parametrize("name", MAKERS)


@cache
def layer_of(name):
    """A layer whose parameters are all away from special values, as a frequency of 0 is."""
    torch.manual_seed(0)
    layer = MAKERS[name](dtype=torch.float64)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter += 0.3 * torch.rand_like(parameter)
    return layer


def parts(state):
    return (state,) if isinstance(state, torch.Tensor) else tuple(state)


def inputs(*shape):
    return torch.randn(*shape, D, dtype=torch.float64)


def used_state(layer, batch):
    """The state after a few steps, cut off from them."""
    _, state = layer(inputs(batch, 4), return_state=True)
    detached = [part.detach() for part in parts(state)]
    return detached[0] if isinstance(state, torch.Tensor) else type(state)(*detached)


def numbers(state):
    return [part for part in parts(state) if part.dtype != torch.bool]


def differentiable(state):
    return [part.requires_grad_() for part in numbers(state)]


@EVERY
@settings(max_examples=10)
@given(data=st.data(), batch=st.integers(1, 3), length=st.integers(1, 9))
def test_any_split_with_the_state_carried_equals_one_pass(name, data, batch, length):
    cut = data.draw(st.integers(0, length))
    layer, x = layer_of(name), inputs(batch, length)
    state = used_state(layer, batch)
    whole, end = layer(x, state, return_state=True)
    outputs = []
    for piece in (x[:, :cut], x[:, cut:]):
        if piece.shape[1] == 0:
            continue
        y, state = layer(piece, state, return_state=True)
        outputs.append(y)
    assert_close(torch.cat(outputs, dim=1), whole)
    assert_close(parts(state), parts(end))


@EVERY
def test_step_by_step_equals_forward(name):
    layer, x = layer_of(name), inputs(2, 13)
    whole, end = layer(x, return_state=True)
    state = layer.init_state(2)
    for t in range(13):
        y, state = layer.step(x[:, t], state)
        assert_close(y, whole[:, t])
    assert_close(parts(state), parts(end))


@EVERY
@settings(max_examples=10)
@given(lengths=st.lists(st.tuples(*[st.integers(1, 5)] * 2), min_size=1, max_size=4))
def test_packed_sequences_equal_a_loop_over_them(name, lengths):
    layer = layer_of(name)
    outputs, state = [], None
    packs = []
    for pack in zip(*lengths, strict=True):
        bounds = torch.tensor([0, *pack]).cumsum(0)
        x = inputs(1, sum(pack))
        y, state = layer(x, state, return_state=True, cu_seqlens=bounds)
        packs.append([x[:, start:stop] for start, stop in pairwise(bounds)])
        outputs.append([y[:, start:stop] for start, stop in pairwise(bounds)])
    for i in range(len(lengths)):
        sequence = torch.cat([pieces[i] for pieces in packs], dim=1)
        assert_close(torch.cat([pieces[i] for pieces in outputs], dim=1), layer(sequence))


@EVERY
def test_nothing_passes_a_boundary_in_either_direction(name):
    layer, x = layer_of(name), inputs(1, 7).requires_grad_()
    y = layer(x, cu_seqlens=torch.tensor([0, 2, 4, 7]))
    (grad,) = torch.autograd.grad(y[:, 2:4].square().sum(), x)
    reached = (grad != 0).any(-1)[0]
    assert reached.tolist() == [False, False, True, True, False, False, False]


@EVERY
def test_a_batch_is_its_rows(name):
    layer, x = layer_of(name), inputs(3, 6)
    assert_close(layer(x), torch.cat([layer(row) for row in x.split(1)]))


@EVERY
def test_the_layer_is_causal_and_remembers(name):
    layer, x = layer_of(name), inputs(1, 9)
    other = x.clone()
    other[:, 4] += 1
    change = (layer(other) - layer(x)).abs().amax(dim=(0, 2))
    assert change[:4].max() < 1e-14
    assert change[4:].min() > 1e-9


@EVERY
def test_gradients_reach_every_parameter_and_the_state(name):
    layer = layer_of(name)
    state = used_state(layer, 2)
    wanted = [*layer.parameters(), *differentiable(state)]
    y, end = layer(inputs(2, 5), state, return_state=True)
    total = y.square().sum() + sum(part.abs().sum() for part in numbers(end))
    for grad, parameter in zip(torch.autograd.grad(total, wanted), wanted, strict=True):
        assert grad.isfinite().all()
        assert (grad != 0).any() or parameter.numel() == 0


@EVERY
def test_gradients_of_two_pieces_are_those_of_one(name):
    layer, x = layer_of(name), inputs(2, 7).requires_grad_()
    state = used_state(layer, 2)
    wanted = [x, *layer.parameters(), *differentiable(state)]
    whole = torch.autograd.grad(layer(x, state).square().sum(), wanted)
    first, between = layer(x[:, :3], state, return_state=True)
    second = layer(x[:, 3:], between)
    total = first.square().sum() + second.square().sum()
    assert_close(torch.autograd.grad(total, wanted), whole)


@EVERY
def test_states_are_left_as_they_are(name):
    layer = layer_of(name)
    state = used_state(layer, 2)
    before = copy.deepcopy(parts(state))
    layer(inputs(2, 3), state)
    layer.step(inputs(2), state)
    assert all(torch.equal(part, old) for part, old in zip(parts(state), before, strict=True))


@EVERY
def test_an_empty_past_is_the_default(name):
    layer, x = layer_of(name), inputs(2, 3)
    assert torch.equal(layer(x), layer(x, layer.init_state(2)))
    bounds = torch.tensor([0, 1, 3])
    packed = layer(x[:1], layer.init_state(2), cu_seqlens=bounds)
    assert torch.equal(layer(x[:1], cu_seqlens=bounds), packed)


@EVERY
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_precision_throughout(name, dtype):
    layer = MAKERS[name](dtype=dtype)
    assert all(parameter.dtype == dtype for parameter in layer.parameters())
    y, state = layer(torch.randn(2, 3, D, dtype=dtype), return_state=True)
    assert y.dtype == dtype
    assert all(part.dtype in (dtype, dtype.to_complex(), torch.bool) for part in parts(state))


@EVERY
def test_a_change_of_precision_changes_the_states_too(name):
    layer = MAKERS[name](dtype=torch.float32).double()
    x = inputs(2, 3)
    assert_close(layer(x, layer.init_state(2)), layer(x))


@EVERY
def test_parameters_can_be_saved_and_loaded(name):
    layer, other = layer_of(name), MAKERS[name](dtype=torch.float64)
    x = inputs(2, 5)
    assert not torch.equal(other(x), layer(x))
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(x), layer(x))


@EVERY
def test_wrong_inputs(name):
    layer = layer_of(name)
    for wrong, message in [
        (lambda: layer(inputs(7)), r"`x` must have shape \(B, L, D=8\), got \(7, 8\)"),
        (lambda: layer(inputs(2, 0)), "`x` must hold at least one step, got L = 0"),
        (lambda: layer.step(inputs(2, 1), layer.init_state(2)), r"`x` must have shape \(B, D=8\)"),
        (lambda: layer.init_state(0), "`batch` must be an integer >= 1, got 0"),
        (
            lambda: layer(inputs(2, 5), cu_seqlens=torch.tensor([0, 5])),
            "`cu_seqlens` needs a batch of 1, got B = 2",
        ),
        (lambda: MAKERS[name](dtype=torch.bfloat16), "`dtype` must be one of"),
    ]:
        with pytest.raises(ValueError, match=message):
            wrong()
    with pytest.raises(TypeError, match="`x` must have dtype torch.float64, got torch.float32"):
        layer(inputs(2, 5).float())


@EVERY
def test_wrong_states(name):
    layer, x = layer_of(name), inputs(2, 5)
    with pytest.raises(ValueError, match=r"`state(\.\w+)?` must have shape \(B=2, .*, got \(3, "):
        layer(x, layer.init_state(3))
    with pytest.raises(ValueError, match=r"must have shape \(n_seqs=2, .*, got \(1, "):
        layer(x[:1], layer.init_state(1), cu_seqlens=torch.tensor([0, 2, 5]))
    kind = type(layer.init_state(2)).__name__
    with pytest.raises(TypeError, match=f"`state` must be a {kind}, got list"):
        layer(x, [1])
    with pytest.raises(TypeError, match=r"`state(\.\w+)?` must have dtype"):
        layer(x, copy.deepcopy(layer).float().init_state(2))


def test_entries_of_a_past_must_go_together():
    layer = layer_of("Attention")
    state = layer(inputs(2, 3), return_state=True)[1]
    with pytest.raises(ValueError, match=r"`state.values` must have shape \(B=2, T=3, .* \(2, 2,"):
        layer(inputs(2, 1), state._replace(values=state.values[:, 1:]))


WRONG = {
    "d_model": (lambda: Mamba(0), "`d_model` must be an integer >= 1, got 0"),
    "d_state": (lambda: LRU(D, 0), "`d_state` must be an integer >= 1, got 0"),
    "ring": (lambda: LRU(D, r_min=0.9, r_max=0.5), "`r_min`, `r_max` must be"),
    "d_conv": (lambda: Mamba(D, d_conv=0), "`d_conv` must be an integer >= 1, got 0"),
    "expand": (lambda: Mamba2(D, expand=0), "`expand` must be an integer >= 1, got 0"),
    "dt_rank": (lambda: Mamba(D, dt_rank="all"), "`dt_rank` must be an integer >= 1, got 'all'"),
    "rule": (lambda: Mamba(D, discretization="eular"), "did you mean 'euler'?"),
    "headdim": (lambda: Mamba2(D, headdim=5), "`headdim` must divide expand * d_model = 16, got 5"),
    "n_heads": (lambda: Attention(D, 3), "`d_model` must be a multiple of 2 * n_heads = 6, got 8"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_sizes(case):
    wrong, message = WRONG[case]
    with pytest.raises(ValueError) as caught:
        wrong()
    assert message in str(caught.value)
