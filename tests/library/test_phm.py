"""The hypercomplex layer: its recurrence by plain loops, its turns, and a group that it follows."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from ssm_companion import linear_scan
from ssm_companion.nn import Hypercomplex
from ssm_companion.nn.phm import _prefixes
from ssm_companion.theory.hypercomplex import icosians, left_matrix, product

KINDS = {
    "complex": (2, False),
    "quaternion": (4, False),
    "complex learnt": (2, True),
    "quaternion learnt": (4, True),
}
EVERY = pytest.mark.parametrize(("n", "learnt"), KINDS.values(), ids=KINDS)


def layer_of(n, learnt, d_model=3, d_state=2):
    layer = Hypercomplex(d_model, d_state, n, learnt, dtype=torch.float64)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return layer


def inputs(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def plain(layer, x, h):
    """One step and one block at a time, turns by the exponential of a matrix."""
    p = dict(layer.named_parameters())
    n = layer.n
    units = torch.from_numpy(left_matrix(np.eye(n))[1:])
    if "A" in p:
        units = (p["A"] - p["A"].transpose(1, 2)) / 2
    outputs = []
    for t in range(x.shape[1]):
        gate = 1 / (1 + torch.exp(-(x[:, t] @ p["gate.weight"].T + p["gate.bias"])))
        theta = x[:, t] @ p["turn.weight"].T + p["turn.bias"]
        blocks, y = [], p["D"] * x[:, t]
        for m in range(layer.d_state):
            mine = theta[:, m * (n - 1) : (m + 1) * (n - 1)]
            turn = torch.matrix_exp(sum(mine[:, i, None, None] * units[i] for i in range(n - 1)))
            kept = (turn @ h[:, m, :, None])[..., 0]
            g = gate[:, m, None]
            blocks.append((1 - g) * kept + g * (x[:, t] @ p["B"][m].T))
            y = y + blocks[m] @ p["C"][:, m].T
        h = torch.stack(blocks, dim=1)
        outputs.append(y)
    return torch.stack(outputs, dim=1), h


@EVERY
@pytest.mark.parametrize("length", [1, 2, 3, 7, 8, 13])
def test_forward_is_the_recurrence_with_gradients(n, learnt, length):
    layer = layer_of(n, learnt)
    x, state = inputs(2, length, 3).requires_grad_(), inputs(2, 2, n).requires_grad_()
    y, last = layer(x, state, return_state=True)
    expected, end = plain(layer, x, state)
    assert_close((y, last), (expected, end))
    wanted = [x, state, *layer.parameters()]
    seeds = torch.randn_like(y), torch.randn_like(last)
    found = torch.autograd.grad((y, last), wanted, seeds)
    assert_close(found, torch.autograd.grad((expected, end), wanted, seeds))


@EVERY
def test_gradients_are_slopes(n, learnt):
    layer = layer_of(n, learnt)
    names = [name for name, _ in layer.named_parameters()]

    def run(x, state, *values):
        arguments = (x, state), {"return_state": True}
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), *arguments)

    values = [p.detach().clone().requires_grad_() for p in layer.parameters()]
    x, state = inputs(1, 4, 3).requires_grad_(), inputs(1, 2, n).requires_grad_()
    assert torch.autograd.gradcheck(run, (x, state, *values))


@pytest.mark.parametrize("n", [2, 4])
def test_gradients_are_slopes_where_nothing_turns(n):
    layer, x = layer_of(n, False), inputs(1, 4, 3)
    state = inputs(1, 2, n)

    def run(bias):
        parameters = {"turn.weight": 0 * layer.turn.weight.detach(), "turn.bias": bias}
        return torch.func.functional_call(layer, parameters, (x, state))

    assert torch.autograd.gradcheck(run, torch.zeros_like(layer.turn.bias).requires_grad_())


def test_two_numbers_are_one_complex_mode():
    layer, x = layer_of(2, False), inputs(3, 20, 3)
    a, b = layer.recurrence(x)
    h = linear_scan(*(torch.view_as_complex(part.contiguous()) for part in (a[..., 0], b)))
    y = torch.einsum("blmn,dmn->bld", torch.view_as_real(h), layer.C) + layer.D * x
    assert_close(layer(x), y)


@pytest.mark.parametrize("n", [2, 4])
def test_a_structure_that_is_learnt_starts_as_the_algebra(n):
    layer, learnt = (Hypercomplex(3, 5, n, flag, dtype=torch.float64) for flag in (False, True))
    missing = learnt.load_state_dict(layer.state_dict(), strict=False)
    assert missing.missing_keys == ["A"] and not missing.unexpected_keys
    x = inputs(2, 9, 3)
    assert_close(learnt(x), layer(x))


@EVERY
def test_steps_turn_and_shrink(n, learnt):
    """Every transition is an orthogonal matrix times one number in (0, 1)."""
    layer = layer_of(n, learnt)
    x = 3 * inputs(2, 6, 3)
    matrices = layer._matrix(layer.recurrence(x)[0])
    kept = 1 - torch.sigmoid(layer.gate(x))
    squares = matrices.mT @ matrices
    assert_close(squares, kept.square()[..., None, None] * torch.eye(n, dtype=torch.float64))
    assert ((kept > 0) & (kept < 1)).all()


@EVERY
def test_no_state_is_longer_than_what_was_written(n, learnt):
    layer = layer_of(n, learnt)
    x, state = inputs(4, 200, 3), inputs(4, 2, n)
    written = torch.einsum("bld,mnd->blmn", x, layer.B).norm(dim=-1).amax(dim=1)
    most = torch.maximum(written, state.norm(dim=-1))
    _, last = layer(x, state, return_state=True)
    assert (last.norm(dim=-1) <= most).all()


@pytest.mark.parametrize("n", [2, 4])
def test_order_matters_to_quaternions_alone(n):
    layer = layer_of(n, False)
    with torch.no_grad():
        layer.gate.weight.zero_()
        layer.gate.bias.fill_(-40)  # what is written is lost to rounding
    x, state = inputs(1, 12, 3), inputs(1, 2, n)
    ends = [layer(z, state, return_state=True)[1] for z in (x, x.flip(1))]
    assert (ends[0] - ends[1]).norm() < 1e-12 if n == 2 else (ends[0] - ends[1]).norm() > 0.1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_four_numbers_follow_the_icosahedron(dtype):
    """A letter for each element of a group that is not solvable, and one that starts."""
    group = icosians()
    layer = Hypercomplex(121, 1, dtype=dtype)
    q = torch.from_numpy(group.unit).to(dtype)
    angle = q[:, :1].clamp(-1, 1).acos()
    axis = torch.nn.functional.normalize(q[:, 1:], dim=-1)
    axis[q[:, 0] == -1] = torch.tensor([1.0, 0, 0], dtype=dtype)  # any axis serves half a turn
    with torch.no_grad():
        layer.turn.bias.zero_()
        layer.turn.weight[:, :120] = (angle * axis).T
        layer.gate.bias.fill_(-80)
        layer.gate.weight.zero_()[:, 120] = 160
        layer.B[0, :, 120] = torch.tensor([1.0, 0, 0, 0], dtype=dtype)
    letters = torch.randint(120, (4, 3000))
    places = torch.zeros(4, dtype=torch.int64)
    table = torch.from_numpy(group.table)
    for letter in letters.T:
        places = table[letter, places]
    started = torch.cat([torch.full((4, 1), 120), letters], dim=1)
    words = torch.nn.functional.one_hot(started, 121).to(dtype)
    _, state = layer(words, return_state=True)
    tolerance = {torch.float32: 1e-3, torch.float64: 1e-11}[dtype]
    assert (state[:, 0] - q[places]).norm(dim=-1).max() < tolerance


def test_turns_are_quaternions_of_the_theory():
    layer, x = layer_of(4, False), inputs(1, 2, 3)
    with torch.no_grad():
        layer.gate.weight.zero_()
        layer.gate.bias.fill_(-40)
        state, turns = inputs(1, 2, 4), layer.recurrence(x)[0][0, ..., 0].numpy()
        last = layer(x, state, return_state=True)[1]
    expected = product(product(turns[1], turns[0]), state[0].numpy())
    np.testing.assert_allclose(last[0], expected, atol=1e-12)


@pytest.mark.parametrize("length", [1, 2, 5, 16, 31, 100])
def test_prefixes_take_few_levels_and_little_work(length):
    calls = []

    def after(later, earlier):
        calls.append(later.shape[1])
        return later + earlier

    steps = torch.arange(1, length + 1)[None]
    assert torch.equal(_prefixes(steps, after), steps.cumsum(1))
    assert len(calls) <= 2 * math.log2(length)
    assert sum(calls) < 2 * length


@EVERY
def test_the_number_of_parameters_is_the_documented_one(n, learnt):
    D, M = 7, 5
    layer = Hypercomplex(D, M, n, learnt)
    count = sum(parameter.numel() for parameter in layer.parameters())
    assert count == M * n * (3 * D + 1) + D + (n * n * (n - 1) if learnt else 0)
    assert list(layer.state_dict()) == [name for name, _ in layer.named_parameters()]


@pytest.mark.parametrize("n", [2, 4])
def test_gates_and_turns_start_as_documented(n):
    torch.manual_seed(0)
    layer = Hypercomplex(2, 4000, n)
    decays = -torch.log1p(-layer.gate.bias.sigmoid())
    assert 0.99e-3 < decays.min() < 1.1e-3 and 0.09 < decays.max() < 0.101
    assert abs(decays.log10().mean() + 2) < 0.05
    turns = layer.turn.bias.unflatten(0, (4000, n - 1))
    lengths = turns.norm(dim=-1)
    assert lengths.max() <= math.pi + 1e-5
    assert abs(lengths.mean() - math.pi / 2) < 0.05
    assert turns.mean(dim=0).abs().max() < 0.1


@EVERY
def test_pieces_packs_and_steps_are_one_pass(n, learnt):
    layer, x = layer_of(n, learnt), inputs(1, 9, 3)
    whole, end = layer(x, return_state=True)
    first, state = layer(x[:, :4], return_state=True)
    steps = [first]
    for t in range(4, 9):
        y, state = layer.step(x[:, t], state)
        steps.append(y[:, None])
    assert_close((torch.cat(steps, dim=1), state), (whole, end))
    bounds = torch.tensor([0, 4, 5, 9])
    packed, states = layer(x, return_state=True, cu_seqlens=bounds)
    alone = [layer(piece, return_state=True) for piece in x.split([4, 1, 4], dim=1)]
    assert_close(packed, torch.cat([y for y, _ in alone], dim=1))
    assert_close(states, torch.cat([state for _, state in alone]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Hypercomplex(0), "`d_model` must be an integer >= 1, got 0"),
        (lambda: Hypercomplex(3, 0), "`d_state` must be an integer >= 1, got 0"),
        (lambda: Hypercomplex(3, n=3), "`n` must be one of 2, 4, got 3"),
        (lambda: Hypercomplex(3, dtype=torch.bfloat16), "`dtype` must be one of"),
        (lambda: Hypercomplex(3, 2)(torch.zeros(1, 0, 3)), "`x` must hold at least one step"),
        (
            lambda: Hypercomplex(3, 2)(torch.zeros(1, 5, 3), torch.zeros(1, 2, 2)),
            r"`state` must have shape \(B=1, M=2, n=4\), got \(1, 2, 2\)",
        ),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
