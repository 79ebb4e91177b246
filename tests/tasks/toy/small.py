"""Settings of a toy task that is trained in no time."""

from dataclasses import replace
from pathlib import Path

from tests.tasks.tiny_text import OWN

from unrolled.tasks.registry import find_task


def small(task: str, out: Path | None, **changes):
    """The task's defaults with another size and budget, and any other change."""
    defaults = find_task(task).defaults()
    calm = {"steps": 8, "evaluate_every": 4, "warmup_steps": 0, "log_every": 1}
    training = {**calm, **{name: changes.pop(name) for name in list(changes) if name in OWN}}
    own = {"length": 12, "hidden_size": 8, "batch_size": 6, "out": out, **changes}
    return replace(defaults, training=replace(defaults.training, **training), **own)
