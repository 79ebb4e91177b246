"""The model and the passages that settings describe."""

from collections.abc import Sequence

from unrolled.data.text import Corpus
from unrolled.data.tokenizer import Tokenizer
from unrolled.errors import SettingError
from unrolled.models.attention_only.bert_heads import MaskedModel
from unrolled.tasks.masked_lm.config import lines_of, shape_of
from unrolled.tasks.masked_lm.passages import Passages
from unrolled.tasks.masked_lm.settings import MaskedLMSettings


def build_model(settings: MaskedLMSettings, tokenizer: Tokenizer) -> MaskedModel:
    """The model that the settings describe, with fresh weights.

    Raises:
        OptionError: A size is impossible.
    """
    has_next_sentence = settings.next_sentence
    return MaskedModel(shape_of(settings, tokenizer), has_next_sentence=has_next_sentence)


def passages_of(
    corpus: Corpus, settings: MaskedLMSettings, tokenizer: Tokenizer
) -> dict[str, Passages]:
    """The three parts of a text as they are read.

    Raises:
        SettingError: A part has no passage.
    """
    made: dict[str, Passages] = {}
    for name, lines in lines_of(corpus, settings).items():
        made[name] = passages_in(lines, settings, tokenizer)
        if not len(made[name]):
            wanted = "a share with a passage or more; give a longer text, or a smaller --context"
            share = getattr(settings, name, 1 - settings.validation - settings.test)
            raise SettingError(name=name, got=share, wanted=wanted)
    return made


def passages_in(lines: Sequence[str], settings: MaskedLMSettings, tokenizer: Tokenizer) -> Passages:
    """Lines, with their ends, as they are read."""
    return Passages.of(lines, tokenizer, settings.context, in_pairs=settings.next_sentence)
