"""The explorable `memory_curve` in a browser: its numbers against Python, then its controls."""

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

from ssm_companion import init
from ssm_companion.theory import information

DATA = 'data-explorable="memory_curve" data-preset="leaky"'
CHAPTER = "book/information/capacity.html"
call = caller("memory_curve")
READ = """async (calls) => {
  const m = await import("/explorables/memory_curve.js");
  return calls.map(([state, noise, lags]) => {
    const reading = m.reading(state, noise);
    return { half: m.half(reading), held: lags.map(reading.held), alone: lags.map(reading.alone) };
  });
}"""
LAID = """async (modes) => {
  const { PRESETS } = await import("/explorables/memory_curve.js");
  return modes.map(([name, n]) => ({ complex: PRESETS[name][1], poles: PRESETS[name][2](n) }));
}"""
NAMES = ["leaky integrators", "spread on the axis", "rotating modes", "ring"]
LEAKY = (
    "8 numbers hold 11.5 bits of at most 32.0, half of them about the newest 15 inputs. "
    "Crowding costs 20.6 bits, and 49.4 as the noise vanishes: "
    "the sum of log₂ (1/ϱ) over 28 pairs of poles."
)
LAGS = [0, 1, 2, 3, 7, 8, 30, 31, 200, 201, 1500, 1501]
SIZES = {"leaky": (2, 4, 8), "spread": (1, 2, 8), "rotating": (1, 2, 4), "ring": (1, 2, 4)}


def state(poles):
    """Python's poles for JavaScript."""
    xy = [[float(z.real), float(z.imag)] for z in np.asarray(poles)]
    return {"complex": bool(np.iscomplexobj(poles)), "poles": xy}


def poles_of(state):
    x, y = np.transpose(state["poles"])
    return x + 1j * y if state["complex"] else x


def draws(count=60, seed=0):
    """Random poles with all that the sliders reach, real and complex in turn, and noises."""
    rng = np.random.default_rng(seed)
    cases = []
    for case in range(count):
        turning = case % 2
        radius = np.tanh(rng.uniform(0, 3.8, rng.integers(1, 5 if turning else 9)))
        turns = np.exp(1j * rng.uniform(0, np.pi, radius.shape))
        poles = radius * turns if turning else radius * np.sign(turns.real)
        cases.append((poles, 2.0 ** rng.integers(-10, 2)))
    return cases


def curves(poles, noise, lags):
    """In bits: those about each lag, newer inputs known and nothing known."""
    A, B = poles, information.unit_weights(poles)
    W = information.gramian(A, B)
    return [
        information.memory_curve(A, B, noise**2, lags, known, start=W) / np.log(2)
        for known in ("newer", "nothing")
    ]


def bits(poles, noise):
    W = information.gramian(poles, information.unit_weights(poles))
    return information.gaussian_information(W, noise**2) / np.log(2)


def shown(page):
    """The texts beside the sliders."""
    return page.locator(".explorable-value").all_inner_texts()


def pressed(page):
    return page.locator("button[aria-pressed=true]").all_inner_texts()


def said(page, i=1):
    return page.get_by_label(f"pole {i}", exact=True).get_attribute("aria-valuetext")


# ------------------------------------------------------------------ numbers


def test_the_covariance_is_the_gramian(open_page):
    page = open_page("/bare")
    cases = [poles for poles, _ in draws()]
    for got, poles in zip(
        call(page, "covariance", [[state(p)] for p in cases]), cases, strict=True
    ):
        W = information.gramian(poles, information.unit_weights(poles))
        np.testing.assert_allclose(got, W, atol=1e-9)


def test_the_bits_and_the_two_curves_are_those_of_the_library(open_page):
    page = open_page("/bare")
    cases = draws()
    found = page.evaluate(READ, [(state(poles), noise, LAGS) for poles, noise in cases])
    for got, (poles, noise) in zip(found, cases, strict=True):
        newer, nothing = curves(poles, noise, LAGS[-1] + 1)
        held, alone = np.array(got["held"]), np.array(got["alone"])
        assert held[0] == pytest.approx(bits(poles, noise), abs=1e-7)
        left = held[0] - np.concatenate([[0], np.cumsum(newer)])[LAGS]
        np.testing.assert_allclose(held, left, atol=1e-6)
        np.testing.assert_allclose(held[::2] - held[1::2], newer[LAGS[::2]], atol=1e-7)
        np.testing.assert_allclose(alone, nothing[LAGS], atol=1e-7)
        assert np.all(alone[::2] <= held[::2] - held[1::2] + 1e-7)
        inputs = got["half"]
        share = held[0] - newer[: inputs - 1].sum(), held[0] - newer[:inputs].sum()
        if inputs <= LAGS[-1]:
            assert share[0] > held[0] / 2 - 1e-6 and share[1] <= held[0] / 2 + 1e-6


def test_crowding_is_that_of_the_library(open_page):
    page = open_page("/bare")
    cases = [poles for poles, _ in draws(200)]
    expected = [information.crowding(poles) / np.log(2) for poles in cases]
    got = call(page, "crowding", [[state(poles)] for poles in cases])
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


def test_crowding_is_what_is_missing_as_the_noise_vanishes(open_page):
    page = open_page("/bare")
    poles = 0.7 * np.exp(1j * np.array([0.4, 1.1, 2.5]))
    loss = call(page, "crowding", [[state(poles)]])[0]
    held = page.evaluate(READ, [(state(poles), 1e-5, [0])])[0]["held"][0]
    assert held - call(page, "most", [[6, 1e-5]])[0] == pytest.approx(loss, abs=1e-6)


@pytest.mark.parametrize(
    "poles", [[0.5, -0.2, 0.5], [0.3 + 0.4j, 0.3 + 0.4j], [0.6 + 0j, 0.1 + 0.5j], [0.0, 0.0]]
)
def test_poles_may_coincide(open_page, poles):
    page = open_page("/bare")
    assert call(page, "crowding", [[state(poles)]]) == [-np.inf]
    for noise in (2.0, 1 / 1024):
        got = page.evaluate(READ, [(state(poles), noise, [0])])[0]["held"][0]
        assert got == pytest.approx(bits(np.array(poles), noise), abs=1e-7)


def test_the_most_is_the_capacity(open_page):
    page = open_page("/bare")
    cases = [(d, 2.0**x) for d in range(1, 9) for x in range(-10, 2)]
    expected = [information.capacity(d, d, noise**2) / np.log(2) for d, noise in cases]
    np.testing.assert_allclose(call(page, "most", cases), expected, rtol=1e-12)


def test_a_slide_changes_the_curve_and_no_number_of_bits(open_page):
    page = open_page("/bare")
    rng = np.random.default_rng(2)
    for poles, noise in draws(20, seed=3):
        poles, shift = 0.9 * poles, rng.uniform(0.3, 1.5)
        moved = call(page, "slid", [[state(poles)["poles"], shift]])[0]
        moved = poles_of({"complex": np.iscomplexobj(poles), "poles": moved})
        shifted = (poles + np.tanh(shift)) / (1 + np.tanh(shift) * poles)
        np.testing.assert_allclose(moved, shifted, atol=1e-12)
        assert bits(moved, noise) == pytest.approx(bits(poles, noise), abs=1e-6)
        before, after = (curves(one, noise, 3)[0] for one in (poles, moved))
        assert np.abs(before - after).max() > 1e-6
    back = call(page, "slid", [[state(moved)["poles"], -shift]])[0]
    np.testing.assert_allclose(back, state(poles)["poles"], atol=1e-9)


def test_a_pair_on_the_circle_costs_one_bit(open_page):
    page = open_page("/bare")
    poles = np.concatenate([poles for poles, _ in draws()]).astype(complex)
    rng = np.random.default_rng(4)
    circles = call(page, "oneBit", [[one] for one in state(poles)["poles"]])
    for pole, ((x, y), radius) in zip(poles, circles, strict=True):
        other = x + 1j * y + radius * np.exp(2j * np.pi * rng.uniform())
        assert abs((pole - other) / (1 - pole * other.conjugate())) == pytest.approx(0.5)


def test_the_presets_are_the_layers_of_the_chapter(open_page):
    page = open_page("/bare")
    names = [(name, n) for name, sizes in SIZES.items() for n in sizes]
    laid = dict(zip(names, map(poles_of, page.evaluate(LAID, names)), strict=True))
    for n in SIZES["leaky"]:
        np.testing.assert_allclose(
            laid["leaky", n], np.exp(0.03 * init.s4d_real(n).numpy().real), rtol=1e-6
        )
    for n in SIZES["rotating"]:
        np.testing.assert_allclose(
            laid["rotating", n], np.exp(0.03 * init.s4d_lin(n).numpy()), rtol=1e-6
        )
    held = {
        name: [round(float(bits(laid[name, n], 1 / 16)), 1) for n in SIZES[name]] for name in SIZES
    }
    assert held == {
        "leaky": [6.5, 8.8, 11.5],
        "spread": [4.0, 8.0, 26.6],
        "rotating": [4.5, 12.4, 28.0],
        "ring": [8.0, 15.9, 31.4],
    }
    apart = np.diff(np.arctanh(laid["spread", 8]))
    np.testing.assert_allclose(apart, apart[0])
    np.testing.assert_allclose(laid["ring", 4] ** 8, -(0.9**8), atol=1e-12)


# ------------------------------------------------------------------ drawing


def path(page, name, which):
    """The points of a path, in lags and in parts of the height, of the upper or the lower axis."""
    d = page.locator(f".mc-curve path.{name}").first.get_attribute("d")
    points = np.array([[float(x) for x in point.split()] for point in d[1:].split("L")])
    grid = page.locator(".mc-curve .grid").get_attribute("d")[1:].split("M")[which::2]
    left, right = (float(one.split()[0]) for one in (grid[0], grid[-1]))
    top, bottom = (float(x) for x in grid[0].split()[1].split("V"))
    lags = 10 ** (4 * (points[:, 0] - left) / (right - left)) - 1
    return np.round(lags).astype(int), (bottom - points[:, 1]) / (bottom - top)


@pytest.mark.parametrize("width", [320, 900])
@pytest.mark.parametrize("preset", ["leaky", "rotating", "ring"])
def test_the_curves_are_the_numbers(open_page, preset, width):
    page = open_page("/bare", width=width)
    mount(page, "memory_curve", {"preset": preset})
    page.locator(".newer[d]").first.wait_for(state="attached")
    poles = poles_of(page.evaluate(LAID, [(preset, 8 if preset == "leaky" else 4)])[0])
    newer, nothing = curves(poles, 1 / 16, 10_000)
    high = float(page.locator(".mc-curve text.muted").nth(1).text_content())
    assert newer.max() <= high <= 2.51 * newer.max()
    for name, expected in [("newer", newer / high), ("alone", nothing / high)]:
        lags, height = path(page, name, 0)
        assert (lags[0], lags[-1]) == (0, 9999) and len(lags) > 300
        np.testing.assert_allclose(height, expected[lags], atol=0.003)
    lags, height = path(page, "sum", 1)
    most = 4 * np.log2(257)
    np.testing.assert_allclose(height, np.cumsum(newer)[lags] / most, atol=0.003)


def test_the_lower_axis_shows_what_is_missing(open_page):
    page = open_page()
    texts = [page.locator(f".{name}-text").text_content() for name in ("most", "held", "gap")]
    assert texts == ["the most: 32.0", "held: 11.5", "crowding: −20.6"]
    button(page, "ring").click()
    assert page.locator(".held-text").text_content() == "held: 31.4"
    assert page.locator(".gap-text").get_attribute("visibility") == "hidden"
    page.get_by_label("noise σ").press("End")
    assert page.locator(".most-text").text_content() == "the most: 1.3"


@pytest.mark.parametrize("width", [320, 900])
def test_the_disc_shows_all_poles_and_their_circles(open_page, width):
    page = open_page(width=width)
    rim = page.locator(".mc-disc .rule").bounding_box()
    for name, poles, mirrors in [(NAMES[0], 8, 0), (NAMES[3], 4, 4)]:
        button(page, name).click()
        seen = {
            kind: page.locator(f".mc-disc {kind}:visible") for kind in (".pole", ".mirror", ".near")
        }
        assert [one.count() for one in seen.values()] == [poles, mirrors, 8]
        for circle in seen[".near"].all():
            box = circle.bounding_box()
            assert (
                box["x"] >= rim["x"] - 1 and box["x"] + box["width"] <= rim["x"] + rim["width"] + 1
            )
    x, y = 0.9 * np.cos(np.pi / 8), 0.9 * np.sin(np.pi / 8)
    r = rim["width"] / 2
    for part, sign in [(".pole .handle", -1), (".mirror", 1)]:
        box = page.locator(f".mc-disc {part}").first.bounding_box()
        assert box["x"] + box["width"] / 2 == pytest.approx(rim["x"] + r + r * x, abs=1)
        assert box["y"] + box["height"] / 2 == pytest.approx(rim["y"] + r + sign * r * y, abs=1)


def test_the_colours_follow_the_theme(open_page):
    page = open_page()
    names = [".mc-curve .newer", ".mc-curve .gap", ".mc-disc .near"]
    ask = """(names) => names.map((name) =>
      getComputedStyle(document.querySelector(name)).stroke)"""
    light = page.evaluate(ask, names)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert len({*light, *page.evaluate(ask, names)}) == 6


# ------------------------------------------------------------------ controls


def test_options_of_the_figure_reach_the_drawing(open_page):
    page = open_page()
    assert shown(page) == ["8", "0.970", "0°", "0.00", "1/16"]
    assert pressed(page) == NAMES[:1]
    assert readout(page) == LEAKY


@pytest.mark.parametrize(
    ("options", "preset", "texts"),
    [
        ({}, 0, ["8", "0.970", "0°", "0.00", "1/16"]),
        ({"preset": "ring", "numbers": "5"}, 3, ["6", "0.900", "30°", "0.00", "1/16"]),
        ({"preset": "rotating", "noise": "0.25"}, 2, ["8", "0.985", "0°", "0.00", "1/4"]),
        ({"preset": "x", "numbers": "99", "noise": "x"}, 0, ["8", "0.970", "0°", "0.00", "1/16"]),
        ({"preset": "spread", "numbers": "0", "noise": "7"}, 1, ["1", "0.000", "0°", "0.00", "2"]),
    ],
)
def test_other_options(open_page, options, preset, texts):
    page = open_page("/bare")
    mount(page, "memory_curve", options)
    readout(page)
    assert (pressed(page), shown(page)) == ([NAMES[preset]], texts)


def test_eight_numbers_that_remember_as_long_and_hold_more(open_page):
    page = open_page()
    heard = []
    for name in NAMES:
        button(page, name).press("Enter")
        assert pressed(page) == [name]
        heard.append(readout(page).split(". ")[0])
    ends = ["hold 26.6 bits of at most 32.0, half of them about the newest 13 inputs"]
    ends += ["hold 28.0 bits of at most 32.0, half of them about the newest 95 inputs"]
    ends += ["hold 31.4 bits of at most 32.0, half of them about the newest 14 inputs"]
    assert heard == [LEAKY.split(". ")[0], *(f"8 numbers {end}" for end in ends)]


def test_a_pole_that_meets_its_conjugate(open_page):
    page = open_page()
    button(page, "rotating modes").click()
    assert readout(page).endswith(
        "Crowding costs 4.1 bits, and without end as the noise vanishes: "
        "a pole on the axis and its conjugate are one."
    )
    page.get_by_label("angle").press("ArrowRight")
    line = readout(page)
    assert "8 numbers hold 31." in line or "8 numbers hold 30." in line
    assert line.endswith("over 28 pairs of poles.") and pressed(page) == []
    page.get_by_label("angle").fill("180")
    assert "without end" in readout(page)


def test_two_poles_that_coincide(open_page):
    page = open_page()
    page.get_by_label("numbers").fill("2")
    for i in (1, 2):
        page.get_by_label(f"pole {i}").focus()
        page.get_by_label("modulus").fill("1")
    assert said(page, 1) == said(page, 2) == "0.762"
    assert readout(page) == (
        "2 numbers hold 4.5 bits of at most 8.0, half of them about the newest 6 inputs. "
        "Crowding costs 3.5 bits, and without end as the noise vanishes: two poles coincide."
    )


def test_one_mode_holds_the_same_wherever_its_pole_is(open_page):
    page = open_page()
    page.get_by_label("numbers").fill("1")
    for x in (0, 1, 2, 3.8):
        page.get_by_label("modulus").fill(str(x))
        line = readout(page)
        assert line.startswith("1 number holds 4.0 bits of at most 4.0")
        assert line.endswith("One number holds as much wherever its pole is.")
        left = np.log2(1 + 256 * np.tanh(x) ** (2.0 * np.arange(5000))) / 2
        count = np.argmax(left <= left[0] / 2)
        assert f"newest {f'{count} inputs' if count > 1 else 'input'}. " in line


def test_sliding_all_poles_changes_when_and_not_how_much(open_page):
    page = open_page()
    for name in (NAMES[0], NAMES[3]):
        button(page, name).click()
        start = page.locator(".newer").first.get_attribute("d")
        before = readout(page)
        page.get_by_label("slide all").fill("0.75")
        after = readout(page)
        assert before.split(" bits")[0] == after.split(" bits")[0]
        assert before.split("Crowding")[1] == after.split("Crowding")[1]
        assert before.split("newest")[1] != after.split("newest")[1]
        assert page.locator(".newer").first.get_attribute("d") != start and pressed(page) == []
        page.get_by_label("slide all").press("Home")
        page.get_by_label("slide all").fill("0")
        assert readout(page) == before


def test_no_pole_slides_over_the_rim(open_page):
    page = open_page()
    page.get_by_label("pole 1").focus()
    page.get_by_label("modulus").press("End")
    assert shown(page)[1] == "0.999"
    page.get_by_label("slide all").press("End")
    assert shown(page)[3] == "0.00" and shown(page)[1] == "0.999"
    button(page, NAMES[0]).click()
    page.get_by_label("slide all").press("End")
    assert shown(page)[3] == "1.50" and said(page) == "0.999"
    button(page, NAMES[1]).click()
    page.get_by_label("slide all").press("Home")
    assert shown(page)[3] == "−1.15" and said(page) == "-0.999"


def test_numbers_come_and_go(open_page):
    page = open_page()
    page.get_by_label("numbers").press("ArrowLeft")
    assert page.locator(".pole:visible").count() == 7 and pressed(page) == NAMES[:1]
    page.get_by_label("pole 7").focus()
    page.get_by_label("modulus").fill("0")
    page.get_by_label("numbers").press("ArrowRight")
    assert said(page, 7) == "0.000" and said(page, 8) == f"{np.exp(-0.24):.3f}"
    assert pressed(page) == []
    page.get_by_label("numbers").press("Home")
    assert page.locator(".pole:visible").count() == 1 and shown(page)[1] == "0.970"
    button(page, "ring").click()
    assert shown(page)[0] == "2" and page.locator(".pole:visible").count() == 1
    page.get_by_label("numbers").press("ArrowRight")
    assert shown(page)[0] == "4" and page.locator(".mirror:visible").count() == 2


@pytest.mark.parametrize("preset", NAMES)
@pytest.mark.parametrize("key", ["Home", "End"])
def test_the_extremes_of_the_noise(open_page, preset, key):
    page = open_page()
    button(page, preset).click()
    page.get_by_label("noise σ").press(key)
    most = 4 * np.log2(1 + (2.0**20 if key == "Home" else 0.25))
    line = readout(page)
    assert f"of at most {most:.1f}, half" in line
    assert shown(page)[4] == ("1/1024" if key == "Home" else "2")
    assert "NaN" not in page.locator(".mc").inner_html()
    assert 0 < float(line.split("hold ")[1].split(" ")[0]) <= round(most, 1)


def inside(page, x, y):
    """Where a point of the unit disc is in the window."""
    rim = page.locator(".mc-disc .rule").bounding_box()
    r = rim["width"] / 2
    return rim["x"] + r + r * x, rim["y"] + r - r * y


def test_a_pole_is_dragged(open_page):
    page = open_page()
    button(page, "ring").click()
    page.mouse.move(*inside(page, 0.9 * np.cos(3 * np.pi / 8), 0.9 * np.sin(3 * np.pi / 8)))
    page.mouse.down()
    assert shown(page)[1:3] == ["0.900", "67.5°"] and pressed(page) == ["ring"]
    for (x, y), (modulus, angle) in [
        ((0.1, 0.4), (np.hypot(0.1, 0.4), np.degrees(np.arctan2(4, 1)))),
        ((-0.3, 0.4), (0.5, 180 - np.degrees(np.arctan2(4, 3)))),
        ((0.3, 0.005), (0.3, 0)),  # drawn to the axis
        ((0, -0.4), (0.4, 90)),  # the conjugate of a pole is in the state as well
        ((-3, 0), (0.999, 180)),
    ]:
        page.mouse.move(*inside(page, x, y))
        numbers = said(page, 2).replace(",", "").split()
        assert float(numbers[1]) == pytest.approx(modulus, abs=0.008)
        assert float(numbers[3]) == pytest.approx(angle, abs=2)
        assert pressed(page) == [] and ("angle 0" in said(page, 2)) == (angle == 0)
    page.mouse.up()
    page.mouse.move(*inside(page, 0, 0))
    assert said(page, 2).startswith("modulus 0.999, angle 180")
    assert said(page, 1) == "modulus 0.900, angle 22.5 degrees"


def test_the_nearest_of_crowded_poles_is_dragged_and_stays_on_the_axis(open_page):
    page = open_page()
    page.mouse.move(*inside(page, 0.72, 0))  # beside all grips but that of the last
    page.mouse.down()
    assert shown(page)[1] == f"{np.exp(-0.24):.3f}"  # taken where it is, not moved to the mouse
    page.mouse.move(*inside(page, -0.46, 0.5))
    page.mouse.up()
    assert float(said(page, 8)) == pytest.approx(np.exp(-0.24) - 1.18, abs=0.01)
    assert shown(page)[2] == "180°" and said(page, 7) == f"{np.exp(-0.21):.3f}"


def test_arrow_keys_move_a_pole_and_its_focus_is_seen(open_page):
    page = open_page()
    button(page, "ring").focus()
    page.keyboard.press("Tab")
    ask = "() => getComputedStyle(document.activeElement.querySelector('.ring')).stroke"
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "pole 1"
    assert page.evaluate(ask) != "none"
    page.keyboard.press("Tab")
    assert shown(page)[1] == f"{np.exp(-0.06):.3f}"  # the sliders hold the pole with the focus
    way = 0.05 * (1 - np.exp(-0.12))
    page.keyboard.press("ArrowRight")
    assert said(page, 2) == f"{np.exp(-0.06) + way:.3f}"
    button(page, "ring").click()
    page.keyboard.press("Tab")
    for key in ("ArrowLeft", "ArrowUp", "Shift+ArrowUp"):
        page.keyboard.press(key)
    x, y = (0.9 * f(np.pi / 8) for f in (np.cos, np.sin))
    x -= 0.05 * (1 - x * x - y * y)
    y += 0.05 * (1 - x * x - y * y)
    y += 0.01 * (1 - x * x - y * y)
    turn = np.degrees(np.arctan2(y, x))
    assert said(page) == f"modulus {np.hypot(x, y):.3f}, angle {turn:.1f} degrees"
    for _ in range(60):
        page.keyboard.press("ArrowDown")
    assert said(page).endswith("angle 0 degrees")


def test_the_readout_speaks_at_most_twice_a_second(open_page):
    page = open_page()
    speaks_at_most_twice_a_second(page, "modulus")
    assert shown(page)[1] != "0.970"


# ------------------------------------------------------------------ layout


@pytest.mark.parametrize("width", [320, 375, 632, 900])
def test_it_fits_and_shifts_nothing(open_page, width):
    fits_and_shifts_nothing(open_page, width, NAMES[::-1])


@pytest.mark.parametrize("width", [320, 375, 612, 900])
def test_the_readout_and_the_labels_stay_in_their_place(open_page, width):
    page = open_page(width=width, height=1600)
    line = page.locator(".explorable-readout")
    room = line.bounding_box()
    for name in NAMES:
        button(page, name).click()
        for noise in ("Home", "End"):
            for shift in ("-1", "0.75"):
                page.get_by_label("noise σ").press(noise)
                page.get_by_label("slide all").fill(shift)
                readout(page)
                assert line.evaluate("node => node.scrollHeight <= node.clientHeight")
                assert line.bounding_box() == room
                assert labels_outside(page) == []


@pytest.mark.parametrize("width", [320, 375])
def test_targets_and_text_are_large_enough_on_a_phone(open_page, width):
    is_large_enough_on_a_phone(open_page, width, least=24)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("preset", NAMES[::3])
def test_it_is_accessible(open_page, preset, theme):
    page = open_page(theme=theme)
    button(page, preset).click()
    readout(page)
    is_accessible(page, theme)


# ------------------------------------------------------------------ the chapter


def test_the_chapter_shows_it(html, site, visit):
    line = "8 numbers hold 11.5 bits of at most 32.0"
    its_chapter_shows(html, site, visit, CHAPTER, "memory_curve", line)
