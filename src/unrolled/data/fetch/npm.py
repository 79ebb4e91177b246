"""Packages of the npm registry, or of the one that the user's npm knows.

`npm pack` of a name and a version downloads the file, compares it with the hash that the registry
states, lists what is in it, and keeps it as it came. It installs nothing, and runs scripts only
for folders and git addresses; `--ignore-scripts` forbids even those. Its cache and its project
folder are temporary: data is no package that the user will install, and npm must not come upon
the `.npmrc` of a project that others put above a temporary folder.
"""

import json
import shutil
from pathlib import Path

from unrolled.data.alphabet import printable
from unrolled.data.fetch.client import Client, Command, PinnedPackage
from unrolled.errors import DownloadError, NoClientError, UnrolledError

_OPTIONS = "--ignore-scripts --json --loglevel=error --no-update-notifier".split()
_ENVIRONMENT = {"NODE_DISABLE_COMPILE_CACHE": "1"}  # npm's own code, left in the temporary folder


def _command(package: PinnedPackage, room: Path, into: Path) -> Command:
    npm = shutil.which("npm")
    if npm is None:
        problem = "is not on the PATH"
        raise NoClientError(**package.named, problem=problem, remedy=NPM.remedy)
    program = str(Path(npm).absolute())  # the PATH may name a folder below the current one
    where = [f"--pack-destination={into}", f"--prefix={room}", f"--cache={room / 'cache'}"]
    wanted = f"{package.project}@{package.version}"
    return Command([program, "pack", wanted, *_OPTIONS, *where], _ENVIRONMENT)


def _failure(package: PinnedPackage, output: str, complaints: str) -> UnrolledError:
    try:
        said = str(json.loads(output)["error"]["summary"])
    except (ValueError, LookupError, TypeError):  # it broke before it could say it in JSON
        said = (complaints.strip().splitlines() or ["nothing"])[-1]
    reason = printable(" ".join(said.split()).rstrip("."))
    return DownloadError(**package.named, reason=reason)


NPM = Client(
    name="npm",
    remedy="It comes with Node.js (https://nodejs.org).",
    command=_command,
    failure=_failure,
)
