"""Whatever kills a process that saves, a good checkpoint loads and nothing is left lying about."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.training.storage.kill_lab import checkpoint_of

from unrolled.training.storage.checkpoint import load_checkpoint
from unrolled.training.storage.checkpoint_names import list_names
from unrolled.training.storage.durable import DISCARDED, UNFINISHED
from unrolled.training.storage.metrics_log import read_metrics
from unrolled.training.storage.run_folder import create_run, open_run

ROOT = Path(__file__).parents[3]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with two checkpoints, and with what an earlier kill has left."""
    with create_run(tmp_path / "run", {"cell": "lstm"}) as run:
        for step, best in [(50, True), (100, False)]:
            run.append_metrics({"step": step, "loss": 1.0 / step})
            run.save(checkpoint_of(step), best=best)
    (tmp_path / "run" / "checkpoints" / ".tmp-000000150").mkdir()
    (tmp_path / "run" / "checkpoints" / ".tmp-000000150" / "weights.safetensors").write_bytes(
        b"half"
    )
    (tmp_path / "run" / ".tmp-LAST").write_bytes(b"0000")
    with (tmp_path / "run" / "metrics.jsonl").open("a") as metrics:
        metrics.write('{"step": 150, "loss": 0.1}\n{"step": 15')
    return tmp_path / "run"


def kill_all(run: Path, *jobs: str) -> list[Path]:
    """Let the lab kill; the folders that its victims have left."""
    targets = run.parent / "victims"
    targets.mkdir()
    command = [sys.executable, "-m", "tests.training.storage.kill_lab", run, targets, *jobs]
    subprocess.run(command, cwd=ROOT, check=True)
    return sorted(path for path in targets.glob("*/*") if path.suffix == "")


def assert_loads(path: Path, which: str) -> int:
    loaded = load_checkpoint(path, which)
    wanted = checkpoint_of(loaded.step)
    assert loaded.progress == wanted.progress
    for kind in ("weights", "optimizer", "carried"):
        ours, saved = getattr(loaded, kind), getattr(wanted, kind)
        assert ours.keys() == saved.keys()
        assert all(torch.equal(ours[name], saved[name]) for name in saved), (path.name, kind)
    return loaded.step


def assert_survived(path: Path) -> None:
    """The last save that returned is there, or a later one; nothing is half; the run can go on."""
    notes = path.with_suffix(".saved")
    reported = [int(line) for line in notes.read_text().split()] if notes.exists() else []
    assert assert_loads(path, "last") >= max(reported, default=100), path.name
    assert_loads(path, "best")
    for name in list_names(path):
        assert_loads(path, name)
    assert {line["step"] for line in read_metrics(path)} >= {50, 100, *reported}
    with open_run(path) as again:
        left = [
            found for found in path.rglob("*") if found.name.startswith((UNFINISHED, DISCARDED))
        ]
        assert left == [], path.name
        again.save(checkpoint_of(10**7))
    assert assert_loads(path, "last") == 10**7


def test_no_death_loses_a_finished_save(run: Path):
    victims = kill_all(run, "kill:29", "power:17", "random:3")
    assert len(victims) > 12
    for path in victims:
        assert_survived(path)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["kill", "power"])
def test_a_death_at_every_file_call_loses_no_finished_save(run: Path, mode: str):
    victims = kill_all(run, f"{mode}:1")
    assert len(victims) > 100
    for path in victims:
        assert_survived(path)


@pytest.mark.slow
def test_two_hundred_kills_lose_no_finished_save(run: Path):
    victims = kill_all(run, "random:200")
    assert len(victims) == 200
    for path in victims:
        assert_survived(path)
