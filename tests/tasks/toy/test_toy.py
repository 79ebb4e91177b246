"""A toy task draws what its seed and step say, is trained until it is solved, and is measured."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.tasks.tiny_text import Samples
from tests.tasks.toy.small import small

import unrolled
from unrolled.errors import NothingToGenerateError, OmegaCellError
from unrolled.tasks.toy import run as toy
from unrolled.tasks.toy import task as toy_task
from unrolled.tasks.toy.settings import SHORTEST
from unrolled.tasks.toy.task import PARTS, Toy, build_model, draw, measure
from unrolled.training.loop import Ending
from unrolled.training.storage.checkpoint import load_checkpoint
from unrolled.training.storage.metrics_log import read_metrics

NAMES = list(SHORTEST)


def task_of(name, cell="rnn", **changes):
    settings = small(name, None, **changes)
    torch.manual_seed(0)
    return Toy(build_model(settings, unrolled.find_cell(cell)).eval(), settings)


def test_a_batch_follows_from_the_seed_its_part_and_its_number_alone():
    settings = small("adding", None)
    first = draw(settings, "train", 3, 6)
    np.random.seed(1)
    torch.manual_seed(1)
    assert torch.equal(draw(settings, "train", 3, 6).x, first.x)
    others = [draw(settings, "train", 4, 6), draw(small("adding", None, seed=1), "train", 3, 6)]
    others += [draw(settings, part, 3, 6) for part in PARTS if part != "train"]
    assert not any(torch.equal(other.x, first.x) for other in others)


def test_each_batch_draws_its_length_from_the_shortest_to_the_longest():
    settings = small("latch", None, length=9, shortest=6)
    lengths = [len(draw(settings, "train", step, 1).x) for step in range(100)]
    assert set(lengths) == {6, 7, 8, 9}
    assert {len(draw(small("latch", None), "train", step, 1).x) for step in range(9)} == {12}


@pytest.mark.parametrize("name", NAMES)
def test_a_steps_loss_is_the_mean_over_its_own_batch_and_nothing_is_carried(name):
    task = task_of(name)
    step = task.forward(5, None)
    x, y = draw(task.settings, "train", 5, 6)
    scores, _ = task.model(x)
    wanted = {
        "adding": lambda: ((scores[:, 0] - y) ** 2).mean(),
        "copy": lambda: F.cross_entropy(scores.permute(0, 2, 1), y),
    }.get(name, lambda: F.cross_entropy(scores, y))()
    torch.testing.assert_close(step.loss, wanted)
    assert (step.items, step.carried) == (6, None)
    assert task.forward(2**61, None).items == 6, "no end of steps"


@pytest.mark.parametrize("name", NAMES)
def test_measuring_takes_the_mean_over_all_sequences_whatever_the_batches(name, monkeypatch):
    task = task_of(name, shortest=10)
    monkeypatch.setattr(toy_task, "TOGETHER", 4)
    with torch.no_grad():
        found = measure(task.model, task.settings, "test", 10)
        losses, wrong, baselines = [], [], []
        for first, size in ((0, 4), (4, 4), (8, 2)):
            x, y = draw(task.settings, "test", first, size)
            scores, _ = task.model(x)
            losses.append(size * float(task.problem.answer.loss(scores, y, "mean")))
            wrong += task.problem.answer.wrong(scores, y).tolist()
            baselines.append(size * task.problem.baseline(len(x)))
    assert found.loss == pytest.approx(sum(losses) / 10)
    assert found.error == sum(wrong) / 10
    assert found.baseline == pytest.approx(sum(baselines) / 10)


def test_long_sequences_are_measured_few_at_a_time(monkeypatch):
    task, sizes = task_of("latch"), []
    inner = task.model.forward
    task.model.forward = lambda x: sizes.append(x.shape[1]) or inner(x)
    monkeypatch.setattr(toy_task, "STEPS_TOGETHER", 12 * 3 + 5)
    measure(task.model, task.settings, "test", 7)
    monkeypatch.setattr(toy_task, "STEPS_TOGETHER", 1)
    measure(task.model, task.settings, "test", 2)
    assert sizes == [3, 3, 1, 1, 1]


def test_what_seems_solved_is_looked_at_again_on_more_sequences(monkeypatch):
    task, asked = task_of("latch"), []

    def measured(model, settings, part, sequences):
        asked.append((part, sequences))
        return toy_task.Figures(0.5, errors.pop(0), 0.7)

    monkeypatch.setattr(toy_task, "measure", measured)
    errors = [0.01, 0.009, 0.02, 0.0, 0.0099]
    found = [task.validate() for _ in range(3)]
    assert [(one.error, one.solved) for one in found] == [
        (0.01, False),
        (0.02, False),
        (0.0099, True),
    ]
    look, again = ("validation", 40), ("validation", 100)
    assert asked == [look, look, again, look, again]


def test_training_ends_when_it_is_solved(tmp_path):
    changes = {"length": 6, "hidden_size": 16, "batch_size": 32, "steps": 500, "evaluate_every": 25}
    watcher = Samples()
    run = toy.train(small("latch", tmp_path / "run", **changes), watcher=watcher)
    assert run.ending.reason == "solved"
    assert run.ending.step < 500
    figures = run.evaluate()
    assert (figures.solved, figures.sequences, figures.unit) == (True, 10_000, "nats")
    assert figures.error < 0.01
    assert figures.loss < figures.baseline_loss
    assert (
        json.loads(json.dumps(figures.to_json()))
        == unrolled.open_run(run.path).evaluate().to_json()
    )
    last = [line for line in read_metrics(run.path) if line["kind"] == "validation"][-1]
    assert (last["best"], last["items"]) == (True, 32 * run.ending.step)
    assert watcher.lines[-1].endswith(f"wrong, after {32 * run.ending.step:,} sequences (best)")
    assert " ... is " in watcher.samples[0]


def test_what_is_proposed_next_keeps_what_made_the_run_unusual(tmp_path):
    plain = {"cell": "rnn", "start": "smart", "omega": 0.5, "steps": 1}
    run = toy.train(small("latch", tmp_path / "run", **plain))
    assert run.advice("mine") == [
        "unrolled evaluate mine",
        "unrolled resume mine --steps 2  # as long again",
    ]
    run.ending = Ending(1, "solved")
    assert run.advice("mine")[1] == (
        "unrolled train latch --cell rnn --length 24 --start smart --omega 0.5 --omega-form paper"
        "  # twice as far back"
    )
    assert unrolled.open_run(run.path).advice("mine") == ["unrolled evaluate mine"]


def test_the_verbs_of_python_train_it_too(tmp_path):
    run = unrolled.train(
        "adding", cell="gru", out=tmp_path / "run", hidden_size=8, length=5, steps=2, seed=3
    )
    assert (run.cell.name, run.settings.task, run.settings.training.seed) == ("gru", "adding", 3)
    assert run.config["task"] == "adding"
    assert unrolled.open_run(tmp_path / "run").settings == run.settings
    assert run.evaluate(sequences=50).baseline_loss == pytest.approx(1 / 6)


def test_it_generates_nothing_and_says_what_to_do_instead(tmp_path):
    run = toy.train(small("copy", tmp_path / "run", steps=1))
    message = "a run of copy generates nothing.*`unrolled evaluate .*/run` says how well"
    with pytest.raises(NothingToGenerateError, match=message):
        run.generate("1234")


def test_a_smart_start_is_where_training_begins(tmp_path):
    settings = small("latch", tmp_path / "run", cell="rnn", start="smart", hidden_size=20, steps=1)
    toy.train(settings)
    matrix = load_checkpoint(tmp_path / "run", 0).weights["recurrent.weight_h_l0"]
    assert (matrix != 0).sum(dim=1).tolist() == [15] * 20
    toy.train(small("latch", tmp_path / "own", cell="rnn", hidden_size=20, steps=1))
    own = load_checkpoint(tmp_path / "own", 0).weights["recurrent.weight_h_l0"]
    assert bool((own != 0).all())


def test_omega_is_refused_for_other_cells_before_there_is_a_run(tmp_path):
    with pytest.raises(OmegaCellError, match="Omega is of cells .* lstm has the states h, c"):
        toy.train(small("latch", tmp_path / "run", omega=1.0))
    assert not (tmp_path / "run").exists()


def test_folders_are_named_for_task_and_cell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("temporal-order-gru", "temporal-order-gru-2"):
        run = toy.train(small("temporal-order", None, cell="gru", steps=1))
        assert run.path == tmp_path / "runs" / name
