"""selective_scan of each backend against a loop of the formulas, and by its invariants."""

from itertools import accumulate

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from systems import (
    BACKENDS,
    CHUNK,
    DOUBLE,
    KINDS,
    assert_near,
    between,
    packed,
    scan,
    system,
    tensors,
    varying,
)
from torch.nn.functional import silu, softplus

from ssm_companion import linear_scan, selective_scan, selective_step

# one step, less than a chunk, one, one with a rest, two with a rest
LENGTHS = st.sampled_from([1, 2, 7, CHUNK, 11, 19])
MODES = st.sampled_from([1, 2, 5, 16])
GROUPS = st.sampled_from([(1, 1), (2, 2), (2, 1), (1, 3), (2, 3)])

on_each_backend = pytest.mark.parametrize("backend", BACKENDS)
of_each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
in_double_precision = pytest.mark.parametrize("kind", DOUBLE, ids=str)
# the kinds multiply the examples
few = settings(max_examples=6)


def loop(
    u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False,
    discretization="euler", end_weight=None, conj_pairs=None, initial_state=None, chunk_size=None,
):  # fmt: skip
    """The formulas in double precision, entry by entry of the batch and step by step."""
    pairs = A.is_complex() if conj_pairs is None else conj_pairs
    end_weight = 0.5 * torch.ones_like(u) if end_weight is None else end_weight
    batch, length, channels = u.shape
    u, delta, A, B, C, end_weight = (
        x.numpy().astype(complex) for x in (u, delta, A, B, C, end_weight)
    )
    bias = 0 if delta_bias is None else delta_bias.numpy().astype(float)
    gate = None if z is None else z.numpy().astype(float)
    two = (2,) if discretization == "trapezoid" else ()
    y = np.zeros(u.shape)
    states = np.zeros((batch, channels, *two, A.shape[1]), complex)
    if initial_state is not None:
        states[:] = initial_state.numpy()

    def at(weights, b, t):
        """(D, N) from a constant, from the one of a step, or from those of its groups."""
        if weights.ndim == 2:
            return weights
        weights = np.atleast_2d(weights[b, t])
        return weights.repeat(channels // len(weights), axis=0)

    for b in range(batch):
        h, v = (states[b, :, 0], states[b, :, 1]) if two else (states[b], None)
        for t in range(length):
            step = delta[b, t].real + bias
            step = (np.logaddexp(0, step) if delta_softplus else step)[:, None]
            before, v = v, at(B, b, t) * u[b, t][:, None]
            if discretization == "euler":
                h = np.exp(step * A) * h + step * v
            elif discretization == "zoh":
                h = np.exp(step * A) * h + np.expm1(step * A) / A * v
            elif discretization == "bilinear":
                h = ((1 + step * A / 2) * h + step * v) / (1 - step * A / 2)
            else:
                end = end_weight[b, t][:, None]
                decay = np.exp(step * A)
                h = decay * h + (1 - end) * step * decay * before + end * step * v
            y[b, t] = (at(C, b, t) * h).sum(1).real * (2 if pairs else 1)
        states[b] = np.stack([h, v], axis=1) if two else h
    if D is not None:
        y += D.numpy() * u.real
    if gate is not None:
        y *= gate / (1 + np.exp(-gate))
    return torch.from_numpy(y), torch.from_numpy(states)


@on_each_backend
@of_each_kind
@few
@given(st.data())
def test_it_is_the_recurrence_of_the_formulas(kind, backend, data):
    arguments = system(
        kind,
        data.draw(LENGTHS),
        data.draw(st.integers(1, 2)),
        data.draw(st.sampled_from(kind.channels)),
        data.draw(MODES),
        data.draw(GROUPS),
        bare=data.draw(st.booleans()),
    )
    y, last = scan(arguments, backend)
    expected, expected_last = loop(**arguments)
    assert_near(y, expected.to(kind.dtype))
    assert_near(last, (expected_last if kind.is_complex else expected_last.real).to(kind.number))


@on_each_backend
@of_each_kind
@few
@given(st.data(), LENGTHS)
def test_any_split_with_the_state_carried_equals_one_pass(kind, backend, data, length):
    arguments = system(kind, length)
    whole, end = scan(arguments, backend)
    cut = data.draw(st.integers(0, length))
    pieces, state = [], arguments["initial_state"]
    for start, stop in [(0, cut), (cut, length)]:
        if start < stop:
            piece = between(arguments, start, stop) | {"initial_state": state}
            y, state = scan(piece, backend)
            pieces.append(y)
    assert_near(torch.cat(pieces, dim=1), whole)
    assert_near(state, end)


@on_each_backend
@of_each_kind
def test_the_step_over_time_equals_the_scan(kind, backend):
    # with as many channels as sequences B and C of a step would be ambiguous
    arguments = system(kind, length=7, batch=4, groups=(2, 2))
    y, last = scan(arguments, backend)
    state = arguments.pop("initial_state")
    del arguments["chunk_size"]
    outputs = []
    for t in range(7):
        now = {name: arguments[name][:, t] for name in varying(arguments)}
        output, state = selective_step(state, **(arguments | now))
        outputs.append(output)
    assert_near(torch.stack(outputs, dim=1), y)
    assert_near(state, last)


@on_each_backend
@of_each_kind
@few
@given(st.lists(st.integers(1, 19), min_size=1, max_size=5), st.booleans(), st.booleans())
def test_packed_sequences_equal_a_loop_over_them(kind, backend, lengths, bare, narrow):
    bounds = [0, *accumulate(lengths)]
    arguments = system(kind, bounds[-1], batch=1, sequences=len(lengths), bare=bare)
    dtype = torch.int32 if narrow else torch.int64
    y, last = scan(arguments | {"cu_seqlens": torch.tensor(bounds, dtype=dtype)}, backend)
    alone = [scan(piece, backend) for piece in packed(arguments, bounds)]
    assert_near(y, torch.cat([outputs for outputs, _ in alone], dim=1))
    assert_near(last, torch.cat([state for _, state in alone]))


@on_each_backend
@of_each_kind
def test_constant_weights_equal_the_same_at_every_step(kind, backend):
    arguments = system(kind, length=11)
    repeated = {
        name: arguments[name].expand(2, 11, -1, -1)
        for name in "BC"
        if name not in varying(arguments)
    }
    # chunked, as the repeated weights would need another kernel
    assert_near(scan(arguments, backend), scan(arguments | repeated, "chunked"))


@on_each_backend
@pytest.mark.parametrize("groups", [(2, 2), (2, 1), (1, 3), (2, 3)], ids=str)
@of_each_kind
def test_groups_equal_weights_repeated_for_each_channel(kind, backend, groups):
    arguments = system(kind, length=5, groups=groups)
    channels = arguments["u"].shape[2]
    repeated = {}
    for name in "BC":
        if name in varying(arguments):
            weights = arguments[name]
            weights = weights if weights.ndim == 4 else weights.unsqueeze(2)
            repeated[name] = weights.repeat_interleave(channels // weights.shape[2], dim=2)
    assert_near(scan(arguments, backend), scan(arguments | repeated, "chunked"))


@on_each_backend
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.is_complex], ids=str)
def test_half_of_a_conjugate_spectrum_stands_for_the_whole(kind, backend):
    half = system(kind)
    whole = {
        name: torch.cat([half[name], half[name].conj()], dim=-1)
        for name in ("A", "B", "C", "initial_state")
    }
    y, last = scan(half, backend)
    y_of_whole, last_of_whole = scan(half | whole | {"conj_pairs": False}, backend)
    assert_near(y, y_of_whole)
    assert_near(torch.cat([last, last.conj()], dim=-1), last_of_whole)
    assert torch.equal(y, scan(half | {"conj_pairs": True}, backend)[0])


@on_each_backend
@of_each_kind
def test_each_option_is_what_it_says(kind, backend):
    arguments = system(kind)
    step = softplus(arguments["delta"] + arguments["delta_bias"])
    explicit = arguments | {"delta": step}
    for name in ("delta_bias", "delta_softplus", "D", "z"):
        del explicit[name]
    y, last = scan(explicit, backend)
    y = (y + arguments["D"] * arguments["u"]) * silu(arguments["z"])
    assert_near(scan(arguments, backend), (y, last))


@on_each_backend
@of_each_kind
def test_a_missing_option_is_its_neutral_value(kind, backend):
    arguments = system(kind, bare=True)
    batch, _, channels = arguments["u"].shape
    two = (2,) if kind.method == "trapezoid" else ()
    neutral = {
        "D": torch.zeros(channels, dtype=kind.dtype),
        "delta_bias": torch.zeros(channels, dtype=kind.dtype),
        "initial_state": torch.zeros(batch, channels, *two, 3, dtype=kind.number),
    }
    if two:
        neutral["end_weight"] = torch.full_like(arguments["u"], 0.5)
    assert_near(scan(arguments, backend), scan(arguments | neutral, backend))
    assert torch.equal(selective_scan(**arguments, backend=backend), scan(arguments, backend)[0])


@on_each_backend
@of_each_kind
def test_the_number_of_steps_in_a_chunk_is_of_no_consequence(kind, backend):
    arguments = system(kind, length=11)
    expected = scan(arguments, backend)
    for chunk_size in (1, 2, 10, 11, 64):
        assert_near(scan(arguments | {"chunk_size": chunk_size}, backend), expected)


@on_each_backend
@of_each_kind
@few
@given(st.data())
def test_outputs_depend_on_the_past_and_the_present_alone(kind, backend, data):
    length = 19
    at = data.draw(st.integers(0, length - 1))
    arguments = system(kind, length)
    y = selective_scan(**arguments, backend=backend)
    later = {}
    for name in varying(arguments):
        later[name] = arguments[name].clone()
        later[name][:, at:] += 1
    other = selective_scan(**(arguments | later), backend=backend)
    assert torch.equal(other[:, :at], y[:, :at])
    assert (y[:, at] != other[:, at]).any()


@on_each_backend
@of_each_kind
def test_a_long_step_does_not_blur_the_outputs_before_it(kind, backend):
    arguments = system(kind, length=19, bare=True)
    longer = arguments["delta"].clone()
    longer[:, 11] *= 1e4
    y = selective_scan(**arguments, backend=backend)
    assert_near(
        selective_scan(**(arguments | {"delta": longer}), backend=backend)[:, :11], y[:, :11]
    )


@on_each_backend
@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.dtype == torch.float32], ids=str)
def test_half_precision_computes_and_carries_in_float32(kind, half, backend):
    arguments = system(kind, length=19)
    halves = {
        name: arguments[name].to(half)
        for name in varying(arguments)
        if not arguments[name].is_complex()
    }
    rounded = arguments | halves
    y, last = scan(rounded, backend)
    exact, exact_last = scan(arguments | {k: x.float() for k, x in halves.items()}, backend)
    assert y.dtype == half
    assert last.dtype == kind.number
    assert torch.equal(y, exact.to(half))
    assert torch.equal(last, exact_last)
    _, state = scan(between(rounded, 0, 10), backend)
    rest, _ = scan(between(rounded, 10, 19) | {"initial_state": state}, backend)
    assert_near(rest.float(), y[:, 10:].float(), tolerance=torch.finfo(half).eps)


@on_each_backend
@of_each_kind
def test_a_scan_without_channels_of_decay_adds_up_its_inputs(kind, backend):
    """With A = 0 and B = C = 1 each channel integrates: a closed form for every rule."""
    arguments = system(kind, length=19, modes=1, bare=True)
    constant = {
        name: torch.full_like(arguments[name], value)
        for name, value in {"A": 0, "B": 1, "C": 1, "delta": 0.25}.items()
    }
    u = arguments["u"]
    pairs = 2 if kind.is_complex else 1
    total = u.cumsum(1)
    if kind.method == "trapezoid":
        total = total - u / 2
    assert_near(selective_scan(**(arguments | constant), backend=backend), pairs * total / 4)


@on_each_backend
@of_each_kind
def test_a_batch_of_nothing_gives_nothing(kind, backend):
    arguments = system(kind, batch=0)
    y, last = scan(arguments, backend)
    assert y.shape == arguments["u"].shape
    assert last.shape == arguments["initial_state"].shape
    assert (y.dtype, last.dtype) == (kind.dtype, kind.number)


@on_each_backend
@of_each_kind
def test_what_goes_in_is_left_alone(kind, backend):
    arguments = system(kind)
    copies = {name: x.clone() for name, x in tensors(arguments).items()}
    scan(arguments, backend)
    assert all(torch.equal(arguments[name], copy) for name, copy in copies.items())


# ---- the linear recurrence of each backend ----

# One register's worth of states or less, four, and four with a rest.
WIDTHS = [3, 32, 70]
NUMBERS = [torch.float32, torch.float64, torch.complex64, torch.complex128]


@on_each_backend
@pytest.mark.parametrize("number", NUMBERS, ids=str)
@pytest.mark.parametrize("constant", [False, True])
@few
@given(LENGTHS, st.sampled_from(WIDTHS), st.booleans())
def test_the_linear_recurrence_holds(backend, number, constant, length, width, reverse):
    a = torch.randn(width, dtype=number) / 4
    a = a if constant else a + torch.randn(2, length, width, dtype=number) / 4
    b, h0 = torch.randn(2, length, width, dtype=number), torch.randn(2, width, dtype=number)
    h, last = linear_scan(a, b, h0, reverse=reverse, return_last=True, backend=backend)
    if reverse:
        before = torch.cat([h[:, 1:], h0[:, None]], dim=1)
        assert torch.equal(last, h[:, 0])
    else:
        before = torch.cat([h0[:, None], h[:, :-1]], dim=1)
        assert torch.equal(last, h[:, -1])
    assert_near(h, a * before + b)


@on_each_backend
@pytest.mark.parametrize("constant", [False, True])
def test_packed_linear_recurrences_equal_a_loop_over_them(backend, constant):
    bounds = [0, 1, 4, 40, 53]
    a = torch.rand(70) if constant else torch.rand(1, 53, 70)
    b, h0 = torch.randn(1, 53, 70), torch.randn(4, 70)
    h, last = linear_scan(
        a, b, h0, cu_seqlens=torch.tensor(bounds), return_last=True, backend=backend
    )
    for i, (start, stop) in enumerate(zip(bounds, bounds[1:], strict=False)):
        one_a = a if constant else a[:, start:stop]
        one, one_last = linear_scan(
            one_a, b[:, start:stop], h0[i : i + 1], return_last=True, backend=backend
        )
        assert_near(h[:, start:stop], one)
        assert_near(last[i : i + 1], one_last)


@on_each_backend
@pytest.mark.parametrize("shape", [(0, 5, 3), (2, 5, 0)], ids=str)
def test_linear_recurrences_of_nothing_give_nothing(backend, shape):
    b = torch.randn(shape)
    h, last = linear_scan(torch.rand(shape), b, return_last=True, backend=backend)
    assert h.shape == shape
    assert last.shape == (shape[0], shape[2])
