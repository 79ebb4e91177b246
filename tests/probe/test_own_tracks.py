"""Tracks of the user's own: what is marked, what is refused, and that nothing runs for ever."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from unrolled.errors import (
    TrackFileError,
    TrackFunctionError,
    TrackGroupError,
    TrackNameError,
    TrackPatternError,
    TrackProcessError,
    TrackSpecError,
    TrackTimeoutError,
    TrackValuesError,
)
from unrolled.probe import own_tracks
from unrolled.probe.own_tracks import own_track
from unrolled.probe.track_process import mark_matches

OWN = '''
"""Functions as a user writes them."""
import os, subprocess, sys, time
from dataclasses import dataclass
import numpy as np
from beside import DIGITS

@dataclass
class Place:
    """Python looks its annotations up in the module."""
    line: "int"

def digits(text):
    """Where a digit stands.

    More of it.
    """
    return [letter in DIGITS for letter in text]

def codes(text): return np.array([ord(letter) for letter in text], dtype=np.float64)
def column(text): return tuple(range(len(text)))
def chatty(text):
    print("to you: \\ud800")
    os.write(1, b"from C\\n")
    subprocess.run(["echo", "from a child"])
    print(repr(sys.stdin.read()))
    return [0.5] * len(text)
def leaves(text):
    raise SystemExit(3)
def fails(text):
    return digits(
        text)[9]
def crowds(text, more): return text
def quits(text): os._exit(7)
def closes(text):
    os.closerange(3, 20)
    time.sleep(300)
def floods(text):
    for file in range(3, 20):
        try:
            while True: os.write(file, b"x" * 65536)
        except OSError: pass
class Mute(Exception):
    def __str__(self): return 1 / 0
def mute(text): raise Mute
def steers(text): raise ValueError("\\x1b[31m" + "x" * 300)
def none(text): pass
def number(text): return 3
def generator(text): yield 1
def short(text): return [1]
def table(text): return np.zeros((2, 3))
def ragged(text): return [[1], [1, 2], 3]
def words(text): return [*text]
def holes(text): return [1, None, 0]
def complex_(text): return [1j, 2, 3]
def nan(text): return [0, float("nan"), float("inf")]
def large(text): return [1, 2, -1e300]
def starts(text):
    here = os.path.dirname(__file__)
    child = subprocess.Popen(["sleep", "300"])
    with open(here + "/processes.new", "w") as file:
        print(os.getpid(), child.pid, file=file)
    os.rename(here + "/processes.new", here + "/processes")
    return [1] * len(text)
def hangs(text):
    print("hanging")
    starts(text)
    while True: pass
later = 5
'''


@pytest.fixture
def own(tmp_path):
    """A folder with the user's file in it, and a module that this imports."""
    (tmp_path / "beside.py").write_text('DIGITS = "0123456789"\n')
    (tmp_path / "own.py").write_text(OWN)
    return tmp_path


def digits_of(values):
    """A track as a row of digits."""
    assert values.dtype == np.float32
    return "".join(f"{value:.0f}" for value in values)


def processes(folder):
    """The processes that a function of the user's has told of, when it has told."""
    deadline = time.monotonic() + 20
    while not (folder / "processes").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return (folder / "processes").read_text().split()


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


# Regular expressions


@pytest.mark.parametrize(
    ("pattern", "text", "wanted"),
    [
        ("[0-9]+", "a 12 b3", "0011001"),
        ("aa", "aaaaa", "11110"),
        ("x*", "axxa", "0110"),
        ("x*", "ab", "00"),
        ("^.", "ab\n\ncd", "100010"),
        (".$", "ab\ncd", "01001"),
        ("(?s)b.*", "ab\nc", "0111"),
        ('"([^"]*)"', 'a "bc" "" d', "00011000000"),
        ("(a)(b)|c", "ab c a", "100000"),  # of `c` the group has no part
        ("(?=(aa))a", "aaab", "1110"),  # a group may reach past its match
        ("(?:a)b", "ab", "11"),
        ("q", "", ""),
        ("ü|\U0001f600|\ud800", "aü\ud800b\U0001f600\udfff", "011010"),
        ("\\ud83d", "\ud83d\ude00\U0001f600", "100"),
        ("\0", "a\0", "01"),
    ],
)
def test_every_character_of_every_match_or_of_its_first_group_is_marked(pattern, text, wanted):
    _, found = mark_matches(text, name="x", pattern=pattern)
    assert digits_of(found) == wanted


@pytest.mark.parametrize(
    ("spec", "name", "about", "text", "wanted"),
    [
        ("all digits=[0-9]+", "all digits", "matches of [0-9]+", "a 12 b", "001100"),
        (" é_-2 =a=(b)", "é_-2", "the first group of a=(b)", "a=b", "001"),
        ("a=own.py:digits", "a", "matches of own.py:digits", "a", "0"),
        ("x=\x1b\ud83d", "x", "matches of \\x1b\\ud83d", "\x1b\ud83d\ude00", "110"),
        ("x=\ud83d\ude00", "x", "matches of \\ud83d\\ude00", "\U0001f600\ud83d\ude00", "011"),
    ],
)
def test_an_expression_is_named_in_front_of_it(spec, name, about, text, wanted):
    found = own_track(spec, text)
    assert (found.name, found.about) == (name, about)
    assert digits_of(found.values) == wanted


def test_a_long_text_is_read():
    text = "ab12\n" * 400_000
    found = own_track("digits=[0-9]+", text).values
    assert (found.reshape(-1, 5) == [0, 0, 1, 1, 0]).all()
    assert found.flags.writeable


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("=a", "The track =a has no name. Give NAME=REGEX, such as digits=.*, or FILE.py:function"),
        ("  =a", "has no name"),
        ("x=", "has no expression"),
        ("a.b=c", "has a name with other signs than letters, digits, spaces, _ and -"),
        ("own.py", "track own.py names no function of the file"),
        ("own.py:", "names no function"),
        ("own.py:two words", "is neither an expression nor a function"),
        ("own.txt:digits", "is neither"),
        ("\x1b[31m", r"track \\x1b\[31m is neither"),
        ("", "is neither"),
    ],
)
def test_what_is_neither_is_told_both_forms(spec, problem):
    with pytest.raises(TrackSpecError, match=problem):
        own_track(spec, "text")


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("ab[c", r"Track x: .* compile: unterminated character set at character 3: \[c\. Mend it"),
        ("(a", "missing \\), unterminated subpattern at character 1: \\(a"),
        ("a\\", "bad escape .* at character 2"),
        ("(?P<a", "missing >, unterminated name at character 5: a"),
        ("*\x1b", r"nothing to repeat at character 1: \*\\x1b"),
        ("a{99999999999}", "the repetition number is too large. Mend"),
        ("(" * 9999, "unterminated subpattern|recursion"),
    ],
)
def test_an_expression_that_does_not_compile_is_told_where(pattern, problem):
    with pytest.raises(TrackPatternError, match=problem):
        mark_matches("text", name="x", pattern=pattern)


def test_an_error_comes_out_of_the_process_as_it_is():
    with pytest.raises(TrackPatternError, match=r"Track x: .* compile: .* at character 3: \[c\."):
        own_track("x=ab[c", "text")


def test_a_group_that_never_takes_a_character_is_a_mistake():
    with pytest.raises(TrackGroupError, match="Track x: .* matches 2 times, but its first group"):
        own_track("x=(y*)a", "a a")
    _, found = mark_matches("bb", name="x", pattern="(y*)a")
    assert found.tolist() == [0, 0]


# Functions


@pytest.mark.parametrize(
    ("name", "about", "text", "wanted"),
    [
        ("digits", "Where a digit stands.", "a1\n23", [0, 1, 0, 1, 1]),
        ("digits", "Where a digit stands.", "", []),
        ("codes", "codes() of {path}", "aü\ud800\U0001f600", [97, 252, 0xD800, 0x1F600]),
        ("column", "column() of {path}", "abc", [0, 1, 2]),
    ],
)
def test_a_function_says_what_the_track_is(own, name, about, text, wanted):
    path = own / "own.py"
    found = own_track(f"{path}:{name}", text)
    assert (found.name, found.about) == (name, about.format(path=path))
    assert found.values.dtype == np.float32
    assert found.values.tolist() == wanted


def test_what_a_function_prints_goes_past_its_result(own, capfd):
    assert own_track(f"{own}/own.py:chatty", "ab").values.tolist() == [0.5, 0.5]
    said = capfd.readouterr()
    assert said.out == ""
    assert sorted(said.err.splitlines()) == sorted(
        ["to you: \\ud800", "from C", "from a child", "''"]
    )


def test_a_file_is_found_where_we_are_and_hides_nothing_of_pythons(own, monkeypatch):
    monkeypatch.chdir(own)
    (own / "json.py").write_text("raise ZeroDivisionError\n")
    (own / "numpy.py").write_text("import numpy\ndef ones(text): return numpy.ones(len(text))\n")
    assert own_track("own.py:digits", "a1").values.tolist() == [0, 1]
    assert own_track("numpy.py:ones", "ab").values.tolist() == [1, 1]
    assert own_track("x=a", "ab").values.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("name", "kind", "problem"),
    [
        ("leaves", TrackFunctionError, r"Track leaves: leaves\(text\) raised SystemExit: 3 \("),
        ("fails", TrackFunctionError, r"IndexError: list .* \(\S*own.py, line {line}\). Mend"),
        ("crowds", TrackFunctionError, r"raised TypeError: .*'more' \(\S*own.py\). Mend"),
        ("mute", TrackFunctionError, r"raised Mute \("),
        ("steers", TrackFunctionError, r"raised ValueError: \\x1b\[31mx{195}\.\.\. \("),
        ("digit", TrackNameError, "no function digit. Did you mean digits.* Its .*: digits, "),
        ("later", TrackNameError, "has no function later"),
        ("none", TrackValuesError, r"none: none\(text\) returned one NoneType; wanted .* of 3 boo"),
        ("number", TrackValuesError, "returned one int; wanted a list or a 1-D array of 3"),
        ("generator", TrackValuesError, "returned one generator;"),
        ("short", TrackValuesError, "returned 1 numbers; wanted"),
        ("table", TrackValuesError, r"returned an array of shape \[2, 3\];"),
        ("ragged", TrackValuesError, "returned one list that is no array .*inhomogeneous"),
        ("words", TrackValuesError, "returned 3 values of type str_;"),
        ("holes", TrackValuesError, "returned 3 values of type NoneType and int;"),
        ("complex_", TrackValuesError, "returned 3 values of type complex128;"),
        ("nan", TrackValuesError, "returned nan at index 1; wanted .* finite"),
        ("large", TrackValuesError, r"returned -1e\+300 at index 2; wanted .* \(float32\)"),
        ("quits", TrackProcessError, "quits: its process ended with exit code 7 and no result"),
        ("closes", TrackProcessError, "ended with exit code -9 and no result"),
        ("floods", TrackProcessError, "and no result. What it printed stands above"),
    ],
)  # fmt: skip
def test_a_function_that_gives_no_track_is_told_why(own, name, kind, problem):
    line = OWN.splitlines().index("    return digits(") + 1
    with pytest.raises(kind, match=problem.replace("{line}", f"({line}|{line + 1})")):
        own_track(f"{own}/own.py:{name}", "abc")


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (b"\n\nimport nowhere_at_all\n", "f: its file raised ModuleNotFoundError: .*py, line 3"),
        (b"\ndef f(:\n", r"raised SyntaxError: [^(]* \(\S*bad.py, line 2\)"),
        (b"x = '\xff'\n", "raised SyntaxError: .*utf-8"),
        (b"raise KeyboardInterrupt\n", "raised KeyboardInterrupt .*line 1"),
    ],
)
def test_a_file_that_fails_is_told_where(tmp_path, source, problem):
    (tmp_path / "bad.py").write_bytes(source)
    with pytest.raises(TrackFunctionError, match=problem):
        own_track(f"{tmp_path}/bad.py:f", "text")


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("nowhere.py", r"nowhere.py cannot be read: No such file or directory. Wanted: FILE.py"),
        ("folder.py", "Is a directory"),
        ("a\0b.py", r"a\\x00b.py cannot be read: embedded null byte"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path, path, problem):
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(TrackFileError, match=problem):
        own_track(f"{tmp_path}/{path}:f", "text")


# Processes


def test_an_expression_that_never_ends_is_ended():
    begun = time.monotonic()
    with pytest.raises(TrackTimeoutError, match=r"x was ended after 1 seconds .* \(a\+\)\+\$"):
        own_track("x=(a+)+$", "a" * 60 + "b", seconds=1.0)
    assert 1 <= time.monotonic() - begun < 5


def test_a_function_that_never_ends_is_ended_with_all_that_it_started(own, capfd):
    with pytest.raises(TrackTimeoutError, match="hangs was ended .* See whether the function ends"):
        own_track(f"{own}/own.py:hangs", "text", seconds=2.0)
    assert [ends(process) for process in processes(own)] == [True, True]
    assert capfd.readouterr().err == "hanging\n"


def test_what_a_function_leaves_behind_is_ended_too(own):
    assert own_track(f"{own}/own.py:starts", "ab", seconds=float("inf")).values.tolist() == [1, 1]
    assert [ends(process) for process in processes(own)] == [True, True]


def test_an_interrupt_ends_the_process_and_all_that_it_started(own):
    code = "import signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "from unrolled.probe.own_tracks import own_track\nown_track(sys.argv[1], 'text')"
    words = [sys.executable, "-c", code, f"{own}/own.py:hangs"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        found = processes(own)
        assert [is_alive(each) for each in found] == [True, True]
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
    assert said.endswith("KeyboardInterrupt\n")
    assert [ends(each) for each in found] == [True, True]


def test_a_process_whose_parent_is_gone_ends_itself():
    request = {"kind": "pattern", "name": "x", "pattern": "(a+)+$", "seconds": -0.5}
    done = subprocess.run(
        [sys.executable, "-m", "unrolled.probe.track_process"],
        input=json.dumps(request).encode() + b"\n" + b"a" * 60 + b"b",
        capture_output=True,
        timeout=10,
        check=False,
    )
    assert (done.returncode, done.stdout) == (-signal.SIGALRM, b"")


def test_a_process_that_cannot_start_is_told(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(TrackProcessError, match=r"x: its process could not be started \(No such"):
        own_track("x=a", "text")


@pytest.mark.parametrize("answer", [b"", b"\n", b'{"about": "a"}\n1234', b"\xff\n12345678", b"7\n"])
def test_an_answer_that_is_no_result_is_none(monkeypatch, answer):
    monkeypatch.setattr(own_tracks, "_ask", lambda *_: (answer, 0))
    with pytest.raises(TrackProcessError, match="ended with exit code 0 and no result"):
        own_track("x=a", "ab")


def test_the_process_loads_no_torch():
    code = "import sys, unrolled.probe.own_tracks, unrolled.probe.track_process\n"
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_no_file_is_left_and_no_shell_reads_what_is_asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert own_track("x=a|`touch hacked`", "ab").values.tolist() == [1, 0]
    assert [*tmp_path.iterdir()] == []
