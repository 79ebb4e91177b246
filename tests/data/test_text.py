"""A text as an array: what is read, how much memory it takes, and what is refused."""

import errno
import hashlib
import tracemalloc

import numpy as np
import pytest

from unrolled.data import text as text_module
from unrolled.data.alphabet import Alphabet
from unrolled.data.text import Corpus, read_corpus, require_length
from unrolled.errors import (
    AlphabetKindError,
    CacheFolderError,
    EmptyTextError,
    OneSymbolError,
    SplitError,
    TextChangedError,
    TextTooShortError,
    UnknownCharactersError,
)

TEXT = "to be, or not to be: that is the question\nné €\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "book.txt"
    path.write_bytes(TEXT.encode())
    return path


@pytest.fixture
def mapped(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(text_module, "MAPPED_FROM", 1)
    return tmp_path / "cache" / "texts"


def test_a_file_becomes_the_numbers_of_its_characters(file):
    corpus = read_corpus(file)
    assert corpus.alphabet == Alphabet.of(TEXT)
    assert corpus.ids.tolist() == Alphabet.of(TEXT).encode(TEXT).tolist()
    assert corpus.ids.dtype == np.uint8
    assert corpus.name == "book.txt"
    assert corpus.fingerprint == hashlib.sha256(TEXT.encode()).hexdigest()
    assert len(corpus) == len(TEXT)


def test_the_same_text_in_another_encoding_is_the_same(file, tmp_path):
    other = tmp_path / "other"
    other.write_bytes(TEXT.encode("utf-16"))
    corpus = read_corpus(str(other), encoding="UTF-16")
    assert corpus.ids.tolist() == read_corpus(file).ids.tolist()
    assert corpus.fingerprint == read_corpus(file).fingerprint


def test_bytes_are_symbols_when_asked_for(file):
    corpus = read_corpus(file, as_bytes=True)
    assert corpus.alphabet == Alphabet()
    assert corpus.ids.tobytes() == TEXT.encode()
    assert read_corpus(file, alphabet=Alphabet()).ids.tobytes() == TEXT.encode()


def test_a_folder_is_one_text(tmp_path):
    for name, content in {"b": "second", "a": "first", ".c": "hidden"}.items():
        (tmp_path / name).write_text(content)
    corpus = read_corpus(tmp_path)
    assert corpus.alphabet.decode(corpus.ids) == "first\nsecond"
    assert corpus.name == tmp_path.name


def test_a_given_alphabet_numbers_the_characters(file):
    alphabet = Alphabet.of(TEXT + "xyz@")
    corpus = read_corpus(file, alphabet=alphabet)
    assert corpus.alphabet is alphabet
    assert corpus.ids.tolist() == alphabet.encode(TEXT).tolist()


def test_a_given_alphabet_must_know_the_characters(file):
    with pytest.raises(UnknownCharactersError, match=r"3 characters .*: '\\n' .2 times., '€' "):
        read_corpus(file, alphabet=Alphabet.of("".join(set(TEXT) - set("\n€"))))


def test_bytes_cannot_be_had_for_an_alphabet_of_characters(file):
    with pytest.raises(AlphabetKindError, match="alphabet given has 2 characters"):
        read_corpus(file, as_bytes=True, alphabet=Alphabet(("a", "b")))


def test_numbers_cannot_be_changed(file):
    with pytest.raises(ValueError, match="read-only"):
        read_corpus(file).ids[0] = 1


def test_a_long_text_lies_in_a_file_that_is_used_again(file, mapped):
    corpus = read_corpus(file)
    assert isinstance(corpus.ids, np.memmap)
    assert corpus.ids.mode == "r"
    assert corpus.alphabet.decode(corpus.ids) == TEXT
    (kept,) = mapped.iterdir()
    before = kept.stat()
    again = read_corpus(file)
    assert np.array_equal(again.ids, corpus.ids)
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_another_alphabet_has_another_file(file, mapped):
    first, second = read_corpus(file), read_corpus(file, as_bytes=True)
    assert first.alphabet.decode(first.ids) == second.alphabet.decode(second.ids) == TEXT
    assert len(list(mapped.iterdir())) == 2


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"no array"])
def test_a_damaged_file_of_the_cache_is_written_again(file, mapped, damage):
    read_corpus(file)
    (kept,) = mapped.iterdir()
    whole = kept.read_bytes()
    for content in (damage, whole[:-1], whole[:-1] + b"\xff"):
        kept.unlink()
        kept.write_bytes(content)
        corpus = read_corpus(file)
        assert corpus.alphabet.decode(corpus.ids) == TEXT
    assert [path.name for path in mapped.iterdir()] == [kept.name]


def test_a_full_disk_is_named(file, mapped, monkeypatch):
    def refuse(path, write):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(text_module, "replace_file", refuse)
    with pytest.raises(CacheFolderError, match="texts cannot be used: No space left on device"):
        read_corpus(file)


@pytest.mark.parametrize("second", ["", "abcx", "abx", "abc" * 9])
@pytest.mark.parametrize("least", [1, 1 << 20])
def test_a_text_that_changes_while_it_is_read_is_refused(file, mapped, monkeypatch, second, least):
    contents = iter(["abc", second])

    def read_pieces(files, encoding):
        content = next(contents)
        yield np.array([ord(symbol) for symbol in content], dtype=np.uint32), content.encode()

    monkeypatch.setattr(text_module, "MAPPED_FROM", least)
    monkeypatch.setattr(text_module, "read_pieces", read_pieces)
    with pytest.raises(TextChangedError, match=r"book.txt changed while it was read\. Read it"):
        read_corpus(file)
    assert not mapped.exists() or list(mapped.iterdir()) == []


def test_the_empty_text_is_refused(file):
    file.write_bytes(b"")
    with pytest.raises(EmptyTextError, match=r"book.txt is empty\. Give a text"):
        read_corpus(file)


def test_one_character_is_nothing_to_predict(file):
    file.write_text("\x1b" * 500)
    with pytest.raises(OneSymbolError, match=r"book.txt holds 500 times '\\x1b' and nothing else"):
        read_corpus(file)
    assert read_corpus(file, alphabet=Alphabet(("\x1b", "a"))).ids.tolist() == [0] * 500


@pytest.mark.parametrize("length", [5, 100, 1003])
def test_the_parts_are_views_that_make_up_the_text(length):
    corpus = Corpus(np.arange(length), Alphabet(), name="count", fingerprint="")
    parts = corpus.split()
    assert np.concatenate(parts).tolist() == list(range(length))
    assert [len(part) for part in parts[1:]] == [round(0.05 * length)] * 2
    assert all(np.shares_memory(part, corpus.ids) for part in parts if len(part))
    thirds = corpus.split(validation=0.2, test=0.4)
    assert thirds.test.tolist() == list(range(length - round(0.4 * length), length))


@pytest.mark.parametrize(("validation", "test"), [(0.5, 0.5), (-0.1, 0), (0, 2), (float("nan"), 0)])
def test_shares_that_leave_nothing_are_refused(validation, test):
    corpus = Corpus(np.arange(9), Alphabet(), name="count", fingerprint="")
    with pytest.raises(SplitError, match=r"no shares of a text: each is at least 0"):
        corpus.split(validation=validation, test=test)


def test_a_text_shorter_than_its_use_is_refused():
    require_length(np.arange(9), 9, "training")
    with pytest.raises(TextTooShortError) as caught:
        require_length(np.arange(9), 10, "training on chunks of 9")
    assert str(caught.value) == (
        "The text has 9 characters, but training on chunks of 9 needs at least 10. "
        "Give a longer one."
    )


def _peak_of_one_line(path, length):
    with path.open("wb") as stream:
        for _ in range(length // 1_000_000):
            stream.write(b"abcdefghij" * 100_000)
    tracemalloc.start()
    corpus = read_corpus(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(corpus) == length
    assert corpus.alphabet.decode(corpus.ids[-10:]) == "abcdefghij"
    return peak


def test_memory_grows_with_the_numbers_alone(tmp_path):
    small = _peak_of_one_line(tmp_path / "small", 2_000_000)
    large = _peak_of_one_line(tmp_path / "large", 12_000_000)
    assert large - small < 1.1 * 10_000_000
    assert small < 60_000_000


@pytest.mark.slow
def test_a_line_of_a_hundred_megabytes_needs_no_memory(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    assert _peak_of_one_line(tmp_path / "line", 100_000_000) < 60_000_000
