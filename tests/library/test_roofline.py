"""Counts of the roofline against a scan that counts as it computes."""

import cmath
import math
import subprocess
import sys
from itertools import product

import pytest
import torch
from torch.testing import assert_close

from ssm_companion import selective_scan
from ssm_companion.roofline import A100_40GB, A100_80GB, H100, Machine, report

B, L, D, N, G = 2, 5, 4, 3, 2
SIZES = {"B": B, "L": L, "D": D, "N": N, "G": G}


class Counter:
    """Arithmetic that counts exponentials and multiply-adds of real numbers."""

    exps = fmas = 0

    def exp(self, z):
        is_complex = isinstance(z, complex)
        self.exps += 3 if is_complex else 1
        self.fmas += 2 if is_complex else 0  # the real exponential times cosine and sine
        return cmath.exp(z) if is_complex else math.exp(z)

    def fma(self, a, b, c=0):
        self.fmas += 1 + isinstance(a, complex) + isinstance(b, complex)
        self.fmas += isinstance(a, complex) and isinstance(b, complex)
        return a * b + c

    def real_fma(self, a, b, c):
        self.fmas += 2 if isinstance(a, complex) else 1
        return (a * b).real + c


def conj(x):
    return x.conjugate()


def states(count, u, delta, A, B_, b, d, n):
    """(a_t, a_t h_{t-1}, h_t) for all t."""
    h, found = type(A[d, n])(0), []
    for t in range(L):
        a = count.exp(count.fma(delta[b, t, d], A[d, n]))
        ah = count.fma(a, h)
        h = count.fma(B_[b, t, d // (D // G), n], delta[b, t, d] * u[b, t, d], ah)
        found.append((a, ah, h))
    return found


def forward(count, u, delta, A, B_, C):
    y = torch.zeros(B, L, D, dtype=torch.float64)
    for b, d, n in product(range(B), range(D), range(N)):
        for t, (_, _, h) in enumerate(states(count, u, delta, A, B_, b, d, n)):
            y[b, t, d] = count.real_fma(C[b, t, d // (D // G), n], h, y[b, t, d].item())
    return y


def backward(count, u, delta, A, B_, C, dy):
    """Gradients of delta, of delta u, and of A, B and C."""
    ddelta, dx = torch.zeros(2, B, L, D, dtype=torch.float64)
    dtype = torch.complex128 if isinstance(A[0, 0], complex) else torch.float64
    dA, (dB, dC) = torch.zeros(D, N, dtype=dtype), torch.zeros(2, B, L, G, N, dtype=dtype)
    for b, d, n in product(range(B), range(D), range(N)):
        g = type(A[d, n])(0)
        found = states(count, u, delta, A, B_, b, d, n)
        for t, (a, ah, h) in reversed(list(enumerate(found))):
            row, weight = (b, t, d), (b, t, d // (D // G), n)
            g = count.fma(conj(C[weight]), dy[row], g)
            dC[weight] = count.fma(conj(h), dy[row], dC[weight].item())
            dB[weight] = count.fma(g, delta[row] * u[row], dB[weight].item())
            dx[row] = count.real_fma(conj(B_[weight]), g, dx[row].item())
            dz = count.fma(conj(ah), g)
            dA[d, n] = count.fma(dz, delta[row], dA[d, n].item())
            ddelta[row] = count.real_fma(conj(A[d, n]), dz, ddelta[row].item())
            g = count.fma(conj(a), g)
    return ddelta, dx, dA, dB, dC


def tensors(is_complex):
    dtype = torch.complex128 if is_complex else torch.float64
    u, delta = torch.randn(2, B, L, D, dtype=torch.float64)
    A = -torch.rand(D, N, dtype=dtype)
    B_, C = torch.randn(2, B, L, G, N, dtype=dtype)
    return u, delta.abs(), A, B_, C


class Numbers(dict):
    """A tensor as Python numbers, by index."""

    def __init__(self, x):
        indices = product(*(range(size) for size in x.shape))
        super().__init__((index, x[index].item()) for index in indices)


@pytest.mark.parametrize("is_complex", [False, True])
def test_counts_are_those_of_a_scan_that_computes_the_right_thing(is_complex):
    u, delta, A, B_, C = leaves = [x.requires_grad_() for x in tensors(is_complex)]
    y = selective_scan(*leaves, conj_pairs=False, backend="reference")
    dy = torch.randn_like(y)
    du, ddelta, *parameters = torch.autograd.grad(y, leaves, dy)
    numbers = [Numbers(x.detach()) for x in leaves]

    once = Counter()
    assert_close(forward(once, *numbers), y.detach())
    plan = report(**SIZES, is_complex=is_complex)
    assert (once.exps, once.fmas) == (plan.exps, plan.fmas)

    once = Counter()
    through_a, dx, *found = backward(once, *numbers, Numbers(dy))
    assert_close([dx * delta, through_a + dx * u, *found], [du, ddelta, *parameters])
    plan = report(**SIZES, is_complex=is_complex, backward=True)
    assert (once.exps, once.fmas) == (plan.exps, plan.fmas)


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_bytes_are_those_of_the_tensors(dtype, is_complex):
    u, delta, A, B_, C = (
        x.to(torch.complex64 if x.is_complex() else torch.float32) for x in tensors(is_complex)
    )
    small = 1 if dtype == "float32" else 2
    inputs = A.nbytes + sum(x.nbytes for x in (u, delta, B_, C)) // small
    y = u.nbytes // small
    assert report(**SIZES, dtype=dtype, is_complex=is_complex).bytes == inputs + y
    plan = report(**SIZES, dtype=dtype, is_complex=is_complex, backward=True)
    assert plan.bytes == 2 * inputs + y


def test_h100_at_the_standard_size_is_bound_by_its_exponentials():
    plan = report(8, 2048, 1024, 16, machine=H100)
    assert plan.bytes == pytest.approx(203e6, rel=0.005)
    assert plan.exps == pytest.approx(268.4e6, rel=0.001)
    assert plan.walls["memory"] == pytest.approx(61e-6, rel=0.01)
    assert plan.seconds == plan.walls["exponentials"] == pytest.approx(72e-6, rel=0.01)
    assert plan.bound == "exponentials"


def test_a_slow_memory_is_the_wall():
    measured = Machine("a laptop", bandwidth=1e8, exps=1e10, fmas=1e11)
    plan = report(8, 2048, 1024, 16, machine=measured)
    assert plan.bound == "memory"
    assert plan.seconds == plan.bytes / 1e8


def test_rates_of_gpus():
    assert H100.exps == pytest.approx(3.71e12, rel=0.001)
    assert H100.fmas == pytest.approx(29.6e12, rel=0.01)  # half of 59 TFLOPS at this clock
    assert A100_40GB.fmas == A100_80GB.fmas == pytest.approx(19.5e12 / 2, rel=0.01)
    assert A100_40GB.bandwidth < A100_80GB.bandwidth < H100.bandwidth


def test_prints_each_wall():
    lines = str(report(8, 2048, 1024, 16)).splitlines()
    assert lines[0] == "H100 SXM: 72.4 us, bound by exponentials"
    assert [line.split()[0] for line in lines[1:]] == ["memory", "exponentials", "multiply-adds"]


def test_an_unknown_dtype_is_named():
    with pytest.raises(ValueError, match=r"`dtype` must be one of float32.*got 'int8'"):
        report(1, 1, 1, 1, dtype="int8")


def test_needs_no_torch():
    code = "import sys, ssm_companion.roofline; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
