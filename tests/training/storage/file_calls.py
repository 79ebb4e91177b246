"""The operating system's file calls, counted, with something happening before one of them."""

import contextlib
import os
from collections.abc import Callable, Generator
from typing import Any
from unittest import mock

NAMES = (
    *("open", "write", "fsync", "close", "ftruncate"),
    *("mkdir", "rename", "replace", "unlink", "rmdir"),
)
ORIGINAL = {name: getattr(os, name) for name in NAMES}
Before = Callable[[int, str, tuple[Any, ...]], None]


@contextlib.contextmanager
def watched(before: Before, *, flushing: bool = True) -> Generator[None, None, None]:
    """Call `before(number, name, arguments)` before every file call of the block.

    Args:
        before: What to do; if it raises, the call is not made.
        flushing: Whether to flush at all, which takes most of the time.

    Yields:
        Nothing.
    """
    count = 0

    def watch(name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            before(count, name, arguments)
            if name == "fsync" and not flushing:
                return None
            return ORIGINAL[name](*arguments, **options)

        return call

    with contextlib.ExitStack() as stack:
        for name in NAMES:
            stack.enter_context(mock.patch.object(os, name, watch(name)))
        yield
