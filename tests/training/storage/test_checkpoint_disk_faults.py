"""A disk that refuses, at whatever call, costs no checkpoint, and the error says what to do."""

import errno
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests.training.storage.file_calls import NAMES, Before, watched

from unrolled.errors import PruneFailedError, SaveFailedError
from unrolled.training.storage.checkpoint import Checkpoint, load_checkpoint
from unrolled.training.storage.run_folder import RunFolder, create_run, open_run

CREATING = {"open", "write", "mkdir", "rename", "replace", "fsync"}


def checkpoint_of(step: int, size: int = 3) -> Checkpoint:
    return Checkpoint(step=step, weights={"weight": torch.full((size,), float(step))})


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunFolder]:
    with create_run(tmp_path / "run", {}) as run:
        run.save(checkpoint_of(50), best=True, keep=1)
        run.save(checkpoint_of(100), keep=1)
        yield run


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Root may write anywhere, so be somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


def fail_at(at: int, code: int) -> Before:
    def before(number: int, *_: object) -> None:
        if number == at:
            raise OSError(code, os.strerror(code))

    return before


def full_from(at: int) -> Before:
    """From call `at` on the disk takes nothing more, though it still lets go of what it has."""

    def before(number: int, name: str, arguments: tuple) -> None:
        reads = name == "open" and not arguments[1] & os.O_CREAT
        if number >= at and name in CREATING and not reads:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return before


def calls_of_a_save(run: RunFolder, twin: Path, *, among: set[str]) -> list[int]:
    """Numbers of the file calls that a save makes, except to make a folder that is there."""
    numbers: list[int] = []

    def note(number: int, name: str, arguments: tuple) -> None:
        if name in among and not (name == "mkdir" and Path(arguments[0]).exists()):
            numbers.append(number)

    shutil.copytree(run.path, twin)
    with open_run(twin) as other, watched(note, flushing=False):
        other.save(checkpoint_of(200), best=True, keep=1)
    return numbers


def last_and_best(path: Path) -> tuple[float, float]:
    last, best = load_checkpoint(path, "last"), load_checkpoint(path, "best")
    return last.weights["weight"][0].item(), best.weights["weight"][0].item()


def assert_untouched(path: Path, error: SaveFailedError, *, at: int) -> None:
    """LAST moves last of all: it has, exactly if no more than the tidying up has failed."""
    last, best = last_and_best(path)
    if isinstance(error, PruneFailedError):
        assert (last, best) == (200, 200), at
    else:
        assert last in (100, 200), at
        assert best in (50, 200), at


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_one_failing_call_costs_no_checkpoint_and_the_next_try_succeeds(
    run: RunFolder, tmp_path: Path, code: int
):
    for at in calls_of_a_save(run, tmp_path / "twin", among=set(NAMES) - {"close"}):
        path = shutil.copytree(run.path, tmp_path / f"{at}")
        with open_run(path) as other:
            with (
                watched(fail_at(at, code), flushing=False),
                pytest.raises(SaveFailedError) as raised,
            ):
                other.save(checkpoint_of(200), best=True, keep=1)
            assert_untouched(path, raised.value, at=at)
            with watched(fail_at(0, code), flushing=False):
                other.save(checkpoint_of(300), keep=1)
        assert last_and_best(path)[0] == 300
        left = {found.name for found in (path / "checkpoints").iterdir()}
        assert left == {"000000300", Path(path / "BEST").read_text().split()[0]}, at


def test_a_full_disk_costs_no_checkpoint_and_leaves_nothing_behind(run: RunFolder, tmp_path: Path):
    for at in calls_of_a_save(run, tmp_path / "twin", among=CREATING - {"open"}):
        path = shutil.copytree(run.path, tmp_path / f"{at}")
        with open_run(path) as other, watched(full_from(at), flushing=False):
            with pytest.raises(SaveFailedError) as raised:
                other.save(checkpoint_of(200), best=True, keep=1)
            assert_untouched(path, raised.value, at=at)
        assert [found.name for found in path.rglob(".tmp-*")] == []


def test_a_full_disk_is_told_with_what_to_do(run: RunFolder):
    with watched(full_from(1), flushing=False), pytest.raises(SaveFailedError) as raised:
        run.save(checkpoint_of(200))
    assert str(raised.value).endswith(
        "could not be written: No space left on device. Free some space on this disk. "
        "What was saved before is untouched."
    )


def test_old_checkpoints_that_stay_are_told_and_go_at_the_next_save(run: RunFolder):
    def before(_number: int, name: str, _arguments: tuple) -> None:
        if name == "rmdir":
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with watched(before), pytest.raises(PruneFailedError, match="000000200 is saved, but older"):
        run.save(checkpoint_of(200), keep=1)
    assert last_and_best(run.path) == (200, 50)
    run.save(checkpoint_of(300), keep=1)
    assert [found.name for found in run.path.rglob("000000100")] == []


def test_a_real_limit_on_file_size_costs_no_checkpoint(run: RunFolder):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    with pytest.raises(SaveFailedError, match="File too large. The file is larger than this disk"):
        run.save(checkpoint_of(200, size=10_000))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert last_and_best(run.path) == (100, 50)


def test_a_folder_without_the_right_to_write_costs_no_checkpoint(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
):
    monkeypatch.chdir(run.path)
    for path in [run.path, *run.path.rglob("*")]:
        path.chmod(0o555)
    run.path = Path()
    request.getfixturevalue("unprivileged")
    with pytest.raises(SaveFailedError, match="Permission denied. Give yourself the right"):
        run.save(checkpoint_of(200))
    assert last_and_best(Path()) == (100, 50)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="needs to mount; runs in the lane of root containers")
def test_a_real_disk_that_is_full_costs_no_checkpoint(tmp_path: Path):
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(tmp_path)]
    subprocess.run(command, check=True)
    with create_run(tmp_path / "run", {}) as run:
        run.save(checkpoint_of(100), best=True)
        with pytest.raises(SaveFailedError, match="No space left on device"):
            run.save(checkpoint_of(200, size=100_000))
        assert last_and_best(run.path) == (100, 100)
        run.save(checkpoint_of(300))
        assert last_and_best(run.path) == (300, 100)
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_line_of_metrics_that_does_not_fit_is_taken_back(run: RunFolder):
    run.append_metrics({"step": 1, "loss": 0.5})

    def half(_number: int, name: str, arguments: tuple) -> None:
        if name == "write":
            written = os.pwrite(arguments[0], bytes(arguments[1][:7]), 0)
            assert written == 7
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with (
        watched(half),
        pytest.raises(SaveFailedError, match=r"metrics\.jsonl could not be written"),
    ):
        run.append_metrics({"step": 2, "loss": 0.25})
    run.append_metrics({"step": 3, "loss": 0.125})
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    assert lines == ['{"step": 1, "loss": 0.5}', '{"step": 3, "loss": 0.125}']
