"""Initialisers against what they are said to be."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from ssm_companion.init import (
    dt_log_uniform,
    inv_softplus,
    lru_ring,
    s4d_inv,
    s4d_legs,
    s4d_lin,
    s4d_real,
)


def legs_frequencies(size):
    """Frequencies of the normal part of HiPPO-LegS, from its definition, highest first."""
    root = np.sqrt(2 * np.arange(size) + 1)
    lower = np.tril(np.outer(root, root), -1) / 2
    return np.sort(np.linalg.eigvals(lower.T - lower).imag)[::-1]


def test_s4d_lin_and_real_by_their_formulas():
    n = torch.arange(5, dtype=torch.float64)
    assert_close(s4d_lin(5), torch.complex(torch.full((5,), -0.5).double(), math.pi * n))
    assert_close(s4d_real(5), -(n + 1))


def test_s4d_inv_has_the_frequencies_of_hippo_legs_of_twice_the_size():
    modes = s4d_inv(64)
    exact = legs_frequencies(128)[:64]
    # the formula is the leading term, M^2 / (pi (2n + 1)), less M / pi
    np.testing.assert_allclose(modes.imag[0], exact[0], rtol=0.01)
    np.testing.assert_allclose(modes.imag, exact, rtol=0, atol=1.05 * 128 / math.pi)
    assert (modes.real == -0.5).all()


@pytest.mark.parametrize("N", [1, 4, 64])
def test_s4d_legs_are_the_eigenvalues_of_the_normal_part_of_hippo_legs(N):
    n = np.arange(2 * N)
    hippo = -np.tril(np.sqrt(np.outer(2 * n + 1, 2 * n + 1)), -1) - np.diag(n + 1)
    P = np.sqrt(n + 0.5)
    normal = hippo + np.outer(P, P)
    np.testing.assert_allclose(normal @ normal.T, normal.T @ normal, atol=1e-10 * N**3)

    modes = s4d_legs(N)
    assert (modes.real == -0.5).all()
    assert (modes.imag > 0).all()
    assert (modes.imag.diff() < 0).all()
    exact = np.linalg.eigvals(normal)
    exact = exact[np.argsort(-exact.imag)][:N]
    np.testing.assert_allclose(modes, exact, rtol=1e-9)


def test_ring_lies_in_the_ring_and_is_uniform_by_area():
    modes = lru_ring(20_000, 0.5, 0.9, 1.0)
    area = (modes.abs() ** 2 - 0.25) / (0.81 - 0.25)
    for share in (area, modes.angle()):
        assert 0 <= share.min() and share.max() <= 1
        quantiles = torch.quantile(share, torch.tensor([0.25, 0.5, 0.75]).double())
        assert_close(quantiles, torch.tensor([0.25, 0.5, 0.75]).double(), atol=0.02, rtol=0)


def test_steps_are_log_uniform():
    delta = dt_log_uniform(20_000, 1e-3, 1e-1)
    assert 1e-3 <= delta.min() and delta.max() <= 1e-1
    assert delta.log10().mean().item() == pytest.approx(-2, abs=0.02)


@pytest.mark.parametrize("draw", [lru_ring, lambda n, **kw: dt_log_uniform(n, 1, 2, **kw)])
def test_a_generator_makes_the_draw_repeatable(draw):
    one, two = (draw(9, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, two)


def test_inv_softplus_inverts_softplus_from_tiny_to_large():
    x = torch.tensor([1e-12, 1e-4, 1.0, 30.0, 1e4], dtype=torch.float64)
    assert_close(torch.log1p(torch.exp(inv_softplus(x)[:4])), x[:4], rtol=1e-10, atol=0)
    assert inv_softplus(x)[4] == x[4]
