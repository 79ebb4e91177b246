"""What a step and an evaluation have brought, as the watcher and the logs are told it."""

from collections.abc import Mapping

from unrolled.training.logs import Logs
from unrolled.training.progress import Progress
from unrolled.training.task import Measured, Unit
from unrolled.training.watchers import Standing, Watcher


class Teller:
    """Tells in the task's own unit."""

    def __init__(self, watcher: Watcher, unit: Unit, items: str) -> None:
        """Make the teller.

        Args:
            watcher: Who is told.
            unit: In which losses are told.
            items: What is counted.
        """
        self.watcher = watcher
        self.unit = unit
        self.standing = Standing(unit=unit.short, items=items, digits=unit.digits)

    def show_step(
        self,
        progress: Progress,
        loss: float,
        *,
        used: float,
        began: float,
        seconds: float,
        penalties: Mapping[str, float],
    ) -> None:
        """Show where the run stands after a step.

        Args:
            progress: The counters.
            loss: Of the step, in nats.
            used: The share of the budget that was used before it.
            began: Seconds of training before it.
            seconds: Of training so far.
            penalties: The values of terms beside the loss, by name.
        """
        standing = self.standing
        standing.note_step(
            loss * self.unit.per_nat,
            step=progress.step, done=used, items=progress.items, began=began, seconds=seconds,
        )  # fmt: skip
        standing.penalty = next(iter(penalties.items()), None)
        self.watcher.step(standing)

    def log_training(self, logs: Logs, progress: Progress, **figures: float) -> None:
        """Log the mean loss since this was last done, beside what else was measured."""
        loss = progress.mean_loss() * self.unit.per_nat
        logs.write("train", progress.step, loss=loss, clipped=progress.clipped, **figures)

    def tell_evaluation(
        self, logs: Logs, progress: Progress, found: Measured, *, better: bool
    ) -> None:
        """Log and show an evaluation.

        Args:
            logs: Where it is logged.
            progress: The counters.
            found: What was measured.
            better: Whether it is the best so far.
        """
        loss = found.loss * self.unit.per_nat
        error = {} if found.error is None else {"error": found.error}
        figures = {"loss": loss, **error, "items": progress.items, "best": better}
        logs.write("validation", progress.step, **figures)
        self.standing.validation, self.standing.error = loss, found.error
        line = self.standing.evaluation_line(step=progress.step, items=progress.items)
        self.watcher.say(f"{line}{' (best)' * better}")
