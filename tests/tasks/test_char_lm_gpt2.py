"""GPT-2 as a character model: learned, written from, gone on with."""

import signal

import pytest
from tests.tasks.tiny_text import book, kept, stopping, tiny

import unrolled
from unrolled.errors import NotLookableError, SettingError
from unrolled.models.attention_only.gpt2_in_step import GPT2InStep
from unrolled.models.sampling import Choice
from unrolled.tasks.char_lm.run import resume, train
from unrolled.tasks.char_lm.settings import CharLMSettings
from unrolled.training.settings import TrainSettings

SIZES = {"model": "gpt2", "hidden_size": 32, "num_heads": 2, "bptt": 32, "dropout": 0.0}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpt2")
    settings = tiny(
        book(folder), folder / "run", **SIZES, num_layers=2, steps=200, learning_rate=0.01
    )
    return train(settings)


def test_it_learns_a_text_and_writes_more_of_it(trained):
    figures = trained.evaluate()
    assert isinstance(trained.model, GPT2InStep)
    assert figures.bits_per_character < 1.0 < figures.ngram_bits_per_character + 1
    assert trained.tell(figures)[1].startswith("  gpt2 2 x 32")
    written = "".join(trained.generate("It was a br", length=100, seed=1))
    assert written == "".join(trained.generate("It was a br", length=100, seed=1))
    greedy = "".join(trained.generate("It was a br", length=80, choice=Choice(greedy=True)))
    assert greedy.startswith("ight cold day in April") and "\nIt was a bright" in greedy
    assert trained.search("It was a br", length=12, width=3) == "ight cold da"


def test_there_are_no_units_to_look_at(trained):
    with pytest.raises(NotLookableError, match="is a run of char-lm with gpt2"):
        trained.look()
    assert not any("look" in line for line in trained.advice("run"))


def test_a_run_that_is_stopped_goes_on_bit_for_bit(tmp_path):
    data, changes = book(tmp_path), {**SIZES, "dropout": 0.2, "steps": 9, "evaluate_every": 4}
    train(tiny(data, tmp_path / "whole", **changes))
    part = train(tiny(data, tmp_path / "part", **changes), watcher=stopping(7))
    assert (part.ending.step, part.ending.signal) == (7, signal.SIGTERM)
    assert resume(part.path).ending.step == 9
    assert kept(tmp_path / "part") == kept(tmp_path / "whole")


def test_its_folder_is_called_after_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = unrolled.train("char-lm", book(tmp_path), model="gpt2", hidden_size=8, bptt=8, steps=1)
    assert run.path.name == "char-lm-gpt2"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bptt": 0}, "bptt=0 cannot be; wanted 2 or more: what GPT-2 sees at once"),
        ({"training": TrainSettings(lens=True)}, "lens=True cannot be; wanted none: GPT-2 has no"),
        ({"training": TrainSettings(omega=2.0)}, "omega=2.0 cannot be; wanted none"),
        ({"num_heads": 0}, "num_heads=0 cannot be; wanted more than 0"),
    ],
)
def test_what_gpt2_has_no_use_for_is_refused(changes, message):
    with pytest.raises(SettingError, match=message):
        CharLMSettings(model="gpt2", **changes)
