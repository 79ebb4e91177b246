"""`unrolled generate` for runs that answer: arguments, pipes, flags that do not fit."""

import io
import sys

import pytest

from unrolled.cli.generate import AT_ONCE, _answered, _decoded
from unrolled.cli.progress import waiting
from unrolled.errors import LineError, SamplingError, SettingError, UndecodedError

TINY = "--steps 2 --threads 1 --hidden-size 4 --embedding-size 4"


@pytest.fixture
def tags(tmp_path, monkeypatch, unrolled):
    """A folder with a run of tag."""
    monkeypatch.chdir(tmp_path)
    lines = "".join(f"w{n}/A x/B\n" for n in range(60))
    (tmp_path / "words.txt").write_text(lines)
    assert unrolled(f"train tag words.txt --out run {TINY} --spelling-size 4")[0] == 0


def typed(monkeypatch, text):
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_a_text_is_answered_in_a_line(tags, unrolled):
    code, out, err = unrolled("generate run", "w1 x")
    assert (code, err) == (0, "")
    assert [word[:-1] for word in out.split()] == ["w1/", "x/"] and out.count("\n") == 1


@pytest.mark.parametrize("input", ["", "-"])
def test_a_pipe_is_answered_line_by_line(tags, unrolled, monkeypatch, input):
    count = AT_ONCE + 3
    typed(monkeypatch, "".join(f"w{n} x\n" for n in range(count)))
    code, out, _ = unrolled(f"generate run {input}")
    lines = out.splitlines()
    assert code == 0 and len(lines) == count
    assert [line.split("/")[0] for line in lines] == [f"w{n}" for n in range(count)]


def test_an_empty_line_has_an_empty_answer_and_no_line_has_none(tags, unrolled, monkeypatch):
    typed(monkeypatch, "x\n\nx\n")
    assert [bool(line) for line in unrolled("generate run")[1].split("\n")] == [1, 0, 1, 0]
    typed(monkeypatch, "")
    assert unrolled("generate run") == (0, "", "")


class Answering:
    """Answers what is not empty; of a flag it may have something to say."""

    def answers(self, texts, beam=1):
        if not beam:
            raise SamplingError(option="beam", got=beam, wanted="1 or more")
        if "" in texts:
            raise SettingError(name="input", got="''", wanted="a text")
        return [text.upper() for text in texts]


def test_a_bad_line_is_named_after_the_answers_of_those_before_it():
    answered, lines = [], [*enumerate(["a", "b", "", "c"], start=7)]
    with pytest.raises(LineError, match=r"line 9 of standard input: input='' cannot be"):
        answered.extend(_answered(Answering(), lines, {}))
    assert answered == ["A", "B"]
    with pytest.raises(SamplingError, match="^beam=0 cannot be"):
        list(_answered(Answering(), lines, {"beam": 0}))


def test_whoever_types_a_bad_line_may_type_another(unrolled, tags, monkeypatch):
    line = "w\udce9\n"
    typed(monkeypatch, f"w1\n{line}w2\n")
    assert unrolled("generate run")[0] == 2
    typed(monkeypatch, f"w1\n{line}w2\n")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    code, out, err = unrolled("generate run")
    assert (code, [word[:2] for word in out.split()]) == (0, ["w1", "w2"])
    told = err.splitlines()
    assert told[0] == "a text a line; Ctrl-D ends" and len(told) == 2
    assert told[1].startswith("unrolled: line 2 of standard input: byte 0xe9 fits no character")


def test_bytes_that_are_no_text_are_told_by_their_line(tags, unrolled, monkeypatch):
    pipe = io.TextIOWrapper(io.BytesIO(b"w1\rx\r\nw\xe9 x\nw2 x\n"), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", pipe)
    code, out, err = unrolled("generate run")
    assert (code, out.count("\n"), out[:3]) == (2, 1, "w1/")
    assert err.startswith("unrolled: line 2 of standard input: byte 0xe9 fits no character of utf")
    with pytest.raises(UndecodedError, match=r"0xff fits no .* `iconv -f latin-1 -t utf-8`"):
        _decoded("a\udcff")


def test_waiting_is_told_in_a_terminal_alone(capsys, monkeypatch):
    with waiting("loading"):
        assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with waiting("loading"):
        assert capsys.readouterr().err == "loading ...\r"
    assert capsys.readouterr().err == "\x1b[K"


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ("--length 5", "--length=5"),
        ("--temperature 0.5", "--temperature=0.5"),
        ("--greedy", "--greedy=True"),
        ("--beam 2", "--beam=2"),
        ("--length-penalty 1", "--length-penalty=1.0"),
        ("--seed 3", "--seed=3"),
    ],
)
def test_flags_of_other_tasks_are_refused(tags, unrolled, flags, name):
    code, out, err = unrolled(f"generate run x {flags}")
    assert (code, out) == (2, "")
    assert err.startswith(f"unrolled: {name}") and "wanted none: tag has no use for it" in err


def test_a_character_model_reads_all_of_a_pipe_and_goes_on(here, unrolled, monkeypatch):
    typed(monkeypatch, "It was\na ")
    code, out, _ = unrolled("generate run - --length 10")
    assert code == 0 and out.startswith("It was\na ") and len(out) == len("It was\na ") + 11
    code, _, err = unrolled("generate run It --length-penalty 1")
    assert code == 2 and "char-lm has no use for it" in err


def test_a_forecast_reads_no_text(tmp_path, monkeypatch, unrolled):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{n % 7}\n" for n in range(200))
    (tmp_path / "week.csv").write_text("day\n" + rows)
    flags = "--window 8 --steps 2 --threads 1 --hidden-size 4"
    assert unrolled(f"train series week.csv --out run {flags}")[0] == 0
    code, out, _ = unrolled("generate run")
    assert code == 0 and out.splitlines()[0] == "step,day" and len(out.splitlines()) == 2
    code, _, err = unrolled("generate run Monday")
    assert code == 2 and "input=Monday cannot be; wanted none" in err


def test_evaluate_takes_the_beams_of_a_translator_alone(tmp_path, monkeypatch, unrolled):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pairs.tsv").write_text("".join(f"a{n}\tb{n}\n" for n in range(90)))
    assert unrolled(f"train translate pairs.tsv --out run {TINY}")[0] == 0
    code, out, _ = unrolled("evaluate run --beam 2 --length-penalty 0.5")
    assert code == 0 and "sentences, beam 2:" in out
    code, _, err = unrolled("evaluate run --ngram 2")
    assert code == 2 and "ngram=2 cannot be; wanted none: translate has no use for it" in err
    assert len(unrolled("generate run a1 --beam 2")[1].splitlines()) == 1
