"""`unrolled look`: from runs to a page, and what it says on the way."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from unrolled import look, open_run, train
from unrolled.cli.progress import shown_progress
from unrolled.errors import NotLookableError
from unrolled.probe.subject import Looking
from unrolled.tasks import looking
from unrolled.tasks.looking import look_as_typed, look_at_runs

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

    def keep(run, more, *, encoding, how, progress):
        asked.append((run.path, more, encoding, how))
        return SimpleNamespace(words=["Seen \x1b."], save=lambda page: None)

    monkeypatch.setattr(looking, "look_as_typed", keep)
    flags = "--language c --seed 3 --characters 500 --shifts 250 --lens-steps 7 --track as=a+"
    code, out, _ = unrolled(f"look run book.txt --encoding latin-1 {flags}")
    assert (code, out) == (0, "Seen \\x1b.\n\nthe page: run/report.html\n")
    assert unrolled("look run")[0] == 0
    how = Looking(500, "c", ("as=a+",), shifts=250, lens_steps=7, seed=3)
    run = Path("run")
    assert asked == [(run, ("book.txt",), "latin-1", how), (run, (), "utf-8", Looking())]


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


@pytest.fixture
def dates(here):
    """A run that answers texts."""
    (here / "dates.tsv").write_text("".join(f"{n} May\t05-{n}\n" for n in range(10, 30)))
    sizes = {"hidden_size": 4, "embedding_size": 4, "steps": 2, "unit": "characters"}
    return train("translate", here / "dates.tsv", **sizes, out=here / "dates")


def test_texts_that_are_typed_are_looked_at(dates, here, unrolled):
    code, out, _ = unrolled(
        "look dates 9.5.2003", "9 May", "--figures", "pictures", "--out", "page.html"
    )  # fmt: skip
    assert code == 0
    assert out.startswith("9.5.2003 -> ") and "\n9 May -> " in out
    assert "pictures: 4 files in pictures" in out
    assert "<h1>dates (lstm 1 x 4, " in (here / "page.html").read_text()


def test_a_file_after_a_run_that_answers_texts_is_its_examples(dates, here, unrolled):
    (here / "more.tsv").write_text("1 June\t06-01\n")
    code, out, _ = unrolled("look dates more.tsv")
    assert code == 0 and "translated 1 sentences of more.tsv" in out
    assert (here / "dates" / "report.html").exists()


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("look dates --characters 500", "characters=500 cannot be; wanted none: translate has no"),
        ("look dates --track as=a+", "track=.* cannot be; wanted none: translate has no use"),
        ("look dates nothing.tsv", "nothing.tsv"),
        ("look dates dates.tsv book.txt", "DATA=dates.tsv, book.txt cannot be; wanted one file"),
        ("look dates run", "run is a run of char-lm, which has no place here. `unrolled look` ta"),
        ("look run dates", "dates is a run of translate, which has no place here"),
    ],
)
def test_what_does_not_fit_a_run_that_answers_texts_is_said(dates, unrolled, line, complaint):
    code, out, err = unrolled(line)
    assert (code, out) == (2, "")
    assert re.search(f"^unrolled: .*{complaint}", err, re.M)


def test_a_text_that_no_file_can_be_named_is_a_text(dates):
    texts = ["9 May" * 500, "\0", "", "9\udcff May"]
    page = look_as_typed(dates, texts)
    assert len(page.sections[0].parts) == 4
    assert page.words[3].startswith(r"9\udcff May -> ") and page.html.encode()


def test_a_run_of_a_task_without_text_is_refused(here, unrolled):
    toy = train("latch", length=4, hidden_size=4, steps=2, out=str(here / "toy"))
    for seen in (toy.look, lambda: look_at_runs(["toy"]), lambda: look_as_typed(toy)):
        with pytest.raises(NotLookableError, match=r"toy is a run of latch, .* tag or translate\."):
            seen()
