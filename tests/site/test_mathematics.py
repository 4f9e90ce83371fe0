"""Formulas are part of the page: they need no JavaScript, no network and no server."""

import copy
import re

import pytest

RAW_TEX = re.compile(r"\\[()\[\]]|\$\$|\\(begin|frac|lambda|mathbb)\b")
BOXES = """(formulas) => formulas.map((formula) => {
  const { width, height } = formula.querySelector(".katex-html").getBoundingClientRect();
  return width * height;
})"""
UNFOLD = """() => {
  document.querySelectorAll("details").forEach((fold) => { fold.open = true; });
  return document.fonts.ready.then(() => null);
}"""
FONTS = """() => [...document.fonts]
  .filter((font) => font.family.startsWith("KaTeX") && font.status === "loaded").length"""


def test_every_formula_is_rendered(read, name):
    page = copy.copy(read(f"{name}.html"))
    assert [str(formula) for formula in page.select(".math") if not formula.select(".katex")] == []
    for source in page.select("script, style, pre, code, annotation"):
        source.extract()
    assert RAW_TEX.findall(page.get_text()) == []


def test_no_formula_is_an_error(read, name):
    page = read(f"{name}.html")
    assert page.select(".katex-error, .katex [style*='cc0000'], .katex [mathcolor*='cc0000']") == []


@pytest.mark.parametrize("place", ["server", "folder"])
def test_formulas_show_without_javascript(visit, site, html, chapter, place):
    start = site if place == "server" else html.as_uri()
    with visit(f"{start}/{chapter}.html", java_script_enabled=False) as (page, faults):
        page.evaluate(UNFOLD)
        assert page.evaluate(FONTS) > 0
        areas = page.locator("article .math").evaluate_all(BOXES)
        assert areas and min(areas) > 0
    assert [fault for fault in faults if ".js" not in fault] == []


def test_no_line_can_begin_with_the_mark_after_a_formula(read, name):
    after = [formula.next_sibling for formula in read(f"{name}.html").select("span.math")]
    assert not [text for text in after if text and re.match(r"[.,;:!?)]", str(text))]
