"""Figures: words for each, colours by role, nothing that leaks into the page around them."""

import re
import xml.etree.ElementTree as ElementTree

import matplotlib
import matplotlib.pyplot as plt
import pytest

from ssm_companion import plotting
from ssm_companion.notebook import glue

matplotlib.use("agg")


def draw(alt="A line that rises from 0 to 1."):
    plotting.use_style()
    fig, ax = plt.subplots()
    ax.plot([0, 1], color=plotting.BLUE)
    ax.set(xlabel="time", xlim=(0.2, 0.8))  # clipped, so that the SVG needs an id
    return plotting.show(fig, alt=alt)


@pytest.mark.parametrize("alt", ["", "  ", None])
def test_a_figure_without_words_is_refused(alt):
    with pytest.raises(ValueError, match="`alt` must say in words .*got"):
        draw(alt)


def test_the_words_are_in_the_picture_and_stand_for_it():
    picture = draw('A "rising"\n    line.')
    root = ElementTree.fromstring(picture.svg)
    assert root.get("role") == "img" and root.get("aria-label") == 'A "rising" line.'
    assert picture._repr_mimebundle_() == {"text/html": picture.svg, "text/plain": picture.alt}


def test_every_colour_is_a_role():
    svg = draw().svg
    assert f"var(--ssm-blue, {plotting.BLUE})" in svg
    bare = re.sub(r"var\(--ssm-\w+, #[0-9a-f]{6}\)", "", svg)
    assert not re.search(r"(?:fill|stroke|background): (?:#|rgb)", bare)


def test_text_stays_text_in_the_font_of_the_page():
    svg = draw().svg
    assert ">time</text>" in svg and set(re.findall(r"font-family: ([^;\"]*)", svg)) == {"inherit"}


def test_nothing_reaches_the_page_around():
    svg = draw().svg
    assert "<style" not in svg and "<metadata" not in svg


def test_two_figures_share_no_id_and_one_figure_is_drawn_alike_twice():
    first, second = draw(), draw("Another line.")
    ids = [set(re.findall(r' id="([^"]*)"', picture.svg)) for picture in (first, second)]
    assert ids[0] and not ids[0] & ids[1]
    assert draw() == first


def test_showing_closes_the_figure():
    before = plt.get_fignums()
    draw()
    assert plt.get_fignums() == before


def test_glue_records_the_formatted_value_and_shows_nothing(monkeypatch):
    seen = {}
    monkeypatch.setattr(
        "ssm_companion.notebook.display", lambda data, **kw: seen.update(data=data, **kw)
    )
    glue("error", 18.4567, ".1f")
    assert seen["data"] == {"application/papermill.record/text/plain": "18.5"}
    assert seen["metadata"]["scrapbook"]["name"] == "error"
