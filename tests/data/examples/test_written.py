"""Dates and numbers in many languages, and their parts."""

import re
from collections import Counter
from datetime import date

import pytest

from unrolled.data.examples import written
from unrolled.data.examples.paired import read_pairs
from unrolled.data.examples.sources import find_source
from unrolled.data.examples.written import babel_version, write_dates, write_numbers
from unrolled.errors import MissingExtraError


def parts(folder, write):
    write(folder)
    return {
        name: [*read_pairs([folder / f"{name}.tsv"])] for name in ("train", "validation", "test")
    }


@pytest.fixture(scope="module")
def dates(tmp_path_factory):
    return parts(tmp_path_factory.mktemp("dates"), write_dates)


def test_no_date_is_in_two_parts_and_every_one_is_a_day(dates):
    days = {name: {pair.target for pair in pairs} for name, pairs in dates.items()}
    assert not (days["train"] & days["test"] or days["train"] & days["validation"])
    every = [date.fromisoformat(day) for part in days.values() for day in part]
    assert min(every).year == 1900 and max(every).year == 2099
    assert len(dates["test"]) > 3_500 and len(dates["train"]) > 30_000


def test_a_date_has_its_year_and_its_day_in_each_countrys_form(dates):
    pairs = {pair.source: pair.target for part in dates.values() for pair in part}
    assert all(source == " ".join(source.split()) for source in pairs)
    latin = {s: t for s, t in pairs.items() if re.search(r"[0-9]{4}", s)}
    assert len(latin) == len(pairs)  # babel takes the Gregorian calendar, and these digits
    assert all(target[:4] in source for source, target in latin.items())
    assert all(target[8:].lstrip("0") in source for source, target in latin.items())
    assert any(source.startswith("freitag") or "Freitag" in source for source in pairs)


def test_a_source_has_one_target_and_numbers_are_what_they_say(tmp_path):
    pairs = [pair for part in parts(tmp_path, write_numbers).values() for pair in part]
    assert max(Counter(pair.source for pair in pairs).values()) == 1
    found = dict(pairs)
    assert "1 billion" not in found  # of English 10^9, of Danish 10^12
    english = {s: t for s, t in found.items() if re.fullmatch(r"[0-9.]+ million", s)}
    assert len(english) > 100
    assert all(int(t) == round(float(s.split()[0]) * 1e6) for s, t in english.items())


def test_they_are_written_once_for_each_version_of_the_tables(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    monkeypatch.setattr(written, "EXAMPLES", 300)
    said = []
    first = find_source("dates", "pairs of sentences", report=said.append)
    again = find_source("dates", "pairs of sentences", report=said.append)
    assert first == again and len(said) == 1
    assert [file.name for part in first.parts.values() for file in part] == [
        "train.tsv", "validation.tsv", "test.tsv",
    ]  # fmt: skip
    assert first.parts["train"][0].parent.name == f"dates-{babel_version()}"


def test_without_babel_its_extra_is_named(monkeypatch):
    def absent(name):
        raise written.PackageNotFoundError(name)

    monkeypatch.setattr(written, "version", absent)
    with pytest.raises(MissingExtraError, match=r"need the package babel.*unrolled\[text\]"):
        babel_version()
