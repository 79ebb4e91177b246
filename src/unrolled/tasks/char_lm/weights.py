"""A GPT-2 that has learned before, as a character model that reads pieces of words."""

from dataclasses import replace

from unrolled.models.attention_only.gpt2 import GPT2Shape
from unrolled.tasks.char_lm.settings import CharLMSettings
from unrolled.tasks.texts.pretrained import Pretrained, find_pretrained
from unrolled.tasks.texts.reading import Report, absolute


def prepared(
    settings: CharLMSettings, report: Report
) -> tuple[CharLMSettings, Pretrained[GPT2Shape] | None]:
    """The settings with the sizes of the weights that they name, and what has these.

    Args:
        settings: As they were given.
        report: Is told what is being fetched.

    Raises:
        UnrolledError: The weights do not serve; see `find_pretrained`.
    """
    if not settings.weights:
        return settings, None
    found = find_pretrained(settings.weights, "gpt2", report)
    shape = found.shape
    sized = replace(
        settings,
        weights=absolute(settings.weights),
        hidden_size=shape.width,
        num_layers=shape.num_layers,
        num_heads=shape.num_heads,
        dropout=shape.dropout,
        context=shape.context,
        bptt=min(settings.bptt, shape.context),
    )
    return sized, found
