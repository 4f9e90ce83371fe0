"""The selective scan on the GPU: discretise, scan and read out in one pass, and its gradients.

A program has the states of BLOCK_D channels of one group and BLOCK_N >= N modes in registers, as a
matrix; what belongs to channels is a column, what belongs to modes a row.

The backward pass takes a chunk at a time, last first: it replays the chunk from its checkpoint,
keeping the state before each step in a scratch buffer, and walks back. The buffer holds one chunk
of each program, so it does not grow with time, and as a program takes several sequences in turn
it does not grow with their number either. What several programs contribute to is stored by each
and summed by torch: without atomic additions, two runs give the same bits.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from ssm_companion.kernels import Inputs, Options, checkpoint_rows
from ssm_companion.kernels.gpu.discretize import EULER, METHODS, factors, softplus
from ssm_companion.kernels.gpu.numbers import (
    LAUNCH,
    STAGES,
    add,
    conj,
    inner,
    load,
    mul,
    number,
    planes,
    store,
    total,
    unset_planes,
    zeros,
)

# Channels of a program. Forwards 8 fill the 32 bytes that memory hands out at a time. Backwards
# there is a partial sum of dB and dC for each program of a group: fewer and larger ones.
FORWARD_CHANNELS = 8
BACKWARD_CHANNELS = 32
# States of a thread: enough to share the work that a row or column repeats in each thread, few
# enough that every scheduler has several warps to hide latencies behind.
THREAD_STATES = 4
# Bytes of the states of a program at most. The backward pass has six such matrices in registers.
TILE_BYTES = 8192
# States in the scratch buffer, unless one chunk of one sequence has more: 128 MiB in float32.
SCRATCH = 2**25


def forward(inputs: Inputs, options: Options) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs, last states and checkpoints, see `ssm_companion.kernels`."""
    u, h0 = inputs.u, inputs.h0
    y, last = torch.empty_like(u), unset_planes(h0, *h0.shape)
    kept = checkpoint_rows(len(u), len(h0), options.chunk)
    checkpoints = tuple(plane.zero_() for plane in unset_planes(h0, kept, *h0.shape[1:]))
    blocks, settings = tiling(inputs, options, FORWARD_CHANNELS)
    with torch.cuda.device_of(u):
        forward_kernel[(len(h0) * groups(inputs) * blocks,)](
            *pointers(inputs), y, last, checkpoints, *sizes(inputs, options), **settings
        )
    return y, number(last), number(checkpoints)


def backward(
    dy: Tensor, dlast: Tensor, inputs: Inputs, checkpoints: Tensor, options: Options
) -> tuple[Tensor | None, ...]:
    """The gradient of each input, see `ssm_companion.kernels`."""
    u, D, z, h0 = inputs.u, inputs.D, inputs.z, inputs.h0
    blocks, settings = tiling(inputs, options, BACKWARD_CHANNELS)
    steps = min(options.chunk, len(u))
    slots = max(1, min(len(h0), SCRATCH // (steps * h0[0].numel())))

    du, ddelta, dw, dz = (
        x if x is None else torch.empty_like(x) for x in (u, inputs.delta, inputs.w, z)
    )
    dA, dB, dC = (
        unset_planes(x, blocks if x.ndim == 3 else slots, *x.shape)
        for x in (inputs.A, inputs.B, inputs.C)
    )
    dD = D if D is None else D.new_empty((slots, *D.shape))
    dh0 = unset_planes(h0, *h0.shape)
    with torch.cuda.device_of(u):
        backward_kernel[(slots * groups(inputs) * blocks,)](
            dy,
            planes(dlast),
            *pointers(inputs),
            planes(checkpoints),
            unset_planes(h0, slots, steps, *h0.shape[1:]),
            *(du, ddelta, dw, dA, dB, dC, dD, dz, dh0),
            *(len(h0), slots, len(u), steps),
            *sizes(inputs, options),
            **settings,
        )
    dA, dB, dC = (number([plane.sum(0) for plane in partial]) for partial in (dA, dB, dC))
    dD = D if D is None else dD.sum(0)
    dbias = None if inputs.bias is None else ddelta.sum(0)
    return du, ddelta, dw, dA, dB, dC, dD, dz, dbias, number(dh0)


def tiling(inputs: Inputs, options: Options, channels: int) -> tuple[int, dict]:
    """How many programs share the channels of a group, and what a kernel is compiled for."""
    channels_of_group = inputs.A.shape[0] // groups(inputs)
    block_n = triton.next_power_of_2(inputs.A.shape[1])
    block_d = min(
        triton.next_power_of_2(channels_of_group),
        max(channels, 32 * THREAD_STATES // block_n),
        max(1, TILE_BYTES // (inputs.A.element_size() * block_n)),
    )
    return triton.cdiv(channels_of_group, block_d), dict(
        SOFTPLUS=options.softplus,
        METHOD=METHODS.index(options.method),
        PAIRS=options.pairs,
        CONSTANT_B=inputs.B.ndim == 2,
        CONSTANT_C=inputs.C.ndim == 2,
        BLOCK_D=block_d,
        BLOCK_N=block_n,
        num_warps=min(8, max(1, block_d * block_n // (32 * THREAD_STATES))),
        **LAUNCH,
    )


def groups(inputs: Inputs) -> int:
    return max(x.shape[1] if x.ndim == 3 else 1 for x in (inputs.B, inputs.C))


def pointers(inputs: Inputs) -> Inputs:
    """The inputs as the kernels read them."""
    numbers = {name: planes(getattr(inputs, name)) for name in ("A", "B", "C", "h0")}
    return inputs._replace(**numbers, bounds=inputs.bounds.to(inputs.u.device))


def sizes(inputs: Inputs, options: Options) -> tuple[int, ...]:
    """The last arguments of both kernels that are known only at run time."""
    return inputs.A.shape[0], groups(inputs), inputs.A.shape[1], options.chunk


@triton.jit
def place(channels, groups, modes, BLOCK_D: tl.constexpr, BLOCK_N: tl.constexpr):
    """What is here: the sequence (or slot), group, block, channels, modes and states."""
    per_group = channels // groups
    blocks = tl.cdiv(per_group, BLOCK_D)
    block = tl.program_id(0) % blocks
    group = tl.program_id(0) // blocks % groups
    sequence = (tl.program_id(0) // (blocks * groups)).to(tl.int64)
    channel = block * BLOCK_D + tl.arange(0, BLOCK_D)[:, None]
    mode = tl.arange(0, BLOCK_N)[None, :]
    has_channel, has_mode = channel < per_group, mode < modes
    channel += group * per_group
    state = channel.to(tl.int64) * modes + mode
    return sequence, group, block, channel, has_channel, mode, has_mode, state


@triton.jit
def read(u_ptr, delta_ptr, w_ptr, bias, at, has_channel, SOFTPLUS: tl.constexpr):
    """The input, its weight, the step and the derivative of the step."""
    u = tl.load(u_ptr + at, has_channel, other=0)
    step = tl.load(delta_ptr + at, has_channel, other=0) + bias
    slope = 1.0
    if SOFTPLUS:
        step, slope = softplus(step)
    weight = step
    if w_ptr is not None:
        weight = tl.load(w_ptr + at, has_channel, other=0)
    return u, weight, step, slope


@triton.jit
def forward_kernel(
    u_ptr,
    delta_ptr,
    w_ptr,
    A_ptr,
    B_ptr,
    C_ptr,
    D_ptr,
    z_ptr,
    bias_ptr,
    h0_ptr,
    bounds_ptr,
    y_ptr,
    last_ptr,
    checkpoints_ptr,
    channels,
    groups,
    modes,
    chunk,
    SOFTPLUS: tl.constexpr,
    METHOD: tl.constexpr,
    PAIRS: tl.constexpr,
    CONSTANT_B: tl.constexpr,
    CONSTANT_C: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    sequence, group, block, channel, has_channel, mode, has_mode, state = place(
        channels, groups, modes, BLOCK_D, BLOCK_N
    )
    has_state = has_channel & has_mode
    start = tl.load(bounds_ptr + sequence)
    length = (tl.load(bounds_ptr + sequence + 1) - start).to(tl.int32)

    A = load(A_ptr, state, has_state)
    if CONSTANT_B:
        B = load(B_ptr, state, has_state)
    if CONSTANT_C:
        C = load(C_ptr, state, has_state)
    if D_ptr is not None:
        D = tl.load(D_ptr + channel, has_channel, other=0)
    bias = 0.0
    if bias_ptr is not None:
        bias = tl.load(bias_ptr + channel, has_channel, other=0)
    own = sequence * channels * modes + state
    h = load(h0_ptr, own, has_state)

    for first in range(0, length, chunk):
        kept = start // chunk + sequence + first // chunk
        store(checkpoints_ptr, kept * channels * modes + state, has_state, h)
        for t in tl.range(first, first + tl.minimum(chunk, length - first), num_stages=STAGES):
            row = start + t
            at, weights_at = row * channels + channel, (row * groups + group) * modes + mode
            u, weight, step, _ = read(u_ptr, delta_ptr, w_ptr, bias, at, has_channel, SOFTPLUS)
            if not CONSTANT_B:
                B = load(B_ptr, weights_at, has_mode)
            if not CONSTANT_C:
                C = load(C_ptr, weights_at, has_mode)
            f, g, _, _ = factors(A, step, METHOD)
            h = add(mul(f, h), mul(g, mul((weight * u,), B)))
            y = inner(C, h)
            if PAIRS:
                y *= 2
            if D_ptr is not None:
                y += D * u
            if z_ptr is not None:
                z = tl.load(z_ptr + at, has_channel, other=0)
                y *= z * tl.sigmoid(z)
            tl.store(y_ptr + at, y, has_channel)
    store(last_ptr, own, has_state, h)


@triton.jit
def backward_kernel(
    dy_ptr,
    dlast_ptr,
    u_ptr,
    delta_ptr,
    w_ptr,
    A_ptr,
    B_ptr,
    C_ptr,
    D_ptr,
    z_ptr,
    bias_ptr,
    h0_ptr,
    bounds_ptr,
    checkpoints_ptr,
    scratch_ptr,
    du_ptr,
    ddelta_ptr,
    dw_ptr,
    dA_ptr,
    dB_ptr,
    dC_ptr,
    dD_ptr,
    dz_ptr,
    dh0_ptr,
    sequences,
    slots,
    rows,
    steps,
    channels,
    groups,
    modes,
    chunk,
    SOFTPLUS: tl.constexpr,
    METHOD: tl.constexpr,
    PAIRS: tl.constexpr,
    CONSTANT_B: tl.constexpr,
    CONSTANT_C: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    slot, group, block, channel, has_channel, mode, has_mode, state = place(
        channels, groups, modes, BLOCK_D, BLOCK_N
    )
    has_state = has_channel & has_mode

    A = load(A_ptr, state, has_state)
    dA = zeros(A)
    if CONSTANT_B:
        B = load(B_ptr, state, has_state)
        dB = zeros(A)
    if CONSTANT_C:
        C = load(C_ptr, state, has_state)
        dC = zeros(A)
    if D_ptr is not None:
        D = tl.load(D_ptr + channel, has_channel, other=0)
        dD = tl.zeros_like(D)
    bias = 0.0
    if bias_ptr is not None:
        bias = tl.load(bias_ptr + channel, has_channel, other=0)

    for sequence in range(slot, sequences, slots):
        start = tl.load(bounds_ptr + sequence)
        length = (tl.load(bounds_ptr + sequence + 1) - start).to(tl.int32)
        own = sequence * channels * modes + state
        dh = load(dlast_ptr, own, has_state)
        chunks = tl.cdiv(length, chunk)
        for i in range(0, chunks):
            nth = chunks - 1 - i
            first = start + nth * chunk
            count = tl.minimum(chunk, length - nth * chunk)

            kept = start // chunk + sequence + nth
            h = load(checkpoints_ptr, kept * channels * modes + state, has_state)
            for t in tl.range(0, count, num_stages=STAGES):
                kept_at = (slot * steps + t) * channels * modes + state
                store(scratch_ptr, kept_at, has_state, h)
                row = first + t
                at = row * channels + channel
                u, weight, step, _ = read(u_ptr, delta_ptr, w_ptr, bias, at, has_channel, SOFTPLUS)
                if not CONSTANT_B:
                    B = load(B_ptr, (row * groups + group) * modes + mode, has_mode)
                f, g, _, _ = factors(A, step, METHOD)
                h = add(mul(f, h), mul(g, mul((weight * u,), B)))

            # threads read below what other threads of the program have written above
            tl.debug_barrier()
            for back in tl.range(0, count, num_stages=STAGES):
                t = count - 1 - back
                row = first + t
                at, weights_at = row * channels + channel, (row * groups + group) * modes + mode
                u, weight, step, slope = read(
                    u_ptr, delta_ptr, w_ptr, bias, at, has_channel, SOFTPLUS
                )
                if not CONSTANT_B:
                    B = load(B_ptr, weights_at, has_mode)
                if not CONSTANT_C:
                    C = load(C_ptr, weights_at, has_mode)
                f, g, df, dg = factors(A, step, METHOD)
                kept_at = (slot * steps + t) * channels * modes + state
                before = load(scratch_ptr, kept_at, has_state)

                # y = (scale Re(C h) + D u) silu(z)
                dy = tl.load(dy_ptr + at, has_channel, other=0)
                scale = 2.0 if PAIRS else 1.0
                if z_ptr is not None:
                    y = scale * inner(C, h)
                    if D_ptr is not None:
                        y += D * u
                    z = tl.load(z_ptr + at, has_channel, other=0)
                    gate = tl.sigmoid(z)
                    tl.store(dz_ptr + at, dy * y * gate * (1 + z * (1 - gate)), has_channel)
                    dy *= z * gate
                dh = add(dh, mul((scale * dy,), conj(C)))
                dC_now = mul((scale * dy,), conj(h))

                # h = f before + g x B with x = weight u
                x = weight * u
                dinput = mul(dh, conj(g))
                dB_now = mul((x,), dinput)
                dx = inner(dinput, conj(B))
                dexponent = mul(dh, conj(mul(df, before)))
                if METHOD != EULER:
                    dexponent = add(dexponent, mul(dh, conj(mul(dg, mul((x,), B)))))
                dstep = inner(dexponent, conj(A))
                du = dx * weight
                if w_ptr is None:
                    dstep += dx * u
                else:
                    tl.store(dw_ptr + at, dx * u, has_channel)
                if D_ptr is not None:
                    du += D * dy
                    dD += dy * u
                ddelta = dstep * slope
                tl.store(du_ptr + at, du, has_channel)
                tl.store(ddelta_ptr + at, ddelta, has_channel)
                dA = add(dA, mul((step,), dexponent))
                partial_at = ((block.to(tl.int64) * rows + row) * groups + group) * modes + mode
                if CONSTANT_B:
                    dB = add(dB, dB_now)
                else:
                    store(dB_ptr, partial_at, has_mode, total(dB_now, 0))
                if CONSTANT_C:
                    dC = add(dC, dC_now)
                else:
                    store(dC_ptr, partial_at, has_mode, total(dC_now, 0))

                dh = mul(dh, conj(f))
                h = before
            # and they write there again for the next chunk
            tl.debug_barrier()
        store(dh0_ptr, own, has_state, dh)

    own = slot * channels * modes + state
    store(dA_ptr, own, has_state, dA)
    if CONSTANT_B:
        store(dB_ptr, own, has_state, dB)
    if CONSTANT_C:
        store(dC_ptr, own, has_state, dC)
    if D_ptr is not None:
        tl.store(dD_ptr + slot * channels + channel, dD, has_channel)
