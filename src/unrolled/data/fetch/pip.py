"""Packages of PyPI, or of the index that the user's pip knows.

Pip checks the pinned hash before it opens the file. For a source package it then asks a build
backend for the metadata, which is where `setup.py` would run: `_BACKEND` stands in for setuptools
and answers at once. A package that brings a build backend of its own is not to be pinned.
"""

import importlib.util
import os
import re
import sys
from pathlib import Path

from unrolled.data.alphabet import printable
from unrolled.data.fetch.client import Client, Command, PinnedPackage
from unrolled.errors import DownloadError, HashMismatchError, NoClientError, UnrolledError

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

_OPTIONS = "--no-deps --no-build-isolation --use-pep517 --require-hashes --no-input -q".split()


def _command(package: PinnedPackage, room: Path, into: Path) -> Command:
    if importlib.util.find_spec("pip") is None:
        problem = f"{printable(sys.executable)} does not have"
        raise NoClientError(**package.named, problem=problem, remedy=PIP.remedy)
    pins = room / "pins.txt"
    pins.write_text(f"{package.project}=={package.version} --hash=sha256:{package.sha256}\n")
    where = ["-d", str(into), "-r", str(pins)]
    paths = [str(_write_backend(package, room)), *filter(None, [os.environ.get("PYTHONPATH")])]
    return Command(
        [sys.executable, "-m", "pip", "download", *_OPTIONS, *where],
        {"PYTHONPATH": os.pathsep.join(paths)},
    )


def _write_backend(package: PinnedPackage, room: Path) -> Path:
    folder = room / "backend"
    (folder / "setuptools").mkdir(parents=True)
    (folder / "setuptools" / "__init__.py").touch()
    metadata = f"{package.project.replace('-', '_')}-{package.version}.dist-info"
    source = _BACKEND.format(project=package.project, version=package.version, folder=metadata)
    (folder / "setuptools" / "build_meta.py").write_text(source)
    return folder


def _failure(package: PinnedPackage, output: str, complaints: str) -> UnrolledError:
    other = re.search(r"Got +([0-9a-f]{64})", output + complaints)
    if other:
        return HashMismatchError(**package.named, expected=package.sha256, got=other[1])
    said = (output + complaints).splitlines()
    lines = [line.strip() for line in said if line.strip()] or ["nothing"]
    errors = [line for line in lines if line.startswith("ERROR")] or lines
    reason = printable(errors[-1].removeprefix("ERROR: ").rstrip("."))
    return DownloadError(**package.named, reason=reason)


PIP = Client(
    name="pip",
    remedy=f"`{printable(sys.executable)} -m ensurepip` brings it.",
    command=_command,
    failure=_failure,
)
