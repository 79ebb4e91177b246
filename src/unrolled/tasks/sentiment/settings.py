"""Every setting of sentiment with its default, unit and reason. No torch here."""

from dataclasses import dataclass
from typing import Literal

from tyro.conf import Positional

from unrolled.tasks.texts.settings import ReaderSettings, Unit
from unrolled.training.settings import TrainSettings

Pooling = Literal["last", "mean", "attention"]


@dataclass(frozen=True)
class SentimentSettings(ReaderSettings):
    """Which model, of what size, on which texts with labels."""

    data: Positional[str] = "tweets"
    """A folder, a file, or a named set (`unrolled data` lists them)."""

    text_column: str = ""
    """The column with the text; empty: text, sentence, review, tweet, content or comment."""

    label_column: str = ""
    """The column with the label; empty: label, sentiment, class, polarity, category or stars."""

    unit: Unit = "words"
    """What the model reads one by one: words, characters, or subwords (byte-pair encodings)."""

    pooling: Pooling = "attention"
    """Of what the answer of a recurrent network is read: the last states, the mean of all steps, or
    a mean weighted by how much each says."""


def defaults() -> SentimentSettings:
    """Learn to say what a text is: its sentiment, its topic, any label.

    DATA is a folder of folders with a text a file (pos/1.txt, neg/2.txt, under train/ and test/ as
    in the set of film reviews), a file of columns (.csv, .tsv, .json, .jsonl), the trees of the
    Stanford Sentiment Treebank, or a named set.
    """
    training = TrainSettings(learning_rate=2e-3, evaluate_every=100, patience=10)
    return SentimentSettings(lowercase=True, dropout=0.5, training=training)


def bert() -> SentimentSettings:
    """Settings that suit minutes of a BERT that has learned before; without, 1e-3 learns faster."""
    training = TrainSettings(learning_rate=2e-4, evaluate_every=100, patience=10)
    return SentimentSettings(
        model="bert", lowercase=True, num_layers=2, dropout=0.1, longest=256, batch_size=32,
        training=training,
    )  # fmt: skip
