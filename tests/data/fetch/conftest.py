"""Hostile packages, and clients that are told of them and of no network."""

import base64
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote

import pytest
from tests.data.made_deb import plain_deb

from unrolled.data.fetch import PinnedPackage

NPM_IS_MISSING = shutil.which("npm") is None
needs_npm = pytest.mark.skipif(NPM_IS_MISSING, reason="there is no npm here; there is one in CI")
APT_IS_MISSING = shutil.which("apt-get") is None
needs_apt = pytest.mark.skipif(APT_IS_MISSING, reason="no apt-get here; there is one in CI")
APT_SETTINGS = """\
Dir::Etc "{0}/etc";
Dir::State "{0}/state";
Dir::State::status "{0}/status";
Dir::Cache "{0}/cache";
APT::Architecture "amd64";
"""


@dataclass(frozen=True)
class Hostile:
    """A package that leaves a mark if a line of it runs; its file, and a folder of wanted texts."""

    package: PinnedPackage
    mark: Path
    file: Path
    texts: str


class _Registry(BaseHTTPRequestHandler):
    """The npm registry, as far as it has what `answers` of its server holds."""

    def do_GET(self):
        answer = self.server.answers.get(unquote(self.path))
        self.send_response(200 if answer else 404)
        self.end_headers()
        self.wfile.write(answer or b"{}")

    def log_message(self, *_):
        pass


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """The cache and temporary files lie in folders of the test."""
    for name in ("index", "home", "rooms"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "rooms"))
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def for_pip(tmp_path, monkeypatch):
    """A package with a setup.py, in a folder where pip looks instead of asking an index."""
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    mark = tmp_path / "ran"
    setup = f"open({str(mark)!r}, 'w').close()\nfrom setuptools import setup\nsetup(name='bad')\n"
    file = _pack(tmp_path / "index" / "some-texts-1.0.tar.gz", "some-texts-1.0", "setup.py", setup)
    package = PinnedPackage("pip", "some-texts", "1.0", _sha256(file), "some-texts-1.0/texts/*.txt")
    return Hostile(package, mark, file, "some-texts-1.0/texts")


@pytest.fixture
def for_npm(tmp_path, monkeypatch, registry):
    """A package with a script for each event that npm knows, in a registry of this machine."""
    mark = tmp_path / "ran"
    events = "preinstall install postinstall prepublish preprepare prepare prepack postpack".split()
    about = {"name": "@some/texts", "version": "1.0.0"}
    about["scripts"] = dict.fromkeys(events, f"echo > '{mark}'")
    file = _pack(tmp_path / "index" / "kept.tgz", "package", "package.json", json.dumps(about))
    address = f"http://127.0.0.1:{registry.server_port}"
    states = base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()
    about["dist"] = {"tarball": f"{address}/texts.tgz", "integrity": f"sha512-{states}"}
    listed = {"name": "@some/texts", "dist-tags": {}, "versions": {"1.0.0": about}}
    registry.answers = {"/@some/texts": json.dumps(listed).encode()}
    registry.answers["/texts.tgz"] = file.read_bytes()
    monkeypatch.setenv("npm_config_registry", address)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    package = PinnedPackage("npm", "@some/texts", "1.0.0", _sha256(file), "package/texts/*.txt")
    return Hostile(package, mark, file, "package/texts")


@pytest.fixture
def for_apt(tmp_path, monkeypatch):
    """A package with a script for each time that dpkg knows, in an archive of this machine."""
    mark, root = tmp_path / "ran", tmp_path / "apt"
    for name in ("etc", "state", "cache"):
        (root / name).mkdir(parents=True)
    (root / "status").touch()
    (root / "apt.conf").write_text(APT_SETTINGS.format(root))
    (root / "etc" / "sources.list").write_text(f"deb [trusted=yes] file:{tmp_path}/index ./\n")
    about = "Package: some-texts\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody\n"
    times = ("preinst", "postinst", "prerm", "postrm", "config")
    control = {"./control": about, **dict.fromkeys(times, f"#!/bin/sh\necho > '{mark}'\n")}
    texts = {"./usr/share/texts/a.txt": "one", "./usr/share/texts/b.txt": "two"}
    file = tmp_path / "index" / "some-texts_1.0_all.deb"
    file.write_bytes(plain_deb(control.items(), texts.items()))
    listed = f"Filename: ./{file.name}\nSize: {file.stat().st_size}\nSHA256: {_sha256(file)}\n"
    (tmp_path / "index" / "Packages").write_text(about + listed)
    monkeypatch.setenv("APT_CONFIG", str(root / "apt.conf"))
    subprocess.run(["apt-get", "update"], capture_output=True, check=True)
    package = PinnedPackage("apt-get", "some-texts", "1.0", _sha256(file), "usr/share/texts/*.txt")
    return Hostile(package, mark, file, "usr/share/texts")


@pytest.fixture
def registry(monkeypatch):
    """A server on this machine, which npm asks without a proxy and once."""
    monkeypatch.setenv("npm_config_noproxy", "127.0.0.1")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Registry) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(
    params=["pip", pytest.param("npm", marks=needs_npm), pytest.param("apt", marks=needs_apt)]
)
def hostile(request):
    """A package for each client."""
    return request.getfixturevalue(f"for_{request.param}")


@pytest.fixture
def kept(tmp_path):
    """What a fetch left: in the cache, among temporary files, in the user's home."""

    def names():
        folders = (tmp_path / "cache" / "packages", tmp_path / "rooms", tmp_path / "home")
        return [path.name for folder in folders for path in folder.iterdir()]

    return names


def _pack(path, top, script, content):
    with tarfile.open(path, "w:gz") as tar:
        for name, text in {script: content, "texts/a.txt": "one", "texts/b.txt": "two"}.items():
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return path


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
