"""The compiler is found, asked once, called without a shell, and never waited for without end."""

import contextlib
import ctypes
import importlib.util
import json
import os
import shlex
import shutil
import sys
import time
from pathlib import Path

import pytest

from unrolled.errors import (
    CompilerCommandError,
    CompilerFailedError,
    CompilerTimeoutError,
    NoCompilerError,
)
from unrolled.runtime import cpu_features, library_cache, toolchain
from unrolled.runtime.library_cache import load_library
from unrolled.runtime.toolchain import Toolchain, compile_file, find_toolchain

SOURCE = "int twice(int x) { return 2 * x; }\n"
COMPILERS = ("gcc", "clang", "clang-14", "zig")
ARITHMETIC = """
#include <limits.h>
#include <math.h>
int plus_one(int x) { return x + 1; }
double root(double x) { return sqrt(x); }
"""


@pytest.fixture(autouse=True)
def no_memory(monkeypatch):
    monkeypatch.setattr(toolchain, "_versions", {})
    monkeypatch.delenv("CC", raising=False)


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """An empty folder that is all of PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def no_wheel(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source" / "twice.c"
    path.parent.mkdir()
    path.write_text(SOURCE)
    return path


def script(path, text, interpreter="/bin/sh"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{interpreter}\n{text}\n")
    path.chmod(0o755)
    return path


def compiler(path, body="exit 9", version="echo made up 1.0"):
    """A script that tells a version and otherwise does what the test wants."""
    return script(path, f'if [ "$1" = --version ]; then\n{version}\nelse\n{body}\nfi')


def toolchain_of(path):
    return Toolchain((str(path),), "made up 1.0")


def is_alive(process):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def ends(process):
    """Whether a process that was killed a moment ago is gone."""
    deadline = time.monotonic() + 5
    while is_alive(process) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(process)


def test_a_machine_without_a_compiler_is_told_how_to_get_one(programs, no_wheel):
    wanted = r'cc, gcc and clang in PATH and for .* ziglang\. .*pip install "unrolled\[cc\]".*\$CC'
    with pytest.raises(NoCompilerError, match=wanted):
        find_toolchain()


def test_cc_comes_before_gcc_and_gcc_before_clang(programs):
    found = []
    for name in ("clang", "gcc", "cc"):
        path = compiler(programs / name, version=f"echo {name} 1.0; echo more")
        found.append(find_toolchain())
        assert found[-1] == Toolchain((str(path),), f"{name} 1.0", toolchain.FLAGS)
    assert "-ffast-math" not in found[-1].flags


def test_a_broken_compiler_is_stepped_over_and_named_if_there_is_no_other(programs, no_wheel):
    compiler(programs / "cc", version="echo no developer tools; exit 1")
    with pytest.raises(NoCompilerError, match=r"ziglang, and \S+/cc is broken\. Install"):
        find_toolchain()
    compiler(programs / "gcc")
    assert find_toolchain().version == "made up 1.0"


def test_the_wheel_comes_last_and_needs_no_python(programs, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path / "packages")
    zig = script(tmp_path / "packages" / "ziglang" / "zig", 'echo "$1 of zig"')
    (zig.parent / "__init__.py").touch()
    importlib.invalidate_caches()
    assert find_toolchain().command == (str(zig), "cc")
    assert find_toolchain().version == "cc of zig"
    compiler(programs / "clang")
    assert find_toolchain().version == "made up 1.0"


def test_the_named_compiler_is_taken_with_its_arguments(programs, monkeypatch):
    compiler(programs / "cc", version="echo another")
    path = script(programs / "wrapper", 'echo "$1 and $2"')
    monkeypatch.setenv("CC", "wrapper -m64 'a b'")
    assert find_toolchain().command == (str(path), "-m64", "a b")
    assert find_toolchain().version == "-m64 and a b"


@pytest.mark.parametrize("quoted", [True, False])
def test_the_named_compiler_may_lie_in_a_folder_with_spaces(programs, monkeypatch, quoted):
    path = compiler(programs / "my tools" / "c c")
    monkeypatch.setenv("CC", shlex.quote(str(path)) if quoted else str(path))
    assert find_toolchain().command == (str(path),)


def test_an_empty_name_is_none(programs, monkeypatch):
    path = compiler(programs / "gcc")
    monkeypatch.setenv("CC", "  ")
    assert find_toolchain().command == (str(path),)


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        ("no-such-cc -O2", "no program 'no-such-cc' can be found. Set CC"),
        ("cc 'open", "that is no command \\(no closing quotation\\). Set CC"),
        ("''", "no program '' can be found"),
    ],
)
def test_a_wrong_name_is_an_error_though_there_are_others(programs, monkeypatch, named, problem):
    compiler(programs / "cc")
    monkeypatch.setenv("CC", named)
    with pytest.raises(CompilerCommandError, match=problem):
        find_toolchain()


@pytest.mark.parametrize(
    ("version", "failure"),
    [
        ("echo 'no licence'; exit 3", "--version` ended with exit code 3: no licence\nName"),
        ("exit 0", "--version` ended well and told no version: it said nothing"),
        ("kill -9 $$", "--version` ended with exit code -9: it said nothing"),
    ],
)
def test_a_named_compiler_that_is_broken_is_an_error(programs, monkeypatch, version, failure):
    compiler(programs / "cc")
    monkeypatch.setenv("CC", str(compiler(programs / "broken", version=version)))
    with pytest.raises(CompilerFailedError, match=failure):
        find_toolchain()


def test_a_named_compiler_that_hangs_is_an_error(programs, monkeypatch):
    monkeypatch.setattr(toolchain, "_PROBE_LIMIT", 0.2)
    monkeypatch.setenv("CC", str(compiler(programs / "hangs", version="while :; do :; done")))
    with pytest.raises(
        CompilerTimeoutError, match=r"hangs --version` was ended after 0\.2 seconds"
    ):
        find_toolchain()


def test_a_compiler_is_asked_once_until_its_file_changes(programs, tmp_path):
    asked = tmp_path / "asked"
    path = compiler(programs / "cc", version=f"echo asked >> {asked}; echo made up 1.0")
    assert find_toolchain() == find_toolchain()
    assert asked.read_text() == "asked\n"
    compiler(path, version=f"echo asked >> {asked}; echo made up 2.0")
    assert find_toolchain().version == "made up 2.0"
    assert asked.read_text() == "asked\nasked\n"


def test_a_remembered_compiler_is_not_started(programs, monkeypatch):
    compiler(programs / "cc")
    remembered = {}
    toolchain_before = find_toolchain(remembered)
    monkeypatch.setattr(toolchain, "_versions", {})
    monkeypatch.setattr(toolchain, "_probe", lambda command: "started")
    assert find_toolchain(remembered) == toolchain_before
    assert find_toolchain({}).version == "made up 1.0"
    assert [*remembered.values()] == ["made up 1.0"]


def test_a_file_becomes_a_library_beside_it(source):
    library = compile_file(find_toolchain(), source, definitions=["twice=thrice"])
    assert library == source.with_suffix(".so")
    assert ctypes.CDLL(str(library)).thrice(21) == 42


def test_no_shell_reads_what_is_compiled(tmp_path):
    source = tmp_path / "a b; touch $(echo hacked)" / "twice.c"
    source.parent.mkdir()
    source.write_text(SOURCE)
    assert ctypes.CDLL(str(compile_file(find_toolchain(), source))).twice(4) == 8
    assert [*tmp_path.rglob("hacked")] == []


def test_what_a_failing_compiler_says_is_shown_short_and_plain(tmp_path, source):
    body = r"printf '\033[31mbad\007 line\n'; seq 1 100000; exit 1"
    path = compiler(tmp_path / "failing", body)
    with pytest.raises(CompilerFailedError, match="failing -O2 .*exit code 1") as raised:
        compile_file(toolchain_of(path), source)
    shown = str(raised.value).partition(": ")[2].splitlines()
    assert shown[:2] == ["[31mbad line", "1"]
    assert len(shown) == 13
    assert shown[-1].startswith("Name another compiler in $CC")


@pytest.mark.parametrize("body", ["exit 0", ": > twice.so"])
def test_a_compiler_that_writes_nothing_has_failed(tmp_path, source, body):
    with pytest.raises(CompilerFailedError, match="ended well and wrote no library: it said"):
        compile_file(toolchain_of(compiler(tmp_path / "idle", body)), source)


def test_a_compiler_that_is_no_program_has_failed(tmp_path, source):
    path = tmp_path / "text"
    path.write_text("no program")
    path.chmod(0o755)
    with pytest.raises(CompilerFailedError, match="could not be started: Exec format error"):
        compile_file(toolchain_of(path), source)


def test_a_hanging_compiler_is_ended_with_its_children(tmp_path, source):
    body = "sleep 300 & echo $! > child; echo $$ > parent; sleep 300"
    path = compiler(tmp_path / "hanging", body)
    begun = time.monotonic()
    with pytest.raises(CompilerTimeoutError, match="was ended after 1 seconds without a result"):
        compile_file(toolchain_of(path), source, seconds=1)
    assert 1 <= time.monotonic() - begun < 5
    processes = [(source.parent / name).read_text().strip() for name in ("parent", "child")]
    assert [ends(process) for process in processes] == [True, True]


def test_a_compiler_that_leaves_a_child_talking_is_ended(tmp_path, source):
    path = compiler(tmp_path / "leaving", "sleep 300 & echo $! > child; exit 0")
    with pytest.raises(CompilerTimeoutError, match="after 0.3 seconds"):
        compile_file(toolchain_of(path), source, seconds=0.3)
    assert ends((source.parent / "child").read_text().strip())


def test_a_compiler_that_talks_without_end_is_ended(tmp_path, source):
    path = compiler(tmp_path / "talking", "while :; do echo talk; done")
    with pytest.raises(CompilerTimeoutError, match="after 0.3 seconds"):
        compile_file(toolchain_of(path), source, seconds=0.3)


def test_the_compiler_gets_a_clean_environment_and_no_input(tmp_path, source, monkeypatch):
    for name in ("LD_PRELOAD", "CPATH", "GCC_EXEC_PREFIX", "PYTHONPATH", "SECRET"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    body = "import json, os, sys\nfacts = dict(os.environ), sys.stdin.read(), os.getcwd()\n"
    path = script(
        tmp_path / "spy", body + "json.dump(facts, open('twice.so', 'w'))", sys.executable
    )
    library = compile_file(toolchain_of(path), source, zig_cache=tmp_path / "zig")
    environment, said, folder = json.loads(library.read_text())
    assert (said, folder) == ("", str(source.parent))
    assert environment["PATH"] == os.environ["PATH"]
    assert environment["HOME"] == str(tmp_path)
    assert environment["LC_ALL"] == "C"
    assert environment["TMPDIR"] == str(source.parent)
    assert environment["ZIG_GLOBAL_CACHE_DIR"] == str(tmp_path / "zig")
    assert not {"LD_PRELOAD", "CPATH", "GCC_EXEC_PREFIX", "PYTHONPATH", "SECRET"} & set(environment)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of compiled libraries, with a compiler named that a test is to make."""
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CC", str(tmp_path / "compiler"))
    return tmp_path / "cache" / "compiled"


def load(name):
    return load_library(SOURCE, name=name, headers={}, double=False)


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        ("echo 'broken.c:1: no'; exit 1", r"ended with exit code 1: broken\.c:1: no"),
        ("exit 0", "ended well and wrote no library"),
        ("echo garbage > broken.so", "made a library that cannot be loaded: .*"),
        ("kill -11 $$", "ended with exit code -11"),
    ],
)
def test_of_a_broken_compiler_nothing_is_kept(cache, tmp_path, body, failure):
    compiler(tmp_path / "compiler", body)
    with pytest.raises(CompilerFailedError, match=failure):
        load("broken")
    assert [path.name for path in cache.iterdir()] == ["versions.json"]
    compiler(tmp_path / "compiler", 'exec cc "$@"')
    assert load("broken").twice(21) == 42


def test_of_a_hanging_compiler_nothing_is_kept(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(library_cache, "TIME_LIMIT", 0.5)
    compiler(tmp_path / "compiler", "echo half > hanging.so; sleep 300")
    with pytest.raises(CompilerTimeoutError, match=r"after 0\.5 seconds"):
        load("hanging")
    assert [path.name for path in cache.iterdir()] == ["versions.json"]


@pytest.fixture(params=COMPILERS)
def real(request, monkeypatch):
    if request.param == "zig":
        if importlib.util.find_spec("ziglang") is None:
            pytest.skip("needs the wheel ziglang; runs in the lane with unrolled[cc]")
        with monkeypatch.context() as context:
            context.setenv("PATH", "")
            return find_toolchain()
    if shutil.which(request.param) is None:
        pytest.skip(f"needs {request.param}; runs in the lane that has all compilers")
    monkeypatch.setenv("CC", request.param)
    return find_toolchain()


def test_real_compilers_take_every_flag_and_trap_nothing(real, source):
    source.write_text(ARITHMETIC)
    strict = Toolchain((*real.command, "-Werror", "-Wall", "-Wextra"), real.version)
    library = ctypes.CDLL(str(compile_file(strict, source)))
    assert library.plus_one(2**31 - 1) == -(2**31)
    library.root.restype, library.root.argtypes = ctypes.c_double, [ctypes.c_double]
    assert library.root(2.25) == 1.5
    smallest = sys.float_info.min / 2**52
    assert smallest > 0  # 0 once a library linked with -ffast-math has been loaded


def test_a_processor_is_its_model_and_its_instruction_sets(tmp_path):
    first = "processor\t: 0\nmodel name\t: Some CPU\ncpu MHz\t: 1400.0\nflags\t\t: fma avx2\n\n"
    file = tmp_path / "cpuinfo"
    file.write_text(first + first.replace("Some", "Other"))
    assert cpu_features._from_cpuinfo(file) == "model name: Some CPU; flags: fma avx2"
    file.write_text("CPU part\t: 0xd0c\nFeatures\t: fp asimd sve\nBogoMIPS\t: 50.00\n")
    assert cpu_features._from_cpuinfo(file) == "CPU part: 0xd0c; Features: fp asimd sve"


def test_a_processor_without_cpuinfo_still_has_a_name(tmp_path, monkeypatch):
    monkeypatch.setattr(cpu_features, "_CPUINFO", tmp_path / "missing")
    monkeypatch.setattr(cpu_features.platform, "machine", lambda: "machine")
    monkeypatch.setattr(cpu_features.platform, "processor", lambda: "kind")
    assert cpu_features.cpu_features.__wrapped__() == "machine kind"
