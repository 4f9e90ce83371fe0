"""Bounds inside a Mamba block against the layer and its Jacobian."""

import math

import numpy as np
import pytest
import torch

from ssm_companion.nn import Mamba
from ssm_companion.theory.reach import mamba_along, mamba_in_ball


def layers(rule, d_conv, seeds=range(4)):
    for seed in seeds:
        torch.manual_seed(seed)
        layer = Mamba(3, 2, d_conv, dt_rank=2, discretization=rule, dtype=torch.float64)
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter += 0.5 * torch.randn_like(parameter)
        yield layer.requires_grad_(False)


def arrays(layer):
    return {name: parameter.numpy() for name, parameter in layer.named_parameters()}


def slopes_of_outputs(layer, u):
    """Of each output, (L, D): its largest change for inputs that move by 1 at most."""
    L, D = u.shape
    copies = torch.from_numpy(u).expand(L * D, L, D).clone().requires_grad_()
    y = layer(copies).flatten(1)
    jacobian = torch.autograd.grad(y.diagonal().sum(), copies)[0]
    return jacobian.norm(dim=-1).sum(-1).reshape(L, D).numpy()


@pytest.mark.parametrize("rule", ["euler", "zoh"])
@pytest.mark.parametrize("d_conv", [1, 3])
def test_reach_along_follows_the_layer_and_bounds_its_jacobian(rule, d_conv):
    rng = np.random.default_rng(0)
    for layer in layers(rule, d_conv):
        u = 2 * rng.normal(size=(12, 3))
        reach = mamba_along(arrays(layer), u, rule)
        y, state = layer(torch.from_numpy(u)[None], return_state=True)
        np.testing.assert_allclose(reach["out"].value, y[0].numpy(), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(reach["h"].value[-1], state.ssm[0].numpy(), rtol=1e-9)
        measured = slopes_of_outputs(layer, u)
        assert (measured <= reach["out"].slope * (1 + 1e-9)).all()
        assert (measured > reach["out"].slope / 100).any()


@pytest.mark.parametrize("rule", ["euler", "zoh"])
def test_for_one_number_the_slope_of_the_state_is_exact(rule):
    layer = Mamba(1, 1, 1, expand=1, discretization=rule, dtype=torch.float64)
    numbers = {"in_proj": [1.0, 1.0], "x_proj": [1.5, 0.7, 1.0], "dt_proj": [1.0], "conv": [1.0]}
    with torch.no_grad():
        for name, weight in numbers.items():
            getattr(layer, name).weight.copy_(torch.tensor(weight)[:, None])
        layer.conv.bias.zero_()
        layer.dt_proj.bias.zero_()
    # the second input writes nothing, and moves the state only by what it forgets
    u = torch.tensor([3.0, 0.0], dtype=torch.float64, requires_grad=True)
    _, state = layer(u.reshape(1, 2, 1), return_state=True)
    (by_input,) = torch.autograd.grad(state.ssm.sum(), u)
    assert by_input[1].abs() > 0.1
    reach = mamba_along(arrays(layer.requires_grad_(False)), u.detach()[:, None], rule)["h"]
    assert reach.slope[-1].item() == pytest.approx(by_input.abs().sum().item())


@pytest.mark.parametrize("rule", ["euler", "zoh"])
@pytest.mark.parametrize("d_conv", [1, 3])
def test_the_ball_bounds_every_sequence_in_it(rule, d_conv):
    rng = np.random.default_rng(1)
    for layer in layers(rule, d_conv):
        u = rng.normal(size=(6, 9, 3))
        u *= 2 / np.linalg.norm(u, axis=-1, keepdims=True)
        ball = mamba_in_ball(arrays(layer), 2.0, rule)
        for along in (mamba_along(arrays(layer), one, rule) for one in u):
            for name in ball:
                if name != "p":  # there the value is an upper bound, not one on the modulus
                    bound = ball[name].value * (1 + 1e-12)
                    assert (np.abs(along[name].value) <= bound).all(), name
            assert (along["p"].value <= ball["p"].value).all()
        for one in u:
            assert (slopes_of_outputs(layer, one) <= ball["out"].slope).all()


def test_two_distant_sequences_in_the_ball_obey_the_bound():
    rng = np.random.default_rng(2)
    for layer in layers("euler", 2):
        u = rng.normal(size=(2, 200, 9, 3))
        u *= rng.random((2, 200, 9, 1)) / np.linalg.norm(u, axis=-1, keepdims=True)
        y = layer(torch.from_numpy(u).flatten(0, 1)).numpy().reshape(u.shape)
        apart = [np.linalg.norm(x[0] - x[1], axis=-1).max(-1) for x in (u, y)]
        bound = np.linalg.norm(mamba_in_ball(arrays(layer), 1.0)["out"].slope)
        assert (apart[1] <= bound * apart[0]).all()


@pytest.mark.parametrize("rule", ["euler", "zoh"])
def test_bounds_of_a_sequence_lie_below_those_of_the_ball(rule):
    rng = np.random.default_rng(3)
    for layer in layers(rule, 2):
        inputs = rng.normal(size=(30, 3))
        along = mamba_along(arrays(layer), inputs, rule)
        radius = np.linalg.norm(inputs, axis=1).max()
        ball = mamba_in_ball(arrays(layer), radius, rule)
        for name in ("c", "B", "C", "h", "y", "gate", "out"):
            for small, large in zip(along[name], ball[name], strict=True):
                assert (np.abs(small) <= large * (1 + 1e-9)).all(), name


@pytest.mark.parametrize(("rule", "power"), [("euler", 5), ("zoh", 4)])
def test_the_bound_of_the_ball_grows_like_a_power_of_the_radius(rule, power):
    for layer in layers(rule, 2):
        one, two = (
            np.linalg.norm(mamba_in_ball(arrays(layer), R, rule)["out"].slope) for R in (1e5, 2e5)
        )
        assert math.log2(two / one) == pytest.approx(power, abs=0.01)


def test_messages_of_the_block():
    one_tap = arrays(next(layers("euler", 1)))
    with pytest.raises(ValueError, match="`weights` must be those of a Mamba block"):
        mamba_in_ball({}, 1.0)
    with pytest.raises(ValueError, match="`radius` must be >= 0, got -1.0"):
        mamba_in_ball(one_tap, -1.0)
    with pytest.raises(ValueError, match=r"`inputs` must have shape \(n, 3\), got \(2, 4\)"):
        mamba_along(one_tap, np.ones((2, 4)))
    with pytest.raises(ValueError, match="frequency"):
        mamba_along(dict(Mamba(3, complex=True).named_parameters()), np.ones((2, 3)))
