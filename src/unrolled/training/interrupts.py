"""Ctrl-C and SIGTERM: finish the step, save, and say how to go on."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

Result = TypeVar("Result")

WATCHED = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """A `with` block in which the two signals set `received` instead of ending the process.

    A second Ctrl-C raises KeyboardInterrupt at once. Outside the main thread nothing is changed,
    since Python lets only the main thread watch signals.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}
        self._leaving = False

    def __enter__(self) -> Self:
        self.received = None
        if threading.current_thread() is threading.main_thread():
            for number in WATCHED:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def unless_signalled(self, work: Callable[[], Result]) -> Result | None:
        """What the work gives; None if a signal ends it, which it does at once.

        Args:
            work: Something long that can be left anywhere and done again from its beginning.
        """
        try:
            self._leaving = True
            return work() if self.received is None else None
        except _Left:
            return None
        finally:
            self._leaving = False

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received == signal.SIGINT and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = number
        if self._leaving:
            self._leaving = False
            raise _Left


class _Left(Exception):  # noqa: N818
    """Leaves the work that a signal ends."""
