"""Calls in child processes whose C is compiled with sanitizers, loaded from their start."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPILER = '#!/bin/sh\nexec gcc "$@" -O1 -g {flags}\n'
OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "exitcode=66",
    "PYTHONMALLOC": "malloc",
}


def preloaded(*names):
    """What a sanitized library needs from its process's start; without it the test is skipped."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc and its sanitizers; runs in the lane of Linux with gcc")
    found = []
    for name in names:
        command = ["gcc", f"-print-file-name={name}"]
        path = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        if not Path(path).is_absolute():
            pytest.skip(f"gcc has no {name}; runs in the lane of Linux with gcc")
        found.append(path)
    return " ".join(found)


def called_in_child(folder, flags, libraries, function, *arguments):
    """A finished child process that called a function of a test file.

    Args:
        folder: For its compiler and its cache of compiled cells.
        flags: The compiler's, beside those that it is given.
        libraries: What `preloaded` found.
        function: Of any test file, which need not be imported yet.
        arguments: Plain ones.
    """
    compiler = folder / "compiler"
    compiler.write_text(COMPILER.format(flags=flags))
    compiler.chmod(0o755)
    own = {"CC": str(compiler), "UNROLLED_CACHE": str(folder / "cache"), "LD_PRELOAD": libraries}
    name = function.__name__
    code = f"from {function.__module__} import {name}; {name}(*{arguments!r})"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | OPTIONS | own,
        capture_output=True, text=True, timeout=900,
    )  # fmt: skip
