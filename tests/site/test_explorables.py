"""The explorable `pole_memory` in a browser: its numbers against Python, then its controls."""

import numpy as np
import pytest
import torch
from explorables import (
    button,
    fits_and_shifts_nothing,
    is_large_enough_on_a_phone,
    readout,
    speaks_at_most_twice_a_second,
    values,
)

from ssm_companion import linear_scan

DATA = 'data-explorable="pole_memory" data-r="0.97" data-theta="0.571"'
IN_BROWSER = """async ([r, theta, u]) => {
  const m = await import("/explorables/pole_memory.js");
  return {
    impulse: m.impulseResponse(r, theta, u.length),
    response: m.response(r, theta, u),
    half: m.halfLife(r),
    period: m.period(theta),
  };
}"""


def tape(page):
    """What the moving picture shows now: its curve and how far it has scrolled."""
    return page.evaluate(
        """() => {
          const state = document.querySelector(".pm-stream .state");
          return state.getAttribute("d") + state.parentNode.getAttribute("transform");
        }"""
    )


def moves(page):
    before = tape(page)
    page.wait_for_timeout(400)
    return tape(page) != before


# ------------------------------------------------------------------ numbers


def cases():
    rng = np.random.default_rng(0)
    u = np.where(rng.random((20, 200)) < 0.1, rng.standard_normal((20, 200)), 0.0)
    return rng.uniform(0.01, 0.995, 20), rng.uniform(0.01, np.pi, 20), u


def test_numbers_agree_with_numpy(open_page):
    page = open_page("/bare")
    for r, theta, u in zip(*cases(), strict=True):
        got = page.evaluate(IN_BROWSER, [float(r), float(theta), u.tolist()])
        lam, h, states = r * np.exp(1j * theta), 0.0, []
        for value in u:
            h = lam * h + value
            states.append(h.real)
        powers = np.cumprod(np.r_[1.0, np.full(len(u) - 1, lam)]).real
        np.testing.assert_allclose(got["impulse"], powers, rtol=0, atol=1e-12)
        np.testing.assert_allclose(got["response"], states, rtol=0, atol=1e-12)
        assert r ** got["half"] == pytest.approx(0.5, abs=1e-12)
        assert np.exp(1j * theta * got["period"]) == pytest.approx(1.0, abs=1e-12)


def test_response_is_the_linear_scan_of_the_library(open_page):
    page = open_page("/bare")
    r, theta, u = cases()
    lam = torch.as_tensor(r * np.exp(1j * theta))
    b = torch.as_tensor(u.T[None].copy()).to(torch.complex128)
    h = linear_scan(lam.expand_as(b).contiguous(), b).real[0].T
    got = [
        page.evaluate(IN_BROWSER, [float(p), float(q), v.tolist()])["response"]
        for p, q, v in zip(r, theta, u, strict=True)
    ]
    np.testing.assert_allclose(got, h.numpy(), rtol=0, atol=1e-12)


def test_edges_of_the_disc(open_page):
    page = open_page("/bare")
    inside = page.evaluate(IN_BROWSER, [0, 0, [1, 0, 0, 2]])
    assert (inside["impulse"], inside["response"]) == ([1, 0, 0, 0], [1, 0, 0, 2])
    assert (inside["half"], inside["period"]) == (0, np.inf)
    assert page.evaluate(IN_BROWSER, [1, 0, [1]])["half"] == np.inf


def test_pulses_repeat_from_their_seed(open_page):
    draw = """async (seed) => (await import("/explorables/pole_memory.js")).pulses(seed, 256)"""
    page = open_page("/bare")
    first, again, other = (np.array(page.evaluate(draw, seed)) for seed in (204, 204, 205))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    heights = np.abs(first[first != 0])
    assert 10 <= len(heights) <= 28 and heights.min() >= 0.5 and heights.max() <= 1
    assert np.diff(np.flatnonzero(first)).min() >= 9


# ------------------------------------------------------------------ controls


def test_options_of_the_figure_reach_the_drawing(open_page):
    page = open_page()
    assert values(page) == [0.97, 32.7]
    assert readout(page) == "Remembers half of a pulse for 22.8 steps; one turn every 11 steps."


def test_arrow_keys_on_the_sliders_change_the_readout(open_page):
    page = open_page()
    modulus, angle = page.get_by_label("modulus r"), page.get_by_label("angle θ")
    before = readout(page)
    modulus.press("ArrowLeft")
    assert values(page)[0] == 0.965
    assert modulus.get_attribute("aria-valuetext") == "0.965"
    between = readout(page)
    assert between != before and "19.5 steps" in between
    angle.press("ArrowRight")
    assert values(page)[1] == 34
    assert "one turn every 10.6 steps" in readout(page)
    angle.press("Home")
    assert "no oscillation" in readout(page)
    modulus.press("End")
    assert "138.3 steps" in readout(page)


def test_the_readout_speaks_at_most_twice_a_second(open_page):
    page = open_page()
    speaks_at_most_twice_a_second(page, "modulus r")
    assert "0.87" in page.locator(".explorable-value").first.inner_text()
    assert "Remembers half of a pulse for 5.0 steps" in readout(page)


@pytest.mark.parametrize(
    ("name", "modulus", "degrees", "words"),
    [
        ("leaky integrator", 0.9, 0, "6.6 steps; no oscillation"),
        ("sunspot cycle", 0.97, 32.7, "22.8 steps; one turn every 11 steps"),
        ("the 127° rotation", 0.95, 126.9, "13.5 steps; one turn every 2.8 steps"),
    ],
)
def test_presets(open_page, name, modulus, degrees, words):
    page = open_page()
    button(page, name).press("Enter")
    assert values(page) == [modulus, degrees]
    assert words in readout(page)
    assert page.locator("button[aria-pressed=true]").all_inner_texts() == [name]


def test_dragging_the_handle_moves_the_pole(open_page):
    page = open_page()
    disc = page.locator(".pm-disc .rule").bounding_box()
    radius = disc["width"] / 2
    cx, cy = disc["x"] + radius, disc["y"] + radius
    handle = page.locator(".pm-disc .handle").bounding_box()
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(cx + 0.3 * radius, cy - 0.3 * radius)
    page.mouse.move(cx, cy - 0.5 * radius)
    assert values(page) == pytest.approx([0.5, 90], abs=1)
    page.mouse.move(cx - 3 * radius, cy)  # outside: held at the rim
    assert values(page) == [0.995, 180]
    page.mouse.up()
    page.mouse.move(cx, cy)
    assert values(page) == [0.995, 180]
    assert "one turn every 2 steps" in readout(page)
    page.mouse.click(cx, cy + 0.5 * radius)  # a click on the disc, here on the conjugate's side
    assert values(page) == pytest.approx([0.5, 90], abs=1)


def test_play_and_pause(open_page):
    page = open_page()
    assert moves(page)
    button(page, "Pause").click()
    assert not moves(page)
    button(page, "Play").press("Enter")
    assert moves(page)


def test_it_rests_off_screen(open_page):
    page = open_page()
    page.evaluate(
        "document.body.prepend(Object.assign(document.createElement('p'),"
        " { style: 'height: 4000px' }))"
    )
    page.wait_for_timeout(200)
    assert not moves(page)
    page.locator(".pm-stream").scroll_into_view_if_needed()
    page.wait_for_timeout(200)
    assert moves(page)


def test_reduced_motion_starts_paused_with_a_picture(open_page):
    page = open_page(reduced_motion="reduce")
    assert button(page, "Play").is_visible()
    assert tape(page).count("L") > 20
    assert not moves(page)
    before = tape(page)
    button(page, "leaky integrator").click()
    assert tape(page) != before


# ------------------------------------------------------------------ layout


@pytest.mark.parametrize("width", [320, 375, 632, 900])
def test_it_fits_and_shifts_nothing(open_page, width):
    fits_and_shifts_nothing(open_page, width, ["leaky integrator"])


def test_targets_and_text_are_large_enough_on_a_phone(open_page):
    is_large_enough_on_a_phone(open_page)


def test_a_missing_module_leaves_a_sentence(visit, bench):
    with visit(bench + "/bare") as (page, _):
        page.evaluate("""async () => {
          document.querySelector("figure").dataset.explorable = "no_such_module";
          await import("/explorables/loader.js");
        }""")
        page.get_by_text("could not be loaded").wait_for()
