"""What is fetched, and what a client has to say about it: how to ask it, and why it failed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from unrolled.errors import UnrolledError


@dataclass(frozen=True)
class PinnedPackage:
    """A package of one content.

    Attributes:
        client: Which client fetches it: a name in `CLIENTS`.
        project: Its name in the index.
        version: Its version: this one, not a range.
        sha256: The hash of its file, a .tar.gz, .tgz, .deb or .whl.
        members: Which files of it are wanted, as `archive.unpack` takes it.
    """

    client: str
    project: str
    version: str
    sha256: str
    members: str

    @property
    def named(self) -> dict[str, str]:
        """What a message calls it."""
        return {"project": self.project, "version": self.version, "client": self.client}


@dataclass(frozen=True)
class Command:
    """How a client is called.

    Attributes:
        arguments: The program, and what it is told.
        environment: Variables beside those of this process.
        folder: The current one while it runs; None: that for what the call needs.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None


@dataclass(frozen=True)
class Client:
    """A program of the user's that fetches packages from its index.

    Attributes:
        name: What users call it.
        remedy: What to do where it is not there, a sentence.
        command: Makes the call that brings the package's file, as it came, into a folder and runs
            nothing of it. Given the package, a folder for what the call needs, and an empty folder
            for the file. Raises `NoClientError` where the program is not there.
        failure: Makes the error, of the package and what the program wrote on its two outputs.
    """

    name: str
    remedy: str
    command: Callable[[PinnedPackage, Path, Path], Command]
    failure: Callable[[PinnedPackage, str, str], UnrolledError]
