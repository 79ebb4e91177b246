"""Who shows a run as it goes: a live display in a terminal, plain lines elsewhere, or nobody."""

import contextlib
import math
import sys
import time
from typing import Protocol, TextIO

QUIET_SECONDS = 10.0  # between plain lines


class Standing:
    """What is shown of a run at a moment."""

    def __init__(self, *, unit: str, items: str, digits: int = 3) -> None:
        self.unit = unit
        self.digits = digits  # of a loss, after the point
        self.items = items
        self.step = 0
        self.done = 0.0  # share of the budget, 0 to 1
        self.loss = math.nan  # training loss in the unit, smoothed
        self.validation: float | None = None
        self.error: float | None = None  # share of the validation sequences that are wrong
        self.penalty: tuple[str, float] | None = None  # its name and value
        self.rate = 0.0  # items per second
        self.left = math.nan  # seconds

    def note_step(
        self, loss: float, *, step: int, done: float, items: int, began: float, seconds: float
    ) -> None:
        """Take up a step.

        Args:
            loss: Its training loss in the unit.
            step: Its number.
            done: The share of the budget that was used before it.
            items: All that were seen so far.
            began: Seconds of training before it.
            seconds: All of the training so far.
        """
        first = not math.isfinite(self.loss)
        self.loss = loss if first else 0.98 * self.loss + 0.02 * loss
        self.step, self.done = step, done
        self.rate = items / max(seconds, 1e-9)
        self.left = began * (1 - done) / done if done else math.nan

    def evaluation_line(self, *, step: int, items: int) -> str:
        """What the last evaluation found, after so many steps and items, in one line."""
        line = f"step {step:,}: held-out {self.validation:.{self.digits}f} {self.unit}"
        if self.error is not None:
            line += f", {self.error:.1%} wrong, after {items:,} {self.items}"
        return line

    def line(self) -> str:
        """The standing in one line."""
        loss = f"train {self.loss:.{self.digits}f} {self.unit}"
        parts = [f"step {self.step:,}", f"{self.done:4.0%}", loss]
        if self.validation is not None:
            parts.append(f"held-out {self.validation:.{self.digits}f}")
        if self.error is not None:
            parts.append(f"wrong {self.error:.1%}")
        if self.penalty is not None:
            parts.append(f"{self.penalty[0]} {self.penalty[1]:.3g}")
        parts.append(f"{self.rate:,.0f} {self.items}/s")
        if self.left == self.left:
            parts.append(f"{_clock(self.left)} left")
        return "  ".join(parts)


class Watcher(Protocol):
    """What the loop tells as it goes."""

    def step(self, standing: Standing) -> None:
        """A step was made."""
        ...

    def say(self, text: str) -> None:
        """Something worth a line of its own."""
        ...

    def show_sample(self, text: str) -> None:
        """A sample of the model's work."""
        ...

    def close(self) -> None:
        """The run has ended."""
        ...


class Silent:
    """Shows nothing."""

    def step(self, standing: Standing) -> None:
        """Nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    def show_sample(self, text: str) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class Lines:
    """Plain lines, one now and then, for files and pipes; nobody need read them to the end."""

    def __init__(self, stream: TextIO, every: float = QUIET_SECONDS) -> None:
        self.stream = stream
        self.every = every
        self._shown = float("-inf")

    def step(self, standing: Standing) -> None:
        """A line if the last one is long enough ago."""
        now = time.monotonic()
        if now - self._shown >= self.every:
            self._shown = now
            self.say(standing.line())

    def say(self, text: str) -> None:
        """A line; a reader who has left, or a full disk, does not end the training."""
        with contextlib.suppress(OSError):
            print(text, file=self.stream, flush=True)

    def show_sample(self, text: str) -> None:
        """The sample, indented."""
        body = clean(text).replace("\n", "\n  | ")
        self.say(f"  | {body}")

    def close(self) -> None:
        """Nothing to do."""


def clean(text: str) -> str:
    """The text with control characters escaped, so that no sample can drive a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


def watcher_for(stream: TextIO = sys.stderr) -> Watcher:
    """A live display if the stream is a terminal, else plain lines."""
    if stream.isatty():
        from unrolled.training.display import Live  # rich, only where it is shown

        return Live()
    return Lines(stream)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
