"""A toy task's model as a file: sequences in, answers out."""

import torch
from torch import Tensor, nn

from unrolled.tasks.export_call import ExportCall, draw_symbols
from unrolled.tasks.toy.settings import ToySettings
from unrolled.tasks.toy.task import Model, draw

_USAGE = """
x = {x}
(answers,) = session.run(None, {{"x": x}})
print(answers)
"""
_SYMBOLS = "np.random.randint({size}, size=({length}, 1))  # T x B"
_VECTORS = "np.random.rand({length}, 1, {size}).astype(np.float32)  # T x B x X"


class Answers(nn.Module):
    """A model that gives its answers, and no states."""

    def __init__(self, model: Model) -> None:
        """Take the model.

        Args:
            model: The model.
        """
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """The answer to each sequence (B x Y), or to each of its steps (T x B x Y)."""
        answers, _ = self.model(x)
        return answers


def export_call(model: Model, settings: ToySettings) -> ExportCall:
    """A toy task's model as it is called for many sequences side by side.

    Args:
        model: The model.
        settings: Which task, and how long its sequences are.
    """
    size, drawn = model.recurrent.input_size, draw(settings, "sample", 0, 1).x
    symbols = not drawn.is_floating_point()

    def inputs(chance: torch.Generator, steps: int, batch: int) -> dict[str, Tensor]:
        if symbols:
            return {"x": draw_symbols(chance, size, steps, batch)}
        return {"x": torch.rand(steps, batch, size, generator=chance)}

    x = (_SYMBOLS if symbols else _VECTORS).format(size=size, length=len(drawn))
    return ExportCall(Answers(model), inputs, outputs=["answers"], usage=_USAGE.format(x=x))
