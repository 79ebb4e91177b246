"""Fetching, with each client: only the pinned content, and not a line of it is run."""

from dataclasses import replace

import pytest

from unrolled.data import fetch as fetch_module
from unrolled.data.fetch import CLIENTS, fetch
from unrolled.errors import (
    ArchiveError,
    CacheFolderError,
    DownloadError,
    HashMismatchError,
)

SAID = {  # when there is no such version
    "pip": r"some-texts 1\.0\.1 could not .*; pip says: No matching .*==1\.0\.1\. See",
    "apt-get": r"some-texts 1\.0\.1 could not .*; apt-get says: Version .* not found \(`apt-get up",
    "npm": r"@some/texts 1\.0\.1 could not .*; npm says: No matching .*@1\.0\.1\. See",
}


def test_no_line_of_the_package_is_run(hostile, kept):
    told = []
    folder = fetch(hostile.package, told.append)
    texts = {path.name: path.read_text() for path in (folder / hostile.texts).iterdir()}
    assert texts == {"a.txt": "one", "b.txt": "two"}
    assert not hostile.mark.exists()
    package = hostile.package
    fetching = f"fetching {package.project} {package.version} with {package.client}"
    unpacking = ("unpacking some-texts-1.0.", "unpacking some-texts_1.0_all.deb")
    assert [told[0], told[1].startswith(unpacking), len(told)] == [fetching, True, 2]
    assert kept() == [folder.name]
    assert folder.name.startswith(f"some-texts-{package.version}-")


def test_what_was_fetched_is_used_again(hostile, monkeypatch):
    folder = fetch(hostile.package)
    monkeypatch.setitem(CLIENTS, hostile.package.client, None)
    told = []
    assert fetch(hostile.package, told.append) == folder
    assert told == []


def test_another_content_is_refused_before_it_is_opened(hostile, kept, monkeypatch):
    monkeypatch.setattr(fetch_module, "unpack", None)
    told = []
    with pytest.raises(HashMismatchError) as caught:
        fetch(replace(hostile.package, sha256="0" * 64), told.append)
    expected = f"Expected SHA-256 {'0' * 64}, got {hostile.package.sha256}."
    assert expected in str(caught.value)
    assert len(told) == 1
    assert not hostile.mark.exists()
    assert kept() == []


def test_a_failed_download_brings_what_the_client_said(hostile, kept):
    with pytest.raises(DownloadError, match=SAID[hostile.package.client]):
        fetch(replace(hostile.package, version="1.0.1"))
    assert kept() == []


def test_a_package_without_the_wanted_leaves_nothing(hostile, kept):
    with pytest.raises(ArchiveError, match=r"some-texts.1\.0.* was not .* has no nothing/"):
        fetch(replace(hostile.package, members="nothing/*"))
    assert kept() == []


def test_a_cache_that_cannot_keep_it_is_named(tmp_path, hostile):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "packages").touch()
    with pytest.raises(CacheFolderError, match="packages cannot be used: File exists"):
        fetch(hostile.package)


def test_a_client_is_listed_under_its_name():
    assert [client.name for client in CLIENTS.values()] == list(CLIENTS)
    assert set(CLIENTS) == {"pip", "npm", "apt-get"}
    assert all(client.remedy.endswith(".") for client in CLIENTS.values())
