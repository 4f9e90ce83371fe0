"""Links lead somewhere, figures say in words what they show, and the search finds."""

from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import pytest


def words(figure):
    """The alternative text of a figure: its own, or that of the picture in it."""
    for part in [figure, *figure.select("img, svg, .explorable-alt")]:
        said = part.get("alt") or part.get("aria-label")
        if said or "explorable-alt" in part.get("class", []):
            return said or part.get_text()
    return ""


def is_dead(link, page, html, read):
    """Whether a link of a page leads to no file, to no place in it, or not safely elsewhere."""
    target = urlsplit(link)
    if target.scheme or target.netloc:
        return target.scheme not in ("https", "mailto")
    if link == "#":
        return False  # a control of the theme, or the top of the page
    file = (html / page).parent / unquote(target.path) if target.path else html / page
    if not file.is_file():
        return True
    if not target.fragment:
        return False
    goal = read(file.resolve().relative_to(html.resolve()).as_posix())
    return goal.find(attrs={"id": unquote(target.fragment)}) is None


def test_every_link_leads_somewhere(html, read, name):
    page = PurePosixPath(f"{name}.html")
    links = {link["href"] for link in read(str(page)).select("a[href]")}
    assert [link for link in sorted(links) if is_dead(link, page, html, read)] == []


def test_every_figure_says_what_it_shows(read, name):
    figures = read(f"{name}.html").select("article :is(figure, svg.ssm-figure, img)")
    mute = [str(figure)[:200] for figure in figures if len(words(figure).strip()) < 20]
    assert mute == []


def test_drawings_follow_the_theme(visit, site, chapter):
    ink = """(texts) => texts.map((text) => getComputedStyle(text).fill)"""
    colours = {}
    for theme in ("light", "dark"):
        with visit(f"{site}/{chapter}.html", theme=theme) as (page, _):
            colours[theme] = page.locator("svg.ssm-figure text").evaluate_all(ink)
    if not colours["light"]:
        pytest.skip("a chapter without drawings")
    pairs = zip(colours["light"], colours["dark"], strict=True)
    assert [pair for pair in pairs if pair[0] == pair[1]] == []


def test_the_search_finds_a_chapter(visit, site):
    with visit(f"{site}/search.html") as (page, faults):
        page.locator("input[name=q]:visible").first.fill("fading")
        page.keyboard.press("Enter")
        page.locator("#search-results a[href*='what_to_remember']").first.wait_for(timeout=5000)
    assert faults == []
