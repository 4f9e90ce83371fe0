"""Chapters as notebooks: what becomes of each construct, and where the buttons lead."""

import re
import sys
from io import StringIO
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import docutils_namespace, patch_docutils

sys.path.insert(0, str(Path(__file__).parents[2] / "book" / "_ext"))
from markdown_writer import expand  # noqa: E402

HEAD = """---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
---
"""
ROOT = "# Book\n\n```{toctree}\n:numbered:\nparts/one\nplain\n```\n"
PLAIN = "(there)=\n# No code\n\n```{bibliography}\n```\n"
BIB = "@book{yule, author={G. Yule}, title={Sun}, year=1927, publisher={Sun}}\n"
ONE = HEAD + r"""
# Echoes

```{code-cell} ipython3
:tags: [remove-cell]
from IPython.display import display
display({"application/papermill.record/text/plain": "0.5"}, raw=True, metadata={"scrapbook": {
    "name": "half", "mime_prefix": "application/papermill.record/"}})
```

A 5 \$ price, 2 * 3 * 4, a_b_c, \<b>, \[x](y), **$a$ strong** and {glue:text}`half`.

1\. is no list; $\abs{x_\R} < \norm{\abs\e}$.

$$
a = b  % a comment
$$ (eq-a)

\begin{align}
c &= d
\end{align}

````{prf:theorem} Memory of $x$
:label: thm-a

Suppose that

1. `code`, and

   $$
   e = f
   $$
2. {prf:ref}`lem-b`.
````

```{prf:lemma}
:label: lem-b

Short.
```

```{prf:proof}
First, by {eq}`eq-a`,

$$ g = h $$
```

```{margin} A note
Beside {numref}`fig-a`, {ref}`there` and {cite:t}`yule`, {cite:p}`yule`.
```

```{note}
Well.
```

![A red dot](dot.svg)

```{code-cell} ipython3
---
tags: [hide-input, check]
mystnb:
  figure: {name: fig-a, caption: "See {prf:ref}`thm-a`."}
---
class Picture:
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/html": "<svg></svg>", "text/plain": 'a "word"'}
Picture()
```

| A | B |
|---|---|
| $\abs{x}$ | b \| c |

term
: what it means

:::{explorable} pole_memory
:name: play
:caption: Drag it.
:alt: A disc.
:::

## Exercises

```{exercise-start} pencil
:label: ex-a
```
Count.
```{exercise-end}
```

```{solution-start} ex-a
:class: dropdown
```
One.

```{code-cell} ipython3
1
```
```{solution-end}
```
"""
DOT = '<svg xmlns="http://www.w3.org/2000/svg"><circle r="1" fill="red"/></svg>'
FILES = {"parts/one.md": ONE, "parts/dot.svg": DOT}


def build(folder, pages, execute="off"):
    for name, text in {"index.md": ROOT, "plain.md": PLAIN, "refs.bib": BIB, **pages}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    settings = {
        "extensions": ["myst_nb", "sphinx_proof", "sphinx_exercise", "sphinxcontrib.bibtex",
                       "explorable", "notebooks"],
        "exclude_patterns": ["_out"],
        "html_theme": "sphinx_book_theme",
        "html_theme_options": {"repository_url": "https://github.com/someone/book",
                               "use_download_button": False},
        "html_baseurl": "https://book.org/",
        "html_title": "Memory",
        "nb_execution_mode": execute,
        "myst_enable_extensions": ["amsmath", "colon_fence", "deflist", "dollarmath"],
        "bibtex_bibfiles": ["refs.bib"],
        "bibtex_reference_style": "author_year",
        "prf_realtyp_to_countertyp": {"lemma": "theorem"},
    }
    out, warnings = folder / "_out", StringIO()
    with patch_docutils(), docutils_namespace():
        app = Sphinx(folder, None, out / "html", out / "doctrees", "html", settings,
                     status=None, warning=warnings)
        app.build()
    assert "no Markdown" not in warnings.getvalue()
    return out


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return build(tmp_path_factory.mktemp("book").resolve(), FILES, "cache")


@pytest.fixture(scope="module")
def cells(out):
    notebook = nbformat.read(out / "notebooks" / "parts" / "one.ipynb", as_version=4)
    nbformat.validate(notebook)
    return notebook.cells


@pytest.fixture(scope="module")
def text(cells):
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def test_first_cells_say_where_it_belongs_and_install(cells):
    assert cells[0].source == ("This notebook is chapter 1 of *Memory*; the text with figures and "
                               "links is at <https://book.org/parts/one.html>.")
    assert cells[1].metadata.tags == ["setup-companion"]
    install = '%pip install -q "ssm-companion[book] @ git+https://github.com/someone/book"'
    assert cells[1].source.splitlines()[-1] == f"    {install}"


@pytest.mark.parametrize("expected", [
    "# 1 Echoes",
    r"A 5 \$ price, 2 \* 3 \* 4, a\_b\_c, &lt;b>, &#91;x&#93;(y), **$a$ strong** and 0.5.",
    r"1\. is no list; $\left|{x_{\mathbb{R}}}\right| \lt  "
    r"\left\lVert{\left|{\mathrm{e}}\right|}\right\rVert$.",
    r"$$ a = b \tag{1.1} $$",
    r"$$ \begin{aligned} c &= d \end{aligned} \tag{1.2} $$",
    "> **Theorem 1.1 (Memory of $x$).** Suppose that\n> \n> 1. `code`, and\n> \n"
    ">    $$ e = f $$\n> 2. Lemma 1.2.",
    "> **Lemma 1.2.** Short.",
    "*Proof.* First, by (1.1),\n\n$$ g = h $$\n\n∎",
    "> *A note.* Beside Fig. 1.1, [No code](https://book.org/plain.html#there) and "
    "Yule ([1927](https://book.org/plain.html#id2)), "
    "([Yule, 1927](https://book.org/plain.html#id2)).",
    "> *Note.* Well.",
    "![A red dot](https://book.org/_images/dot.svg)",
    "*Fig. 1.1.* See Theorem 1.1.",
    "| A | B |\n| --- | --- |\n| $\\left\\vert {x}\\right\\vert $ | b \\| c |",
    "- **term**\n\n  what it means",
    "*Fig. 1.2.* Drag it.\n\n"
    "*(interactive figure: see it at <https://book.org/parts/one.html#play>)*",
    "## 1.1 Exercises",
    "### Exercise 1.1 (pencil)\n\nCount.",
    "### Solution to Exercise 1.1\n\nOne.",
])
def test_constructs(text, expected):
    assert expected in text


def test_code_keeps_its_place_tags_and_outputs(cells):
    code = [cell for cell in cells if cell.cell_type == "code"]
    glue, picture, last = code[1:]
    assert glue.metadata == {"tags": ["remove-cell"], "jupyter": {"source_hidden": True}}
    assert glue.outputs == []
    assert picture.metadata.tags == ["hide-input", "check"]
    assert picture.outputs[0].data["text/html"].startswith(
        '<img width="640" alt="a &quot;word&quot;" src="data:image/svg+xml;base64,')
    assert cells[cells.index(picture) + 1].source.startswith("*Fig. 1.1.*")
    assert last.outputs[0].data == {"text/plain": "1"}
    assert cells[cells.index(last) - 1].source.startswith("### Solution")


def test_same_source_same_bytes(out):
    path = out / "notebooks" / "parts" / "one.ipynb"
    before = path.read_bytes()
    path.unlink()
    (out / "doctrees" / "environment.pickle").unlink()
    build(out.parent, FILES, "cache")
    assert path.read_bytes() == before


def test_buttons(out):
    page = out / "html" / "parts" / "one.html"
    html = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    groups = html.select(".article-header-buttons .dropdown")
    launch, save = [[a["href"] for a in group.select("a")] for group in groups[:2]]
    colab, binder = launch
    assert colab.endswith("/github/someone/book/blob/notebooks/parts/one.ipynb")
    assert binder.endswith("/gh/someone/book/notebooks?urlpath=lab/tree/parts/one.ipynb")
    for link in launch:
        assert (out / "notebooks" / re.search(r"[^/]+/[^/]+\.ipynb$", link)[0]).is_file()
    for link in [*save, *(image["src"] for image in groups[0].select("img"))]:
        assert (page.parent / link).is_file()
    assert groups[1].select_one("button[onclick='window.print()']")


def test_plain_pages_have_no_notebook(out):
    assert not (out / "notebooks" / "plain.ipynb").exists()
    assert "fa-rocket" not in (out / "html" / "plain.html").read_text(encoding="utf-8")


def test_branch_is_complete(out):
    line = (out / "notebooks" / "requirements.txt").read_text()
    assert line == "ssm-companion[book] @ git+https://github.com/someone/book\n"
    assert "<https://book.org/>" in (out / "notebooks" / "README.md").read_text()


def test_notebook_of_a_page_that_is_gone(tmp_path):
    out = build(tmp_path.resolve(), FILES)
    (tmp_path / "parts" / "one.md").unlink()
    build(tmp_path.resolve(), {})
    assert not [*out.rglob("one.ipynb")][1:]  # but myst-nb's own


def test_unknown_node_is_an_error(tmp_path):
    with pytest.raises(ExtensionError, match="parts/one: no Markdown for the node <line_block>"):
        build(tmp_path.resolve(), {"parts/one.md": HEAD + "# One\n\n```{code-cell}\n1\n```\n\n"
                                   "```{eval-rst}\n| a\n| b\n```\n"})


@pytest.mark.parametrize("tex, expanded", [
    (r"\i\theta \in \C^N", r"{\mathrm{i}}\theta \in {\mathbb{C}}^N"),
    (r"\Re h, \Rex", r"\operatorname{Re} h, \Rex"),
    (r"\abs{\frac{a_{1}}{\{b\}}}", r"\left|{\frac{a_{1}}{\{b\}}}\right|"),
    (r"\abs{\abs x}", r"\left|{\left|x\right|}\right|"),
    (r"\norm \lambda", r"\left\lVert\lambda\right\rVert"),
])
def test_macros(tex, expanded):
    assert expand(tex) == expanded
