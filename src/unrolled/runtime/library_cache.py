"""From C text to a loaded library: compiled once, then taken from the user's cache folder."""

import contextlib
import ctypes
import hashlib
import json
import logging
import os
import platform
import re
import shlex
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unrolled import __version__
from unrolled.errors import CacheError, CompilerFailedError, LibraryDamagedError
from unrolled.runtime.cpu_features import cpu_features
from unrolled.runtime.library_entry import Entry, open_library, read_entry, write_entry
from unrolled.runtime.library_folder import (
    LOCK,
    blaming,
    cache_error,
    compiled_folder,
    locked,
    read_json,
    require_room,
    require_trust,
    scratch,
    sweep,
)
from unrolled.runtime.toolchain import TIME_LIMIT, Toolchain, compile_file, find_toolchain

FORMAT = 2  # of an entry, and of what the generated C expects from whoever loads it
_VERSIONS = "versions.json"
_KEPT_VERSIONS = 20  # compilers; each costs its first user a start
_log = logging.getLogger("unrolled")
_told: set[str] = set()


@dataclass(frozen=True)
class Program:
    """What is compiled, as the caller gave it."""

    source: str
    name: str
    headers: frozenset[tuple[str, str]]
    double: bool


_loaded: dict[tuple[Program, str | None], ctypes.CDLL] = {}
_turns: dict[tuple[Program, str | None], threading.Lock] = {}
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_turns.clear)  # nobody there would give them back


def load_library(
    source: str, *, name: str, headers: Mapping[str, str], double: bool
) -> ctypes.CDLL:
    """The library that a C text compiles to; the same object whenever the same text is given.

    If the cache folder cannot be used, the text is compiled into a folder that is removed at once,
    and a warning in the log "unrolled" says why.

    Args:
        source: The C text.
        name: What to call it on disk; whatever is not a-z, 0-9 or _ is replaced.
        headers: Texts by name (`NAME.h`) that lie beside it.
        double: Whether UNROLLED_DOUBLE is defined.

    Raises:
        NoCompilerError: This machine has no C compiler.
        CompilerCommandError: $CC names something that is not there.
        CompilerFailedError: The compiler refused or crashed, or made what cannot be loaded.
        CompilerTimeoutError: The compiler was not done in a minute.
        CacheError: Neither the cache folder nor a temporary one can hold a library.
    """
    wanted = Program(source, name, frozenset(headers.items()), double), os.environ.get("CC")
    library = _loaded.get(wanted)
    if library is None:
        with _turns.setdefault(wanted, threading.Lock()):
            library = _loaded.get(wanted)
            if library is None:
                library = _loaded[wanted] = _find_or_compile(wanted[0])
    return library


def _find_or_compile(program: Program) -> ctypes.CDLL:
    try:
        folder = compiled_folder()
        with blaming(folder):
            return _load_cached(program, folder)
    except CacheError as error:
        _tell_once(f"{error} Until then, every start compiles.")
    with blaming("a temporary folder"), scratch() as folder:
        require_trust(folder)
        return _compile(program, find_toolchain(), folder)[0]


def _load_cached(program: Program, folder: Path) -> ctypes.CDLL:
    toolchain = _find_toolchain(folder)
    facts = _facts(program, toolchain)
    key = _sha256(json.dumps(facts, sort_keys=True))
    entry = Entry(folder, f"{_plain(program.name)}-{key[:32]}", facts)
    library = _read_or_tell(entry)
    if library is None:
        with locked(entry.path(LOCK), seconds=TIME_LIMIT):
            library = _read_or_tell(entry) or _make_entry(entry, program, toolchain)
    return library


def _facts(program: Program, toolchain: Toolchain) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "unrolled": __version__,
        "name": program.name,
        "source": _sha256(program.source),
        "headers": {name: _sha256(text) for name, text in program.headers},
        "double": program.double,
        "compiler": shlex.join(toolchain.command),
        "version": toolchain.version,
        "flags": list(toolchain.flags),
        "processor": cpu_features(),
        "system": " ".join([sys.platform, platform.machine(), *platform.libc_ver()]),
    }


def _read_or_tell(entry: Entry) -> ctypes.CDLL | None:
    try:
        return read_entry(entry)
    except LibraryDamagedError as error:
        _tell_once(str(error))
        return None


def _make_entry(entry: Entry, program: Program, toolchain: Toolchain) -> ctypes.CDLL:
    sweep(entry.folder)
    require_room(entry.folder)
    with scratch(entry.folder) as folder:
        try:
            library, sha256 = _compile(program, toolchain, folder, entry.folder / "zig")
        except CompilerFailedError:
            require_room(entry.folder)  # there is none left: it is the disk that failed
            raise
        _keep(entry, folder / _plain(program.name), sha256)
    return library


def _compile(
    program: Program, toolchain: Toolchain, folder: Path, zig_cache: Path | None = None
) -> tuple[ctypes.CDLL, str]:
    """Compile in an empty folder and load from there: no other process knows its name."""
    source = folder / f"{_plain(program.name)}.c"
    source.write_text(program.source, encoding="utf-8")
    for header, text in program.headers:
        assert re.fullmatch(r"[A-Za-z0-9_]+\.h", header), header
        (folder / header).write_text(text, encoding="utf-8")
    defined = ["UNROLLED_DOUBLE"] if program.double else []
    library = compile_file(
        toolchain, source, definitions=defined, seconds=TIME_LIMIT, zig_cache=zig_cache
    )
    try:
        return open_library(library)
    except OSError as error:
        failure, command = "made a library that cannot be loaded", shlex.join(toolchain.command)
        raise CompilerFailedError(command=command, failure=failure, output=error) from None


def _keep(entry: Entry, made: Path, sha256: str) -> None:
    """Give the files of a library that is already loaded their names; if not, no harm is done."""
    try:
        write_entry(entry, made, sha256)
    except OSError as error:
        _tell_once(str(cache_error(entry.folder, error)))


def _find_toolchain(folder: Path) -> Toolchain:
    """Find the compiler without starting it, if it is one that was used before."""
    path = folder / _VERSIONS
    found = read_json(path) if path.exists() else None
    pairs = found.items() if isinstance(found, dict) else ()
    known = {name: version for name, version in pairs if isinstance(version, str)}
    before = len(known)
    toolchain = find_toolchain(known)
    if len(known) > before:
        with contextlib.suppress(OSError), scratch(folder) as unfinished:
            newest = dict(list(known.items())[-_KEPT_VERSIONS:])
            (unfinished / _VERSIONS).write_text(json.dumps(newest, indent=1), encoding="utf-8")
            (unfinished / _VERSIONS).replace(path)
    return toolchain


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9_]", "_", name.lower())[:40] or "cell"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _tell_once(text: str) -> None:
    if text not in _told:
        _told.add(text)
        _log.warning("%s", " ".join(text.split()))
