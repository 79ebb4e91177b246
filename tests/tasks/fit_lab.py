"""What each of two processes does with `unrolled.fit`: it trains, stops, and goes on.

Started with `python -m torch.distributed.run ... -m tests.tasks.fit_lab FOLDER`.
"""

import sys
from pathlib import Path

import torch
from tests.tasks.own_models import CALM, dropping, shuffled, straight, weighed
from tests.tasks.tiny_text import stopping

import unrolled
from unrolled.training.group import join

STEPS, STOP = 8, 4
SHARED = {**CALM, "steps": STEPS, "learning_rate": 0.05}


def batches():
    """Seven batches of one row to four: the second process has none in the last step of a pass."""
    rows = shuffled().dataset[:]
    sizes = [4, 3, 1, 4, 4, 2, 4]
    return list(zip(*(part.split(sizes) for part in rows), strict=True))


def work(folder: Path) -> None:
    """Train three runs."""
    unrolled.fit(straight(), batches(), weighed, out=folder / "shared", **SHARED)
    unrolled.fit(dropping(), shuffled(), weighed, out=folder / "whole", **SHARED)
    stopped = {**SHARED, "watcher": stopping(STOP) if join().is_first else None}
    unrolled.fit(dropping(), shuffled(), weighed, out=folder / "run", **stopped)
    again = unrolled.fit(
        dropping(9), shuffled(), weighed, out=folder / "run", resume=True, watcher=None
    )
    assert again.ending.step == STEPS


if __name__ == "__main__":
    torch.set_num_threads(1)
    work(Path(sys.argv[1]))
