"""The first page: what the book is about moves before a word is read."""

import pytest


@pytest.fixture(scope="module")
def home(visit, site):
    with visit(f"{site}/book/index.html", 1440, 900) as (page, _):
        page.locator(".explorable-readout").wait_for()
        yield page


def test_the_first_screen_shows_title_and_picture(home):
    for part in ("article h1", ".explorable-stage svg"):
        box = home.locator(part).first.bounding_box()
        assert box["y"] >= 0 and box["y"] + min(box["height"], 200) <= 900


def test_three_ways_lead_into_the_book(home):
    links = home.locator("article dt a").evaluate_all("(links) => links.map((link) => link.href)")
    assert len(set(links)) == 3
    for link in links:
        assert home.request.get(link).ok


def test_the_picture_moves(home):
    picture = home.locator(".explorable-stage").first
    before = picture.screenshot()
    home.wait_for_timeout(500)
    assert picture.screenshot() != before
