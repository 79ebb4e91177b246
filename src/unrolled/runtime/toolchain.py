"""The C compiler of this machine: which one it is, and how it is called.

It is called with a list of words and never through a shell, with a clean environment and a time
limit; when that is over, it and all that it started is ended.
"""

import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from unrolled.errors import (
    CompilerCommandError,
    CompilerFailedError,
    CompilerTimeoutError,
    NoCompilerError,
)
from unrolled.runtime.children import end_with_its_own

TIME_LIMIT = 60.0  # seconds; a cell takes one or two
_PROBE_LIMIT = 10.0  # seconds; what is left to do is to print a version
_X86 = {"x86_64", "amd64", "i386", "i686", "x86"}
# Clang knows "march" for x86 alone; elsewhere both compilers know "mcpu".
_NATIVE = "-march=native" if platform.machine().lower() in _X86 else "-mcpu=native"
# Never -ffast-math: a library linked with it sets the whole process to flush-to-zero.
FLAGS = (
    *("-O2", _NATIVE, "-std=gnu11", "-fPIC", "-shared"),
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-fopenmp-simd"),
    "-fno-sanitize=all",  # zig adds traps on its own account
)
_PASSED_ON = (
    *("PATH", "HOME", "XDG_CACHE_HOME", "ZIG_GLOBAL_CACHE_DIR"),
    *("SDKROOT", "DEVELOPER_DIR", "SYSTEMROOT", "LOCALAPPDATA"),  # macOS, Windows
)
_KEPT_BYTES, _KEPT_LINES, _KEPT_COLUMNS = 1 << 16, 12, 200
_versions: dict[str, str] = {}


@dataclass(frozen=True)
class Toolchain:
    """A C compiler that has answered when it was asked for its version.

    Attributes:
        command: The words that call it; the first is an absolute path.
        version: The first line of what it says of itself.
        flags: The options that every library is compiled with.
    """

    command: tuple[str, ...]
    version: str
    flags: tuple[str, ...] = FLAGS


def find_toolchain(remembered: MutableMapping[str, str] | None = None) -> Toolchain:
    """The compiler that $CC names, else cc, gcc or clang, else the one of the `ziglang` wheel.

    Args:
        remembered: Version lines by what identifies a compiler's files. One that is in it is not
            started; one that had to be started is added.

    Raises:
        CompilerCommandError: $CC names something that is not there.
        CompilerFailedError: What $CC names does not tell its version.
        CompilerTimeoutError: What $CC names does not come to an end.
        NoCompilerError: $CC names nothing, and nothing else was found.
    """
    remembered = {} if remembered is None else remembered
    named = os.environ.get("CC", "").strip()
    if named:
        return _ask(_split(named), remembered)
    broken = []
    for command in _candidates():
        try:
            return _ask(command, remembered)
        except (CompilerFailedError, CompilerTimeoutError):
            broken.append(command[0])
    looked = "cc, gcc and clang in PATH and for the package ziglang"
    raise NoCompilerError(looked=looked + "".join(f", and {path} is broken" for path in broken))


def compile_file(
    toolchain: Toolchain,
    source: Path,
    *,
    definitions: Sequence[str] = (),
    seconds: float = TIME_LIMIT,
    zig_cache: Path | None = None,
) -> Path:
    """Compile a C file to a library beside it, with the C file's name and `.so`.

    Args:
        toolchain: The compiler.
        source: The C file, alone in a folder with its headers: the compiler runs in that folder.
        definitions: Names for the preprocessor to define.
        seconds: How long the compiler may take.
        zig_cache: Where zig, if it is the compiler, keeps its C library; None: in that folder.

    Raises:
        CompilerFailedError: It refused, crashed, could not be started, or wrote nothing.
        CompilerTimeoutError: It was not done in time.
    """
    library = source.with_suffix(".so")
    defined = [f"-D{name}" for name in definitions]
    words = [*toolchain.command, *toolchain.flags, *defined, source.name, "-o", library.name, "-lm"]
    folder = source.parent
    output = _run(words, folder, seconds=seconds, zig_cache=zig_cache or folder / "zig")
    if not library.is_file() or not library.stat().st_size:
        raise _failure(words, "ended well and wrote no library", output)
    return library


def _split(named: str) -> tuple[str, ...]:
    """Split $CC into words, unless the whole of it is the path of a program."""
    whole = shutil.which(named)
    try:
        words = [named] if whole else shlex.split(named)
    except ValueError as error:
        problem = f"that is no command ({str(error).lower()})"
        raise CompilerCommandError(command=named, problem=problem) from None
    path = shutil.which(words[0])
    if path is None:
        raise CompilerCommandError(command=named, problem=f"no program {words[0]!r} can be found")
    return str(Path(path).absolute()), *words[1:]


def _candidates() -> Iterator[tuple[str, ...]]:
    for name in ("cc", "gcc", "clang"):
        path = shutil.which(name)
        if path:
            yield (str(Path(path).absolute()),)
    wheel = importlib.util.find_spec("ziglang")
    for folder in (wheel and wheel.submodule_search_locations) or ():
        # Not `python -m ziglang`: that needs our environment, and only this file's date and size
        # tell that another version was installed.
        path = shutil.which("zig", path=folder)
        if path:
            yield str(Path(path).absolute()), "cc"


def _ask(command: tuple[str, ...], remembered: MutableMapping[str, str]) -> Toolchain:
    identity = _identity(command)
    version = _versions.get(identity) or remembered.get(identity) or _probe(command)
    _versions[identity] = remembered[identity] = version
    return Toolchain(command, version)


def _identity(command: tuple[str, ...]) -> str:
    """Name the command and the files in it: `ccache gcc` has changed if either program has."""
    facts = [shlex.join(command)]
    for word in command:
        found = shutil.which(word)
        if found:
            file = Path(found).resolve()
            status = file.stat()
            facts.append(f"{file} {status.st_mtime_ns} {status.st_size}")
    return "; ".join(facts)


def _probe(command: tuple[str, ...]) -> str:
    words = [*command, "--version"]
    with tempfile.TemporaryDirectory(prefix="unrolled-", ignore_cleanup_errors=True) as folder:
        output = _run(words, Path(folder), seconds=_PROBE_LIMIT, zig_cache=Path(folder, "zig"))
    if not output:
        raise _failure(words, "ended well and told no version", output)
    return output.splitlines()[0]


def _run(words: list[str], folder: Path, *, seconds: float, zig_cache: Path) -> str:
    """Run the compiler and return the first lines of what it says."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment = {"ZIG_GLOBAL_CACHE_DIR": str(zig_cache), **environment}
    environment |= {"LC_ALL": "C", "TMPDIR": str(folder), "TEMP": str(folder), "TMP": str(folder)}
    try:
        process = subprocess.Popen(
            words,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise _failure(words, "could not be started", error.strerror or "") from error
    code, output = _wait(process, words, seconds)
    if code:
        raise _failure(words, f"ended with exit code {code}", output)
    return output


def _wait(process: subprocess.Popen[bytes], words: list[str], seconds: float) -> tuple[int, str]:
    """Wait for the end of the process and of its output, or end it and all that it started."""
    deadline = time.monotonic() + seconds
    kept: list[bytes] = []
    reader = threading.Thread(target=_read_all, args=(process.stdout, kept), daemon=True)
    try:
        reader.start()
        reader.join(seconds)
        if reader.is_alive():
            raise subprocess.TimeoutExpired(words, seconds)
        code = process.wait(max(0.0, deadline - time.monotonic()))
    except BaseException as error:
        end_with_its_own(process)
        if isinstance(error, subprocess.TimeoutExpired):
            raise CompilerTimeoutError(command=shlex.join(words), seconds=seconds) from None
        raise
    return code, _readable(kept[0])


def _read_all(stream: IO[bytes], kept: list[bytes]) -> None:
    """Keep the beginning and throw the rest away: a broken compiler may write without end."""
    with stream:
        kept.append(stream.read(_KEPT_BYTES))
        while stream.read(_KEPT_BYTES):
            pass


def _readable(output: bytes) -> str:
    """Give the first lines without what would steer a terminal."""
    lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
    cleaned = ["".join(filter(str.isprintable, line))[:_KEPT_COLUMNS] for line in lines]
    return "\n".join(cleaned[:_KEPT_LINES])


def _failure(words: list[str], failure: str, output: str) -> CompilerFailedError:
    said = output or "it said nothing"
    return CompilerFailedError(command=shlex.join(words), failure=failure, output=said)
