"""The long runs: what stops them loses nothing, and going on changes nothing."""

import functools
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn, ones

from ssm_companion.experiments import (
    forecasting,
    language,
    levels,
    plain,
    rates,
    records,
    runner,
    tracked,
    twins,
)
from ssm_companion.experiments.__main__ import main
from ssm_companion.experiments.runner import Plan

ROOT = Path(runner.__file__).parents[2]
TINY = ["forecasting", "--only", "naive", "lstm", "--seeds", "1", "--steps", "12"]


def start(out):
    command = [sys.executable, "-m", "ssm_companion.experiments", *TINY, "--out", str(out)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # where the tests run in the background the shell has them ignore Ctrl-C, and so their children
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True, preexec_fn=heed, **pipes)


def wait_for(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def outcome(results):
    return {name: value for name, value in results.items() if name != "cpu_seconds"}


@pytest.mark.skipif(os.name == "nt", reason="sends signals")
def test_stopped_killed_and_half_written_runs_go_on_to_the_same_results(tmp_path, capsys):
    out = tmp_path / "broken" / "runs.jsonl"
    stopped = start(out)
    wait_for(lambda: len(records.read(out)) > 6)  # statistical models first
    os.killpg(stopped.pid, signal.SIGINT)  # as Ctrl-C on a terminal does
    # its processes hold its pipes, so that this ends when they have ended
    _, said = stopped.communicate(timeout=60)
    assert stopped.returncode == 130
    assert said.splitlines()[-1].startswith("stopped; the same command goes on.")

    before = len(records.read(out))
    killed = start(out)
    wait_for(lambda: len(records.read(out)) > before and list(out.parent.glob("*.scratch/*.pt")))
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=60)
    with out.open("a") as file:
        file.write('{"configuration": {"experiment": "fore')

    assert main([*TINY, "--out", str(out)]) == 0
    assert not list(out.parent.glob("*.scratch"))
    finished = records.read(out)
    assert len(finished) == 3 * (2 + len(forecasting.RATES) + 1)
    assert len({records.key(record["configuration"]) for record in finished}) == len(finished)
    for record in finished:
        assert outcome(record["results"]) == outcome(forecasting.run(record["configuration"]))
        assert record["command"].startswith(
            "python -m ssm_companion.experiments forecasting --only"
        )
        assert {"machine", "versions", "date"} < record.keys()

    capsys.readouterr()
    assert main([*TINY, "--out", str(out)]) == 0  # nothing is left to do
    assert capsys.readouterr().out == ""


def interrupting(monkeypatch, at):
    observe, calls = tracked.Tracked.observe, iter(range(10**6))

    def stop(self):
        if next(calls) == at:
            raise KeyboardInterrupt
        observe(self)

    monkeypatch.setattr(tracked.Tracked, "observe", stop)


@pytest.mark.parametrize("experiment", [forecasting, language, plain, twins])
@pytest.mark.parametrize("at", [3, 48])
def test_an_interrupted_run_ends_as_an_uninterrupted_one(experiment, at, tmp_path, monkeypatch):
    plan = Plan(only=("lstm",), steps=50)
    monkeypatch.setattr(language, "_GLIMPSE", 300)
    options = {"seed": 1, "rate": 0.01, "steps": 50, "batch": 2, "window": 20}
    configuration = {**experiment.configurations(plan, [])[0], **options}
    expected = experiment.run(configuration)

    checkpoint = tmp_path / "run.pt"
    with monkeypatch.context() as patch:
        interrupting(patch, at)
        with pytest.raises(KeyboardInterrupt):
            experiment.run(configuration, checkpoint)
    assert checkpoint.exists()
    assert outcome(experiment.run(configuration, checkpoint)) == outcome(expected)


def test_a_language_run_from_the_command_line(tmp_path):
    out = tmp_path / "runs.jsonl"
    command = ["language", "--only", "lstm", "--seeds", "2", "--steps", "8"]
    assert main([*command, "--out", str(out)]) == 0
    finished = records.read(out)
    assert [r["configuration"]["purpose"] for r in finished] == ["rate"] * 3 + ["result"] * 2
    searched, found = finished[:3], finished[3:]
    best = min(searched, key=lambda record: record["results"]["score"])
    for record in found:
        assert record["configuration"]["rate"] == best["configuration"]["rate"]
        bits = record["results"]["bits"]
        cuts = [value for part in bits.values() for value in part.pop("cut").values()]
        ways = [value for part in bits.values() for value in part.values()]
        assert all(1 < value < 7 for value in ways + cuts)
        curve = record["results"]["curve"]
        assert len(curve["steps"]) == len(curve["validation"]) == 9
        assert min(curve["validation"]) == pytest.approx(record["results"]["score"], abs=1e-4)
    assert "test" not in searched[0]["results"]["bits"]
    assert found[0]["results"]["bits"] != found[1]["results"]["bits"]


def test_twins_from_the_command_line(tmp_path, monkeypatch):
    monkeypatch.setattr(twins, "TEST", 100)
    out = tmp_path / "runs.jsonl"
    models = ["affine", "gated", "bayes", "lru"]
    command = ["twins", "--only", *models, "--seeds", "1", "--steps", "8"]
    assert main([*command, "--out", str(out)]) == 0
    finished = records.read(out)
    assert len(finished) == 2 * 3 + 2 * 2 * (len(twins.RATES) + 1)
    for record in finished:
        c, results = record["configuration"], record["results"]
        assert ("test" in results) == (c.get("purpose") != "rate")
        if "test" in results:
            floor = {"drifting": "affine", "jumping": "bayes"}[c["series"]]
            best = c["model"] in (floor, "bayes")
            assert (results["test"]["excess"] == 0) == best
    scores = {
        (r["configuration"]["series"], r["configuration"]["model"]): r["results"]["test"]["mse"]
        for r in finished
        if r["configuration"]["model"] in twins.RIVALS
    }
    assert scores["jumping", "bayes"] < scores["jumping", "gated"] < scores["jumping", "affine"]
    assert scores["drifting", "bayes"] == scores["drifting", "affine"]


def test_a_run_of_twins_is_scored_on_the_second_halves_of_its_test_windows():
    configuration = {**twins.configurations(Plan(only=("affine",)), [])[0], "test": 50}
    generator = torch.Generator().manual_seed(3)
    y = levels.draw("jumping", 50, 65, 0.97, 0.3, generator).numpy()
    squares = [
        (levels.affine(row[None, : t + 1], 0.97, 0.3)[0, -1] - row[t + 1]) ** 2
        for row in y
        for t in range(32, 64)
    ]
    expected = pytest.approx(sum(squares) / len(squares), rel=1e-5)
    assert twins.run(configuration)["test"]["mse"] == expected


def test_plain_runs_are_those_of_the_forecasting_experiment_but_for_the_skeleton():
    plan = Plan(only=("lru",), seeds=1, steps=3)
    for own, other in zip(
        plain.configurations(plan, []), forecasting.configurations(plan, []), strict=True
    ):
        assert own == {**other, "experiment": "plain", "skeleton": "plain"}
    results, full = plain.run(own), forecasting.run(other)
    assert results["parameters"] != full["parameters"]
    assert results["score"] != full["score"]
    assert results.keys() == full.keys()


@pytest.mark.parametrize("experiment", [forecasting, language, plain, twins])
def test_all_runs_are_recorded(experiment):
    finished = records.recorded(experiment.__name__.rsplit(".", 1)[1])
    planned = experiment.configurations(Plan(), finished)
    recorded = {records.key(record["configuration"]) for record in finished}
    assert planned and {records.key(configuration) for configuration in planned} <= recorded


@pytest.mark.parametrize("experiment", [forecasting, language, plain, twins])
def test_what_is_recorded_of_a_model_is_what_a_run_says_of_it(experiment):
    finished = records.recorded(experiment.__name__.rsplit(".", 1)[1])
    record = next(r for r in finished if r["configuration"].get("seed") is not None)
    c = {**record["configuration"], "steps": 1}
    now = experiment.run(c)
    assert list(now) == list(record["results"])
    for name in ("d_model", "hidden", "parameters", "state_bytes", "multiply_adds", "diverged"):
        assert now[name] == record["results"][name]
    assert now["curve"].keys() == record["results"]["curve"].keys()


def test_a_run_that_fails_is_named_and_the_others_go_on(tmp_path, capsys, monkeypatch):
    configurations = forecasting.configurations(Plan(only=("naive",)), [])
    configurations[0] = {**configurations[0], "fitted": "tomorrow"}
    monkeypatch.setattr(forecasting, "configurations", lambda plan, finished: configurations)
    out = tmp_path / "runs.jsonl"
    assert main(["forecasting", "--workers", "2", "--out", str(out)]) == 1
    said = capsys.readouterr()
    assert "`fitted` must be one of" in said.out
    assert "1 runs failed" in said.err
    assert len(records.read(out)) == len(configurations) - 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["language", "--only", "grue"],
            "`only` must be one of .* got 'grue'; did you mean 'gru'?",
        ),
        (["language", "--seeds", "0"], "`seeds` must be an integer >= 1, got 0"),
        (["forecasting", "--steps", "0"], "`steps` must be an integer >= 1, got 0"),
        (["forecasting", "--workers", "0"], "`workers` must be an integer >= 1, got 0"),
        (["cost", "--workers", "2"], "`workers` must be 1 for cost"),
    ],
)
def test_wrong_arguments_are_named(arguments, words, tmp_path, capsys):
    assert main([*arguments, "--out", str(tmp_path / "runs.jsonl")]) == 2
    assert re.search(words, capsys.readouterr().err)


def test_an_unknown_experiment_is_named(capsys):
    with pytest.raises(SystemExit):
        main(["langage"])
    assert "invalid choice: 'langage'" in capsys.readouterr().err
    with pytest.raises(ValueError, match="`name` must be one of .* did you mean 'language'"):
        runner.run("langage", Path("runs.jsonl"))


def test_without_ray_it_says_what_to_install(tmp_path, capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "ray" else find(name)
    )
    assert main([*TINY, "--engine", "ray", "--out", str(tmp_path / "runs.jsonl")]) == 2
    assert "pip install ray" in capsys.readouterr().err


def test_ray_gives_the_same_results(tmp_path):
    if os.environ.get("CI") != "true":  # there it is installed, and must not be skipped
        pytest.importorskip("ray", reason="Ray is not installed")
    command = ["forecasting", "--only", "naive", "lstm", "--seeds", "1", "--steps", "2"]
    for engine in ("local", "ray"):
        out = str(tmp_path / f"{engine}.jsonl")
        assert main([*command, "--engine", engine, "--out", out]) == 0
    both = [
        {records.key(run["configuration"]): outcome(run["results"]) for run in records.read(path)}
        for path in sorted(tmp_path.glob("*.jsonl"))
    ]
    assert len(both) == 2
    assert both[0] == both[1] != {}


def test_what_is_recorded_is_found_without_a_checkout(tmp_path, monkeypatch):
    here = records.recorded("forecasting")
    monkeypatch.setattr(records.ssm_companion, "__file__", str(tmp_path / "site" / "x" / "y.py"))
    with pytest.raises(FileNotFoundError, match="no runs called 'forecasting' in .* or .*share"):
        records.recorded("forecasting")
    folder = tmp_path / "share" / "ssm_companion" / "results"
    folder.mkdir(parents=True)
    (folder / "forecasting.jsonl").write_text(json.dumps(here[0]) + "\n")
    monkeypatch.setattr(records.sysconfig, "get_path", lambda name: str(tmp_path))
    assert records.recorded("forecasting") == here[:1]


def test_a_line_that_is_broken_in_the_middle_is_an_error(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_text('{"a": 1}\n{"b": \n{"c": 3}\n')
    with pytest.raises(ValueError, match="line 2 of .* must be JSON"):
        records.read(path)


def test_a_record_that_json_cannot_say_leaves_the_file_alone(tmp_path):
    path = tmp_path / "runs.jsonl"
    records.append(path, {"bits": 2.0})
    with pytest.raises(ValueError, match="not JSON compliant"):
        records.append(path, {"bits": float("nan")})
    assert [json.loads(line) for line in path.read_text().splitlines()] == [{"bits": 2.0}]


def test_a_training_that_diverges_is_told_and_keeps_its_best_parameters():
    model = nn.Linear(1, 1)
    calls = iter(range(100))

    def loss(model):
        value = model(ones(1, 1)).square().mean()
        return value * float("nan") if next(calls) == 9 else value

    done = tracked.train(model, loss, lambda m: m(ones(1, 1)).item() ** 2, steps=20, rate=0.01)
    assert done["diverged"] == 9
    assert done["score"] == model(ones(1, 1)).item() ** 2
    assert done["score"] == pytest.approx(
        min(v for v in done["curve"]["validation"] if v), rel=1e-5
    )


def test_a_rate_is_searched_for_again_when_anything_else_changes():
    search = rates.configurations({"model": "gru"}, (0.1, 0.2), 10, 1, [])
    finished = [{"configuration": c, "results": {"score": 1.0}} for c in search]
    assert rates.configurations({"model": "lru"}, (0.1, 0.2), 10, 1, finished) != search
    again = rates.configurations({"model": "gru"}, (0.1, 0.2), 20, 1, finished)
    assert [run["purpose"] for run in again] == ["rate", "rate"]
