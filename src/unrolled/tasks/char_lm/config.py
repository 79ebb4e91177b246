"""What a run keeps of its settings, cell and text, and how they are found again."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from unrolled.data.pieces import PieceAlphabet, Symbols, symbols_from_json
from unrolled.data.sets import find_corpus
from unrolled.data.text import Corpus, Parts
from unrolled.errors import DataChangedError
from unrolled.lang import stored
from unrolled.lang.cell import Cell
from unrolled.tasks.char_lm.settings import CharLMSettings
from unrolled.tasks.stored_settings import settings_from_json
from unrolled.tasks.texts.reading import absolute

NAME = "char-lm"


def as_kept(settings: CharLMSettings) -> CharLMSettings:
    """The settings with a path that is found again from any folder."""
    return replace(settings, data=None if settings.data is None else absolute(settings.data))


def kept_of(corpus: Corpus) -> dict[str, Any]:
    """What a run keeps of its text, as JSON values."""
    data = {"name": corpus.name, "fingerprint": corpus.fingerprint, "characters": len(corpus)}
    return {"alphabet": corpus.alphabet.to_json(), "data": data}


def parts_of(config: Mapping[str, Any], path: Path) -> tuple[CharLMSettings, Cell, Symbols]:
    """Settings, cell and alphabet of a run's config.

    Args:
        config: What the run folder keeps.
        path: The folder, for messages.

    Raises:
        DamagedFileError: The config is not as it was written.
    """
    settings = settings_from_json(CharLMSettings, config.get("settings"), path)
    return (
        settings,
        stored.from_json(config.get("cell")),
        symbols_from_json(config.get("alphabet")),
    )


def corpus_of(settings: CharLMSettings, config: Mapping[str, Any]) -> Corpus:
    """The run's own text.

    Raises:
        DataChangedError: It is not the one any more that the run was trained on.
    """
    alphabet = symbols_from_json(config.get("alphabet"))
    corpus = find_corpus(settings.data, encoding=settings.encoding, as_bytes=settings.bytes)
    data = config.get("data")
    trained_on = data.get("fingerprint") if isinstance(data, Mapping) else None
    in_pieces = isinstance(alphabet, PieceAlphabet)
    if corpus.fingerprint != trained_on or not (in_pieces or corpus.alphabet == alphabet):
        raise DataChangedError(
            name=corpus.name, was=str(trained_on)[:12], now=corpus.fingerprint[:12]
        )
    return corpus.in_pieces(alphabet) if in_pieces else corpus


def split(corpus: Corpus, settings: CharLMSettings) -> Parts:
    """The parts of a text to train on, to validate on, and for the figures that count."""
    return corpus.split(validation=settings.validation, test=settings.test)
