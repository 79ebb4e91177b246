"""What an example is, for each shape of task."""

from typing import NamedTuple


class Labelled(NamedTuple):
    """A text and what it is said to be."""

    text: str
    label: str


class Tagged(NamedTuple):
    """A sentence whose every word has a tag."""

    words: tuple[str, ...]
    tags: tuple[str, ...]

    @property
    def text(self) -> str:
        """The words, with spaces between them."""
        return " ".join(self.words)


class Pair(NamedTuple):
    """A sentence, and what it is to become."""

    source: str
    target: str

    @property
    def text(self) -> str:
        """The sentence that is read."""
        return self.source


Example = Labelled | Tagged | Pair
