"""The command as a process: in a pipe that closes, in a terminal, and under signals."""

import contextlib
import io
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.tasks.tiny_text import SMALL

from unrolled.cli import main
from unrolled.cli.generate import _write
from unrolled.training.storage.checkpoint import load_checkpoint

COMMAND = [sys.executable, "-m", "unrolled"]
FOREVER = f"train char-lm book.txt {SMALL} --steps 1000000 --evaluate-every 1000000 --out new"


@pytest.fixture
def start(here):
    """Starts the command; whatever still runs at the end of the test is killed."""
    started = []

    def start(line, **streams):
        piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        started.append(subprocess.Popen([*COMMAND, *line.split()], **piped, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_for_training(process):
    """Read until the first line about a step."""
    for line in process.stderr:
        if line.startswith("step "):
            return


def test_a_reader_who_has_enough_ends_generate_quietly(start):
    process = start("generate run --length 1000000 It")
    assert process.stdout.read(50)[:2] == "It"
    process.stdout.close()
    assert process.wait(20) == 0
    assert process.stderr.read() == ""


def test_a_reader_of_the_progress_who_leaves_ends_no_training(here, start):
    process = start(f"train char-lm book.txt {SMALL} --steps 30 --evaluate-every 5 --out new")
    wait_for_training(process)
    process.stderr.close()
    out = process.stdout.read()
    assert process.wait(30) == 0
    assert "\nnext:\n" in out
    assert load_checkpoint(here / "new").step == 30


def test_a_full_disk_under_the_output_is_told(here, monkeypatch, capsys):
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["generate", "run", "--length", "20"]) == 2
    message = "unrolled: the system refuses: No space left on device.\n"
    assert capsys.readouterr().err == message


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)],
)
def test_a_signal_saves_and_says_how_to_go_on(number, code, here, start):
    process = start(FOREVER)
    wait_for_training(process)
    sent = time.monotonic()
    process.send_signal(number)
    assert process.wait(20) == code
    assert time.monotonic() - sent < 5
    out, err = process.communicate()
    step = load_checkpoint(here / "new").step
    assert out == f"stopped and saved at step {step:,}. To go on:\n  unrolled resume new\n"
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_second_ctrl_c_ends_it_at_once(here, start):
    """The step that the first one waits for takes minutes: the whole of a long text."""
    (here / "long.txt").write_text((here / "book.txt").read_text() * 100)
    process = start("train char-lm long.txt --bptt 0 --batch-size 1 --hidden-size 700 --out new")
    while not (here / "new" / "LAST").exists():
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(2.0)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None, "the first waits for its step"
    assert any(ends_by_ctrl_c(process) for _ in range(3))  # one may come while one is pending
    out, err = process.communicate()
    assert (process.returncode, out, err) == (130, "", "")
    assert load_checkpoint(here / "new").step == 0


def ends_by_ctrl_c(process):
    """Whether the process ends within 8 seconds of a Ctrl-C."""
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(8)
    return process.poll() is not None


def in_terminal(line, *, until, type_):
    """Run the command in a terminal, type something when it shows something; code and screen."""
    child, terminal = pty.fork()
    if child == 0:
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
        os.execve(sys.executable, [*COMMAND, *line.split()], environment)
    screen, typed = b"", False
    while chunk := read(terminal):
        screen += chunk
        if not typed and until in screen:
            os.write(terminal, type_)
            typed = True
    os.close(terminal)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, screen.decode()


def read(terminal):
    """What is shown next; nothing when the process has left its terminal."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


@pytest.mark.filterwarnings("ignore:.*JAX is multithreaded:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # it execs at once
def test_in_a_terminal_a_bar_moves_samples_are_escaped_and_ctrl_c_saves(here):
    (here / "bell.txt").write_text("ring\x07 \x1b[2J\x9b31m the bells\n" * 100)
    line = FOREVER.replace("book", "bell").replace("every 1000000", "every 20")
    code, screen = in_terminal(line, until=b"step 40: held-out", type_=b"\x03")
    assert code == 130
    assert "unrolled resume new" in screen
    assert "━" in screen, "a bar"
    assert "a sample" in screen
    assert re.search(r"\\x07|\\x1b|\\x9b", screen), "as it is shown"
    assert not {"\x07", "\x9b"} & set(screen)
    assert "\x1b[2J" not in screen
    assert screen.rindex("\x1b[?25h") > screen.rindex("\x1b[?25l"), "the cursor is back"


def test_what_is_generated_is_escaped_in_a_terminal_alone(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream, shown in ((Terminal(), "a\\x1b[2J\\x07\n"), (io.StringIO(), "a\x1b[2J\x07\n")):
        monkeypatch.setattr(sys, "stdout", stream)
        _write("a\x1b[2J\x07\n")
        assert stream.getvalue() == shown
