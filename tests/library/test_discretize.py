"""Discretisation against SciPy's matrix exponential and against exact values."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close

from ssm_companion.discretize import euler, phi1, zoh
from ssm_companion.init import s4d_lin, s4d_real

# both sides of the point where phi1 changes formula, and everything down to 0
MODULI = [0.0, 1e-300, 1e-12, 1e-6, 1e-3, 0.1, 0.4999, 0.5, 0.5001, 3.0, 20.0]
DIRECTIONS = [1, -1, 1j, -1j, math.sqrt(0.5) * (-1 + 1j)]


def exact_phi1(z):
    """The (0, 1) entry of exp [[z, 1], [0, 0]]."""
    return scipy.linalg.expm(np.array([[z, 1], [0, 0]]))[0, 1]


@pytest.mark.parametrize("modulus", MODULI)
def test_phi1_against_the_matrix_exponential(modulus):
    z = torch.tensor([modulus * d for d in DIRECTIONS], dtype=torch.complex128)
    expected = torch.tensor([exact_phi1(x) for x in z.tolist()], dtype=torch.complex128)
    assert_close(phi1(z), expected, rtol=1e-13, atol=1e-14)
    assert_close(phi1(z[:2].real), expected[:2].real, rtol=1e-13, atol=0)


@given(st.floats(-30, 1), st.floats(-30, 30))
def test_phi1_of_a_complex_number_in_double_and_single_precision(x, y):
    z = torch.tensor([complex(x, y)], dtype=torch.complex128)
    wide, narrow = phi1(z), phi1(z.to(torch.complex64))
    assert abs(wide.item() - exact_phi1(z.item())) <= 1e-13 * (1 + math.exp(x))
    assert abs(narrow.item() - wide.item()) <= 1e-5 * abs(wide.item()) + 1e-6


@pytest.mark.parametrize("modulus", [1e-12, 1e-6, 1e-3, 0.1, 0.45])
def test_phi1_keeps_its_second_derivative_near_zero(modulus):
    z = torch.tensor([modulus, -modulus], dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(phi1(z).sum(), z, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), z)
    # the integral of s^2 exp(s z) over [0, 1], by its series
    expected = sum(z.detach() ** k / (math.factorial(k) * (k + 3)) for k in range(20))
    assert_close(second, expected, rtol=1e-13, atol=0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_phi1_at_zero_has_the_derivatives_of_its_series(dtype):
    z = torch.zeros(1, dtype=dtype, requires_grad=True)
    value = phi1(z)
    (first,) = torch.autograd.grad(value.real.sum(), z, create_graph=True)
    (second,) = torch.autograd.grad(first.real.sum(), z)
    assert (value.item(), first.item(), second.item()) == pytest.approx((1, 1 / 2, 1 / 3))


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_phi1_derivatives_on_both_sides_of_the_switch(dtype):
    z = torch.tensor([0.0, 0.2, -0.4, 0.6, -3.0], dtype=dtype, requires_grad=True)
    assert gradcheck(phi1, z)
    assert gradgradcheck(phi1, z)


@pytest.mark.parametrize("A", [s4d_lin(4), s4d_real(4)])
def test_zoh_is_the_exponential_of_the_augmented_matrix(A):
    B = torch.randn(1, 4, dtype=A.dtype)
    delta = torch.tensor([0.3], dtype=torch.float64)
    a, b = zoh(delta, A[None], B)
    augmented = np.zeros((5, 5), dtype=complex)
    augmented[:4, :4] = np.diag(A.numpy())
    augmented[:4, 4] = B[0].numpy()
    exact = scipy.linalg.expm(0.3 * augmented)
    np.testing.assert_allclose(a[0].numpy(), np.diag(exact)[:4], rtol=1e-12)
    np.testing.assert_allclose(b[0].numpy(), exact[:4, 4], rtol=1e-12)


def test_zoh_of_an_integrator():
    delta = torch.tensor([0.25], dtype=torch.float64)
    zero, one = torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    a, b = zoh(delta, zero, one)
    assert (a.item(), b.item()) == (1, 0.25)


@pytest.mark.parametrize("discretise", [zoh, euler])
@pytest.mark.parametrize("complex_A", [False, True])
def test_shapes_and_the_two_readings_of_B(discretise, complex_A):
    dtype = torch.complex64 if complex_A else torch.float32
    delta = torch.rand(2, 7, 3)
    A = -torch.rand(3, 4, dtype=dtype)
    per_step, per_channel = torch.randn(2, 7, 4), torch.randn(3, 4)
    a, b = discretise(delta, A, per_step)
    assert a.shape == b.shape == (2, 7, 3, 4)
    assert a.dtype == b.dtype == dtype
    one_a, one_b = discretise(delta[1, 5], A, per_step[1, 5])
    assert_close((a[1, 5], b[1, 5]), (one_a, one_b))
    _, b = discretise(delta, A, per_channel)
    _, expected = discretise(delta[1, 5], A, per_channel)
    assert_close(b[1, 5], expected)


def test_order_of_accuracy_of_euler_is_one_and_zoh_is_exact():
    """Solve h' = A h + 1 over one unit of time, in more and more steps."""
    A = torch.tensor([[-1.5]], dtype=torch.float64)
    exact = (1 - math.exp(-1.5)) / 1.5

    def error(discretise, steps):
        a, b = discretise(torch.tensor([1 / steps], dtype=torch.float64), A, torch.ones_like(A))
        h = sum(a.item() ** k for k in range(steps)) * b.item()
        return abs(h - exact)

    assert error(euler, 200) / error(euler, 400) == pytest.approx(2, rel=0.01)
    assert error(zoh, 7) < 1e-14
