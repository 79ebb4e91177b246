"""A process that trains in copies of itself, and ends them in the middle of it.

Started with `python -m`, so that torch is imported once and a fork is quick. A copy runs the
command's own `main`; beside its run folder it notes, in `RUN.saved`, each step whose save has
returned, and in `RUN.ends` how its life ended.
"""

import contextlib
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from tests.tasks.tiny_text import BOOK

from unrolled.cli import main as unrolled_command
from unrolled.cli import reports
from unrolled.tasks.char_lm import task
from unrolled.training.storage.run_folder import RunFolder

FLAGS = """--cell gru+zoneout:0.1 --num-layers 2 --dropout 0.3 --hidden-size 8 --batch-size 4
--bptt 16 --validate-characters 200 --evaluate-every 20 --save-seconds 0.15 --threads 1
--schedule linear --log-every 3 --steps 60""".split()
SAVE = RunFolder.save
Numbers = tuple[signal.Signals, ...]
CODES = {signal.SIGKILL: 137, signal.SIGTERM: 143, signal.SIGINT: 130}


def note_saves(notes: Path) -> None:
    """From now on write down each step whose save has returned."""
    file = notes.open("a", buffering=1)

    def noted(run, checkpoint, **options):
        SAVE(run, checkpoint, **options)
        print(checkpoint.step, file=file)

    RunFolder.save = noted


def live(arguments: list[str], run: Path) -> int:
    """The life of a copy: the command, its exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    note_saves(run.with_suffix(".saved"))
    with Path(os.devnull).open("w") as nowhere:
        with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            return unrolled_command(arguments)


def fork(arguments: list[str], run: Path) -> int:
    """Start a copy that runs the command; its process id."""
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(KeyboardInterrupt):
            code = 130
            code = live(arguments, run)
        os._exit(code)
    return child


def wait(child: int) -> int:
    """How a copy ended, as a shell tells it."""
    status = os.waitpid(child, 0)[1]
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def interrupt(arguments: list[str], run: Path, number: signal.Signals, after: float) -> int:
    """Run the command, send it a signal after some seconds, and note how it ended."""
    child = fork(arguments, run)
    time.sleep(after)
    os.kill(child, number)
    sent = time.monotonic()
    code = wait(child)
    with run.with_suffix(".ends").open("a") as ends:
        print(number.value, code, f"{time.monotonic() - sent:.3f}", file=ends)
    return code


def train(book: Path, run: Path) -> list[str]:
    """The command that starts a run."""
    return ["train", "char-lm", str(book), "--out", str(run), *FLAGS]


def kill(book: Path, place: Path, times: int, *, longest: float) -> None:
    """Kill so many runs, each once, at moments that follow from nothing in the code."""
    moments, killed, at = random.Random(7), 0, 0
    while killed < times:
        run, at = place / f"{at}", at + 1
        code = interrupt(train(book, run), run, signal.SIGKILL, moments.uniform(0, longest))
        killed += code != 0  # some are at their end already


def resume(book: Path, place: Path, times: int, *, numbers: Numbers, longest: float) -> None:
    """Interrupt and resume runs until there were so many resumes, and let each run end."""
    moments, resumes, at = random.Random(8), 0, 0
    while resumes < times:
        run, at = place / f"{at}", at + 1
        command, code = train(book, run), 1
        while code != 0 and resumes < times:
            code = interrupt(command, run, moments.choice(numbers), moments.uniform(0, longest))
            if code != 0 and (run / "config.json").exists():
                command, resumes = ["resume", str(run)], resumes + 1
        assert code == 0 or wait(fork(command, run)) == 0


def work(folder: Path, jobs: list[str]) -> None:
    """Do jobs such as `kill:200`, `resume:20` and `signal:20`, beside a run that nobody ends."""
    book = folder / "book.txt"
    book.write_text(BOOK)
    # Here, not in a copy: what it imports and traces, no copy has to.
    assert live(train(book, folder / "first"), folder / "first") == 0
    start = time.monotonic()
    assert wait(fork(train(book, folder / "whole"), folder / "whole")) == 0
    lasts = time.monotonic() - start
    for kind, number in (job.split(":") for job in jobs):
        place = folder / kind
        place.mkdir()
        if kind == "kill":
            kill(book, place, int(number), longest=lasts)
        else:
            numbers = (signal.SIGKILL,) if kind == "resume" else (signal.SIGTERM, signal.SIGINT)
            resume(book, place, int(number), numbers=numbers, longest=lasts / 2)


if __name__ == "__main__":
    torch.set_num_threads(1)
    task.SAMPLE_LENGTH = reports._SAMPLE = 20
    work(Path(sys.argv[1]), sys.argv[2:])
