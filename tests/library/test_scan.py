"""linear_scan against invariants that hold for any linear recurrence."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.testing import assert_close

from ssm_companion import linear_scan

LENGTHS = st.sampled_from([1, 2, 3, 7, 13, 31])
DTYPES = st.sampled_from([torch.float64, torch.complex128])
STATES = st.sampled_from([(), (1,), (3,), (2, 5)])
DIFFERENTIABLE = [torch.float64, torch.complex128]


def system(length, dtype=torch.float64, state=(2, 3), batch=2):
    a = 0.5 * torch.randn(batch, length, *state, dtype=dtype)
    b = torch.randn(batch, length, *state, dtype=dtype)
    h0 = torch.randn(batch, *state, dtype=dtype)
    return a, b, h0


@given(LENGTHS, DTYPES, STATES, st.integers(1, 3))
def test_every_state_satisfies_the_recurrence(length, dtype, state, batch):
    a, b, h0 = system(length, dtype, state, batch)
    h, last = linear_scan(a, b, h0, return_last=True)
    before = torch.cat([h0[:, None], h[:, :-1]], dim=1)
    assert h.shape == b.shape
    assert h.dtype == dtype
    assert_close(h, a * before + b)
    assert_close(last, h[:, -1], rtol=0, atol=0)


@given(st.sampled_from([0.5, -0.9, 0.3 + 0.8j]), LENGTHS)
def test_a_constant_a_gives_the_geometric_sum(a, length):
    dtype = torch.complex128 if isinstance(a, complex) else torch.float64
    constant = torch.tensor([a], dtype=dtype)
    h = linear_scan(constant, torch.ones(1, length, 1, dtype=dtype))
    n = torch.arange(1, length + 1)[None, :, None]
    assert_close(h, (1 - constant**n) / (1 - constant))


@given(LENGTHS, DTYPES, STATES)
def test_a_constant_in_time_equals_a_repeated(length, dtype, state):
    a, b, h0 = system(length, dtype, state)
    constant = a[0, 0]
    assert_close(linear_scan(constant, b, h0), linear_scan(constant.expand_as(b), b, h0))


@given(st.data(), LENGTHS, DTYPES, st.booleans())
def test_any_split_with_the_state_carried_equals_one_pass(data, length, dtype, reverse):
    cut = data.draw(st.integers(0, length))
    a, b, state = system(length, dtype)
    whole, end = linear_scan(a, b, state, reverse=reverse, return_last=True)
    pieces = {}
    spans = [slice(0, cut), slice(cut, length)]
    for span in reversed(spans) if reverse else spans:
        if span.start == span.stop:
            continue
        part, state = linear_scan(a[:, span], b[:, span], state, reverse=reverse, return_last=True)
        pieces[span.start] = part
    assert_close(torch.cat([pieces[i] for i in sorted(pieces)], dim=1), whole)
    assert_close(state, end)


@given(LENGTHS, DTYPES)
def test_reverse_is_the_scan_of_the_flipped_sequence(length, dtype):
    a, b, h0 = system(length, dtype)
    h, last = linear_scan(a, b, h0, reverse=True, return_last=True)
    assert_close(h, linear_scan(a.flip(1), b.flip(1), h0).flip(1))
    assert_close(last, h[:, 0])


@given(st.lists(st.integers(1, 7), min_size=1, max_size=5), DTYPES, st.booleans(), st.booleans())
def test_packed_sequences_equal_a_loop_over_them(lengths, dtype, reverse, constant):
    bounds = torch.tensor([0, *lengths]).cumsum(0)
    a, b, _ = system(sum(lengths), dtype, batch=1)
    a = a[0, 0] if constant else a
    h0 = torch.randn(len(lengths), 2, 3, dtype=dtype)
    h, last = linear_scan(a, b, h0, reverse=reverse, cu_seqlens=bounds, return_last=True)
    for i, (start, stop) in enumerate(pairwise(bounds)):
        one_a = a if constant else a[:, start:stop]
        one, one_last = linear_scan(
            one_a, b[:, start:stop], h0[i : i + 1], reverse=reverse, return_last=True
        )
        assert_close(h[:, start:stop], one)
        assert_close(last[i], one_last[0])


def test_packed_sequences_start_from_zero_without_h0():
    a, b, _ = system(6, batch=1)
    h, last = linear_scan(a, b, cu_seqlens=torch.tensor([0, 2, 6]), return_last=True)
    assert_close(h[:, 2], b[:, 2])
    assert last.shape == (2, 2, 3)


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_half_precision_computes_and_carries_in_float32(half):
    a, b, _ = (x.to(half) for x in system(13))
    h, last = linear_scan(a, b, return_last=True)
    exact = linear_scan(a.float(), b.float())
    assert h.dtype == half
    assert last.dtype == torch.float32
    assert torch.equal(h, exact.to(half))
    assert torch.equal(last, exact[:, -1])
    _, state = linear_scan(a[:, :5], b[:, :5], return_last=True)
    assert torch.equal(linear_scan(a[:, 5:], b[:, 5:], state), h[:, 5:])


@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64])
def test_single_precision_is_kept(dtype):
    a, b, h0 = system(7, dtype)
    h, last = linear_scan(a, b, h0, return_last=True)
    assert h.dtype == last.dtype == dtype


def test_inputs_are_left_alone():
    arguments = system(5)
    copies = [x.clone() for x in arguments]
    linear_scan(*arguments)
    assert all(torch.equal(x, copy) for x, copy in zip(arguments, copies, strict=True))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", DIFFERENTIABLE)
def test_derivatives_to_second_order_and_forward_mode(dtype, reverse):
    arguments = [x.requires_grad_() for x in system(3, dtype, state=(2,), batch=1)]

    def scan(a, b, h0):
        return linear_scan(a, b, h0, reverse=reverse, return_last=True)

    assert gradcheck(scan, arguments, check_forward_ad=True)
    assert gradgradcheck(scan, arguments)


@pytest.mark.parametrize("dtype", DIFFERENTIABLE)
def test_derivatives_of_packed_sequences_with_a_constant_a(dtype):
    _, b, _ = system(5, dtype, state=(2,), batch=1)
    a = (0.5 * torch.randn(2, dtype=dtype)).requires_grad_()
    h0 = torch.randn(2, 2, dtype=dtype, requires_grad=True)

    def scan(a, b, h0):
        return linear_scan(a, b, h0, cu_seqlens=torch.tensor([0, 2, 5]), return_last=True)

    assert gradcheck(scan, (a, b.requires_grad_(), h0), check_forward_ad=True)
    assert gradgradcheck(scan, (a, b, h0))


def test_forward_mode_and_torch_compile_lose_no_tangent_to_each_other():
    a, b, h0 = system(5)

    def tangent(b):
        return torch.func.jvp(lambda b: linear_scan(a, b, h0), (b,), (b,))[1]

    expected = linear_scan(a, b)
    torch._dynamo.reset()
    assert_close(torch.compile(tangent, backend="eager")(b), expected)

    scan = torch.compile(lambda b: linear_scan(a, b, h0), backend="eager")
    scan(b)  # a graph, which has no forward mode
    with forward_ad.dual_level():
        found = scan(forward_ad.make_dual(b, b))
        assert_close(forward_ad.unpack_dual(found).tangent, expected)


@pytest.mark.parametrize("dtype", DIFFERENTIABLE)
def test_vmap_equals_a_loop(dtype):
    systems = [system(5, dtype) for _ in range(3)]
    stacked = [torch.stack(arguments) for arguments in zip(*systems, strict=True)]
    looped = torch.stack([linear_scan(*arguments) for arguments in systems])
    assert_close(torch.func.vmap(linear_scan)(*stacked), looped)
    without_h0 = torch.func.vmap(linear_scan)(*stacked[:2])
    assert_close(without_h0[2], linear_scan(*systems[2][:2]))


@pytest.mark.parametrize("backend", ["reference", "chunked", "cpu"])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_nan_in_one_packed_sequence_does_not_reach_the_gradients_of_another(reverse, backend):
    a, b, _ = system(6, batch=1)
    sick, sound = (slice(0, 3), slice(3, 6)) if reverse else (slice(3, 6), slice(0, 3))
    a[:, sick] = torch.nan
    a.requires_grad_()
    bounds = torch.tensor([0, 3, 6])
    h = linear_scan(a, b, reverse=reverse, cu_seqlens=bounds, backend=backend)
    (gradient,) = torch.autograd.grad(h[:, sound].sum(), a)
    alone = a[:, sound].detach().requires_grad_()
    expected = linear_scan(alone, b[:, sound], reverse=reverse, backend=backend).sum()
    assert_close(gradient[:, sound], torch.autograd.grad(expected, alone)[0])
