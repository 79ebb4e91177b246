"""What `unrolled.fit` cannot train is refused, with what came and what to do."""

import json
import math
import shutil

import pytest
import torch
import torch.nn.functional as F
from tests.tasks.own_models import (
    CALM,
    Follower,
    Sums,
    dropping,
    following,
    shuffled,
    squared,
    straight,
    stream,
)
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

import unrolled
from unrolled.cli import main
from unrolled.errors import (
    ChangedRunError,
    DivergedError,
    ForeignWeightsError,
    LoaderError,
    LossError,
    NotARunError,
    OwnFunctionError,
    OwnModelError,
    OwnProgramError,
    RunExistsError,
    SettingError,
    StoredSettingsError,
    UnknownSettingError,
)
from unrolled.tasks import runs
from unrolled.tasks.own import given
from unrolled.training.group import Group
from unrolled.training.storage.checkpoint import load_checkpoint

WHOLE = [Sums()[:]]


class Endless(IterableDataset):
    """Has no length."""

    def __iter__(self):
        return iter(WHOLE)


class Short(list):
    """Has fewer batches than it says."""

    def __len__(self):
        return 5


def frozen():
    return straight().requires_grad_(False)


def split():
    return nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1, device="meta"))


def attempt(folder, model=None, loader=WHOLE, loss=squared, **settings):
    settings = {**CALM, "steps": 3, **settings}
    return unrolled.fit(model or straight(), loader, loss, out=folder / "run", **settings)


BEFORE = [
    ({"model": "a"}, OwnModelError, r"cannot train a str: it is no torch.nn.Module. Give a module"),
    ({"model": frozen()}, OwnModelError, "train Linear: it has no parameter to train. Give one of"),
    ({"model": split()}, OwnModelError, r"it is on cpu and meta. Move it to one: model.to\("),
    ({"loader": []}, LoaderError, "the loader list cannot be read pass by pass: it has no batch."),
    ({"loader": iter(WHOLE)}, LoaderError, "it is an iterator, which gives its batches once. Give"),
    ({"loader": (b for b in WHOLE)}, LoaderError, "the loader generator cannot be .* an iterator"),
    ({"loader": DataLoader(Endless())}, LoaderError, "the loader DataLoader .* it has no length."),
    ({"validation": []}, LoaderError, "the validation list cannot be read .* a list of batches"),
    (
        {"learning_rat": 1},
        UnknownSettingError,
        "no setting 'learning_rat': did you mean learning_r",
    ),
    ({"zzz": 1}, UnknownSettingError, "fit has no setting 'zzz': it has out, carry, minutes, epo"),
    ({"optimizer": "adan"}, SettingError, "optimizer=adan cannot be; wanted one of adam, adamw"),
    ({"steps": 0}, SettingError, "steps=0 cannot be; wanted more than 0"),
    ({"steps": "4"}, SettingError, r"steps='4' cannot be; wanted a whole number \(int\)"),
    ({"steps": 4.0}, SettingError, "steps=4.0 cannot be; wanted a whole number"),
    ({"epochs": [2]}, SettingError, r"epochs=\[2\] cannot be; wanted a number \(int or float\)"),
    ({"minutes": True}, SettingError, "minutes=True cannot be; wanted a number"),
    ({"learning_rate": None}, SettingError, "learning_rate=None cannot be; wanted a number"),
    ({"clip_norm": "1"}, SettingError, "clip_norm='1' cannot be; wanted a number"),
    ({"lens": 1}, SettingError, "lens=1 cannot be; wanted True or False"),
    ({"device": 0}, SettingError, r"device=0 cannot be; wanted a text \(str\)"),
    ({"watcher": "no"}, SettingError, "watcher='no' cannot be; wanted 'auto', None or a Watcher"),
    ({"carry": "no"}, SettingError, "carry='no' cannot be; wanted True or False"),
    (
        {"loss": nn.MSELoss()},
        OwnFunctionError,
        r"calls loss\(model, batch\), and MSELoss is no fun",
    ),
    ({"loss": nn.MSELoss}, OwnFunctionError, "MSELoss is no function of these. Give one that call"),
    (
        {"loss": F.mse_loss},
        OwnFunctionError,
        r"mse_loss is .* lambda model, batch: F.mse_loss\(mod",
    ),
    ({"loss": "mse"}, OwnFunctionError, "and str is no function of these"),
    ({"loss": lambda batch: batch}, OwnFunctionError, "<lambda> is no function of these"),
    (
        {"loss": squared, "carry": True},
        OwnFunctionError,
        r"loss\(model, batch, state\), and squared",
    ),
    (
        {"metric": nn.L1Loss()},
        OwnFunctionError,
        r"metric\(model, batch\), and L1Loss is .* != batc",
    ),
    ({"patience": 2}, SettingError, "patience=2 cannot be; wanted a validation loader beside it"),
    ({"lens": True}, SettingError, "lens=True cannot be; wanted a validation loader beside it"),
    ({"metric": max}, SettingError, "metric=<built-in .* wanted a validation loader beside it"),
]


@pytest.mark.parametrize(("settings", "error", "message"), BEFORE)
def test_what_cannot_be_is_refused_before_there_is_a_folder(settings, error, message, tmp_path):
    with pytest.raises(error, match=message):
        attempt(tmp_path, **settings)
    assert not (tmp_path / "run").exists()


GIVEN = [
    (lambda m, b: squared(m, b).item(), r"loss gave \d\.\d+ of type float; wanted a tensor with"),
    (lambda m, b: m(b[0]), r"loss gave a tensor of shape \[22, 1\]; wanted a tensor with one numb"),
    (lambda m, b: None, "loss gave None of type NoneType; wanted a tensor with one number, the me"),
    (lambda m, b: squared(m, b).detach(), "gave a tensor without a gradient; wanted one that the"),
    (lambda m, b: (squared(m, b), 0), "loss gave 0 of type int; wanted a whole number of items, 1"),
    (lambda m, b: (squared(m, b), 2.5), "gave 2.5 of type float; wanted a whole number of items"),
]


@pytest.mark.parametrize(("loss", "message"), GIVEN)
def test_a_loss_that_is_none_is_refused(loss, message, tmp_path):
    with pytest.raises(LossError, match=message):
        attempt(tmp_path, loss=loss)


def test_a_loss_that_gives_no_state_where_one_is_carried_is_refused(tmp_path):
    with pytest.raises(LossError, match=r"wanted \(loss, state\), since carry=True"):
        attempt(tmp_path, loss=lambda model, batch, state: squared(model, batch), carry=True)


@pytest.mark.parametrize("share", [1.5, -0.1, math.nan, "half", torch.ones(2)])
def test_a_metric_that_gives_no_share_is_refused(share, tmp_path):
    with pytest.raises(LossError, match="metric gave .*; wanted the share of wrong ones, from 0"):
        attempt(tmp_path, validation=WHOLE, metric=lambda model, batch: share)


def test_a_loss_that_is_no_number_keeps_the_last_good_checkpoint(tmp_path):
    def loss(model, batch):
        return squared(model, batch) * math.nan

    with pytest.raises(DivergedError, match="diverged at step 1: loss nan"):
        attempt(tmp_path, loss=loss)
    assert load_checkpoint(tmp_path / "run").step == 0


def test_a_loader_that_ends_before_its_length_is_refused(tmp_path):
    with pytest.raises(LoaderError, match="the loader Short .* it ended before its 5 batches"):
        attempt(tmp_path, loader=Short(WHOLE))


def test_a_state_cannot_be_carried_where_several_processes_train(tmp_path, monkeypatch):
    monkeypatch.setattr(given, "join", lambda: Group(0, 2))
    with pytest.raises(SettingError, match="carry=True cannot be; wanted False where several"):
        attempt(tmp_path, Follower(), stream(), following, carry=True)


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A run that a test may copy."""
    folder = tmp_path_factory.mktemp("begun")
    attempt(folder, loader=shuffled(), steps=3)
    return folder / "run"


CHANGED = [
    ({"loader": WHOLE}, ChangedRunError, "would not go on as it was: batches was 6 and is 1. Give"),
    ({"seed": 4}, ChangedRunError, "seed was 0 and is 4. Give what it was begun with, or begin"),
    ({"carry": True, "loss": following}, ChangedRunError, "carry was False and is True"),
    ({"model": nn.Linear(3, 2)}, ForeignWeightsError, r"different: 'weight' is \(1, 3\) float32"),
    ({"model": dropping()}, ForeignWeightsError, "not of this Sequential:\n  missing: '0.weight'"),
]


@pytest.mark.parametrize(("changes", "error", "message"), CHANGED)
def test_a_run_that_was_begun_with_something_else_is_refused(
    changes, error, message, begun, tmp_path
):
    shutil.copytree(begun, tmp_path / "run")
    before = load_checkpoint(begun).weights["weight"]
    with pytest.raises(error, match=message):
        attempt(tmp_path, **{"loader": shuffled(), "resume": True, "steps": 9, **changes})
    assert load_checkpoint(tmp_path / "run").weights["weight"].equal(before)


def test_another_number_of_processes_is_refused(begun, tmp_path, monkeypatch):
    shutil.copytree(begun, tmp_path / "run")
    monkeypatch.setattr(given, "join", lambda: Group(0, 2))
    with pytest.raises(ChangedRunError, match="processes was 1 and is 2"):
        attempt(tmp_path, loader=shuffled(), resume=True)


def test_a_run_of_a_task_is_not_gone_on_with(tmp_path):
    unrolled.train("latch", steps=1, hidden_size=2, length=20, out=tmp_path / "run")
    with pytest.raises(ChangedRunError, match="task was 'latch' and is 'fit'"):
        attempt(tmp_path, resume=True)


def test_what_goes_on_has_to_be_there(tmp_path):
    with pytest.raises(NotARunError, match="is not a run folder"):
        attempt(tmp_path, resume=True)
    with pytest.raises(SettingError, match="out=None cannot be; wanted the folder of the run"):
        unrolled.fit(straight(), WHOLE, squared, resume=True, watcher=None)


def test_a_folder_that_holds_a_run_says_how_a_program_goes_on(begun):
    said = r"holds '\w+.*a folder of its own. .* or go on .*: the same call, with resume=True\.$"
    with pytest.raises(RunExistsError, match=said):
        attempt(begun.parent)
    with pytest.raises(SettingError, match="out=3 cannot be; wanted a folder"):
        unrolled.fit(straight(), WHOLE, squared, out=3, watcher=None)


def test_a_damaged_config_is_told(begun, tmp_path):
    run = shutil.copytree(begun, tmp_path / "run")
    config = json.loads((run / "config.json").read_text())
    config["config"]["settings"]["model"] = 7
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(StoredSettingsError, match="model=7 is of the wrong type"):
        attempt(tmp_path, loader=shuffled(), resume=True)


@pytest.mark.parametrize("verb", ["resume", "evaluate"])
def test_the_command_says_that_only_the_program_can_go_on(verb, begun, capsys):
    assert main([verb, str(begun)]) == 2
    said = capsys.readouterr().err
    assert (
        f"{begun} is a run of unrolled.fit: its model, loader and loss are in the program" in said
    )
    assert f"unrolled.fit(model, loader, loss, out='{begun}', resume=True)" in said
    with pytest.raises(OwnProgramError, match="in the program that began it"):
        unrolled.open_run(begun)


def test_where_processes_have_gone_the_program_is_to_be_started_again(begun):
    with runs.lock_run(begun) as run:
        said = runs._remedy(run)
    assert said.endswith("To go on: start the same program again, with resume=True")
    assert said.startswith(f"Step 3 is saved in {begun}. ")
