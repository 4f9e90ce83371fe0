"""Each wrong use of a scan is an error that says the name, what was expected and what came."""

import pytest
import torch

from ssm_companion import linear_scan, selective_scan, selective_step
from ssm_companion._shapes import ShapeError

BATCH, LENGTH, CHANNELS, MODES = 2, 5, 4, 3


def zeros(*shape, dtype=torch.float32):
    return torch.zeros(shape, dtype=dtype)


def right(batch=BATCH, length=LENGTH, channels=CHANNELS, modes=MODES):
    return {
        "u": zeros(batch, length, channels),
        "delta": zeros(batch, length, channels),
        "A": zeros(channels, modes),
        "B": zeros(batch, length, modes),
        "C": zeros(batch, length, modes),
    }


def scan(sizes=None, **wrong):
    return selective_scan(**(right(**(sizes or {})) | wrong))


def packed(bounds, batch=1):
    bounds = torch.tensor(bounds) if isinstance(bounds, list) else bounds
    return scan({"batch": batch}, cu_seqlens=bounds, backend="reference")


def step(batch=BATCH, **wrong):
    arguments = {
        "state": zeros(batch, CHANNELS, MODES),
        "u": zeros(batch, CHANNELS),
        "delta": zeros(batch, CHANNELS),
        "A": zeros(CHANNELS, MODES),
        "B": zeros(batch, 1, MODES),
        "C": zeros(batch, 1, MODES),
    }
    return selective_step(**(arguments | wrong))


def linear(**options):
    return linear_scan(zeros(1, 5, 3), zeros(1, 5, 3), **options)


double, half, whole = torch.float64, torch.bfloat16, torch.int64

CASES = {
    # shapes
    "u rank": (lambda: scan(u=zeros(5, 4)), "`u` must have shape (B, L, D), got (5, 4)"),
    "u number": (lambda: scan(u=1.0), "`u` must be an array of shape (B, L, D), got float"),
    "delta": (
        lambda: scan(delta=zeros(2, 5, 1)),
        "`delta` must have shape (B=2, L=5, D=4), got (2, 5, 1)",
    ),
    "A": (lambda: scan(A=zeros(3, 4)), "`A` must have shape (D=4, N), got (3, 4)"),
    "A rank": (lambda: scan(A=zeros(3)), "`A` must have shape (D=4, N), got (3,)"),
    "B": (
        lambda: scan(B=zeros(2, 4, 3)),
        "`B` must have shape (B=2, L=5, N=3), got (2, 4, 3)",
    ),
    "B constant": (lambda: scan(B=zeros(5, 3)), "`B` must have shape (D=4, N=3), got (5, 3)"),
    "B modes": (
        lambda: scan(B=zeros(2, 5, 1, 7)),
        "`B` must have shape (B=2, L=5, G, N=3), got (2, 5, 1, 7)",
    ),
    "B rank": (lambda: scan(B=zeros(3)), "`B` must have shape (B=2, L=5, N=3), got (3,)"),
    "B missing": (lambda: scan(B=None), "`B` must be an array of shape (B=2, L=5, N=3)"),
    "C": (lambda: scan(C=zeros(2, 5, 4)), "`C` must have shape (B=2, L=5, N=3), got (2, 5, 4)"),
    "D": (lambda: scan(D=zeros(4, 1)), "`D` must have shape (D=4,), got (4, 1)"),
    "z": (lambda: scan(z=zeros(2, 4)), "`z` must have shape (B=2, L=5, D=4), got (2, 4)"),
    "bias": (
        lambda: scan(delta_bias=zeros(1)),
        "`delta_bias` must have shape (D=4,), got (1,)",
    ),
    "state": (
        lambda: scan(initial_state=zeros(4, 3)),
        "`initial_state` must have shape (B=2, D=4, N=3), got (4, 3)",
    ),
    "state of the trapezoid": (
        lambda: scan(discretization="trapezoid", initial_state=zeros(2, 4, 3)),
        "`initial_state` must have shape (B=2, D=4, two=2, N=3), got (2, 4, 3)",
    ),
    "state of packed sequences": (
        lambda: scan(
            {"batch": 1}, cu_seqlens=torch.tensor([0, 2, 5]), initial_state=zeros(1, 4, 3)
        ),
        "`initial_state` must have shape (n_seqs=2, D=4, N=3), got (1, 4, 3)",
    ),
    "end_weight": (
        lambda: scan(discretization="trapezoid", end_weight=zeros(2, 5)),
        "`end_weight` must have shape (B=2, L=5, D=4), got (2, 5)",
    ),
    "groups": (
        lambda: scan(B=zeros(2, 5, 3, 3)),
        "`B` must have G groups with G a divisor of D = 4, got G = 3",
    ),
    "no groups": (
        lambda: scan(C=zeros(2, 5, 0, 3)),
        "`C` must have G groups with G a divisor of D = 4, got G = 0",
    ),
    "no steps": (lambda: scan({"length": 0}), "`u` must hold at least one step, got L = 0"),
    "no channels": (
        lambda: scan({"channels": 0}),
        "`u` must have at least one channel, got D = 0",
    ),
    "no modes": (lambda: scan({"modes": 0}), "`A` must have at least one mode, got N = 0"),
    # dtypes
    "u integers": (
        lambda: scan(u=zeros(2, 5, 4, dtype=whole)),
        "`u` must have dtype torch.float32 or torch.float64 or torch.bfloat16 or torch.float16, "
        "got torch.int64",
    ),
    "u complex": (
        lambda: scan(u=zeros(2, 5, 4, dtype=torch.complex64)),
        "`u` must have dtype torch.float32 or",
    ),
    "A double": (
        lambda: scan(A=zeros(4, 3, dtype=double)),
        "`A` must have dtype torch.float32 or torch.complex64, got torch.float64",
    ),
    "A half": (
        lambda: scan(u=zeros(2, 5, 4, dtype=half), A=zeros(4, 3, dtype=half)),
        "`A` must have dtype torch.float32 or torch.complex64, got torch.bfloat16",
    ),
    "delta double": (
        lambda: scan(delta=zeros(2, 5, 4, dtype=double)),
        "`delta` must have dtype torch.float32, got torch.float64",
    ),
    "B double": (
        lambda: scan(B=zeros(2, 5, 3, dtype=double)),
        "`B` must have dtype torch.float32 or torch.complex64, got torch.float64",
    ),
    "C half with single": (
        lambda: scan(C=zeros(2, 5, 3, dtype=half)),
        "`C` must have dtype torch.float32 or torch.complex64, got torch.bfloat16",
    ),
    "other half": (
        lambda: scan(u=zeros(2, 5, 4, dtype=half), z=zeros(2, 5, 4, dtype=torch.float16)),
        "`z` must have dtype torch.bfloat16 or torch.float32, got torch.float16",
    ),
    "D double": (
        lambda: scan(D=zeros(4, dtype=double)),
        "`D` must have dtype torch.float32, got torch.float64",
    ),
    "bias half": (
        lambda: scan(u=zeros(2, 5, 4, dtype=half), delta_bias=zeros(4, dtype=half)),
        "`delta_bias` must have dtype torch.float32, got torch.bfloat16",
    ),
    "state real": (
        lambda: scan(A=zeros(4, 3, dtype=torch.complex64), initial_state=zeros(2, 4, 3)),
        "`initial_state` must have dtype torch.complex64, got torch.float32",
    ),
    "state complex": (
        lambda: scan(initial_state=zeros(2, 4, 3, dtype=torch.complex64)),
        "`initial_state` must have dtype torch.float32, got torch.complex64",
    ),
    "end_weight double": (
        lambda: scan(discretization="trapezoid", end_weight=zeros(2, 5, 4, dtype=double)),
        "`end_weight` must have dtype torch.float32, got torch.float64",
    ),
    # packed sequences
    "bounds batch": (
        lambda: packed([0, 5], batch=2),
        "`cu_seqlens` needs a batch of 1, got B = 2",
    ),
    "bounds negative": (
        lambda: packed([0, -1, 5]),
        "`cu_seqlens` must rise from 0 to L = 5, got [0, -1, 5]",
    ),
    "bounds fall": (
        lambda: packed([0, 4, 2, 5]),
        "`cu_seqlens` must rise from 0 to L = 5, got [0, 4, 2, 5]",
    ),
    "bounds stay": (
        lambda: packed([0, 2, 2, 5]),
        "`cu_seqlens` must rise from 0 to L = 5, got [0, 2, 2, 5]",
    ),
    "bounds short": (
        lambda: packed([0, 4]),
        "`cu_seqlens` must rise from 0 to L = 5, got [0, 4]",
    ),
    "bounds long": (
        lambda: packed([0, 6]),
        "`cu_seqlens` must rise from 0 to L = 5, got [0, 6]",
    ),
    "bounds one": (lambda: packed([0]), "`cu_seqlens` must rise from 0 to L = 5, got [0]"),
    "bounds none": (
        lambda: packed(zeros(0, dtype=whole)),
        "`cu_seqlens` must rise from 0 to L = 5, got []",
    ),
    "bounds float": (
        lambda: packed([0.0, 5.0]),
        "`cu_seqlens` must have dtype torch.int32 or torch.int64, got torch.float32",
    ),
    "bounds rank": (
        lambda: packed([[0, 5]]),
        "`cu_seqlens` must have shape (boundaries,), got (1, 2)",
    ),
    "bounds list": (
        lambda: scan({"batch": 1}, cu_seqlens=(0, 5)),
        "`cu_seqlens` must be an array of shape (boundaries,), got tuple",
    ),
    # choices
    "backend": (
        lambda: scan(backend="chunk"),
        "`backend` must be one of 'auto', 'reference', 'chunked', 'cpu', 'gpu', got 'chunk'; "
        "did you mean 'chunked'?",
    ),
    "linear backend": (lambda: linear(backend="cpp"), "got 'cpp'; did you mean 'cpu'?"),
    "gpu backend": (
        lambda: scan(backend="gpu"),
        "`backend` 'gpu' needs tensors on cuda, got cpu",
    ),
    "cpu backend": (
        lambda: linear_scan(zeros(3).to("meta"), zeros(1, 5, 3).to("meta"), backend="cpu"),
        "`backend` 'cpu' needs tensors on cpu, got meta",
    ),
    "rule": (
        lambda: scan(discretization="billinear"),
        "`discretization` must be one of 'euler', 'zoh', 'bilinear', 'trapezoid', "
        "got 'billinear'; did you mean 'bilinear'?",
    ),
    "end_weight of another rule": (
        lambda: scan(end_weight=zeros(2, 5, 4)),
        "`end_weight` goes with discretization='trapezoid', got 'euler'",
    ),
    "pairs of real modes": (
        lambda: scan(conj_pairs=True),
        "`conj_pairs` needs a complex system, got real A, B and C",
    ),
    "chunk of 0": (
        lambda: scan(chunk_size=0),
        "`chunk_size` must be an integer >= 1, got 0",
    ),
    "half a chunk": (
        lambda: scan(chunk_size=0.5),
        "`chunk_size` must be an integer >= 1, got 0.5",
    ),
    # devices
    "A elsewhere": (
        lambda: scan(A=zeros(4, 3).to("meta")),
        "`A` must be on the device of `u`, cpu, got meta",
    ),
    "bias elsewhere": (
        lambda: scan(delta_bias=zeros(4).to("meta")),
        "`delta_bias` must be on the device of `u`, cpu, got meta",
    ),
    "state elsewhere": (
        lambda: scan(initial_state=zeros(2, 4, 3).to("meta")),
        "`initial_state` must be on the device of `u`, cpu, got meta",
    ),
    "end_weight elsewhere": (
        lambda: scan(discretization="trapezoid", end_weight=zeros(2, 5, 4).to("meta")),
        "`end_weight` must be on the device of `u`, cpu, got meta",
    ),
    "a elsewhere": (
        lambda: linear_scan(zeros(3).to("meta"), zeros(1, 5, 3)),
        "`a` must be on the device of `b`, cpu, got meta",
    ),
    "h0 elsewhere": (
        lambda: linear(h0=zeros(1, 3).to("meta")),
        "`h0` must be on the device of `b`, cpu, got meta",
    ),
    # a step
    "step u": (lambda: step(u=zeros(2, 1, 4)), "`u` must have shape (B, D), got (2, 1, 4)"),
    "step delta": (
        lambda: step(delta=zeros(2, 1)),
        "`delta` must have shape (B=2, D=4), got (2, 1)",
    ),
    "step A": (lambda: step(A=zeros(3, 4)), "`A` must have shape (D=4, N), got (3, 4)"),
    "step state": (
        lambda: step(state=zeros(2, 3)),
        "`initial_state` must have shape (B=2, D=4, N=3), got (2, 3)",
    ),
    "step B": (lambda: step(B=zeros(3, 3)), "`B` must have shape (B=2, N=3), got (3, 3)"),
    "step C": (lambda: step(C=zeros(3)), "`C` must have shape (rows, N), got (3,)"),
    "step ambiguous": (
        lambda: step(batch=4, B=zeros(4, 3)),
        "`B` of shape (4, 3) could be (B, N) or (D, N) here, as B = D; give (B, 1, N), "
        "or (B, D, N) for a constant one",
    ),
    "step end_weight": (
        lambda: step(end_weight=zeros(2, 4)),
        "`end_weight` goes with discretization='trapezoid'",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_use(case):
    wrong, message = CASES[case]
    with pytest.raises((ValueError, TypeError)) as caught:
        wrong()
    assert message in str(caught.value)


def test_what_the_cases_vary_is_right():
    assert scan(backend="reference").shape == (BATCH, LENGTH, CHANNELS)
    assert packed([0, 2, 5]).shape == (1, LENGTH, CHANNELS)
    assert step()[0].shape == (BATCH, CHANNELS)
    assert linear().shape == (1, 5, 3)


@pytest.mark.parametrize("case", ["u rank", "groups", "no steps", "step ambiguous"])
def test_a_wrong_shape_is_a_shape_error(case):
    with pytest.raises(ShapeError):
        CASES[case][0]()
