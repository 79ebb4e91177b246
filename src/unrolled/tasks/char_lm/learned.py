"""What a run learned from, as text for the probes."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from unrolled.data.pieces import Symbols
from unrolled.data.sets import DEFAULT_SET
from unrolled.errors import DataChangedError, TextNotFoundError
from unrolled.tasks.char_lm.config import corpus_of, split
from unrolled.tasks.char_lm.settings import CharLMSettings

MOST_TRAINING = 20_000_000  # characters, of which words are counted
_CUT = re.compile(r"\A[\udc80-\udcbf]{1,3}|[\udcc2-\udcf4][\udc80-\udcbf]{0,2}\Z")
"""The bytes of a character that was cut in two: its last ones, or its first."""


class Learned(NamedTuple):
    """A run's own text."""

    name: str
    training: str
    """The end of the part that it learned."""
    test: str
    problem: str = ""
    """Why there is none."""


def learned_text(settings: CharLMSettings, config: Mapping[str, Any], *, needed: bool) -> Learned:
    """A run's own text.

    Args:
        settings: The run's.
        config: What its folder keeps.
        needed: Whether it is an error if the text is not there.

    Raises:
        DataChangedError: It is needed, and no longer the one that the run was trained on.
        TextNotFoundError: It is needed, and not there.
    """
    try:
        corpus = corpus_of(settings, config)
    except (DataChangedError, TextNotFoundError) as error:
        if needed:
            raise
        return Learned(str(settings.data or DEFAULT_SET), "", "", str(error))
    train, _, test = split(corpus, settings)
    alphabet = corpus.alphabet
    return Learned(corpus.name, text_of(train[-MOST_TRAINING:], alphabet), text_of(test, alphabet))


def text_of(numbers: np.ndarray, alphabet: Symbols) -> str:
    """The text of a part of a corpus.

    Bytes that are no UTF-8 become surrogates, as Python has it; of characters that are cut in two
    at the ends nothing is left.
    """
    if not alphabet.is_bytes:
        return alphabet.decode(numbers)
    text = np.asarray(numbers, dtype=np.uint8).tobytes().decode("utf-8", "surrogateescape")
    return _CUT.sub("", text)
