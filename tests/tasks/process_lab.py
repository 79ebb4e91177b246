"""What each of several processes does that torchrun starts: a few trainings, one after the other.

Started with `python -m torch.distributed.run ... -m tests.tasks.process_lab FOLDER JOB...`.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.tasks.tiny_text import Samples, stopping

import unrolled
from unrolled.tasks.char_lm import task
from unrolled.training.group import join

ROOT = Path(__file__).parents[2]
CALM = {"warmup_steps": 0, "log_every": 1, "evaluate_every": 5, "threads": 1}
TEXT = {**CALM, "hidden_size": 8, "bptt": 16, "validate_characters": 200}
TEXT |= {"batch_size": 5, "steps": 12}  # five streams among two
TAGS = {**CALM, "hidden_size": 6, "embedding_size": 4, "spelling_size": 3, "dropout": 0.0}
TAGS |= {"batch_size": 17, "epochs": 2, "validation": 0.1, "test": 0.1}
SUMS = {**CALM, "hidden_size": 6, "length": 7, "batch_size": 5, "steps": 8}
STOP, STOPPED = 7, 8  # the step with a signal, and the one in which all hear of it


def launch(processes: int, *command: str, **streams) -> subprocess.Popen:
    """Start a module in so many processes."""
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), "-m"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    line = [sys.executable, "-m", *torchrun, *command]
    return subprocess.Popen(line, cwd=ROOT, env=environment, text=True, **streams)


def whole(folder: Path) -> None:
    """A text, tags and sums, learned to the end."""
    unrolled.train("char-lm", folder / "book.txt", **TEXT, out=folder / "text")
    unrolled.train("tag", folder / "tagged.conll", **TAGS, out=folder / "tags")
    unrolled.train("adding", **SUMS, out=folder / "sums")


def stopped(folder: Path, out: str, **text) -> None:
    """A text, until a signal comes to the first process."""
    watcher = stopping(STOP) if join().is_first else Samples()
    run = unrolled.train("char-lm", folder / "book.txt", **text, out=folder / out, watcher=watcher)
    assert (run.ending.step, run.ending.signal) == (STOPPED, signal.SIGTERM)


def halves(folder: Path) -> None:
    """A text with dropout, learned to the end; the same, stopped and gone on with."""
    text = {**TEXT, "dropout": 0.3}
    unrolled.train("char-lm", folder / "book.txt", **text, out=folder / "unstopped")
    stopped(folder, "stopped", **text)
    unrolled.resume(folder / "stopped")


def begun(folder: Path) -> None:
    """A text, learned to its half."""
    stopped(folder, "begun", **TEXT)


def ended(folder: Path) -> None:
    """Another one's half, learned to its end."""
    unrolled.resume(folder / "to end")


JOBS = {"whole": whole, "halves": halves, "begun": begun, "ended": ended}

if __name__ == "__main__":
    task.SAMPLE_LENGTH = 20
    for job in sys.argv[2:]:
        JOBS[job](Path(sys.argv[1]))
