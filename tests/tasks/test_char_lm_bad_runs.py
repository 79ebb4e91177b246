"""A run that is damaged, foreign or forged is refused with one of our own errors, and quickly."""

import copy
import json
import random
import resource
import shutil
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import unrolled
from unrolled.errors import (
    DamagedCheckpointError,
    DamagedFileError,
    DataChangedError,
    ForeignWeightsError,
    NewerFormatError,
    NoCheckpointError,
    NotARunError,
    StoredSettingsError,
    UnknownTaskError,
    UnrolledError,
)
from unrolled.training.storage.checkpoint_folder import read_checkpoint, write_checkpoint


@pytest.fixture
def path(trained, tmp_path):
    return shutil.copytree(trained.path, tmp_path / "run")


def change(path, edit):
    """Change the settings in a config.json."""
    record = json.loads((path / "config.json").read_text())
    edit(record["config"])
    (path / "config.json").write_text(json.dumps(record))


def best_folder(path):
    return path / "checkpoints" / (path / "BEST").read_text().split()[0]


def test_what_is_no_run_is_no_run(tmp_path):
    with pytest.raises(NotARunError, match="is not a run folder: it has no config.json"):
        unrolled.open_run(tmp_path)
    with pytest.raises(NotARunError, match="`unrolled train` prints the folder it makes"):
        unrolled.resume(tmp_path / "missing")


def test_a_run_without_a_checkpoint_says_so(path):
    shutil.rmtree(path / "checkpoints")
    (path / "LAST").unlink()
    (path / "BEST").unlink()
    with pytest.raises(NoCheckpointError, match="has no checkpoint 'last'. It has: none yet"):
        unrolled.open_run(path)


def test_a_config_from_a_newer_version_is_named(path):
    record = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**record, "format": 2, "version": "9.9"}))
    with pytest.raises(NewerFormatError, match="written by unrolled 9.9; .*Upgrade: pip install"):
        unrolled.open_run(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 1}', "\x00" * 50, "[" * 10**5])
def test_a_damaged_config_is_refused(path, text):
    (path / "config.json").write_text(text)
    with pytest.raises(DamagedFileError, match="config.json"):
        unrolled.open_run(path)


@pytest.mark.parametrize("damage", ["flip", "cut", "missing"])
def test_damaged_weights_are_refused_and_a_whole_checkpoint_is_offered(path, damage):
    file = best_folder(path) / "weights.safetensors"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 16
    file.write_bytes(data if damage == "flip" else data[:99])
    if damage == "missing":
        file.unlink()
    with pytest.raises(DamagedCheckpointError, match=r"checkpoints/0000000\d0 is whole"):
        unrolled.open_run(path)


def test_a_damaged_pointer_is_refused_and_a_whole_checkpoint_is_offered(path):
    (path / "BEST").write_text("000000999 deadbeef\n")
    with pytest.raises(DamagedCheckpointError, match="does not hold the name .* is whole"):
        unrolled.open_run(path)


def foreign(path, weights):
    """A checkpoint in perfect order, with other weights."""
    folder = best_folder(path)
    saved = read_checkpoint(folder)
    shutil.rmtree(folder)
    other = type(saved)(step=saved.step, weights=weights, progress=saved.progress)
    write_checkpoint(folder, other)


def test_weights_of_another_model_are_refused(path):
    foreign(path, {"readout.weight": torch.zeros(3, 3), "more": torch.zeros(1)})
    with pytest.raises(ForeignWeightsError, match="(?s)not of this LanguageModel:.*missing:.*more"):
        unrolled.open_run(path)


def test_weights_put_in_by_hand_are_refused(path):
    file = best_folder(path) / "weights.safetensors"
    weights = {name: torch.zeros_like(weight) for name, weight in load_file(file).items()}
    save_file(weights, file)
    with pytest.raises(DamagedCheckpointError, match="was changed after it was saved"):
        unrolled.open_run(path)


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("hidden_size", 2**40, StoredSettingsError),
        ("hidden_size", 2**16, ForeignWeightsError),
        ("num_layers", 10**6, StoredSettingsError),
        ("num_layers", 2**10, ForeignWeightsError),
        ("embedding_size", 2**62, StoredSettingsError),
        ("projection_size", 2**62, StoredSettingsError),
        ("batch_size", 2**40, StoredSettingsError),
        ("ngram", 10**9, StoredSettingsError),
        ("dropout", 2.0, StoredSettingsError),
    ],
)
def test_sizes_that_no_machine_has_are_refused_before_anything_is_made(path, name, value, kind):
    change(path, lambda config: config["settings"].update({name: value}))
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (256 << 20), hard))
    start = time.monotonic()
    problem = outcome(path)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert type(problem) is kind
    assert time.monotonic() - start < 10


def test_a_run_of_an_unknown_task_is_refused(path):
    change(path, lambda config: config.update(task="fly"))
    with pytest.raises(UnknownTaskError, match="no task is named 'fly'; there are: char-lm"):
        unrolled.open_run(path)


@pytest.mark.parametrize("data", [None, [], "x", {}, {"fingerprint": 3}])
def test_a_config_without_the_texts_fingerprint_is_refused(path, data):
    change(path, lambda config: config.update(data=data))
    with pytest.raises(DataChangedError, match="has changed since this run began"):
        unrolled.open_run(path).evaluate()


def test_a_batch_size_that_was_changed_by_hand_is_refused(path):
    change(path, lambda config: config["settings"].update(batch_size=7))
    with pytest.raises(UnrolledError, match=r"has the states h, c; got|stands at chunk"):
        unrolled.resume(path, steps=99)


VALUES = [None, True, -1, 0, 3, 2**70, -0.5, 1e308, "", "x", "\x00", [], [1], {}, {"a": 1}, "NaN"]


def places(tree, here=()):
    """The path of everything inside a tree of JSON."""
    yield here
    if isinstance(tree, dict | list):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from places(value, (*here, key))


def mutated(config, chance):
    """The config with one thing in it changed, removed, added or put elsewhere."""
    config = copy.deepcopy(config)
    *way, last = chance.choice([place for place in places(config) if place])
    inner = config
    for key in way:
        inner = inner[key]
    kind = chance.choice(["change", "change", "change", "remove", "add"])
    if kind == "remove":
        del inner[last]
    elif kind == "add" and isinstance(inner, dict):
        inner["more"] = chance.choice(VALUES)
    else:
        inner[last] = chance.choice(VALUES)
    return config


def test_three_hundred_forged_configs_raise_our_own_errors_only(trained, path):
    """Whatever is opened although it was changed must still write."""
    record = json.loads((trained.path / "config.json").read_text())
    chance, refused = random.Random(0), 0
    for _ in range(300):
        forged = mutated(record["config"], chance)
        (path / "config.json").write_text(json.dumps({**record, "config": forged}))
        problem = outcome(path)
        refused += problem is not None
        assert problem is None or isinstance(problem, UnrolledError), (forged, problem)
    assert refused > 100


def outcome(path):
    """The error of opening and using a run, or None."""
    try:
        run = unrolled.open_run(path)
        "".join(run.generate(length=3))
        run.evaluate()
    except Exception as error:
        return error
    return None
