"""An entry of the folder of libraries: its files, and what must hold before it is loaded.

An entry is `NAME-KEY.so`, `NAME-KEY.json`, which says what it was made of and its SHA-256, and for
readers `NAME-KEY.c`. All are written aside and renamed, the JSON last. Nothing is flushed to the
disk: what a failing power leaves half written does not have the hash, and is not loaded.
"""

import ctypes
import hashlib
import itertools
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from unrolled.errors import LibraryDamagedError
from unrolled.runtime.library_folder import NO_LINK, is_ours, read_json

_AT_ONCE = ctypes.RTLD_LOCAL | getattr(os, "RTLD_NOW", 0)
_opening = itertools.count(1)


@dataclass(frozen=True)
class Entry:
    """Where a library lies, and what must have gone into it."""

    folder: Path
    stem: str
    facts: dict[str, Any]

    def path(self, suffix: str) -> Path:
        """The path of one of the entry's files."""
        return self.folder / (self.stem + suffix)


def read_entry(entry: Entry) -> ctypes.CDLL | None:
    """Load an entry's library, or None if there is no such entry.

    Args:
        entry: The entry.

    Raises:
        LibraryDamagedError: It is there, and not what was compiled.
    """
    path = entry.path(".so")
    try:
        record = read_json(entry.path(".json"))
        if not isinstance(record, dict) or record.get("facts") != entry.facts:
            raise LibraryDamagedError(path=path, damage="has a JSON file that is not its own")
        return open_library(path, sha256=str(record.get("sha256")))[0]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LibraryDamagedError(path=path, damage=f"cannot be loaded ({error})") from None


def write_entry(entry: Entry, made: Path, sha256: str) -> None:
    """Give the files of a library that was made (`made` with each suffix) an entry's names.

    Raises:
        OSError: The disk refuses; what lies there then has not the hash of the JSON.
    """
    record = json.dumps({"facts": entry.facts, "sha256": sha256}, indent=1)
    made.with_suffix(".json").write_text(record, encoding="utf-8")
    for suffix in (".c", ".so", ".json"):
        made.with_suffix(suffix).replace(entry.path(suffix))


def open_library(path: Path, sha256: str | None = None) -> tuple[ctypes.CDLL, str]:
    """Hash a library and load the very file that was hashed, whatever its name now leads to.

    Raises:
        LibraryDamagedError: It is someone else's, or has not this hash.
        OSError: It cannot be read or loaded.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | NO_LINK), "rb") as file:
        if not is_ours(os.fstat(file.fileno())):
            raise LibraryDamagedError(path=path, damage="belongs to someone else")
        found = hashlib.file_digest(file, "sha256").hexdigest()
        if sha256 not in (None, found):
            raise LibraryDamagedError(path=path, damage="is not what was compiled")
        return ctypes.CDLL(_path_of(file, path), mode=_AT_ONCE), found


def _path_of(file: BinaryIO, path: Path) -> str:
    """Give a path to the open file that no library was loaded from before.

    The loader answers a path that it knows with the library that it once found there, and the
    numbers of open files are used again. A running number in dots and slashes tells them apart.
    """
    if not Path("/proc/self/fd").exists():
        return str(path)
    number = f"{next(_opening):b}".replace("1", "/.").replace("0", "/")
    return f"/proc/self/fd{number}/{file.fileno()}"
