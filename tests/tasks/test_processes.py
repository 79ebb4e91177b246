"""Two processes that torchrun starts train as one does, and one goes on where several left off."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.tasks.process_lab import STOP, STOPPED, SUMS, TAGS, TEXT, launch
from tests.tasks.tiny_text import SMALL, book, kept, stopping

import unrolled
from unrolled.errors import FewSequencesError, SettingError
from unrolled.tasks import runs
from unrolled.training.group import Group
from unrolled.training.storage.checkpoint import load_checkpoint
from unrolled.training.storage.metrics_log import read_metrics

LONG = f"{SMALL} --steps 1000000 --evaluate-every 1000000 --save-seconds 0.2".split()


def tagged(folder):
    """Sentences of one word to six, of which the last batch has one alone."""
    sentences = ("\n".join(f"w{n % 7}\tT{n % 3}" for n in range(i, i + i % 6 + 1))
                 for i in range(101))  # fmt: skip
    path = folder / "tagged.conll"
    path.write_text("\n\n".join(sentences) + "\n")
    return path


def lab(folder, *jobs, processes=2):
    """Let so many processes do some jobs of the lab."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = launch(processes, "tests.tasks.process_lab", str(folder), *jobs, **streams)
    told, _ = done.communicate(timeout=120)
    assert done.returncode == 0, told


def alone(task, folder, out, **settings):
    """One process does the same."""
    data = {"char-lm": folder / "book.txt", "tag": folder / "tagged.conll"}.get(task)
    return unrolled.train(task, data, **settings, out=folder / out)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What two processes did, a run that one had begun among it."""
    folder = tmp_path_factory.mktemp("processes")
    book(folder)
    tagged(folder)
    alone("char-lm", folder, "to end", **TEXT, watcher=stopping(STOP))
    lab(folder, "whole", "halves", "begun", "ended")
    return folder


def figures(path):
    """The numbers of all lines of metrics, but for the times."""
    others = {"kind", "seconds"}
    return [{n: v for n, v in line.items() if n not in others} for line in read_metrics(path)]


def assert_alike(one, other):
    """The same steps with the same losses and gradients, but for roundings."""
    ours, theirs = figures(one), figures(other)
    assert len(ours) == len(theirs) > 8
    for mine, its in zip(ours, theirs, strict=True):
        assert mine == pytest.approx(its, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize(
    ("task", "out", "settings"),
    [("char-lm", "text", TEXT), ("tag", "tags", TAGS), ("adding", "sums", SUMS)],
)
def test_two_processes_have_the_losses_of_one(task, out, settings, folder):
    alone(task, folder, f"{out} alone", **settings)
    assert_alike(folder / out, folder / f"{out} alone")


def test_the_last_batch_of_tags_leaves_the_second_process_without_a_sentence(folder):
    run = unrolled.open_run(folder / "tags")
    assert len(run.examples(None, "utf-8")[0].train) % TAGS["batch_size"] == 1


def test_stopped_and_resumed_by_as_many_it_is_bit_for_bit_the_unstopped_run(folder):
    assert kept(folder / "stopped") == kept(folder / "unstopped")


def test_masks_of_dropout_are_not_the_same_in_both(folder):
    rows = load_checkpoint(folder / "unstopped").carried["rng.processes.cpu"]
    assert rows.shape[0] == 2 and not rows[0].equal(rows[1])


def test_one_goes_on_where_two_left_off_and_two_where_one_did(folder):
    assert steps_of(folder / "begun") == STOPPED
    assert unrolled.resume(folder / "begun").ending.step == TEXT["steps"]
    for run in ("begun", "to end"):
        assert_alike(folder / run, folder / "text")


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"omega": 2.0}, SettingError, "omega=2.0 cannot be; wanted 0 where several processes"),
        ({"batch_size": 1}, FewSequencesError, "2 processes cannot share a batch of 1"),
    ],
)
def test_what_cannot_be_shared_is_refused_before_there_is_a_folder(
    settings, error, message, tmp_path, monkeypatch
):
    monkeypatch.setattr(runs, "join", lambda: Group(0, 2))
    with pytest.raises(error, match=message):
        alone("adding", tmp_path, "run", **{**SUMS, "cell": "rnn", **settings})
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_three_go_on_where_two_left_off(folder, tmp_path):
    book(tmp_path)
    lab(tmp_path, "begun")
    (tmp_path / "begun").rename(tmp_path / "to end")
    lab(tmp_path, "ended", processes=3)
    assert_alike(tmp_path / "to end", folder / "text")


@pytest.fixture
def start(tmp_path):
    """Starts processes that learn a text for ever, and waits until they have saved something."""
    started = []
    book(tmp_path)

    def start(processes=2):
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        command = ["unrolled", "train", "char-lm", str(tmp_path / "book.txt"), *LONG]
        torchrun = launch(processes, *command, "--out", str(tmp_path / "run"), **streams)
        started.append(torchrun)
        while not (tmp_path / "run" / "LAST").exists() or steps_of(tmp_path / "run") == 0:
            assert torchrun.poll() is None, torchrun.stderr.read()
            time.sleep(0.05)
        return torchrun, tmp_path / "run"

    yield start
    for torchrun in started:
        torchrun.kill()
        torchrun.communicate()


def steps_of(run):
    """How many steps the last checkpoint holds."""
    return load_checkpoint(run).step


def workers(torchrun, run):
    """The process ids, that of the one that writes first."""
    children = Path(f"/proc/{torchrun.pid}/task/{torchrun.pid}/children").read_text().split()
    first = (run / "run.lock").read_text().split()[1]
    assert first in children
    return [int(first), *(int(child) for child in children if child != first)]


def assert_told_and_resumes(torchrun, run, killed):
    """The others say within seconds what stands and how to go on, and one process does."""
    since = time.monotonic()
    out, err = torchrun.communicate(timeout=60)
    assert time.monotonic() - since < 20
    step = steps_of(run)
    command = f"To go on: torchrun --nproc-per-node 2 -m unrolled resume {run}"
    told = f"Step {step:,} is saved in {run}. {command}"
    assert torchrun.returncode != 0
    assert err.count("unrolled: another of the 2 processes has gone (without a word)") == 1
    assert told in err
    assert f"(pid: {killed})" in err, "torchrun names it"
    assert out == ""
    assert unrolled.resume(run, steps=step + 3).ending.step == step + 3


def test_where_one_is_killed_the_other_says_what_stands_and_the_run_goes_on(start):
    torchrun, run = start()
    _, second = workers(torchrun, run)
    os.kill(second, signal.SIGKILL)
    assert_told_and_resumes(torchrun, run, second)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_torchrun_saves_once_and_says_how_to_go_on(number, start):
    torchrun, run = start()
    torchrun.send_signal(number)
    out, err = torchrun.communicate(timeout=30)
    command = f"torchrun --nproc-per-node 2 -m unrolled resume {run}"
    assert out == f"stopped and saved at step {steps_of(run):,}. To go on:\n  {command}\n"
    assert "has gone" not in err
    assert torchrun.returncode != 0


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(10))
@pytest.mark.parametrize("rank", [0, 1])
def test_whichever_is_killed_at_whatever_moment_the_run_goes_on(rank, moment, start):
    torchrun, run = start()
    time.sleep(random.Random(10 * rank + moment).uniform(0, 0.5))
    killed = workers(torchrun, run)[rank]
    os.kill(killed, signal.SIGKILL)
    assert_told_and_resumes(torchrun, run, killed)


@pytest.mark.slow
def test_ctrl_c_in_the_second_process_alone_is_one_to_both(start):
    torchrun, run = start()
    os.kill(workers(torchrun, run)[1], signal.SIGINT)
    out, err = torchrun.communicate(timeout=30)
    assert out.startswith(f"stopped and saved at step {steps_of(run):,}. To go on:\n")
    assert "exitcode  : 130" in err and "has gone" not in err
