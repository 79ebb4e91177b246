"""A checkpoint that is not what was saved is refused by name, and a whole one is offered."""

import contextlib
import hashlib
import json
import os
import random
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from unrolled.errors import DamagedCheckpointError, NewerFormatError
from unrolled.training.storage.checkpoint import (
    Checkpoint,
    load_checkpoint,
    load_weights,
    newest_whole_checkpoint,
    save_checkpoint,
)
from unrolled.training.storage.manifest import write_manifest
from unrolled.training.storage.run_folder import create_run
from unrolled.training.storage.tensor_bytes import read_tensors, write_tensors

FILES = (
    *("weights.safetensors", "optimizer.safetensors", "carried.safetensors"),
    *("progress.json", "manifest.json"),
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run whose last checkpoint, of step 300, has the whole one of step 100 behind it."""
    draw = torch.Generator().manual_seed(3)
    with create_run(tmp_path / "run", {}) as run:
        for step in (100, 300):
            weights = {"w": torch.randn(4, 3, generator=draw)}
            state = {"state.0.m": torch.randn(4, 3, generator=draw)}
            carried = {"h": torch.randn(2, 3, generator=draw)}
            run.save(
                Checkpoint(
                    step=step,
                    weights=weights,
                    optimizer=state,
                    carried=carried,
                    progress={"best": 1 / step},
                )
            )
        return run.path


@pytest.fixture
def last(run: Path) -> Path:
    return run / "checkpoints" / "000000300"


def assert_refused(run: Path, path: Path, what: str = "") -> None:
    """The file is named, and a whole checkpoint offered: with LAST unreadable, the newest."""
    offered = "000000300" if path.name == "LAST" else "000000100"
    with pytest.raises(DamagedCheckpointError) as raised:
        load_checkpoint(run)
    assert raised.value.facts["path"] == path
    assert what in str(raised.value)
    remedy = f"checkpoints/{offered} is whole: resume with {offered} in its place."
    assert str(raised.value).endswith(remedy)
    assert load_checkpoint(run, offered).progress == {"best": 1 / int(offered)}


def flip_bits(run: Path, last: Path, times: int) -> None:
    choose = random.Random(times)
    for _ in range(times):
        path = choose.choice([run / "LAST", *(last / name for name in FILES)])
        whole = path.read_bytes()
        damaged = bytearray(whole)
        damaged[choose.randrange(len(whole))] ^= 1 << choose.randrange(8)
        path.write_bytes(damaged)
        assert_refused(run, path)
        path.write_bytes(whole)
    assert load_checkpoint(run).step == 300


def cut_short(run: Path, last: Path, times: int) -> None:
    choose = random.Random(times)
    for _ in range(times):
        path = choose.choice([run / "LAST", *(last / name for name in FILES)])
        whole = path.read_bytes()
        path.write_bytes(whole[: choose.randrange(len(whole))])
        assert_refused(run, path)
        path.write_bytes(whole)
    assert load_checkpoint(run).step == 300


def test_a_flipped_bit_is_found(run: Path, last: Path):
    flip_bits(run, last, times=40)


@pytest.mark.slow
def test_a_thousand_flipped_bits_are_found(run: Path, last: Path):
    flip_bits(run, last, times=1000)


def test_a_file_cut_short_is_found(run: Path, last: Path):
    cut_short(run, last, times=10)


@pytest.mark.slow
def test_two_hundred_files_cut_short_are_found(run: Path, last: Path):
    cut_short(run, last, times=200)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_found(run: Path, last: Path, name: str):
    (last / name).unlink()
    assert_refused(run, last / name, "is missing")


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_step_is_found(run: Path, last: Path, name: str):
    shutil.copyfile(last.with_name("000000100") / name, last / name)
    assert_refused(run, last / name)


def test_swapped_files_are_found(run: Path, last: Path):
    (last / FILES[0]).rename(last / "aside")
    (last / FILES[1]).rename(last / FILES[0])
    (last / "aside").rename(last / FILES[1])
    assert_refused(run, last / FILES[0])


def test_a_whole_checkpoint_under_the_name_of_another_step_is_found(run: Path, last: Path):
    shutil.rmtree(last)
    shutil.copytree(last.with_name("000000100"), last)
    assert_refused(run, last / "manifest.json", "belongs to step 100, and its")


def test_a_longer_file_is_refused_unread(run: Path, last: Path):
    os.truncate(last / "weights.safetensors", 2**40)
    assert_refused(run, last / "weights.safetensors", "1,099,511,627,776 bytes instead of 1")


def test_a_pipe_in_a_files_place_is_refused_unread(run: Path, last: Path):
    (last / "weights.safetensors").unlink()
    os.mkfifo(last / "weights.safetensors")
    assert_refused(run, last / "weights.safetensors", "is not a plain file")


def test_a_pointer_to_a_checkpoint_that_is_gone_is_found(run: Path, last: Path):
    shutil.rmtree(last)
    assert_refused(run, last / "manifest.json", "is missing")


def test_the_weights_alone_are_checked_as_well(run: Path, last: Path):
    (last / "weights.safetensors").write_bytes(bytes(120))
    with pytest.raises(DamagedCheckpointError, match="SHA-256 is not the manifest's"):
        load_weights(run)


def test_a_damaged_checkpoint_without_another_says_so(run: Path, last: Path):
    shutil.rmtree(last.with_name("000000100"))
    (last / "progress.json").write_bytes(b"{}")
    assert newest_whole_checkpoint(run) is None
    with pytest.raises(DamagedCheckpointError, match="No checkpoint of this run is whole: take"):
        load_checkpoint(run)


# From here on: files that somebody has made, with a manifest to match


def forge(last: Path, contents: Mapping[str, bytes]) -> None:
    """Put files into a checkpoint and a manifest over them."""
    for name, data in contents.items():
        (last / name).write_bytes(data)
    files = {name: (last / name).read_bytes() for name in FILES[:4]}
    (last / "manifest.json").write_bytes(write_manifest(300, files))


def reseal(path: Path, record: Mapping[str, object]) -> None:
    """Write a manifest of one's own with a seal that holds."""
    head = json.dumps(record, indent=2).removesuffix("\n}").encode()
    seal = hashlib.sha256(head).hexdigest()
    path.write_bytes(head + f',\n  "seal": "{seal}"\n}}\n'.encode())


def tensors_claiming(**entry: object) -> bytes:
    header = json.dumps({"w": entry}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(16)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04\x95",
        (2**63).to_bytes(8, "little") + b"{}",
        tensors_claiming(dtype="F32", shape=[2**40], data_offsets=[0, 2**42]),
        tensors_claiming(dtype="F32", shape=[2**40, 2**40], data_offsets=[0, 16]),
        tensors_claiming(dtype="F32", shape=[0, 2**63, 2**40], data_offsets=[0, 0]),
        tensors_claiming(dtype="F32", shape=[4], data_offsets=[16, 0]),
        tensors_claiming(dtype="F4", shape=[32], data_offsets=[0, 16]),
        tensors_claiming(dtype="F32", shape=[-4], data_offsets=[0, 16]),
    ],
)
def test_forged_tensors_are_refused(run: Path, last: Path, data: bytes):
    forge(last, {"weights.safetensors": data})
    assert_refused(run, last / "weights.safetensors", "is unreadable: ")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{",
        b'{"a": NaN}',
        b'{"a": "\xff"}',
        b'{"a": ' + b"[" * 10**5 + b"]" * 10**5 + b"}",
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
def test_forged_progress_is_refused(run: Path, last: Path, text: bytes):
    forge(last, {"progress.json": text})
    assert_refused(run, last / "progress.json", "is no JSON object: ")


@pytest.mark.parametrize(
    "files",
    [None, {}, {"weights.safetensors": []}, {"weights.safetensors": {"sha256": 1, "size": "x"}}],
)
def test_a_forged_manifest_is_refused(run: Path, last: Path, files: object):
    path = last / "manifest.json"
    reseal(path, {"format": 1, "version": "0", "step": 300, "files": files})
    assert_refused(run, path)


@pytest.mark.parametrize("wrong", [None, 0, -1, True, "1", 1.0])
def test_a_manifest_without_a_format_is_refused(run: Path, last: Path, wrong: object):
    path = last / "manifest.json"
    reseal(path, {"format": wrong, "step": 300, "files": {}})
    assert_refused(run, path, "names no format")


def test_a_later_format_is_told_from_damage(run: Path, last: Path):
    reseal(last / "manifest.json", {"format": 2, "version": "9.1.0", "new": []})
    with pytest.raises(NewerFormatError, match=r"format 2, written by unrolled 9\.1\.0; unrolled"):
        load_checkpoint(run)


def test_mutated_tensors_are_read_or_refused_and_nothing_else():
    choose = random.Random(5)
    whole = write_tensors({"w": torch.arange(12.0).reshape(3, 4), "b": torch.ones(3)})
    read = 0
    for _ in range(500):
        mutated = bytearray(whole)
        for _ in range(choose.randint(1, 4)):
            mutated[choose.randrange(len(whole))] = choose.randrange(256)
        with contextlib.suppress(ValueError):
            assert sum(tensor.nbytes for tensor in read_tensors(bytes(mutated)).values()) <= 60
            read += 1
    assert 20 < read < 480


def test_newest_whole_passes_over_the_damaged(run: Path, last: Path):
    save_checkpoint(run, Checkpoint(step=400, weights={}), keep=3)
    (run / "checkpoints" / "000000400" / "carried.safetensors").write_bytes(b"")
    assert newest_whole_checkpoint(run) == "000000300"
    (last / "manifest.json").unlink()
    assert newest_whole_checkpoint(run) == "000000100"
