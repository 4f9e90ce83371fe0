"""How many digits survive: long sequences, slow and fast modes, and the elementary functions."""

import mpmath
import numpy as np
import pytest
import torch
from numba import njit
from systems import KERNELS, TOLERANCE, assert_near, scan

from ssm_companion import linear_scan, selective_scan
from ssm_companion.kernels.cpu import functions as f
from ssm_companion.kernels.cpu.simd import load, store

on_each_kernel = pytest.mark.parametrize("backend", KERNELS)
PRECISIONS = [torch.float32, torch.float64]


# ---- long sequences ----


@pytest.fixture(scope="module")
def like_mamba():
    """16384 steps of log-uniform length, modes -1 to -16, and what the reference makes of them."""
    length, channels, modes = 16384, 33, 16
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(shape, generator=generator)

    uniform = torch.rand(1, length, channels, generator=generator)
    arguments = {
        "u": normal(1, length, channels),
        "delta": 10 ** (2 * uniform - 3),
        "A": -torch.arange(1.0, modes + 1).repeat(channels, 1),
        "B": normal(1, length, modes),
        "C": normal(1, length, modes),
    }
    doubled = {name: x.double() for name, x in arguments.items()}
    return arguments, scan(doubled, "reference")


@on_each_kernel
def test_single_precision_stays_accurate_over_a_long_sequence(like_mamba, backend):
    arguments, exact = like_mamba
    for found, expected in zip(scan(arguments, backend), exact, strict=True):
        error = (found - expected).abs().max() / expected.abs().max()
        assert error < TOLERANCE[torch.float32]


@on_each_kernel
def test_double_precision_stays_accurate_over_a_long_sequence(like_mamba, backend):
    arguments, _ = like_mamba
    # five channels with a constant C, whose kernel other tests compile too
    some = {name: arguments[name][..., :5].double() for name in ("u", "delta")}
    A, B = arguments["A"][:5].double(), arguments["B"].double()
    some |= {"A": A, "B": B, "C": A.cos()}
    for found, expected in zip(scan(some, backend), scan(some, "reference"), strict=True):
        error = (found - expected).abs().max() / expected.abs().max()
        assert error < TOLERANCE[torch.float64]


# ---- slow and fast modes ----


def constant_system(z, length, dtype=torch.float32):
    """One channel, one mode, unit weights, unit steps and inputs: y_t is the sum of a**k g."""
    ones = torch.ones(1, length, 1, dtype=dtype)
    one = torch.ones(1, 1, dtype=dtype)
    return {"u": ones, "delta": ones, "A": z * one, "B": one, "C": one, "discretization": "zoh"}


def test_a_slow_mode_keeps_the_digits_that_its_rounded_factor_loses():
    z, length = -1e-6, 16384
    exact = np.expm1(np.float32(z).astype(float) * length) / np.float32(z)
    y = selective_scan(**constant_system(z, length), backend="cpu")
    assert abs(y[0, -1, 0].item() / exact - 1) < 1e-5
    # the factor itself, rounded to a float32, forgets at a rate that is 1 % off
    plain = linear_scan(torch.tensor([z]).exp(), torch.ones(1, length, 1))
    assert abs(plain[0, -1, 0].item() / exact - 1) > 1e-4


@on_each_kernel
@pytest.mark.parametrize("dtype", PRECISIONS, ids=str)
def test_a_huge_step_forgets_all(backend, dtype):
    y = selective_scan(**constant_system(-200.0, 5, dtype), backend=backend)
    assert_near(y, torch.full_like(y, 1 / 200))


@on_each_kernel
def test_a_step_beyond_the_range_of_the_exponential_forgets_all(backend):
    y = selective_scan(**constant_system(-1e6, 5), backend=backend)
    assert_near(1e6 * y, torch.ones_like(y))


@on_each_kernel
@pytest.mark.parametrize("dtype", PRECISIONS, ids=str)
def test_a_growing_mode_grows_at_its_rate(backend, dtype):
    z, length = 0.125, 300
    y = selective_scan(**constant_system(z, length, dtype), backend=backend)
    exact = np.expm1(z * np.arange(1, length + 1)) / z
    relative = y.flatten().double() / torch.from_numpy(exact)
    # each factor is rounded, and so is what it has grown to
    assert (relative - 1).abs().max() < 4 * length * torch.finfo(dtype).eps


@on_each_kernel
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_step_that_is_not_finite_is_an_error_that_says_where(backend, bad):
    arguments = constant_system(-1.0, 5)
    arguments["delta"] = arguments["delta"].clone()
    arguments["delta"][0, 3] = bad
    with pytest.raises(ValueError, match="`delta` must be finite, got 1 non-finite of 5 values"):
        selective_scan(**arguments, backend=backend)


@on_each_kernel
def test_steps_whose_sum_overflows_are_finite(backend):
    arguments = constant_system(-1.0, 5)
    arguments["delta"] = torch.full_like(arguments["delta"], 2e38)
    y = selective_scan(**arguments, backend=backend)
    assert_near(y, torch.ones_like(y))


# ---- elementary functions on vectors, against 40 digits ----

mpmath.mp.dps = 40
LANES = 8
OF_Z = ("m", "phi1", "slope_of_phi1")


@njit
def real_functions(x, sigmoid, softplus, slope, grown, m, phi1, slope_of_phi1):
    for i in range(0, x.size, LANES):
        v = load(x, i, LANES)
        store(sigmoid, i, f.sigmoid(v))
        store(softplus, i, f.softplus(v))
        store(slope, i, f.softplus_derivative(v))
        store(grown, i, f.expm1(v, 1.0))
        m_v, phi1_v = f.zoh(v, f.scaled(v), 1.0)
        store(m, i, m_v)
        store(phi1, i, phi1_v)
        store(slope_of_phi1, i, f.phi1_derivative(v, m_v, phi1_v))


@njit
def complex_functions(x, y, grown, m, phi1, slope_of_phi1):
    for i in range(0, x.size, LANES):
        z = load(x, i, LANES), load(y, i, LANES)
        m_z, phi1_z = f.zoh(z, f.scaled(z), 1.0)
        results = (f.expm1(z, 1.0), m_z, phi1_z, f.phi1_derivative(z, m_z, phi1_z))
        for result, out in zip(results, (grown, m, phi1, slope_of_phi1)):  # noqa: B905
            store(out[0], i, result[0])
            store(out[1], i, result[1])


def assert_rounded(found, points, function, size=abs):
    """What is found differs from the function by two roundings of `size`, of its value as a rule.

    `size` takes the value and the point.
    """
    eps = float(np.finfo(found.real.dtype).eps)
    for result, point in zip(found.tolist(), map(mpmath.mpmathify, points.tolist()), strict=True):
        value = function(point)
        scale = abs(value) if size is abs else size(value, point)
        assert abs(mpmath.mpmathify(result) - value) <= 2 * eps * scale, (point, result, value)


def through_exponential(value, z):
    """The argument is rounded once in units of powers of two: |z| roundings of e**z."""
    return abs(value) + abs(z * mpmath.exp(z))


def phi1(z):
    return mpmath.expm1(z) / z if z else mpmath.mpf(1)


def slope_of_phi1(z):
    if abs(z) < 1e-3:
        return sum((k + 1) * z**k / mpmath.factorial(k + 2) for k in range(8))
    return (mpmath.exp(z) - phi1(z)) / z


def sigmoid(x):
    return 1 / (1 + mpmath.exp(-x))


def beside_a_difference(value, z):
    """Away from 0, what is subtracted to give `value`, e**z - 1, 1 and phi1, divided by z."""
    subtracted = (1 + abs(mpmath.exp(z)) * (1 + abs(z)) + 2 * abs(phi1(z))) / abs(z) if z else 0
    return abs(value) + (subtracted if abs(z) > 0.4 else 0)


def spread(lowest, highest, dtype):
    """Numbers of both signs, of every magnitude in between, and zero."""
    magnitudes = np.logspace(np.log10(lowest), np.log10(highest), 255)
    return np.concatenate([-magnitudes[::-1], [0, 0], magnitudes]).astype(dtype)


@pytest.fixture(scope="module", params=[np.float32, np.float64], ids=["32", "64"])
def real(request):
    x = spread(1e-25, 80, request.param)
    names = ["sigmoid", "softplus", "slope", "grown", "m", "phi1", "slope_of_phi1"]
    results = {name: np.empty_like(x) for name in names}
    real_functions(x, *results.values())
    return x, results


def test_functions_of_real_numbers_are_rounded_well(real):
    x, results = real
    small = {"sigmoid": sigmoid, "slope": lambda z: sigmoid(z) if z < 20 else 1}
    small["softplus"] = lambda z: mpmath.log1p(mpmath.exp(z)) if z < 20 else z
    for name, function in small.items():
        # as in `through_exponential`, where e**x is the value
        assert_rounded(results[name], x, function, lambda v, z: abs(v) * (1 + max(-z, 0)))
    assert_rounded(results["grown"], x, lambda z: mpmath.expm1(z * mpmath.log(2)))
    assert_rounded(results["m"], x, mpmath.expm1, through_exponential)
    assert_rounded(results["phi1"], x, phi1, lambda v, z: abs(v) + abs(mpmath.exp(z)))
    assert_rounded(results["slope_of_phi1"], x, slope_of_phi1, beside_a_difference)


@pytest.fixture(scope="module", params=[np.float32, np.float64], ids=["32", "64"])
def plane(request):
    """Complex numbers from beside 0 to far to the left, and phases up to 10000."""
    x = -abs(spread(1e-12, 60, request.param))
    rng = np.random.default_rng(0)
    y = spread(1e-12, 1e4, request.param)
    rng.shuffle(y)
    y[:8] = 0
    results = {name: np.empty((2, x.size), x.dtype) for name in ("grown", *OF_Z)}
    complex_functions(x, y, *results.values())
    as_complex = {name: re + 1j * im for name, (re, im) in results.items()}
    return x + 1j * y, as_complex


def test_functions_of_complex_numbers_are_rounded_well(plane):
    z, results = plane
    in_units = mpmath.mpc(mpmath.log(2), 0), mpmath.mpc(0, mpmath.pi / 2)
    assert_rounded(
        results["grown"], z, lambda z: mpmath.expm1(z.real * in_units[0] + z.imag * in_units[1])
    )
    assert_rounded(results["m"], z, mpmath.expm1, through_exponential)
    assert_rounded(results["phi1"], z, phi1, lambda v, z: abs(v) + abs(mpmath.exp(z)))
    assert_rounded(results["slope_of_phi1"], z, slope_of_phi1, beside_a_difference)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_exponential_that_underflows_leaves_a_factor_of_0(dtype):
    x = np.array([-150, -1e3, -2e3, -1e5, -1e30, -np.inf, -1100, -1100], dtype)
    x = x if dtype == np.float32 else np.minimum(x, -1100)
    grown = np.empty((2, 8), dtype)
    rest = [np.empty((2, 8), dtype) for _ in OF_Z]
    complex_functions(x, np.zeros(8, dtype), grown, *rest)
    assert (grown[0] == -1).all()
    assert (grown[1] == 0).all()
