"""Where a run computes, and what does not fit there."""

import pytest
import torch
from tests.tasks.tiny_text import book, tiny
from torch import nn

import unrolled
from unrolled.errors import ModelTooLargeError, NoDeviceError, SettingError, UnknownTaskError
from unrolled.tasks import computing, registry
from unrolled.tasks.char_lm import run as char_lm
from unrolled.tasks.char_lm.settings import CharLMSettings
from unrolled.tasks.computing import begin, build_on, compute_on, open_on
from unrolled.training.group import Group
from unrolled.training.settings import TrainSettings

CPU = torch.device("cpu")


@pytest.mark.parametrize("device", ["meta", "lazy", "nonsense", "", "cpu:x", "mps:77"])
def test_a_device_that_is_not_here_is_refused(device):
    message = f"cannot compute on '{device}': .+ Use --device cpu, or auto"
    with pytest.raises(NoDeviceError, match=message):
        compute_on(TrainSettings(device=device))


def test_auto_is_the_cpu_where_there_is_no_gpu(monkeypatch):
    assert compute_on(TrainSettings(device="cpu")) == CPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert compute_on(TrainSettings()) == CPU


def test_a_gpu_that_auto_would_take_and_that_does_not_serve_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(computing, "join", lambda: Group(rank=63, size=64))
    message = "cannot compute on 'cuda': .+ Each process has a GPU of its own: start fewer, or use"
    with pytest.raises(NoDeviceError, match=message):
        compute_on(TrainSettings())


def test_a_model_trained_on_a_gpu_is_opened_where_there_is_none():
    gone = TrainSettings(device="cuda:7")
    assert open_on(gone) == open_on(TrainSettings()) == compute_on(TrainSettings())
    assert open_on(TrainSettings(device="cpu")) == CPU


def test_beginning_seeds_and_sets_the_threads():
    before = torch.get_num_threads()
    begin(TrainSettings(seed=5, threads=before))
    first = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(3), first)
    assert torch.get_num_threads() == before


def test_a_model_is_built_as_if_nobody_had_asked_for_its_size():
    torch.manual_seed(3)
    built = build_on(CPU, lambda: nn.Linear(5, 4))
    torch.manual_seed(3)
    assert torch.equal(built.weight, nn.Linear(5, 4).weight)


def test_a_model_for_which_there_is_no_room_is_refused_before_it_is_made():
    with pytest.raises(ModelTooLargeError, match=r"takes 16,000 GB for its weights, .* cpu has"):
        build_on(CPU, lambda: nn.Linear(10**6, 10**6, bias=False))


def test_a_width_that_no_machine_can_train_is_refused_before_there_is_a_run(tmp_path):
    settings = tiny(book(tmp_path), tmp_path / "run", hidden_size=2**16, num_layers=9)
    with pytest.raises(ModelTooLargeError, match="Choose a smaller --hidden-size"):
        char_lm.train(settings)
    assert not (tmp_path / "run").exists()


def test_a_cell_that_projects_wants_to_know_how_far(tmp_path):
    settings = tiny(book(tmp_path), tmp_path / "run", cell="lstm_projected")
    message = "projection_size=0 cannot be; wanted the width R to which lstm_projected projects"
    with pytest.raises(SettingError, match=message):
        char_lm.train(settings)


def test_tasks_are_found_by_name():
    assert type(registry.find_task("char-lm").defaults()) is CharLMSettings
    with pytest.raises(UnknownTaskError, match="no task is named 'char_lm'; there are: char-lm"):
        unrolled.train("char_lm")


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("hidden_size", 0, "more than 0"),
        ("hidden_size", 2**17, "65536 at most"),
        ("num_layers", 1025, "1024 at most"),
        ("embedding_size", -1, "0 or more"),
        ("embedding_size", 2**17, "65536 at most"),
        ("projection_size", 2**62, "65536 at most"),
        ("batch_size", 0, "more than 0"),
        ("bptt", -1, "0 or more"),
        ("ngram", 0, "more than 0"),
        ("ngram", 33, "32 at most"),
        ("dropout", 1.0, "0 or more, below 1"),
        ("dropout", -0.5, "0 or more, below 1"),
        ("dropout", float("nan"), "0 or more, below 1"),
        ("validate_characters", 0, "more than 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(name, value, wanted):
    with pytest.raises(SettingError, match=f"^{name}={value} cannot be; wanted {wanted}"):
        tiny("book.txt", None, **{name: value})
