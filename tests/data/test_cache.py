"""The cache folder, and writing that is whole or not there."""

import errno
import stat
from pathlib import Path

import pytest

from unrolled.data.cache import cache_folder, place_folder, replace_file
from unrolled.errors import CacheFolderError


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_named_folder_wins_over_the_shared_one(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "named"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "shared"))
    assert cache_folder() == tmp_path / "named"
    monkeypatch.delenv("UNROLLED_CACHE")
    assert cache_folder() == tmp_path / "shared" / "unrolled"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "unrolled"
    assert _names(tmp_path) == ["home", "named", "shared"]


def test_it_is_open_to_its_user_alone_and_left_empty(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    folder = cache_folder()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert _names(folder) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(CacheFolderError, match=r"file/cache cannot be used: Not a directory\. Set"):
        cache_folder()


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    def refuse(path, **options):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(CacheFolderError, match="Read-only file system"):
        cache_folder()


def test_a_file_is_replaced(tmp_path):
    path = tmp_path / "file"
    replace_file(path, lambda unfinished: unfinished.write_text("one"))
    replace_file(path, lambda unfinished: unfinished.write_text("two"))
    assert path.read_text() == "two"
    assert _names(tmp_path) == ["file"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def fail(unfinished):
        unfinished.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        replace_file(path, fail)
    assert path.read_text() == "old"
    assert _names(tmp_path) == ["file"]


def test_a_name_of_full_length_can_be_replaced(tmp_path):
    path = tmp_path / ("é" * 127)
    replace_file(path, lambda unfinished: unfinished.write_text("one"))
    assert path.read_text() == "one"


def test_a_folder_appears_filled(tmp_path):
    path = tmp_path / "folder"

    def fill(unfinished):
        (unfinished / "inner").mkdir()
        (unfinished / "inner" / "file").write_text("one")
        assert not path.exists()

    place_folder(path, fill)
    assert (path / "inner" / "file").read_text() == "one"
    assert _names(tmp_path) == ["folder"]


def test_a_folder_that_fails_to_fill_never_appears(tmp_path):
    def fail(unfinished):
        (unfinished / "file").write_text("half")
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        place_folder(tmp_path / "folder", fail)
    assert _names(tmp_path) == []


def test_of_two_processes_that_place_a_folder_the_first_one_stays(tmp_path):
    path = tmp_path / "folder"

    def fill_second(unfinished):
        (unfinished / "file").write_text("second")
        place_folder(path, lambda first: (first / "file").write_text("first"))

    place_folder(path, fill_second)
    assert (path / "file").read_text() == "first"
    assert _names(tmp_path) == ["folder"]
