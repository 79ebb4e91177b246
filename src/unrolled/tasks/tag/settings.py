"""Every setting of tag with its default, unit and reason. No torch here."""

from dataclasses import dataclass

from tyro.conf import Positional

from unrolled.errors import SettingError
from unrolled.tasks.texts.settings import ReaderSettings
from unrolled.training.settings import TrainSettings


@dataclass(frozen=True)
class TagSettings(ReaderSettings):
    """Which model, of what size, on which tagged sentences."""

    data: Positional[str] = "brown"
    """A file, a folder, or a named set (`unrolled data` lists them)."""

    word_column: int | None = None
    """The column of the word, from 0; default: the first, or the second of CoNLL-U."""

    tag_column: int | None = None
    """The column of the tag, from 0, or from -1 at the end; default: the last, or the fourth of
    CoNLL-U."""

    spelling_size: int = 64
    """Width of what reads the letters of each word, each way; 0: words are known whole or not. BERT
    reads words in pieces (byte-pair encodings) instead."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.spelling_size <= 2**16:
            wanted = f"0 to {2**16}"
            raise SettingError(name="spelling_size", got=self.spelling_size, wanted=wanted)
        if (self.word_column is None) != (self.tag_column is None):
            one = "tag_column" if self.tag_column is None else "word_column"
            raise SettingError(name=one, got=None, wanted="a number: give both columns, or neither")


def defaults() -> TagSettings:
    """Learn to say for each word of a sentence what it is.

    DATA is a file or a folder (with train, dev and test in the names of its files) in which a word
    stands in a line with its tag in another column and an empty line ends a sentence (CoNLL, and
    CoNLL-U), or a sentence in a line as word/TAG; or a named set.
    """
    training = TrainSettings(learning_rate=3e-3, evaluate_every=200)
    return TagSettings(batch_size=32, longest=200, training=training)


def bert() -> TagSettings:
    """Settings that suit minutes of a BERT that has learned before; without, 1e-3 learns faster."""
    training = TrainSettings(learning_rate=2e-4, evaluate_every=100)
    return TagSettings(
        model="bert", num_layers=2, dropout=0.1, vocabulary=8_000, longest=256, batch_size=32,
        training=training,
    )  # fmt: skip
