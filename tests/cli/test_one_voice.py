"""Of several processes the first speaks; another one does if the first does not."""

import signal
import sys

import pytest
from torch import distributed

from unrolled.cli import main, processes
from unrolled.training import group as groups
from unrolled.training.group import Group

SET = {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}


@pytest.fixture
def among(monkeypatch):
    """Puts this process among two, with a store for their words."""
    store = distributed.HashStore()
    before = signal.getsignal(signal.SIGTERM)

    def among(rank):
        for name, value in {**SET, "RANK": str(rank)}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(groups, "join", lambda: Group(rank, 2, store))
        monkeypatch.setattr(processes, "_WAIT", 0.1)
        return Group(1 - rank, 2, store)

    yield among
    signal.signal(signal.SIGTERM, before)


def test_the_first_speaks_and_lets_the_others_know(among, capsys):
    other = among(0)
    assert main(["train", "nothing"]) == 2
    assert "unrolled: no task is named 'nothing'" in capsys.readouterr().err
    assert other.hears_the_first(0)


def test_another_is_silent_where_the_first_has_spoken(among, capsys):
    among(1).leave_word()
    assert main(["train", "nothing"]) == 2
    assert capsys.readouterr() == ("", "")


def test_another_speaks_where_the_first_does_not_and_leaves_its_word(among, capsys):
    first = among(1)
    assert main(["train", "nothing"]) == 2
    assert capsys.readouterr().err.startswith("unrolled: no task is named 'nothing'")
    assert first._words().startswith("process 1: no task is named 'nothing'")


def test_the_word_that_another_leaves_is_what_went_wrong_alone(among):
    def work(given):
        sys.stderr.write("3 examples\nunrolled: the label 'unrolled: x' is known,\nno other\n")
        return 2

    first = among(1)
    assert processes.in_one_voice(["train"], work) == 2
    assert first._words() == "process 1: the label 'unrolled: x' is known,\nno other"


def test_flags_that_are_wrong_end_all_alike(among, capsys):
    among(1).leave_word()
    assert main(["train", "latch", "--nonsense", "1"]) == 2
    assert capsys.readouterr() == ("", "")


def test_other_verbs_are_the_firsts_alone(among, capsys):
    among(1)
    assert main(["cell", "lstm"]) == 0
    assert capsys.readouterr().out == ""
    among(0)
    assert main(["cell", "lstm"]) == 0
    assert "lstm" in capsys.readouterr().out


@pytest.mark.parametrize("given", [["cell", "lstm"], ["train", "latch"]])
@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"WORLD_SIZE": "2"}, "of 2 processes, this one lacks RANK, MASTER_ADDR, MASTER_PORT. tor"),
        ({"WORLD_SIZE": "abc"}, "WORLD_SIZE is 'abc', and not a whole number from 1. torchrun set"),
        ({"WORLD_SIZE": "0"}, "WORLD_SIZE is '0', and not a whole number from 1. torchrun sets"),
        ({**SET, "RANK": "2"}, "RANK is 2, and WORLD_SIZE 2. torchrun sets WORLD_SIZE, RANK, MAST"),
        ({**SET, "MASTER_PORT": "x"}, "MASTER_PORT is 'x', and not a whole number from 0. torchr"),
        ({**SET, "LOCAL_RANK": "-1"}, "LOCAL_RANK is '-1', and not a whole number from 0. torchr"),
    ],
)
def test_an_environment_that_torchrun_does_not_make_is_told(
    environment, said, given, monkeypatch, capsys
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(given) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"unrolled: {said}") and err.count("\n") == 1


def test_one_process_is_one_process(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert processes.in_one_voice(["train"], lambda given: len(given)) == 1
    assert "unrolled" in sys.modules
