"""One constant system seen three ways: recurrence, convolution, transfer function."""

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck
from torch.testing import assert_close

from ssm_companion import selective_scan
from ssm_companion._shapes import ShapeError
from ssm_companion.discretize import bilinear, zoh
from ssm_companion.lti import fft_conv, kernel, transfer_function

RULES = ["euler", "zoh", "bilinear", "trapezoid"]
LENGTHS = st.sampled_from([1, 2, 3, 7, 16, 31])
DTYPES = [torch.float64, torch.complex128]
# real or complex A, and what a mode stands for
KINDS = [(torch.float64, None), (torch.complex128, None), (torch.complex128, False)]


def system(dtype=torch.complex128, channels=3, modes=4):
    A = torch.randn(channels, modes, dtype=dtype)
    if dtype.is_complex:
        A = torch.complex(-A.real.abs(), 3 * A.imag)
    else:
        A = -A.abs()
    B, C = torch.randn(2, channels, modes, dtype=dtype)
    delta = 0.1 + torch.rand(channels, dtype=torch.float64)
    return A, B, C, delta


def scan(u, A, B, C, delta, rule, pairs):
    constant = delta.expand(u.shape)
    return selective_scan(
        u, constant, A, B, C, discretization=rule, conj_pairs=pairs, backend="reference"
    )


@given(st.sampled_from(RULES), st.sampled_from(KINDS), LENGTHS)
def test_the_kernel_is_the_impulse_response_of_the_scan(rule, kind, length):
    dtype, pairs = kind
    A, B, C, delta = system(dtype)
    impulse = torch.zeros(1, length, 3, dtype=torch.float64)
    impulse[:, 0] = 1
    response = scan(impulse, A, B, C, delta, rule, pairs)[0].T
    k = kernel(A, B, C, delta, length, discretization=rule, conj_pairs=pairs)
    assert k.dtype == torch.float64
    assert_close(k, response)


@given(st.sampled_from(RULES), st.sampled_from(KINDS), LENGTHS)
def test_the_convolution_with_the_kernel_is_the_scan(rule, kind, length):
    dtype, pairs = kind
    A, B, C, delta = system(dtype)
    u = torch.randn(2, length, 3, dtype=torch.float64)
    k = kernel(A, B, C, delta, length, discretization=rule, conj_pairs=pairs)
    assert_close(fft_conv(u, k), scan(u, A, B, C, delta, rule, pairs))


@given(LENGTHS, st.integers(1, 3), st.integers(1, 3))
def test_fft_conv_is_the_start_of_the_full_convolution(length, batch, channels):
    u = torch.randn(batch, length, channels, dtype=torch.float64)
    k = torch.randn(channels, length, dtype=torch.float64)
    y = fft_conv(u, k)
    assert y.shape == u.shape
    for row in range(batch):
        for d in range(channels):
            full = scipy.signal.convolve(u[row, :, d], k[d], method="direct")
            np.testing.assert_allclose(y[row, :, d], full[:length], rtol=1e-10, atol=1e-12)


def test_fft_conv_does_not_wrap_around():
    u, k = torch.zeros(1, 8, 1, dtype=torch.float64), torch.zeros(1, 8, dtype=torch.float64)
    u[0, 7, 0] = k[0, 7] = 1
    assert fft_conv(u, k).abs().max() < 1e-15


@pytest.mark.parametrize("pairs", [True, False])
def test_pairs_are_twice_the_real_part_and_the_whole_spectrum(pairs):
    A, B, C, delta = system()
    whole = [torch.cat([x, x.conj()], dim=1) for x in (A, B, C)]
    k = kernel(A, B, C, delta, 9, conj_pairs=pairs)
    s = torch.randn(5, dtype=torch.complex128)
    H = transfer_function(A, B, C, s, conj_pairs=pairs)
    scale = 1 if pairs else 0.5
    assert_close(k, scale * kernel(*whole, delta, 9, conj_pairs=False))
    assert_close(H, scale * transfer_function(*whole, s, conj_pairs=False))


@pytest.mark.parametrize("rule", ["euler", "zoh", "bilinear"])
def test_a_long_kernel_in_single_precision_is_near_the_one_in_double(rule):
    A = torch.complex(torch.full((1, 16), -0.5), torch.pi * torch.arange(16.0)[None])
    B, C = torch.randn(2, 1, 16, dtype=torch.complex64)
    delta = torch.tensor([1e-3])
    k = kernel(A, B, C, delta, 4096, discretization=rule)
    double = [x.to(torch.complex128) for x in (A, B, C)]
    exact = kernel(*double, delta.double(), 4096, discretization=rule)
    assert k.dtype == torch.float32
    assert (k - exact).abs().max() < 2e-4 * exact.abs().max()


@pytest.mark.parametrize("dtype", DTYPES)
def test_powers_of_zero_and_of_negative_numbers(dtype):
    A = torch.tensor([[-2.0, -6.0]], dtype=dtype)  # with a step of 1, a = 0 and a = -1/2
    one = torch.ones_like(A)
    delta = torch.ones(1, dtype=torch.float64)
    k = kernel(A, one, one, delta, 4, discretization="bilinear", conj_pairs=False)
    t = torch.arange(4.0, dtype=torch.float64)
    assert_close(k, (0.0**t / 2 + (-0.5) ** t / 4)[None])


def test_the_transfer_function_is_that_of_the_dense_real_system():
    A, B, C, _ = system(modes=3)
    omega = torch.linspace(-5, 5, 11, dtype=torch.float64)
    H = transfer_function(A, B, C, 1j * omega)
    for d in range(3):
        # a complex mode is a real state of two numbers, Re h and Im h
        blocks = [np.array([[a.real, -a.imag], [a.imag, a.real]]) for a in A[d].numpy()]
        dense = np.zeros((6, 6))
        for n, block in enumerate(blocks):
            dense[2 * n : 2 * n + 2, 2 * n : 2 * n + 2] = block
        inputs = torch.view_as_real(B[d]).reshape(6, 1).numpy()
        outputs = 2 * torch.view_as_real(C[d].conj().resolve_conj()).reshape(1, 6).numpy()
        resolvent = np.linalg.inv(1j * omega.numpy()[:, None, None] * np.eye(6) - dense)
        exact = (outputs @ resolvent @ inputs)[:, 0, 0]
        np.testing.assert_allclose(H[d], exact, rtol=1e-10)


def test_the_transfer_function_of_a_real_system():
    A, B, C, _ = system(torch.float64)
    s = torch.randn(2, 5, dtype=torch.complex128)
    H = transfer_function(A, B, C, s)
    assert H.shape == (3, 2, 5)
    for d in range(3):
        resolvent = np.linalg.inv(s.numpy()[..., None, None] * np.eye(4) - np.diag(A[d]))
        np.testing.assert_allclose(H[d], C[d].numpy() @ resolvent @ B[d].numpy(), rtol=1e-10)


@pytest.mark.parametrize("rule", [zoh, bilinear])
@pytest.mark.parametrize("kind", KINDS)
def test_the_transfer_function_of_the_recurrence_is_the_z_transform_of_the_kernel(rule, kind):
    dtype, pairs = kind
    A, B, C, delta = system(dtype)
    A = A - 0.5  # the sum below is cut where the kernel has died away
    a, b = rule(delta, A, B)
    z = torch.tensor([1.0, -1.0, 1.1j], dtype=torch.complex128)
    k = kernel(A, B, C, delta, 800, discretization=rule.__name__, conj_pairs=pairs)
    powers = z[:, None] ** -torch.arange(800.0, dtype=torch.float64)
    H = z * transfer_function(a, b, C, z, conj_pairs=pairs)
    assert_close(H, k.to(z.dtype) @ powers.T)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_derivatives(dtype, rule):
    A, B, C, delta = (x.requires_grad_() for x in system(dtype, channels=2, modes=2))
    u = torch.randn(1, 4, 2, dtype=torch.float64, requires_grad=True)

    def output(u, A, B, C, delta):
        return fft_conv(u, kernel(A, B, C, delta, 4, discretization=rule))

    assert gradcheck(output, (u, A, B, C, delta))


@pytest.mark.parametrize("dtype", DTYPES)
def test_derivatives_of_the_transfer_function(dtype):
    A, B, C, _ = (x.requires_grad_() for x in system(dtype, channels=2, modes=2))
    s = torch.randn(3, dtype=torch.complex128, requires_grad=True)
    assert gradcheck(transfer_function, (A, B, C, s))


def of(dtype):
    return torch.zeros(3, 4, dtype=dtype)


REAL, COMPLEX = torch.float32, torch.complex64
CASES = {
    "A": (
        lambda: kernel(torch.zeros(4), of(REAL), of(REAL), torch.ones(3), 5),
        "`A` must have shape (D, N), got (4,)",
    ),
    "B": (
        lambda: kernel(of(REAL), torch.zeros(4), of(REAL), torch.ones(3), 5),
        "`B` must have shape (D=3, N=4), got (4,)",
    ),
    "delta": (
        lambda: kernel(of(REAL), of(REAL), of(REAL), torch.ones(4), 5),
        "`delta` must have shape (D=3,), got (4,)",
    ),
    "precision": (
        lambda: kernel(of(REAL), of(REAL), of(torch.float64), torch.ones(3), 5),
        "`C` must have dtype torch.float32 or torch.complex64, got torch.float64",
    ),
    "half": (
        lambda: kernel(of(torch.bfloat16), of(REAL), of(REAL), torch.ones(3), 5),
        "`A` must have dtype torch.float32 or torch.float64",
    ),
    "delta dtype": (
        lambda: kernel(of(REAL), of(REAL), of(REAL), torch.ones(3).double(), 5),
        "`delta` must have dtype torch.float32, got torch.float64",
    ),
    "length": (
        lambda: kernel(of(REAL), of(REAL), of(REAL), torch.ones(3), 0),
        "`length` must be an integer >= 1, got 0",
    ),
    "rule": (
        lambda: kernel(of(REAL), of(REAL), of(REAL), torch.ones(3), 5, discretization="zho"),
        "got 'zho'; did you mean 'zoh'?",
    ),
    "pairs": (
        lambda: kernel(of(REAL), of(REAL), of(REAL), torch.ones(3), 5, conj_pairs=True),
        "`conj_pairs` needs a complex system, got real A, B and C",
    ),
    "u": (lambda: fft_conv(of(REAL), of(REAL)), "`u` must have shape (B, L, D), got (3, 4)"),
    "k": (
        lambda: fft_conv(torch.zeros(2, 5, 3), of(REAL)),
        "`k` must have shape (D=3, L=5), got (3, 4)",
    ),
    "empty": (
        lambda: fft_conv(torch.zeros(2, 0, 3), torch.zeros(3, 0)),
        "`u` must hold at least one step, got L = 0",
    ),
    "u dtype": (
        lambda: fft_conv(torch.zeros(2, 4, 3, dtype=COMPLEX), of(REAL)),
        "`u` must have dtype torch.float32 or torch.float64, got torch.complex64",
    ),
    "k dtype": (
        lambda: fft_conv(torch.zeros(2, 4, 3).double(), of(REAL)),
        "`k` and `u` must have the same dtype, got torch.float32 and torch.float64",
    ),
    "s": (
        lambda: transfer_function(of(REAL), of(REAL), of(REAL), torch.zeros(2)),
        "`s` must have dtype torch.complex64, got torch.float32",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_use(case):
    wrong, message = CASES[case]
    with pytest.raises((ValueError, TypeError)) as caught:
        wrong()
    assert message in str(caught.value)


def test_a_wrong_shape_is_a_shape_error():
    with pytest.raises(ShapeError):
        fft_conv(of(REAL), of(REAL))
