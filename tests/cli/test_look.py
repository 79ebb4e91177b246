"""`unrolled look`: from runs to a page, and what it says on the way."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from unrolled import look, open_run, train
from unrolled.cli.progress import shown_progress
from unrolled.errors import NoTextError
from unrolled.probe.subject import Looking
from unrolled.tasks import looking
from unrolled.tasks.looking import look_at_runs

QUICK = "--characters 600 --shifts 199 --lens-steps 8"


def content(page):
    text = page.read_text()
    start = text.index('id="content">') + len('id="content">')
    return json.loads(text[start : text.index("</script>", start)])


def test_a_run_becomes_a_page_and_words(here, unrolled):
    code, out, err = unrolled(f"look run book.txt --track as=a+ {QUICK} --figures pictures")
    assert code == 0
    assert out.startswith("run (cell lstm, layers 1, units ")
    assert "read 600 characters" in out
    assert "the page: run/report.html" in out
    assert "  0%  telling what the text does" in err
    assert "100%  making the page" in err
    (run,) = content(here / "run" / "report.html")["runs"]
    assert run["tracks"][0]["name"] == "as"
    names = {path.name for path in (here / "pictures").iterdir()}
    assert {"scores.png", "scores.svg", "texts.svg", "gates.png"} <= names
    assert f"pictures: {len(names)} files in pictures" in out


def test_what_is_typed_reaches_what_looks(here, unrolled, monkeypatch):
    asked = []

    def keep(folders, data, encoding, *, how, progress):
        asked.append((folders, data, encoding, how))
        return SimpleNamespace(words=["Seen."], save=lambda page: None)

    monkeypatch.setattr(looking, "look_at_runs", keep)
    flags = "--language c --seed 3 --characters 500 --shifts 250 --lens-steps 7 --track as=a+"
    code, out, _ = unrolled(f"look run book.txt --encoding latin-1 {flags}")
    assert (code, out) == (0, "Seen.\n\nthe page: run/report.html\n")
    assert unrolled("look run")[0] == 0
    how = Looking(500, "c", ("as=a+",), shifts=250, lens_steps=7, seed=3)
    runs = [Path("run")]
    assert asked == [(runs, "book.txt", "latin-1", how), (runs, None, "utf-8", Looking())]


def test_a_line_is_printed_once_for_each_thing_that_is_done(capsys):
    with shown_progress() as progress:
        for what, share in [("reading", 0.0), ("reading", 0.3), ("finding", 0.5), ("reading", 1)]:
            progress(what, share)
    assert capsys.readouterr().err.splitlines() == [
        "  0%  reading", " 50%  finding", "100%  reading",
    ]  # fmt: skip


def test_several_runs_read_the_same_text(here, unrolled):
    text = (here / "book.txt").read_text()[:700]
    (here / "piece.txt").write_text(text)
    train("char-lm", here / "book.txt", cell="gru", hidden_size=8, steps=3, out=here / "other")
    code, out, _ = unrolled(f"look run other piece.txt {QUICK} --out both.html")
    assert code == 0
    assert "other (cell gru" in out
    first, second = content(here / "both.html")["runs"]
    assert first["text"] == second["text"] != ""
    assert first["text"] in text
    assert (first["name"], second["name"]) == ("run", "other")


def test_a_run_shows_itself_in_a_notebook(here):
    report = open_run("run").look(how=Looking(characters=450, shifts=199, lens_steps=4))
    assert report._repr_html_().startswith('<iframe srcdoc="&lt;!doctype html&gt;')
    assert report.title == "run"
    assert report.words[0].startswith("run (cell lstm")


def test_a_network_of_ones_own_is_looked_at_without_a_run(here):
    run = open_run("run")
    text, vocabulary = (here / "book.txt").read_text()[:450], "".join(run.alphabet.symbols)
    how = Looking(characters=450, shifts=199, lens_steps=4)
    own = look(run.model, text, vocabulary, how=how).seen["LanguageModel"]
    from_run = run.look("book.txt", how=how).seen["run"]
    np.testing.assert_array_equal(own.tape.log_likelihood, from_run.tape.log_likelihood)
    assert "nothing is known of the training text" in own.notes[0]


def test_bytes_are_read_as_bytes(here):
    train("char-lm", here / "book.txt", bytes=True, hidden_size=8, steps=3, out=here / "bytes")
    seen = open_run("bytes").look(how=Looking(characters=450, shifts=199, lens_steps=4)).seen
    assert len(seen["bytes"].subject.symbols) == 256
    assert seen["bytes"].text in (here / "book.txt").read_text()


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("look nowhere", "nowhere"),
        ("look run --characters 1", "characters.* 2 or more"),
        ("look run --shifts 10", "shifts.* 199 or more"),
        ("look run nothing.txt", "nothing.txt"),
        ("look run --track a=(", r"a.*at character 1"),
        ("look run odd.txt", "600 characters of the text .*'α'"),
        ("look run --out book.txt/page.html", "book.txt could not be written: "),
        ("look run --figures book.txt", "book.txt could not be written: "),
    ],
)
def test_what_cannot_be_looked_at_is_said(here, unrolled, line, complaint):
    (here / "odd.txt").write_text("αβγ" * 200)
    code, out, err = unrolled(line)
    assert (code, out) == (2, "")
    assert re.search(f"^unrolled: .*{complaint}", err, re.M)


def test_a_run_of_a_task_without_text_is_refused(here, unrolled):
    train("latch", length=4, hidden_size=4, steps=2, out=str(here / "toy"))
    with pytest.raises(NoTextError, match=r"toy is a run of the task latch, which reads no text"):
        look_at_runs(["toy"])
