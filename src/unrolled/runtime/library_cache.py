"""From C text to a loaded library: compiled once, then taken from the user's cache folder.

An entry is `NAME-KEY.so`, `NAME-KEY.json`, which says what it was made of and its SHA-256, and for
readers `NAME-KEY.c`. All are written aside and renamed, the JSON last. Nothing is flushed to the
disk: what a failing power leaves half written does not have the hash, and is compiled again.
"""

import contextlib
import ctypes
import errno
import hashlib
import itertools
import json
import logging
import os
import platform
import re
import shlex
import shutil
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from unrolled import __version__
from unrolled.errors import CacheError, CompilerFailedError, LibraryDamagedError, UnrolledError
from unrolled.runtime.cpu_features import cpu_features
from unrolled.runtime.toolchain import TIME_LIMIT, Toolchain, compile_file, find_toolchain

try:
    import fcntl
except ImportError:  # Windows: there everyone compiles, and the last one's entry stays
    fcntl = None

FORMAT = 1  # of an entry, and of what the generated C expects from whoever loads it
_UNFINISHED, _LOCK, _VERSIONS = ".tmp-", ".lock", "versions.json"
_KEPT_VERSIONS = 20  # compilers; each costs its first user a start
_LEFT_OVER = 24 * 3600.0  # seconds
_LEAST_ROOM = 1 << 20  # bytes; a library takes a tenth of it
_LONGEST_JSON = 1 << 20  # bytes
_POLL = 0.02  # seconds
_HELD_ELSEWHERE = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES}
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_AT_ONCE = ctypes.RTLD_LOCAL | getattr(os, "RTLD_NOW", 0)
_log = logging.getLogger("unrolled")
_told: set[str] = set()
_opening = itertools.count(1)


@dataclass(frozen=True)
class Program:
    """What is compiled, as the caller gave it."""

    source: str
    name: str
    headers: frozenset[tuple[str, str]]
    double: bool


@dataclass(frozen=True)
class Entry:
    """Where a library lies, and what must have gone into it."""

    folder: Path
    stem: str
    facts: dict[str, Any]

    def path(self, suffix: str) -> Path:
        """The path of one of the entry's files."""
        return self.folder / (self.stem + suffix)


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


def compiled_folder() -> Path:
    """The folder of compiled libraries, there, and for this user alone to write.

    It is `compiled` in $UNROLLED_CACHE, else in `unrolled` in $XDG_CACHE_HOME or ~/.cache.

    Raises:
        CacheError: It cannot be made, nothing in it can be loaded, or others can write it.
    """
    named = os.environ.get("UNROLLED_CACHE")
    shared = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    path = (Path(named) if named else Path(shared, "unrolled")) / "compiled"
    try:
        path = path.expanduser().absolute()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
        _require_trust(path)
    except RuntimeError as error:  # nobody knows where ~ is
        raise CacheError(path=path, reason=error) from None
    except OSError as error:
        raise _cache_error(path, error) from None
    return path


def read_entry(entry: Entry) -> ctypes.CDLL | None:
    """Load an entry's library, or None if there is no such entry.

    Args:
        entry: The entry.

    Raises:
        LibraryDamagedError: It is there, and not what was compiled.
    """
    path = entry.path(".so")
    try:
        record = _read_json(entry.path(".json"))
        if not isinstance(record, dict) or record.get("facts") != entry.facts:
            raise LibraryDamagedError(path=path, damage="has a JSON file that is not its own")
        return _open_library(path, sha256=str(record.get("sha256")))[0]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LibraryDamagedError(path=path, damage=f"cannot be loaded ({error})") from None


def _find_or_compile(program: Program) -> ctypes.CDLL:
    try:
        folder = compiled_folder()
        with _blaming(folder):
            return _load_cached(program, folder)
    except CacheError as error:
        _tell_once(f"{error} Until then, every start compiles.")
    with _blaming("a temporary folder"), _scratch() as folder:
        _require_trust(folder)
        return _compile(program, find_toolchain(), folder)[0]


def _load_cached(program: Program, folder: Path) -> ctypes.CDLL:
    toolchain = _find_toolchain(folder)
    facts = _facts(program, toolchain)
    key = _sha256(json.dumps(facts, sort_keys=True))
    entry = Entry(folder, f"{_plain(program.name)}-{key[:32]}", facts)
    library = _read_or_tell(entry)
    if library is None:
        with _locked(entry.path(_LOCK)):
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
    _sweep(entry.folder)
    _require_room(entry.folder)
    with _scratch(entry.folder) as folder:
        try:
            library, sha256 = _compile(program, toolchain, folder, entry.folder / "zig")
        except CompilerFailedError:
            _require_room(entry.folder)  # there is none left: it is the disk that failed
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
        return _open_library(library)
    except OSError as error:
        failure, command = "made a library that cannot be loaded", shlex.join(toolchain.command)
        raise CompilerFailedError(command=command, failure=failure, output=error) from None


def _open_library(path: Path, sha256: str | None = None) -> tuple[ctypes.CDLL, str]:
    """Hash a library and load the very file that was hashed, whatever its name now leads to."""
    with os.fdopen(os.open(path, os.O_RDONLY | _NO_LINK), "rb") as file:
        if not _is_ours(os.fstat(file.fileno())):
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


def _keep(entry: Entry, made: Path, sha256: str) -> None:
    """Give the files of a library that is already loaded their names; if not, no harm is done."""
    record = json.dumps({"facts": entry.facts, "sha256": sha256}, indent=1)
    try:
        made.with_suffix(".json").write_text(record, encoding="utf-8")
        for suffix in (".c", ".so", ".json"):
            made.with_suffix(suffix).replace(entry.path(suffix))
    except OSError as error:
        _tell_once(str(_cache_error(entry.folder, error)))


def _find_toolchain(folder: Path) -> Toolchain:
    """Find the compiler without starting it, if it is one that was used before."""
    path = folder / _VERSIONS
    found = _read_json(path) if path.exists() else None
    pairs = found.items() if isinstance(found, dict) else ()
    known = {name: version for name, version in pairs if isinstance(version, str)}
    before = len(known)
    toolchain = find_toolchain(known)
    if len(known) > before:
        with contextlib.suppress(OSError), _scratch(folder) as unfinished:
            newest = dict(list(known.items())[-_KEPT_VERSIONS:])
            (unfinished / _VERSIONS).write_text(json.dumps(newest, indent=1), encoding="utf-8")
            (unfinished / _VERSIONS).replace(path)
    return toolchain


@contextlib.contextmanager
def _locked(path: Path) -> Generator[None, None, None]:
    """Let one process at a time make an entry; if two do all the same, no harm is done."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o600)
    try:
        _wait_for_lock(descriptor)
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()  # those who wait for it will find the entry
        if fcntl is not None:
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # a fork may have a copy
        os.close(descriptor)


def _wait_for_lock(descriptor: int) -> None:
    """Wait while another process may still be compiling, and no longer."""
    deadline = time.monotonic() + TIME_LIMIT
    while fcntl is not None and time.monotonic() < deadline:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _HELD_ELSEWHERE:  # a disk without locks
                return
            time.sleep(_POLL)
        else:
            return


@contextlib.contextmanager
def _scratch(folder: Path | None = None) -> Generator[Path, None, None]:
    prefix = "unrolled-" if folder is None else _UNFINISHED
    path = Path(tempfile.mkdtemp(prefix=prefix, dir=folder))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove what killed processes left, once nobody can be using it any more."""
    oldest = time.time() - _LEFT_OVER
    for path in folder.iterdir():
        if path.name.startswith(_UNFINISHED) or path.suffix == _LOCK:
            with contextlib.suppress(OSError):
                if path.lstat().st_mtime < oldest:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextlib.contextmanager
def _blaming(folder: Path | str) -> Generator[None, None, None]:
    """Turn what the disk refuses into a CacheError; some of our own errors are OSErrors too."""
    try:
        yield
    except UnrolledError:
        raise
    except OSError as error:
        raise _cache_error(folder, error) from error


def _require_trust(folder: Path) -> None:
    status = folder.lstat()
    reason = None
    if not stat.S_ISDIR(status.st_mode):
        reason = "it is a symbolic link" if folder.is_symlink() else "it is not a folder"
    elif not _is_ours(status):
        reason = "it belongs to someone else"
    elif os.name == "posix" and status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        reason = "its group or others can write it"
    elif os.name == "posix" and os.statvfs(folder).f_flag & getattr(os, "ST_NOEXEC", 0):
        reason = "its disk is mounted noexec"
    if reason:
        raise CacheError(path=folder, reason=reason)


def _require_room(folder: Path) -> None:
    if os.name == "posix":
        disk = os.statvfs(folder)
        if disk.f_blocks and disk.f_bavail * disk.f_frsize < _LEAST_ROOM:  # some say 0 of 0
            raise CacheError(path=folder, reason="its disk is full")


def _is_ours(status: os.stat_result) -> bool:
    return os.name != "posix" or status.st_uid == os.geteuid()


def _cache_error(folder: Path | str, error: OSError) -> CacheError:
    return CacheError(path=folder, reason=error.strerror or str(error))


def _read_json(path: Path) -> Any:
    with path.open("rb") as file:
        text = file.read(_LONGEST_JSON)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9_]", "_", name.lower())[:40] or "cell"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _tell_once(text: str) -> None:
    if text not in _told:
        _told.add(text)
        _log.warning("%s", " ".join(text.split()))
