"""The explorable `step_rules` in a browser: its numbers against Python, then its controls."""

import numpy as np
import pytest
import torch
from explorables import (
    button,
    fits_and_shifts_nothing,
    is_large_enough_on_a_phone,
    readout,
    values,
)

from ssm_companion.discretize import factors

DATA = (
    'data-explorable="step_rules" data-alpha="0.1" data-omega="0.5" data-delta="2"'
    ' data-rule="bilinear"'
)
RULES = {
    "exact": np.exp,
    "forward": lambda z: 1 + z,
    "backward": lambda z: 1 / (1 - z),
    "bilinear": lambda z: (1 + z / 2) / (1 - z / 2),
}
LIBRARY = {"exact": "zoh", "bilinear": "bilinear"}
SEASON = "seasonal mode, monthly"
FACTORS = """async ([rule, points]) => {
  const m = await import("/explorables/step_rules.js");
  return points.map(([re, im]) => [...m.factor(rule, re, im), m.inside(rule, re, im)]);
}"""
DECAYS = """async ([rule, modes]) => {
  const m = await import("/explorables/step_rules.js");
  return modes.map((mode) => m.decay(rule, ...mode));
}"""
MODE_AT = """async (points) => {
  const m = await import("/explorables/step_rules.js");
  return points.map((point) => Object.values(m.modeAt(...point)));
}"""


def pressed(page):
    return page.locator("button[aria-pressed=true]").all_inner_texts()


def place(page):
    """Where z is drawn in the plane, by its axes and their numbers; and whether it has left it."""
    x, y, left = page.evaluate("""() => {
      const plane = document.querySelector(".sr-plane");
      const texts = [...plane.querySelectorAll("text")];
      const [two, minus] = ["2", "−2"].map((text) => texts.find((t) => t.textContent === text));
      const unit = (two.getAttribute("x") - minus.getAttribute("x")) / 4;
      const x = plane.querySelector(".handle").getAttribute("cx");
      const y = plane.querySelector(".handle").getAttribute("cy");
      const left = plane.querySelector(".truth").getBBox().x;
      const top = plane.querySelector(".grid").getBBox().y;
      return [(x - left) / unit, (top - y) / unit, plane.classList.contains("outside")];
    }""")
    return complex(x, y), left


# ------------------------------------------------------------------ numbers


def plane(count=400):
    rng = np.random.default_rng(0)
    return rng.uniform(-4, 2, count) + 1j * rng.uniform(-3, 3, count)


def in_browser(page, rule, z):
    re, im, inside = np.transpose(page.evaluate(FACTORS, [rule, np.c_[z.real, z.imag].tolist()]))
    return re + 1j * im, inside.astype(bool)


@pytest.mark.parametrize("rule", RULES)
def test_factors_agree_with_numpy(open_page, rule):
    z = plane()
    factor, inside = in_browser(open_page("/bare"), rule, z)
    np.testing.assert_allclose(factor, RULES[rule](z), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(inside, np.abs(RULES[rule](z)) < 1)
    assert inside.any() and not inside.all()


@pytest.mark.parametrize("rule", LIBRARY)
def test_factors_are_those_of_the_library(open_page, rule):
    z = plane()
    factor, _ = in_browser(open_page("/bare"), rule, z)
    ours = factors(torch.as_tensor(z), LIBRARY[rule])[0].numpy()
    np.testing.assert_allclose(factor, ours, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_the_border_is_not_inside(open_page, rule):
    turn = np.array([1, 1j, -1j])
    border = {"forward": turn - 1, "backward": 1 - turn}.get(rule, 1j * np.linspace(-3, 3, 13))
    factor, inside = in_browser(open_page("/bare"), rule, border)
    np.testing.assert_allclose(np.abs(factor), 1, rtol=0, atol=1e-12)
    assert not inside.any()


@pytest.mark.parametrize("rule", RULES)
def test_the_decay_is_the_power_of_the_factor(open_page, rule):
    rng = np.random.default_rng(1)
    modes = np.c_[rng.uniform(0, 1.5, 30), rng.uniform(0, 3, 30), rng.uniform(0.05, 4, 30)]
    got = open_page("/bare").evaluate(DECAYS, [rule, [[*mode, 24] for mode in modes.tolist()]])
    for values_, (alpha, omega, delta) in zip(got, modes, strict=True):
        factor = RULES[rule](delta * complex(-alpha, omega))
        powers = np.cumprod(np.r_[1.0, np.full(24, factor)])
        error = np.abs(values_ - powers.real) / np.maximum(1, np.abs(powers))
        assert error.max() < 1e-12


def test_a_point_becomes_a_mode_on_the_sliders(open_page):
    rng = np.random.default_rng(2)
    points = np.c_[rng.uniform(-5, 0, 99), rng.uniform(0, 3.2, 99), rng.choice([0.05, 1, 4], 99)]
    alpha, omega, delta = np.transpose(open_page("/bare").evaluate(MODE_AT, points.tolist()))
    assert 0 <= alpha.min() and alpha.max() <= 1.5 and 0 <= omega.min() and omega.max() <= 3
    assert (delta >= points[:, 2]).all() and delta.max() <= 4
    reached = points[:, 2] >= np.maximum(-points[:, 0] / 1.5, points[:, 1] / 3)
    assert (delta[reached] == points[reached, 2]).all() and not reached.all()
    np.testing.assert_allclose(-alpha * delta, points[:, 0], rtol=0, atol=0.0025 * 4 + 1e-9)
    np.testing.assert_allclose(omega * delta, points[:, 1], rtol=0, atol=0.005 * 4 + 1e-9)


# ------------------------------------------------------------------ controls


def test_options_of_the_figure_reach_the_drawing(open_page):
    page = open_page()
    assert values(page) == [2, 0.1, 0.5]
    assert pressed(page) == ["bilinear"]
    z, left = place(page)
    assert z == pytest.approx(-0.2 + 1j, abs=0.01) and not left
    assert readout(page) == (
        "True factor per step 0.819, turning 57.3°; bilinear 0.852, turning 53.5°: decays."
    )


def test_without_options_and_with_an_unknown_rule(open_page):
    page = open_page("/bare")
    page.evaluate("""async () => {
      const { mount } = await import("/explorables/step_rules.js");
      mount(document.querySelector(".explorable-stage"), { rule: "toString" });
    }""")
    assert pressed(page) == ["forward Euler", SEASON]
    assert values(page) == [1, 0.029, 0.524]


def test_arrow_keys_on_the_sliders_change_the_readout(open_page):
    page = open_page()
    step, rate, frequency = map(page.get_by_label, ("step δ", "decay α", "frequency ω"))
    heard = [readout(page)]
    for slider, key, shown in [
        (step, "ArrowRight", [2.05, 0.1, 0.5]),
        (rate, "ArrowRight", [2.05, 0.105, 0.5]),
        (frequency, "ArrowLeft", [2.05, 0.105, 0.49]),
        (rate, "Home", [2.05, 0, 0.49]),
    ]:
        slider.press(key)
        assert values(page) == shown
        heard.append(readout(page))
    assert len(set(heard)) == 5
    assert rate.get_attribute("aria-valuetext") == "0"
    assert heard[-1].startswith("True factor per step 1.000, turning 57.6°; bilinear 1.000")
    assert heard[-1].endswith("neither grows nor decays.")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("exact", "exact the same: decays."),
        ("forward Euler", "forward Euler 1.281, turning 51.3°: grows."),
        ("backward Euler", "backward Euler 0.640, turning 39.8°: decays."),
        ("bilinear", "bilinear 0.852, turning 53.5°: decays."),
    ],
)
def test_the_rules(open_page, name, said):
    page = open_page()
    region = page.locator(".sr-plane .region")
    drawn = region.get_attribute("d")
    button(page, name).press("Enter")
    assert pressed(page) == [name]
    assert readout(page) == "True factor per step 0.819, turning 57.3°; " + said
    same = name in ("exact", "bilinear")  # the left half-plane, both
    assert (region.get_attribute("d") == drawn) == same
    assert (page.locator(".sr.grows").count() == 1) == ("grows" in said)


@pytest.mark.parametrize(
    ("name", "shown", "said"),
    [
        (SEASON, [1, 0.029, 0.524], "0.972, turning 30°; forward Euler 1.103, turning 28.3°"),
        ("fast decay", [4, 1.2, 0], "0.008, turning 0°; forward Euler 3.800, turning 180°"),
        ("the 127° rotation", [1, 0.051, 2.214], "126.9°; forward Euler 2.409, turning 66.8°"),
        ("pure rotation", [0.5, 0, 1], "1.000, turning 28.6°; forward Euler 1.118, turning 26.6°"),
    ],
)
def test_presets(open_page, name, shown, said):
    page = open_page()
    button(page, "forward Euler").click()
    button(page, name).press("Enter")
    assert values(page) == shown
    assert pressed(page) == ["forward Euler", name]
    assert said in readout(page)
    assert not place(page)[1]


def test_dragging_the_point_moves_the_mode(open_page):
    page = open_page()
    box = page.locator(".sr-plane .handle").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 40, y + 10)
    page.mouse.move(x - 60, y + 20)
    z, _ = place(page)
    delta, alpha, omega = values(page)
    assert delta == 2 and z.real < -1 and z.imag < 0.7
    assert z == pytest.approx(delta * complex(-alpha, omega), abs=0.01)
    page.mouse.move(x - 2000, y - 2000)  # outside: held in the picture, with a longer step
    assert place(page)[0] == pytest.approx(-5 + 3.2j, abs=0.02)
    assert values(page)[0] > 3.3
    page.mouse.move(x + 500, y)  # a mode that grows is not on offer
    assert place(page)[0].real == pytest.approx(0, abs=1e-5) and values(page)[:2] == [2, 0]
    page.mouse.up()
    page.mouse.move(x, y)
    assert place(page)[0].real == pytest.approx(0, abs=1e-5)
    page.mouse.click(x - 60, y + 20)  # a click in the plane
    assert place(page)[0] == pytest.approx(z, abs=0.03)


def test_a_point_that_leaves_the_picture_is_marked_at_its_edge(open_page):
    page = open_page()
    page.get_by_label("frequency ω").press("End")
    z, left = place(page)
    assert left and z == pytest.approx(3.2j - 3.2 * 0.2 / 6, abs=0.01)
    page.get_by_label("step δ").press("Home")
    assert place(page) == (pytest.approx(0.05 * (-0.1 + 3j), abs=0.01), False)


def test_the_steps_of_the_decay_are_drawn(open_page):
    page = open_page()
    samples = page.locator(".sr-decay .samples")
    assert samples.get_attribute("d").count("M") == 13  # 24 units of time, steps of 2
    page.get_by_label("step δ").press("Home")
    assert samples.get_attribute("d").count("M") == 481
    button(page, "forward Euler").click()
    button(page, "fast decay").click()  # 1, -3.8, 14.44, and then out of sight
    assert samples.get_attribute("d").count("M") == 3


# ------------------------------------------------------------------ layout


@pytest.mark.parametrize("width", [320, 375, 632, 900])
def test_it_fits_and_shifts_nothing(open_page, width):
    fits_and_shifts_nothing(open_page, width, ["backward Euler", "the 127° rotation"])


def test_targets_and_text_are_large_enough_on_a_phone(open_page):
    is_large_enough_on_a_phone(open_page)
