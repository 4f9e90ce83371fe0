"""The ledger of results: what it shows for a good book, and what it says about a bad one."""

import re
import sys
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

sys.path.insert(0, str(Path(__file__).parents[2] / "book" / "_ext"))

HEAD = """---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
---
"""
ROOT = "# Book\n\n```{toctree}\n:numbered:\none\nparts/two\nledger\n```\n"
VIEWS = "# Ledger\n\n```{ledger}\n```\n\n```{ledger-graph}\n```\n"
ONE = HEAD + """
# Echoes $x$

````{prf:theorem} fading memory
:label: thm-fading

Suppose that

1. $A$ is stable, as in {prf:ref}`lem-bound`;
   ```{math}
   :label: eq-a
   a = b
   ```
2. time is long.
````


```{prf:lemma}
:label: lem-bound

Something small.
```
````{dropdown} Proof
```{prf:proof}
First line,
then {prf:ref}`by memory <thm-fading>`.
```
````

```{code-cell} python
:tags: [check, thm-fading, numeric, hide-input]

systems = 2000
print(f"holds in all {systems} systems, largest error 0")
assert systems
```
```{code-cell} python
:tags: [check, thm-fading, lem-bound, symbolic]

def holds(claim):
    assert claim

holds(True)
```
"""
TWO = HEAD + """# Two

{prf:ref}`thm-fading` again.

```{prf:proposition} long echo
:label: prop-long

Nothing.
```
```{prf:proof}
:class: dropdown

From {prf:ref}`thm-fading` and {prf:ref}`lem-bound`.
```
```{code-cell} python
:tags: [check, prop-long, symbolic]

assert all([True])
```
"""
GOOD = {"index": ROOT, "one": ONE, "parts/two": TWO, "ledger": VIEWS}


def write(folder, pages):
    for name, text in pages.items():
        path = folder / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def build(folder, execute="off"):
    """Build, and return the faults reported and the pages written."""
    settings = {
        "extensions": ["myst_nb", "sphinx_proof", "sphinx_design", "ledger"],
        "exclude_patterns": ["_out"],
        "nb_execution_mode": execute,
        "myst_enable_extensions": ["dollarmath"],
        "prf_realtyp_to_countertyp": {"lemma": "theorem", "proposition": "theorem"},
        "show_warning_types": True,
    }
    out, warnings, written = folder / "_out", StringIO(), []
    with patch_docutils(), docutils_namespace():
        app = Sphinx(folder, None, out / "html", out / "doctrees", "html", settings,
                     status=None, warning=warnings)
        app.connect("doctree-resolved", lambda app, doctree, name: written.append(name))
        app.build()
    plain = re.sub(r"\x1b\[[\d;]*m", "", warnings.getvalue())
    found = re.findall(r"(\S+):(\d+): WARNING: (.*) \[ledger\.(\w+)\]", plain)
    faults = [(Path(path).relative_to(folder).as_posix(), int(line), kind, message)
              for path, line, message, kind in found]
    return faults, written


def page(folder, name):
    html = (folder / "_out" / "html" / f"{name}.html").read_text(encoding="utf-8")
    return BeautifulSoup(html, "html.parser")


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good").resolve()
    write(folder, GOOD)
    faults, _ = build(folder, execute="force")
    assert faults == []
    return folder


def test_badge_links_to_each_check(good):
    one = page(good, "one")
    badge = one.select_one("#thm-fading > .ledger-badge")
    assert badge.get_text() == "Checked: numeric, 2000 systems · symbolic"
    for link in badge.select("a"):
        cell = one.find(id=link["href"].removeprefix("#"))
        assert {"cell", "tag_check"} <= set(cell["class"])
    assert badge.select_one(".ledger-badge__numeric a")["href"] == "#check-thm-fading-1"


def test_note_names_what_a_cell_checks(good):
    notes = [note.get_text() for note in page(good, "one").select(".ledger-note")]
    assert notes == ["Checks Theorem 1.1", "Checks Theorem 1.1, Lemma 1.2"]


def test_table(good):
    rows = [[cell for cell in row.select("th, td")] for row in
            page(good, "ledger").select(".ledger-table tbody tr")]
    texts = [[" ".join(cell.get_text().split()) for cell in row] for row in rows]
    assert [row[0] for row in texts] == [
        "Theorem 1.1 (fading memory)", "Lemma 1.2", "Proposition 2.1 (long echo)"]
    assert rows[2][0].a["href"] == "parts/two.html#prop-long"
    assert [row[2] for row in texts] == [
        "numeric, 2000 systems · symbolic", "symbolic", "symbolic"]
    assert [row[3] for row in texts] == ["—", "Theorem 1.1", "Theorem 1.1, Lemma 1.2"]
    assert texts[0][4].startswith("Lemma 1.2, Proposition 2.1, Echoes")
    assert texts[1][1] == "— (in the statement)"
    hypotheses = rows[0][1]
    assert hypotheses.select_one(".math") and len(hypotheses.select("li")) == 2
    assert hypotheses.find("a", string="Lemma 1.2")["href"] == "one.html#lem-bound"
    assert not hypotheses.select("[id]")


def test_numbers_are_the_printed_ones(good):
    caption = page(good, "parts/two").select_one("#prop-long .caption-number").get_text()
    assert caption.strip() == "Proposition 2.1"


def test_graph(good):
    svg = page(good, "ledger").select_one(".ledger-graph svg")
    assert svg["aria-label"].startswith("3 results")
    links = {link["href"]: link for link in svg.select("a")}
    assert "one.html#thm-fading" in links and "parts/two.html#prop-long" in links
    assert " ".join(s.get_text() for s in links["one.html#thm-fading"].select("tspan")) == (
        "1.1 fading memory")
    heads = [path for path in svg.select("path") if path["d"].endswith("l-6,4")]
    assert len(heads) == 3
    assert "fill=" not in str(svg) and "stroke=" not in str(svg)


def test_a_numeric_check_needs_an_executed_count(tmp_path):
    write(tmp_path, GOOD)
    faults, _ = build(tmp_path)
    assert [fault[:3] for fault in faults] == [("one.md", line_of(ONE, "```{code-cell"), "count")]


def test_a_count_of_zero_or_in_a_traceback_is_none(tmp_path):
    cell = "```{{code-cell}}\n:tags: [check, thm-a, numeric]\n\nx = 0\n{}\nassert not x\n```\n"
    said = 'print("holds in all 0 systems")', 'raise ValueError("holds in all 20 systems")'
    text = HEAD + "# A\n\n```{prf:theorem}\n:label: thm-a\n\nB.\n```\n"
    write(tmp_path, {"index": text + "".join(map(cell.format, said))})
    faults, _ = build(tmp_path, execute="force")
    assert [fault[1:3] for fault in faults] == [(13, "count"), (20, "count")]


def line_of(text, part):
    return text[:text.index(part)].count("\n") + 1


def symbolic(line):
    return ONE.replace("holds(True)", line).replace("    assert claim", "    pass").replace(
        "def holds", "def other")


SPOILT = {  # what is wrong: the page, its text, what stands in the line to be named, the fault
    "no label": ("one", ONE.replace(":label: lem-bound\n", ""), "```{prf:lemma}", "label"),
    "wrong prefix": ("one", ONE.replace("lem-bound", "thm-bound"), "```{prf:lemma}", "label"),
    "no check": ("parts/two", TWO.replace("[check, ", "["), "```{prf:proposition}", "unchecked"),
    "unknown in check": ("parts/two", TWO.replace("check, ", "check, lem-no, "), "```{code",
                         "unknown"),
    "check of nothing": ("one", ONE.replace("thm-fading, lem-bound, ", ""),
                         "```{code-cell} python\n:tags: [check, symbolic", "target"),
    "no kind": ("parts/two", TWO.replace(", symbolic", ""), "```{code", "kind"),
    "two kinds": ("parts/two", TWO.replace(", symbolic", ", symbolic, numeric"), "```{code",
                  "kind"),
    "constant": ("parts/two", TWO.replace("all([True])", "1 + 1 == 2"), "```{code", "vacuous"),
    "no assertion": ("one", symbolic("other(True)"),
                     "```{code-cell} python\n:tags: [check, thm-fading, lem", "vacuous"),
    "broken code": ("parts/two", TWO.replace("all([True])", "all(["), "```{code", "vacuous"),
    "unknown in proof": ("one", ONE.replace("<thm-fading>", "<cor-no>"), "then {prf:ref}",
                         "unknown"),
    "cycle": ("parts/two", TWO.replace("and {prf", "and {prf:ref}`prop-long`, {prf"), "From",
              "cycle"),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_fault_is_named_with_file_and_line(tmp_path, case):
    name, text, place, kind = SPOILT[case]
    assert text not in GOOD.values()
    write(tmp_path, GOOD | {name: text})
    faults, _ = build(tmp_path)
    assert (f"{name}.md", line_of(text, place), kind) in [fault[:3] for fault in faults]


def test_a_cycle_is_named(tmp_path):
    one = ONE.replace("thm-fading>`", "thm-fading>` and {prf:ref}`prop-long`")
    write(tmp_path, GOOD | {"one": one})
    faults, _ = build(tmp_path)
    (message,) = [message for *_, kind, message in faults if kind == "cycle"]
    assert re.search("prop-long uses lem-bound uses prop-long|"
                     "lem-bound uses prop-long uses lem-bound", message)


def test_faults_stay_until_mended(tmp_path):
    two = TWO.replace("check, ", "check, lem-no, ")
    write(tmp_path, GOOD | {"one": ONE.replace("numeric", "symbolic"), "parts/two": two})
    first, _ = build(tmp_path)
    assert [fault[2] for fault in first] == ["unknown"]
    assert build(tmp_path)[0] == first
    write(tmp_path, {"ledger": VIEWS + "\nMore.\n"})
    assert build(tmp_path)[0] == first
    write(tmp_path, {"parts/two": TWO})
    assert build(tmp_path)[0] == []


def test_a_change_reaches_the_pages_that_show_it(tmp_path):
    write(tmp_path, GOOD | {"one": ONE.replace("numeric", "symbolic")})
    assert build(tmp_path)[0] == []
    assert build(tmp_path)[1] == []
    write(tmp_path, {"parts/two": TWO.replace("prop-long, symb", "prop-long, thm-fading, symb")})
    faults, written = build(tmp_path)
    assert faults == [] and {"one", "parts/two", "ledger"} <= set(written)
    links = [link["href"] for link in page(tmp_path, "one").select("#thm-fading > .ledger-badge a")]
    assert links[-1] == "parts/two.html#check-prop-long-1"
    write(tmp_path, {"index": ROOT.replace("parts/two\n", "")})
    (tmp_path / "parts" / "two.md").unlink()
    assert build(tmp_path)[0] == []
    assert "long echo" not in page(tmp_path, "ledger").get_text()


def test_records_of_a_parallel_reader_are_taken_over():
    from ledger import LedgerDomain

    here, there = (LedgerDomain(SimpleNamespace(domaindata={})) for _ in range(2))
    here.data["pages"] = {"a": "old", "b": "kept"}
    there.data["pages"] = {"a": "new", "b": "stale"}
    here.merge_domaindata(["a"], there.data)
    assert here.data["pages"] == {"a": "new", "b": "kept"}
