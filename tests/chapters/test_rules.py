"""The rules of the pages: each, broken on purpose in a small chapter, makes the build fail."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOC = "format: jb-book\nroot: book/index\nchapters:\n  - file: book/chapter\n"
CHAPTER = """---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# Two halves

As {cite:t}`boyd1985` did not say, $\\e^0 = 1$, and [the first page](index.md) says less.

![Two halves of an apple, side by side](halves.svg)

```{prf:theorem} Halves
:label: thm-halves

Two halves are one whole.
```

```{code-cell} ipython3
from fractions import Fraction

half = Fraction(1, 2)
```

```{code-cell} ipython3
:tags: [check, thm-halves, symbolic]

assert half + half == 1
```

```{raw} html
<p>The end.</p>
```
"""
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0,0h2v1h-2z"/></svg>'
CELL, LINE = "```{code-cell} ipython3\nfrom", "half = Fraction(1, 2)"
BARE = "import matplotlib.pyplot as plt\n\nhalf = Fraction(1, 2)\nplt.plot([half]);"
SCRIPT = '<script src="https://example.org/a.js"></script>'

# what is broken: (what stands in the line that is named, the words replaced, by what, what is said)
BROKEN = {
    "a theorem has no check": ("```{prf", "check, ", "", "no check"),
    "a citation is unknown": ("As {cite", "boyd1985", "nobody1900", "nobody1900"),
    "a macro is unknown": ("As {cite", r"\e^0", r"\unheard", r"\unheard"),
    "a figure has no alt text": (CELL, LINE, BARE, "without alt text"),
    "an image has no alt text": ("![", "Two halves of an apple, side by side", "", "without alt"),
    "a script comes from elsewhere": ("```{raw}", "<p>The end.</p>", SCRIPT, "another host"),
    "a link is dead": ("As {cite", "(index.md)", "(nowhere.md)", "nowhere.md"),
}


def line_of(part):
    return CHAPTER[: CHAPTER.index(part)].count("\n") + 1


def write(folder, chapter):
    """A book of one chapter in the frame of the real one."""
    book = folder / "book"
    book.mkdir(parents=True)
    for name in ("_config.yml", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    for name in ("conftest.py", "macros.json", "references.bib"):
        shutil.copy(ROOT / "book" / name, book)
    for name in ("_ext", "_static"):
        shutil.copytree(ROOT / "book" / name, book / name)
    (folder / "_toc.yml").write_text(TOC)
    (book / "index.md").write_text("# Book\n\n```{bibliography}\n```\n")
    (book / "halves.svg").write_text(PICTURE)
    (book / "chapter.md").write_text(chapter)


def run(folder, *command):
    """The exit code and what was said, without colours."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder, env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", timeout=120,
    )  # fmt: skip
    return done.returncode, re.sub(r"\x1b\[[\d;]*m", "", done.stdout)


def build(folder):
    start = "from jupyter_book.cli.main import main; main()"
    return run(folder, "-c", start, "build", ".", "-W", "-n", "--keep-going", "--quiet")


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The unbroken book, built."""
    folder = tmp_path_factory.mktemp("book").resolve()
    write(folder, CHAPTER)
    code, said = build(folder)
    assert code == 0, said
    return folder


def test_an_unbroken_chapter_is_built(good):
    assert "Two halves are one whole" in (good / "_build/html/book/chapter.html").read_text("utf-8")


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_rule_fails_the_build_with_file_and_line(good, tmp_path, case):
    place, old, new, message = BROKEN[case]
    assert CHAPTER.count(old) == 1
    write(tmp_path, CHAPTER.replace(old, new))
    # outputs of cells that are as before need not be computed again
    shutil.copytree(good / "_build" / ".jupyter_cache", tmp_path / "_build" / ".jupyter_cache")
    code, said = build(tmp_path)
    assert code != 0
    named = rf"book/chapter\.md:{line_of(place)}: (WARNING|ERROR): .*{re.escape(message)}"
    assert re.search(named, said), said
    assert len(re.findall(r"(WARNING|ERROR): ", said)) == 1, said


@pytest.fixture(scope="module")
def raising(tmp_path_factory):
    """A book with a cell that raises."""
    folder = tmp_path_factory.mktemp("raising").resolve()
    write(folder, CHAPTER.replace(LINE, "half = 1 / 0"))
    return folder


def test_a_cell_that_raises_fails_the_build_with_its_file(raising):
    code, said = build(raising)
    assert code != 0
    assert re.search(r"book/chapter\.md: WARNING: Executing notebook failed", said), said


def test_each_cell_of_an_unbroken_chapter_is_a_test(good):
    code, said = run(good, "-m", "pytest", "book/chapter.md", "-v")
    assert code == 0, said
    assert re.findall(r"chapter\.md::(Cell \d+) PASSED", said) == ["Cell 0", "Cell 1"]


def test_a_cell_that_raises_is_reported_with_file_and_line(raising):
    code, said = run(raising, "-m", "pytest", "book")
    assert code != 0
    assert f"book/chapter.md:{line_of(CELL)} (Cell 0)" in said
    assert "ZeroDivisionError" in said
