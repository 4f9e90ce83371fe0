"""The explorable `three_views` in a browser: its numbers against Python, then its controls."""

from functools import partial

import numpy as np
import pytest
import torch
from explorables import (
    button,
    caller,
    fits_and_shifts_nothing,
    is_large_enough_on_a_phone,
    readout,
    values,
)
from scipy.optimize import minimize_scalar

from ssm_companion import lti

DATA = 'data-explorable="three_views" data-r="0.9" data-theta="2"'
call = caller("three_views")
EDGES = [(0.0, 0.0), (0.0, 1.0), (0.9, 0.0), (0.9, np.pi), (0.99, np.pi / 2), (0.005, np.pi / 2)]


def poles(count=60):
    rng = np.random.default_rng(0)
    return [*zip(*rng.uniform([[0.05], [0.02]], [[0.99], [3.12]], (2, count)), strict=True), *EDGES]


def pole(r, theta):
    return torch.tensor([[r * np.exp(1j * theta)]])


def gain(r, theta, turns):
    """The gain of the library: the output is a real part, so that no conjugate is counted twice."""
    one, z = torch.ones(1, 1, dtype=torch.float64), np.exp(2j * np.pi * np.atleast_1d(turns))
    z = torch.as_tensor(z)
    h = z * lti.transfer_function(pole(r, theta), one, one, z, conj_pairs=False)
    return h.abs().numpy()[0]


def block(r, theta, cut):
    t, s = np.arange(cut, 24)[:, None], np.arange(cut + 1)
    return np.power(r, t - s) * np.cos((t - s) * theta)


# ------------------------------------------------------------------ numbers


def test_the_kernel_agrees_with_numpy(open_page):
    got = call(open_page("/bare"), "kernel", [(*one, 41) for one in poles()])
    for values_, (r, theta) in zip(got, poles(), strict=True):
        powers = np.cumprod(np.r_[1.0, np.full(40, r * np.exp(1j * theta))])
        np.testing.assert_allclose(values_, powers.real, rtol=0, atol=1e-12)


def test_the_kernel_is_that_of_the_library(open_page):
    inside = [one for one in poles() if one[0] > 0]
    got = call(open_page("/bare"), "kernel", [(*one, 41) for one in inside])
    one = torch.ones(1, 1, dtype=torch.float64)
    for values_, (r, theta) in zip(got, inside, strict=True):
        system = (pole(r, theta).log(), one, one, one[0])
        k = lti.kernel(*system, 41, discretization="euler", conj_pairs=False)[0]
        np.testing.assert_allclose(values_, k.numpy(), rtol=0, atol=1e-12)


def test_the_gain_is_that_of_the_library(open_page):
    page, turns = open_page("/bare"), np.linspace(0, 0.5, 51)
    for r, theta in poles():
        got = call(page, "gain", [(r, theta, place) for place in turns])
        np.testing.assert_allclose(got, gain(r, theta, turns), rtol=1e-12)
        assert min(got) > 0.5 and max(got) <= 1 / (1 - r) + 1e-9  # so it stays on the axis


def test_the_gain_is_the_transform_of_the_kernel(open_page):
    page = open_page("/bare")
    for r, theta in [(0.9, 0.5), (0.8, 2.2), (0.3, 1.0)]:
        k = call(page, "kernel", [(r, theta, 512)])[0]
        got = call(page, "gain", [(r, theta, j / 512) for j in range(257)])
        np.testing.assert_allclose(got, np.abs(np.fft.rfft(k)), rtol=1e-10)


def test_the_peak_is_the_largest_gain(open_page):
    inside = [one for one in poles() if one[0] > 0]
    for got, one in zip(call(open_page("/bare"), "peak", inside), inside, strict=True):
        grid = np.linspace(0, 0.5, 2001)
        best = grid[np.argmax(gain(*one, grid))]
        bounds = (max(0, best - 0.00025), min(0.5, best + 0.00025))
        fine = minimize_scalar(
            lambda turns, one=one: -gain(*one, turns)[0],
            bounds=bounds,
            method="bounded",
            options={"xatol": 1e-12},
        )
        assert got["height"] == pytest.approx(max(-fine.fun, gain(*one, best)[0]), rel=1e-6)
        assert got["turns"] == pytest.approx(fine.x, abs=1e-6)


def test_without_memory_the_gain_is_flat(open_page):
    page = open_page("/bare")
    assert call(page, "gain", [(0, 1, 0), (0, 2, 0.3)]) == [1, 1]
    assert call(page, "peak", [(0, np.pi / 2)]) == [{"turns": 0, "height": 1}]


def test_the_ranks_agree_with_numpy(open_page):
    ranks = call(open_page("/bare"), "blockRank", poles())
    assert {*ranks} == {1, 2}
    for one, rank in zip(poles(), ranks, strict=True):
        cuts = range(1, 23)  # every place of the slider
        assert {np.linalg.matrix_rank(block(*one, cut)) for cut in cuts} == {rank}


# ------------------------------------------------------------------ drawing


def test_options_of_the_figure_reach_the_drawing(open_page):
    page = open_page()
    assert values(page) == [0.9, 114.6, 11]
    assert readout(page) == (
        "Half of a click is left after 6.6 steps; the gain is largest, 5.27, at 0.318 turns per "
        "step; two numbers of state, and rank 2 below the diagonal."
    )
    disc = page.locator(".tv-disc")
    assert "modulus 0.900 and angle 114.6 degrees" in disc.get_attribute("aria-label")


def test_without_options(open_page):
    page = open_page("/bare")
    page.evaluate("""async () => {
      const { mount } = await import("/explorables/three_views.js");
      mount(document.querySelector(".explorable-stage"));
    }""")
    assert values(page) == [0.97, 32.7, 11]
    assert page.locator("button[aria-pressed=true]").all_inner_texts() == ["sunspot cycle"]


def test_the_matrix_is_drawn_by_its_lags(open_page):
    page = open_page()
    got = page.evaluate("""() => [...document.querySelectorAll(".tv-matrix .cell")].map((path) =>
      [path.getAttribute("d").split("M").length - 1, path.getAttribute("fill-opacity"),
       path.classList.contains("minus")])""")
    k = 0.9 ** np.arange(24) * np.cos(2 * np.arange(24))
    assert [count for count, _, _ in got] == list(range(24, 0, -1))
    np.testing.assert_allclose([float(opacity) for _, opacity, _ in got], np.abs(k), atol=1e-4)
    assert [minus for _, _, minus in got] == list(k < 0)


@pytest.mark.parametrize("cut", [1, 11, 22])
def test_the_block_holds_the_rows_from_the_cut_and_the_columns_up_to_it(open_page, cut):
    page = open_page()
    slider = page.get_by_label("cut c")
    slider.fill(str(cut))
    assert slider.get_attribute("aria-valuetext") == str(cut)
    x, y, width, height, cell = page.evaluate("""() => {
      const all = document.querySelector(".tv-matrix .cell").getBBox();
      const box = document.querySelector(".tv-matrix .block").getBBox();
      const cell = (all.width + 1) / 24;
      return [box.x - all.x, box.y - all.y, box.width, box.height, cell];
    }""")
    assert (x, y) == (-1, cut * cell - 1)
    assert (width, height) == ((cut + 1) * cell + 1, (24 - cut) * cell + 1)
    assert page.locator(".tv-matrix").get_by_text(f"t ≥ {cut} ≥ s:").count() == 1
    assert "rank 2" in page.locator(".tv-matrix").text_content()


def test_the_gain_is_drawn_with_its_peak_and_the_angle(open_page):
    page = open_page()
    zero, half, one, ten, dotted, x, y = page.evaluate("""() => {
      const pane = document.querySelector(".tv-gain");
      const text = (word, name) => Number([...pane.querySelectorAll("text")]
        .find((node) => node.textContent === word).getAttribute(name));
      const peak = pane.querySelector(".peak");
      const dotted = pane.querySelector(".envelope").getBBox().x;
      return [text("0", "x"), text("0.5", "x"), text("1", "y"), text("10", "y"), dotted,
              Number(peak.getAttribute("cx")), Number(peak.getAttribute("cy"))];
    }""")
    assert 0.5 * (dotted - zero) / (half - zero) == pytest.approx(1 / np.pi, abs=1e-4)
    assert 0.5 * (x - zero) / (half - zero) == pytest.approx(0.318, abs=5e-4)
    assert 10 ** ((one - (y + 4)) / (one - ten)) == pytest.approx(5.27, abs=0.01)


def test_the_colours_follow_the_theme_and_the_sign(open_page):
    page = open_page()

    def colours():
        return page.evaluate("""() => [".tv-matrix .cell:not(.minus)", ".tv-matrix .cell.minus"]
          .map((name) => getComputedStyle(document.querySelector(name)).fill)""")

    light = colours()
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert len({*light, *colours()}) == 4


# ------------------------------------------------------------------ controls


def test_arrow_keys_on_the_sliders_change_the_readout(open_page):
    page = open_page()
    modulus, angle = page.get_by_label("modulus r"), page.get_by_label("angle θ")
    heard = [readout(page)]
    for slider, key, shown in [
        (modulus, "ArrowRight", [0.905, 114.6, 11]),
        (angle, "ArrowLeft", [0.905, 114, 11]),
        (angle, "Home", [0.905, 0, 11]),
        (modulus, "End", [0.99, 0, 11]),
        (modulus, "Home", [0, 0, 11]),
    ]:
        slider.press(key)
        assert values(page) == shown
        heard.append(readout(page))
    assert len(set(heard)) == 6
    assert "largest, 100, at 0 turns per step; one number of state, and rank 1" in heard[-2]
    assert heard[-1] == (
        "Nothing of a click is left after 1 step; the gain is 1 at every frequency; "
        "one number of state, and rank 1 from the diagonal alone."
    )
    page.get_by_label("cut c").press("ArrowRight")
    assert values(page)[2] == 12


@pytest.mark.parametrize(
    ("name", "modulus", "degrees", "words"),
    [
        ("leaky integrator", 0.9, 0, "6.6 steps; the gain is largest, 10.0, at 0 turns"),
        ("sunspot cycle", 0.97, 32.7, "22.8 steps; the gain is largest, 16.9, at 0.091 turns"),
        ("the 127° rotation", 0.95, 126.9, "13.5 steps; the gain is largest, 10.3, at 0.352 turns"),
        ("alternating", 0.9, 180, "6.6 steps; the gain is largest, 10.0, at 0.5 turns"),
    ],
)
def test_presets(open_page, name, modulus, degrees, words):
    page = open_page()
    button(page, name).press("Enter")
    assert values(page) == [modulus, degrees, 11]
    heard = readout(page)
    assert words in heard
    assert ("one number of state, and rank 1" in heard) == (degrees in (0, 180))
    assert page.locator("button[aria-pressed=true]").all_inner_texts() == [name]


def test_dragging_the_handle_moves_the_pole(open_page):
    page = open_page()
    disc = page.locator(".tv-disc .rule").bounding_box()
    radius = disc["width"] / 2
    cx, cy = disc["x"] + radius, disc["y"] + radius
    handle = page.locator(".tv-disc .handle").bounding_box()
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(cx + 0.3 * radius, cy - 0.3 * radius)
    page.mouse.move(cx, cy - 0.5 * radius)
    assert values(page) == pytest.approx([0.5, 90, 11], abs=1)
    page.mouse.move(cx - 3 * radius, cy)  # outside: held inside the circle
    assert values(page) == [0.99, 180, 11]
    page.mouse.up()
    page.mouse.move(cx, cy)
    assert "largest, 100, at 0.5 turns per step" in readout(page)


# ------------------------------------------------------------------ layout


@pytest.mark.parametrize("width", [320, 375, 632, 900])
def test_it_fits_and_shifts_nothing(open_page, width):
    tall = partial(open_page, height=1600)  # so that no click scrolls
    fits_and_shifts_nothing(tall, width, ["alternating", "the 127° rotation"])


@pytest.mark.parametrize("width", [320, 375, 632, 900])
def test_the_readout_stays_in_its_place(open_page, width):
    page = open_page(width=width)
    room = page.locator(".explorable-readout").bounding_box()["height"]
    for turn, modulus in [(0, 0), (1, 0.985), (97, 0.015), (179, 0.955)]:
        page.get_by_label("angle θ").fill(str(turn))
        page.get_by_label("modulus r").fill(str(modulus))
        readout(page)
        line = page.locator(".explorable-readout")
        assert line.evaluate("node => node.scrollHeight <= node.clientHeight")
        assert line.bounding_box()["height"] == room


def test_targets_and_text_are_large_enough_on_a_phone(open_page):
    is_large_enough_on_a_phone(open_page)
