"""The matrix form of a scan with one decay per head against the recurrence and the matrix."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close

from ssm_companion import selective_scan
from ssm_companion._shapes import ShapeError
from ssm_companion.duality import segsum, semiseparable_matrix, ssd

LENGTHS = st.sampled_from([1, 2, 3, 7, 13, 31])
CHUNKS = st.sampled_from([1, 2, 5, 8, 64])
# of H = 4 heads; None for weights without an axis of groups
GROUPS = st.sampled_from([None, 1, 2, 4])
HALVES = [torch.bfloat16, torch.float16]


def system(length, groups=2, batch=2, heads=4, dtype=torch.float64):
    shape = (batch, length, 5) if groups is None else (batch, length, groups, 5)
    x = torch.randn(batch, length, heads, 3, dtype=dtype)
    log_a = -torch.rand(batch, length, heads, dtype=dtype)
    B, C = torch.randn(2, *shape, dtype=dtype)
    h0 = torch.randn(batch, heads, 3, 5, dtype=dtype)
    return x, log_a, B, C, h0


def loop(x, log_a, B, C, h):
    """The recurrence as it is written."""
    heads, outputs = x.shape[2], []
    B, C = (w[:, :, None] if w.ndim == 3 else w for w in (B, C))
    B, C = (w.repeat_interleave(heads // w.shape[2], 2) for w in (B, C))
    for t in range(x.shape[1]):
        h = log_a[:, t].exp()[..., None, None] * h + x[:, t, :, :, None] * B[:, t, :, None]
        outputs.append((h * C[:, t, :, None]).sum(-1))
    return torch.stack(outputs, dim=1), h


@given(LENGTHS, CHUNKS, GROUPS, st.integers(1, 3))
def test_ssd_is_the_recurrence_whatever_the_chunks(length, chunk_size, groups, batch):
    *arguments, h0 = system(length, groups, batch)
    y, last = ssd(*arguments, chunk_size=chunk_size, initial_state=h0, return_last_state=True)
    exact, end = loop(*arguments, h0)
    assert_close(y, exact)
    assert_close(last, end)


@given(LENGTHS, CHUNKS, GROUPS)
def test_ssd_is_the_semiseparable_matrix_times_the_input(length, chunk_size, groups):
    x, log_a, B, C, _ = system(length, groups)
    M = semiseparable_matrix(log_a, B, C)
    assert_close(
        ssd(x, log_a, B, C, chunk_size=chunk_size), (M @ x.transpose(1, 2)).transpose(1, 2)
    )
    assert torch.equal(M, M.tril())


@given(LENGTHS, CHUNKS, GROUPS)
def test_ssd_is_a_selective_scan_whose_channels_share_a_step(length, chunk_size, groups):
    x, log_a, B, C, h0 = system(length, groups)
    log_a = log_a - 0.1  # the input below is divided by the step
    delta = -log_a.repeat_interleave(3, dim=2)
    A = -torch.ones(12, 5, dtype=torch.float64)
    y, last = ssd(x, log_a, B, C, chunk_size=chunk_size, initial_state=h0, return_last_state=True)
    scanned, end = selective_scan(
        x.flatten(2) / delta,
        delta,
        A,
        B,
        C,
        initial_state=h0.flatten(1, 2),
        return_last_state=True,
        backend="reference",
    )
    assert_close(y.flatten(2), scanned)
    assert_close(last.flatten(1, 2), end)


@given(st.data(), LENGTHS, CHUNKS)
def test_any_split_with_the_state_carried_equals_one_pass(data, length, chunk_size):
    cut = data.draw(st.integers(0, length))
    *arguments, state = system(length)
    whole, end = ssd(*arguments, chunk_size=chunk_size, initial_state=state, return_last_state=True)
    pieces = []
    for span in (slice(0, cut), slice(cut, length)):
        if span.start == span.stop:
            continue
        part = [argument[:, span] for argument in arguments]
        y, state = ssd(*part, chunk_size=chunk_size, initial_state=state, return_last_state=True)
        pieces.append(y)
    assert_close(torch.cat(pieces, dim=1), whole)
    assert_close(state, end)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), CHUNKS, GROUPS)
def test_packed_sequences_equal_a_loop_over_them(lengths, chunk_size, groups):
    bounds = torch.tensor([0, *lengths]).cumsum(0)
    *arguments, _ = system(sum(lengths), groups, batch=1)
    h0 = torch.randn(len(lengths), 4, 3, 5, dtype=torch.float64)
    y, last = ssd(
        *arguments,
        chunk_size=chunk_size,
        initial_state=h0,
        cu_seqlens=bounds,
        return_last_state=True,
    )
    for i, (start, stop) in enumerate(pairwise(bounds)):
        one, one_last = loop(*(x[:, start:stop] for x in arguments), h0[i : i + 1])
        assert_close(y[:, start:stop], one)
        assert_close(last[i], one_last[0])


def test_a_bad_value_stays_in_its_sequence():
    x, log_a, B, C, _ = system(7, batch=1)
    for values in (x, log_a, B, C):
        values[:, 3:] = float("nan")
    y = ssd(x, log_a, B, C, chunk_size=2, cu_seqlens=torch.tensor([0, 3, 7]))
    assert y[:, :3].isfinite().all()
    assert y[:, 3:].isnan().all()


@given(st.integers(0, 6), CHUNKS)
def test_a_factor_of_zero_forgets_all_before_it(t, chunk_size):
    x, log_a, B, C, h0 = system(7)
    log_a[:, t] = -torch.inf
    y = ssd(x, log_a, B, C, chunk_size=chunk_size, initial_state=h0)
    fresh = ssd(*(w[:, t:] for w in (x, log_a, B, C)), chunk_size=chunk_size)
    assert_close(y[:, t:], fresh)


def test_a_factor_of_zero_leaves_the_gradients_finite():
    x, log_a, B, C, h0 = system(5)
    log_a[:, 2] = -torch.inf
    arguments = [w.requires_grad_() for w in (x, log_a, B, C, h0)]
    y, last = ssd(*arguments[:4], chunk_size=2, initial_state=arguments[4], return_last_state=True)
    (y.sum() + last.sum()).backward()
    assert all(w.grad.isfinite().all() for w in arguments)


def test_small_sums_survive_large_ones():
    log_a = torch.tensor([-1e6, -1e-3, -1e-3])
    assert segsum(log_a)[2, 0] == log_a[1] + log_a[2]


@given(LENGTHS, st.sampled_from([(), (2,), (2, 3)]))
def test_segsum_is_the_sum_over_each_segment(length, lead):
    log_a = torch.randn(*lead, length, dtype=torch.float64)
    sums = segsum(log_a)
    assert sums.shape == (*lead, length, length)
    for i in range(length):
        for j in range(length):
            exact = log_a[..., j + 1 : i + 1].sum(-1)
            assert_close(sums[..., i, j], exact if j <= i else torch.full_like(exact, -torch.inf))


@pytest.mark.parametrize("half", HALVES)
def test_half_precision_computes_and_carries_in_float32(half):
    arguments = [x.to(half) for x in system(13, dtype=torch.float32)[:-1]]
    y, last = ssd(*arguments, chunk_size=4, return_last_state=True)
    exact, end = ssd(*(x.float() for x in arguments), chunk_size=4, return_last_state=True)
    assert y.dtype == half
    assert last.dtype == torch.float32
    assert torch.equal(y, exact.to(half))
    assert torch.equal(last, end)


def test_half_precision_inputs_go_with_weights_in_float32():
    x, log_a, B, C, h0 = system(5, dtype=torch.float32)
    y = ssd(x.bfloat16(), log_a, B, C, initial_state=h0)
    assert torch.equal(y, ssd(x.bfloat16().float(), log_a, B, C, initial_state=h0).bfloat16())


@pytest.mark.parametrize("packed", [False, True])
def test_derivatives(packed):
    bounds = torch.tensor([0, 2, 5]) if packed else None
    x, log_a, B, C, _ = system(5, batch=1, heads=2)
    h0 = torch.randn(2 if packed else 1, 2, 3, 5, dtype=torch.float64)
    arguments = [w.requires_grad_() for w in (x[..., :2], log_a, B[..., :2], C[..., :2])]
    arguments.append(h0[..., :2, :2].requires_grad_())

    def outputs(x, log_a, B, C, h0):
        options = dict(chunk_size=2, initial_state=h0, cu_seqlens=bounds, return_last_state=True)
        return ssd(x, log_a, B, C, **options)

    assert gradcheck(outputs, arguments)
    assert gradgradcheck(outputs, arguments, fast_mode=True)


def test_inputs_are_left_alone():
    *arguments, h0 = system(5)
    copies = [x.clone() for x in arguments]
    ssd(*arguments, initial_state=h0)
    assert all(torch.equal(x, copy) for x, copy in zip(arguments, copies, strict=True))


def call(x=(2, 5, 4, 3), log_a=(2, 5, 4), B=(2, 5, 6), C=(2, 5, 6), **options):
    arguments = (torch.zeros(w) if isinstance(w, tuple) else w for w in (x, log_a, B, C))
    return ssd(*arguments, **options)


CASES = {
    "x": (lambda: call(x=(2, 5, 4)), "`x` must have shape (B, L, H, P), got (2, 5, 4)"),
    "empty": (lambda: call(x=(2, 0, 4, 3)), "`x` must hold at least one step, got L = 0"),
    "log_a": (
        lambda: call(log_a=(2, 5, 12)),
        "`log_a` must have shape (B=2, L=5, H=4), got (2, 5, 12)",
    ),
    "B": (
        lambda: call(B=(5, 6)),
        "`B` must have shape (B=2, L=5, N), got (5, 6)",
    ),
    "groups": (
        lambda: call(B=(2, 5, 3, 6), C=(2, 5, 3, 6)),
        "`B` must have G groups with G a divisor of H = 4, got G = 3",
    ),
    "C": (
        lambda: call(C=(2, 5, 7)),
        "`C` must have shape (B=2, L=5, N=6), got (2, 5, 7)",
    ),
    "C groups": (
        lambda: call(B=(2, 5, 2, 6)),
        "`C` must have shape (B=2, L=5, G=2, N=6), got (2, 5, 6)",
    ),
    "initial_state": (
        lambda: call(initial_state=torch.zeros(2, 4, 6, 3)),
        "`initial_state` must have shape (B=2, H=4, P=3, N=6), got (2, 4, 6, 3)",
    ),
    "packed initial_state": (
        lambda: call(
            *((1, *shape) for shape in ((5, 4, 3), (5, 4), (5, 6), (5, 6))),
            cu_seqlens=torch.tensor([0, 2, 5]),
            initial_state=torch.zeros(1, 4, 3, 6),
        ),
        "`initial_state` must have shape (n_seqs=2, H=4, P=3, N=6), got (1, 4, 3, 6)",
    ),
    "chunk_size": (
        lambda: call(chunk_size=0),
        "`chunk_size` must be an integer >= 1, got 0",
    ),
    "cu_seqlens": (
        lambda: call(cu_seqlens=torch.tensor([0, 5])),
        "`cu_seqlens` needs a batch of 1, got B = 2",
    ),
    "complex": (
        lambda: call(B=torch.zeros(2, 5, 6, dtype=torch.complex64)),
        "`B` must have dtype torch.float32, got torch.complex64",
    ),
    "complex x": (
        lambda: call(x=torch.zeros(2, 5, 4, 3, dtype=torch.complex64)),
        "`x` must have dtype torch.float32 or torch.float64",
    ),
    "log_a dtype": (
        lambda: call(log_a=torch.zeros(2, 5, 4).double()),
        "`log_a` must have dtype torch.float32, got torch.float64",
    ),
    "state dtype": (
        lambda: call(initial_state=torch.zeros(2, 4, 3, 6).bfloat16()),
        "`initial_state` must have dtype torch.float32, got torch.bfloat16",
    ),
    "segsum": (lambda: segsum(torch.tensor(1.0)), "`log_a` must have shape (*S, L), got ()"),
    "segsum dtype": (
        lambda: segsum(torch.tensor([1])),
        "`log_a` must have dtype torch.float32 or torch.float64, got torch.int64",
    ),
    "matrix": (
        lambda: semiseparable_matrix(torch.zeros(2, 5, 4), torch.zeros(2, 5, 6), torch.zeros(5, 6)),
        "`C` must have shape (B=2, L=5, N=6), got (5, 6)",
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
        call(x=(2, 5, 4))
