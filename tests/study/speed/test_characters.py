"""Characters a second: ours train as the lecture's program does, and sample what they learned."""

import pytest
import torch

from unrolled.errors import TextTooShortError
from unrolled.study.speed import characters
from unrolled.study.speed.characters import measure_characters
from unrolled.study.speed.settings import BenchSettings
from unrolled.study.speed.table import grids


def settings(tmp_path, text="the quick brown fox jumps over the lazy dog; " * 60, **changes):
    path = tmp_path / "fox.txt"
    path.write_text(text)
    return BenchSettings(text=str(path), seconds=1e-6, rounds=1, **changes)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(characters, "ITERATIONS", 4)
    monkeypatch.setattr(characters, "DRAWN", 5)


def test_training_starts_with_the_losses_of_the_lectures_program(tmp_path):
    [measured] = measure_characters(settings(tmp_path, min_char_rnn=True), lambda doing: None)
    assert {name: e.status for name, e in measured.entries.items()} == dict.fromkeys(
        ("c", "c in torch's loop", "eager", "numpy"), "timed"
    )
    assert (measured.characters, measured.steps) == (4 * 25, 25)
    [grid] = grids([measured])
    assert grid.title == "min-char-rnn: rnn, B=1, H=100, 1 thread"
    assert "numpy computes in float64" in grid.notes[0]


def test_training_on_another_text_would_be_reported_as_wrong(tmp_path, monkeypatch):
    ours = characters._our_training
    monkeypatch.setattr(
        characters, "_our_training", lambda ids, *rest: ours(ids[::-1].copy(), *rest)
    )
    [measured] = measure_characters(settings(tmp_path, min_char_rnn=True), lambda doing: None)
    assert measured.entries["eager"].status == "wrong"
    assert measured.entries["numpy"].status == "timed"


def test_a_text_without_a_chunk_is_refused(tmp_path):
    with pytest.raises(TextTooShortError, match="one chunk of min-char-rnn"):
        list(
            measure_characters(settings(tmp_path, "ab" * 9, min_char_rnn=True), lambda doing: None)
        )


def test_sampling_compares_scores_and_counts_characters(tmp_path):
    before = torch.get_num_threads()
    wanted = settings(tmp_path, sampling=True, threads=(1, 2))
    measured = list(measure_characters(wanted, lambda doing: None))
    assert [m.threads for m in measured] == [1, 2]
    assert {e.status for m in measured for e in m.entries.values()} == {"timed"}
    assert torch.get_num_threads() == before
