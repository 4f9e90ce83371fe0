"""Each chapter can be downloaded or opened elsewhere as an executed notebook."""

import re
from urllib.parse import parse_qs, unquote, urlsplit

import nbformat
import pytest
from nbformat.validator import validate


@pytest.fixture
def buttons(html, read, chapter):
    """The files that the buttons Download, Colab and Binder of a chapter lead to."""
    header = read(f"{chapter}.html").select_one(".article-header-buttons")
    links = [link["href"] for link in header.select("a[href]")]
    branch = html.parent / "notebooks"  # what is published as the branch of that name
    files = {}
    for link in links:
        url = urlsplit(link)
        if url.netloc == "colab.research.google.com":
            files["Colab"] = branch / unquote(url.path.partition("/blob/notebooks/")[2])
        elif url.netloc == "mybinder.org":
            assert url.path.endswith("/notebooks")
            lab = parse_qs(url.query)["urlpath"][0]
            files["Binder"] = branch / lab.removeprefix("lab/tree/")
        elif not url.netloc and url.path.endswith(".ipynb"):
            files["Download"] = (html / f"{chapter}.html").parent / unquote(url.path)
    assert set(files) == {"Download", "Colab", "Binder"}
    return files


def test_every_button_leads_to_a_notebook(buttons):
    for file in buttons.values():
        validate(nbformat.read(file, as_version=4))


def test_every_cell_was_executed_without_error(buttons):
    for file in set(buttons.values()):
        cells = [c for c in nbformat.read(file, as_version=4).cells if c.cell_type == "code"]
        assert cells
        for cell in cells[1:]:
            assert cell.execution_count, cell.source
        for cell in cells:
            assert [out for out in cell.outputs if out.output_type == "error"] == []


def test_the_first_cell_installs_the_companion_and_leaves_torch_alone(buttons):
    for file in set(buttons.values()):
        cells = nbformat.read(file, as_version=4).cells
        first = next(cell.source for cell in cells if cell.cell_type == "code")
        (pip,) = re.findall(r".*\bpip\b.*install.*", first)
        assert "ssm" in pip or "git+https://" in pip
        assert not re.search(r"torch|==|--upgrade|-U\b|--force", pip)
