"""A plan as machine code: the functions of its generated C."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from unrolled.compiler import emit_c
from unrolled.compiler.plan import Plan
from unrolled.errors import UnrolledError
from unrolled.runtime.library_cache import load_library

HEADERS = Path(emit_c.__file__).parent / "c"


@dataclass(frozen=True, eq=False)
class Library:
    """The two functions of a cell, each taking the address of a `Call`."""

    forward: Any
    backward: Any
    panel: int
    """Results side by side in packed weights."""
    rows_at_once: int
    """Rows that are packed together for a gradient of weights."""


@lru_cache(maxsize=1)
def headers() -> dict[str, str]:
    """The files that generated code includes."""
    return {path.name: path.read_text() for path in sorted(HEADERS.glob("*.h"))}


@lru_cache(maxsize=8)
def fixed_library(name: str, *, double: bool) -> Any:
    """C that is the same for every cell: one of the files beside the headers.

    Raises:
        NoCompilerError: There is no C compiler.
        CompilerFailedError: The compiler refuses.
        CompilerTimeoutError: The compiler takes too long.
    """
    source = (HEADERS / f"{name}.c").read_text()
    return load_library(source, name=name, headers=headers(), double=double)


_failures: dict[tuple[Plan, bool], UnrolledError] = {}


@lru_cache(maxsize=256)
def library_of(plan: Plan, *, double: bool) -> Library:
    """The plan as machine code, compiled now or taken from the cache.

    What failed once fails again at once, so that nobody waits for a broken compiler twice.

    Raises:
        NoCompilerError: There is no C compiler.
        CompilerFailedError: The compiler refuses.
        CompilerTimeoutError: The compiler takes too long.
    """
    if (plan, double) in _failures:
        raise _failures[plan, double]
    try:
        loaded = load_library(
            emit_c.emit(plan), name=plan.step.cell.name, headers=headers(), double=double
        )
    except UnrolledError as error:
        _failures[plan, double] = error
        raise
    return Library(loaded.forward, loaded.backward, int(loaded.panel()), int(loaded.rows_at_once()))
