"""C text becomes a library once; nothing is loaded from the cache that was not compiled from it."""

import concurrent.futures
import contextlib
import fcntl
import hashlib
import json
import logging
import os
import stat
import subprocess
import sys
import tempfile
import time
from types import SimpleNamespace

import pytest

from unrolled.errors import CacheError, LibraryDamagedError
from unrolled.runtime import library_cache, library_folder, toolchain
from unrolled.runtime.library_cache import load_library
from unrolled.runtime.library_entry import Entry, read_entry
from unrolled.runtime.library_folder import compiled_folder

SOURCE = """#include "answer.h"
int answer(void) {
#ifdef UNROLLED_DOUBLE
    return 2 * ANSWER;
#endif
    return ANSWER;
}
"""
LOAD = f"""
import sys
from unrolled.runtime.library_cache import load_library
headers = {{"answer.h": "#define ANSWER " + sys.argv[1]}}
print("ready", flush=True)
library = load_library({SOURCE!r}, name="cell", headers=headers, double=False)
print(library.answer())
"""
STARTS_NOTHING = """
import sys
def refuse(event, _):
    assert event not in ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.fork"), event
sys.addaudithook(refuse)
"""
ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="needs root; runs in the lane of root containers")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The folder of compiled libraries, which is not there yet; nothing is in memory."""
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CC", raising=False)
    for module, name in ((library_cache, "_loaded"), (toolchain, "_versions")):
        monkeypatch.setattr(module, name, {})
    monkeypatch.setattr(library_cache, "_told", set())
    return tmp_path / "cache" / "compiled"


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder that private folders are made in."""
    path = tmp_path / "temporary"
    path.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    return path


@pytest.fixture
def compilations(tmp_path, monkeypatch):
    """How often the compiler was asked to compile; it takes as long as its attribute says."""
    log, pause = tmp_path / "compilations", tmp_path / "pause"
    log.touch()
    pause.write_text("0")
    name_compiler(monkeypatch, tmp_path, f'echo >> {log}; sleep $(cat {pause}); exec cc "$@"')
    return SimpleNamespace(count=lambda: len(log.read_text().splitlines()), pause=pause)


@contextlib.contextmanager
def mounted(path, options):
    path.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def name_compiler(monkeypatch, folder, body):
    path = folder / "compiler"
    version = 'if [ "$1" = --version ]; then echo made up 1.0; exit; fi'
    path.write_text(f"#!/bin/sh\n{version}\n{body}\n")
    path.chmod(0o755)
    monkeypatch.setenv("CC", str(path))


def load(value=42, name="cell", double=False):
    headers = {"answer.h": f"#define ANSWER {value}"}
    return load_library(SOURCE, name=name, headers=headers, double=double)


def load_anew(**options):
    """Load as a new process would."""
    library_cache._loaded.clear()
    return load(**options)


def start(value=42, before=""):
    """Load in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", before + LOAD, str(value)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process):
    out, err = process.communicate()
    return (*out.split(), err)


def only(folder, suffix):
    (path,) = folder.glob(f"*-*{suffix}")
    return path


def put(path, content):
    """Give a file other bytes; the old ones stay as they are for who has loaded them."""
    path.unlink()
    path.write_bytes(content)


def check_whole(folder):
    """Every entry is what its JSON says."""
    for record in folder.glob("*-*.json"):
        library = record.with_suffix(".so").read_bytes()
        assert json.loads(record.read_text())["sha256"] == hashlib.sha256(library).hexdigest()


def test_a_text_becomes_a_library_that_computes():
    assert [load().answer(), load(double=True).answer()] == [42, 84]


def test_the_same_text_is_the_same_library_and_another_is_another(compilations):
    libraries = [load(value) for value in range(3)]
    assert [library.answer() for library in libraries] == [0, 1, 2]
    assert [load(value) for value in range(3)] == libraries
    assert load_anew(value=2) is not libraries[2]
    assert compilations.count() == 3


def test_libraries_from_the_cache_are_told_apart_though_they_are_opened_alike():
    for value in range(5):
        load(value)
    assert [load_anew(value=value).answer() for value in range(5)] == [0, 1, 2, 3, 4]


def test_an_entry_can_be_read_by_people_and_by_nobody_else(folder):
    load(name="LSTM")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert only(folder, ".c").read_text() == SOURCE
    facts = json.loads(only(folder, ".json").read_text())["facts"]
    assert facts["source"] == hashlib.sha256(SOURCE.encode()).hexdigest()
    check_whole(folder)


def test_a_warm_start_starts_no_process():
    assert said(start()) == ("ready", "42", "")
    assert said(start(before=STARTS_NOTHING)) == ("ready", "42", "")
    out = said(start(43, before=STARTS_NOTHING))
    assert out[0] == "ready"
    assert "AssertionError: subprocess.Popen" in out[-1]


def seconds_of(action):
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def test_a_warm_load_takes_less_than_20_milliseconds():
    load()
    assert min(seconds_of(load_anew) for _ in range(5)) < 0.020


def flip_a_bit(library):
    content = bytearray(library.read_bytes())
    content[len(content) // 2] ^= 1
    put(library, content)


def swap(library, *suffixes):
    """Give an entry's files the content of another entry's."""
    load(43)
    (other,) = set(library.parent.glob("*-*.so")) - {library}
    for suffix in suffixes:
        put(library.with_suffix(suffix), other.with_suffix(suffix).read_bytes())


def outdate(record):
    put(record, json.dumps({**json.loads(record.read_text()), "sha256": "0" * 64}).encode())


DAMAGES = {
    "empty": lambda library: put(library, b""),
    "truncated": lambda library: put(library, library.read_bytes()[:5000]),
    "a bit flipped": flip_a_bit,
    "another's library": lambda library: swap(library, ".so"),
    "old json": lambda library: outdate(library.with_suffix(".json")),
    "another's library and json": lambda library: swap(library, ".so", ".json"),
    "nested json": lambda library: put(library.with_suffix(".json"), b"[" * 100_000),
    "half a json": lambda library: put(library.with_suffix(".json"), b'{"facts": '),
    "a link": lambda library: library.symlink_to(library.rename(library.with_suffix(".o"))),
}
WARNINGS = {
    **dict.fromkeys([*DAMAGES][:5], "is not what was compiled, and is not loaded. It is compiled"),
    **dict.fromkeys([*DAMAGES][5:8], "has a JSON file that is not its own, and is not loaded."),
    "a link": "Too many levels of symbolic links",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_compiled_again_and_said_so(folder, compilations, caplog, damage):
    load()
    DAMAGES[damage](only(folder, ".so"))
    before = compilations.count()
    assert load_anew().answer() == 42
    assert compilations.count() == before + 1
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert WARNINGS[damage] in caplog.text
    check_whole(folder)
    assert load_anew().answer() == 42
    assert compilations.count() == before + 1


@needs_root
def test_a_library_of_someone_else_is_not_loaded(folder, caplog):
    load()
    os.chown(only(folder, ".so"), 65534, 65534)
    assert load_anew().answer() == 42
    assert "belongs to someone else, and is not loaded" in caplog.text
    assert only(folder, ".so").stat().st_uid == 0


@pytest.mark.parametrize("suffix", [".so", ".json"])
def test_an_entry_without_one_of_its_files_is_compiled_again(folder, compilations, suffix):
    load()
    only(folder, suffix).unlink()
    assert load_anew().answer() == 42
    assert compilations.count() == 2


def test_a_damaged_library_has_an_error_of_its_own(folder):
    load()
    path = only(folder, ".so")
    facts = json.loads(only(folder, ".json").read_text())["facts"]
    entry = Entry(folder, path.stem, facts)
    assert read_entry(entry).answer() == 42
    flip_a_bit(path)
    with pytest.raises(LibraryDamagedError, match=r"cell-\w{32}\.so is not what was compiled, and"):
        read_entry(entry)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cpu_features", lambda: "another processor"),
        ("__version__", "9.9"),
        ("FORMAT", -1),
        ("find_toolchain", lambda known: toolchain.Toolchain(("/usr/bin/cc",), "cc 99")),
    ],
)
def test_another_machine_compiler_or_version_is_another_entry(folder, monkeypatch, name, value):
    load()
    monkeypatch.setattr(library_cache, name, value)
    assert load_anew().answer() == 42
    assert len([*folder.glob("cell-*.so")]) == 2


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("../../x", "______x"),
        ("a'b\"c;d $(e)", "a_b_c_d___e_"),
        ("", "cell"),
        ("L" * 300, "l" * 40),
    ],
)
def test_a_hostile_name_becomes_a_plain_one(folder, tmp_path, name, stem):
    assert load(name=name).answer() == 42
    assert only(folder, ".so").name.partition("-")[0] == stem
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def make(folder, mode, owner=None):
    folder.mkdir(parents=True)
    folder.chmod(mode)
    if owner is not None:
        os.chown(folder, owner, owner)


def link(folder, target):
    (folder.parent / "there").mkdir(parents=True, mode=0o700)
    folder.symlink_to(target)


def touch(path):
    path.parent.mkdir(exist_ok=True)
    path.touch()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: link(folder, "there"), "it is a symbolic link"),
        (lambda folder: link(folder, "nowhere"), "it is a symbolic link"),
        (lambda folder: make(folder, 0o770), "its group or others can write it"),
        (lambda folder: make(folder, 0o702), "its group or others can write it"),
        pytest.param(
            lambda f: make(f, 0o755, 65534), "it belongs to someone else", marks=needs_root
        ),
        (touch, "it is not a folder"),
        (lambda folder: touch(folder.parent), "File exists"),
    ],
    ids=["link", "broken-link", "group", "others", "someone-else", "file", "below-a-file"],
)
def test_a_folder_not_to_be_trusted_is_not_used_and_said_so_once(
    folder, temporary, compilations, caplog, spoil, reason
):
    spoil(folder)
    with pytest.raises(CacheError, match=rf"compiled: {reason}\. Mend that, or set UNROLLED_CACHE"):
        compiled_folder()
    assert [load_anew().answer(), load_anew().answer()] == [42, 42]
    assert_private(folder, temporary, caplog, reason)
    assert compilations.count() == 2


def assert_private(folder, temporary, caplog, reason):
    """Nothing was left anywhere, and one line of the log says why."""
    assert [*temporary.iterdir()] == []
    assert not folder.is_dir() or {path.name for path in folder.iterdir()} <= {"versions.json"}
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("unrolled", logging.WARNING)
    assert f"compiled: {reason}. " in record.getMessage()
    assert record.getMessage().endswith("Until then, every start compiles.")
    assert "\n" not in record.getMessage()


@needs_root
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("noexec,mode=700", "its disk is mounted noexec"),
        ("size=64k,mode=700", "its disk is full"),
        ("ro,mode=700", "Read-only file system"),
    ],
)
def test_a_disk_that_is_no_use_is_not_used_and_said_so(folder, temporary, caplog, options, reason):
    with mounted(folder, options):
        assert load().answer() == 42
        assert_private(folder, temporary, caplog, reason)


@needs_root
def test_a_disk_that_fills_up_while_compiling_is_no_fault_of_the_compiler(
    folder, temporary, tmp_path, monkeypatch, caplog
):
    fill = f"case $PWD in {folder}*) head -c 9999999 /dev/zero > fill && exit 0;; esac"
    name_compiler(monkeypatch, tmp_path, f'{fill}; exec cc "$@"')
    with mounted(folder, "size=4m,mode=700"):
        assert load().answer() == 42
    (record,) = caplog.records
    assert "compiled: its disk is full. Mend" in record.getMessage()


@needs_root
def test_a_read_only_cache_gives_what_is_in_it(folder, temporary, caplog):
    with mounted(folder, "size=4m,mode=700"):
        load()
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        assert load_anew().answer() == 42
        assert caplog.records == []
        assert load_anew(value=43).answer() == 43
        assert "Read-only file system" in caplog.text


def test_without_any_place_for_a_library_there_is_an_error(folder, tmp_path, monkeypatch):
    touch(folder.parent)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    wanted = r"cannot be kept in a temporary folder: No such file or directory\. Mend that"
    with pytest.raises(CacheError, match=wanted):
        load()


def test_eight_processes_at_once_compile_once(folder, compilations):
    compilations.pause.write_text("0.5")
    processes = [start() for _ in range(8)]
    assert [said(process) for process in processes] == [("ready", "42", "")] * 8
    assert compilations.count() == 1
    assert not [*folder.glob("*.lock")]
    check_whole(folder)


def test_eight_processes_without_locks_all_end_well(folder, compilations):
    compilations.pause.write_text("0.3")
    before = "import sys; sys.modules['fcntl'] = None\n"
    processes = [start(before=before) for _ in range(8)]
    assert [said(process) for process in processes] == [("ready", "42", "")] * 8
    assert compilations.count() > 1
    check_whole(folder)


def test_eight_threads_at_once_compile_once_and_get_one_library(compilations):
    compilations.pause.write_text("0.3")
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        libraries = [*threads.map(load, [42] * 8)]
    assert {id(library) for library in libraries} == {id(libraries[0])}
    assert libraries[0].answer() == 42
    assert compilations.count() == 1


def leave_only_the_lock(folder):
    load()
    lock = only(folder, ".so").with_suffix(".lock")
    for path in folder.glob("cell-*"):
        path.unlink()
    return lock


def test_a_stuck_process_is_waited_for_no_longer_than_a_compiler(folder, monkeypatch):
    monkeypatch.setattr(library_cache, "TIME_LIMIT", 2.0)
    lock = leave_only_the_lock(folder)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert 2 <= seconds_of(load_anew) < 6
    assert load().answer() == 42
    check_whole(folder)


def test_the_lock_of_a_dead_process_is_nobodys(folder, monkeypatch):
    monkeypatch.setattr(library_folder, "_POLL", None)  # there is nobody to wait for
    leave_only_the_lock(folder).touch()
    assert load_anew().answer() == 42
    assert not [*folder.glob("*.lock")]


@pytest.mark.parametrize("times", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_kills_leave_nothing_that_is_loaded_wrongly(folder, tmp_path, monkeypatch, times):
    halves = "head -c 4000 whole > cell.so; sleep 0.1; cat whole > cell.so"
    name_compiler(monkeypatch, tmp_path, f'sleep 0.05; cc "$@" && mv cell.so whole && {halves}')
    for number in range(times):
        process = start(number)
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.3 * (number + 0.5) / times)
        process.kill()
        process.communicate()
        check_whole(folder)
        assert said(start(number)) == ("ready", str(number), "")
    assert len([*folder.glob(".tmp-*")]) >= times // 3  # the others had ended


def test_what_was_left_over_for_a_day_is_swept(folder):
    load()
    kept = {path.name for path in folder.iterdir()}
    old, young = folder / ".tmp-old", folder / ".tmp-young"
    for path in (old, young):
        path.mkdir()
        (path / "half.so").touch()
    (folder / "cell-0.lock").touch()
    for name in [*kept, old.name, "cell-0.lock"]:
        os.utime(folder / name, (0, time.time() - 25 * 3600))
    load(43)
    now = {path.name for path in folder.iterdir()}
    assert now >= kept | {young.name}
    assert not now & {old.name, "cell-0.lock"}


def test_a_damaged_list_of_versions_is_made_anew(folder):
    load()
    versions = folder / "versions.json"
    before = versions.read_text()
    for text in ("{", "[1]", '{"cc": 7}'):
        versions.write_text(text)
        toolchain._versions.clear()
        assert load_anew().answer() == 42
        assert json.loads(versions.read_text()) == json.loads(before)
