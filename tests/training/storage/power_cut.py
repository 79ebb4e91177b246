"""What a power cut may take: bytes not flushed, and names in folders not flushed."""

import os
import shutil
from pathlib import Path
from typing import Any

from tests.training.storage.file_calls import ORIGINAL


class PowerCut:
    """Follows file calls, and undoes on demand all that no flush has made safe.

    Args:
        root: The folder that is followed.
        spare: A folder on the same disk, for links to files that a rename replaces.
    """

    def __init__(self, root: Path, spare: Path) -> None:
        self._root = root
        self._spare = spare
        self._safe: dict[int, int] = {}  # by a file's inode, the bytes that a flush has covered
        self._names: list[tuple[int, str, str, Path | None]] = []  # folder, before, now, replaced

    def follow(self, _number: int, name: str, arguments: tuple[Any, ...]) -> None:
        match name, arguments:
            case "write", (int(descriptor), *_):
                found = os.fstat(descriptor)
                self._safe.setdefault(found.st_ino, found.st_size)
            case "fsync", (int(descriptor),):
                flushed = os.fstat(descriptor).st_ino
                self._safe.pop(flushed, None)
                self._names = [entry for entry in self._names if entry[0] != flushed]
            case "open", (path, flags, *_) if flags & os.O_CREAT and not Path(path).exists():
                self._add("", Path(path), None)
            case "mkdir", (path, *_) if not Path(path).exists():
                self._add("", Path(path), None)
            case "rename" | "replace", (before, now):
                self._add(Path(before).name, Path(now), self._kept(Path(now)))

    def strike(self) -> None:
        """Undo, last first, the names that were not flushed; then take the unflushed bytes."""
        for folder, before, now, replaced in reversed(self._names):
            self._undo(self._folder(folder), before, now, replaced)
        for path in self._root.rglob("*"):
            found = path.stat()
            if path.is_file() and found.st_ino in self._safe:
                os.truncate(path, min(found.st_size, self._safe[found.st_ino]))

    def _add(self, before: str, now: Path, replaced: Path | None) -> None:
        self._names.append((now.parent.stat().st_ino, before, now.name, replaced))

    def _kept(self, path: Path) -> Path | None:
        if not path.is_file():
            return None
        link = self._spare / f"{len(list(self._spare.iterdir()))}"
        link.hardlink_to(path)
        return link

    def _folder(self, inode: int) -> Path | None:
        folders = [self._root, *(path for path in self._root.rglob("*") if path.is_dir())]
        return next((path for path in folders if path.stat().st_ino == inode), None)

    def _undo(self, folder: Path | None, before: str, now: str, replaced: Path | None) -> None:
        if folder is None or not (folder / now).exists():
            return
        if before:
            ORIGINAL["rename"](folder / now, folder / before)
        elif (folder / now).is_dir():
            shutil.rmtree(folder / now)
        else:
            ORIGINAL["unlink"](folder / now)
        if replaced is not None:
            ORIGINAL["rename"](replaced, folder / now)
