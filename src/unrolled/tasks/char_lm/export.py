"""A character model as a file: symbols and states in, scores of what follows and new states out."""

from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from unrolled.data.pieces import Symbols
from unrolled.errors import OnnxError
from unrolled.models.language_model import LanguageModel
from unrolled.tasks.export_call import ExportCall, draw_symbols

_USAGE = """
symbols = json.loads(facts["unrolled.symbols"])
shapes = {shapes}
state = {{name: np.zeros(shape, np.float32) for name, shape in shapes.items()}}
written = [0]  # the symbol that the text starts with
for _ in range(200):
    logits, *last = session.run(None, {{"symbols": np.array([written[-1:]]), **state}})
    state = dict(zip(state, last))
    drawn = logits[0, 0] + np.random.gumbel(size={size})  # its greatest is a draw by chance
    written.append(int(drawn.argmax()))
print({text})
"""
_TEXT = '"".join(symbols[number] for number in written)'
_TEXT_OF_BYTES = 'bytes(written).decode(errors="replace")'


class NextSymbol(nn.Module):
    """A language model that takes each state by its name."""

    def __init__(self, model: LanguageModel) -> None:
        """Take the model.

        Args:
            model: The model.
        """
        super().__init__()
        self.model = model

    def forward(self, symbols: Int[Tensor, "T B"], state: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """The scores of the symbol that follows each, and the states after the last."""
        first = list(state.values())
        logits, last = self.model(symbols, tuple(first) if len(first) > 1 else first[0])
        return logits, *_parts(last)


def export_call(model: nn.Module, alphabet: Symbols) -> ExportCall:
    """A language model as it is called to write, a step or many at a time.

    Args:
        model: The model.
        alphabet: What its numbers mean.

    Raises:
        OnnxError: The model is not recurrent.
    """
    if not isinstance(model, LanguageModel):
        reason = "its state grows with each symbol, and a file's states stay as large as they are"
        raise OnnxError(model=type(model).__name__, reason=f"{reason}. Train a recurrent one")
    size, names = len(alphabet), model.recurrent.cell.state_names

    def draw(chance: torch.Generator, steps: int, batch: int) -> dict[str, Any]:
        """Symbols, and the states that other symbols lead to."""
        before, symbols = (draw_symbols(chance, size, steps, batch) for _ in range(2))
        device = model.readout.weight.device
        with torch.no_grad():
            _, state = model(before.to(device))
        parts = (part.cpu() for part in _parts(state))
        return {"symbols": symbols, "state": dict(zip(names, parts, strict=True))}

    states = [f"state_{name}" for name in names]
    shapes = dict(zip(states, model.recurrent.state_shapes(), strict=True))
    text = _TEXT_OF_BYTES if alphabet.is_bytes else _TEXT
    return ExportCall(
        NextSymbol(model),
        draw,
        outputs=["logits", *(f"last_{name}" for name in names)],
        usage=_USAGE.format(shapes=shapes, size=size, text=text),
        axes={"state": "_ B"},
        codes={"symbols": alphabet.to_json()},
    )


def _parts(state: Any) -> tuple[Tensor, ...]:
    return (state,) if isinstance(state, Tensor) else tuple(state)
