"""A plan as machine code: the functions of its generated C, and those that all cells share."""

import ctypes
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from unrolled.compiler import emit_c
from unrolled.compiler.plan import Plan
from unrolled.errors import UnrolledError
from unrolled.runtime.library_cache import load_library

FILES = Path(emit_c.__file__).parent / "c"
_INCLUDED = re.compile(r'^#include "(\w+\.h)"$', re.MULTILINE)


class _Table(ctypes.Structure):
    """The beginning of `struct algebra` of algebra.h; its functions are called from C alone."""

    _fields_ = [("panel", ctypes.c_long), ("rows_at_once", ctypes.c_long)]


@dataclass(frozen=True)
class Algebra:
    """What all cells of a dtype multiply with."""

    address: int
    """Of the table of its functions."""
    panel: int
    """Results side by side in packed weights."""
    rows_at_once: int
    """Rows that are packed together for a gradient of weights."""


@dataclass(frozen=True, eq=False)
class Library:
    """The two functions of a cell, each taking the address of a `Call`."""

    forward: Any
    backward: Any
    algebra: Algebra


_failures: dict[tuple[str, bool], UnrolledError] = {}


def _load(source: str, *, name: str, double: bool) -> Any:
    """C and the headers that it includes, compiled now or taken from the cache.

    What failed once fails again at once, so that nobody waits for a broken compiler twice.
    """
    if (source, double) in _failures:
        raise _failures[source, double]
    headers = {file: (FILES / file).read_text() for file in _INCLUDED.findall(source)}
    try:
        return load_library(source, name=name, headers=headers, double=double)
    except UnrolledError as error:
        _failures[source, double] = error
        raise


@lru_cache(maxsize=8)
def fixed_library(name: str, *, double: bool) -> Any:
    """C that is the same for every cell: one of the files beside the headers.

    Raises:
        NoCompilerError: There is no C compiler.
        CompilerFailedError: The compiler refuses.
        CompilerTimeoutError: The compiler takes too long.
    """
    return _load((FILES / f"{name}.c").read_text(), name=name, double=double)


def _algebra_for(*, double: bool) -> Algebra:
    table = _Table.in_dll(fixed_library("algebra", double=double), "algebra")
    return Algebra(ctypes.addressof(table), table.panel, table.rows_at_once)


@lru_cache(maxsize=256)
def library_of(plan: Plan, *, double: bool) -> Library:
    """The plan as machine code, compiled now or taken from the cache.

    Raises:
        NoCompilerError: There is no C compiler.
        CompilerFailedError: The compiler refuses.
        CompilerTimeoutError: The compiler takes too long.
    """
    algebra = _algebra_for(double=double)
    loaded = _load(emit_c.emit(plan), name=plan.step.cell.name, double=double)
    return Library(loaded.forward, loaded.backward, algebra)
