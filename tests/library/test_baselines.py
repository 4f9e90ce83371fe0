"""LSTM, GRU and attention against PyTorch's cells and a plain loop."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from ssm_companion.nn import GRU, LSTM, Attention


@pytest.fixture
def x():
    return torch.randn(2, 7, 8, dtype=torch.float64)


def weights(layer):
    return {name.removesuffix("_l0"): p for name, p in layer.core.named_parameters()}


def test_lstm_is_the_cell_of_torch_step_by_step(x):
    layer = LSTM(8, dtype=torch.float64)
    cell = nn.LSTMCell(8, 8, dtype=torch.float64)
    cell.load_state_dict(weights(layer))
    state = None
    y, end = layer(x, return_state=True)
    for t in range(7):
        state = cell(x[:, t], state)
        assert_close(y[:, t], state[0])
    assert_close(tuple(end), state)


def test_gru_is_the_cell_of_torch_step_by_step(x):
    layer = GRU(8, dtype=torch.float64)
    cell = nn.GRUCell(8, 8, dtype=torch.float64)
    cell.load_state_dict(weights(layer))
    state = None
    y, end = layer(x, return_state=True)
    for t in range(7):
        state = cell(x[:, t], state)
        assert_close(y[:, t], state)
    assert_close(end, state)


def test_attention_is_the_softmax_over_the_past_with_rotary_positions(x):
    layer = Attention(8, 2, dtype=torch.float64)
    rows = layer.in_proj(x)
    heads = []
    for head in range(2):
        q, k, v = (rows[..., 8 * i + 4 * head :][..., :4] for i in range(3))
        outputs = []
        for t in range(7):
            scores = []
            for s in range(t + 1):
                score = torch.zeros(2, dtype=torch.float64)
                for pair in range(2):
                    turn = (t - s) * 10_000 ** (-pair / 2)
                    a, b = (
                        w[..., 2 * pair] + 1j * w[..., 2 * pair + 1] for w in (q[:, t], k[:, s])
                    )
                    score = score + (a * b.conj() * complex(math.cos(turn), math.sin(turn))).real
                scores.append(score / 2)  # the square root of four channels
            share = torch.stack(scores, dim=1).softmax(1)
            outputs.append((share[..., None] * v[:, : t + 1]).sum(1))
        heads.append(torch.stack(outputs, dim=1))
    assert_close(layer(x), layer.out_proj(torch.cat(heads, dim=-1)))


def test_the_state_of_attention_grows_with_the_past(x):
    layer = Attention(8, 2, dtype=torch.float64)
    state = layer.init_state(2)
    assert state.keys.shape == (2, 0, 2, 4)
    _, state = layer(x, state, return_state=True)
    _, state = layer.step(x[:, 0], state)
    assert state.keys.shape == state.values.shape == (2, 8, 2, 4)
    assert state.valid.all()


def test_packed_sequences_of_several_lengths_leave_entries_empty(x):
    layer = Attention(8, 2, dtype=torch.float64)
    _, state = layer(x[:1], cu_seqlens=torch.tensor([0, 2, 7]), return_state=True)
    assert state.valid.tolist() == [[True, True, False, False, False], [True] * 5]


@pytest.mark.parametrize("layer", [LSTM, GRU, Attention])
def test_a_bad_value_stays_in_its_sequence(x, layer):
    x = x[:1].clone()
    x[:, 2:] = float("nan")
    y = layer(8, dtype=torch.float64)(x, cu_seqlens=torch.tensor([0, 2, 7]))
    assert y[:, :2].isfinite().all()
    assert y[:, 2:].isnan().all()
