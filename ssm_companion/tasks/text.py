"""A novel, one character at a time."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from importlib.resources import files

import torch
from torch import Tensor

from ssm_companion._shapes import check, check_dtype, check_positive_int


@dataclass(frozen=True)
class Text:
    """A text and the characters that it is made of.

    Parameters
    ----------
    name : str
        What it is called here.
    text : str
        The text.
    alphabet : str
        The characters that may occur, each once; the code of a character is its place in it.
    source : str
        Who wrote it, and where this copy comes from.
    note : str
        What was done to it here.

    Examples
    --------
    >>> novel = load_text()
    >>> novel.decode(novel.encode("Mrs Smith"))
    'Mrs Smith'
    """

    name: str
    text: str
    alphabet: str
    source: str
    note: str

    def __len__(self) -> int:
        return len(self.text)

    @property
    def codes(self) -> Tensor:
        """The codes of the whole text, int64, ``(T,)``."""
        return self.encode(self.text)

    def encode(self, text: str) -> Tensor:
        """The codes of some characters.

        Parameters
        ----------
        text : str
            Characters of the alphabet.

        Returns
        -------
        Tensor, ``(T,)``
            int64, from 0 to ``len(alphabet) - 1``.

        Raises
        ------
        ValueError
            For a character that is not in the alphabet.
        """
        code = {character: i for i, character in enumerate(self.alphabet)}
        if strange := sorted(set(text) - code.keys()):
            raise ValueError(
                f"`text` must be made of the {len(code)} characters, got {strange[:5]}"
            )
        return torch.tensor([code[character] for character in text], dtype=torch.int64)

    def decode(self, codes: Tensor) -> str:
        """The characters of some codes.

        Parameters
        ----------
        codes : Tensor, ``(T,)``
            Integers from 0 to ``len(alphabet) - 1``.

        Returns
        -------
        str
            One character for each code.

        Raises
        ------
        ShapeError
            Unless ``codes`` is 1-D. It is a ValueError.
        ValueError
            For a code outside the alphabet.
        """
        check("codes", codes, "T")
        size = len(self.alphabet)
        if wrong := [code for code in codes.tolist() if not 0 <= code < size]:
            raise ValueError(f"`codes` must be from 0 to {size - 1}, got {wrong[0]}")
        return "".join(self.alphabet[code] for code in codes.tolist())

    def split(self, validation: float = 0.05, test: float = 0.05) -> tuple[Text, Text, Text]:
        """Cut off the end, for validation and for test.

        Parameters
        ----------
        validation, test : float, optional
            Shares of the characters, above 0; together below 1.

        Returns
        -------
        train, validation, test : Text
            The text in this order, with the alphabet of the whole.

        Raises
        ------
        ValueError
            If a share is not above 0, or if they add up to 1 or more.
        """
        if not (validation > 0 and test > 0 and validation + test < 1):
            raise ValueError(
                "`validation` and `test` must be above 0 and add up to less than 1, "
                f"got {validation} and {test}"
            )
        last = len(self) - round(test * len(self))
        first = last - round(validation * len(self))
        parts = self.text[:first], self.text[first:last], self.text[last:]
        return tuple(replace(self, text=part) for part in parts)


def load_text() -> Text:
    """*Persuasion*, a novel by Jane Austen.

    463 277 characters, of which 75 are different: the English letters in both cases but for X,
    digits, punctuation, a space, and a newline at the end of each paragraph.

    Returns
    -------
    Text
        The novel.

    References
    ----------
    Jane Austen, *Persuasion*, 1818, in the public domain. From the R package janeaustenr 1.0.0,
    which has it from Project Gutenberg; ``tasks/data/README.md`` says more.

    Examples
    --------
    >>> novel = load_text()
    >>> len(novel), len(novel.alphabet)
    (463277, 75)
    >>> novel.text[10:61]
    'Sir Walter Elliot, of Kellynch Hall, in Somersetshi'
    """
    packed = files("ssm_companion.tasks").joinpath("data", "persuasion.txt.gz").read_bytes()
    text = gzip.decompress(packed).decode("ascii")
    return Text(
        name="persuasion",
        text=text,
        alphabet="".join(sorted(set(text))),
        source=(
            "Jane Austen, Persuasion (1818), public domain; Project Gutenberg's text 105 as "
            "bundled with the R package janeaustenr 1.0.0"
        ),
        note="Without the title page; a line for each paragraph, single spaces.",
    )


def batches(
    codes: Tensor,
    batch: int,
    length: int,
    *,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Random windows of a text, and what comes next at each place.

    Every window is equally likely, and they are independent.

    Parameters
    ----------
    codes : Tensor, ``(T,)``
        int64, the text.
    batch : int
        Number of windows B.
    length : int
        Places L of a window, fewer than ``T``.
    generator : torch.Generator, optional
        Source of the random numbers, on the CPU; torch's own if None.

    Returns
    -------
    inputs : Tensor, ``(B, L)``
        int64: windows of the text, on the device of ``codes``.
    following : Tensor, ``(B, L)``
        int64: at each place the code of the next character.

    Raises
    ------
    ShapeError
        Unless ``codes`` is 1-D. It is a ValueError.
    TypeError
        Unless ``codes`` is int64.
    ValueError
        For a size below 1, or a ``length`` that is not below ``T``.

    Examples
    --------
    >>> inputs, following = batches(load_text().codes, batch=2, length=8)
    >>> inputs.shape
    torch.Size([2, 8])
    >>> bool((following[:, :-1] == inputs[:, 1:]).all())
    True
    """
    size = check("codes", codes, "T")["T"]
    check_dtype("codes", codes, (torch.int64,))
    check_positive_int("batch", batch)
    check_positive_int("length", length)
    if length >= size:
        raise ValueError(f"`length` must be below the {size} characters, got {length}")
    starts = torch.randint(size - length, (batch,), generator=generator)
    windows = codes.unfold(0, length + 1, 1)[starts.to(codes.device)]
    return windows[:, :-1], windows[:, 1:]
