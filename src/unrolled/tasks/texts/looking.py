"""What is looked at of a run that answers texts."""

from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from unrolled.data.alphabet import printable
from unrolled.data.examples.kinds import Example
from unrolled.data.examples.splits import Splits

Kind = TypeVar("Kind", bound=Example)
Item = TypeVar("Item")


class Examined(NamedTuple, Generic[Kind]):
    """Examples to look at, and those that the model learned from."""

    own: Splits[Kind]
    name: str
    """Of the examples, as evaluations name them."""
    examples: list[Kind]

    def counted(self, read: int, what: str) -> str:
        """How many of the examples were read, as a sentence has it.

        Args:
            read: Of them, if not all were.
            what: What they are, such as "texts".
        """
        many = len(self.examples)
        of = f"{read:,} {what}" if read == many else f"{read:,} of {many:,} {what}, evenly spread,"
        return f"{of} of {self.name}"


def named(run: Any) -> str:
    """A run as sentences name it.

    Args:
        run: Any that answers texts.
    """
    return f"{printable(run.path.name)} ({run.title})"


def spread(items: Sequence[Item], most: int) -> list[Item]:
    """Some of many, evenly spread; all if they are no more.

    Args:
        items: In any order.
        most: How many are taken.
    """
    places = np.linspace(0, len(items) - 1, min(most, len(items))).astype(int)
    return [items[place] for place in places]
