"""Runs are looked into side by side, each reading the text in its own way."""

import re

import numpy as np
import pytest
from tests.tasks.tiny_text import BOOK, book, tiny

from unrolled.data.alphabet import Alphabet
from unrolled.errors import TextNotFoundError, UnknownCharactersError
from unrolled.probe.subject import Looking
from unrolled.tasks.char_lm import run as char_lm
from unrolled.tasks.char_lm.learned import text_of
from unrolled.tasks.looking import look_at_runs

ACCENTED = BOOK.replace("bright", "très clair")
QUICK = Looking(characters=600, shifts=199, lens_steps=4)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The folders of a run of characters and one of bytes, of the same text."""
    folder = tmp_path_factory.mktemp("both")
    text = book(folder, ACCENTED)
    return [
        char_lm.train(tiny(text, folder / name, bytes=name == "bytes")).path
        for name in ("characters", "bytes")
    ]


@pytest.mark.parametrize("order", [1, pytest.param(-1, marks=pytest.mark.slow)])
def test_a_run_of_bytes_beside_one_of_characters_reads_the_same_text(runs, order, tmp_path):
    report = look_at_runs(runs[::order], book(tmp_path, ACCENTED[:900], "piece.txt"), how=QUICK)
    (one, other) = report.seen.values()
    assert one.text == other.text == ACCENTED[:600]
    (alone,) = look_at_runs(
        runs[1:], book(tmp_path, ACCENTED[:600], "p.txt"), how=QUICK
    ).seen.values()
    of_bytes = report.seen["bytes"]
    np.testing.assert_allclose(of_bytes.tape.log_likelihood, alone.tape.log_likelihood)
    assert [track.values.tolist() for track in one.tracks] == [
        track.values.tolist() for track in other.tracks
    ]


def test_the_part_of_the_first_run_is_read_by_all(runs):
    texts = [[it.text for it in look_at_runs(paths, how=QUICK).seen.values()]
             for paths in (runs, runs[::-1])]  # fmt: skip
    for one, other in texts:
        assert one == other and one in ACCENTED


def test_bytes_that_are_no_text_are_read_as_they_are(tmp_path):
    path = tmp_path / "odd"
    path.write_bytes(bytes(range(256)) * 12)
    run = char_lm.train(tiny(path, tmp_path / "run", bytes=True))
    read = run.subject()
    symbols = read.spelled().symbols
    assert set(np.diff(symbols) % 256) == {1}  # not one is lost, none is changed
    (seen,) = look_at_runs([run.path], how=QUICK).seen.values()
    assert len(seen.text) == len(seen.tape) > 100


def test_what_a_second_run_cannot_read_is_said_before_the_first_is_looked_at(runs, tmp_path):
    told = []
    with pytest.raises(UnknownCharactersError, match="'€'"):
        look_at_runs(
            runs[::-1], book(tmp_path, "€" * 500), how=QUICK,
            progress=lambda what, share: told.append(what),
        )  # fmt: skip
    assert told == []


@pytest.mark.parametrize("text", ["a😀é", "é", "😀😀", "abc"])
def test_a_part_that_cuts_characters_in_two_has_only_whole_ones(text):
    coded = np.frombuffer(text.encode(), dtype=np.uint8)
    for start in range(len(coded)):
        for stop in range(start + 1, len(coded) + 1):
            part = text_of(coded[start:stop], Alphabet())
            assert part == coded[start:stop].tobytes().decode("utf-8", "ignore")


def test_a_run_whose_own_text_is_gone_reads_another(tmp_path):
    own = book(tmp_path)
    run = char_lm.train(tiny(own, tmp_path / "run"))
    own.unlink()
    (seen,) = look_at_runs(
        [run.path], book(tmp_path, BOOK[:900], "other.txt"), how=QUICK
    ).seen.values()
    assert seen.peeling is None
    assert re.search(r"Errors were not peeled: .*book\.txt", seen.notes[0])
    with pytest.raises(TextNotFoundError, match=r"book\.txt"):
        look_at_runs([run.path], how=QUICK)
