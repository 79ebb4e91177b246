"""What a run keeps of its settings, units and text, and how they are found again."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from unrolled.data.sets import find_corpus
from unrolled.data.text import Corpus
from unrolled.data.tokenizer import Tokenizer
from unrolled.models.attention_only.bert import BertShape
from unrolled.tasks.masked_lm.settings import MaskedLMSettings
from unrolled.tasks.stored_settings import settings_from_json
from unrolled.tasks.texts.reading import Report, absolute, kept_codes

NAME = "masked-lm"


def read_text(settings: MaskedLMSettings, report: Report = lambda line: None) -> Corpus:
    """The text that the settings name.

    Raises:
        UnrolledError: Many kinds; see `find_corpus`.
    """
    return find_corpus(settings.data, encoding=settings.encoding, report=report)


def lines_of(corpus: Corpus, settings: MaskedLMSettings) -> dict[str, list[str]]:
    """The lines of the three parts of a text, with their ends.

    Raises:
        SplitError: The shares leave nothing to train on.
    """
    parts = corpus.split(validation=settings.validation, test=settings.test)
    return {
        name: corpus.alphabet.decode(part).splitlines(keepends=True)
        for name, part in parts._asdict().items()
    }


def shape_of(settings: MaskedLMSettings, tokenizer: Tokenizer) -> BertShape:
    """The sizes of the BERT that the settings describe."""
    return BertShape(
        vocabulary_size=len(tokenizer),
        context=settings.context,
        width=settings.hidden_size,
        num_layers=settings.num_layers,
        num_heads=settings.num_heads,
        dropout=settings.dropout,
    )


def as_kept(settings: MaskedLMSettings) -> MaskedLMSettings:
    """The settings with a path that is found again from any folder."""
    return replace(settings, data=None if settings.data is None else absolute(settings.data))


def kept_of(tokenizer: Tokenizer, corpus: Corpus) -> dict[str, Any]:
    """What a run keeps of its units and its text, as JSON values."""
    data = {"name": corpus.name, "fingerprint": corpus.fingerprint, "characters": len(corpus)}
    return {"codes": {"tokenizer": tokenizer.to_json()}, "data": data}


def parts_of(config: Mapping[str, Any], path: Path) -> tuple[MaskedLMSettings, Tokenizer]:
    """Settings and units of a run's config.

    Args:
        config: What the run folder keeps.
        path: The folder, for messages.

    Raises:
        DamagedFileError: The config is not as it was written.
        TokenizerError: Its units are not.
    """
    settings = settings_from_json(MaskedLMSettings, config.get("settings"), path)
    kept = kept_codes(config.get("codes"), {"tokenizer": str}, path)
    return settings, Tokenizer.from_json(kept["tokenizer"])
