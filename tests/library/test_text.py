"""The bundled novel, its codes, its split and its windows."""

import hashlib
from pathlib import Path

import pytest
import torch

import ssm_companion.tasks
from ssm_companion.tasks.text import batches, load_text

NOVEL = load_text()
README = Path(ssm_companion.tasks.__file__).with_name("data") / "README.md"


def test_the_novel_is_the_one_that_the_readme_describes():
    digest = hashlib.sha256(NOVEL.text.encode("ascii")).hexdigest()
    readme = README.read_text()
    for said in (digest, "public domain", "463 277", "75 of them", "1 030 lines", "MIT licence"):
        assert said in readme
    assert (len(NOVEL), len(NOVEL.alphabet), NOVEL.text.count("\n")) == (463_277, 75, 1030)


def test_nothing_but_the_novel_is_in_it():
    assert NOVEL.text.startswith("Chapter 1\nSir Walter Elliot, of Kellynch Hall")
    assert NOVEL.text.endswith("than in its national importance.\n")
    assert [f"Chapter {i}\n" in NOVEL.text for i in (24, 25)] == [True, False]
    assert "gutenberg" not in NOVEL.text.lower()
    assert "  " not in NOVEL.text and " \n" not in NOVEL.text and "\n " not in NOVEL.text


def test_codes_are_places_in_the_alphabet_and_come_back():
    codes = NOVEL.codes
    assert codes.dtype == torch.int64 and codes.shape == (len(NOVEL),)
    assert NOVEL.decode(codes) == NOVEL.text
    assert codes.unique().tolist() == list(range(75))
    assert NOVEL.alphabet[NOVEL.encode("A").item()] == "A"
    assert NOVEL.encode("").shape == (0,)


@pytest.mark.parametrize(("validation", "test"), [(0.05, 0.05), (0.1, 0.3), (0.5, 0.001)])
def test_split_keeps_the_order_and_loses_nothing(validation, test):
    parts = NOVEL.split(validation, test)
    assert "".join(part.text for part in parts) == NOVEL.text
    assert len(parts[1]) == round(validation * len(NOVEL))
    assert len(parts[2]) == round(test * len(NOVEL))
    assert {part.alphabet for part in parts} == {NOVEL.alphabet}


def test_a_window_is_followed_by_the_text():
    codes = torch.arange(50)
    inputs, following = batches(codes, 400, 7, generator=torch.Generator().manual_seed(0))
    assert inputs.shape == following.shape == (400, 7)
    assert torch.equal(following, inputs + 1)
    assert torch.equal(inputs, inputs[:, :1] + torch.arange(7))
    # the first window and the last are drawn too: 43 windows, missed with probability 2e-4 each
    assert inputs[:, 0].unique().tolist() == list(range(43))


def test_the_longest_window_is_all_but_the_end():
    inputs, following = batches(torch.arange(5), 3, 4)
    assert inputs.tolist() == [[0, 1, 2, 3]] * 3
    assert following.tolist() == [[1, 2, 3, 4]] * 3


def test_a_generator_decides_the_windows():
    def draw():
        return batches(torch.arange(1000), 5, 3, generator=torch.Generator().manual_seed(1))[0]

    torch.rand(3)
    assert torch.equal(draw(), draw())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: NOVEL.encode("naïve"), "`text` must be made of the 75 characters, got ..ï.."),
        (lambda: NOVEL.decode(torch.tensor([3, 75])), "`codes` must be from 0 to 74, got 75"),
        (lambda: NOVEL.decode(torch.tensor([[3]])), "`codes` must have shape"),
        (lambda: NOVEL.split(0.0, 0.1), "`validation` and `test` must be above 0"),
        (lambda: NOVEL.split(0.5, 0.5), "less than 1, got 0.5 and 0.5"),
        (lambda: batches(torch.arange(5), 1, 5), "`length` must be below the 5 characters, got 5"),
        (lambda: batches(torch.arange(5), 0, 2), "`batch` must be"),
        (lambda: batches(torch.arange(5), 1, 0), "`length` must be"),
        (lambda: batches(torch.zeros(2, 5), 1, 2), "`codes` must have shape"),
    ],
)
def test_wrong_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_codes_must_be_integers():
    with pytest.raises(TypeError, match="`codes` must have dtype torch.int64"):
        batches(torch.zeros(5), 1, 2)
