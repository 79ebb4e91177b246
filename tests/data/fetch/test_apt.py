"""Fetching with apt-get: what is so with apt-get alone, with itself or one that is made up."""

import subprocess
from dataclasses import replace

import pytest
from tests.data.fetch.conftest import needs_apt

from unrolled.data.fetch import PinnedPackage, fetch
from unrolled.errors import DownloadError, NoClientError

PACKAGE = PinnedPackage("apt-get", "some-texts", "4:1.0-1", "0" * 64, "*.txt")


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    """Makes an apt-get of its own, the first on the PATH, of a shell script."""

    def make(script):
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "apt-get").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin" / "apt-get").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}", prepend=":")

    return make


@needs_apt
def test_the_mark_of_a_hostile_package_would_show(tmp_path, for_apt):
    subprocess.run(["dpkg-deb", "--control", for_apt.file, tmp_path / "control"], check=True)
    subprocess.run([tmp_path / "control" / "preinst"], check=True)
    assert for_apt.mark.exists()


@needs_apt
def test_a_package_that_the_archive_lacks_is_named(for_apt, kept):
    said = r"apt-get says: Unable to locate package no-texts \(`apt-get update` renews"
    with pytest.raises(DownloadError, match=said):
        fetch(replace(for_apt.package, project="no-texts"))
    assert kept() == []


@needs_apt
def test_a_file_that_is_not_what_the_archive_states_is_not_taken(for_apt, kept):
    for_apt.file.write_bytes(for_apt.file.read_bytes()[::-1])
    with pytest.raises(DownloadError, match="apt-get says: .* Hash Sum mismatch"):
        fetch(for_apt.package)
    assert kept() == []


def test_apt_is_asked_for_the_file_alone_and_gets_no_input(tmp_path, made_up):
    made_up(f'printf "%s\\n" "$@" > {tmp_path}/asked\ncat > {tmp_path}/typed\nexit 1')
    with pytest.raises(DownloadError, match="apt-get says: nothing"):
        fetch(PACKAGE)
    assert (tmp_path / "asked").read_text() == "download\nsome-texts=4:1.0-1\n"
    assert (tmp_path / "typed").read_text() == ""


def test_what_a_replaced_version_needs_is_said(made_up):
    made_up("echo 'E: Version \"4:1.0-1\" was not found.' >&2\necho 'W: more' >&2\nexit 100")
    with pytest.raises(DownloadError) as caught:
        fetch(PACKAGE)
    assert str(caught.value) == (
        'some-texts 4:1.0-1 could not be fetched; apt-get says: Version "4:1.0-1" was not found '
        "(`apt-get update` renews what it knows; a version that Debian has replaced is still at "
        "snapshot.debian.org, for a line of sources.list). "
        "See that this machine reaches your package index, and try again."
    )


def test_the_last_word_of_an_apt_that_broke_is_brought(made_up):
    made_up("printf 'no \\033[1mlibrary.\\n' >&2\nexit 127")
    with pytest.raises(DownloadError, match=r"apt-get says: no \\x1b\[1mlibrary \("):
        fetch(PACKAGE)


def test_a_machine_without_apt_is_named(tmp_path, kept, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "home"))
    with pytest.raises(NoClientError) as caught:
        fetch(PACKAGE)
    assert str(caught.value) == (
        "some-texts 4:1.0-1 is fetched with apt-get, which is not on the PATH. "
        "Debian has it, and so have the systems that are made from Debian."
    )
    assert kept() == []
