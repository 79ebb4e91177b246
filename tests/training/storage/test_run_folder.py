"""A run folder has one writer, is swept at the start, and refuses what it cannot know."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.training.storage.file_calls import ORIGINAL, watched

from unrolled import __version__
from unrolled.errors import (
    DamagedFileError,
    NewerFormatError,
    NotARunError,
    NotJsonError,
    RunClosedError,
    RunExistsError,
    RunLockedError,
    SaveFailedError,
)
from unrolled.training.storage import run_lock
from unrolled.training.storage.checkpoint import Checkpoint, load_checkpoint
from unrolled.training.storage.run_folder import create_run, open_run, read_config

CONFIG = {"cell": "lstm", "hidden_size": 128, "rates": [0.1, None], "largest": float("inf")}
HOLD = """
import os, sys, time
from pathlib import Path
from unrolled.training.storage.run_lock import RunLock
lock = RunLock(Path(sys.argv[1]))
if os.fork() == 0:
    print(os.getpid(), flush=True)
time.sleep(100)
"""


def empty(step: int) -> Checkpoint:
    return Checkpoint(step=step, weights={})


def test_a_new_run_holds_its_settings_and_the_version(tmp_path: Path):
    with create_run(tmp_path / "a" / "b", CONFIG) as run:
        assert run.config == CONFIG
    record = json.loads((tmp_path / "a" / "b" / "config.json").read_text())
    assert record["format"] == 1
    assert record["version"] == __version__
    assert record["config"]["hidden_size"] == 128
    assert read_config(str(run.path)) == CONFIG


def test_a_relative_path_stays_right_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    with create_run("run", {}) as run:
        monkeypatch.chdir("/")
        run.save(empty(1))
    assert load_checkpoint(tmp_path / "run").step == 1


@pytest.mark.parametrize("name", ["größe 试验 🙂", "n" * 255, "-rf *", "a'b\"c\\d", "line\nfeed"])
def test_any_name_that_the_disk_takes_works(tmp_path: Path, name: str):
    with create_run(tmp_path / name, CONFIG) as run:
        run.append_metrics({"step": 1})
        run.save(empty(1), best=True)
    with open_run(tmp_path / name) as run:
        assert run.load().step == 1


def test_a_name_too_long_for_the_disk_is_told(tmp_path: Path):
    with pytest.raises(
        SaveFailedError, match="File name too long. Choose a shorter name for the run"
    ):
        create_run(tmp_path / ("n" * 256), {})


@pytest.mark.skipif(
    not Path("/dev/shm").is_dir(), reason="no second disk; runs in the lane of Linux"
)
def test_a_run_may_be_on_another_disk_than_temporary_files(tmp_path: Path):
    run = Path("/dev/shm") / f"unrolled-test-{os.getpid()}"
    with create_run(run, {}) as opened:
        opened.save(empty(1))
        assert load_checkpoint(run).step == 1
    shutil.rmtree(run)


def test_a_used_folder_is_refused_and_left_alone(tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(RunExistsError, match=r"already holds 'thesis\.tex', and a new run wants"):
        create_run(tmp_path, {})
    assert (tmp_path / "thesis.tex").read_text() == "mine"
    assert not (tmp_path / "config.json").exists()


def test_a_run_is_not_made_twice(tmp_path: Path):
    create_run(tmp_path / "run", {}).close()
    with pytest.raises(RunExistsError, match="resume the run in this one"):
        create_run(tmp_path / "run", {})


def test_settings_that_json_cannot_hold_are_refused_before_a_folder_is_made(tmp_path: Path):
    with pytest.raises(
        NotJsonError, match=r"config\.json\['config'\]\['lr'\] is a Tensor, which JSON"
    ):
        create_run(tmp_path / "run", {"lr": torch.tensor(1.0)})
    with pytest.raises(NotJsonError, match=r"the key 3 of config\.json\['config'\] is a int"):
        create_run(tmp_path / "run", {3: "x"})  # pyright: ignore[reportArgumentType]
    assert list(tmp_path.iterdir()) == []


def test_a_creation_that_died_anywhere_can_be_made_again(tmp_path: Path):
    class Death(BaseException):
        """Like a kill: nothing after it does anything."""

    def die_from(at: int):
        def before(number: int, name: str, _arguments: tuple) -> None:
            if number >= at and name != "close":  # the end of a process closes its files
                raise Death

        return before

    for at in range(1, 30):
        with watched(die_from(at), flushing=False), pytest.raises(Death):
            create_run(tmp_path / f"{at}", CONFIG).close()
            raise Death
        made = (tmp_path / f"{at}" / "config.json").exists()
        again = open_run(tmp_path / f"{at}") if made else create_run(tmp_path / f"{at}", CONFIG)
        again.close()
        assert read_config(tmp_path / f"{at}") == CONFIG
        found = {path.name for path in (tmp_path / f"{at}").iterdir()}
        assert found == {"config.json", "metrics.jsonl", "run.lock", "checkpoints"}, at


def test_a_folder_without_settings_is_no_run(tmp_path: Path):
    with pytest.raises(NotARunError, match="is not a run folder: it has no config.json"):
        open_run(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no JSON object: Expecting value"),
        ("[1]", "is no JSON object: it holds a list"),
        ('{"config": {}}', "names no format"),
        ('{"format": 1}', 'has no "config" with the settings'),
        ('{"format": 1, "config": []}', 'has no "config" with the settings'),
    ],
)
def test_damaged_settings_are_told(tmp_path: Path, text: str, message: str):
    create_run(tmp_path / "run", {}).close()
    (tmp_path / "run" / "config.json").write_text(text)
    with pytest.raises(DamagedFileError, match=message):
        open_run(tmp_path / "run")


def test_settings_of_a_later_format_ask_for_an_upgrade(tmp_path: Path):
    (tmp_path / "config.json").write_text('{"format": 7, "version": "8.0.0"}')
    with pytest.raises(NewerFormatError) as raised:
        read_config(tmp_path)
    assert str(raised.value) == (
        f"{tmp_path / 'config.json'} has format 7, written by unrolled 8.0.0; unrolled "
        f"{__version__} reads formats up to 1. Upgrade: pip install --upgrade unrolled."
    )


def test_settings_larger_than_any_run_has_are_refused_unread(tmp_path: Path):
    (tmp_path / "config.json").write_bytes(b"{}")
    os.truncate(tmp_path / "config.json", 2**40)
    with pytest.raises(
        DamagedFileError, match="holds 1,099,511,627,776 bytes instead of 67,108,864"
    ):
        read_config(tmp_path)


def test_the_start_sweeps_away_what_a_kill_has_left_and_nothing_else(tmp_path: Path):
    with create_run(tmp_path / "run", {}) as run:
        run.save(empty(1))
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    for name in ["checkpoints/.tmp-000000002/deep", "checkpoints/.trash-000000000"]:
        (tmp_path / "run" / name).mkdir(parents=True)
    (tmp_path / "run" / ".tmp-LAST").touch()
    (tmp_path / "run" / ".trash-link").symlink_to(outside)
    (tmp_path / "run" / "notes.txt").touch()
    open_run(tmp_path / "run").close()
    left = {path.name for path in (tmp_path / "run").rglob("*") if path.parent.name != "000000001"}
    assert left == {
        *("config.json", "metrics.jsonl", "run.lock", "notes.txt"),
        *("LAST", "checkpoints", "000000001"),
    }
    assert (outside / "kept").exists()


def test_a_second_writer_is_refused_and_told_who_the_first_is(tmp_path: Path):
    with create_run(tmp_path / "run", {}) as run:
        with pytest.raises(RunLockedError, match=f"is being written by process {os.getpid()} on "):
            open_run(run.path)
        run.save(empty(1))
        assert load_checkpoint(run.path).step == 1
    open_run(tmp_path / "run").close()


def test_the_name_of_the_holder_is_not_repeated_if_it_is_not_ours(tmp_path: Path):
    with create_run(tmp_path / "run", {}) as run:
        (run.path / "run.lock").write_bytes(b"process 1 on \x1b[2Jevil")
        with pytest.raises(RunLockedError, match="is being written by another process, and two"):
            open_run(run.path)


def test_the_lock_dies_with_its_process_even_if_a_worker_lives_on(tmp_path: Path):
    create_run(tmp_path / "run", {}).close()
    command = [sys.executable, "-c", HOLD, str(tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        worker = int(holder.stdout.readline())
        with pytest.raises(RunLockedError, match=f"by process {holder.pid} on "):
            open_run(tmp_path / "run")
        holder.kill()
        holder.wait()
        open_run(tmp_path / "run").close()
        os.kill(worker, signal.SIGKILL)


@pytest.mark.parametrize("missing", ["flock", "module"])
def test_where_there_are_no_locks_the_user_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
):
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    if missing == "flock":
        monkeypatch.setattr("fcntl.flock", flock)
    else:
        monkeypatch.setattr(run_lock, "fcntl", None)
    with pytest.warns(RuntimeWarning, match="cannot be locked: .* Start no second process"):
        create_run(tmp_path / "run", {}).close()


def test_a_folder_that_cannot_be_locked_for_another_reason_is_told(tmp_path: Path):
    create_run(tmp_path / "run", {}).close()

    def before(_number: int, name: str, arguments: tuple) -> None:
        if name == "open" and Path(arguments[0]).name == "run.lock":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with (
        watched(before),
        pytest.raises(SaveFailedError, match="mounted read-only: copy the run to"),
    ):
        open_run(tmp_path / "run")


def test_a_closed_run_takes_nothing_more(tmp_path: Path):
    run = create_run(tmp_path / "run", {})
    run.close()
    run.close()
    for use in [
        lambda: run.save(empty(1)),
        lambda: run.append_metrics({"step": 1}),
        lambda: run.truncate_metrics(1),
    ]:
        with pytest.raises(
            RunClosedError, match="is closed and its lock given back. Open it again"
        ):
            use()
    assert not (run.path / "LAST").exists()


def test_a_run_that_was_moved_away_is_told(tmp_path: Path):
    with create_run(tmp_path / "run", {}) as run:
        run.path.rename(tmp_path / "elsewhere")
        with pytest.raises(
            SaveFailedError, match="No such file or directory. The folder was moved"
        ):
            run.save(empty(1))


def test_every_open_file_is_closed_again(tmp_path: Path):
    opened: list[str] = []
    note = lambda _number, name, _arguments: opened.append(name)  # noqa: E731
    with watched(note), create_run(tmp_path / "run", {}) as run:
        run.append_metrics({"step": 1})
        run.save(empty(1), best=True)
        run.truncate_metrics(0)
        run.save(empty(2), keep=1)
    assert opened.count("open") == opened.count("close")
    assert ORIGINAL["open"] is os.open
