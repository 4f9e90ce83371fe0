"""Mamba and Mamba-2 against plain loops with the published semantics, and how they start."""

import math

import pytest
import torch
from torch.nn.functional import linear
from torch.testing import assert_close

from ssm_companion.nn import Mamba, Mamba2


def silu(x):
    return x / (1 + torch.exp(-x))


def softplus(x):
    return torch.log1p(torch.exp(x))


def filtered(x, weight, bias):
    """Each output from the taps of its own channel, the last tap on the newest input."""
    batch, length, channels = x.shape
    outputs = torch.zeros(batch, 0, channels, dtype=x.dtype)
    for t in range(length):
        y = bias.expand(batch, channels)
        for age in range(min(t + 1, weight.shape[1])):
            y = y + weight[:, -1 - age] * x[:, t - age]
        outputs = torch.cat([outputs, y[:, None]], dim=1)
    return outputs


def plain_mamba(p, x, is_complex, b_rule):
    """The published block, one step and one mode at a time; `b_rule(delta, A)` multiplies B u."""
    u, z = linear(x, p["in_proj.weight"]).chunk(2, dim=-1)
    u = silu(filtered(u, p["conv.weight"], p["conv.bias"]))
    modes, rank = p["A_log"].shape[1], p["dt_proj.weight"].shape[1]
    A = -p["A_log"].exp()
    A = A + 1j * p["frequency"] if is_complex else A
    h = [torch.zeros(x.shape[0], u.shape[2], dtype=A.dtype) for _ in range(modes)]
    outputs = []
    for t in range(x.shape[1]):
        row = linear(u[:, t], p["x_proj.weight"])
        delta = softplus(linear(row[:, :rank], p["dt_proj.weight"], p["dt_proj.bias"]))
        B, C = row[:, rank:].chunk(2, dim=-1)
        if is_complex:
            B, C = (w[:, :modes] + 1j * w[:, modes:] for w in (B, C))
        y = p["D"] * u[:, t]
        for n in range(modes):
            v = b_rule(delta, A[:, n]) * B[:, n, None] * u[:, t]
            h[n] = (delta * A[:, n]).exp() * h[n] + v
            y = y + (2 if is_complex else 1) * (C[:, n, None] * h[n]).real
        outputs.append(linear(y * silu(z[:, t]), p["out_proj.weight"]))
    return torch.stack(outputs, dim=1)


def plain_mamba2(p, x, heads, size, modes):
    """The published block, one step and one head at a time."""
    inner = heads * size
    z, xBC, dt = linear(x, p["in_proj.weight"]).split([inner, inner + 2 * modes, heads], dim=-1)
    xBC = silu(filtered(xBC, p["conv.weight"], p["conv.bias"]))
    h = [torch.zeros(x.shape[0], size, modes, dtype=x.dtype) for _ in range(heads)]
    outputs = []
    for t in range(x.shape[1]):
        u, B, C = xBC[:, t].split([inner, modes, modes], dim=-1)
        y = []
        for i in range(heads):
            delta = softplus(dt[:, t, i] + p["dt_bias"][i])[:, None, None]
            mine = u[:, i * size : (i + 1) * size]
            h[i] = (-delta * p["A_log"][i].exp()).exp() * h[i]
            h[i] = h[i] + delta * mine[:, :, None] * B[:, None]
            y.append((h[i] @ C[:, :, None])[..., 0] + p["D"][i] * mine)
        y = torch.cat(y, dim=-1) * silu(z[:, t])
        y = y / (y.square().mean(-1, keepdim=True) + 1e-5).sqrt() * p["norm.weight"]
        outputs.append(linear(y, p["out_proj.weight"]))
    return torch.stack(outputs, dim=1)


RULES = {
    "euler": lambda delta, A: delta,
    "zoh": lambda delta, A: ((delta * A).exp() - 1) / A,
}


def assert_same_with_gradients(layer, plain, x):
    parameters = dict(layer.named_parameters())
    y, expected = layer(x), plain(parameters, x)
    assert_close(y, expected)
    wanted = [x, *parameters.values()]
    seed = torch.randn_like(y)
    assert_close(torch.autograd.grad(y, wanted, seed), torch.autograd.grad(expected, wanted, seed))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("length", [1, 7])
def test_mamba_is_the_published_block(is_complex, rule, length):
    layer = Mamba(6, 3, dt_rank=2, complex=is_complex, discretization=rule, dtype=torch.float64)
    x = torch.randn(2, length, 6, dtype=torch.float64, requires_grad=True)
    assert_same_with_gradients(layer, lambda p, x: plain_mamba(p, x, is_complex, RULES[rule]), x)


@pytest.mark.parametrize("length", [1, 7])
def test_mamba2_is_the_published_block(length):
    layer = Mamba2(6, 5, headdim=4, chunk_size=3, dtype=torch.float64)
    with torch.no_grad():
        layer.norm.weight.uniform_(0.5, 2)
    x = torch.randn(2, length, 6, dtype=torch.float64, requires_grad=True)
    assert_same_with_gradients(layer, lambda p, x: plain_mamba2(p, x, 3, 4, 5), x)


def count(layer):
    return sum(parameter.numel() for parameter in layer.parameters())


def test_the_numbers_of_parameters_are_those_of_the_published_models():
    # 24 blocks, each behind a norm, one norm and an embedding that is also the output
    width, blocks = 768, 24
    rest = blocks * width + width
    assert blocks * count(Mamba(width)) + rest + 50280 * width == 129_135_360
    assert blocks * count(Mamba2(width)) + rest + 50288 * width == 128_989_632


@pytest.mark.parametrize("name", ["Mamba", "Mamba2"])
def test_steps_start_log_uniform_in_the_published_range(name):
    bias = Mamba(256).dt_proj.bias if name == "Mamba" else Mamba2(256, headdim=2).dt_bias
    steps = softplus(bias.detach().double())
    assert 0.999e-3 <= steps.min() < 1.2e-3
    assert 0.8e-1 < steps.max() <= 1.001e-1
    assert steps.log10().mean().item() == pytest.approx(-2, abs=0.1)


def test_modes_start_as_published():
    n = torch.arange(4.0)
    assert_close(Mamba(8, 4).A, -(n + 1).expand(16, 4))
    lin = torch.complex(torch.full((4,), -0.5), math.pi * n)
    assert_close(Mamba(8, 4, complex=True).A, lin.expand(16, 4))
    decay = Mamba2(256, headdim=2).A_log.exp()
    assert 1 <= decay.min() < 2 and 15 < decay.max() <= 16


def test_what_should_not_decay_is_marked():
    for layer, names in [
        (Mamba(8), {"A_log", "D"}),
        (Mamba(8, complex=True), {"A_log", "frequency", "D"}),
        (Mamba2(8, headdim=4), {"A_log", "dt_bias", "D"}),
    ]:
        parameters = layer.named_parameters()
        assert {name for name, p in parameters if hasattr(p, "_no_weight_decay")} == names
