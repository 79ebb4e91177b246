"""Each verb does what its help says, exits with 0, and says what to type next."""

import json
import re
import shlex

import pytest
from tests.tasks.tiny_text import SMALL

from unrolled import __version__
from unrolled.cells import GALLERY
from unrolled.cli import VERBS
from unrolled.training.storage.checkpoint import load_checkpoint

FIGURES = re.compile(r"  lstm 1 x 8 +\d\.\d{3} bits per character \(\d\.\d{3} nats\)")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_help_that_lists_its_flags(verb, unrolled, capsys):
    if verb == "train":
        code, out, _ = unrolled("train --help")
        assert (code, out.startswith("usage: unrolled train TASK [DATA]")) == (0, True)
        verb = "train char-lm"
    with pytest.raises(SystemExit) as ended:
        unrolled(f"{verb} --help")
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert f"usage: unrolled {verb}" in shown
    assert "-h, --help" in shown


@pytest.mark.parametrize("line", ["", "--help", "-h", "help"])
def test_without_a_verb_all_are_listed(line, unrolled):
    code, out, err = unrolled(line)
    assert (code, err) == (0, "")
    assert all(f"  {verb} " in out for verb in VERBS)
    assert "unrolled train char-lm" in out


@pytest.mark.parametrize("line", ["--version", "-V"])
def test_the_version(line, unrolled):
    assert unrolled(line) == (0, f"unrolled {__version__}\n", "")


def test_train_shows_plain_lines_figures_a_sample_and_what_to_type_next(here, unrolled):
    code, out, err = unrolled(f"train char-lm book.txt --steps 9 --evaluate-every 4 {SMALL}")
    assert code == 0
    assert "\x1b" not in out + err, "no display where there is no terminal"
    assert re.search(r"^step 1 +0%  train \d", err, re.MULTILINE)
    assert [f"step {step}: held-out" in err for step in (4, 8, 9)] == [True] * 3
    assert err.count("\n  | ") >= 3, "samples"
    assert err.endswith("budget used at step 9; measuring on the test part\n")
    assert FIGURES.search(out)
    assert re.search(r"  Witten-Bell 3-gram +\d\.\d{3} bits per character", out)
    assert "\nit writes, at temperature 0.7:\n" in out
    assert (here / "runs" / "char-lm-lstm" / "config.json").exists()
    following = out.partition("\nnext:\n")[2].splitlines()
    for line in following:
        words = shlex.split(line, comments=True)
        assert words[0] == "unrolled"
        assert unrolled(shlex.join(words[1:]))[0] == 0, line
    assert load_checkpoint(here / "runs" / "char-lm-lstm").step == 18, "as long again"


def test_what_to_type_next_is_quoted(here, unrolled):
    code, out, _ = unrolled(f"train char-lm book.txt --steps 1 {SMALL} --out", "my run; $x")
    assert code == 0
    next_line = out.partition("\nnext:\n")[2].splitlines()[0]
    words = shlex.split(next_line)
    assert words[:2] == ["unrolled", "generate"]
    assert words[2] == "my run; $x"


def test_generate_writes_the_prime_and_as_many_characters(here, unrolled):
    code, out, err = unrolled("generate run --length 30 cold --seed 3")
    assert (code, err) == (0, "")
    assert (out[:4], len(out)) == ("cold", 4 + 30 + 1)
    assert unrolled("generate run --length 30 cold --seed 3")[1] == out
    assert unrolled("generate run --length 30 cold --seed 4")[1] != out


def test_generate_in_other_ways(here, unrolled):
    greedy = unrolled("generate run --length 20 --greedy")[1]
    assert unrolled("generate run --length 20 --temperature 0")[1] == greedy
    assert unrolled("generate run --length 20 --beam 1")[1] == greedy
    assert unrolled("generate run --length 20 --top-k 1 --seed 8")[1] == greedy
    assert len(unrolled("generate run --length 20 --beam 40 It")[1]) == 23
    warm = unrolled("generate run --length 20 --temperature 1e-45 --top-p 0.5")
    assert warm == (0, greedy, "")


def test_evaluate_prints_and_saves_the_figures(here, unrolled):
    code, out, err = unrolled("evaluate run")
    assert (code, err) == (0, "")
    assert out.startswith("the test part of book.txt, ")
    assert FIGURES.search(out)
    saved = json.loads((here / "run" / "evaluation.json").read_text())
    assert saved["text"] == "the test part of book.txt"
    code, out, _ = unrolled("evaluate run book.txt --json")
    assert (code, json.loads(out)["text"]) == (0, "book.txt (which the model learned from)")
    assert json.loads((here / "run" / "evaluation.json").read_text()) == json.loads(out)
    (here / "piece.txt").write_text((here / "book.txt").read_text()[:999])
    assert unrolled("evaluate run piece.txt")[1].startswith("piece.txt, 999 characters:")


def test_figures_are_shown_even_where_they_cannot_be_saved(here, unrolled):
    (here / "run" / "evaluation.json").mkdir()
    code, out, err = unrolled("evaluate run")
    assert code == 2
    assert FIGURES.search(out)
    assert "evaluation.json could not be written: Is a directory" in err


def test_resume_goes_on_to_the_new_limit(here, unrolled):
    code, out, err = unrolled("resume run --steps 15 --threads 1")
    assert (code, "budget used at step 15" in err) == (0, True)
    assert FIGURES.search(out)


def test_cell_lists_the_gallery(unrolled):
    code, out, err = unrolled("cell")
    assert (code, err) == (0, "")
    listed = [line.split()[0] for line in out.splitlines()[1 : len(GALLERY) + 1]]
    assert listed == list(GALLERY)


@pytest.mark.parametrize("name", ["lstm", "rhn:3", "gru+zoneout:0.1", "lstm_projected", "mut1"])
def test_cell_prints_equations_latex_and_parameters(name, unrolled):
    code, out, err = unrolled(f"cell {name}")
    assert (code, err) == (0, "")
    latex = unrolled(f"cell {name} --latex")[1]
    assert latex.strip() in out
    assert "\\" in latex
    assert "parameter    shape" in out
    assert "\nstates: h" in out
    assert "\nin all: " in out


MINE = '''
from pathlib import Path
from unrolled import cell, tanh

Path("executed").touch()

@cell
def mine(x, h, *, W, b):
    """My unit."""
    return tanh(W.xh @ x + W.hh @ h + b.h)

raise SystemExit("executed")
'''


def test_a_cell_of_ones_own_is_printed_and_trained_and_its_file_never_executed(here, unrolled):
    (here / "mine.py").write_text(MINE)
    code, out, err = unrolled("cell mine.py:mine")
    assert (code, err, out.startswith("mine: My unit.")) == (0, "", True)
    code, out, _ = unrolled(
        f"train char-lm book.txt --cell mine.py:mine --steps 2 {SMALL} --out mine"
    )
    assert (code, "  mine 1 x 8 " in out) == (0, True)
    assert not (here / "executed").exists()
    (here / "mine.py").unlink()
    assert unrolled("generate mine --length 5")[0] == 0
    assert unrolled("resume mine --steps 3")[0] == 0


def test_data_lists_the_sets(unrolled):
    code, out, err = unrolled("data")
    assert (code, err) == (0, "")
    assert "python (the default): " in out
    assert "shakespeare: " in out


def test_text_beside_the_terminals_alphabet_is_escaped(here, unrolled, capsys):
    """What standard output cannot encode is shown as an escape."""
    import io
    import sys

    (here / "é.txt").write_text("héllo wörld € " * 60)
    assert unrolled(f"train char-lm é.txt --steps 2 {SMALL} --out accents")[0] == 0
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    before, sys.stdout = sys.stdout, narrow
    code = unrolled("generate accents --length 80 é")[0]
    sys.stdout = before
    assert code == 0
    assert narrow.buffer.getvalue().startswith(b"\\xe9")
