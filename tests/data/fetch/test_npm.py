"""Fetching with npm: what is so with npm alone, with npm itself or one that is made up."""

import hashlib
import shutil
import subprocess
from dataclasses import replace

import pytest
from tests.data.fetch.conftest import needs_npm

from unrolled.data.archive import unpack
from unrolled.data.fetch import PinnedPackage, fetch
from unrolled.errors import DownloadError, HashMismatchError, NoClientError

PACKAGE = PinnedPackage("npm", "@some/texts", "1.0.0", "0" * 64, "package/*")


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    """Makes an npm of its own, the first on the PATH, of a shell script."""

    def make(script):
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "npm").write_text(script)
        (tmp_path / "bin" / "npm").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}", prepend=":")

    return make


@needs_npm
def test_the_mark_of_a_hostile_package_would_show(tmp_path, for_npm):
    unpack(for_npm.file, "package/package.json", tmp_path)
    npm = [shutil.which("npm"), "pack", str(tmp_path / "package")]
    subprocess.run(npm, cwd=tmp_path / "home", capture_output=True, check=True)
    assert for_npm.mark.exists()


@needs_npm
def test_settings_of_a_folder_above_are_not_heeded(tmp_path, for_npm):
    (tmp_path / "rooms" / "package.json").write_text('{"workspaces": ["*"]}')
    (tmp_path / "rooms" / ".npmrc").write_text("@some:registry=http://127.0.0.1:9\n")
    assert (fetch(for_npm.package) / "package" / "texts" / "a.txt").read_text() == "one"


@needs_npm
def test_a_file_that_is_not_what_the_registry_states_is_not_taken(for_npm, registry, kept):
    registry.answers["/texts.tgz"] = b"another"
    with pytest.raises(DownloadError, match=r"npm says: sha512-.* integrity checksum failed"):
        fetch(for_npm.package)
    assert kept() == []


def test_npm_is_asked_to_run_no_script_and_gets_no_input(tmp_path, made_up):
    made_up(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/asked\ncat > {tmp_path}/typed\nexit 1\n')
    with pytest.raises(DownloadError, match="npm says: nothing"):
        fetch(PACKAGE)
    pack, wanted, *options = (tmp_path / "asked").read_text().splitlines()
    assert (pack, wanted) == ("pack", "@some/texts@1.0.0")
    assert "--ignore-scripts" in options
    assert (tmp_path / "typed").read_text() == ""


def test_what_is_no_archive_is_never_opened(made_up, kept):
    made_up("#!/bin/sh\necho no archive > fetched/some-texts-1.0.0.tgz\n")
    got = hashlib.sha256(b"no archive\n").hexdigest()
    with pytest.raises(HashMismatchError, match=rf"nothing of it was used\. .* got {got}"):
        fetch(PACKAGE)
    assert kept() == []


def test_the_last_word_of_an_npm_that_broke_is_brought(made_up):
    made_up("#!/bin/sh\necho loading >&2\nprintf 'no \\033[1mnode.\\n' >&2\nexit 127\n")
    with pytest.raises(DownloadError, match=r"npm says: no \\x1b\[1mnode\. See"):
        fetch(PACKAGE)


def test_an_npm_that_brings_nothing_has_failed(made_up):
    made_up("#!/bin/sh\necho '[]'\n")
    with pytest.raises(DownloadError, match="npm says: nothing"):
        fetch(PACKAGE)


def test_an_npm_that_does_not_start_is_named(made_up, kept):
    made_up("no program")
    with pytest.raises(NoClientError, match=r"npm, which does not start \(Exec format error\)\."):
        fetch(PACKAGE)
    assert kept() == []


def test_a_machine_without_npm_is_named(tmp_path, kept, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "home"))
    with pytest.raises(NoClientError) as caught:
        fetch(replace(PACKAGE, sha256="1" * 64))
    assert str(caught.value) == (
        "@some/texts 1.0.0 is fetched with npm, which is not on the PATH. "
        "It comes with Node.js (https://nodejs.org)."
    )
    assert kept() == []
