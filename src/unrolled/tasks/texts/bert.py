"""BERT in the place of recurrent layers: its sizes, its units of text, what it learned before."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from unrolled.data.tokenizer import BERT_SPECIAL, CLASS, SEPARATOR, Tokenizer, Unit
from unrolled.models.attention_only.bert import BertShape
from unrolled.tasks.stored_settings import settings_from_json
from unrolled.tasks.texts.pretrained import find_pretrained, sized_as
from unrolled.tasks.texts.reading import Report, cut, learned
from unrolled.tasks.texts.settings import ReaderSettings

Settings = TypeVar("Settings", bound=ReaderSettings)
Load = Callable[[Any], None]
LIMITED = "its context ends, and a file is for any number of steps. Train a recurrent one"


class Reader(NamedTuple):
    """What reads texts."""

    tokenizer: Tokenizer
    shape: BertShape | None
    """Of BERT; None: a recurrent network reads."""

    @classmethod
    def learn(cls, settings: ReaderSettings, unit: Unit, texts: Iterable[str]) -> "Reader":
        """The units of a training part, or those of the weights that the settings name.

        Raises:
            UnrolledError: The weights do not serve; see `find_pretrained`.
        """
        if settings.weights:
            found = find_pretrained(settings.weights, "bert")
            return cls(found.tokenizer, found.shape)
        if settings.model == "recurrent":
            return cls(learned(settings, unit, texts), None)
        tokenizer = learned(settings, unit, texts, BERT_SPECIAL)
        shape = BertShape(
            vocabulary_size=len(tokenizer),
            context=settings.longest,
            width=settings.hidden_size,
            num_layers=settings.num_layers,
            num_heads=settings.num_heads,
            dropout=settings.dropout,
        )
        return cls(tokenizer, shape)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any], path: Path) -> "Reader":
        """What `to_json` gave.

        Raises:
            StoredSettingsError: The sizes are none.
            TokenizerError: The units are none.
        """
        stored = kept.get("shape")
        shape = None if stored is None else settings_from_json(BertShape, stored, path)
        return cls(Tokenizer.from_json(kept["tokenizer"]), shape)

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON values."""
        shape = {} if self.shape is None else {"shape": asdict(self.shape)}
        return {"tokenizer": self.tokenizer.to_json(), **shape}

    def framed(self, rows: Sequence[np.ndarray], longest: int, report: Report) -> list[np.ndarray]:
        """Texts as numbers between the symbols that BERT wants around them, none too long.

        Args:
            rows: The texts alone.
            longest: Numbers of each that are read, those around it among them.
            report: Is told how many were cut.
        """
        begin, end = (np.array([self.tokenizer.special(name)]) for name in (CLASS, SEPARATOR))
        return [np.concatenate([begin, row, end]) for row in cut(rows, longest - 2, report)]


def prepared(settings: Settings, report: Report) -> tuple[Settings, Load]:
    """The settings with the sizes of the weights that they name, and what loads these.

    Args:
        settings: As they were given.
        report: Is told what is being fetched.

    Raises:
        UnrolledError: The weights do not serve; see `find_pretrained`.
    """
    if not settings.weights:
        return settings, lambda model: None
    found = find_pretrained(settings.weights, "bert", report)
    longest = min(settings.longest, found.shape.context)
    sized = sized_as(settings, found.shape, longest=longest)
    return sized, lambda model: found.load(model.bert)
