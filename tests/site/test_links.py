"""Links lead somewhere, figures say in words what they show, and the search finds."""

import functools
import html as markup
import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

NO_TAGS = re.compile(r"<script\b.*?</script>|<!--.*?-->", re.DOTALL)
ID = re.compile(r'<[a-z][^<>]*?\sid="([^"]*)"', re.IGNORECASE)


def words(figure):
    """The alternative text of a figure: its own, or that of the picture in it."""
    for part in [figure, *figure.select("img, svg, .explorable-alt")]:
        said = part.get("alt") or part.get("aria-label")
        if said or "explorable-alt" in part.get("class", []):
            return said or part.get_text()
    return ""


@functools.cache
def places(file):
    """The places in a file that a link can lead to; to parse the whole file takes a second."""
    tags = NO_TAGS.sub("", file.read_text("utf-8"))
    return {markup.unescape(place) for place in ID.findall(tags)}


def is_dead(link, page, html):
    """Whether a link of a page leads to no file, to no place in it, or not safely elsewhere."""
    target = urlsplit(link)
    if target.scheme or target.netloc:
        return target.scheme not in ("https", "mailto")
    if link == "#":
        return False  # a control of the theme, or the top of the page
    file = (html / page).parent / unquote(target.path) if target.path else html / page
    if not file.is_file():
        return True
    return bool(target.fragment) and unquote(target.fragment) not in places(file.resolve())


def test_every_link_leads_somewhere(html, read, name):
    page = PurePosixPath(f"{name}.html")
    links = {link["href"] for link in read(str(page)).select("a[href]")}
    assert [link for link in sorted(links) if is_dead(link, page, html)] == []


def test_every_figure_says_what_it_shows(read, name):
    figures = read(f"{name}.html").select("article :is(figure, svg.ssm-figure, img)")
    mute = [str(figure)[:200] for figure in figures if len(words(figure).strip()) < 20]
    assert mute == []


def test_the_search_finds_a_chapter(visit, site):
    with visit(f"{site}/search.html") as (page, faults):
        page.locator("input[name=q]:visible").first.fill("fading")
        page.keyboard.press("Enter")
        page.locator("#search-results a[href*='what_to_remember']").first.wait_for(timeout=5000)
    assert faults == []
