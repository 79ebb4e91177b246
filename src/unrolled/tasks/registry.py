"""The tasks by name. Nothing of a task is imported before it is asked for."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from unrolled.errors import UnknownTaskError


@dataclass(frozen=True)
class Entry:
    """Where a task's settings (torch-free) and runs live, and what it does, in a line."""

    summary: str
    settings: str
    """What makes its settings with all their defaults; its docstring says what the task is."""
    run: str

    def defaults(self) -> Any:
        """Its settings, if nothing is set."""
        return self._maker()()

    def about(self) -> str:
        """What the task is, in a few sentences."""
        return inspect.getdoc(self._maker()) or self.summary

    def _maker(self) -> Callable[[], Any]:
        module, _, name = self.settings.partition(":")
        return getattr(import_module(module), name)

    def run_module(self) -> Any:
        """The module with `train`, `resume` and the run's class; imports torch."""
        return import_module(self.run)


_TOY = "unrolled.tasks.toy"

TASKS = {
    "char-lm": Entry(
        "learn a text character by character, and write more of it",
        "unrolled.tasks.char_lm.settings:CharLMSettings",
        "unrolled.tasks.char_lm.run",
    ),
    "sentiment": Entry(
        "say what a text is: its sentiment, its topic, any label",
        "unrolled.tasks.sentiment.settings:defaults",
        "unrolled.tasks.sentiment.run",
    ),
    "tag": Entry(
        "say for each word what it is: a part of speech, a part of a name",
        "unrolled.tasks.tag.settings:defaults",
        "unrolled.tasks.tag.run",
    ),
    "adding": Entry(
        "add two marked numbers of a long sequence",
        f"{_TOY}.settings:adding",
        f"{_TOY}.run",
    ),
    "copy": Entry(
        "repeat ten symbols after a pause",
        f"{_TOY}.settings:copy",
        f"{_TOY}.run",
    ),
    "temporal-order": Entry(
        "say in which order two signals came, among distractors",
        f"{_TOY}.settings:temporal_order",
        f"{_TOY}.run",
    ),
    "latch": Entry(
        "hold one bit against noise",
        f"{_TOY}.settings:latch",
        f"{_TOY}.run",
    ),
}


def find_task(name: str) -> Entry:
    """The task of that name.

    Raises:
        UnknownTaskError: There is none.
    """
    if name not in TASKS:
        raise UnknownTaskError(name=name, known=", ".join(TASKS))
    return TASKS[name]
