"""Training that is killed at any moment loses no checkpoint and can be gone on with."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.kills.train_lab import CODES
from tests.tasks.tiny_text import kept

import unrolled
from unrolled.errors import NoCheckpointError, NotARunError
from unrolled.training.storage.checkpoint import load_checkpoint
from unrolled.training.storage.checkpoint_names import list_names
from unrolled.training.storage.metrics_log import read_metrics

ROOT = Path(__file__).parents[2]


def lab(folder: Path, *jobs: str) -> None:
    """Let the lab work."""
    command = [sys.executable, "-m", "tests.kills.train_lab", folder, *jobs]
    subprocess.run(command, cwd=ROOT, check=True)


def runs_in(place: Path) -> list[Path]:
    """The folders in which runs were ended."""
    runs = [path.with_suffix("") for path in place.glob("*.ends")]
    return sorted(runs, key=lambda path: int(path.name))


def noted(run: Path) -> list[int]:
    """The steps whose save had returned."""
    notes = run.with_suffix(".saved")
    return [int(step) for step in notes.read_text().split()] if notes.exists() else []


def check_whole(run: Path) -> str:
    """What a kill may leave: nothing yet, a run before its first save, or a run that opens."""
    saved = noted(run)
    if not (run / "config.json").exists():
        assert saved == []
        with pytest.raises(NotARunError, match="is not a run folder"):
            unrolled.open_run(run)
        return "nothing yet"
    if not (run / "LAST").exists():
        assert saved == []
        with pytest.raises(NoCheckpointError, match="has no checkpoint 'last'"):
            unrolled.open_run(run)
        return "no checkpoint yet"
    assert load_checkpoint(run).step >= max(saved, default=0)
    for name in list_names(run):
        load_checkpoint(run, name)
    assert len("".join(unrolled.open_run(run).generate(length=3))) == 3
    steps = [line["step"] for line in read_metrics(run)]
    assert steps == sorted(steps)
    return "a run"


def check_ends(run: Path) -> int:
    """Signals end a run as they should, and soon; how many ended one."""
    ends = [line.split() for line in run.with_suffix(".ends").read_text().splitlines()]
    for number, code, seconds in ends:
        assert int(code) in (0, CODES[int(number)])
        assert float(seconds) < 5.0
    return sum(int(code) != 0 for _, code, _ in ends)


def check_kills(folder: Path, times: int) -> None:
    """No kill leaves anything that cannot be opened and gone on with."""
    runs = runs_in(folder / "kill")
    found = [check_whole(run) for run in runs]
    assert sum(check_ends(run) for run in runs) == times
    assert found.count("a run") >= times // 3  # of few, most may come before the first save
    for run, state in list(zip(runs, found, strict=True))[::9]:
        if state != "nothing yet":
            assert unrolled.resume(run).ending.step == 60
            assert kept(run) == kept(folder / "whole"), run


def check_resumes(folder: Path, kind: str, times: int) -> None:
    """What was ended and resumed is, at its end, the run that nobody ended."""
    runs = runs_in(folder / kind)
    assert sum(check_ends(run) for run in runs) >= times
    for run in runs:
        check_whole(run)
        assert kept(run) == kept(folder / "whole"), run


def test_a_few_kills_lose_no_checkpoint_and_a_resumed_run_ends_as_if_there_were_none(tmp_path):
    lab(tmp_path, "kill:3", "resume:3", "signal:3")
    check_kills(tmp_path, 3)
    check_resumes(tmp_path, "resume", 3)
    check_resumes(tmp_path, "signal", 3)


@pytest.mark.slow
def test_two_hundred_kills_lose_no_checkpoint(tmp_path):
    lab(tmp_path, "kill:200")
    check_kills(tmp_path, 200)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["resume", "signal"])
def test_twenty_resumes_give_the_uninterrupted_run(kind, tmp_path):
    lab(tmp_path, f"{kind}:20")
    check_resumes(tmp_path, kind, 20)
