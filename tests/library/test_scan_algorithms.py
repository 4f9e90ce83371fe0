"""The schedules of the teaching scans: each is a scan, and costs what is said."""

import math

import pytest
import torch

from ssm_companion.scan_algorithms import (
    Schedule,
    blelloch,
    chunked,
    hillis_steele,
    sequential,
)

MAKERS = {
    "sequential": sequential,
    "hillis_steele": hillis_steele,
    "blelloch": blelloch,
    "chunks of 1": lambda n: chunked(n, 1),
    "chunks of 3": lambda n: chunked(n, 3),
    "chunks of 8": lambda n: chunked(n, 8),
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("n", [1, 2, 3, 6, 8, 13, 16, 37, 64])
def test_every_schedule_is_a_scan(name, n):
    schedule = MAKERS[name](n)
    assert schedule.starts() == [0] * n
    assert all(schedule.levels)
    for level in schedule.levels:
        assert len({target for target, _ in level}) == len(level)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_every_schedule_runs_the_recurrence(name, dtype):
    torch.manual_seed(0)
    a, b = torch.randn(2, 21, 3, dtype=dtype)
    h, states = torch.zeros(3, dtype=dtype), []
    for factor, added in zip(a, b, strict=True):
        h = factor * h + added
        states.append(h)
    before = a.clone(), b.clone()
    torch.testing.assert_close(MAKERS[name](21).run(a, b), torch.stack(states))
    assert torch.equal(a, before[0]) and torch.equal(b, before[1])


@pytest.mark.parametrize("k", range(1, 8))
def test_costs(k):
    n = 2**k
    assert (sequential(n).work, sequential(n).depth) == (n - 1, n - 1)
    assert (hillis_steele(n).work, hillis_steele(n).depth) == (n * k - n + 1, k)
    assert (blelloch(n).work, blelloch(n).depth) == (2 * n - 2 - k, max(1, 2 * k - 2))
    for j in range(1, k):
        c = 2**j
        assert chunked(n, c).work == 2 * n - n // c - c
        assert chunked(n, c).depth == c + n // c - 2


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("n", [1, 5, 16, 40])
def test_no_schedule_is_cheaper_than_the_bound(name, n):
    schedule = MAKERS[name](n)
    assert schedule.work + schedule.depth >= 2 * n - 2
    assert schedule.depth >= math.log2(n)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("n", [7, 32])
def test_no_pair_could_be_earlier(name, n):
    ready = [0] * n
    for k, level in enumerate(MAKERS[name](n).levels):
        before = list(ready)
        for target, source in level:
            assert max(before[target], before[source]) == k
            ready[target] = k + 1


def test_rounds_lie_between_depth_and_work():
    schedule = hillis_steele(16)
    assert schedule.width == 15
    assert [schedule.rounds(p) for p in (1, 4, 15, 100)] == [49, 13, 4, 4]
    assert sequential(1).width == sequential(1).rounds(3) == 0


@pytest.mark.parametrize("pair", [(1, 1), (0, 1), (3, 0), (3, 1), (4, 3)])
def test_a_pair_that_is_no_neighbour_is_found(pair):
    with pytest.raises(ValueError, match="does not end where"):
        Schedule(4, ((pair,),)).starts()


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="`n` must be"):
        blelloch(0)
    with pytest.raises(ValueError, match="`size` must be"):
        chunked(4, 0)
    with pytest.raises(ValueError, match="`processors` must be"):
        sequential(4).rounds(0)
    one = torch.ones(3)
    with pytest.raises(ValueError, match="`a` must have n = 4 steps, got 3"):
        sequential(4).run(one, one)
    with pytest.raises(ValueError, match="`b` must have shape"):
        sequential(3).run(one, torch.ones(2))
    with pytest.raises(TypeError, match="`b`"):
        sequential(3).run(one, one.double())
