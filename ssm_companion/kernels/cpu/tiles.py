"""Tiles: the part of the tensors that one job works on, with channels on the lanes.

A tile of rows holds `lanes` channels of some steps, one step after the other. A tile of states
holds them for all modes, one mode after the other, real parts before imaginary ones. Lanes past the
last channel are zero.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload, register_jitable

from ssm_companion.kernels.cpu.simd import (
    known,
    load,
    load_first,
    store,
    store_first,
    unzipped,
    zipped,
)


@njit(nogil=True, cache=True)
def pages(count, size, like):
    """Memory for `count` rooms of `size` numbers of the type of an array.

    It begins where a page begins: a vector that does not lie across two cache lines is read twice
    as fast.
    """
    page = 4096 // like.itemsize
    memory = np.empty(count * (size // page + 2) * page + page, like.dtype)
    return memory[(-memory.ctypes.data % 4096) // like.itemsize :]


@njit(nogil=True, cache=True)
def room(memory, place, slot, size):
    """The room at `place`, which begins in one of the 16 slots of a page.

    A load that follows a store to the same place in another page waits for it, as the processor
    compares the low 12 bits of addresses first. So tiles that are written and tiles that are read
    a few rows later begin in different slots.
    """
    page = 4096 // memory.itemsize
    start = place * (size // page + 2) * page + slot * (page // 16)
    return memory[start : start + size]


@register_jitable
def row_in(source, index, width, lanes):
    """The channels of one step: `width` entries of a flat tensor, then zeros."""
    if width == lanes:
        return load(source, index, lanes)
    return load_first(source, index, width, lanes)


@register_jitable
def row_out(target, index, width, lanes, value):
    """Write the channels of one step."""
    if width == lanes:
        store(target, index, value)
    else:
        store_first(target, index, width, value)


def numbers_in(source, index, width, lanes, parts):
    """Numbers `index` to `index + width` of a flat tensor, complex if `parts` is 2; then zeros."""


@overload(numbers_in, prefer_literal=True)
def _(source, index, width, lanes, parts):
    if known(parts) == 1:
        return lambda source, index, width, lanes, parts: row_in(source, index, width, lanes)

    def run(source, index, width, lanes, parts):
        low = row_in(source, 2 * index, min(2 * width, lanes), lanes)
        high = row_in(source, 2 * index + lanes, max(2 * width - lanes, 0), lanes)
        return unzipped(low, high)

    return run


def numbers_out(target, index, width, lanes, value):
    """Write what `numbers_in` reads."""


@overload(numbers_out)
def _(target, index, width, lanes, value):
    if not isinstance(value, types.BaseTuple):
        return lambda target, index, width, lanes, value: row_out(
            target, index, width, lanes, value
        )

    def run(target, index, width, lanes, value):
        low, high = zipped(value[0], value[1])
        row_out(target, 2 * index, min(2 * width, lanes), lanes, low)
        row_out(target, 2 * index + lanes, max(2 * width - lanes, 0), lanes, high)

    return run


@njit(nogil=True, cache=True)
def states_in(tile, source, first, modes, width, lanes, parts):
    """Copy (D, N) from number `first` on into a tile; complex numbers lie re, im."""
    tile[:] = 0
    for j in range(width):
        for n in range(modes):
            for p in range(parts):
                value = source[(first + j * modes + n) * parts + p]
                tile[(n * parts + p) * lanes + j] = value


@njit(nogil=True, cache=True)
def states_out(tile, target, first, modes, width, lanes, parts):
    """Copy a tile of states back."""
    for j in range(width):
        for n in range(modes):
            for p in range(parts):
                value = tile[(n * parts + p) * lanes + j]
                target[(first + j * modes + n) * parts + p] = value


def get(tile, index, lanes, parts):
    """Entry `index` of a tile: a vector, or a pair of vectors if `parts` is 2."""


@overload(get, prefer_literal=True)
def _(tile, index, lanes, parts):
    if known(parts) == 1:
        return lambda tile, index, lanes, parts: load(tile, index * lanes, lanes)

    def run(tile, index, lanes, parts):
        start = 2 * index * lanes
        return load(tile, start, lanes), load(tile, start + lanes, lanes)

    return run


def put(tile, index, lanes, value):
    """Write a vector or a pair of vectors to entry `index` of a tile."""


@overload(put)
def _(tile, index, lanes, value):
    if not isinstance(value, types.BaseTuple):
        return lambda tile, index, lanes, value: store(tile, index * lanes, value)

    def run(tile, index, lanes, value):
        store(tile, 2 * index * lanes, value[0])
        store(tile, 2 * index * lanes + lanes, value[1])

    return run


@intrinsic
def _entry(typingctx, array, index):
    """One entry of a flat array; unlike `array[index]`, a negative index is not looked for."""

    def codegen(context, builder, sig, args):
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        return builder.load(cgutils.gep(builder, data, args[1]))

    return array.dtype(array, index), codegen


def number(array, index, parts):
    """Number `index` of a flat array, a pair if `parts` is 2."""


@overload(number, prefer_literal=True)
def _(array, index, parts):
    if known(parts) == 1:
        return lambda array, index, parts: _entry(array, index)
    return lambda array, index, parts: (_entry(array, 2 * index), _entry(array, 2 * index + 1))


def add_number(array, index, value):
    """Add to number `index` of a flat array, a pair if `value` is one."""


@overload(add_number)
def _(array, index, value):
    if isinstance(value, types.BaseTuple):

        def run(array, index, value):
            array[2 * index] += value[0]
            array[2 * index + 1] += value[1]

        return run

    def run(array, index, value):
        array[index] += value

    return run
