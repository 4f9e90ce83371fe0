"""S4D: its views agree, and it is the system that its docstring says."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from ssm_companion.init import s4d_inv, s4d_legs, s4d_lin, s4d_real
from ssm_companion.nn import S4D
from ssm_companion.scan import linear_scan
from ssm_companion.theory.memory import impulse_response

INITS = {"lin": s4d_lin, "inv": s4d_inv, "legs": s4d_legs, "real": s4d_real}


@pytest.fixture(params=INITS)
def layer(request):
    return S4D(3, 4, init=request.param, dtype=torch.float64)


@pytest.fixture
def u():
    return torch.randn(2, 13, 3, dtype=torch.float64)


def test_forward_equals_step_by_step(layer, u):
    whole, end = layer(u, return_state=True)
    state = layer.init_state(2)
    for t in range(u.shape[1]):
        y, state = layer.step(u[:, t], state)
        assert_close(y, whole[:, t])
    assert_close(state, end)


@pytest.mark.parametrize("cut", [1, 6, 12])
def test_forward_in_two_pieces_equals_one(layer, u, cut):
    first, state = layer(u[:, :cut], return_state=True)
    assert_close(torch.cat([first, layer(u[:, cut:], state)], dim=1), layer(u))


def test_forward_is_the_convolution_with_the_impulse_response(layer, u):
    a, b = (x.detach().numpy() for x in layer.discretise())
    C = layer.C.detach()
    C = (2 * torch.view_as_complex(C) if layer.is_complex else C).numpy()
    y = layer(u).detach().numpy()
    for d in range(3):
        kernel = impulse_response(a[d], b[d], C[d], 13).real
        kernel[0] += layer.D[d].item()
        for row in range(2):
            expected = np.convolve(u[row, :, d].numpy(), kernel)[:13]
            np.testing.assert_allclose(y[row, :, d], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("init", ["lin", "inv", "legs"])
def test_twice_the_real_part_of_half_is_the_full_spectrum(init, u):
    layer = S4D(3, 4, init=init, dtype=torch.float64)
    a, b = layer.discretise()
    C = torch.view_as_complex(layer.C)
    a, b, C = (torch.cat([x, x.conj()], dim=-1) for x in (a, b, C))
    full = (linear_scan(a, b * u[..., None]) * C).sum(-1)
    assert_close(full.imag, torch.zeros_like(full.imag), atol=1e-12, rtol=0)
    assert_close(layer(u), full.real + layer.D * u)


def test_gradients_reach_every_parameter_and_the_state(layer, u):
    with torch.no_grad():  # at the start S4D-Lin has a mode of frequency 0: nudge it
        for parameter in layer.parameters():
            parameter += 0.1 * torch.rand_like(parameter)
    state = layer.init_state(2).requires_grad_()
    y, end = layer(u, state, return_state=True)
    (y.square().sum() + end.abs().sum()).backward()
    for name, parameter in [*layer.named_parameters(), ("state", state)]:
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert (parameter.grad != 0).all(), name


def test_every_mode_decays_whatever_the_parameters(layer):
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(std=2)
    assert (layer.discretise()[0].abs() < 1).all()


def test_channels_do_not_mix(layer, u):
    other = u.clone()
    other[..., 1] += 1
    changed = (layer(other) != layer(u)).any(dim=1)
    assert changed.tolist() == [[False, True, False]] * 2


def test_the_layer_is_causal(layer, u):
    later = u.clone()
    later[:, 7:] += 1
    assert torch.equal(layer(later)[:, :7], layer(u)[:, :7])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("init", INITS)
def test_dtypes_and_stored_parameters(init, dtype):
    layer = S4D(3, 4, init=init, dtype=dtype)
    expected = {"log_decay": (3, 4), "C": (3, 4), "D": (3,), "log_delta": (3,)}
    if init != "real":
        expected |= {"C": (3, 4, 2), "frequency": (3, 4)}
    assert {name: tuple(p.shape) for name, p in layer.named_parameters()} == expected
    assert all(p.dtype == dtype for p in layer.parameters())
    state = layer.init_state(5)
    assert state.shape == (5, 3, 4)
    assert state.is_complex() == (init != "real")
    assert layer(torch.zeros(5, 1, 3, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize("init", INITS)
def test_the_decay_of_a_new_layer_is_that_of_its_initialiser(init):
    layer = S4D(3, 4, init=init, dtype=torch.float64)
    delta = layer.log_delta.exp()[:, None]
    assert_close(layer.discretise()[0], torch.exp(delta * INITS[init](4)))


def test_steps_start_in_the_range_asked_for():
    delta = S4D(100, dt_min=0.2, dt_max=0.3).log_delta.exp()
    assert 0.2 - 1e-6 <= delta.min() and delta.max() <= 0.3 + 1e-6
