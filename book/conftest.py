"""`pytest book` runs every chapter: nbval executes each MyST source, one test a cell."""

import os
import re
from pathlib import Path

import jupytext
from nbval.plugin import IPyNbCell, IPyNbFile

FENCE = re.compile(r"^(`{3,}|:{3,})\{code-cell\}", re.MULTILINE)
ROOT = Path(__file__).parents[1]
SCRATCH = ROOT / "_build" / "nbval"


class Cell(IPyNbCell):
    """A cell that says where it stands in the chapter's source."""

    def reportinfo(self):
        where = f"{self.parent.chapter.relative_to(ROOT)}:{self.line} (Cell {self.cell_num})"
        return self.parent.chapter, self.line - 1, where

    def repr_failure(self, excinfo):
        return f"{self.reportinfo()[2]}\n{super().repr_failure(excinfo)}"


class Chapter(IPyNbFile):
    """nbval's own collector and kernel, on a notebook made from the chapter's Markdown."""

    @property
    def chapter(self):
        return Path(self.path)

    @property
    def fspath(self):  # what nbval reads, and whose folder the kernel runs in
        import py

        return py.path.local(str(self.notebook))

    def collect(self):
        self.notebook = SCRATCH / self.chapter.relative_to(ROOT).with_suffix(".ipynb")
        self.notebook.parent.mkdir(parents=True, exist_ok=True)
        # several processes collect at once, and none may read what another has half written
        own = self.notebook.with_suffix(f".{os.getpid()}.ipynb")
        jupytext.write(jupytext.read(self.chapter), own)
        own.replace(self.notebook)
        text = self.chapter.read_text(encoding="utf-8")
        lines = [text.count("\n", 0, fence.start()) + 1 for fence in FENCE.finditer(text)]
        for cell, line in zip(super().collect(), lines, strict=True):
            test = Cell.from_parent(
                self, name=cell.name, cell_num=cell.cell_num, cell=cell.cell, options=cell.options
            )
            test.line = line
            yield test


def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".md" and "format_name: myst" in file_path.read_text("utf-8")[:400]:
        return Chapter.from_parent(parent, path=file_path)
