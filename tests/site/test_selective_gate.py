"""The explorable `selective_gate` in a browser: its numbers against Python, then its controls."""

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

from ssm_companion import selective_scan

TAPE = "+..-.+..-.+."
DATA = f'data-explorable="selective_gate" data-symbol="1" data-noise="0.1" data-tape="{TAPE}"'
LIBRARY = {"hold": "zoh", "mamba": "euler"}
RULES = [*LIBRARY, "erase"]
call = caller("selective_gate")
BARS = """(pane) => {
  const [zero, tick] = [".rule", ".grid"].map((name) =>
    Number(document.querySelector(`${pane} ${name}`).getAttribute("d").match(/ (\\S+)H/)[1]));
  const unit = zero - tick;
  return [...document.querySelectorAll(`${pane} .bar`)].map((bar) => {
    const { x, y, width, height } = Object.fromEntries(
      [...bar.attributes].map(({ name, value }) => [name, Number(value)]));
    const value = (Math.abs(y + height - zero) < 1e-6 ? height : -height) / unit;
    return [x + width / 2, value, bar.classList.contains("symbol"), width];
  });
}"""


def tapes(count=40):
    rng = np.random.default_rng(0)
    symbols = ["".join(rng.choice([*"..+-"], 12)) for _ in range(count)]
    return [*symbols, "............", "++++++++++++", "+..........."]


def settings():
    """Tapes with their two steps: any, at both ends of the sliders, and none at all."""
    rng = np.random.default_rng(1)
    drawn = rng.uniform(0, 3, (len(tapes()), 2)).tolist()
    edges = [(0.0, 0.0), (0.0, 3.0), (3.0, 0.0), (3.0, 3.0)]
    return [*zip(tapes(), drawn, strict=True), *[(TAPE, edge) for edge in edges]]


def read_tapes(page):
    """The steps and the inputs of the settings, as the figure has them."""
    deltas = call(page, "steps", [(tape, *pair) for tape, pair in settings()])
    return deltas, call(page, "values", [(tape,) for tape, _ in settings()])


def library(rule, deltas, inputs):
    """The states by the library, or by the definition where it has no such rule."""
    if rule == "erase":
        h, states = 0.0, []
        for gate, u in zip(-np.expm1(-np.array(deltas)), inputs, strict=True):
            h = gate * (h + u)
            states.append(h)
        return np.array(states)
    u, delta = (torch.tensor(x, dtype=torch.float64)[None, :, None] for x in (inputs, deltas))
    one = torch.ones(1, 1, dtype=torch.float64)
    return selective_scan(u, delta, -one, one, one, discretization=LIBRARY[rule])[0, :, 0].numpy()


def places(page):
    return page.get_by_role("toolbar", name="Places of the tape").get_by_role("button")


def shown_tape(page):
    """The tape, as the names of its buttons tell it."""
    kinds = {"symbol +1": "+", "symbol −1": "-"}
    names = [node.get_attribute("aria-label").split(": ")[1] for node in places(page).all()]
    return "".join(kinds.get(name, ".") for name in names)


def pressed(page):
    return page.locator("button[aria-pressed=true]").all_inner_texts()


# ------------------------------------------------------------------ numbers


@pytest.mark.parametrize("rule", RULES)
def test_the_states_are_those_of_the_library(open_page, rule):
    page = open_page("/bare")
    read = list(zip(*read_tapes(page), strict=True))
    for got, one in zip(call(page, "states", [(rule, *one) for one in read]), read, strict=True):
        np.testing.assert_allclose(got, library(rule, *one), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("rule", RULES)
def test_the_last_state_is_the_weighted_sum_of_the_inputs(open_page, rule):
    page = open_page("/bare")
    read = list(zip(*read_tapes(page), strict=True))
    left = call(page, "weights", [(rule, deltas) for deltas, _ in read])
    for weights, (deltas, inputs) in zip(left, read, strict=True):
        last = library(rule, deltas, inputs)[-1]
        assert np.dot(weights, inputs) == pytest.approx(last, rel=1e-12, abs=1e-13)
        each = [library(rule, deltas, unit)[-1] for unit in np.eye(12)]
        np.testing.assert_allclose(weights, each, rtol=1e-12, atol=1e-300)


def test_a_tape_is_its_symbols_and_a_fixed_noise(open_page):
    page = open_page("/bare")
    noise = call(page, "values", [("............",)])[0]
    assert max(np.abs(noise)) <= 0.6 and np.std(noise) > 0.2 and sum(noise) > 1
    got, steps = call(page, "values", [(TAPE,)])[0], call(page, "steps", [(TAPE, 2, 0.5)])[0]
    symbols = {"+": 1, "-": -1}
    assert got == [symbols.get(kind, rest) for kind, rest in zip(TAPE, noise, strict=True)]
    assert steps == [2 if kind in symbols else 0.5 for kind in TAPE]


def test_the_shares_are_parts_of_the_whole_weight(open_page):
    page = open_page("/bare")
    deltas, _ = read_tapes(page)
    for rule in RULES:
        left = call(page, "weights", [(rule, one) for one in deltas])
        asked = [(tape, weights) for (tape, _), weights in zip(settings(), left, strict=True)]
        for got, (tape, weights) in zip(call(page, "share", asked), asked, strict=True):
            symbols = np.array([kind != "." for kind in tape])
            if not any(weights):
                assert got is None
                continue
            part = np.sum(weights, where=symbols) / np.sum(weights)
            assert got == pytest.approx([part, 1 - part], rel=1e-12, abs=1e-12)


def test_what_the_readout_says_of_the_weights_is_true(open_page):
    page = open_page("/bare")
    deltas, _ = read_tapes(page)
    for one, weights in zip(
        deltas, call(page, "weights", [("hold", d) for d in deltas]), strict=True
    ):
        assert sum(weights) == pytest.approx(-np.expm1(-sum(one)), rel=1e-12)
        assert sum(weights) <= 1 + 1e-15
    for weights in call(page, "weights", [("erase", d) for d in deltas]):
        assert (np.diff(weights) >= 0).all()
    written = [w[-1] for w in call(page, "weights", [("mamba", [d[-1]]) for d in deltas])]
    assert written == [d[-1] for d in deltas]  # above 1 where the step is


# ------------------------------------------------------------------ drawing


def test_options_of_the_figure_reach_the_drawing(open_page):
    page = open_page()
    assert values(page) == [1, 0.1]
    assert pressed(page) == ["hold"]
    assert shown_tape(page) == TAPE
    assert readout(page) == (
        "Symbols make up 85 % of the weight in the last state, noise 15 %; "
        "the weights sum to 1.00. Weights of this rule never sum to more than 1."
    )


@pytest.mark.parametrize(
    ("options", "rule", "steps", "tape"),
    [
        ("{}", "hold", [1.2, 0.05], "..+...-.++.."),
        ("{rule: 'erase', symbol: 9, noise: -1}", "erase", [3, 0], "..+...-.++.."),
        ("{rule: 'toString', tape: '+++'}", "hold", [1.2, 0.05], "..+...-.++.."),
        (f"{{rule: 'mamba', tape: '{TAPE}'}}", "Mamba", [1.2, 0.05], TAPE),
    ],
)
def test_other_options(open_page, options, rule, steps, tape):
    page = open_page("/bare")
    page.evaluate(f"""async () => {{
      const {{ mount }} = await import("/explorables/selective_gate.js");
      mount(document.querySelector(".explorable-stage"), {options});
    }}""")
    readout(page)
    assert (pressed(page), values(page), shown_tape(page)) == ([rule], steps, tape)


@pytest.mark.parametrize("width", [320, 900])
@pytest.mark.parametrize("rule", ["hold", "Mamba", "erase"])
def test_the_bars_are_the_tape_and_the_weights(open_page, rule, width):
    page = open_page(width=width)
    button(page, rule).click()
    page.get_by_label("step at noise").fill("0.6")
    page.get_by_label("step at a symbol").fill("1.9")
    deltas = call(page, "steps", [(TAPE, 1.9, 0.6)])[0]
    weights = call(page, "weights", [(rule.lower(), deltas)])[0]
    x, tape, symbols, thick = zip(*page.evaluate(BARS, ".sg-tape"), strict=True)
    np.testing.assert_allclose(tape, call(page, "values", [(TAPE,)])[0], atol=1e-9)
    assert symbols == tuple(kind != "." for kind in TAPE)
    assert [one > min(thick) for one in thick] == [*symbols]  # told apart without colour too
    below, heights, coloured, _ = zip(*page.evaluate(BARS, ".sg-weights"), strict=True)
    np.testing.assert_allclose(heights, weights, atol=1e-9)
    assert (below, coloured) == (x, symbols)
    boxes = [node.bounding_box() for node in places(page).all()]
    left = page.locator(".sg-tape").bounding_box()["x"]
    centres = [box["x"] + box["width"] / 2 - left for box in boxes]
    np.testing.assert_allclose(centres, x, atol=0.1)


def test_the_state_is_drawn_over_its_columns(open_page):
    page = open_page()
    button(page, "Mamba").click()
    page.get_by_label("step at a symbol").fill("2.5")
    state = page.locator(".sg-state")
    points = state.locator(".state-dots").get_attribute("d").split("M")[1:]
    x, y = np.transpose([[float(n) for n in point.removesuffix("h0").split()] for point in points])
    plus, minus = (
        float(part.split("H")[0].split()[1])
        for part in state.locator(".grid").get_attribute("d").split("M")[1:]
    )
    assert state.get_by_text("−2", exact=True).count() == 1  # the lines are at 2 and -2
    heights = ((plus + minus) / 2 - y) / (minus - plus) * 4
    deltas = call(page, "steps", [(TAPE, 2.5, 0.1)])[0]
    states = library("mamba", deltas, call(page, "values", [(TAPE,)])[0])
    np.testing.assert_allclose(heights, states, atol=0.001)
    np.testing.assert_allclose(x, [bar[0] for bar in page.evaluate(BARS, ".sg-tape")], atol=0.01)
    assert f"at last {states[-1]:.2f}".replace("-", "−") in state.get_attribute("aria-label")


def clock(page):
    """The ends of the strip, the marks at symbols as parts of it, and its words."""
    numbers = page.evaluate("""() => {
      const path = (name) => document.querySelector(`.sg-clock .${name}`).getAttribute("d");
      const [, from, to] = path("rule").match(/M(\\S+) .*H(\\S+)/).map(Number);
      return [...path("tick").matchAll(/M(\\S+) [\\d.]+v([-\\d]+)/g)]
        .map(([, x, up]) => [(x - from) / (to - from), up < 0]);
    }""")
    words = page.locator(".sg-clock").get_attribute("aria-label")
    return [x for x, _ in numbers], [up for _, up in numbers], words


def test_the_clock_lays_the_steps_end_to_end(open_page):
    page = open_page()
    deltas = np.where([kind != "." for kind in TAPE], 1, 0.1)
    at = (np.cumsum(deltas) / deltas.sum())[deltas == 1]
    marks, up, words = clock(page)
    assert marks == pytest.approx(at) and up == [True, False, True, False, True]
    assert words.endswith("total 5.7")
    page.get_by_label("step at noise").press("Home")  # noise takes no time
    assert clock(page)[0] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1])
    page.get_by_label("step at a symbol").press("Home")  # and nothing does
    assert clock(page)[0] == [0] * 5 and clock(page)[2].endswith("total 0")
    assert page.locator(".sg-clock.off").count() == 0
    button(page, "erase").click()
    assert page.locator(".sg-clock.off").count() == 1
    assert clock(page)[2].startswith("no clock")


def test_the_colours_follow_the_theme_and_the_kind(open_page):
    page = open_page()

    def colours():
        return page.evaluate("""() => [".bar.symbol", ".bar:not(.symbol)"]
          .map((name) => getComputedStyle(document.querySelector(`.sg-weights ${name}`)).fill)""")

    light = colours()
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert len({*light, *colours()}) == 4


# ------------------------------------------------------------------ controls


def test_arrow_keys_on_the_sliders_change_the_readout(open_page):
    page = open_page()
    symbol, noise = page.get_by_label("step at a symbol"), page.get_by_label("step at noise")
    heard = [readout(page)]
    for slider, key, times, shown in [
        (noise, "ArrowRight", 1, [1, 0.15]),
        (symbol, "ArrowLeft", 8, [0.6, 0.15]),
        (noise, "Home", 1, [0.6, 0]),
        (symbol, "Home", 1, [0, 0]),
    ]:
        for _ in range(times):
            slider.press(key)
        assert values(page) == shown
        heard.append(readout(page))
    assert len(set(heard)) == 5
    assert symbol.get_attribute("aria-valuetext") == "0"
    assert heard[-2].startswith("Symbols make up 100 % of the weight in the last state, noise 0 %")
    assert heard[-1] == (
        "Every weight is 0: the last state keeps nothing of the tape. "
        "Weights of this rule never sum to more than 1."
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hold", "sum to 1.00. Weights of this rule never sum to more than 1."),
        ("Mamba", "sum to 1.50. No step is above 1, so none writes more than its input."),
        ("erase", "sum to 0.17. An older place never weighs more than a newer one."),
    ],
)
def test_the_rules(open_page, name, said):
    page = open_page()
    button(page, name).press("Enter")
    assert pressed(page) == [name]
    assert readout(page).endswith(said)


def test_a_closed_gate_holds_or_erases(open_page):
    page = open_page()
    page.get_by_label("step at noise").press("Home")  # and the tape ends with noise
    assert "Symbols make up 100 %" in readout(page)
    button(page, "erase").click()
    assert readout(page).startswith("Every weight is 0: the last state keeps nothing")


def test_a_step_above_one_is_said_only_of_a_step_that_is_taken(open_page):
    page = open_page()
    button(page, "Mamba").click()
    page.get_by_label("step at a symbol").fill("1.05")
    assert readout(page).endswith("A step above 1 writes more than its input.")
    for place, kind in enumerate(TAPE):
        for _ in range({"+": 2, "-": 1, ".": 0}[kind]):
            places(page).nth(place).click()
    assert shown_tape(page) == "............"
    assert "Symbols make up 0 % of the weight in the last state, noise 100 %" in readout(page)
    assert readout(page).endswith("No step is above 1, so none writes more than its input.")


def test_a_part_that_is_almost_all_is_not_called_all(open_page):
    page = open_page()
    page.get_by_label("step at a symbol").press("End")
    places(page).nth(11).click()
    heard = readout(page)
    assert "Symbols make up over 99 % of the weight in the last state, noise under 1 %" in heard


def test_pressing_a_place_changes_the_tape(open_page):
    page = open_page()
    place, heard = places(page).nth(9), [readout(page)]
    for kind, name in [("+", "symbol +1"), ("-", "symbol −1"), (".", "noise −0.1")]:
        place.click()
        assert shown_tape(page) == TAPE[:9] + kind + TAPE[10:]
        assert place.get_attribute("aria-label") == f"place 10: {name}"
        heard.append(readout(page))
    assert heard[0] == heard[3] != heard[1] == heard[2]  # a weight does not depend on the sign


def test_the_tape_is_one_stop_of_the_keyboard(open_page):
    page = open_page()
    focused = (
        "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
    )
    button(page, "erase").focus()
    page.keyboard.press("Tab")
    walked = [page.evaluate(focused)]
    for key in ["ArrowLeft", "ArrowRight", "End", "ArrowRight", "ArrowLeft", "Home", "ArrowRight"]:
        page.keyboard.press(key)
        walked.append(page.evaluate(focused))
    assert [int(name.split(":")[0].split()[1]) for name in walked] == [1, 1, 2, 12, 12, 11, 1, 2]
    page.keyboard.press("Enter")
    assert shown_tape(page) == "++" + TAPE[2:]
    page.keyboard.press("Space")
    assert shown_tape(page) == "+-" + TAPE[2:]
    assert page.evaluate(focused) == "place 2: symbol −1"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "range"
    page.keyboard.press("Shift+Tab")  # back to the place that was left
    assert page.evaluate(focused) == "place 3: noise 0.5"
    places(page).nth(6).click()
    assert [node.get_attribute("tabindex") for node in places(page).all()].index("0") == 6


# ------------------------------------------------------------------ layout


@pytest.mark.parametrize("width", [320, 375, 632, 900])
def test_it_fits_and_shifts_nothing(open_page, width):
    fits_and_shifts_nothing(open_page, width, ["erase", "Mamba", "place 2: noise −0.2"])


@pytest.mark.parametrize("width", [320, 375, 632, 900])
def test_the_readout_stays_in_its_place(open_page, width):
    page = open_page(width=width)
    line = page.locator(".explorable-readout")
    room = line.bounding_box()
    for rule in ["hold", "Mamba", "erase"]:
        button(page, rule).click()
        for symbol, noise in [("0", "1"), ("0.05", "1"), ("3", "0.05"), ("3", "3")]:
            page.get_by_label("step at a symbol").fill(symbol)
            page.get_by_label("step at noise").fill(noise)
            readout(page)
            assert line.evaluate("node => node.scrollHeight <= node.clientHeight")
            assert line.bounding_box() == room


@pytest.mark.parametrize("width", [320, 375])
def test_targets_and_text_are_large_enough_on_a_phone(open_page, width):
    is_large_enough_on_a_phone(open_page, width, least=24)
