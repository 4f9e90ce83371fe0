"""The frame tells the truth: versions agree, pages and contents agree, pins are in their place."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import jupytext
import pytest
import sphinxcontrib.katex
import yaml
from packaging.requirements import Requirement
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
PAGES = sorted(
    path.relative_to(ROOT).with_suffix("").as_posix()
    for path in BOOK.rglob("*.md")
    if not any(part.startswith(("_", ".")) for part in path.relative_to(BOOK).parts)
)
FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
CHAPTERS = [page for page in PAGES if "{code-cell}" in (ROOT / f"{page}.md").read_text("utf-8")]
LIMIT = 20  # lines of code that a reader takes in at once


class Strict(yaml.SafeLoader):
    """A loader that refuses what YAML forbids and its readers let pass: the same key twice."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        assert not twice, f"{node.start_mark}: {twice} more than once"
        return super().construct_mapping(node, deep)


@pytest.mark.parametrize("name", ["_config.yml", "_toc.yml"])
def test_no_key_is_given_twice(name):
    assert yaml.load((ROOT / name).read_text("utf-8"), Strict)


def test_formulas_and_their_style_sheet_are_of_one_version():
    tree = ast.parse((BOOK / "_ext" / "vendor.py").read_text("utf-8"))
    packages = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert f"katex@{sphinxcontrib.katex.katex_version}" in packages


def test_every_page_is_in_the_contents_and_every_entry_is_a_page():
    assert sorted(parse_toc_yaml(ROOT / "_toc.yml")) == PAGES


def test_no_notebook_is_tracked():
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    git = ["git", "-c", "safe.directory=*", "ls-files"]
    files = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert "_toc.yml" in files
    assert [name for name in files if name.endswith(".ipynb")] == []


def requirements():
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in lines]
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def test_the_environment_of_the_book_is_pinned():
    for wanted in requirements():
        operators = sorted(part.operator for part in wanted.specifier)
        if wanted.name == "triton":  # each torch for Linux pins its own
            assert operators == ["<", ">="] and 'sys_platform == "linux"' in str(wanted.marker)
        else:
            assert operators == ["=="] and "*" not in str(wanted.specifier), wanted


def test_the_companion_pins_nothing():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    wanted = [Requirement(line) for group in groups for line in group]
    pinned = [str(one) for one in wanted for part in one.specifier if part.operator in ("==", "<")]
    assert wanted and pinned == []


@pytest.mark.parametrize("path", sorted((BOOK / "_ext").glob("*.py")), ids=lambda path: path.name)
def test_an_extension_is_short(path):
    assert len(path.read_text("utf-8").splitlines()) < 150


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_code_cell_that_is_not_folded_fits_the_eye(page):
    cells = jupytext.read(ROOT / f"{page}.md", fmt="md:myst").cells
    long = [
        (len(cell.source.splitlines()), cell.source[:80])
        for cell in cells
        if cell.cell_type == "code" and not FOLDED & set(cell.metadata.get("tags", []))
        if len(cell.source.splitlines()) > LIMIT
    ]
    assert long == []
