"""fit: resuming, stopping, failing and what it shows."""

import random

import nbclient
import nbformat
import numpy as np
import pytest
import torch
from torch import nn

from ssm_companion.training import fit


def problem():
    """A module with a buffer, and a loss that draws from both random generators."""
    torch.manual_seed(1)
    random.seed(1)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.3), nn.Linear(4, 1))

    def loss(model):
        x = torch.randn(8, 3) * (1 + random.random())
        return (model(x) - x.sum(-1, keepdim=True)).square().mean()

    return model, loss


def interrupting(loss, at):
    calls = iter(range(10**6))

    def stopping(model):
        if next(calls) == at:
            raise KeyboardInterrupt
        return loss(model)

    return stopping


def same_state(one, two):
    states = one.state_dict(), two.state_dict()
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.parametrize("schedule", [None, "cosine"])
@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.SGD])
@pytest.mark.parametrize("stop", [10, 13, 25])
def test_a_resumed_fit_is_bit_identical(tmp_path, schedule, optimizer, stop):
    options = {"steps": 25, "optimizer": optimizer, "schedule": schedule, "progress": False}
    whole, loss = problem()
    expected = fit(whole, loss, **options)

    saving = options | {"checkpoint": tmp_path / "fit.pt", "every": 5}
    broken, loss = problem()
    partial = fit(broken, interrupting(loss, stop), **saving)
    assert partial.interrupted == (stop < 25)
    resumed, loss = problem()
    torch.manual_seed(99)  # a new process starts from another state
    random.seed(99)
    history = fit(resumed, loss, **saving)

    np.testing.assert_array_equal(history.losses, expected.losses)
    assert same_state(resumed, whole)
    assert not history.interrupted
    assert history.steps == 25


def test_saving_changes_nothing(tmp_path):
    plain, loss = problem()
    expected = fit(plain, loss, steps=6, progress=False)
    saved, loss = problem()
    history = fit(saved, loss, steps=6, progress=False, checkpoint=tmp_path / "c.pt", every=2)
    np.testing.assert_array_equal(history.losses, expected.losses)
    assert [path.name for path in tmp_path.iterdir()] == ["c.pt"]


def test_an_interrupt_returns_the_history_so_far():
    model, loss = problem()
    history = fit(model, interrupting(loss, 7), steps=20, progress=False)
    assert history.interrupted
    assert history.steps == len(history.losses) == 7


def test_a_loss_that_is_not_finite_is_an_error_before_the_update():
    weight = torch.tensor(1.0, requires_grad=True)
    seen = []

    def loss():
        seen.append(weight.item())
        return weight * (float("nan") if len(seen) == 4 else 1.0)

    with pytest.raises(FloatingPointError, match="loss must be finite, got nan at step 3"):
        fit([weight], loss, steps=9, progress=False)
    assert weight.item() == seen[-1]


@pytest.mark.parametrize("takes_model", [True, False])
def test_a_quadratic_is_minimised_with_either_kind_of_loss(takes_model):
    weight = torch.zeros(3, requires_grad=True)

    def loss_of(weights):
        return (weights[0] - 2).square().sum()

    loss = loss_of if takes_model else lambda: loss_of([weight])
    history = fit([weight], loss, steps=300, lr=0.1, schedule="cosine", progress=False)
    torch.testing.assert_close(weight.detach(), torch.full((3,), 2.0))
    assert history.losses[0] == 12
    assert history.losses.shape == (300,)
    assert history.seconds > 0


def test_cosine_falls_from_lr_to_zero():
    weight = torch.zeros(1, requires_grad=True)
    weights = []

    def loss():
        weights.append(weight.item())
        return weight.sum()

    options = {"lr": 1.0, "optimizer": torch.optim.SGD, "schedule": "cosine"}
    fit([weight], loss, steps=100, progress=False, **options)
    rates = -np.diff(weights)
    assert rates[0] == 1
    assert (np.diff(rates) < 0).all()
    assert rates[49] == pytest.approx(0.5, abs=0.02)
    assert rates[-1] < 0.01


@pytest.mark.parametrize("progress", [True, False])
def test_nothing_is_shown_when_nobody_watches(progress, capfd):
    model, loss = problem()
    fit(model, loss, steps=3, progress=progress)
    assert capfd.readouterr() == ("", "")


def test_a_notebook_keeps_one_line_without_timing():
    code = """
import torch
from ssm_companion.training import fit
w = torch.zeros(1, requires_grad=True)
history = fit([w], lambda: (w - 1).square().sum() + 0.5, steps=200, lr=0.1)
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=60).execute()
    (output,) = notebook.cells[0].outputs
    assert output.data == {"text/plain": "fitted in 200 steps: loss 0.5"}
