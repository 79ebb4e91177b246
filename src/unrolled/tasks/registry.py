"""The tasks by name. Nothing of a task is imported before it is asked for."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from unrolled.errors import UnknownTaskError


@dataclass(frozen=True)
class Entry:
    """Where a task's settings (torch-free) and runs live, and what it does, in a line."""

    summary: str
    settings: str
    run: str

    def settings_class(self) -> type[Any]:
        """The dataclass of its settings."""
        module, _, name = self.settings.partition(":")
        return getattr(import_module(module), name)

    def run_module(self) -> Any:
        """The module with `train`, `resume` and the run's class; imports torch."""
        return import_module(self.run)


TASKS = {
    "char-lm": Entry(
        "learn a text character by character, and write more of it",
        "unrolled.tasks.char_lm.settings:CharLMSettings",
        "unrolled.tasks.char_lm.run",
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
