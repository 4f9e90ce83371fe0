"""The linear recurrent unit: the system of its docstring, and how it starts."""

import math

import torch
from torch.testing import assert_close

from ssm_companion.nn import LRU


def perturbed(**options):
    layer = LRU(3, 5, dtype=torch.float64, **options)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter += 0.3 * torch.rand_like(parameter)
    return layer


def test_forward_is_the_recurrence_with_gradients():
    layer = perturbed()
    p = dict(layer.named_parameters())
    x = torch.randn(2, 7, 3, dtype=torch.float64, requires_grad=True)
    B, C = (p[name][..., 0] + 1j * p[name][..., 1] for name in "BC")
    eigenvalues = torch.exp(-p["nu_log"].exp() + 1j * p["theta_log"].exp())
    gamma = (1 - eigenvalues.abs() ** 2).sqrt()
    h, outputs = torch.zeros(2, 5, dtype=torch.complex128), []
    for t in range(7):
        h = eigenvalues * h + gamma * (x[:, t].to(B.dtype) @ B.T)
        outputs.append((h @ C.T).real + p["D"] * x[:, t])
    expected = torch.stack(outputs, dim=1)
    y = layer(x)
    assert_close(y, expected)
    wanted, seed = [x, *p.values()], torch.randn_like(y)
    assert_close(torch.autograd.grad(y, wanted, seed), torch.autograd.grad(expected, wanted, seed))


def test_white_noise_drives_every_mode_alike():
    layer = perturbed(r_min=0.5, r_max=0.999)
    eigenvalues, gamma = layer.recurrence()
    lags = torch.arange(20_000.0, dtype=torch.float64)
    # the variance of a sum of independent terms gamma lambda^k w_{t-k}
    variance = (gamma[:, None] * eigenvalues.abs()[:, None] ** lags).square().sum(1)
    assert_close(variance, torch.ones_like(variance))


def test_the_scale_of_the_input_is_accurate_for_long_memories():
    layer = LRU(3, 4, dtype=torch.float32)
    with torch.no_grad():
        layer.nu_log.copy_(torch.tensor([1e-9, 1e-6, 1e-3, 1.0]).log())
    nu = layer.nu_log.double().exp()
    exact = (1 - torch.exp(-2 * nu)).sqrt()
    assert_close(layer.recurrence()[1].double(), exact, rtol=1e-6, atol=0)


def test_eigenvalues_start_on_the_ring():
    eigenvalues, _ = LRU(1, 4000, r_min=0.4, r_max=0.8, max_phase=math.pi / 4).recurrence()
    assert 0.399 < eigenvalues.abs().min() < 0.42
    assert 0.79 < eigenvalues.abs().max() < 0.801
    assert 0 <= eigenvalues.angle().min() < 0.01
    assert math.pi / 4 - 0.01 < eigenvalues.angle().max() < math.pi / 4 + 1e-3


def test_phases_above_pi_are_drawn_too():
    phases = LRU(1, 4000).theta_log.exp()
    assert 6.2 < phases.max() <= 2 * math.pi + 1e-3


def test_every_mode_decays_whatever_the_parameters():
    layer = perturbed()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(std=2)
    assert (layer.recurrence()[0].abs() < 1).all()


def test_outputs_start_at_the_scale_of_the_inputs():
    layer = LRU(64, 64, r_max=0.99)
    with torch.no_grad():
        layer.D.zero_()
        y = layer(torch.randn(4, 500, 64))[:, 300:]
    assert 0.5 < y.std() < 1
