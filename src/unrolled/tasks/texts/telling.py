"""What is said of examples: how many there are, of what kinds, and which were learned from."""

from collections.abc import Sequence
from typing import Any

from unrolled.data.alphabet import printable
from unrolled.data.examples.kinds import Example
from unrolled.data.examples.splits import Splits

FEW = 60  # characters of names that are told one by one


def told(name: str, splits: Splits[Any], learned: Sequence[str]) -> str:
    """What was read, in a line.

    Args:
        name: Of the data.
        splits: The examples.
        learned: What was learned of them before training.
    """
    train, validation, test = (f"{len(part):,}" for part in splits)
    parts = f"{train} to train on, {validation} to validate on, {test} to test on"
    return "; ".join([f"{printable(name)}, {sum(map(len, splits)):,} examples: {parts}", *learned])


def counted(names: Sequence[str], what: str) -> str:
    """How many names there are, and which, if they are few.

    Args:
        names: Such as labels.
        what: They are.
    """
    listed = printable(", ".join(names))
    return f"{len(names):,} {what}" + (f" ({listed})" if len(listed) <= FEW else "")


def shared(examples: Sequence[Example], train: Sequence[Example]) -> str:
    """How many of other examples have a text from which a run has learned, if any has.

    Args:
        examples: The others.
        train: The run's training part.
    """
    learned = {each.text for each in train}
    many = sum(each.text in learned for each in examples)
    return f" ({many:,} of {len(examples):,} are in the training part)" if many else ""
