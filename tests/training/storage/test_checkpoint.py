"""A checkpoint comes back bit for bit, and pruning keeps what the pointers name."""

import os
import threading
from pathlib import Path

import pytest
import torch
from tests.training.storage.file_calls import watched

from unrolled.errors import (
    DamagedCheckpointError,
    NoCheckpointError,
    NotARunError,
    PruneFailedError,
)
from unrolled.training.storage.checkpoint import (
    Checkpoint,
    load_checkpoint,
    load_weights,
    newest_whole_checkpoint,
    save_checkpoint,
)
from unrolled.training.storage.run_folder import create_run


def checkpoint_of(step: int, **progress: object) -> Checkpoint:
    return Checkpoint(step=step, weights={"w": torch.tensor([float(step)])}, progress=progress)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    with create_run(tmp_path / "run", {}) as run:
        return run.path


def names(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "checkpoints").iterdir())


def step(run: Path, which: str | int) -> float:
    return load_weights(run, which)["w"].item()


def bits_of(tensor: torch.Tensor) -> list[int]:
    return tensor.contiguous().flatten().view(torch.uint8).tolist()


def test_every_bit_of_every_tensor_comes_back(run: Path):
    bits = torch.randint(-(2**31), 2**31, (64,), dtype=torch.int32)
    tensors = {
        "every kind of float, with many NaNs": bits.view(torch.float32),
        "half": bits.view(torch.bfloat16),
        "double": bits.view(torch.float64).reshape(8, 4).T,
        "bytes": bits.view(torch.uint8)[::3],
        "none": torch.empty(0, 5),
        "one": torch.tensor(-0.0),
        "flags": bits > 0,
        "größe/试验 \n": torch.arange(3),
    }
    save_checkpoint(run, Checkpoint(step=1, weights=tensors))
    loaded = load_checkpoint(run).weights
    assert loaded.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert loaded[name].dtype == tensor.dtype, name
        assert loaded[name].shape == tensor.shape, name
        assert bits_of(loaded[name]) == bits_of(tensor), name


def test_progress_comes_back_with_infinities_and_the_last_digit(run: Path):
    progress = {
        "best": float("inf"),
        "loss": 0.1 + 0.2,
        "seen": 2**60,
        "none": None,
        "at": [1, "é"],
    }
    save_checkpoint(run, checkpoint_of(1, **progress))
    assert load_checkpoint(run).progress == progress


def test_weights_that_share_memory_are_each_saved(run: Path):
    table = torch.arange(6.0).reshape(2, 3)
    save_checkpoint(run, Checkpoint(step=1, weights={"in": table, "out": table, "row": table[1]}))
    loaded = load_weights(run)
    assert torch.equal(loaded["in"], table)
    assert torch.equal(loaded["out"], table)
    assert loaded["row"].tolist() == [3.0, 4.0, 5.0]


def test_loaded_tensors_can_be_written_and_are_nobody_elses(run: Path):
    save_checkpoint(run, checkpoint_of(1))
    load_weights(run)["w"].add_(5)
    assert step(run, "last") == 1


def test_last_best_steps_and_names_are_found(run: Path):
    for at, best in [(1, False), (2, True), (3, False)]:
        save_checkpoint(run, checkpoint_of(at), best=best)
    for which, found in [("last", 3), ("best", 2), (3, 3), ("000000002", 2), ("2", 2)]:
        assert step(run, which) == found, which


def test_the_newest_and_the_best_are_kept_and_the_rest_goes(run: Path):
    for at in range(1, 8):
        save_checkpoint(run, checkpoint_of(at), best=at == 2, keep=3)
    assert names(run) == ["000000002", "000000005", "000000006", "000000007"]


def test_a_step_saved_twice_has_the_later_state_and_one_folder(run: Path):
    save_checkpoint(run, checkpoint_of(5), best=True)
    save_checkpoint(run, checkpoint_of(10, saved="first"))
    save_checkpoint(run, checkpoint_of(10, saved="second"))
    save_checkpoint(run, checkpoint_of(10, saved="third"))
    assert load_checkpoint(run).progress == {"saved": "third"}
    for which in (10, "10", "000000010", "000000010-3"):
        assert load_checkpoint(run, which).progress == {"saved": "third"}, which
    assert names(run) == ["000000005", "000000010-3"]


def test_the_best_stays_the_best_when_its_step_is_saved_again(run: Path):
    save_checkpoint(run, checkpoint_of(10, saved="first"), best=True)
    save_checkpoint(run, checkpoint_of(10, saved="second"))
    assert load_checkpoint(run, "best").progress == {"saved": "first"}
    assert load_checkpoint(run, "last").progress == {"saved": "second"}


def test_steps_of_a_continuation_that_was_given_up_count_as_oldest(run: Path):
    for at in (100, 200, 300):
        save_checkpoint(run, checkpoint_of(at), keep=3)
    save_checkpoint(run, checkpoint_of(150), keep=2)
    assert names(run) == ["000000100", "000000150"]
    assert newest_whole_checkpoint(run) == "000000150"


def test_the_order_is_that_of_steps_whatever_the_clock_says(run: Path):
    for at in (8, 9, 10):
        save_checkpoint(run, checkpoint_of(at), keep=3)
        os.utime(run / "checkpoints" / f"{at:09d}", (10**9 - at, 10**9 - at))
    assert newest_whole_checkpoint(run) == "000000010"
    save_checkpoint(run, checkpoint_of(11), keep=2)
    assert names(run) == ["000000010", "000000011"]


def test_a_step_of_ten_digits_is_newer_than_one_of_nine(run: Path):
    save_checkpoint(run, checkpoint_of(999_999_999), keep=1)
    save_checkpoint(run, checkpoint_of(1_000_000_000), keep=1)
    assert names(run) == ["1000000000"]
    assert load_checkpoint(run).step == 1_000_000_000


def test_files_are_only_made_inside_the_run(run: Path):
    paths: list[Path] = []

    def note(_number: int, name: str, arguments: tuple) -> None:
        if name in {"open", "mkdir", "rename", "replace"}:
            paths.extend(Path(path) for path in arguments if isinstance(path, str | Path))

    with watched(note):
        save_checkpoint(run, checkpoint_of(1), best=True)
    assert len(paths) > 10
    assert [path for path in paths if path.is_absolute() and not path.is_relative_to(run)] == []


def test_a_reader_beside_a_writer_never_finds_half_a_checkpoint(run: Path):
    def write() -> None:
        for at in range(1, 150):
            tensors = {"w": torch.full((500,), float(at))}
            save_checkpoint(run, Checkpoint(step=at, weights=tensors, carried=tensors), keep=1)

    save_checkpoint(run, Checkpoint(step=0, weights={"w": torch.zeros(500)}), keep=1)
    seen: set[int] = set()
    writer = threading.Thread(target=write)
    with watched(lambda *_: None, flushing=False):
        writer.start()
        while writer.is_alive():
            found = load_checkpoint(run)
            seen.add(found.step)
            assert found.weights["w"].tolist() == [float(found.step)] * 500
        writer.join()
    assert len(seen) > 5


def test_no_such_checkpoint_is_told_with_those_there_are(run: Path):
    with pytest.raises(NoCheckpointError, match="no checkpoint 'last'. It has: none yet."):
        load_checkpoint(run)
    save_checkpoint(run, checkpoint_of(7))
    with pytest.raises(NoCheckpointError, match="no checkpoint 8. It has: 000000007."):
        load_checkpoint(run, 8)
    with pytest.raises(NoCheckpointError, match=r"no checkpoint '\.\./checkpoints/000000007'"):
        load_checkpoint(run, "../checkpoints/000000007")


def test_a_folder_without_a_run_is_told(tmp_path: Path):
    with pytest.raises(NotARunError, match="is not a run folder: it has no config.json"):
        load_checkpoint(tmp_path)


def test_nothing_is_pruned_while_best_is_damaged(run: Path):
    save_checkpoint(run, checkpoint_of(1), best=True)
    (run / "BEST").write_text("000000009 00000000\n")
    with pytest.raises(
        PruneFailedError, match="BEST does not hold the name of a checkpoint. Remove"
    ):
        save_checkpoint(run, checkpoint_of(2), keep=1)
    assert names(run) == ["000000001", "000000002"]
    with pytest.raises(DamagedCheckpointError, match="000000002 is whole: resume with 000000002"):
        load_checkpoint(run, "best")
    (run / "BEST").unlink()
    save_checkpoint(run, checkpoint_of(3), keep=1)
    assert names(run) == ["000000003"]
