"""The explorable `price_of_being_real` in a browser: its numbers against mpmath and a linear
program, then its drawing and its controls."""

import mpmath as mp
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
    values,
)
from scipy.optimize import linprog

CHAPTER = "book/complex/exponential_parameters.html"
DATA = 'data-explorable="price_of_being_real" data-r="1" data-angle="90" data-length="16"'
NAMES = ["quarter turn", "the opening", "a slow turn", "a decay"]
EDGES = [(0, 1), (1, 0), (-1, 0), (0, 0), (0.3, 0), (-0.9, 0), (0.5, 1e-9), (1, 1e-12), (0, 0.001)]
call = caller("price_of_being_real")


def floats(page, name, calls):
    """As an array; large whole numbers come as integers of any size."""
    return np.array(call(page, name, calls), float)


def places(count=150):
    """Points of the closed upper half of the disc: inside, on the circle, and special ones."""
    rng = np.random.default_rng(0)
    r = np.r_[rng.uniform(0, 1, count), np.ones(count // 3)]
    z = r * np.exp(1j * rng.uniform(0, np.pi, len(r)))
    return [*zip(z.real.tolist(), z.imag.tolist(), strict=True), *EDGES]


def log_rho(x, y):
    z = mp.mpc(x, y)
    return abs(mp.log(abs(z + mp.sqrt(z * z - 1)), 2))


def chebyshev(x, y, n):
    return mp.chebyt(n, mp.mpc(x, y))


def least_weight(x, y, t):
    """The least sum of |weights| of modes on a fine grid of [-1, 1] that match for t steps."""
    grid = np.cos(np.pi * np.arange(801) / 800)
    V = np.polynomial.chebyshev.chebvander(grid, t - 1).T  # the same condition, well posed
    target = [float(chebyshev(x, y, n).real) for n in range(t)]
    found = linprog(np.ones(2 * len(grid)), A_eq=np.hstack([V, -V]), b_eq=target)
    assert found.success
    return found.fun


# ------------------------------------------------------------------ numbers


def test_the_rate_is_that_of_the_ellipse(open_page):
    with mp.workdps(40):
        expected = [float(log_rho(*place)) for place in places()]
    got = call(open_page("/bare"), "rate", places())
    # beside the circle 1 - |λ|² keeps fewer digits, of a point that has 16
    np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-15)


def test_the_rate_is_constant_on_ellipses_and_known_on_the_circle(open_page):
    page = open_page("/bare")
    for bits in (0.1, 0.5, 1, 1.25):
        a, b = np.cosh(bits * np.log(2)), np.sinh(bits * np.log(2))
        turns = np.linspace(0, np.pi, 91)
        x, y = a * np.cos(turns), b * np.sin(turns)
        inside = np.hypot(x, y) <= 1
        on = list(zip(x[inside].tolist(), y[inside].tolist(), strict=True))
        assert len(on) > 5
        np.testing.assert_allclose(call(page, "rate", on), bits, rtol=1e-12)
    turns = np.linspace(0.01, 3.13, 50)
    on = list(zip(np.cos(turns).tolist(), np.sin(turns).tolist(), strict=True))
    expected = np.arcsinh(np.sqrt(np.sin(turns))) / np.log(2)
    np.testing.assert_allclose(call(page, "rate", on), expected, rtol=1e-12)
    assert call(page, "rate", [(0, 1)])[0] == pytest.approx(np.log2(1 + np.sqrt(2)), rel=1e-14)
    assert call(page, "rate", [(0.3, 0), (1, 0), (-1, 0), (0, 0)]) == [0, 0, 0, 0]


def test_what_is_needed_is_the_largest_chebyshev_value(open_page):
    with mp.workdps(60):
        terms = [[abs(chebyshev(*place, n).real) for n in range(64)] for place in places(60)]
    expected = np.maximum.accumulate(np.array(terms, float), axis=1)
    page = open_page("/bare")
    got = floats(page, "bounds", [(*place, 64) for place in places(60)])
    np.testing.assert_allclose(got, expected, rtol=1e-10)
    for L in (1, 2, 33, 64):
        got = floats(page, "needed", [(*place, L) for place in places(60)])
        np.testing.assert_allclose(got, expected[:, L - 1], rtol=1e-10)


def test_real_modes_cost_nothing_and_a_quarter_turn_what_is_known(open_page):
    page = open_page("/bare")
    real = [(x, 0, L) for x in (-1, -0.9, 0, 0.3, 1) for L in (1, 2, 7, 64)]
    assert call(page, "needed", real) == [1] * len(real) == call(page, "enough", real)
    lengths = range(1, 65)
    exact = [float(mp.chebyt((L - 1) // 2, 3)) for L in lengths]  # 1, 1, 3, 3, 17, 17, 99, ...
    got = floats(page, "needed", [(0, 1, L) for L in lengths])
    np.testing.assert_allclose(got, exact, rtol=1e-12)


def test_the_truth_is_between_the_bounds(open_page):
    page = open_page("/bare")
    cases = [(*place, 3 + j % 6) for j, place in enumerate(places(18))]
    low, high = (call(page, name, cases) for name in ("needed", "enough"))
    for case, least, most in zip(cases, low, high, strict=True):
        truth = least_weight(*case)
        assert least <= truth * (1 + 1e-6)
        assert truth <= most * (1 + 1e-3)  # the grid has not all modes
    assert max(np.divide(high, low)) > 2 and min(np.divide(high, low)) == 1


def test_where_the_bound_crosses_the_floats(open_page):
    page = open_page("/bare")
    assert call(page, "crossing", [(0, 1, 24), (0, 1, 53)]) == [21, 45]
    assert call(page, "bounds", [(0, 1, 64, 17)]) == [[1, 1, 3, 3, 17]]  # reached, not passed
    cases = [(*place, bits) for place in places(40) for bits in (24, 53)]
    found = call(page, "crossing", cases)
    assert found.count(np.inf) >= 12  # the real points, and some next to them
    for (x, y, bits), L in zip(cases, found, strict=True):
        if L == np.inf:
            assert call(page, "bounds", [(x, y, 10000)])[0][-1] < 2**bits
        else:
            before, at = call(page, "needed", [(x, y, L - 1), (x, y, L)])
            assert before < 2**bits <= at


def test_the_points_of_the_axis_are_on_it(open_page):
    page = open_page("/bare")
    assert call(page, "point", [(0.9, 0), (0.9, 180)]) == [[0.9, 0], [-0.9, 0]]
    got = call(page, "point", [(0.5, 90), (1, 126.87)])
    np.testing.assert_allclose(got, [[0, 0.5], [-0.6, 0.8]], atol=2e-6)


# ------------------------------------------------------------------ drawing


def curve(page, name):
    """The points of a line of the right pane, as values of L and bits."""
    grid = page.locator(".pr-curve .grid").get_attribute("d")[1:].split("M")
    (left, zero), (_, top) = ([float(v) for v in grid[j].split("H")[0].split()] for j in (0, -1))
    right = float(grid[0].split("H")[1])
    points = page.locator(f".pr-curve path.{name}").first.get_attribute("d")[1:].split("L")
    x, y = np.array([[float(v) for v in point.split()] for point in points]).T
    return 1 + 63 * (x - left) / (right - left), 80 * (y - zero) / (top - zero)


@pytest.mark.parametrize("width", [320, 900])
@pytest.mark.parametrize("name", NAMES)
def test_the_lines_are_the_bounds(open_page, width, name):
    page = open_page(width=width)
    button(page, name).click()
    r, angle, _ = {"the opening": (0.99, 126.87, 0)}.get(name, values(page))
    where = call(page, "point", [(r, angle)])[0]
    for line, function in [("needed", "needed"), ("enough", "enough")]:
        L, bits = curve(page, line)
        np.testing.assert_allclose(L, np.arange(1, 65), atol=0.01)
        expected = np.log2(floats(page, function, [(*where, n) for n in range(1, 65)]))
        np.testing.assert_allclose(bits, expected, atol=0.01)
    L, bits = curve(page, "needed")
    for j, bound in enumerate((24, 53)):
        mark = page.locator(".pr-curve .crossed").nth(j)
        at = int(np.argmax(bits >= bound)) if bits[-1] >= bound else None
        assert mark.is_visible() == (at is not None)
        if at is not None:
            assert page.locator(".pr-curve").get_by_text(f"L = {at + 1}", exact=True).is_visible()


@pytest.mark.parametrize("width", [320, 900])
def test_the_bands_are_ellipses_with_the_same_foci(open_page, width):
    page = open_page(width=width)
    button(page, "a slow turn").click()
    ask = """() => [...document.querySelectorAll(".pr-disc ellipse")]
      .map((node) => ["rx", "ry", "cx", "cy"].map((name) => Number(node.getAttribute(name))))"""
    a, b, cx, cy = np.array(page.evaluate(ask)).T
    left, right = (float(v) for v in disc(page)[:2])
    np.testing.assert_allclose(np.sqrt(a**2 - b**2), (right - left) / 2, rtol=1e-9)
    R = (right - left) / 2
    rate = np.log2((a + b) / R)
    where = call(page, "point", [(0.999, 6)])[0]
    np.testing.assert_allclose(rate[:-1], [1.25, 1, 0.75, 0.5, 0.25])
    assert rate[-1] == pytest.approx(call(page, "rate", [where])[0])
    handle = page.locator(".pr-disc .handle")
    x, y = (float(handle.get_attribute(name)) for name in ("cx", "cy"))
    assert ((x - cx[-1]) / a[-1]) ** 2 + ((y - cy[-1]) / b[-1]) ** 2 == pytest.approx(1)


def test_the_colours_follow_the_theme(open_page):
    page = open_page()
    ask = """() => [[".pr .face", "fill"], [".pr .handle", "fill"], [".pr .needed", "stroke"]]
      .map(([name, what]) => getComputedStyle(document.querySelector(name))[what])"""
    light = page.evaluate(ask)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert not {*light} & {*page.evaluate(ask)}


# ------------------------------------------------------------------ controls


def disc(page):
    """The ends of the real segment and its height, in the drawing."""
    left, y, right = page.evaluate("""() => document.querySelector(".pr-disc .real")
      .getAttribute("d").match(/[0-9.]+/g).map(Number)""")
    return left, right, y


def inside(page, x, y):
    """Where a point of the unit disc is in the window."""
    left, right, base = disc(page)
    box = page.locator(".pr-disc").bounding_box()
    R = (right - left) / 2
    return box["x"] + left + R + R * x, box["y"] + base - R * y


def heard(page):
    """The readout, with powers written with a caret."""
    readout(page)
    return page.evaluate("""() => {
      const copy = document.querySelector(".explorable-readout").cloneNode(true);
      copy.querySelectorAll("sup").forEach((node) => node.prepend("^"));
      return copy.textContent;
    }""")


def pressed(page):
    return page.locator("button[aria-pressed=true]").all_inner_texts()


def test_options_of_the_figure_reach_the_drawing(open_page):
    page = open_page()
    assert values(page) == [1, 90, 16]
    assert pressed(page) == ["quarter turn"]
    label = page.locator(".pr-curve").get_attribute("aria-label")
    assert label == "Real modes that match 16 values need weights of 2 to the 16.8 or more, " + (
        "at most 2 to the 19.1"
    )


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({}, [0.99, 126.9, 32]),
        ({"r": "2", "angle": "-5", "length": "1"}, [1, 0, 2]),
        ({"r": "x", "angle": "Infinity", "length": "12.4"}, [0.99, 126.9, 12]),
    ],
)
def test_other_options(open_page, options, shown):
    page = open_page("/bare")
    mount(page, "price_of_being_real", options)
    assert values(page) == shown


def test_the_readout_tells_the_numbers(open_page):
    page = open_page()
    assert heard(page) == (
        "λ = 1 at 90°: ρ = 2.41, 1.27 bits a step. To match 16 values, real modes need weights "
        "of at least 1.1 × 10^5 in sum of moduli, the complex one of 1. "
        "All bits of float32 cancel from L = 21 on, of float64 from L = 45 on."
    )
    page.get_by_label("values L").fill("5")
    assert "at least 17 in sum" in heard(page)
    page.get_by_label("angle θ").fill("1")
    page.get_by_label("modulus r").fill("0.002")
    line = heard(page)
    assert "λ = 0.002 at 1°: ρ = 1.00, 0.000050 bits a step." in line
    assert line.endswith("Up to L = 10000 the bound leaves float32 some bits.")
    page.get_by_label("modulus r").fill("0.02")
    assert "at least 1 in sum" in heard(page)
    page.get_by_label("modulus r").fill("0.3")
    found = call(page, "crossing", [(0.3 * np.cos(np.pi / 180), 0.3 * np.sin(np.pi / 180), 24)])[0]
    assert f"float32 cancel from L = {found} on" in heard(page)


@pytest.mark.parametrize(
    ("name", "shown", "words"),
    [
        ("quarter turn", [1, 90, 16], "ρ = 2.41, 1.27 bits a step."),
        ("the opening", [0.99, 126.9, 16], "ρ = 2.22, 1.15 bits a step."),
        ("a slow turn", [0.999, 6, 16], "ρ = 1.37, 0.46 bits a step."),
        ("a decay", [0.9, 0, 16], "is real, so that ρ = 1: 0 bits a step. One real mode of"),
    ],
)
def test_presets(open_page, name, shown, words):
    page = open_page()
    button(page, name).press("Enter")
    assert (values(page), pressed(page)) == (shown, [name])
    assert words in heard(page)
    alone = page.locator(".pr-curve .complex-text").text_content()
    assert alone == ("real and complex: 1" if name == "a decay" else "complex: 1")


def test_the_arrow_keys_move_the_sliders(open_page):
    page = open_page()
    for name, key, shown in [
        ("modulus r", "ArrowLeft", [0.999, 90, 16]),
        ("angle θ", "ArrowRight", [0.999, 91, 16]),
        ("values L", "ArrowRight", [0.999, 91, 17]),
        ("values L", "End", [0.999, 91, 64]),
        ("values L", "Home", [0.999, 91, 2]),
        ("angle θ", "End", [0.999, 180, 2]),
    ]:
        page.get_by_label(name).press(key)
        assert values(page) == shown
    assert "λ = 0.999 at 180° is real" in heard(page)
    assert pressed(page) == []


def test_the_arrow_keys_move_lambda_and_its_focus_is_seen(open_page):
    page = open_page()
    pole = page.get_by_role("slider", name="λ", exact=True)
    button(page, "a decay").click()
    page.keyboard.press("Tab")
    ask = "() => getComputedStyle(document.activeElement.querySelector('.ring')).stroke"
    assert page.evaluate(ask) != "none"
    assert pole.get_attribute("aria-valuetext") == "modulus 0.900, angle 0 degrees"
    page.keyboard.press("ArrowLeft")
    assert values(page)[:2] == [0.875, 0]
    for key in ("ArrowUp", "ArrowUp", "Shift+ArrowRight"):
        page.keyboard.press(key)
    z = 0.88 + 0.05j
    assert values(page)[:2] == pytest.approx([abs(z), np.degrees(np.angle(z))], abs=0.06)
    for key in ("ArrowDown", "ArrowDown", "ArrowDown"):  # not below the axis
        page.keyboard.press(key)
    assert values(page)[:2] == [0.88, 0]
    for _ in range(80):  # to the circle, and no further
        page.keyboard.press("ArrowUp")
    assert values(page)[0] == 1 and pole.get_attribute("aria-valuenow") == "1.000"
    page.keyboard.press("a")
    assert values(page)[0] == 1


def test_lambda_is_dragged(open_page):
    page = open_page()
    page.mouse.move(*inside(page, 0, 1))
    page.mouse.down()
    page.mouse.move(*inside(page, 0.2, 0.7))
    for (x, y), shown in [
        ((0.3, 0.4), [0.5, 53.1]),
        ((-0.3, 0.4), [0.5, 126.9]),
        ((-0.5, 0.005), [0.5, 180]),  # drawn to the axis
        ((0.4, -0.6), [0.4, 0]),  # and held there
        ((-3, 3), [1, 135]),
        ((5, 0), [1, 0]),
    ]:
        page.mouse.move(*inside(page, x, y))
        assert values(page)[:2] == pytest.approx(shown, abs=0.35)
        assert values(page)[0] <= 1 and (values(page)[1] in (0, 180)) == (y <= 0.005)
    page.mouse.up()
    page.mouse.move(*inside(page, 0, 0.5))
    assert values(page)[:2] == [1, 0]
    page.mouse.click(*inside(page, 0, 0.5))  # a click moves it there
    assert values(page)[:2] == pytest.approx([0.5, 90], abs=0.5)


def test_the_readout_speaks_at_most_twice_a_second(open_page):
    page = open_page()
    speaks_at_most_twice_a_second(page, "angle θ")
    assert values(page)[1] == 70


# ------------------------------------------------------------------ layout


@pytest.mark.parametrize("width", [320, 375, 632, 900])
def test_it_fits_and_shifts_nothing(open_page, width):
    fits_and_shifts_nothing(open_page, width, NAMES[::-1])


@pytest.mark.parametrize("width", [320, 375, 612, 900])
def test_the_readout_and_the_labels_stay_in_their_place(open_page, width):
    page = open_page(width=width, height=1600)
    line = page.locator(".explorable-readout")
    room = line.bounding_box()
    for modulus, turn, length in [
        (1, 90, 64),
        (1, 0, 2),
        (0.002, 179, 64),
        (0.302, 179, 64),
        (0.995, 179, 64),
        (0.999, 5, 60),
        (0.885, 104, 64),
    ]:
        page.get_by_label("modulus r").fill(str(modulus))
        page.get_by_label("angle θ").fill(str(turn))
        page.get_by_label("values L").fill(str(length))
        readout(page)
        assert line.evaluate("node => node.scrollHeight <= node.clientHeight")
        assert line.bounding_box() == room
        assert labels_outside(page) == []


@pytest.mark.parametrize("width", [320, 375])
def test_targets_and_text_are_large_enough_on_a_phone(open_page, width):
    is_large_enough_on_a_phone(open_page, width)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", NAMES[::3])
def test_it_is_accessible(open_page, name, theme):
    page = open_page(theme=theme)
    button(page, name).click()
    readout(page)
    is_accessible(page, theme)


def test_the_chapter_shows_it(html, site, visit):
    line = "λ = 0.99 at 126.9°: ρ = 2.22, 1.15 bits a step."
    its_chapter_shows(html, site, visit, CHAPTER, "price_of_being_real", line)
