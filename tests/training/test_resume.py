"""A run that was stopped and resumed is, bit for bit, the run that was not."""

import os
import random
import shutil
import signal

import pytest
import torch
from tests.training.tiny import TinyTask, fit, go_on, kept, plain

from unrolled.errors import ForeignOptimizerError, ForeignStateError, ForeignWeightsError
from unrolled.training.progress import Progress
from unrolled.training.storage.checkpoint import load_checkpoint
from unrolled.training.storage.metrics_log import read_metrics

CASES = [
    ("lstm", "adam", {}),
    ("gru+zoneout:0.3", "sgd", {"schedule": "cosine", "warmup_steps": 3}),
    ("rnn", "adagrad", {"clip_norm": 0.3}),
    ("lstm+variational:0.2", "rmsprop", {"schedule": "linear", "clip_value": 0.01}),
    ("layernorm_lstm", "adamw", {"weight_decay": 0.1}),
]


def task_of(cell):
    return TinyTask(cell, layers=2, dropout=0.3)


def measured(path):
    """The metrics, but for the times."""
    return [
        {name: value for name, value in line.items() if name != "seconds"}
        for line in read_metrics(path)
    ]


@pytest.mark.parametrize(("cell", "optimizer", "changes"), CASES, ids=lambda case: str(case)[:20])
def test_stopped_by_signals_and_resumed_is_the_uninterrupted_run(
    cell, optimizer, changes, tmp_path
):
    settings = plain(optimizer=optimizer, steps=13, evaluate_every=5, log_every=3, **changes)
    fit(task_of(cell), settings, tmp_path / "whole")
    stops = sorted(random.Random(cell).sample(range(1, 13), 3))

    def stop_at(task, steps):
        task.on_step = lambda now: os.kill(os.getpid(), signal.SIGTERM) if now == steps else None
        return task

    fit(stop_at(task_of(cell), stops[0]), settings, tmp_path / "run")
    for before, after in zip(stops, stops[1:], strict=False):
        assert load_checkpoint(tmp_path / "run").step == before
        torch.manual_seed(before)  # what a new process has drawn must not matter
        go_on(stop_at(task_of(cell), after - before), settings, tmp_path / "run")
    go_on(task_of(cell), settings, tmp_path / "run")
    assert kept(tmp_path / "run") == kept(tmp_path / "whole")
    assert measured(tmp_path / "run") == measured(tmp_path / "whole")


def test_resumed_from_any_earlier_checkpoint_is_the_uninterrupted_run(tmp_path):
    """What a kill leaves: a checkpoint, and metrics that are further on."""
    settings = plain(steps=11, evaluate_every=3, save_seconds=0, keep=99)
    fit(task_of("gru+zoneout:0.3"), settings, tmp_path / "whole")
    for step in range(11):
        path = shutil.copytree(tmp_path / "whole", tmp_path / f"{step}")
        for folder in (path / "checkpoints").iterdir():
            if int(folder.name.partition("-")[0]) > step:
                shutil.rmtree(folder)
        from unrolled.training.storage.checkpoint_names import list_names, move_pointer

        names = sorted(list_names(path), key=lambda name: (name[:9], len(name)))
        move_pointer(path, "last", names[-1])
        go_on(task_of("gru+zoneout:0.3"), settings, path)
        assert kept(path) == kept(tmp_path / "whole"), step
        assert measured(path) == measured(tmp_path / "whole"), step


def test_a_step_limit_that_is_raised_goes_on_with_the_same_weights(tmp_path):
    fit(task_of("lstm"), plain(steps=5), tmp_path / "run")
    go_on(task_of("lstm"), plain(steps=12), tmp_path / "run")
    fit(task_of("lstm"), plain(steps=12), tmp_path / "whole")
    ours, theirs = (load_checkpoint(tmp_path / name) for name in ("run", "whole"))
    for kind in ("weights", "optimizer", "carried"):
        saved = getattr(theirs, kind)
        assert all(torch.equal(getattr(ours, kind)[name], saved[name]) for name in saved)


def test_the_same_seed_gives_the_same_bits_and_another_does_not(tmp_path):
    for name in ("a", "b"):
        fit(task_of("gru+zoneout:0.3"), plain(), tmp_path / name)
    other = task_of("gru+zoneout:0.3")
    torch.manual_seed(1)
    fit(other, plain(), tmp_path / "c")
    assert kept(tmp_path / "a") == kept(tmp_path / "b")
    assert kept(tmp_path / "a") != kept(tmp_path / "c")


def test_seconds_before_count_after(tmp_path):
    fit(TinyTask(), plain(steps=2), tmp_path / "run")
    before = load_checkpoint(tmp_path / "run").progress["progress"]["seconds"]
    go_on(TinyTask(), plain(steps=4), tmp_path / "run")
    assert load_checkpoint(tmp_path / "run").progress["progress"]["seconds"] > before > 0


def test_a_checkpoint_of_another_model_optimizer_or_text_is_refused(tmp_path):
    fit(TinyTask("lstm", chunks=4), plain(steps=3), tmp_path / "run")
    with pytest.raises(ForeignWeightsError, match="not of this TinyModel"):
        go_on(TinyTask("gru"), plain(), tmp_path / "run")
    with pytest.raises(ForeignOptimizerError, match="saved state is of Adam .* this .* is SGD"):
        go_on(TinyTask("lstm"), plain(optimizer="sgd"), tmp_path / "run")
    with pytest.raises(ForeignStateError, match="stands at chunk 3, and the data has 2"):
        go_on(TinyTask("lstm", chunks=2), plain(), tmp_path / "run")


def test_counters_come_back_as_they_were():
    progress = Progress(step=3, chunk=1, loss_sum=0.5, best=None, seconds=2.5)
    assert Progress.from_json(progress.to_json(), chunks=2) == progress


def test_counters_that_came_later_are_at_their_start_in_older_checkpoints():
    stored = Progress(step=3).to_json()
    del stored["solved_step"]
    assert Progress.from_json(stored, chunks=1) == Progress(step=3, solved_step=-1)


@pytest.mark.parametrize(
    ("name", "value"), [("step", None), ("loss_sum", "x"), ("clipped", True), ("best", [])]
)
def test_counters_that_are_none_are_refused(name, value):
    stored = {**Progress().to_json(), name: value}
    with pytest.raises(ForeignStateError, match=f"lacks the counter '{name}'"):
        Progress.from_json(stored, chunks=1)
