"""What writes a model's text in C, where C alone can."""

from typing import Any

from torch import Tensor

from unrolled.models.language_model import LanguageModel
from unrolled.models.plain import obstacle_to_c
from unrolled.runtime.writing import Writer, can_write


def writer_for(model: LanguageModel, state: Any) -> Writer | None:
    """What writes on from a state in C; None if a part of the model needs torch at each step.

    Args:
        model: The model; of its weights, other numbers in the same memory are heeded.
        state: The state of its recurrent layer; None is zeros.
    """
    if any(part.training for part in model.modules()) or obstacle_to_c(model):
        return None
    layer, readout, embedding = model.recurrent, model.readout, model.embedding
    kernels = layer.kernels()
    if not can_write(kernels):
        return None
    parts = [state] if isinstance(state, Tensor) else state
    if parts is None:
        parts = [readout.weight.new_zeros(shape) for shape in layer.state_shapes()]
    return Writer(
        kernels,
        [layer.weights(i, 0) for i in range(layer.num_layers)],
        parts,
        embedding=None if embedding is None else embedding.weight,
        readout=(readout.weight, readout.bias),
    )
