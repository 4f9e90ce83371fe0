"""Systems that learn an impulse response: the fast descent is the published one."""

import json
import re

import numpy as np
import pytest

from ssm_companion.experiments import complex_complex, complex_real, descent, modes, records
from ssm_companion.experiments.__main__ import main
from ssm_companion.experiments.descent import OPTIMIZERS, Descent, train
from ssm_companion.experiments.modes import TARGETS, start, target
from ssm_companion.experiments.runner import Plan
from ssm_companion.experiments.time_loop import descend

KINDS = pytest.mark.parametrize("is_complex", [False, True], ids=["real", "complex"])


def both(count, length, is_complex, *, updates, name="random", **options):
    system = start(count, r_min=0.5, is_complex=is_complex, seed=3)
    wanted = target(name, length, 3)
    fast = Descent(system, wanted, **options)
    return fast.advance(updates), fast.modes, *descend(system, wanted, **options, updates=updates)


@KINDS
@pytest.mark.parametrize("accumulated", [False, True], ids=["cleared", "accumulated"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("size", [(1, 1), (11, 9), (70, 5)])
def test_the_descent_is_that_of_the_time_loop(size, optimizer, accumulated, is_complex):
    options = {"rate": 1e-2, "steps": 400, "dtype": "float64"}
    options |= {"optimizer": optimizer, "accumulated": accumulated}
    losses, found, expected, wanted = both(*size, is_complex, updates=300, **options)
    np.testing.assert_allclose(losses, expected, rtol=1e-9, atol=1e-18)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@KINDS
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_in_single_precision_the_first_updates_agree(optimizer, is_complex):
    options = {"rate": 1e-4, "steps": 500, "optimizer": optimizer}
    count, length = (64, 64) if is_complex else (1024, 32)
    losses, found, expected, wanted = both(count, length, is_complex, updates=40, **options)
    assert found.b.dtype == (np.complex64 if is_complex else np.float32)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    np.testing.assert_allclose(found.c, wanted.c, rtol=0, atol=2e-5)


@KINDS
def test_a_run_of_nothing_but_updates_is_the_same_in_parts(is_complex):
    system = start(40, r_min=0.9, is_complex=is_complex, seed=1)
    whole, parts = (Descent(system, target("delay", 16), rate=1e-3, steps=100) for _ in range(2))
    losses = whole.advance(100)
    assert np.concatenate([parts.advance(k) for k in (1, 0, 60, 1000)]).tolist() == losses.tolist()
    assert (whole.state == parts.state).all()


@KINDS
def test_the_loss_is_that_of_the_response(is_complex):
    system = start(33, r_min=0.3, is_complex=is_complex, seed=4)
    wanted = target("random", 20, 4)
    fast = Descent(system, wanted, rate=0.1, steps=3, dtype="float64")
    for _ in range(3):
        before = fast.modes
        error = modes.response(before, 20) - wanted
        assert fast.advance(1)[0] == pytest.approx((error**2).sum(), rel=1e-12)


def test_a_rate_of_one_in_a_million_leaves_no_weight_decay_in_single_precision():
    system = start(20, r_min=0.9, is_complex=False, seed=0)
    kinds = ("adam", "adamw")
    states = {}
    for rate in (1e-6, 1e-3):
        for kind in kinds:
            run = Descent(system, target("delay", 8), rate=rate, steps=50, optimizer=kind)
            run.advance(50)
            states[rate, kind] = run.state
    assert (states[1e-6, "adam"] == states[1e-6, "adamw"]).all()
    assert (states[1e-3, "adam"] != states[1e-3, "adamw"]).any()


def test_complex_modes_learn_what_real_ones_do_not():
    last = {}
    for is_complex, count in ((True, 32), (False, 1024)):
        system = start(count, r_min=0.99, is_complex=is_complex, seed=0)
        last[is_complex] = Descent(system, target("delay", 32), rate=1e-4, steps=5000).advance(
            5000
        )[-1]
    assert last[True] < 1e-8
    assert last[False] > 0.8


@KINDS
def test_the_start_is_uniform_in_the_ring(is_complex):
    count = 20_000
    system = start(count, r_min=0.5, is_complex=is_complex, seed=0)
    area = np.abs(system.eigenvalues) ** 2
    assert area.min() > 0.25
    assert area.max() < modes.R_MAX**2
    share = (area - 0.25) / (modes.R_MAX**2 - 0.25)
    assert np.abs(np.sort(share) - np.linspace(0, 1, count)).max() < 1.7 / np.sqrt(count)
    power = np.mean(np.abs([system.b, system.c]) ** 2)
    assert power == pytest.approx(modes.SCALE**2, rel=0.03)
    turns = system.eigenvalues / np.abs(system.eigenvalues)
    assert abs(turns.mean()) < 3 / np.sqrt(count)
    assert is_complex or set(turns.round(12)) == {-1, 1}


def test_the_targets():
    assert [target(name, 32, 1).shape for name in TARGETS] == [(32,)] * 3
    assert np.allclose([np.linalg.norm(target(name, 33, 1)) for name in TARGETS], 1)
    assert target("delay", 32).argmax() == 15
    phi = target("oscillation", 8)
    assert np.allclose(phi, (1j ** np.arange(8)).real / 2)
    draws = [target("random", 32, seed) for seed in (0, 0, 1)]
    assert (draws[0] == draws[1]).all()
    assert (draws[0] != draws[2]).all()


def test_there_are_as_many_runs_as_published_and_the_cleared_ones_come_first():
    for experiment, seeds, count in ((complex_real, 3, 162), (complex_complex, 3, 36)):
        runs = experiment.configurations(Plan(seeds=seeds), [])
        assert [run["accumulated"] for run in runs] == [False] * count + [True] * count
        assert len({records.key(run) for run in runs}) == 2 * count
        assert runs[0]["seed"] == 0
        assert runs[0]["steps"] == 500_000


@pytest.mark.parametrize("experiment", [complex_real, complex_complex])
@pytest.mark.parametrize("at", [0, 1, 5])
def test_an_interrupted_run_ends_as_an_uninterrupted_one(experiment, at, tmp_path, monkeypatch):
    configuration = experiment.configurations(Plan(steps=47), [])[-1] | {"rate": 1e-2}
    expected = train(configuration)
    monkeypatch.setattr(descent, "CHUNK", 8)
    checkpoint, calls, advance = tmp_path / "run.pt", iter(range(100)), Descent.advance

    def stop(self, updates):
        if next(calls) == at:
            raise KeyboardInterrupt
        return advance(self, updates)

    with monkeypatch.context() as patch:
        patch.setattr(Descent, "advance", stop)
        with pytest.raises(KeyboardInterrupt):
            train(configuration, checkpoint)
    assert checkpoint.exists() == (at > 0)
    found = train(configuration, checkpoint)
    for results in (expected, found):
        assert results.pop("cpu_seconds") >= 0
    assert found == expected


@pytest.mark.parametrize(("name", "count"), [("complex_real", 36), ("complex_complex", 8)])
def test_a_few_updates_from_the_command_line(name, count, tmp_path, capsys):
    out = tmp_path / "runs.jsonl"
    command = [name, "--only", "oscillation", "--seeds", "1", "--steps", "70", "--out", str(out)]
    assert main(command) == 0
    finished = records.read(out)
    assert len(finished) == count
    for record in finished:
        results = record["results"]
        curve = results["curve"]
        assert curve["steps"][0] == 0
        assert curve["steps"][-1] == 69
        assert results["initial"] == curve["loss"][0] == pytest.approx(1, abs=0.01)
        assert results["best"] <= min(curve["loss"])
        assert results["last"] == curve["loss"][-1]
        assert 0 < results["sum_bc"]
        assert min(results["largest_b"], results["largest_c"]) > 0
    assert finished[0]["configuration"]["target"] == "oscillation"
    assert "oscillation of 32" in capsys.readouterr().out
    assert main(command) == 0  # nothing is left to do
    assert capsys.readouterr().out == ""


def test_a_run_that_leaves_the_numbers_can_be_recorded():
    configuration = complex_real.configurations(Plan(steps=30), [])[0]
    results = train(configuration | {"rate": 1e30})
    assert results["last"] is None
    assert results["best"] <= results["initial"]
    json.dumps(results, allow_nan=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "delays"], "`only` must be one of .* got 'delays'; did you mean 'delay'?"),
        (["--seeds", "0"], "`seeds` must be an integer >= 1, got 0"),
        (["--steps", "0"], "`steps` must be an integer >= 1, got 0"),
    ],
)
@pytest.mark.parametrize("name", ["complex_real", "complex_complex"])
def test_wrong_arguments_are_named(name, arguments, words, tmp_path, capsys):
    assert main([name, *arguments, "--out", str(tmp_path / "runs.jsonl")]) == 2
    assert re.search(words, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s, t: Descent(s, t, rate=1, steps=0), "`steps` must be an integer >= 1, got 0"),
        (lambda s, t: Descent(s, t, rate=1, steps=1, optimizer="sgd"), "`optimizer` must be one"),
        (lambda s, t: Descent(s, t, rate=1, steps=1, dtype="int8"), "`dtype` must be one of"),
        (lambda s, t: Descent(s, t[:, None], rate=1, steps=1), "`target` must have shape .t,."),
        (lambda s, t: Descent(s, t[:0], rate=1, steps=1), "`t` must be an integer >= 1, got 0"),
        (
            lambda s, t: Descent(s._replace(c=s.c[:1]), t, rate=1, steps=1),
            "`modes.c` must have shape .n=2,., got .1,.",
        ),
        (lambda s, t: descend(s, t, rate=1, steps=1, dtype="int8"), "`dtype` must be one of"),
        (lambda s, t: descend(s, t, rate=1, steps=1, optimizer="sgd"), "`optimizer` must be one"),
        (lambda s, t: descend(s, t, rate=1, steps=0), "`steps` must be an integer >= 1, got 0"),
        (lambda s, t: target("delays", 4), "`name` must be one of .* did you mean 'delay'"),
        (lambda s, t: target("delay", 0), "`length` must be an integer >= 1, got 0"),
        (lambda s, t: start(0, r_min=0, is_complex=True, seed=0), "`modes` must be an integer"),
        (lambda s, t: start(1, r_min=1, is_complex=True, seed=0), "`r_min` must be at least 0"),
    ],
)
def test_wrong_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call(start(2, r_min=0, is_complex=False, seed=0), target("delay", 4))
