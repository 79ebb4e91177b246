"""A GPT-2 that has learned before, as a character model that reads pieces of words."""

from unrolled.models.attention_only.gpt2 import GPT2Shape
from unrolled.tasks.char_lm.settings import CharLMSettings
from unrolled.tasks.texts.pretrained import Pretrained, find_pretrained, sized_as
from unrolled.tasks.texts.reading import Report


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
    context = found.shape.context
    return sized_as(settings, found.shape, context=context, bptt=min(settings.bptt, context)), found
