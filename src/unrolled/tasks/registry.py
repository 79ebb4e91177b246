"""The tasks by name. Nothing of a task is imported before it is asked for."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
    models: Mapping[str, str] = field(default_factory=dict)
    """What makes the settings for models that want other defaults, by the names of these."""

    def defaults(self, model: str = "") -> Any:
        """Its settings, if nothing is set but perhaps the model."""
        return _found(self.models.get(model, self.settings))()

    def about(self) -> str:
        """What the task is, in a few sentences."""
        return inspect.getdoc(_found(self.settings)) or self.summary

    def run_module(self) -> Any:
        """The module with `train`, `resume` and the run's class; imports torch."""
        return import_module(self.run)


def _found(place: str) -> Callable[[], Any]:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


_TOY = "unrolled.tasks.toy"
OWN = "fit"
"""What runs of `unrolled.fit` are called, which are of no task here: a program has their model."""

TASKS = {
    "char-lm": Entry(
        "learn a text character by character, and write more of it",
        "unrolled.tasks.char_lm.settings:CharLMSettings",
        "unrolled.tasks.char_lm.run",
        {"gpt2": "unrolled.tasks.char_lm.settings:gpt2"},
    ),
    "sentiment": Entry(
        "say what a text is: its sentiment, its topic, any label",
        "unrolled.tasks.sentiment.settings:defaults",
        "unrolled.tasks.sentiment.run",
        {"bert": "unrolled.tasks.sentiment.settings:bert"},
    ),
    "tag": Entry(
        "say for each word what it is: a part of speech, a part of a name",
        "unrolled.tasks.tag.settings:defaults",
        "unrolled.tasks.tag.run",
        {"bert": "unrolled.tasks.tag.settings:bert"},
    ),
    "masked-lm": Entry(
        "pretrain a BERT: guess what is masked in a text",
        "unrolled.tasks.masked_lm.settings:MaskedLMSettings",
        "unrolled.tasks.masked_lm.run",
    ),
    "translate": Entry(
        "write for each sentence another one: a translation, a date in ISO's form",
        "unrolled.tasks.translate.settings:defaults",
        "unrolled.tasks.translate.run",
        {"transformer": "unrolled.tasks.translate.settings:transformer"},
    ),
    "series": Entry(
        "learn from columns of numbers: forecast them, or say what a series is",
        "unrolled.tasks.series.settings:defaults",
        "unrolled.tasks.series.run",
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
