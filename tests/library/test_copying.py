"""The tapes of the copying tasks."""

import math

import pytest
import torch

from ssm_companion.tasks.copying import selective_copy


@pytest.mark.parametrize(("length", "symbols"), [(1, 1), (7, 1), (7, 3), (5, 5)])
def test_a_tape_holds_its_symbols_in_order_and_nothing_else(length, symbols):
    tape, said = selective_copy(50, length, symbols, kinds=4)
    assert tape.shape == (50, length) and said.shape == (50, symbols)
    assert tape.dtype == said.dtype == torch.int64
    for places, word in zip(tape, said, strict=True):
        assert places[places > 0].tolist() == word.tolist()
    assert 1 <= said.min() and said.max() <= 4


def test_every_set_of_places_and_every_word_is_equally_likely():
    tape, _ = selective_copy(60_000, 5, 2, kinds=2, generator=torch.Generator().manual_seed(0))
    _, counts = tape.unique(dim=0, return_counts=True)
    cases = math.comb(5, 2) * 2**2
    assert len(counts) == cases
    chi2 = ((counts - 60_000 / cases) ** 2).sum() / (60_000 / cases)
    assert chi2 < cases - 1 + 4 * math.sqrt(2 * (cases - 1))  # four standard deviations


def test_a_generator_decides_the_tapes():
    def draw():
        return selective_copy(3, 9, 2, 3, generator=torch.Generator().manual_seed(1))

    torch.rand(3)
    assert all(torch.equal(one, other) for one, other in zip(draw(), draw(), strict=True))


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ((0, 5, 2, 2), "`batch` must be"),
        ((1, 5, 2, 0), "`kinds` must be"),
        ((1, 5, 6, 2), "`symbols` must be at most `length`, 5, got 6"),
    ],
)
def test_wrong_sizes_are_named(sizes, words):
    with pytest.raises(ValueError, match=words):
        selective_copy(*sizes)
