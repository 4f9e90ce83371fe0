"""The explorable `reverse_water_filling` in a browser: its numbers, then its controls."""

import numpy as np
import pytest
from explorables import (
    button,
    caller,
    fits_and_shifts_nothing,
    is_accessible,
    is_large_enough_on_a_phone,
    its_chapter_shows,
    labels_outside,
    mount,
    readout,
    speaks_at_most_twice_a_second,
)

from ssm_companion.theory import rate_distortion as rd

CHAPTER = "book/information/rate_distortion.html"
DATA = 'data-explorable="reverse_water_filling" data-nats="4" data-factor="0.8"'
call = caller("reverse_water_filling")
COUNT = 12
KINDS = ["slow", "turn by 127°"]
RULES = ["best", "evenly", "on the least"]
CORNERS = [(x, y) for x in (0, 0.25, 16) for y in (0, 0.95)]


def draws(count=200):
    """Random variances, over four decades, and nats."""
    rng = np.random.default_rng(0)
    lists = [(10 ** rng.uniform(-2, 2, rng.integers(1, 13))).tolist() for _ in range(count)]
    return [*zip(lists, (10 ** rng.uniform(-2, 1.3, count)).tolist(), strict=True)]


def shown(page):
    """The texts beside the sliders."""
    return page.locator(".explorable-value").all_inner_texts()


def pressed(page):
    return page.locator("button[aria-pressed=true]").all_inner_texts()


# ------------------------------------------------------------------ numbers


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("waterLevel", rd.water_level),
        ("distortion", rd.distortion_rate),
        ("guaranteed", rd.guaranteed_distortion),
    ],
)
def test_the_numbers_are_those_of_the_library(open_page, name, function):
    page = open_page("/bare")
    cases = draws()
    expected = [function(*case) for case in cases]
    np.testing.assert_allclose(call(page, name, cases), expected, rtol=1e-10)


def test_nothing_is_stored_without_nats(open_page):
    page = open_page("/bare")
    for variances, _ in draws(20):
        assert call(page, "waterLevel", [(variances, 0)])[0] == pytest.approx(max(variances))
        assert call(page, "distortion", [(variances, 0)])[0] == pytest.approx(sum(variances))


@pytest.mark.parametrize("rule", ["best", "even", "least"])
def test_every_rule_spends_all_nats(open_page, rule):
    page = open_page("/bare")
    cases = draws(100)
    for given, (variances, nats) in zip(
        call(page, "shares", [(rule, *case) for case in cases]), cases, strict=True
    ):
        assert sum(given) == pytest.approx(nats) and min(given) >= 0
        left = call(page, "remainders", [(variances, given)])[0]
        np.testing.assert_allclose(left, variances * np.exp(-2 * np.array(given)), rtol=1e-12)
        low, high = rd.distortion_rate(variances, nats), rd.guaranteed_distortion(variances, nats)
        assert low * (1 - 1e-9) <= sum(left) <= high * (1 + 1e-9)
        if rule == "best":
            assert sum(left) == pytest.approx(low)
        if rule == "least":
            assert sum(left) == pytest.approx(high)


@pytest.mark.parametrize("kind", ["slow", "turn"])
def test_the_variances_are_a_spectrum(open_page, kind):
    page = open_page("/bare")
    angle = np.deg2rad(127)
    for r in (0, 0.3, 0.8, 0.95):
        got = np.array(call(page, "variances", [(kind, r)])[0])
        x = np.exp(-1j * np.pi * (np.arange(COUNT) + 0.5) / COUNT)
        poles = [r * np.exp(1j * angle), r * np.exp(-1j * angle)] if kind == "turn" else [r]
        response = 1 / np.prod([1 - pole * x for pole in poles], axis=0)
        np.testing.assert_allclose(got / got[0], np.abs(response / response[0]) ** 2, rtol=1e-10)
        assert got.sum() == pytest.approx(COUNT)


def test_a_view_is_measured(open_page):
    page = open_page("/bare")
    for rule in ("best", "even", "least"):
        view = {"kind": "slow", "rule": rule, "factor": 0.8, "nats": 4}
        found = call(page, "measure", [(view,)])[0]
        level = rd.water_level(found["list"], 4)
        assert found["level"] == pytest.approx(level)
        assert found["heard"] == (np.array(found["list"]) > level).sum()
        assert found["error"] == pytest.approx(sum(found["left"]))
        assert found["best"] <= found["error"] + 1e-12
        assert found["error"] <= found["worst"] + 1e-12


# ------------------------------------------------------------------ drawing


def axis(page, pane, first, second):
    """From the y of two grid lines: a function from pixels to the number between them."""
    lines = page.locator(f"{pane} .grid").get_attribute("d")[1:].split("M")
    one, two = (float(lines[j].split()[1].split("H")[0]) for j in (0, -1))
    return lambda y: first + (y - one) / (two - one) * (second - first)


def rectangles(page, name):
    nodes = page.locator(f".rw-bars .{name}").all()
    return np.array([[float(node.get_attribute(k)) for k in ("y", "height")] for node in nodes])


@pytest.mark.parametrize("width", [320, 900])
@pytest.mark.parametrize("rule", RULES)
def test_the_bars_are_the_variances_and_what_is_left(open_page, rule, width):
    page = open_page(width=width)
    button(page, rule).click()
    log = axis(page, ".rw-bars", -2, 1)
    name = {"evenly": "even", "on the least": "least"}.get(rule, rule)
    view = {"kind": "slow", "rule": name, "factor": 0.8, "nats": 4}
    found = call(page, "measure", [(view,)])[0]
    stored, left = rectangles(page, "stored"), rectangles(page, "left")
    shown = np.clip(found["list"], 0.002, 14), np.clip(found["left"], 0.002, 14)
    np.testing.assert_allclose(log(stored[:, 0]), np.log10(shown[0]), atol=1e-6)
    np.testing.assert_allclose(log(left[:, 0]), np.log10(shown[1]), atol=1e-6)
    np.testing.assert_allclose(stored.sum(1), left[:, 0], atol=1e-6)
    water = page.locator(".rw-bars .water").get_attribute("d")
    assert bool(water) == (rule == "best")
    if water:
        y = float(water.split()[1].split("H")[0])
        assert log(y) == pytest.approx(np.log10(found["level"]))


@pytest.mark.parametrize("width", [320, 900])
@pytest.mark.parametrize("rule", RULES)
def test_the_curves_and_the_point(open_page, rule, width):
    page = open_page(width=width)
    button(page, rule).click()
    button(page, KINDS[1]).click()
    error = axis(page, ".rw-curve", 0, 12)
    variances = call(page, "variances", [("turn", 0.8)])[0]
    nats = np.linspace(0, 16, 129)
    for name, function in [("best", rd.distortion_rate), ("worst", rd.guaranteed_distortion)]:
        d = page.locator(f".rw-curve path.{name}").get_attribute("d")
        y = np.array([float(point.split()[1]) for point in d[1:].split("L")])
        np.testing.assert_allclose(error(y), function(variances, nats), atol=0.01)
    y = float(page.locator(".rw-curve circle").get_attribute("cy"))
    words = page.locator(".rw-curve").get_attribute("aria-label")
    assert words.startswith(f"Error {error(y):.2f}, between")
    d = page.locator(".rw-curve .tangent").get_attribute("d")
    (x0, y0), (x1, y1) = ([float(v) for v in point.split()] for point in d[1:].split("L"))
    d = page.locator(".rw-curve path.best").get_attribute("d")[1:].split("L")
    left, right = (float(d[j].split()[0]) for j in (0, -1))
    slope = (error(y1) - error(y0)) / (x1 - x0) * (right - left) / 16
    assert slope == pytest.approx(-2 * rd.water_level(variances, 4), rel=2e-3)


def test_the_colours_follow_the_theme(open_page):
    page = open_page()
    ask = """() => [".rw .stored", ".rw .left"]
      .map((name) => getComputedStyle(document.querySelector(name)).fill)"""
    light = page.evaluate(ask)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert len({*light, *page.evaluate(ask)}) == 4


# ------------------------------------------------------------------ controls


def test_options_of_the_figure_reach_the_drawing(open_page):
    page = open_page()
    assert shown(page) == ["4.00", "0.80"]
    assert pressed(page) == ["slow", "best"]


@pytest.mark.parametrize(
    ("options", "buttons", "texts"),
    [
        ({}, ["slow", "best"], ["4.00", "0.80"]),
        ({"kind": "turn", "rule": "least", "nats": "1"}, [KINDS[1], RULES[2]], ["1.00", "0.80"]),
        ({"kind": "x", "rule": "toString", "nats": "99"}, ["slow", "best"], ["16.00", "0.80"]),
        ({"nats": "y", "factor": "-1"}, ["slow", "best"], ["4.00", "0.00"]),
    ],
)
def test_other_options(open_page, options, buttons, texts):
    page = open_page("/bare")
    mount(page, "reverse_water_filling", options)
    readout(page)
    assert (pressed(page), shown(page)) == (buttons, texts)


def test_the_readout_tells_the_numbers(open_page):
    page = open_page()
    found = call(page, "measure", [({"kind": "slow", "rule": "best", "factor": 0.8, "nats": 4},)])[
        0
    ]
    best, level = found["best"], found["level"]
    assert readout(page) == (
        f"With 4.00 nats the error is {best:.2f} of 12, and no memory has less. "
        f"{found['heard']} components stand above the water; "
        f"one more nat takes away at most {2 * level:.2f}, twice its level."
    )
    button(page, "on the least").click()
    worst = rd.guaranteed_distortion(found["list"], 4)
    assert readout(page) == (
        f"With 4.00 nats the error is {worst:.2f} of 12. No Gaussian memory of these nats, "
        f"read well, has more than {worst:.2f}; spent best, they leave {best:.2f}."
    )
    button(page, "evenly").press("Enter")
    assert readout(page).endswith(f"of 12. Spent best, these nats leave {best:.2f}.")
    page.get_by_label("nats C").press("Home")
    assert "With 0.00 nats the error is 12.00 of 12: nothing is known." in readout(page)


def test_arrow_keys_on_the_sliders_change_the_readout(open_page):
    page = open_page()
    heard = [readout(page)]
    for name, key in [("nats C", "ArrowRight"), ("factor", "ArrowLeft"), ("factor", "Home")]:
        page.get_by_label(name).press(key)
        heard.append(readout(page))
    assert len(set(heard)) == 4
    assert shown(page) == ["4.25", "0.00"]
    assert page.get_by_label("nats C").get_attribute("aria-valuetext") == "4.25"


def test_the_readout_speaks_at_most_twice_a_second(open_page):
    page = open_page()
    speaks_at_most_twice_a_second(page, "factor")


# ------------------------------------------------------------------ layout


@pytest.mark.parametrize("width", [320, 375, 632, 900])
def test_it_fits_and_shifts_nothing(open_page, width):
    fits_and_shifts_nothing(open_page, width, [*RULES[::-1], *KINDS[::-1]])


@pytest.mark.parametrize("width", [320, 375, 632, 900])
def test_the_readout_and_the_labels_stay_in_their_place(open_page, width):
    page = open_page(width=width)
    text = page.locator(".explorable-readout")
    room = text.bounding_box()
    for rule in RULES:
        button(page, rule).click()
        for nats, factor in CORNERS:
            page.get_by_label("nats C").fill(str(nats))
            page.get_by_label("factor").fill(str(factor))
            readout(page)
            assert text.evaluate("node => node.scrollHeight <= node.clientHeight")
            assert text.bounding_box() == room
            assert labels_outside(page) == []


@pytest.mark.parametrize("width", [320, 375])
def test_targets_and_text_are_large_enough_on_a_phone(open_page, width):
    is_large_enough_on_a_phone(open_page, width, least=24)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("rule", RULES)
def test_it_is_accessible(open_page, rule, theme):
    page = open_page(theme=theme)
    button(page, rule).click()
    readout(page)
    is_accessible(page, theme)


def test_the_chapter_shows_it(html, site, visit):
    line = "and no memory has less."
    its_chapter_shows(html, site, visit, CHAPTER, "reverse_water_filling", line)
