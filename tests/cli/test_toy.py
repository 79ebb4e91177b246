"""The verbs on a toy task: trained until it is solved, measured, gone on with, never generating."""

import json
import re
import shlex

import pytest

from unrolled.tasks.registry import TASKS
from unrolled.tasks.toy import task as toy_task
from unrolled.training.storage.checkpoint import load_checkpoint
from unrolled.training.storage.metrics_log import read_metrics

TOYS = [name for name, entry in TASKS.items() if entry.run == "unrolled.tasks.toy.run"]
SMALL = "--length 6 --hidden-size 16 --batch-size 32 --threads 1 --evaluate-every 25"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(toy_task, "FIRST_LOOK", 100)
    monkeypatch.setattr(toy_task, "SECOND_LOOK", 1000)
    return tmp_path


def typed_next(out):
    """The commands that are proposed, without the program's name."""
    lines = out.partition("\nnext:\n")[2].splitlines()
    return [shlex.join(shlex.split(line, comments=True)[1:]) for line in lines]


def test_a_solved_task_is_measured_and_a_harder_one_proposed(unrolled):
    code, out, err = unrolled(f"train latch {SMALL} --steps 500")
    assert code == 0
    assert re.search(r"solved at step \d+; measuring on the test part\n$", err)
    assert re.search(r"held-out 0\.\d{3} nats, 0\.\d% wrong, after [\d,]+ sequences \(best\)", err)
    title, *figures = out.partition("\n\nnext:")[0].splitlines()
    assert title == "latch of length 6, 10,000 fresh sequences:"
    assert re.fullmatch(r"  lstm 1 x 16     0\.\d{3} nats", figures[0])
    assert figures[1] == "  without memory  0.693 nats"
    assert re.fullmatch(r"  wrong           0\.\d\d% of them: solved \(below 1%\)", figures[2])
    assert typed_next(out) == [
        "evaluate runs/latch-lstm",
        "train latch --cell lstm --length 12",
    ]
    for line in typed_next(out):
        assert unrolled(line)[0] == 0, line


def test_one_that_is_not_solved_can_be_gone_on_with(unrolled, folder):
    code, out, err = unrolled("train adding --shortest 4 --steps 3 --out mine " + SMALL)
    assert code == 0
    assert "budget used at step 3" in err
    assert "adding of length 4 to 6, 10,000 fresh sequences:" in out
    assert re.search(r"without memory +0\.16667 squared error\n", out)
    assert "of them: not solved (below 1%)" in out
    assert typed_next(out) == ["evaluate mine", "resume mine --steps 6"]
    assert unrolled(typed_next(out)[1])[0] == 0
    assert load_checkpoint(folder / "mine").step == 6


def test_evaluate_saves_its_figures_and_takes_no_text(unrolled, folder):
    assert unrolled("train copy --steps 1 --out mine " + SMALL)[0] == 0
    code, out, err = unrolled("evaluate mine --json")
    saved = json.loads((folder / "mine" / "evaluation.json").read_text())
    assert (code, err, json.loads(out)) == (0, "", saved)
    assert (saved["task"], saved["sequences"], saved["solved"]) == ("copy", 10_000, False)
    for more, name in {"book.txt": "data", "--ngram 3": "--ngram"}.items():
        code, out, err = unrolled(f"evaluate mine {more}")
        assert (code, out) == (2, "")
        assert f"unrolled: {name}=" in err
        assert "wanted none: copy has no use for it" in err


def test_generate_says_what_to_do_instead(unrolled):
    assert unrolled("train temporal-order --steps 1 --out mine --length 10 --threads 1")[0] == 0
    code, out, err = unrolled("generate mine")
    assert (code, out) == (2, "")
    assert "a run of temporal-order generates nothing" in err
    assert "`unrolled evaluate mine` says how well" in err


def test_omega_and_lens_are_logged_and_shown(unrolled, folder):
    flags = "--cell rnn --start smart --omega 2 --lens --steps 2 --log-every 1 --out mine "
    code, _, err = unrolled("train latch " + flags + SMALL)
    assert code == 0
    assert re.search(r"^step 1 .* omega [\d.e-]+ ", err, re.MULTILINE)
    lines = list(read_metrics(folder / "mine"))
    assert [line["kind"] for line in lines] == ["train", "train", "validation", "lens"]
    assert all(line["omega"] > 0 for line in lines[:2])
    assert len(lines[3]["layers"]["h (recurrent, layer 0)"]["norms"]) == 6


@pytest.mark.parametrize("name", TOYS)
def test_the_help_of_each_teaches_the_task_and_shows_its_defaults(name, unrolled, capsys):
    with pytest.raises(SystemExit) as ended:
        unrolled(f"train {name} --help")
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"usage: unrolled train {name}" in shown
    assert TASKS[name].about().splitlines()[0] in shown
    assert f"(default: {TASKS[name].defaults().length})" in shown
    assert "--task" not in shown


def test_all_tasks_are_listed(unrolled):
    _, out, _ = unrolled("train")
    assert all(
        re.search(f"^  {name} +{entry.summary}$", out, re.M) for name, entry in TASKS.items()
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("train latch --omega 1", "lstm has the states h, c. Train rnn or rnn_relu"),
        ("train latch --epochs 2", "epochs=2.0 cannot be; wanted none: each step draws new"),
        ("train temporal-order --length 9", "length=9 cannot be; wanted 10 or more"),
        ("train temporal-order --shortest 60", "shortest=60 cannot be; wanted at most length=50"),
        ("train copy --omega -1", "omega=-1.0 cannot be; wanted 0 or more"),
        ("train copy --omega-form mine", "invalid choice 'mine'"),
        ("train adding book.txt", "Unrecognized options: book.txt"),
    ],
)
def test_what_cannot_be_is_said_and_costs_nothing(line, said, unrolled, folder, capsys):
    code, err = typed(unrolled, line, capsys)
    assert code == 2
    assert said in re.sub(r"[\s│]+", " ", err)
    assert [*folder.iterdir()] == []


def typed(unrolled, line, capsys):
    """Exit code and complaint, whether the flags or what they ask for is refused."""
    try:
        code, _, err = unrolled(line)
    except SystemExit as ended:
        return ended.code, capsys.readouterr().err
    return code, err
