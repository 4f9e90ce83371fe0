"""The linear recurrence in numba: a job is a block of `LANES` states of one sequence."""

from __future__ import annotations

import functools

from numba import njit

from ssm_companion.kernels.cpu import functions as f
from ssm_companion.kernels.cpu import tiles
from ssm_companion.kernels.cpu.cache import sources


@functools.cache
def linear_kernel(LANES: int, PARTS: int, A_VARIES: bool):
    """Jobs `first` to `stop`; names in capitals are known when the kernel is compiled."""
    version = sources()

    @njit(nogil=True, cache=True, boundscheck=False)
    def linear(first, stop, states, reverse, a, b, h0, bounds, h):
        _ = version
        blocks = (states + LANES - 1) // LANES
        for job in range(first, stop):
            sequence, block = divmod(job, blocks)
            place = block * LANES
            width = min(LANES, states - place)
            begin, end = bounds[sequence], bounds[sequence + 1]
            state = tiles.numbers_in(h0, sequence * states + place, width, LANES, PARTS)
            factor = tiles.numbers_in(a, place, width, LANES, PARTS)
            for i in range(end - begin):
                t = end - 1 - i if reverse else begin + i
                at = t * states + place
                if A_VARIES:
                    factor = tiles.numbers_in(a, at, width, LANES, PARTS)
                b_t = tiles.numbers_in(b, at, width, LANES, PARTS)
                state = f.plus(f.times(factor, state), b_t)
                tiles.numbers_out(h, at, width, LANES, state)

    return linear
