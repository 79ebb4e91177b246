"""The threads of every cell under ThreadSanitizer: no two touch a number without having met.

The threads are the C library's own, since those of OpenMP meet where the sanitizer cannot see it.
"""

import ctypes
from pathlib import Path

import pytest
from tests.runtime.company import company
from tests.runtime.sanitized import called_in_child, preloaded
from tests.runtime.test_compiled_gallery import NAMES, Case, assert_equal_in_float64, fitted

from unrolled.compiler import emit_c
from unrolled.runtime import team
from unrolled.runtime.library_cache import load_library

pytestmark = pytest.mark.slow

PTHREADS = Path(__file__).with_name("pthreads.c")
THREADS = 3
CASES = (
    Case(4, 1, 33, 70, "whole", both=False, layers=1, symbols=False),  # units are shared
    Case(4, 3, 33, 41, "whole", both=True, layers=1, symbols=True),
    Case(4, 7, 17, 41, "mixed", both=True, layers=1, symbols=False),  # rows are split
)


def run_cell(name, meet=emit_c.MEET):
    """Run a cell by threads of C, which meet, or do something else instead."""
    emit_c.MEET = meet
    source = PTHREADS.read_text()
    library = load_library(source, name="pthreads", headers={}, double=False)
    functions = library.parallel, library.present
    found = tuple(ctypes.cast(function, ctypes.c_void_p).value for function in functions)
    team.entries, team.size = lambda: found, lambda: THREADS
    with company(pytest.MonkeyPatch(), 1):
        for case in fitted(name, CASES):
            assert_equal_in_float64(name, case)
    print("ran")


@pytest.fixture
def in_child(tmp_path):
    def call(*arguments):
        libraries = preloaded("libtsan.so")
        return called_in_child(tmp_path, "-fsanitize=thread", libraries, run_cell, *arguments)

    return call


@pytest.mark.parametrize("name", NAMES)
def test_no_two_threads_meet_in_memory(in_child, name):
    done = in_child(name)
    assert (done.returncode, done.stdout) == (0, "ran\n"), done.stderr[-5000:]


def test_threads_that_do_not_wait_are_reported(in_child):
    done = in_child("lstm", "/* nobody waits */")
    assert "ThreadSanitizer: data race" in done.stderr
    assert done.returncode
