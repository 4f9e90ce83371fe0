"""The same bits every time: over repeats, threads, and whatever else is in the batch."""

import pytest
import torch
from systems import KINDS, assert_near, gradients, scan, system

from ssm_companion import linear_scan

of_each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
# more blocks of channels, sequences or groups than threads, so that each thread has some
SHARED = {
    "sequences": {"batch": 7},
    "groups": {"batch": 1, "groups": (6, 2)},
    "blocks": {"batch": 2, "channels": 200},
}


@pytest.fixture
def threads():
    """Set the number of threads; it is put back afterwards."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def assert_same(actual, expected):
    for x, y in zip(actual, expected, strict=True):
        assert torch.equal(x, y)


def everything(arguments, backend="cpu"):
    return [*scan(arguments, backend), *gradients(arguments, backend).values()]


@pytest.mark.parametrize("backend", ["chunked", "cpu"])
@of_each_kind
def test_repeats_give_the_same_bits(kind, backend):
    arguments = system(kind, length=19, channels=kind.channels[-1])
    first = everything(arguments, backend)
    for _ in range(3):
        assert_same(everything(arguments, backend), first)


@pytest.mark.parametrize("sizes", SHARED)
@of_each_kind
def test_the_number_of_threads_changes_no_bit(kind, sizes, threads):
    if sizes == "blocks" and not kind.wide:
        sizes = "sequences"  # a narrow kernel has one block
    arguments = system(kind, length=19, **SHARED[sizes])
    threads(1)
    alone = everything(arguments)
    for count in (2, 3, 2, 3):
        threads(count)
        assert_same(everything(arguments), alone)


@pytest.mark.parametrize("number", [torch.float32, torch.complex128], ids=str)
def test_the_number_of_threads_changes_no_bit_of_a_linear_scan(number, threads):
    a, b = torch.randn(2, 5, 19, 200, dtype=number) / 4
    threads(1)
    alone = linear_scan(a, b, backend="cpu")
    for count in (2, 3):
        threads(count)
        assert torch.equal(linear_scan(a, b, backend="cpu"), alone)


@of_each_kind
def test_a_sequence_does_not_feel_the_others_of_its_batch(kind):
    arguments = system(kind, length=19, batch=5)
    per_sequence = [x for x, y in arguments.items() if torch.is_tensor(y) and y.shape[0] == 5]
    together = scan(arguments, "cpu")
    for i in range(5):
        alone = arguments | {name: arguments[name][i : i + 1] for name in per_sequence}
        part = [x[i : i + 1] for x in together]
        if kind.method == "trapezoid":  # PyTorch rounds by the place in memory
            assert_near(scan(alone, "cpu"), part)
        else:
            assert_same(scan(alone, "cpu"), part)
