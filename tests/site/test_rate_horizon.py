"""The explorable `rate_horizon` in a browser: its numbers against Python, then its controls."""

import numpy as np
import pytest
import torch
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

from ssm_companion import linear_scan

DATA = 'data-explorable="rate_horizon" data-kappa="0.9" data-sigma="0.1" data-eps="0.1"'
CHAPTER = "book/stability/price_of_stability.html"
call = caller("rate_horizon")
STEPS, CHOSEN = 60, 44
MODES = ["gate always open", "selective gate"]
CORNERS = [(x, y, z, w) for x in (0.3, 3) for y in (-2, 0.5) for z in (0.05, 1) for w in (0.05, 1)]


def draws(count=200):
    """Random kappa, sigma, eps and p, with all that the sliders reach."""
    rng = np.random.default_rng(0)
    kappa, sigma = 1 - 10 ** -rng.uniform(0.3, 3, count), 10 ** rng.uniform(-2, 0.5, count)
    return np.transpose([kappa, sigma, rng.uniform(0.05, 1, count), rng.uniform(0.05, 1, count)])


def gaussian_information(weight, sigma):
    """Of u and weight u + noise, by determinants of covariances."""
    joint = np.array([[1, weight], [weight, weight**2 + sigma**2]])
    return 0.5 * np.log(joint[1, 1] / np.linalg.det(joint))


def shown(page):
    """The texts beside the sliders."""
    return page.locator(".explorable-value").all_inner_texts()


def pressed(page):
    return page.locator("button[aria-pressed=true]").all_inner_texts()


# ------------------------------------------------------------------ numbers


def test_the_information_is_that_of_a_gaussian_channel(open_page):
    page = open_page("/bare")
    rng = np.random.default_rng(1)
    cases = np.transpose([rng.uniform(0.05, 1, 100), 10 ** rng.uniform(-2, 0.5, 100)]).tolist()
    expected = [gaussian_information(*case) for case in cases]
    np.testing.assert_allclose(call(page, "information", cases), expected, rtol=1e-8)


def test_the_horizon_is_the_last_lag_above_the_threshold(open_page):
    page = open_page("/bare")
    cases = draws()[:, :3]
    for got, (kappa, sigma, eps) in zip(call(page, "horizon", cases.tolist()), cases, strict=True):
        lags = np.arange(20_000)
        worth = 0.5 * np.log(1 + kappa ** (2 * lags) / sigma**2) >= eps
        assert np.floor(got) == (worth.sum() - 1 if worth.any() else np.floor(min(got, -1e-12)))
        assert worth[0] == (got >= 0)


def test_two_copies_agree_when_the_distance_is_a_hundredth(open_page):
    page = open_page("/bare")
    kappas = draws()[:, 0]
    for got, kappa in zip(call(page, "agreement", [(k,) for k in kappas]), kappas, strict=True):
        assert np.ceil(got) == np.argmax(kappa ** np.arange(10_000) <= 0.01)


@pytest.mark.parametrize("selective", [False, True])
def test_the_states_are_those_of_the_library(open_page, selective):
    page = open_page("/bare")
    u = np.array(call(page, "inputs", [()])[0])
    assert len(u) == STEPS and np.abs(u).max() <= 1 and abs(u.sum()) < 5
    for kappa, _, _, p in draws(20):
        gates = call(page, "gates", [(selective, p)])[0]
        got = [call(page, "states", [(kappa, gates, h0)])[0] for h0 in (3, -3)]
        a = torch.tensor(np.where(gates, kappa, 1.0))[None, :, None]
        b = torch.tensor(np.where(gates, u, 0.0))[None, :, None]
        for h, h0 in zip(got, (3, -3), strict=True):
            first = torch.full((1, 1), float(h0), dtype=torch.float64)
            states = linear_scan(a, b, first)[0, :, 0].numpy()
            np.testing.assert_allclose(h, [h0, *states], rtol=1e-12, atol=1e-13)


def test_the_gates(open_page):
    page = open_page("/bare")
    assert all(call(page, "gates", [(False, 0.05)])[0])
    for p in np.arange(0.05, 1.001, 0.05):
        gates = np.array(call(page, "gates", [(True, p)])[0])
        assert gates[CHOSEN - 1] and not gates[CHOSEN:].any()  # the chosen input, then nothing
        assert gates[: CHOSEN - 1].mean() == pytest.approx(p, abs=0.5 / (CHOSEN - 1) + 1e-9)


def test_a_view_is_measured_at_its_typical_rate(open_page):
    page = open_page("/bare")
    for selective in (False, True):
        views = [
            dict(zip(["kappa", "sigma", "eps", "p"], one, strict=True), selective=selective)
            for one in draws(50).tolist()
        ]
        for found, view in zip(call(page, "measure", [(v,) for v in views]), views, strict=True):
            rate = view["kappa"] ** (view["p"] if selective else 1)
            assert found["rate"] == pytest.approx(rate) == pytest.approx(np.exp(found["exponent"]))
            lag = found["horizon"]
            assert gaussian_information(rate**lag, view["sigma"]) == pytest.approx(view["eps"])
            assert rate ** found["agreement"] == pytest.approx(0.01)
            assert -np.log(rate) * lag == pytest.approx(found["budget"], rel=1e-9)
            assert found["fresh"] == pytest.approx(gaussian_information(1, view["sigma"]))


# ------------------------------------------------------------------ drawing


def path(page, pane, name):
    """The points of a path, in steps and in parts of the height, and the ends of the axis."""
    d = page.locator(f"{pane} path.{name}").get_attribute("d")
    points = np.array([[float(x) for x in point.split()] for point in d[1:].split("L")])
    grid = page.locator(f"{pane} .grid").get_attribute("d")[1:].split("M")
    left, right = (float(one.split()[0]) for one in (grid[0], grid[-1]))
    top, bottom = (float(x) for x in grid[0].split()[1].split("V"))
    steps = 10 ** ((points[:, 0] - left) / (right - left) * 5)
    return steps, (bottom - points[:, 1]) / (bottom - top), (left, right)


def arrow_end(page, pane):
    d = page.locator(f"{pane} .head").get_attribute("d")
    _, _, (left, right) = path(page, pane, "curve")
    return 10 ** ((float(d[1:].split()[0]) - left) / (right - left) * 5)


@pytest.mark.parametrize("width", [320, 900])
@pytest.mark.parametrize("mode", MODES)
def test_the_curves_and_the_arrows_are_the_numbers(open_page, mode, width):
    page = open_page(width=width)
    button(page, mode).click()
    rate = 0.9 ** (0.2 if mode == MODES[1] else 1)
    steps, height, _ = path(page, ".rh-information", "curve")
    nats = 0.5 * np.log1p((rate**steps / 0.1) ** 2)
    fresh = 0.5 * np.log(101)
    np.testing.assert_allclose(height, nats / (1.02 * fresh), atol=0.01)
    steps, height, _ = path(page, ".rh-distance", "curve")
    left = np.maximum(rate**steps, 0.0025)
    np.testing.assert_allclose(height, 1 - np.log(left) / np.log(0.0025), atol=0.02)
    lag = np.log(0.01 * np.expm1(0.2)) / (2 * np.log(rate))
    assert arrow_end(page, ".rh-information") == pytest.approx(lag, rel=0.01)
    assert arrow_end(page, ".rh-distance") == pytest.approx(np.log(0.01) / np.log(rate), rel=0.01)
    kept = page.locator(".rh-information .kept").get_attribute("d")
    assert bool(kept) == (mode == MODES[1])


def test_the_two_arrows_move_together(open_page):
    page = open_page()
    ratios = []
    for x in ["0.5", "1", "1.6", "2.4", "3"]:
        page.get_by_label("factor κ").fill(x)
        ends = [arrow_end(page, pane) for pane in (".rh-information", ".rh-distance")]
        ratios.append(ends[1] / ends[0])
    assert min(ratios) == pytest.approx(max(ratios), rel=0.02)


def test_the_copies_meet_where_they_are_said_to(open_page):
    page = open_page()
    where = page.locator(".rh-copies .meet")
    assert page.locator(".rh-copies").get_attribute("aria-label").endswith("1 % after 44 steps")
    ends = page.locator(".rh-copies .grid").get_attribute("d")[1:].split("M")
    left, right = (float(one.split()[0]) for one in (ends[0], ends[-1]))
    x = float(where.get_attribute("d")[1:].split()[0])
    assert (x - left) / (right - left) * STEPS == pytest.approx(44)
    button(page, MODES[1]).click()
    assert where.get_attribute("d") == ""
    label = page.locator(".rh-copies").get_attribute("aria-label")
    assert label.endswith("do not agree within 60 steps")


def test_closed_gates_are_told_apart(open_page):
    page = open_page()
    heads = [page.locator(f".rh-copies .{name}") for name in ("input-dots", "input-dots.skipped")]
    count = [node.last.get_attribute("d").count("M") for node in heads]
    assert count == [60, 0]
    button(page, MODES[1]).click()
    gates = call(page, "gates", [(True, 0.2)])[0]
    count = [node.last.get_attribute("d").count("M") for node in heads]
    assert count == [sum(gates), 60 - sum(gates)]
    assert page.locator(".chosen-dot").get_attribute("d").count("M") == 1


def test_the_colours_follow_the_theme(open_page):
    page = open_page()
    names = [".rh-information .curve", ".rh-distance .curve"]
    ask = """(names) => names.map((name) =>
      getComputedStyle(document.querySelector(name)).stroke)"""
    light = page.evaluate(ask, names)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert len({*light, *page.evaluate(ask, names)}) == 4


# ------------------------------------------------------------------ controls


def test_options_of_the_figure_reach_the_drawing(open_page):
    page = open_page()
    assert shown(page) == ["0.900", "0.1", "0.10 nats", "100 %"]
    assert pressed(page) == MODES[:1]
    assert readout(page) == (
        "Two copies agree to 1 % after 44 steps. An input is worth 0.10 nats or more for 29 steps. "
        "For every κ, ln(1/κ) times the horizon is at most 3.06."
    )


@pytest.mark.parametrize(
    ("options", "mode", "texts"),
    [
        ({}, 0, ["0.900", "0.1", "0.10 nats", "100 %"]),
        ({"gate": "selective", "p": "0.5"}, 1, ["0.900", "0.1", "0.10 nats", "50 %"]),
        ({"kappa": "2", "sigma": "x", "eps": "9"}, 0, ["0.900", "0.1", "1.00 nats", "100 %"]),
        ({"kappa": "0.99999", "sigma": "0.001"}, 0, ["0.9990", "0.01", "0.10 nats", "100 %"]),
    ],
)
def test_other_options(open_page, options, mode, texts):
    page = open_page("/bare")
    mount(page, "rate_horizon", options)
    readout(page)
    assert (pressed(page), shown(page)) == ([MODES[mode]], texts)


def marks(page):
    """What stands at the two arrows."""
    panes = [".rh-information", ".rh-distance"]
    return [page.locator(pane).get_attribute("aria-label").split(": ")[1] for pane in panes]


def test_a_selective_gate(open_page):
    page = open_page()
    assert marks(page) == ["horizon 29", "agree 44"]
    button(page, MODES[1]).press("Enter")
    assert pressed(page) == MODES[1:]
    assert marks(page) == ["typical horizon 145", "typically agree 219"]
    assert readout(page) == (
        "Lyapunov exponent −0.021 a step: two copies agree to 1 % after about 219 steps. "
        "The chosen input keeps 2.31 nats for as long as the gate stays closed; "
        "a typical one is worth 0.10 nats for about 145 steps."
    )
    page.get_by_label("gate open").press("Home")
    assert shown(page)[3] == "5 %"
    assert "exponent −0.0053 a step" in readout(page)
    page.get_by_label("gate open").press("End")
    assert "after about 44 steps" in readout(page)


def test_the_probability_rests_while_the_gate_is_open(open_page):
    page = open_page()
    assert page.get_by_label("gate open").is_disabled()
    button(page, MODES[1]).click()
    assert page.get_by_label("gate open").is_enabled() and shown(page)[3] == "20 %"
    button(page, MODES[0]).click()
    assert page.get_by_label("gate open").is_disabled() and shown(page)[3] == "100 %"


def test_arrow_keys_on_the_sliders_change_the_readout(open_page):
    page = open_page()
    heard = [readout(page)]
    for name, key in [("factor κ", "ArrowRight"), ("noise σ", "ArrowLeft"), ("threshold ε", "End")]:
        page.get_by_label(name).press(key)
        heard.append(readout(page))
    assert len(set(heard)) == 4
    assert shown(page) == ["0.905", "0.089", "1.00 nats", "100 %"]
    assert page.get_by_label("noise σ").get_attribute("aria-valuetext") == "0.089"


def test_noise_can_be_too_loud(open_page):
    page = open_page()
    page.get_by_label("noise σ").press("End")
    page.get_by_label("threshold ε").press("End")
    assert readout(page).endswith(
        "Not even the newest input is worth 1.00 nats: the noise is too loud."
    )
    assert page.locator(".rh-information").get_attribute("aria-label").endswith(": none")
    assert page.locator(".rh-information .head").get_attribute("d") == ""
    button(page, MODES[1]).click()
    assert readout(page).endswith("stays closed; no input is worth 1.00 nats.")


def test_the_readout_speaks_at_most_twice_a_second(open_page):
    page = open_page()
    speaks_at_most_twice_a_second(page, "factor κ")
    assert shown(page)[0] != "0.900"


# ------------------------------------------------------------------ layout


@pytest.mark.parametrize("width", [320, 375, 632, 900])
def test_it_fits_and_shifts_nothing(open_page, width):
    fits_and_shifts_nothing(open_page, width, MODES[::-1])


@pytest.mark.parametrize("width", [320, 375, 632, 900])
def test_the_readout_and_the_labels_stay_in_their_place(open_page, width):
    page = open_page(width=width)
    line = page.locator(".explorable-readout")
    room = line.bounding_box()
    for mode in MODES:
        button(page, mode).click()
        for corner in CORNERS:
            for name, x in zip(
                ["factor κ", "noise σ", "threshold ε", "gate open"], corner, strict=True
            ):
                if page.get_by_label(name).is_enabled():
                    page.get_by_label(name).fill(str(x))
            if corner in CORNERS[::5]:
                readout(page)
                assert line.evaluate("node => node.scrollHeight <= node.clientHeight")
                assert line.bounding_box() == room
            assert labels_outside(page) == []


@pytest.mark.parametrize("width", [320, 375])
def test_targets_and_text_are_large_enough_on_a_phone(open_page, width):
    is_large_enough_on_a_phone(open_page, width, least=24)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("mode", MODES)
def test_it_is_accessible(open_page, mode, theme):
    page = open_page(theme=theme)
    button(page, mode).click()
    readout(page)
    is_accessible(page, theme)


# ------------------------------------------------------------------ the chapter


def test_the_chapter_shows_it(html, site, visit):
    line = "Two copies agree to 1 % after 44 steps."
    its_chapter_shows(html, site, visit, CHAPTER, "rate_horizon", line)
