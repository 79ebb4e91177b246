"""A character model's run that was stopped goes on bit for bit, its samples included."""

import json
import math
import random
import shutil
from dataclasses import replace

import pytest
from tests.tasks.tiny_text import Samples, book, kept, stopping, tiny

import unrolled
from unrolled.errors import NoCheckpointError, NoDeviceError, SettingError
from unrolled.tasks.char_lm import run as char_lm
from unrolled.training.storage.checkpoint_folder import (
    Checkpoint,
    read_checkpoint,
    write_checkpoint,
)

HARD = {"cell": "gru+zoneout:0.1", "num_layers": 2, "dropout": 0.3, "steps": 17}


@pytest.mark.parametrize("seed", [1, 2])
def test_stopped_at_random_steps_it_is_the_uninterrupted_run(seed, tmp_path):
    settings = {**HARD, "bptt": 12, "batch_size": 30, "evaluate_every": 4, "seed": seed}
    whole, parts = Samples(), []
    char_lm.train(tiny(book(tmp_path), tmp_path / "whole", **settings), watcher=whole)
    first, second = sorted(random.Random(seed).sample(range(1, 17), 2))
    parts.append(stopping(first))
    char_lm.train(tiny(book(tmp_path), tmp_path / "run", **settings), watcher=parts[-1])
    for watcher in (stopping(second), Samples()):
        parts.append(watcher)
        run = unrolled.resume(tmp_path / "run", watcher=watcher)
    assert run.ending.step == 17
    assert kept(tmp_path / "run") == kept(tmp_path / "whole")
    assert [text for part in parts for text in part.samples] == whole.samples
    assert len(whole.samples) == 5


@pytest.mark.parametrize("left", ["nothing", "a checkpoint without its pointer"])
def test_a_run_killed_before_its_first_save_had_ended_starts_again(left, tmp_path):
    settings = {**HARD, "steps": 6}
    char_lm.train(tiny(book(tmp_path), tmp_path / "whole", **settings))
    shutil.copytree(tmp_path / "whole", tmp_path / "run")
    for name in ("LAST", "BEST", "metrics.jsonl"):
        (tmp_path / "run" / name).unlink()
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    if left != "nothing":
        first = Checkpoint(step=0, weights={})
        (tmp_path / "run" / "checkpoints").mkdir()
        write_checkpoint(tmp_path / "run" / "checkpoints" / "000000000", first)
    unrolled.resume(tmp_path / "run")
    assert kept(tmp_path / "run") == kept(tmp_path / "whole")


def test_a_run_whose_pointer_is_lost_does_not_start_again(tmp_path):
    char_lm.train(tiny(book(tmp_path), tmp_path / "run", steps=3))
    (tmp_path / "run" / "LAST").unlink()
    with pytest.raises(NoCheckpointError, match="has no checkpoint 'last'. It has: 000000003"):
        unrolled.resume(tmp_path / "run")


def test_a_new_limit_counts_from_the_runs_start(tmp_path):
    run = char_lm.train(tiny(book(tmp_path), tmp_path / "run", steps=3))
    assert unrolled.resume(tmp_path / "run", steps=5).ending.step == 5
    assert unrolled.resume(tmp_path / "run", steps=5).ending.step == 5
    train = round(0.9 * run.config["data"]["characters"])
    chunks = math.ceil(train // 4 / 16)
    assert unrolled.resume(tmp_path / "run", epochs=1).ending.step == chunks
    with pytest.raises(SettingError, match="steps=0 cannot be"):
        unrolled.resume(tmp_path / "run", steps=0)


def test_a_run_can_be_moved_and_resumed_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    book(tmp_path)
    run = char_lm.train(tiny("book.txt", None, steps=3))
    assert run.path == tmp_path / "runs" / "char-lm-lstm"
    again = char_lm.train(tiny("book.txt", None, steps=3))
    assert again.path == tmp_path / "runs" / "char-lm-lstm-2"
    (tmp_path / "elsewhere").mkdir()
    moved = shutil.move(run.path, tmp_path / "elsewhere" / "ein Lauf ñ")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert unrolled.resume(moved, steps=4).ending.step == 4


def test_a_run_of_a_device_that_is_gone_is_opened_and_goes_on_elsewhere(tmp_path):
    run = char_lm.train(tiny(book(tmp_path), tmp_path / "run", steps=3))
    nats = run.evaluate().nats_per_character
    config = run.path / "config.json"
    config.write_text(config.read_text().replace('"device": "auto"', '"device": "cuda:7"'))
    assert unrolled.open_run(run.path).evaluate().nats_per_character == nats
    with pytest.raises(NoDeviceError, match="cannot compute on 'cuda:7'"):
        unrolled.resume(run.path, steps=4)
    assert unrolled.resume(run.path, steps=4, device="cpu").ending.step == 4


def test_a_run_from_before_there_was_omega_and_a_lens_opens_and_goes_on(tmp_path):
    char_lm.train(tiny(book(tmp_path), tmp_path / "whole", **HARD))
    char_lm.train(tiny(book(tmp_path), tmp_path / "run", **HARD), watcher=stopping(9))
    record = json.loads((tmp_path / "run" / "config.json").read_text())
    for name in ("omega", "omega_form", "lens"):
        del record["config"]["settings"]["training"][name]
    (tmp_path / "run" / "config.json").write_text(json.dumps(record))
    folder = tmp_path / "run" / "checkpoints" / "000000009"
    saved = read_checkpoint(folder)
    shutil.rmtree(folder)
    counters = {n: v for n, v in saved.progress["progress"].items() if n != "solved_step"}
    progress = {n: v for n, v in saved.progress.items() if n != "updates"}
    write_checkpoint(folder, replace(saved, progress={**progress, "progress": counters}))
    unrolled.resume(tmp_path / "run")
    assert kept(tmp_path / "run") == kept(tmp_path / "whole")
    assert unrolled.open_run(tmp_path / "run").settings.training.omega == 0.0
