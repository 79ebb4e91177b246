"""Packages of Debian's archive, or of the one that the user's apt-get knows.

`apt-get download` of a name and a version brings the package's file into the current folder,
compared with the hash that the archive's signed lists state. It installs nothing, asks for no root,
and runs no script of the package. Run by root it warns that its user `_apt` cannot reach the
folder, and downloads all the same.
"""

import shutil
from pathlib import Path

from unrolled.data.alphabet import printable
from unrolled.data.fetch.client import Client, Command, PinnedPackage
from unrolled.errors import DownloadError, NoClientError, UnrolledError

_HINT = (
    "`apt-get update` renews what it knows; a version that Debian has replaced is still at "
    "snapshot.debian.org, for a line of sources.list"
)


def _command(package: PinnedPackage, room: Path, into: Path) -> Command:
    program = shutil.which("apt-get")
    if program is None:
        problem = "is not on the PATH"
        raise NoClientError(**package.named, problem=problem, remedy=APT.remedy)
    wanted = f"{package.project}={package.version}"
    return Command([str(Path(program).absolute()), "download", wanted], folder=into)


def _failure(package: PinnedPackage, output: str, complaints: str) -> UnrolledError:
    lines = complaints.strip().splitlines() or ["nothing"]
    errors = [line for line in lines if line.startswith("E: ")] or lines
    said = printable(errors[-1].removeprefix("E: ").rstrip("."))
    return DownloadError(**package.named, reason=f"{said} ({_HINT})")


APT = Client(
    name="apt-get",
    remedy="Debian has it, and so have the systems that are made from Debian.",
    command=_command,
    failure=_failure,
)
