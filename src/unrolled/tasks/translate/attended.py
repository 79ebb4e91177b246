"""What a translator attends to while it writes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from unrolled.data.batches import padded
from unrolled.models.encoder_decoder import EncoderDecoder
from unrolled.tasks.translate.task import written

if TYPE_CHECKING:
    from unrolled.tasks.translate.run import TranslateRun

ENDING = "∎"
"""The symbol at the end of each source, and of each target that the model ended itself."""
SPACE = "·"


class Attended(NamedTuple):
    """A sentence, its translation, and what was heeded for each unit of that."""

    text: str
    translation: str
    source: list[str]
    """The units that were read, white space as a middle dot, and an end."""
    target: list[str]
    """The units that were written, likewise."""
    weights: np.ndarray | None
    """Of each unit of the source, at each one of the target (T x S); None: it does not attend."""


def attended(run: "TranslateRun", texts: Sequence[str]) -> list[Attended]:
    """What a model writes for some sentences, and what it attends to.

    Args:
        run: The run.
        texts: The sentences; of too long ones the beginning is read.
    """
    sources, settings = run.coder.sources(texts), run.settings
    how = {"width": settings.beam, "penalty": settings.length_penalty}
    targets = written(run.model, run.coder, sources, **how)
    return [_attended(run, *each) for each in zip(texts, sources, targets, strict=True)]


@torch.no_grad()
def _attended(
    run: "TranslateRun", text: str, source: np.ndarray, target: Sequence[int]
) -> Attended:
    model, coder = run.model, run.coder
    device = next(model.parameters()).device
    symbols = padded([source]).steps.to(device)
    given = torch.tensor([[coder.ends.begin], *([unit] for unit in target)], device=device)
    if isinstance(model, EncoderDecoder):
        weights = model.write(given, model.read(symbols))[2]
    else:
        weights = model.attended(given, model.read(symbols))
    read = [*coder.source.tokens(text)[: len(source) - 1], ENDING]
    wrote = [coder.target.decode([unit]) for unit in target]
    if len(target) < coder.ends.longest:
        wrote.append(ENDING)
    return Attended(
        text,
        coder.target.decode(target),
        [_visible(unit) for unit in read],
        [_visible(unit) for unit in wrote],
        None if weights is None else weights[: len(wrote), 0].float().cpu().numpy(),
    )


def _visible(unit: str) -> str:
    return "".join(SPACE if sign.isspace() else sign for sign in unit)
