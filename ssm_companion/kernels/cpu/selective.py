"""The selective scan and its derivative in numba, one pass over the inputs each.

A job is a block of `LANES` channels of one sequence. It takes time chunk by chunk and, in a chunk,
one mode after the other, whose state stays in registers over all steps of the chunk.

The factor of the state is kept as m = a - 1, and h_t = (h_{t-1} + b_t) + m h_{t-1}. A slow mode has
a within rounding of 1; its rate of forgetting, a - 1, keeps all digits this way.

Names in capitals are known when a kernel is compiled: PARTS is 1 for a real system and 2 for a
complex one. The tensors arrive flat, complex numbers as two reals, and `sizes` says the rest.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from numba import njit

from ssm_companion.kernels.cpu import functions as f
from ssm_companion.kernels.cpu import tiles
from ssm_companion.kernels.cpu.cache import sources
from ssm_companion.kernels.cpu.simd import load, splat, store

EULER, LAWSON, ZOH, BILINEAR = range(4)


class Sizes(NamedTuple):
    """What the flat tensors of a job hold."""

    channels: int
    modes: int
    groups: int
    chunk: int
    shares: int  # into which the blocks of a group fall in the backward pass
    softplus: bool
    weighted: bool  # there is a w
    gated: bool  # there is a z
    scale: int  # 2 for conjugate pairs, else 1


@functools.cache
def forward_kernel(LANES: int, PARTS: int, METHOD: int, B_VARIES: bool, C_VARIES: bool):
    """Jobs `first` to `stop` of the forward pass: (sequence, group, block of channels).

    A job that meets a step that is not finite writes 0 to `finite`.
    """
    version = sources()

    @njit(nogil=True, cache=True, boundscheck=False)
    def forward(
        first, stop, sizes, u, delta, w, A, B, C, D, z, bias, h0, bounds, y, last, kept, finite
    ):  # fmt: skip
        _ = version
        channels, modes, groups, chunk = sizes[:4]
        zero = u.dtype.type(0)
        per_group = channels // groups
        blocks = (per_group + LANES - 1) // LANES
        A_tile = np.empty(modes * PARTS * LANES, u.dtype)
        B_tile, C_tile, state = np.empty_like(A_tile), np.empty_like(A_tile), np.empty_like(A_tile)
        size = chunk * LANES
        memory = tiles.pages(3, size, u)
        out = tiles.room(memory, 0, 0, size)
        step = tiles.room(memory, 1, 4, size)
        x = tiles.room(memory, 2, 8, size)
        for job in range(first, stop):
            sequence, place = divmod(job, groups * blocks)
            group, block = divmod(place, blocks)
            channel = group * per_group + block * LANES
            width = min(LANES, (group + 1) * per_group - channel)
            tiles.states_in(A_tile, A, channel * modes, modes, width, LANES, PARTS)
            if not B_VARIES:
                tiles.states_in(B_tile, B, channel * modes, modes, width, LANES, PARTS)
            if not C_VARIES:
                tiles.states_in(C_tile, C, channel * modes, modes, width, LANES, PARTS)
            offset = tiles.row_in(bias, channel, width, LANES)
            feed = tiles.row_in(D, channel, width, LANES)
            at = (sequence * channels + channel) * modes
            tiles.states_in(state, h0, at, modes, width, LANES, PARTS)
            doubt = splat(zero, LANES)

            begin, end = bounds[sequence], bounds[sequence + 1]
            for c in range((end - begin + chunk - 1) // chunk):
                row = begin + c * chunk
                rows = min(chunk, end - row)
                at = ((begin // chunk + sequence + c) * channels + channel) * modes
                tiles.states_out(state, kept, at, modes, width, LANES, PARTS)
                for t in range(rows):
                    i, at = t * LANES, (row + t) * channels + channel
                    value = tiles.row_in(delta, at, width, LANES) + offset
                    doubt = doubt + value * zero  # NaN if a step is infinite or NaN
                    if sizes.softplus:
                        value = f.softplus(value)
                    store(step, i, value)
                    if sizes.weighted:
                        value = tiles.row_in(w, at, width, LANES)
                    store(x, i, value * tiles.row_in(u, at, width, LANES))
                    store(out, i, splat(zero, LANES))
                for n in range(modes):
                    h = tiles.get(state, n, LANES, PARTS)
                    A_n = tiles.get(A_tile, n, LANES, PARTS)
                    A_scaled = f.scaled(A_n)
                    for t in range(rows):
                        d = load(step, t * LANES, LANES)
                        if METHOD == ZOH:
                            m, g = f.zoh(A_n, A_scaled, d)
                        elif METHOD == BILINEAR:
                            m, g = f.bilinear(A_n, d)
                        else:
                            m = f.expm1(A_scaled, d)
                        at = ((row + t) * groups + group) * modes + n
                        if B_VARIES:
                            b = tiles.number(B, at, PARTS)
                        else:
                            b = tiles.get(B_tile, n, LANES, PARTS)
                        if C_VARIES:
                            c_t = tiles.number(C, at, PARTS)
                        else:
                            c_t = tiles.get(C_tile, n, LANES, PARTS)
                        bx = f.times(b, load(x, t * LANES, LANES))
                        if METHOD == LAWSON:
                            h = f.plus(h, bx)
                            h = f.plus(h, f.times(m, h))
                        else:
                            if METHOD != EULER:
                                bx = f.times(g, bx)
                            h = f.plus(f.plus(h, bx), f.times(m, h))
                        so_far = load(out, t * LANES, LANES)
                        store(out, t * LANES, so_far + f.real_times(h, c_t))
                    tiles.put(state, n, LANES, h)

                for t in range(rows):
                    at = (row + t) * channels + channel
                    value = load(out, t * LANES, LANES) * sizes.scale
                    value = value + feed * tiles.row_in(u, at, width, LANES)
                    if sizes.gated:
                        gate = tiles.row_in(z, at, width, LANES)
                        value = value * gate * f.sigmoid(gate)
                    tiles.row_out(y, at, width, LANES, value)
            at = (sequence * channels + channel) * modes
            tiles.states_out(state, last, at, modes, width, LANES, PARTS)
            if f.sums(doubt) != zero:
                finite[0] = zero

    return forward


@functools.cache
def backward_kernel(LANES: int, PARTS: int, METHOD: int, B_VARIES: bool, C_VARIES: bool):
    """Jobs `first` to `stop` of the backward pass: (sequence, group, share of its blocks).

    The states of a chunk are computed anew from its checkpoint, one mode at a time, and then
    walked back. B and C have a gradient that is a sum over channels: the blocks of a share add to
    one array in order, and the shares do not depend on the threads.
    """
    version = sources()

    @njit(nogil=True, cache=True, boundscheck=False)
    def backward(
        first, stop, sizes, u, delta, w, A, B, C, D, z, bias, h0, bounds, kept, dy, dlast,
        du, ddelta, dw, dA, dB, dC, dD, dz, dbias, dh0,
    ):  # fmt: skip
        _ = version
        channels, modes, groups, chunk, shares = sizes[:5]
        zero = u.dtype.type(0)
        per_group = channels // groups
        blocks = (per_group + LANES - 1) // LANES
        rows_of_all = u.size // channels
        A_tile = np.empty(modes * PARTS * LANES, u.dtype)
        B_tile, C_tile, state = np.empty_like(A_tile), np.empty_like(A_tile), np.empty_like(A_tile)
        g_tile, dA_tile = np.empty_like(A_tile), np.empty_like(A_tile)
        dB_tile, dC_tile = np.empty_like(A_tile), np.empty_like(A_tile)
        size = (chunk + 1) * PARTS * LANES
        memory = tiles.pages(9, size, u)
        dstep = tiles.room(memory, 0, 0, size)
        dx = tiles.room(memory, 1, 4, size)
        out = tiles.room(memory, 2, 8, size)
        step = tiles.room(memory, 3, 12, size)
        x = tiles.room(memory, 4, 13, size)
        grad = tiles.room(memory, 5, 14, size)
        before = tiles.room(memory, 6, 12, size)
        ms = tiles.room(memory, 7, 12, size)
        gs = tiles.room(memory, 8, 12, size)
        for job in range(first, stop):
            sequence, place = divmod(job, groups * shares)
            group, share = divmod(place, shares)
            begin, end = bounds[sequence], bounds[sequence + 1]
            for block in range(blocks * share // shares, blocks * (share + 1) // shares):
                channel = group * per_group + block * LANES
                width = min(LANES, (group + 1) * per_group - channel)
                at = (sequence * channels + channel) * modes
                tiles.states_in(A_tile, A, channel * modes, modes, width, LANES, PARTS)
                tiles.states_in(g_tile, dlast, at, modes, width, LANES, PARTS)
                if not B_VARIES:
                    tiles.states_in(B_tile, B, channel * modes, modes, width, LANES, PARTS)
                if not C_VARIES:
                    tiles.states_in(C_tile, C, channel * modes, modes, width, LANES, PARTS)
                offset = tiles.row_in(bias, channel, width, LANES)
                feed = tiles.row_in(D, channel, width, LANES)
                dA_tile[:] = zero
                dB_tile[:] = zero
                dC_tile[:] = zero
                dD_sum, dbias_sum = splat(zero, LANES), splat(zero, LANES)

                for c in range((end - begin + chunk - 1) // chunk - 1, -1, -1):
                    row = begin + c * chunk
                    rows = min(chunk, end - row)
                    at = ((begin // chunk + sequence + c) * channels + channel) * modes
                    tiles.states_in(state, kept, at, modes, width, LANES, PARTS)
                    for t in range(rows):
                        i, at = t * LANES, (row + t) * channels + channel
                        value = tiles.row_in(delta, at, width, LANES) + offset
                        if sizes.softplus:
                            value = f.softplus(value)
                        store(step, i, value)
                        if sizes.weighted:
                            value = tiles.row_in(w, at, width, LANES)
                        store(x, i, value * tiles.row_in(u, at, width, LANES))
                        value = tiles.row_in(dy, at, width, LANES) * sizes.scale
                        if sizes.gated:
                            gate = tiles.row_in(z, at, width, LANES)
                            value = value * gate * f.sigmoid(gate)
                        store(grad, i, value)
                        store(out, i, splat(zero, LANES))
                        store(dstep, i, splat(zero, LANES))
                        store(dx, i, splat(zero, LANES))

                    for n in range(modes):
                        h = tiles.get(state, n, LANES, PARTS)
                        A_n = tiles.get(A_tile, n, LANES, PARTS)
                        A_scaled = f.scaled(A_n)
                        for t in range(rows):
                            tiles.put(before, t, LANES, h)
                            d = load(step, t * LANES, LANES)
                            if METHOD == ZOH:
                                m, g = f.zoh(A_n, A_scaled, d)
                            elif METHOD == BILINEAR:
                                m, g = f.bilinear(A_n, d)
                            else:
                                m = f.expm1(A_scaled, d)
                            tiles.put(ms, t, LANES, m)
                            if B_VARIES:
                                at = ((row + t) * groups + group) * modes + n
                                b = tiles.number(B, at, PARTS)
                            else:
                                b = tiles.get(B_tile, n, LANES, PARTS)
                            bx = f.times(b, load(x, t * LANES, LANES))
                            if METHOD == LAWSON:
                                h = f.plus(h, bx)
                                h = f.plus(h, f.times(m, h))
                            else:
                                if METHOD != EULER:
                                    tiles.put(gs, t, LANES, g)
                                    bx = f.times(g, bx)
                                h = f.plus(f.plus(h, bx), f.times(m, h))
                        tiles.put(before, rows, LANES, h)

                        dh = tiles.get(g_tile, n, LANES, PARTS)
                        dA_n = tiles.get(dA_tile, n, LANES, PARTS)
                        dB_n = tiles.get(dB_tile, n, LANES, PARTS)
                        dC_n = tiles.get(dC_tile, n, LANES, PARTS)
                        for t in range(rows - 1, -1, -1):
                            i = t * LANES
                            at = ((row + t) * groups + group) * modes + n
                            into = share * rows_of_all * groups * modes + at
                            d, x_t, dy_t = (
                                load(step, i, LANES),
                                load(x, i, LANES),
                                load(grad, i, LANES),
                            )
                            if B_VARIES:
                                b = tiles.number(B, at, PARTS)
                            else:
                                b = tiles.get(B_tile, n, LANES, PARTS)
                            if C_VARIES:
                                c_t = tiles.number(C, at, PARTS)
                            else:
                                c_t = tiles.get(C_tile, n, LANES, PARTS)
                            m = tiles.get(ms, t, LANES, PARTS)
                            earlier = tiles.get(before, t, LANES, PARTS)
                            # C
                            dc = f.conj_times(tiles.get(before, t + 1, LANES, PARTS), dy_t)
                            if C_VARIES:
                                tiles.add_number(dC, into, f.sums(dc))
                            else:
                                dC_n = f.plus(dC_n, dc)
                            dh = f.plus(dh, f.conj_times(c_t, dy_t))
                            # z = step A, through the state's factor and the input's
                            if METHOD == LAWSON:
                                earlier = f.plus(earlier, f.times(b, x_t))
                            slope = f.plus(earlier, f.times(m, earlier))
                            through = dh
                            if METHOD == LAWSON:
                                through = f.plus(dh, f.conj_times(m, dh))
                            elif METHOD != EULER:
                                g = tiles.get(gs, t, LANES, PARTS)
                                bx = f.times(b, x_t)
                                through = f.conj_times(g, dh)
                                if METHOD == ZOH:
                                    dg = f.phi1_derivative(f.times(A_n, d), m, g)
                                    slope = f.plus(slope, f.times(dg, bx))
                                else:
                                    half = f.plus(earlier, f.times(bx, 0.5))
                                    slope = f.times(f.times(g, g), half)
                            dz_t = f.conj_times(slope, dh)
                            dA_n = f.plus(dA_n, f.times(dz_t, d))
                            store(dstep, i, load(dstep, i, LANES) + f.real_conj_times(A_n, dz_t))
                            # B and the weighted input
                            store(dx, i, load(dx, i, LANES) + f.real_conj_times(b, through))
                            db = f.times(through, x_t)
                            if B_VARIES:
                                tiles.add_number(dB, into, f.sums(db))
                            else:
                                dB_n = f.plus(dB_n, db)
                            dh = f.plus(dh, f.conj_times(m, dh))
                            if sizes.gated:
                                value = f.real_times(tiles.get(before, t + 1, LANES, PARTS), c_t)
                                store(out, i, load(out, i, LANES) + value)
                        tiles.put(g_tile, n, LANES, dh)
                        tiles.put(dA_tile, n, LANES, dA_n)
                        tiles.put(dB_tile, n, LANES, dB_n)
                        tiles.put(dC_tile, n, LANES, dC_n)

                    for t in range(rows):
                        i, at = t * LANES, (row + t) * channels + channel
                        u_t, dx_t = tiles.row_in(u, at, width, LANES), load(dx, i, LANES)
                        grad_t = load(grad, i, LANES) * (1.0 / sizes.scale)
                        value, weight = load(dstep, i, LANES), load(step, i, LANES)
                        if sizes.weighted:
                            weight = tiles.row_in(w, at, width, LANES)
                            tiles.row_out(dw, at, width, LANES, dx_t * u_t)
                        else:
                            value = value + dx_t * u_t
                        if sizes.softplus:
                            raw = tiles.row_in(delta, at, width, LANES) + offset
                            value = value * f.softplus_derivative(raw)
                        tiles.row_out(ddelta, at, width, LANES, value)
                        tiles.row_out(du, at, width, LANES, dx_t * weight + feed * grad_t)
                        dbias_sum = dbias_sum + value
                        dD_sum = dD_sum + grad_t * u_t
                        if sizes.gated:
                            gate = tiles.row_in(z, at, width, LANES)
                            s = f.sigmoid(gate)
                            ungated = load(out, i, LANES) * sizes.scale + feed * u_t
                            value = s + s * gate * (1.0 - s)
                            value = value * ungated * tiles.row_in(dy, at, width, LANES)
                            tiles.row_out(dz, at, width, LANES, value)

                at = (sequence * channels + channel) * modes
                tiles.states_out(g_tile, dh0, at, modes, width, LANES, PARTS)
                tiles.states_out(dA_tile, dA, at, modes, width, LANES, PARTS)
                if not B_VARIES:
                    tiles.states_out(dB_tile, dB, at, modes, width, LANES, PARTS)
                if not C_VARIES:
                    tiles.states_out(dC_tile, dC, at, modes, width, LANES, PARTS)
                at = sequence * channels + channel
                tiles.row_out(dD, at, width, LANES, dD_sum)
                tiles.row_out(dbias, at, width, LANES, dbias_sum)

    return backward
