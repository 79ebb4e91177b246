"""A run's model and text as the probes take them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unrolled.data.alphabet import Alphabet
from unrolled.models.language_model import LanguageModel
from unrolled.probe.subject import Subject

MOST_TRAINING = 20_000_000  # characters, of which words are counted


def subject_of(
    model: LanguageModel,
    text: str,
    training: np.ndarray,
    alphabet: Alphabet,
    *,
    name: str,
    facts: Mapping[str, str],
    history: Sequence[Mapping[str, Any]],
) -> Subject:
    """What is looked at.

    Args:
        model: The trained model.
        text: What it is to read; bytes as the first 256 characters.
        training: The numbers that it learned.
        alphabet: What numbers mean.
        name: What to call it.
        facts: What to say of it.
        history: Its metrics.
    """
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Subject(
        name, model, text, vocabulary_of(alphabet), decoded(training[-MOST_TRAINING:], alphabet),
        history, {**facts, "parameters": f"{parameters:,}"},
    )  # fmt: skip


def vocabulary_of(alphabet: Alphabet) -> str:
    """The symbols in order; bytes are the first 256 characters."""
    if alphabet.is_bytes:
        return decoded(np.arange(256), alphabet)
    return "".join(alphabet.symbols or ())


def decoded(numbers: np.ndarray, alphabet: Alphabet) -> str:
    """The text of numbers, one character for each."""
    if alphabet.is_bytes:
        return np.asarray(numbers, dtype=np.uint8).tobytes().decode("latin-1")
    return alphabet.decode(numbers)
