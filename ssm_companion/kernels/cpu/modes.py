r"""Gradient descent on the modes of a diagonal system, many updates in one call.

The impulse response :math:`\phi_k = \sum_i w_i \lambda_i^k` is summed from powers, with modes on
the lanes. The derivatives of the loss with respect to the weights and the eigenvalues are
:math:`P(\lambda_i)` and :math:`w_i P'(\lambda_i)` for one polynomial P, whose coefficients are the
derivatives with respect to :math:`\phi_k`: so Horner's scheme gives both.

The parameters lie in blocks of `LANES` modes: of each block first b, then c, then the exponent
:math:`\nu` or, for complex modes, the pair :math:`(\nu, \theta)`; pairs as in
:mod:`ssm_companion.kernels.cpu.tiles`. Moments and gradients lie the same way. So the optimiser,
which treats all numbers alike, goes over flat arrays.

Sums are in a fixed order and nothing but a * b + c is rounded differently from what is written, so
that a run is repeated to the last bit on the same machine. Names in capitals are known when a
kernel is compiled: PARTS is 1 for real modes and 2 for complex ones.
"""

from __future__ import annotations

import functools

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, overload

from ssm_companion.kernels.cpu import functions as f
from ssm_companion.kernels.cpu import tiles
from ssm_companion.kernels.cpu.cache import sources
from ssm_companion.kernels.cpu.simd import (
    Value,
    Vector,
    _call,
    _mask,
    _suffix,
    emitted,
    load,
    splat,
    store,
)

BETAS = 0.9, 0.999  # of the moving averages of gradients and of their squares


def lanes(modes: int, single: bool) -> int:
    """Modes of a block: four registers of 512 bits, or fewer where most lanes would stay empty."""
    most = 64 if single else 32
    return min(most, max(most // 4, 1 << (modes - 1).bit_length()))


@emitted
def eigenvalue_at(exponent, sign):
    """The number sign exp(-exp(nu)), or exp(-exp(nu) + i theta)."""
    if not isinstance(exponent, tuple):
        return sign * f._exp(-f._exp(exponent))
    radius = f._exp(-f._exp(exponent[0]))
    cosm1, sin = f._turned(exponent[1] * (1 / f.HALF_PI))
    return radius * (cosm1 + 1), radius * sin


@emitted
def gradients(b, c, exponent, eigenvalue, value, slope):
    """With respect to b, c and the exponents, from P and P' at the eigenvalue."""
    q = f._times(f._times(b, c), f._times(eigenvalue, slope))
    by_b, by_c = f._conj(f._times(value, c)), f._conj(f._times(value, b))
    if not isinstance(q, tuple):
        return by_b, by_c, -f._exp(exponent) * q
    return by_b, by_c, (-f._exp(exponent[0]) * q[0], -q[1])


@emitted
def updated(x, mean, square, gradient, decay, size, scale, floor):
    """A parameter and its moving averages after an update."""
    mean = mean + (gradient - mean) * (1 - BETAS[0])
    square = square * BETAS[1] + gradient * gradient * (1 - BETAS[1])
    return x * decay - size * (mean / (_root(square) * scale + floor)), mean, square


def _root(x: Value) -> Value:
    name = f"llvm.sqrt.{_suffix(x.vector)}"
    return x._new(_call(x.builder, name, x.llvm.type, [x.llvm]))


@intrinsic
def _folded(typingctx, a):
    """The four quarters of a vector added: the registers of a wide one into one register."""
    quarter = Vector(a.dtype, a.lanes // 4)

    def codegen(context, builder, sig, args):
        nothing = ir.Constant(a.llvm, ir.Undefined)
        at = [range(i * quarter.lanes, (i + 1) * quarter.lanes) for i in range(4)]
        parts = [builder.shuffle_vector(args[0], nothing, _mask(indices)) for indices in at]
        halves = builder.fadd(parts[0], parts[1]), builder.fadd(parts[2], parts[3])
        return builder.fadd(*halves)

    return quarter(a), codegen


def _real(a):
    """The real part of a vector or a pair of vectors."""


@overload(_real)
def _(a):
    if isinstance(a, types.BaseTuple):
        return lambda a: a[0]
    return lambda a: a


@functools.cache
def descent_kernel(LANES: int, PARTS: int):
    """Updates, one for each row of `rates`; the loss before each goes to `losses`.

    `rates` holds for each update by what the parameters are multiplied, the size of the step, and
    by what the root of the mean square is multiplied and what is added to it. `gradient` is added
    to if `accumulates`.
    """
    version = sources()
    FOLD = LANES // 4

    @njit(nogil=True, cache=True, boundscheck=False)
    def descend(x, mean, square, gradient, signs, target, rates, accumulates, losses):
        _ = version
        length, blocks = target.size, signs.size // LANES
        zero = x.dtype.type(0)
        response, slopes = np.zeros(length * FOLD, x.dtype), np.empty(length, x.dtype)
        eigenvalues = np.empty(signs.size * PARTS, x.dtype)
        for step in range(losses.size):
            for i in range(blocks):
                b = tiles.get(x, 3 * i, LANES, PARTS)
                c = tiles.get(x, 3 * i + 1, LANES, PARTS)
                exponent = tiles.get(x, 3 * i + 2, LANES, PARTS)
                eigenvalue = eigenvalue_at(exponent, load(signs, i * LANES, LANES))
                tiles.put(eigenvalues, i, LANES, eigenvalue)
                power = f.times(b, c)
                for k in range(length):
                    so_far = load(response, k * FOLD, FOLD)
                    store(response, k * FOLD, so_far + _folded(_real(power)))
                    power = f.times(power, eigenvalue)

            loss = 0.0
            for k in range(length):
                error = PARTS * f.sums(load(response, k * FOLD, FOLD)) - target[k]
                loss += error * error
                slopes[k] = 2 * PARTS * error
                store(response, k * FOLD, splat(zero, FOLD))
            losses[step] = loss

            for i in range(blocks):
                eigenvalue = tiles.get(eigenvalues, i, LANES, PARTS)
                slope = f.times(eigenvalue, zero)
                value = f.plus(slope, slopes[length - 1])
                for k in range(length - 2, -1, -1):
                    slope = f.plus(f.times(slope, eigenvalue), value)
                    value = f.plus(f.times(value, eigenvalue), slopes[k])
                b = tiles.get(x, 3 * i, LANES, PARTS)
                c = tiles.get(x, 3 * i + 1, LANES, PARTS)
                exponent = tiles.get(x, 3 * i + 2, LANES, PARTS)
                new = gradients(b, c, exponent, eigenvalue, value, slope)
                for j in range(3):
                    total = new[j]
                    if accumulates:
                        total = f.plus(total, tiles.get(gradient, 3 * i + j, LANES, PARTS))
                    tiles.put(gradient, 3 * i + j, LANES, total)

            decay, size, scale, floor = rates[step]
            for at in range(0, x.size, LANES):
                new = updated(
                    load(x, at, LANES), load(mean, at, LANES), load(square, at, LANES),
                    load(gradient, at, LANES), decay, size, scale, floor,
                )  # fmt: skip
                store(x, at, new[0])
                store(mean, at, new[1])
                store(square, at, new[2])

    return descend
