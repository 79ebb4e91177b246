"""Ctrl-C and SIGTERM end the training after a save; a second Ctrl-C ends it at once."""

import os
import signal
import threading
import time

import pytest
from tests.training.tiny import TinyTask, fit, go_on, kept, plain

from unrolled.training.interrupts import Interrupts
from unrolled.training.storage.checkpoint import load_checkpoint
from unrolled.training.storage.metrics_log import read_metrics


def send(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noted_and_the_handlers_come_back(number):
    before = signal.getsignal(number)
    with Interrupts() as interrupts:
        assert interrupts.received is None
        send(number)
        assert interrupts.received == number
    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_raises_at_once():
    with Interrupts():
        send(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)


def test_a_second_sigterm_waits_for_the_save_like_the_first():
    with Interrupts() as interrupts:
        send(signal.SIGTERM)
        send(signal.SIGTERM)
        assert interrupts.received == signal.SIGTERM


def test_outside_the_main_thread_nothing_is_watched():
    before, seen = signal.getsignal(signal.SIGTERM), []

    def work():
        with Interrupts() as interrupts:
            seen.append(signal.getsignal(signal.SIGTERM))
            seen.append(interrupts.unless_signalled(lambda: 7))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before, 7]


def test_work_gives_its_result_unless_a_signal_ends_it():
    done = []

    def work():
        send(signal.SIGTERM)
        done.append("after the signal")

    with Interrupts() as interrupts:
        assert interrupts.unless_signalled(lambda: 5) == 5
        assert interrupts.unless_signalled(work) is None
        assert done == []
        assert interrupts.unless_signalled(lambda: 5) is None, "it has been told already"
        send(signal.SIGTERM)
        assert interrupts.received == signal.SIGTERM


def test_an_error_of_the_work_is_the_works():
    with Interrupts() as interrupts, pytest.raises(ZeroDivisionError):
        interrupts.unless_signalled(lambda: 1 // 0)


def at_step(step, number):
    return lambda now: send(number) if now == step else None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_training_after_its_step_and_saves(number, tmp_path):
    task = TinyTask()
    task.on_step = at_step(5, number)
    ending = fit(task, plain(steps=9, evaluate_every=100), tmp_path / "run")
    assert (ending.step, ending.signal, ending.reason) == (5, number, "interrupted")
    assert load_checkpoint(tmp_path / "run").step == 5
    assert [line["kind"] for line in read_metrics(tmp_path / "run")] == ["train"] * 5


class SlowToMeasure(TinyTask):
    """Its second evaluation takes a minute, and a signal comes in its middle."""

    def validate(self):
        if len(self.validations) == 1:
            send(signal.SIGTERM)
            time.sleep(60)
        return super().validate()


@pytest.mark.parametrize("steps", [9, 6], ids=["in turn", "at the end"])
def test_a_signal_ends_an_evaluation_at_once_and_a_resumed_run_makes_it(steps, tmp_path):
    settings, start = plain(steps=steps, evaluate_every=3), time.monotonic()
    ending = fit(SlowToMeasure(), settings, tmp_path / "run")
    assert time.monotonic() - start < 5
    assert (ending.step, ending.signal) == (6, signal.SIGTERM)
    assert [line["step"] for line in read_metrics(tmp_path / "run") if "best" in line] == [3]
    go_on(TinyTask(), settings, tmp_path / "run")
    fit(TinyTask(), settings, tmp_path / "whole")
    assert kept(tmp_path / "run") == kept(tmp_path / "whole")
    evaluated = [line["step"] for line in read_metrics(tmp_path / "run") if "best" in line]
    assert evaluated == list(range(3, steps + 1, 3))


def test_a_second_ctrl_c_leaves_the_last_checkpoint(tmp_path):
    task = TinyTask()

    def twice(step):
        if step == 6:
            send(signal.SIGINT)
            send(signal.SIGINT)

    task.on_step = twice
    with pytest.raises(KeyboardInterrupt):
        fit(task, plain(steps=9, evaluate_every=4), tmp_path / "run")
    assert load_checkpoint(tmp_path / "run").step == 4
    assert go_on(TinyTask(), plain(steps=9), tmp_path / "run").step == 9
