"""A disk that refuses does not end the training, and BEST stays true."""

import errno
import os
import resource
from contextlib import contextmanager

import pytest
from tests.training.storage.file_calls import watched
from tests.training.storage.test_checkpoint_disk_faults import full_from
from tests.training.tiny import Notes, Scripted, TinyTask, fit, plain

from unrolled.errors import SaveFailedError
from unrolled.training.storage.checkpoint import load_checkpoint
from unrolled.training.storage.metrics_log import read_metrics


@contextmanager
def no_file_above(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class Disk:
    """Full from one step of a task to another."""

    def __init__(self):
        self.full = False

    def fills(self, task, start, stop):
        task.on_step = lambda step: setattr(self, "full", start <= step < stop)
        return task

    def before(self, number, name, arguments):
        if self.full:
            full_from(0)(number, name, arguments)


@pytest.fixture
def disk():
    disk = Disk()
    with watched(disk.before, flushing=False):
        yield disk
        disk.full = False


def test_training_goes_on_while_the_disk_is_full_and_saves_when_it_is_not(disk, tmp_path):
    task, notes = disk.fills(Scripted([5.0, 4.0, 3.0, 3.5]), 3, 7), Notes()
    ending = fit(task, plain(steps=8, evaluate_every=2), tmp_path / "run", notes)
    assert ending.step == 8
    told = [line for line in notes.lines if "Training goes on" in line]
    assert len(told) == 2
    assert "No space left on device. Free some space on this disk." in told[0]
    assert load_checkpoint(tmp_path / "run").step == 8
    assert load_checkpoint(tmp_path / "run", "best").step == 8, "3.5 is the best that is kept"
    assert [line["step"] for line in read_metrics(tmp_path / "run") if "best" in line] == [2, 8]


def test_best_still_points_to_the_best_that_was_saved(disk, tmp_path):
    task = disk.fills(Scripted([2.0, 1.0, 3.0]), 3, 5)
    fit(task, plain(steps=6, evaluate_every=2), tmp_path / "run")
    assert load_checkpoint(tmp_path / "run", "best").step == 2
    assert load_checkpoint(tmp_path / "run").step == 6


def test_older_checkpoints_that_cannot_be_removed_are_told_and_the_new_one_counts(tmp_path):
    def before(_number, name, _arguments):
        if name == "rmdir":
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    notes = Notes()
    with watched(before, flushing=False):
        task = Scripted([3.0, 2.0, 1.0])
        fit(task, plain(steps=3, evaluate_every=1, keep=1), tmp_path / "run", notes)
    assert any("is saved, but older checkpoints could not be removed" in t for t in notes.lines)
    assert not any("Training goes on" in text for text in notes.lines)
    last = load_checkpoint(tmp_path / "run", "best")
    assert (last.step, last.progress["progress"]["best"]) == (3, 1.0)


def test_a_save_by_the_clock_that_fails_is_told_too(disk, tmp_path):
    task, notes = disk.fills(TinyTask(), 2, 3), Notes()
    fit(task, plain(steps=4, save_seconds=0), tmp_path / "run", notes)
    assert sum("Training goes on" in line for line in notes.lines) == 1
    assert load_checkpoint(tmp_path / "run").step == 4


def test_a_disk_that_is_full_at_the_end_is_an_error_and_the_last_save_stays(disk, tmp_path):
    task = disk.fills(Scripted([5.0, 4.0]), 3, 99)
    with pytest.raises(SaveFailedError, match="No space left on device"):
        fit(task, plain(steps=4, evaluate_every=2), tmp_path / "run")
    assert load_checkpoint(tmp_path / "run").step == 2


def test_a_disk_that_is_full_at_the_start_is_an_error_at_once(tmp_path):
    task = TinyTask()
    with no_file_above(1000), pytest.raises(SaveFailedError, match="File too large"):
        fit(task, plain(), tmp_path / "run")
    assert task.given == []
