"""The explorable `scan_tree` in a browser: its schedules against Python, then its controls."""

from itertools import pairwise
from math import ceil, log2

import numpy as np
import pytest
from explorables import (
    button,
    caller,
    fits_and_shifts_nothing,
    is_large_enough_on_a_phone,
    mount,
    readout,
)

from ssm_companion import scan_algorithms

DATA = (
    'data-explorable="scan_tree" data-algorithm="hillis_steele" data-level="2" data-place="11"'
    ' data-processors="4"'
)
call = caller("scan_tree")
NODES = """() => {
  const all = (name) => [...document.querySelectorAll(`.st-tree ${name}`)];
  const at = (node, name) => Number(node.getAttribute(name));
  const xs = all(".source").map((node) => at(node, "cx"));
  const ys = [...new Set(all(".node").map((node) => at(node, "cy")))].sort((a, b) => a - b);
  return all(".node").map((node) => [
    ys.indexOf(at(node, "cy")), xs.indexOf(at(node, "cx")), node.getAttribute("class")]);
}"""
SEGMENT = """() => {
  const sources = [...document.querySelectorAll(".st-tree .source")];
  const xs = sources.map((node) => node.cx.baseVal.value);
  const box = document.querySelector(".st-tree .segment").getBBox();
  const place = (x) => (15 * (x - xs[0])) / (xs[15] - xs[0]);
  return [place(box.x), place(box.x + box.width)];
}"""
ALGORITHMS = {
    "sequential": "sequential",
    "hillis_steele": "Hillis–Steele",
    "blelloch": "up and down",
    "chunked": "chunks of 4",
}


# ------------------------------------------------------------------ schedules


def powers(n):
    """1, 2, 4, .. below n."""
    return [2**k for k in range(n.bit_length() - 1)]


def sequential(n):
    return [[(i, i - 1)] for i in range(1, n)]


def hillis_steele(n):
    return [[(i, i - d) for i in range(d, n)] for d in powers(n)]


def blelloch(n):
    k = len(powers(n))
    levels = [[] for _ in range(max(k, 2 * k - 2))]
    for m, d in enumerate(powers(n)):
        levels[m] += [(i, i - d) for i in range(2 * d - 1, n, 2 * d)]
    for d in reversed(powers(n)):
        for q in range(3 * d, n, 2 * d):  # d is its last one bit; for each there was a level
            levels[q.bit_length() + q.bit_count() - 3].append((q - 1, q - d - 1))
    return levels


def chunked(n, c):
    starts = range(0, n, c)
    inside = [[(k + m, k + m - 1) for k in starts] for m in range(1, c)]
    return inside + [[(i, k - 1) for i in range(k, k + c)] for k in starts[1:]]


PLAIN = {"sequential": sequential, "hillis_steele": hillis_steele, "blelloch": blelloch}
CASES = [(name, n) for name in PLAIN for n in (2, 4, 8, 16, 32)]
CASES += [("chunked", n, size) for n in (2, 4, 8, 16, 32) for size in [*powers(n), n]]
CASES += [("chunked", 12, 3), ("chunked", 30, 5)]


def in_python(name, *sizes):
    return (PLAIN | {"chunked": chunked})[name](*sizes)


def in_browser(page, name, calls):
    return call(page, name, calls)


@pytest.fixture
def schedules(open_page):
    """Every case as the browser makes it: (name, n, levels)."""
    got = in_browser(open_page("/bare"), "schedule", CASES)
    return [(name, n, levels) for (name, n, *_), levels in zip(CASES, got, strict=True)]


def starts(levels, n):
    """Where the segment of each place starts, before any level and after each; neighbours only."""
    rows = [list(range(n))]
    for pairs in levels:
        before, after = rows[-1], list(rows[-1])
        assert len({i for i, _ in pairs}) == len(pairs) > 0
        for i, j in pairs:
            assert j == before[i] - 1
            after[i] = before[j]
        rows.append(after)
    return rows


def history(levels, n):
    """The pairs that each place depends on, as (level, i, j), before any level and after each."""
    rows = [[frozenset()] * n]
    for k, pairs in enumerate(levels):
        before, after = rows[-1], list(rows[-1])
        for i, j in pairs:
            after[i] = before[i] | before[j] | {(k, i, j)}
        rows.append(after)
    return rows


def test_the_schedules_are_those_of_the_formulas(open_page):
    got = in_browser(open_page("/bare"), "schedule", CASES)
    for case, levels in zip(CASES, got, strict=True):
        assert [[tuple(pair) for pair in pairs] for pairs in levels] == in_python(*case), case


def test_the_schedules_are_those_of_the_library(open_page):
    cases = [("chunked", 1, 1), *((name, 1) for name in PLAIN), *CASES]
    got = in_browser(open_page("/bare"), "schedule", cases)
    for (name, *sizes), levels in zip(cases, got, strict=True):
        expected = getattr(scan_algorithms, name)(*sizes).levels
        in_order = [sorted(map(tuple, pairs)) for pairs in levels]
        assert in_order == list(map(sorted, expected)), (name, *sizes)


def test_chunks_have_four_places_unless_told(open_page):
    page = open_page("/bare")
    default, four = in_browser(page, "schedule", [["chunked", 16], ["chunked", 16, 4]])
    assert default == four


def test_every_schedule_scans_maps_that_do_not_commute(schedules):
    rng = np.random.default_rng(0)
    for name, n, levels in schedules:
        a, b = rng.uniform(-1.2, 1.2, n), rng.standard_normal(n)
        state, h = [], 0.0
        for k in range(n):
            h = a[k] * h + b[k]
            state.append(h)
        slope, shift = a.copy(), b.copy()
        for pairs in levels:
            i, j = np.transpose(pairs)
            shift[i] = slope[i] * shift[j] + shift[i]
            slope[i] = slope[i] * slope[j]
        np.testing.assert_allclose(shift, state, rtol=1e-11, atol=1e-11, err_msg=name)
        np.testing.assert_allclose(slope, np.cumprod(a), rtol=1e-11, err_msg=name)


def test_segments_join_their_neighbours_and_end_at_the_first_input(open_page, schedules):
    page = open_page("/bare")
    for _, n, levels in schedules:
        rows = starts(levels, n)
        calls = [[levels, n, upto] for upto in range(len(levels) + 1)]
        assert in_browser(page, "covers", calls) == rows
        assert in_browser(page, "covers", [[levels, n]]) == [[0] * n] == rows[-1:]


def test_the_ancestors_are_the_pairs_that_a_place_depends_on(open_page, schedules):
    page = open_page("/bare")
    for _, n, levels in schedules:
        segments, rows = starts(levels, n), history(levels, n)
        calls = [[levels, i, upto] for upto in range(len(rows)) for i in range(n)]
        for (_, i, upto), found in zip(calls, in_browser(page, "ancestors", calls), strict=True):
            assert len(found) == upto
            flat = [(k, *pair) for k, pairs in enumerate(found) for pair in pairs]
            assert set(flat) == rows[upto][i]
            assert len(flat) == i - segments[upto][i]  # a tree: each input of the segment once


def test_the_counts_of_pairs_and_levels(open_page):
    page = open_page("/bare")
    for case, levels in zip(CASES, in_browser(page, "schedule", CASES), strict=True):
        name, n, *size = case
        work, depth = sum(map(len, levels)), len(levels)
        if name == "sequential":
            assert (work, depth) == (n - 1, n - 1)
        elif name == "hillis_steele":
            assert (work, depth) == (n * log2(n) - n + 1, log2(n))
        elif name == "blelloch":
            assert (work, depth) == (2 * n - 2 - log2(n), max(1, 2 * log2(n) - 2))
        else:
            c = size[0]
            assert (work, depth) == (2 * n - n / c - c, c + n / c - 2)
            assert work + depth == 2 * n - 2  # the least there is


def test_the_rounds_of_a_number_of_processors(open_page, schedules):
    page = open_page("/bare")
    for _, _, levels in schedules:
        widths = [len(pairs) for pairs in levels]
        counts = (1, 2, 3, 4, 8, 16, max(widths))
        got = in_browser(page, "rounds", [[levels, p] for p in counts])
        assert got == [sum(ceil(width / p) for width in widths) for p in counts]
        assert (got[0], got[-1]) == (sum(widths), len(widths))


# ------------------------------------------------------------------ drawing


def slider(page, name):
    return page.get_by_role("slider", name=name)


def shown(page):
    """What stands beside the sliders: level, depth, place and processors."""
    level, place, processors = page.locator(".explorable-value").all_inner_texts()
    return [*map(int, level.split(" of ")), int(place), int(processors)]


def pressed(page):
    return page.locator("button[aria-pressed=true]").all_inner_texts()


def test_options_of_the_figure_reach_the_drawing(open_page):
    page = open_page()
    assert shown(page) == [2, 4, 11, 4]
    assert pressed(page) == ["Hillis–Steele"]
    assert readout(page) == (
        "49 combinations in 4 levels (one after the other: 15 in 15); with 4 processors "
        "13 rounds. Place 11 covers inputs 8 to 11 by now."
    )
    bold = page.locator(".explorable-readout strong").all_inner_texts()
    assert bold == ["49", "4", "4", "13", "11", "8 to 11"]
    assert page.locator(".st-tree").get_attribute("aria-label") == (
        "Prefix scan of 16 inputs, Hillis–Steele: "
        "after 2 of 4 levels place 11 covers inputs 8 to 11"
    )


@pytest.mark.parametrize(
    ("options", "name", "numbers"),
    [
        ({}, "up and down", [6, 6, 11, 4]),
        ({"algorithm": "toString", "place": "99", "level": "-3"}, "up and down", [0, 6, 15, 4]),
        ({"algorithm": "chunked", "processors": "64"}, "chunks of 4", [6, 6, 11, 16]),
        ({"algorithm": "sequential", "level": "99"}, "sequential", [15, 15, 11, 4]),
    ],
)
def test_options_have_defaults_and_bounds(open_page, options, name, numbers):
    page = open_page("/bare", reduced_motion="reduce")
    mount(page, "scan_tree", options)
    assert (pressed(page), shown(page)) == ([name], numbers)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(("level", "place"), [(0, 5), (3, 11), (15, 14)])
def test_every_pair_is_drawn_as_a_node_of_its_level(open_page, algorithm, level, place):
    page = open_page("/bare")
    mount(page, "scan_tree", {"algorithm": algorithm, "level": str(level), "place": str(place)})
    levels = in_python(algorithm, 16, *[4] * (algorithm == "chunked"))
    level = min(level, len(levels))
    used, segments = history(levels, 16)[level][place], starts(levels, 16)
    expected = []
    for k, pairs in enumerate(levels):
        for i, j in pairs:
            kind = "later" if k >= level else "flow" if (k, i, j) in used else "done"
            whole = " whole" if segments[k + 1][i] == 0 else ""
            expected.append([k, i, f"node {kind}{whole}"])
    assert page.evaluate(NODES) == expected
    assert page.evaluate(SEGMENT) == pytest.approx([segments[level][place], place], abs=0.01)
    for kind in ("later", "done", "flow"):
        drawn = page.locator(f".st-tree path.{kind}").get_attribute("d")
        count = sum(f"node {kind}" in name for _, _, name in expected)
        assert drawn.count("M") == 2 * count + (kind == "flow")  # and the value since then


def test_the_rounds_of_each_level_stand_beside_it(open_page):
    page = open_page()
    numbers = page.locator(".st-tree g text").all_text_contents()
    assert numbers == ["0", "1", "2", "3", "4", "4", "4", "3", "2"]
    assert page.locator(".st-tree .now").all_text_contents() == ["2", "4"]
    slider(page, "processors").press("Home")
    numbers = page.locator(".st-tree g text").all_text_contents()
    assert numbers == ["0", "1", "2", "3", "4", "15", "14", "12", "8"]


def test_the_colours_follow_the_theme(open_page):
    page = open_page()

    def colours():
        return page.evaluate("""() => [".node.done.whole", ".node.later.whole", ".source"]
          .map((name) => getComputedStyle(document.querySelector(name)).fill)""")

    light = colours()
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert len({*light, *colours()}) == 6


# ------------------------------------------------------------------ controls


def drawing(page):
    return page.locator(".st-tree").inner_html()


def test_arrow_keys_on_the_sliders_change_the_drawing_and_the_readout(open_page):
    page = open_page()
    level, place, processors = (slider(page, name) for name in ("level", "place", "processors"))
    seen, heard = [drawing(page)], [readout(page)]
    for control, key, numbers in [
        (level, "ArrowRight", [3, 4, 11, 4]),
        (level, "End", [4, 4, 11, 4]),
        (place, "ArrowLeft", [4, 4, 10, 4]),
        (processors, "ArrowRight", [4, 4, 10, 8]),
        (processors, "Home", [4, 4, 10, 1]),
        (level, "Home", [0, 4, 10, 1]),
    ]:
        control.press(key)
        assert shown(page) == numbers
        seen.append(drawing(page))
        heard.append(readout(page))
    assert len(set(seen)) == len(set(heard)) == 7
    assert heard[1].endswith("Place 11 covers inputs 4 to 11 by now.")
    assert "with 8 processors 7 rounds." in heard[4]
    assert "with 1 processor 49 rounds." in heard[5]
    assert heard[6].endswith("Place 10 covers input 10 by now.")
    assert level.get_attribute("aria-valuetext") == "0 of 4"
    assert processors.get_attribute("aria-valuetext") == "1"


@pytest.mark.parametrize(
    ("algorithm", "depth", "said"),
    [
        (
            "sequential",
            15,
            "15 combinations in 15 levels, one after the other; with 4 processors 15 rounds.",
        ),
        (
            "blelloch",
            6,
            "26 combinations in 6 levels (one after the other: 15 in 15); with 4 processors "
            "9 rounds.",
        ),
        (
            "chunked",
            6,
            "24 combinations in 6 levels (one after the other: 15 in 15); with 4 processors "
            "6 rounds.",
        ),
    ],
)
def test_the_algorithms(open_page, algorithm, depth, said):
    page = open_page()
    before = drawing(page)
    button(page, ALGORITHMS[algorithm]).press("Enter")
    assert pressed(page) == [ALGORITHMS[algorithm]]
    assert shown(page) == [2, depth, 11, 4]
    assert readout(page).startswith(said)
    assert drawing(page) != before
    slider(page, "level").press("End")
    button(page, "Hillis–Steele").press("Enter")  # at its end again
    assert shown(page) == [4, 4, 11, 4]
    slider(page, "level").press("ArrowLeft")
    button(page, ALGORITHMS[algorithm]).press("Enter")
    assert shown(page) == [3, depth, 11, 4]


def test_a_longer_schedule_keeps_no_level_that_a_shorter_one_lacks(open_page):
    page = open_page()
    button(page, "sequential").click()
    slider(page, "level").fill("9")
    button(page, "up and down").click()
    assert shown(page)[:2] == [6, 6]


def column(page, place):
    """The middle of a column, low in the drawing."""
    box = page.locator(".st-tree .face").bounding_box()
    return box["x"] + box["width"] * (place + 0.5) / 16, box["y"] + box["height"] - 40


def test_the_pointer_chooses_a_place(open_page):
    page = open_page()
    for place in (3, 0, 15):
        page.mouse.move(*column(page, place))
        assert shown(page) == [2, 4, place, 4]
        assert page.locator(".st-tree .chosen").text_content() == str(place)
    page.mouse.move(0, 0)
    assert shown(page)[2] == 15
    assert readout(page).endswith("Place 15 covers inputs 12 to 15 by now.")


def test_a_finger_chooses_a_place(open_page):
    page = open_page(width=375, has_touch=True)
    page.touchscreen.tap(*column(page, 6))
    assert shown(page)[2] == 6


# ------------------------------------------------------------------ play


def wait_for_level(page, text):
    page.locator(".explorable-value").first.get_by_text(text, exact=True).wait_for(timeout=9000)


def test_play_advances_to_the_end_and_starts_again(open_page):
    page = open_page()
    assert page.locator(".explorable-play").inner_text() == "Play"  # with a level, it waits
    button(page, "Play").press("Enter")
    assert page.locator(".explorable-play").inner_text() == "Pause"
    wait_for_level(page, "3 of 4")
    wait_for_level(page, "4 of 4")
    button(page, "Play").wait_for()
    page.wait_for_timeout(1000)
    assert shown(page)[0] == 4
    button(page, "Play").click()
    wait_for_level(page, "0 of 4")
    wait_for_level(page, "1 of 4")
    button(page, "Pause").click()
    page.wait_for_timeout(1000)
    assert shown(page)[0] == 1


def test_a_level_takes_about_seven_tenths_of_a_second(open_page):
    page = open_page()
    page.evaluate("""() => {
      window.times = [];
      const watch = new MutationObserver(() => window.times.push(performance.now()));
      watch.observe(document.querySelector(".explorable-value"), { childList: true });
    }""")
    slider(page, "level").press("Home")
    button(page, "Play").click()
    wait_for_level(page, "4 of 4")
    steps = np.diff(page.evaluate("window.times.slice(1)")) / 1000
    assert len(steps) == 3
    assert np.all(steps > 0.6) and np.median(steps) < 1.5


def test_moving_the_level_stops_the_play(open_page):
    page = open_page()
    button(page, "Play").click()
    slider(page, "level").press("Home")
    button(page, "Play").wait_for()
    page.wait_for_timeout(1000)
    assert shown(page)[0] == 0


def test_without_a_level_it_plays_once(open_page):
    page = open_page("/bare")
    mount(page, "scan_tree", {"algorithm": "hillis_steele"})
    assert shown(page)[0] == 0
    button(page, "Pause").wait_for()
    page.wait_for_timeout(1500)
    assert page.locator(".explorable-readout").get_attribute("aria-live") == "off"
    wait_for_level(page, "4 of 4")
    button(page, "Play").wait_for()
    assert "covers inputs 0 to 11" in readout(page)
    assert page.locator(".explorable-readout").get_attribute("aria-live") == "polite"


def test_reduced_motion_starts_at_the_end_and_at_rest(open_page):
    page = open_page("/bare", reduced_motion="reduce")
    mount(page, "scan_tree", {"algorithm": "hillis_steele"})
    page.wait_for_timeout(1000)
    assert shown(page)[0] == 4
    button(page, "Play").click()
    wait_for_level(page, "0 of 4")


# ------------------------------------------------------------------ layout


@pytest.mark.parametrize("width", [320, 375, 632, 900])
def test_it_fits_and_shifts_nothing(open_page, width):
    fits_and_shifts_nothing(open_page, width, ["sequential", "up and down", "chunks of 4"])


@pytest.mark.parametrize("width", [320, 375, 632, 900])
def test_the_readout_stays_in_its_place(open_page, width):
    page = open_page(width=width)
    line = page.locator(".explorable-readout")
    room = line.bounding_box()["height"]
    slider(page, "processors").press("End")
    slider(page, "place").press("End")
    for algorithm in ALGORITHMS.values():
        button(page, algorithm).click()
        readout(page)
        assert line.evaluate("node => node.scrollHeight <= node.clientHeight")
        assert line.bounding_box()["height"] == room


@pytest.mark.parametrize("width", [320, 632])
def test_nothing_in_the_head_of_the_figure_overlaps(open_page, width):
    page = open_page(width=width)
    parts = page.locator(".st button, .st-legend, .st-tree").all()
    boxes = [part.bounding_box() for part in parts]
    for j, one in enumerate(boxes):
        for other in boxes[:j]:
            apart = [
                one[start] >= other[start] + other[size] or other[start] >= one[start] + one[size]
                for start, size in (("x", "width"), ("y", "height"))
            ]
            assert any(apart)
    legend = page.locator(".st-legend")
    assert legend.evaluate("node => node.scrollHeight <= node.clientHeight")


def test_targets_and_text_are_large_enough_on_a_phone(open_page):
    is_large_enough_on_a_phone(open_page, width=320)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_numbers_of_the_drawing_do_not_overlap_on_a_phone(open_page, algorithm):
    page = open_page(width=320)
    button(page, ALGORITHMS[algorithm]).click()
    for place in range(16):
        slider(page, "place").fill(str(place))
        boxes = page.evaluate("""() => [...document.querySelectorAll(".st-tree > text[y='36']")]
          .filter((node) => node.getAttribute("visibility") !== "hidden")
          .map((node) => node.getBBox()).map(({ x, width }) => [x, x + width])""")
        assert all(right < left for (_, right), (left, _) in pairwise(boxes))
    rows = page.locator(".st-tree g text").evaluate_all("all => all.map((n) => n.getBBox().y)")
    depth = shown(page)[1]
    assert min(np.diff(rows[: depth + 1])) >= 13
