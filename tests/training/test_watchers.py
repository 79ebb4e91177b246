"""What is shown of a run: plain lines in a pipe, a bar in a terminal, and never a raw control."""

import io
import sys

import pytest

from unrolled.training.display import Live
from unrolled.training.watchers import Lines, Silent, Standing, clean, watcher_for


@pytest.fixture
def standing():
    standing = Standing(unit="bpc", items="characters")
    standing.step, standing.done, standing.loss, standing.rate = 1234, 0.5, 2.34567, 12345.6
    return standing


def test_a_standing_in_one_line(standing):
    assert standing.line() == "step 1,234   50%  train 2.346 bpc  12,346 characters/s"
    standing.validation, standing.left = 2.5, 61.0
    assert standing.line() == (
        "step 1,234   50%  train 2.346 bpc  held-out 2.500  12,346 characters/s  1:01 left"
    )
    standing.left = 3661.0
    assert standing.line().endswith("  1:01:01 left")
    standing.error, standing.penalty = 0.125, ("omega", 0.031)
    assert "held-out 2.500  wrong 12.5%  omega 0.031  12,346 " in standing.line()


def test_an_evaluation_in_one_line():
    standing = Standing(unit="squared error", items="sequences", digits=5)
    standing.validation = 0.0012345
    line = "step 1,000: held-out 0.00123 squared error"
    assert standing.evaluation_line(step=1000, items=64_000) == line
    standing.error = 0.0312
    wrong = ", 3.1% wrong, after 64,000 sequences"
    assert standing.evaluation_line(step=1000, items=64_000) == line + wrong


def test_plain_lines_come_now_and_then(standing, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    stream = io.StringIO()
    lines = Lines(stream, every=10.0)
    for seconds in (0, 1, 9.9, 10, 15, 20.5):
        now[0] = 100.0 + seconds
        standing.step = int(seconds)
        lines.step(standing)
    shown = stream.getvalue().splitlines()
    assert [line.split()[1] for line in shown] == ["0", "10", "20"]


def test_a_sample_is_indented_and_cleaned():
    stream = io.StringIO()
    Lines(stream).show_sample("one\ntwo\x1b[2J\x07\x9b31m\x7f\ttab\r")
    assert stream.getvalue() == "  | one\n  | two\\x1b[2J\\x07\\x9b31m\\x7f\ttab\\r\n"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("héllo €\n\t", "héllo €\n\t"),
        ("\x00\x08", "\\x00\\x08"),
        ("\u202eback", "\\u202eback"),  # turns the direction of what follows
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
    ids=ascii,
)
def test_clean_escapes_what_could_drive_a_terminal(raw, shown):
    assert clean(raw) == shown


def test_a_reader_who_has_left_does_not_end_the_training(standing):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    lines = Lines(Closed())
    lines.step(standing)
    lines.say("more")
    assert lines.close() is None


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_watcher_fits_the_stream(monkeypatch):
    assert isinstance(watcher_for(io.StringIO()), Lines)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert isinstance(watcher_for(sys.stderr), Live)


def test_the_display_touches_the_terminal_only_from_the_first_step_to_the_end(
    standing, monkeypatch
):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    live = Live()
    live.say("reading")
    assert terminal.getvalue() == "reading\n"
    live.step(standing)
    assert "\x1b[?25l" in terminal.getvalue(), "the cursor is hidden"
    assert "step 1,234" in terminal.getvalue()
    live.show_sample("a\x1b[2Jb [bold]c")
    live.say("[red]not markup\x1b[2J")
    live.close()
    shown = terminal.getvalue()
    assert "a\\x1b[2Jb [bold]c" in shown
    assert "[red]not markup\\x1b[2J" in shown
    assert "\x1b[2J" not in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l"), "the cursor is back"


def test_a_display_that_was_never_started_can_be_closed(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    Live().close()
    assert "\x1b[?25l" not in terminal.getvalue()


def test_silence_says_nothing(standing, capsys):
    watcher = Silent()
    watcher.step(standing)
    watcher.say("x")
    watcher.show_sample("x")
    watcher.close()
    assert capsys.readouterr() == ("", "")


def test_what_is_left_is_told_of_the_time_before_the_step_which_may_have_been_long():
    """A minute's budget, of which 0.6 seconds were used before a first step of 5 seconds."""
    standing = Standing(unit="nats", items="texts")
    standing.note_step(1.0, step=1, done=0.01, items=64, began=0.6, seconds=5.6)
    assert standing.left == pytest.approx(59.4)
    standing.note_step(1.0, step=1, done=0.0, items=64, began=0.0, seconds=5.0)
    assert "left" not in standing.line()
