"""A model of labelled texts as a file: their units in, the scores of the labels out."""

import json

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unrolled.errors import OnnxError
from unrolled.models.many_to_one import ManyToOne
from unrolled.tasks.export_call import ExportCall, draw_lengths, draw_symbols
from unrolled.tasks.sentiment.task import Coder, Model
from unrolled.tasks.texts.bert import LIMITED

_USAGE = """from tokenizers import Tokenizer

units = Tokenizer.from_str(facts["unrolled.tokenizer"])
symbols = np.array([units.encode("What a day!").ids]).T  # T x B
given = {"symbols": symbols, "lengths": np.array([len(symbols)])}
(scores,) = session.run(None, given)
print(json.loads(facts["unrolled.labels"])[scores[0].argmax()])
"""


class LabelScores(nn.Module):
    """A model that gives its answer, and no states."""

    def __init__(self, model: ManyToOne) -> None:
        """Take the model.

        Args:
            model: The model.
        """
        super().__init__()
        self.model = model

    def forward(
        self, symbols: Int[Tensor, "T B"], lengths: Int[Tensor, " B"]
    ) -> Float[Tensor, "B Y"]:
        """The scores of each label for some texts."""
        scores, _ = self.model(symbols, lengths=lengths)
        return scores


def export_call(model: Model, coder: Coder) -> ExportCall:
    """A model of labelled texts as it is called for many texts side by side.

    Args:
        model: The model.
        coder: What numbers texts and labels.

    Raises:
        OnnxError: The model is not recurrent.
    """
    if not isinstance(model, ManyToOne):
        raise OnnxError(model=type(model).__name__, reason=LIMITED)
    units = coder.tokenizer

    def draw(chance: torch.Generator, steps: int, batch: int) -> dict[str, Tensor]:
        symbols = draw_symbols(chance, len(units), steps, batch)
        return {"symbols": symbols, "lengths": draw_lengths(chance, steps, batch)}

    return ExportCall(
        LabelScores(model),
        draw,
        outputs=["scores"],
        usage=_USAGE,
        codes={
            "symbols": units.symbols,
            "tokenizer": json.loads(units.to_json()),
            "labels": coder.labels,
        },
    )
