"""Every page in a browser, light and dark, on a desk and on a phone."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

UNFOLD = """() => {
  document.querySelectorAll("details").forEach((fold) => { fold.open = true; });
  document.querySelectorAll(".toggle-button-hidden").forEach((button) => button.click());
}"""
INKS = """() => {
  const { dataset } = document.documentElement;
  const chosen = dataset.theme;
  const inks = ["light", "dark"].map((theme) => {
    dataset.theme = theme;
    const words = [...document.querySelectorAll("svg.ssm-figure text")];
    return words.map((word) => getComputedStyle(word).fill);
  });
  dataset.theme = chosen;
  return inks;
}"""
# To axe a formula is its text, a drawing one image, and of the words of a colour in a piece of code
# one is enough: it is slow with thousands of pieces.
FLATTEN = """() => {
  document.querySelectorAll(".katex-mathml semantics").forEach((formula) => {
    formula.replaceChildren(formula.textContent);
  });
  document.querySelectorAll(".katex-html").forEach((f) => {
    f.replaceChildren(f.textContent);
    f.style.overflowWrap = "anywhere"; // or a table would scroll for this text
  });
  document.querySelectorAll("svg.ssm-figure").forEach((figure) => figure.replaceChildren());
  document.querySelectorAll("pre").forEach((code) => {
    const seen = new Set();
    code.querySelectorAll("span:not(:has(*))").forEach((word) => {
      if (seen.has(word.className)) word.replaceWith(word.textContent);
      seen.add(word.className);
    });
    code.normalize();
  });
}"""
# `region` is of moderate impact, and slow; `preload` would fetch style sheets anew
OPTIONS = {"resultTypes": ["violations"], "rules": {"region": {"enabled": False}}, "preload": False}


@pytest.fixture(
    scope="module",
    params=[("light", 1440), ("dark", 375)],  # what fails, fails by the theme or by the width
    ids=lambda view: "{}-{}".format(*view),
)
def view(request, visit, site, name):
    """A page, opened with all its folds unfolded, and what went wrong meanwhile."""
    theme, width = request.param
    options = {"theme": theme, "reduced_motion": "reduce"}
    with visit(f"{site}/{name}.html", width, **options) as (page, faults):
        page.wait_for_load_state("networkidle")
        page.evaluate(UNFOLD)
        yield page, list(faults)


def test_a_page_loads_without_fault(view):
    _, faults = view
    assert faults == []


def test_the_theme_is_the_chosen_one(view, request):
    page, _ = view
    theme = page.evaluate("document.documentElement.dataset.theme")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = max(map(int, re.findall(r"\d+", paper)[:3])) < 128
    assert theme == ("dark" if dark else "light") == request.node.callspec.params["view"][0]


def test_nothing_is_wider_than_the_window(view):
    page, _ = view
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0


def test_drawings_follow_the_theme(view, read, name):
    page, _ = view
    light, dark = page.evaluate(INKS)
    assert len(light) == len(read(f"{name}.html").select("svg.ssm-figure text"))
    assert [pair for pair in zip(light, dark, strict=True) if pair[0] == pair[1]] == []


def test_axe_finds_nothing_serious(view):
    page, _ = view
    page.evaluate(FLATTEN)
    found = [
        f"{violation['id']}: {' '.join(node['target'])}"
        for violation in Axe().run(page, options=OPTIONS).response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
    assert found == []
