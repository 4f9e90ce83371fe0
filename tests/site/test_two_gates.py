"""The explorable `two_gates` in a browser: its numbers against Python, then its controls."""

import json
import re
from functools import partial

import numpy as np
import pytest
from explorables import (
    button,
    fits_and_shifts_nothing,
    is_accessible,
    is_large_enough_on_a_phone,
    its_chapter_shows,
    mount,
    readout,
    speaks_at_most_twice_a_second,
    values,
)

DATA = 'data-explorable="two_gates" data-rho="0.9" data-angle="140" data-p="0.95" data-q="0.05"'
CHAPTER = "book/stability/gates.html"
CALL = """async ([name, calls]) => {
  const m = await import("/explorables/two_gates.js");
  return JSON.stringify(JSON.parse(calls).map((call) => m[name](...call)));
}"""
OPENING = np.arccos(-0.6)  # 126.87 degrees
START = np.ones(2) / np.sqrt(2)


def call(page, name, calls):
    """What the module's function returns for each list of arguments."""
    return json.loads(page.evaluate(CALL, [name, json.dumps(calls)]))


def mounted(open_page, options, **window):
    """A page with the figure of these options."""
    page = open_page("/bare", **window)
    mount(page, "two_gates", options)
    return page


# ------------------------------------------------------------------ the same in numpy


def system(kind, rho, theta):
    turn = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
    return rho * turn @ np.diag([1, -1 if kind == "reflection" else 1])


def gated(a, g):
    return np.diag(1 - np.asarray(g)) + np.diag(g) @ a


def radius(m):
    return np.abs(np.linalg.eigvals(m)).max()


def in_python(schedule, p, q, turn, seed, steps):
    """The gates of each step, by the generator x <- 1664525 x + 1013904223 modulo 2^32."""
    made, word = [], seed
    for k in range(-(-steps // turn)):
        if schedule == "random":
            words = [word := (1664525 * word + 1013904223) % 2**32 for _ in range(2)]
            pair = [p if w < 2**31 else q for w in words]
        else:
            pair = [p, q] if k % 2 == 0 else [q, p]
            pair = pair if schedule == "turns" else [pair[0]] * 2
        made += [pair] * turn
    return made[:steps]


def states(a, gates):
    h = [START]
    for g in gates:
        h.append(gated(a, g) @ h[-1])
    return np.array(h)


def round_of(a, schedule, p, q, turn):
    """The matrix of two turns."""
    m = np.eye(2)
    for g in in_python(schedule, p, q, turn, 1, 2 * turn):
        m = gated(a, g) @ m
    return m


def systems(count, seed):
    rng = np.random.default_rng(seed)
    kinds = rng.choice(["rotation", "reflection"], count).tolist()
    return list(zip(kinds, rng.uniform(0.3, 1, count), rng.uniform(0, np.pi, count), strict=True))


def gate_pairs(count, seed):
    """Pairs (p, q), a third of them hard, in any order."""
    rng = np.random.default_rng(seed)
    pairs = rng.uniform(0, 1, (count, 2))
    pairs[::3] = rng.permuted(np.tile([1.0, 0.0], (len(pairs[::3]), 1)), axis=1)
    return pairs.tolist()


# ------------------------------------------------------------------ numbers


def test_matrices_and_their_radii_agree_with_numpy(open_page):
    page, cases, gates = open_page("/bare"), systems(200, 0), gate_pairs(200, 1)
    a = [system(*case) for case in cases]
    np.testing.assert_allclose(
        call(page, "matrix", cases), np.reshape(a, (-1, 4)), rtol=0, atol=1e-15
    )
    m = [gated(*pair) for pair in zip(a, gates, strict=True)]
    flat = [[x.ravel().tolist(), g] for x, g in zip(a, gates, strict=True)]
    np.testing.assert_allclose(
        call(page, "gated", flat), np.reshape(m, (-1, 4)), rtol=0, atol=1e-15
    )
    rough = np.random.default_rng(2).standard_normal((200, 2, 2))  # real and complex eigenvalues
    for batch in (m, rough):
        got = call(page, "radius", [[x.ravel().tolist()] for x in batch])
        np.testing.assert_allclose(got, [radius(x) for x in batch], rtol=1e-7, atol=1e-12)
    bounds = call(page, "absRadius", [[x.ravel().tolist()] for x in a])
    np.testing.assert_allclose(bounds, [radius(np.abs(x)) for x in a], rtol=1e-12)


@pytest.mark.parametrize("schedule", ["turns", "together", "random"])
def test_the_gates_are_those_of_the_schedule(open_page, schedule):
    calls = [[schedule, 0.8, 0.1, turn, seed, 37] for turn in (1, 2, 5, 8) for seed in (1, 7)]
    got = call(open_page("/bare"), "gates", calls)
    assert got == [in_python(*one) for one in calls]


def test_random_gates_are_open_half_of_the_time_and_independent(open_page):
    g = np.array(call(open_page("/bare"), "gates", [["random", 1, 0, 1, 5, 4000]])[0])
    assert np.abs(g.mean(0) - 0.5).max() < 0.03
    both = np.c_[g[:-1], g[1:]] - 0.5  # the gates of a step and of the next
    assert np.abs(both.T @ both / len(both) - np.eye(4) / 4).max() < 0.03


def test_the_orbit_is_that_of_numpy(open_page):
    page = open_page("/bare")
    for case, pair in zip(systems(20, 3), gate_pairs(20, 4), strict=True):
        a, gates = system(*case), in_python("random", *pair, 2, 3, 60)
        got = call(page, "orbit", [[a.ravel().tolist(), gates]])[0]
        np.testing.assert_allclose(got, states(a, gates), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("schedule", ["turns", "together"])
@pytest.mark.parametrize("turn", [1, 2, 3, 8])
def test_the_growth_is_the_radius_of_the_product_of_a_round(open_page, schedule, turn):
    page, cases, pairs = open_page("/bare"), systems(150, turn), gate_pairs(150, 5)
    calls, expected, single = [], [], []
    for case, pair in zip(cases, pairs, strict=True):
        a = system(*case)
        gates = in_python(schedule, *pair, turn, 1, 40)
        calls.append([a.ravel().tolist(), schedule, turn, gates])
        expected.append(radius(round_of(a, schedule, *pair, turn)))
        single.append(max(radius(gated(a, g)) for g in gates))
    got = call(page, "growth", calls)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-9)
    steps = call(page, "stepRadius", [[one[0], one[3]] for one in calls])
    np.testing.assert_allclose(steps, single, rtol=1e-7, atol=1e-9)


def log_length(a, gates):
    """The logarithm of the length after the gates."""
    h, log = START, 0.0
    for g in gates:
        h = gated(a, g) @ h
        log += np.log(np.linalg.norm(h))
        h = h / np.linalg.norm(h)
    return log


@pytest.mark.parametrize("turn", [1, 4])
def test_the_growth_under_random_gates_is_measured(open_page, turn):
    page, rng = open_page("/bare"), np.random.default_rng(6)
    for case, pair in zip(systems(8, 7), gate_pairs(8, 8), strict=True):
        a, gates = system(*case), in_python("random", *pair, turn, 11, 1000)
        got = call(page, "growth", [[a.ravel().tolist(), "random", turn, gates]])[0]
        assert np.log(got) == pytest.approx(2 * turn * log_length(a, gates) / 1000, rel=1e-9)
        others = rng.choice(pair, (4000 // turn, 2)).repeat(turn, axis=0)  # grow alike
        other = 2 * turn * log_length(a, others) / 4000
        assert np.log(got) == pytest.approx(other, rel=0.15, abs=0.02 * turn)


def test_a_state_that_vanishes_or_explodes_is_measured_too(open_page):
    page = open_page("/bare")
    free = [[1, 1]] * 1000
    got = call(page, "growth", [[[x, 0, 0, x], "random", 1, free] for x in (1e-3, 0.5, 4e3)])
    np.testing.assert_allclose(got, [1e-6, 0.25, 1.6e7], rtol=1e-9)
    assert call(page, "growth", [[[0, 0, 0, 0], "random", 1, free]])[0] < 1e-20


def in_turn(page, rhos, thetas, p=1, q=0):
    """The factors of two steps in turn, for rotations."""
    gates = in_python("turns", p, q, 1, 1, 2)
    a = [system("rotation", *one).ravel().tolist() for one in zip(rhos, thetas, strict=True)]
    return np.array(call(page, "growth", [[one, "turns", 1, gates] for one in a]))


def test_the_numbers_of_the_opening(open_page):
    page = open_page("/bare")
    assert in_turn(page, [0.95], [OPENING])[0] == pytest.approx(1.5012, abs=5e-5)
    assert in_turn(page, [0.95], [OPENING], 0.99, 0.02)[0] == pytest.approx(1.4497, abs=5e-5)
    a = system("rotation", 0.95, OPENING)
    soft = call(page, "gated", [[a.ravel().tolist(), [0.99, 0.02]]])
    assert call(page, "radius", [soft])[0] == pytest.approx(0.961, abs=5e-4)
    m = round_of(a, "turns", 1, 0, 1)
    assert (np.trace(m), np.linalg.det(m)) == pytest.approx((-1.7176, 0.3249), abs=5e-5)


def test_the_threshold_in_two_dimensions(open_page):
    page, rho = open_page("/bare"), np.linspace(0.7075, 1, 20)
    assert (in_turn(page, rho, np.arccos(-1 / (2 * rho))) > 1).all()  # above 1/sqrt(2) one grows
    below = np.full(181, 1 / np.sqrt(2) - 1e-9)  # and below it none
    assert (in_turn(page, below, np.linspace(0, np.pi, 181)) < 1).all()


def test_in_turn_an_obtuse_rotation_grows_just_where_the_bound_fails(open_page):
    rng = np.random.default_rng(9)
    theta, rho = rng.uniform(0, np.pi, 300), rng.uniform(0.5, 1, 300)
    bound = rho * (np.abs(np.cos(theta)) + np.sin(theta))
    grows = in_turn(open_page("/bare"), rho, theta) > 1
    np.testing.assert_array_equal(grows, (theta > np.pi / 2) & (bound > 1))
    acute = (theta < np.pi / 2) & (bound > 1.02)  # these grow in long turns
    for case in zip(rho[acute], theta[acute], strict=True):
        assert radius(round_of(system("rotation", *case), "turns", 1, 0, 400)) > 1


def test_what_the_readout_says_cannot_grow_does_not(open_page):
    page = open_page("/bare")
    for schedule in ("turns", "together", "random"):
        calls = []
        for (kind, rho, theta), pair in zip(systems(300, 10), gate_pairs(300, 11), strict=True):
            safe = kind == "reflection" or rho * (abs(np.cos(theta)) + np.sin(theta)) <= 1
            if schedule == "together" or safe:
                gates = in_python(schedule, *pair, 3, 2, 120)
                a = system(kind, rho, theta).ravel().tolist()
                calls.append([a, schedule, 3, gates])
        assert len(calls) > 100
        # a measured factor contains the constant of the norm, spread over 20 rounds
        most = 1.1 if schedule == "random" else 1 + 1e-7
        assert max(call(page, "growth", calls)) < most


def test_fresh_gates_of_equal_mean_never_lengthen_the_state_on_average():
    for case, (p, q) in zip(systems(300, 14), gate_pairs(300, 15), strict=True):
        steps = [gated(system(*case), (g, f)) for g in (p, q) for f in (p, q)]
        mean_square = sum(m.T @ m for m in steps) / 4
        bound = 1 - (p + q) / 2 * (1 - case[1] ** 2)
        assert np.linalg.eigvalsh(mean_square).max() <= bound + 1e-12


def test_the_region_above_a_level(open_page):
    page, rng = open_page("/bare"), np.random.default_rng(12)
    rows, columns = np.mgrid[:7, :11]
    for a, b, c in rng.standard_normal((30, 3)):
        plane = a * (columns - 5) + b * (rows - 3) + 2 * c  # is met exactly, being linear
        fill, border = call(page, "above", [[plane.tolist(), 0.5]])[0].values()
        area = 0.0
        for polygon in fill:
            x, y = np.transpose(polygon)
            area += np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) / 2
            assert (a * (x - 5) + b * (y - 3) + 2 * c >= 0.5 - 1e-9).all()
        fine = np.stack(np.meshgrid(*[(np.arange(n) + 0.5) / 50 for n in (500, 300)]))
        inside = a * (fine[0] - 5) + b * (fine[1] - 3) + 2 * c > 0.5
        assert area == pytest.approx(inside.sum() / 2500, abs=0.05)
        for (x, y), (u, v) in border:
            ends = a * (np.array([x, u]) - 5) + b * (np.array([y, v]) - 3) + 2 * c
            np.testing.assert_allclose(ends, 0.5, atol=1e-9)
    assert call(page, "above", [[[[0, 0], [0, 0]], 0]])[0] == {"fill": [], "border": []}


# ------------------------------------------------------------------ drawing


def numbers(page):
    return dict(
        zip(
            page.locator(".tg-numbers dt").all_inner_texts(),
            page.locator(".tg-numbers dd").all_inner_texts(),
            strict=True,
        )
    )


def pressed(page):
    return page.locator("button[aria-pressed=true]").all_inner_texts()


def points(page, path):
    """The points of a path of moves and lines, one array for each move."""
    drawn = page.locator(path).get_attribute("d")
    return [
        np.array([pair.split() for pair in piece.removesuffix("h0").split("L")], float)
        for piece in drawn.split("M")[1:]
    ]


def test_options_of_the_figure_reach_the_drawing(open_page):
    page = open_page()
    assert values(page) == [0.9, 140, 0.95, 0.05, 1]
    assert pressed(page) == ["in turn", "rotation"]
    a = system("rotation", 0.9, np.radians(140))
    whole = radius(round_of(a, "turns", 0.95, 0.05, 1))
    assert numbers(page) == {
        "norm of A": "0.900",
        "spectral radius of one gated step": f"{radius(gated(a, (0.95, 0.05))):.3f}",
        "spectral radius of two gated steps": f"{whole:.3f}",
        "spectral radius of |A|": f"{radius(np.abs(a)):.3f}",
    }
    assert whole > 1
    assert readout(page) == (
        f"The gated state grows by a factor of {whole:.3f} every two steps. "
        "A alone shortens every vector to 0.9 of its length."
    )
    assert "inside" in page.locator(".tg-map").get_attribute("aria-label")


@pytest.mark.parametrize(
    ("options", "shown", "chosen"),
    [
        ({}, [0.95, 126.9, 1, 0, 1], ["in turn", "rotation", "127°, hard gates"]),
        (
            {"kind": "toString", "schedule": "x", "rho": "3", "angle": "-4", "turn": "99"},
            [1, 0, 1, 0, 8],
            ["in turn", "rotation"],
        ),
        (
            {"kind": "reflection", "schedule": "random", "p": "0.7", "q": "-1", "rho": "0.1"},
            [0.5, 126.9, 0.7, 0, 1],
            ["at random", "reflection"],
        ),
    ],
)
def test_options_have_defaults_and_bounds(open_page, options, shown, chosen):
    page = mounted(open_page, options)
    readout(page)
    assert (values(page), pressed(page)) == (shown, chosen)


def test_the_defaults_are_the_opening(open_page):
    page = mounted(open_page, {})
    assert list(numbers(page).values()) == ["0.950", "1.000", "1.501", "1.330"]
    assert readout(page) == (
        "The gated state grows by a factor of 1.501 every two steps. "
        "A alone shortens every vector to 0.95 of its length."
    )


def lengths(page, path):
    """Steps and lengths of the curve of a path, by the numbers of the axes."""
    levels = page.evaluate("""() => Object.fromEntries(
      [...document.querySelectorAll(".tg-length text.muted")].map((node) => [
        node.textContent, [node.x.baseVal[0].value, node.y.baseVal[0].value]]))""")
    (x, y), (left, _), (right, _) = points(page, path)[0].T, levels["0"], levels["40"]
    low, high = levels["10−2"][1] - 4, levels["104"][1] - 4
    return 40 * (x - left) / (right - left), 6 * (low - y) / (low - high) - 2


@pytest.mark.parametrize("schedule", ["in turn", "together", "at random"])
@pytest.mark.parametrize("width", [320, 900])
def test_the_lengths_are_drawn_on_their_axes(open_page, schedule, width):
    page = open_page(width=width)
    button(page, schedule).click()
    name = {"in turn": "turns", "together": "together", "at random": "random"}[schedule]
    a = system("rotation", 0.9, np.radians(140))
    gates = in_python(name, 0.95, 0.05, 1, 1, 40)
    for path, exact in [
        (".tg-length .gated", np.log10(np.linalg.norm(states(a, gates), axis=1))),
        (".tg-length .free", np.arange(41) * np.log10(0.9)),
    ]:
        steps, powers = lengths(page, path)
        np.testing.assert_allclose(steps, np.arange(41), atol=0.01)
        np.testing.assert_allclose(powers, exact, atol=0.01)
    steps, powers = lengths(page, ".tg-length .rate")
    whole = float(numbers(page)[list(numbers(page))[2]])
    np.testing.assert_allclose(powers, steps / 2 * np.log10(whole), atol=0.02)


def test_a_curve_that_leaves_the_picture_ends(open_page):
    page = mounted(open_page, {"rho": "0.5", "p": "1", "q": "1", "turn": "8"})
    steps, powers = lengths(page, ".tg-length .free")
    np.testing.assert_allclose(powers, steps * np.log10(0.5), atol=0.01)
    assert len(steps) < 41 and powers[-1] < -6
    assert "< 0.001" in numbers(page).values()
    assert "shrinks to < 0.001 of its size every 16 steps" in readout(page)


def place(page, coordinates, edge):
    """Where numbers of the state lie in the plane, as parts of its half side."""
    x, y, w, h = page.evaluate("""() => {
      const { x, y, width, height } = document.querySelector(".tg-plane .rule").getBBox();
      return [x, y, width, height];
    }""")
    scaled = np.arcsinh(coordinates) / np.arcsinh(edge)
    return np.c_[x + w / 2 + w / 2 * scaled[:, 0], y + h / 2 - h / 2 * scaled[:, 1]]


@pytest.mark.parametrize("schedule", ["in turn", "together", "at random"])
def test_each_step_of_the_orbit_has_the_colour_of_what_it_moves(open_page, schedule):
    page = mounted(open_page, {"rho": "0.95", "angle": "110", "p": "1", "q": "0"})
    button(page, schedule).click()
    name = {"in turn": "turns", "together": "together", "at random": "random"}[schedule]
    gates = in_python(name, 1, 0, 1, 1, 16)
    h = states(system("rotation", 0.95, np.radians(110)), gates)
    edge = max(1.4, 1.2 * np.abs(h).max())
    at = place(page, h, edge)
    drawn = {kind: points(page, f".tg-plane .{kind}") for kind in ("first", "second", "both")}
    for t, (g, f) in enumerate(gates):
        kind = "first" if g > f else "second" if f > g else "both"
        piece = drawn[kind].pop(0)
        np.testing.assert_allclose(piece, at[t : t + 2], atol=0.02)
        if kind != "both":  # a step of one number is parallel to its axis
            assert abs(np.diff(piece, axis=0)[0, int(kind == "first")]) < 1e-9
    assert not any(drawn.values())
    free = states(system("rotation", 0.95, np.radians(110)), [(1, 1)] * 16)
    np.testing.assert_allclose(
        points(page, ".tg-plane .free")[0], place(page, free, edge), atol=0.02
    )


@pytest.mark.parametrize("schedule", ["turns", "together", "random"])
def test_the_gates_are_drawn_step_by_step(open_page, schedule):
    page = mounted(open_page, {"schedule": schedule, "p": "0.8", "q": "0.3", "turn": "3"})
    held = 1 if schedule == "random" else 3
    gates = np.array(in_python(schedule, 0.8, 0.3, held, 1, 40))
    for row, name in enumerate(("one", "two")):
        bars = re.findall(
            r"M([\d.]+) \S+?v-([\d.]+)", page.locator(f".gate.{name}").get_attribute("d")
        )
        x, height = np.array(bars, float).T
        np.testing.assert_allclose(height, 13 * gates[:, row], atol=1e-6)
        np.testing.assert_allclose(np.diff(x), np.diff(x)[0], atol=0.02)


def shaded(page, angles, sizes):
    """Whether the map is shaded at A of these angles (degrees) and norms."""
    return page.evaluate(
        """([angles, sizes]) => {
          const face = document.querySelector(".tg-map .face");
          const [x, y, w, h] = ["x", "y", "width", "height"].map((name) =>
            Number(face.getAttribute(name)));
          const band = document.querySelector(".tg-map .band");
          return angles.map((angle, k) => band.isPointInFill(new DOMPoint(
            x + (w * angle) / 180, y + h * (1 - (sizes[k] - 0.5) / 0.5))));
        }""",
        [list(angles), list(sizes)],
    )


@pytest.mark.parametrize(
    "options",
    [
        {"p": "1", "q": "0"},
        {"p": "0.95", "q": "0.1"},
        {"p": "0.1", "q": "0.9"},
        {"p": "1", "q": "0", "turn": "2"},
        {"p": "1", "q": "0.05", "turn": "5"},
        {"p": "1", "q": "0", "kind": "reflection"},
        {"p": "1", "q": "0.2", "schedule": "together"},
    ],
)
def test_the_map_is_shaded_where_the_product_grows(open_page, options):
    page, rng = mounted(open_page, options), np.random.default_rng(13)
    angles, sizes = rng.uniform(0, 180, 400), rng.uniform(0.5, 1, 400)
    usual = {"turn": "1", "kind": "rotation", "schedule": "turns"} | options
    p, q, turn = float(usual["p"]), float(usual["q"]), int(usual["turn"])
    factors = np.array(
        [
            radius(
                round_of(
                    system(usual["kind"], rho, np.radians(angle)), usual["schedule"], p, q, turn
                )
            )
            for angle, rho in zip(angles, sizes, strict=True)
        ]
    )
    clear = np.abs(np.log(factors)) > 0.02 * turn
    got = np.array(shaded(page, angles, sizes))
    np.testing.assert_array_equal(got[clear], factors[clear] > 1)
    assert clear.mean() > 0.9
    nothing = page.locator(".tg-map text").get_by_text("nothing grows")
    assert nothing.is_visible() == (not got.any())
    assert got.any() == (options.keys() <= {"p", "q", "turn"})


def test_the_dotted_arches_are_the_border_of_certainty(open_page):
    page = open_page()
    x, y, w, h = page.evaluate("""() => ["x", "y", "width", "height"].map((name) =>
      Number(document.querySelector(".tg-map .face").getAttribute(name)))""")
    for arch in points(page, ".tg-map .safe"):
        angle, rho = np.pi * (arch[:, 0] - x) / w, 1 - 0.5 * (arch[:, 1] - y) / h
        np.testing.assert_allclose(rho * (np.abs(np.cos(angle)) + np.sin(angle)), 1, atol=1e-3)


def test_random_gates_shade_nothing(open_page):
    page = mounted(open_page, {"schedule": "random", "turn": "4"})
    readout(page)
    words = page.locator(".tg-map").text_content()
    assert "shaded: grows with gates at random" in words
    assert page.locator(".tg-map text").get_by_text("nothing grows").is_visible()
    assert not any(shaded(page, range(0, 181, 5), [0.99] * 37))
    assert list(numbers(page))[2] == "two gated steps, measured"  # a new draw at each step
    assert page.get_by_label("steps per turn").is_disabled()
    button(page, "in turn").click()
    assert page.get_by_label("steps per turn").is_enabled()
    assert list(numbers(page))[2] == "spectral radius of 8 gated steps"
    assert any(shaded(page, range(0, 181, 5), [0.99] * 37))


def test_the_colours_follow_the_theme(open_page):
    page = open_page()

    def colours():
        return page.evaluate("""() => [
          [".tg .first", "stroke"], [".tg .second", "stroke"], [".tg .border", "stroke"],
          [".tg .both", "stroke"], [".tg .handle", "fill"], [".tg-numbers .above", "color"],
        ].map(([name, what]) => getComputedStyle(document.querySelector(name))[what])""")

    light = colours()
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    dark = colours()
    assert all(one != other for one, other in zip(light, dark, strict=True))
    for theme in (light, dark):
        assert len(set(theme[:4])) == 4 and theme[2] == theme[5]


# ------------------------------------------------------------------ controls


@pytest.mark.parametrize(
    ("label", "key", "shown", "said"),
    [
        ("norm of A", "ArrowRight", [0.905, 140, 0.95, 0.05, 1], "0.905 of its length"),
        ("norm of A", "Home", [0.5, 140, 0.95, 0.05, 1], "Here ρ(|A|) ≤ 1, and then no gates"),
        ("norm of A", "End", [1, 140, 0.95, 0.05, 1], "A alone changes no length."),
        ("angle θ", "ArrowLeft", [0.9, 139, 0.95, 0.05, 1], "grows by a factor of 1.1"),
        ("angle θ", "End", [0.9, 180, 0.95, 0.05, 1], "Here ρ(|A|) ≤ 1"),
        ("open gate p", "End", [0.9, 140, 1, 0.05, 1], "grows by a factor of 1.3"),
        ("closed gate q", "End", [0.9, 140, 0.95, 1, 1], "But ρ(|A|) > 1: other gates make it"),
        ("steps per turn", "ArrowRight", [0.9, 140, 0.95, 0.05, 2], "every 4 steps."),
    ],
)
def test_keys_on_the_sliders_change_everything(open_page, label, key, shown, said):
    page = open_page()
    before = readout(page), numbers(page), page.locator(".tg-length .gated").get_attribute("d")
    page.get_by_label(label).press(key)
    assert values(page) == shown
    after = readout(page), numbers(page), page.locator(".tg-length .gated").get_attribute("d")
    assert said in after[0]
    assert all(one != other for one, other in zip(before, after, strict=True))


def test_the_values_of_the_sliders_are_read_with_their_units(open_page):
    page = open_page()
    page.get_by_label("angle θ").press("ArrowRight")
    assert page.get_by_label("angle θ").get_attribute("aria-valuetext") == "141°"
    assert page.get_by_label("norm of A").get_attribute("aria-valuetext") == "0.9"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("together", "With one gate for both numbers no step lengthens it."),
        ("reflection", "A is symmetric, and then no gates make it grow."),
        ("at random", "Fresh gates of equal mean never lengthen it on average, whatever A."),
    ],
)
def test_what_takes_the_growth_away(open_page, name, said):
    page = open_page()
    assert "grows" in readout(page) and page.locator(".tg-numbers .above").count() == 1
    button(page, name).press("Enter")
    assert name in pressed(page)
    assert readout(page).startswith("The gated state shrinks to 0.")
    assert readout(page).endswith(said)
    assert page.locator(".tg-numbers .above").count() == 0
    assert "not inside" in page.locator(".tg-map").get_attribute("aria-label")


def test_closed_gates_leave_the_state_alone(open_page):
    page = open_page()
    page.get_by_label("open gate p").press("Home")
    page.get_by_label("closed gate q").press("Home")
    assert readout(page).startswith("The gated state neither grows nor shrinks. ")
    assert numbers(page)["spectral radius of two gated steps"] == "1.000"


@pytest.mark.parametrize(
    ("name", "shown", "said"),
    [
        ("127°, hard gates", [0.95, 126.9, 1, 0, 1], "grows by a factor of 1.501 every two steps"),
        ("127°, soft gates", [0.95, 126.9, 0.99, 0.02, 1], "grows by a factor of 1.450 every two"),
        ("the edge", [0.705, 135, 1, 0, 1], "shrinks to 0.996 of its size every two steps"),
        ("45°, long turns", [0.95, 45, 1, 0, 5], "grows by a factor of 2.841 every 10 steps"),
    ],
)
def test_examples(open_page, name, shown, said):
    page = open_page()
    button(page, "reflection").click()
    button(page, "at random").click()
    button(page, name).press("Enter")
    assert values(page) == shown
    assert pressed(page) == ["in turn", "rotation", name]
    assert said in readout(page)


def test_one_step_over_the_edge(open_page):
    page = open_page()
    button(page, "the edge").click()
    page.get_by_label("norm of A").press("ArrowRight")
    assert "grows by a factor of 1.00" in readout(page)


def test_another_draw(open_page):
    page = open_page()
    again = page.locator(".tg-again")
    assert not again.is_visible()
    button(page, "at random").click()
    assert again.is_visible()
    drawn = {page.locator(".gate.one").get_attribute("d")}
    for _ in range(3):
        again.press("Enter")
        drawn.add(page.locator(".gate.one").get_attribute("d"))
    assert len(drawn) == 4
    button(page, "in turn").click()
    assert not again.is_visible()


def to(page, angle, rho):
    """Where A of an angle (degrees) and a norm is in the window."""
    box = page.locator(".tg-map .face").bounding_box()
    x, y = box["x"] + box["width"] * angle / 180, box["y"] + box["height"] * (1 - rho) / 0.5
    return x, y


@pytest.mark.parametrize("width", [320, 900])
def test_dragging_the_point_moves_a(open_page, width):
    page = open_page(width=width)
    page.locator(".tg-map").scroll_into_view_if_needed()
    page.mouse.move(*to(page, 140, 0.9))
    page.mouse.down()
    page.mouse.move(*to(page, 80, 0.8))
    page.mouse.move(*to(page, 60, 0.7))
    assert values(page)[:2] == pytest.approx([0.7, 60], abs=1.01)
    assert values(page)[0] == pytest.approx(0.7, abs=0.006)
    page.mouse.move(*to(page, 500, 3))  # outside: held at the corner
    assert values(page)[:2] == [1, 180]
    page.mouse.move(*to(page, -500, 0.1))
    assert values(page)[:2] == [0.5, 0]
    page.mouse.up()
    page.mouse.move(*to(page, 90, 0.8))
    assert values(page)[:2] == [0.5, 0]
    page.mouse.click(*to(page, 120, 0.85))  # a click on the map
    assert values(page)[:2] == pytest.approx([0.85, 120], abs=1.01)
    handle = page.locator(".tg-map .handle").bounding_box()
    middle = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    assert middle == pytest.approx(to(page, values(page)[1], values(page)[0]), abs=0.5)


def test_a_finger_moves_a(open_page):
    page = open_page(width=375, has_touch=True)
    page.locator(".tg-map").scroll_into_view_if_needed()
    page.touchscreen.tap(*to(page, 45, 0.6))
    assert values(page)[:2] == pytest.approx([0.6, 45], abs=1.01)
    touch = "getComputedStyle(document.querySelector('.tg-map .grip')).touchAction"
    assert page.evaluate(touch) == "none"


def test_everything_is_reached_by_the_keyboard_and_shows_it(open_page):
    page = open_page()
    button(page, "in turn").focus()
    reached, rings = [], []
    for _ in range(14):
        reached.append(
            page.evaluate("""() => {
          const node = document.activeElement;
          return node.labels?.[0]?.textContent ?? node.textContent;
        }""")
        )
        page.keyboard.press("Tab")
        rings.append(
            page.evaluate("""() => {
          const node = document.activeElement;
          const part = node.type === "range" ? "::-webkit-slider-thumb" : null;
          return getComputedStyle(node, part).outlineStyle;
        }""")
        )
    assert reached == [
        "in turn", "together", "at random", "rotation", "reflection",
        "norm of A", "angle θ", "open gate p", "closed gate q", "steps per turn",
        "127°, hard gates", "127°, soft gates", "the edge", "45°, long turns",
    ]  # fmt: skip
    assert set(rings[:4] + rings[9:13]) == {"solid"}


def test_the_readout_speaks_at_most_twice_a_second(open_page):
    page = open_page()
    speaks_at_most_twice_a_second(page, "norm of A")
    assert values(page)[0] == 0.8


# ------------------------------------------------------------------ layout


@pytest.mark.parametrize("width", [320, 375, 632, 900])
def test_it_fits_and_shifts_nothing(open_page, width):
    tall = partial(open_page, height=1700)  # or a click would scroll
    fits_and_shifts_nothing(tall, width, ["at random", "reflection", "45°, long turns"])


@pytest.mark.parametrize("width", [320, 632])
def test_the_words_stay_in_their_places(open_page, width):
    page = open_page(width=width, height=1700)
    line = page.locator(".explorable-readout")
    room = line.bounding_box()
    page.get_by_label("steps per turn").press("End")
    for name in ["in turn", "at random", "together", "reflection"]:
        button(page, name).click()
        for rho, angle in [("0.71", "135"), ("0.5", "180")]:
            page.get_by_label("norm of A").fill(rho)
            page.get_by_label("angle θ").fill(angle)
            readout(page)
            assert line.evaluate("node => node.scrollHeight <= node.clientHeight")
            assert line.bounding_box() == room
            for row in page.locator(".tg-numbers div").all():
                assert row.bounding_box()["height"] == 28
                assert row.evaluate("node => node.scrollHeight <= 28")
                ends = row.evaluate("node => [...node.children].map((c) => c.scrollHeight)")
                assert max(ends) <= 28


@pytest.mark.parametrize("width", [320, 632])
def test_the_labels_of_a_row_do_not_overlap(open_page, width):
    page = open_page(width=width)
    page.get_by_label("steps per turn").press("End")
    for pane in (".tg-plane", ".tg-length", ".tg-map"):
        boxes = page.locator(pane).evaluate("""(node) => [...node.querySelectorAll(":scope > text")]
          .filter((text) => text.getAttribute("visibility") !== "hidden" && text.textContent)
          .map((text) => text.getBBox()).map(({ x, y, width, height }) => [x, y, width, height])""")
        for k, (x, y, w, h) in enumerate(boxes):
            assert -1 <= x and x + w <= page.locator(pane).bounding_box()["width"] + 6
            for u, v, s, t in boxes[:k]:
                assert x >= u + s or u >= x + w or y >= v + t - 4 or v >= y + h - 4, (pane, x, y)


@pytest.mark.parametrize("width", [320, 375])
def test_targets_and_text_are_large_enough_on_a_phone(open_page, width):
    is_large_enough_on_a_phone(open_page, width)


@pytest.mark.parametrize(("theme", "width"), [("light", 900), ("dark", 375), ("dark", 900)])
def test_axe_finds_nothing(open_page, theme, width):
    page = open_page(width=width, theme=theme)
    button(page, "at random").click()
    is_accessible(page, theme)


def test_without_scripts_no_room_is_kept(open_page):
    page = open_page("/bare", java_script_enabled=False)
    assert page.locator(".explorable-stage").bounding_box()["height"] == 0


# ------------------------------------------------------------------ the chapter


def test_the_chapter_shows_it(html, site, visit):
    line = "The gated state grows by a factor of 1.501 every two steps."
    its_chapter_shows(html, site, visit, CHAPTER, "two_gates", line)
