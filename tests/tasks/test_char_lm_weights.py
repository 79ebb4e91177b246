"""A published GPT-2 as a character model that reads pieces: tuned, written from, gone on with."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.tasks.texts.published import publish_gpt2
from tests.tasks.tiny_text import book, kept, stopping, tiny

from unrolled.data.pieces import PieceAlphabet
from unrolled.errors import PublishedWeightsError, SettingError, TokenizerSizeError
from unrolled.models.sampling import Choice
from unrolled.tasks.char_lm.run import open_run, resume, train
from unrolled.tasks.char_lm.settings import CharLMSettings

TEXT = "the bath\nthe hat, the bat é\n" * 60


def settings_of(tmp_path, name="run", **changes):
    weights = tmp_path / "gpt2"
    if not weights.exists():
        weights.mkdir()
        publish_gpt2(weights)
    data = book(tmp_path, TEXT)
    given = {"model": "gpt2", "weights": str(weights), "bptt": 8, "hidden_size": 99, **changes}
    return tiny(data, tmp_path / name, **given)


def test_it_starts_as_it_was_published_and_has_its_sizes_and_pieces(tmp_path):
    run = train(settings_of(tmp_path, steps=1, learning_rate=1e-30))
    assert isinstance(run.alphabet, PieceAlphabet)
    theirs = publish_gpt2(tmp_path / "gpt2")
    symbols = torch.from_numpy(run.alphabet.encode("the bat").astype(np.int64))
    scores, _ = run.model(symbols.unsqueeze(1))
    torch.testing.assert_close(scores[:, 0], theirs(symbols.unsqueeze(0)).logits[0])
    assert run.settings.hidden_size == run.model.gpt2.shape.width != 99
    assert run.settings.context == run.model.gpt2.shape.context > run.settings.bptt == 8


def test_it_is_measured_by_the_character_and_writes_whole_ones(tmp_path):
    run = train(settings_of(tmp_path, steps=300, learning_rate=0.02))
    figures = run.evaluate()
    test = TEXT[-round(0.05 * len(TEXT)) :]
    assert abs(figures.characters - len(test)) < 10
    assert figures.bits_per_character < 2.0
    assert figures.nats_per_character == pytest.approx(figures.bits_per_character * np.log(2))
    written = "".join(run.generate("the b", length=40, choice=Choice(greedy=True)))
    assert "the bat" in written and "\ufffd" not in written[:-1]
    again = open_run(run.path)
    assert "".join(again.generate("the b", length=40, choice=Choice(greedy=True))) == written
    assert "".join(again.generate(length=3, seed=1))


def test_a_character_of_several_pieces_comes_when_its_last_has(tmp_path):
    alphabet = train(settings_of(tmp_path, steps=1)).alphabet
    numbers, decoder = alphabet.encode("té"), alphabet.decoder()
    pieces = [decoder.decode(numbers[at : at + 1]) for at in range(len(numbers))]
    assert "".join(pieces) == "té" and "" in pieces
    assert alphabet.decoder().decode(numbers[:-1], final=True) == "t\ufffd"


def test_a_run_that_is_stopped_goes_on_bit_for_bit_without_the_folder(tmp_path):
    changes = {"steps": 9, "evaluate_every": 4}
    train(settings_of(tmp_path, "whole", **changes))
    part = train(settings_of(tmp_path, "part", **changes), watcher=stopping(7))
    (tmp_path / "gpt2").rename(tmp_path / "away")
    assert resume(part.path).ending.step == 9
    assert kept(tmp_path / "part") == kept(tmp_path / "whole")


def test_a_tokenizer_of_other_weights_is_refused(tmp_path):
    settings = settings_of(tmp_path)
    file = tmp_path / "gpt2" / "encoder.json"
    symbols = json.loads(file.read_text())
    file.write_text(json.dumps({**symbols, "more": len(symbols)}))
    with pytest.raises(TokenizerSizeError, match="symbols, and the weights have vectors for"):
        train(settings)
    assert not settings.out.exists()


def test_weights_with_other_names_are_refused_with_all_of_them(tmp_path):
    settings = settings_of(tmp_path)
    file = tmp_path / "gpt2" / "model.safetensors"
    weights = load_file(file)
    name = sorted(weights)[0]
    weights["odd.weight"] = weights.pop(name)
    save_file(weights, file)
    with pytest.raises(PublishedWeightsError, match=r"(?s)missing: .*unexpected: odd\.weight"):
        train(settings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": "gpt2"}, "weights=gpt2 cannot be; wanted none: --model recurrent has"),
        ({"context": 64}, "context=64 cannot be; wanted none: --model recurrent has"),
        ({"model": "gpt2", "context": 8}, "context=8 cannot be; wanted 0 or at least --bptt, 64"),
        ({"context": -1}, "context=-1 cannot be; wanted 0 or more"),
    ],
)
def test_settings_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(SettingError, match=message):
        CharLMSettings(**changes)
