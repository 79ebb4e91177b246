"""Whether C alone can write a model's text, and what it then needs of the model."""

from typing import Any

from torch import Tensor, nn

from unrolled.layers.recurrent import Recurrent
from unrolled.models.language_model import LanguageModel
from unrolled.runtime.writing import Readout, Writer, can_write


def writer_for(model: LanguageModel, state: Any) -> Writer | None:
    """What writes on from a state in C; None if a part of the model needs torch at each step.

    Args:
        model: The model; changes of its weights in place are heeded.
        state: The state of its recurrent layer; None is zeros.
    """
    layer, readout, embedding = model.recurrent, model.readout, model.embedding
    plain = type(readout) is nn.Linear and type(embedding) in (nn.Embedding, type(None))
    ours = type(model) is LanguageModel and type(layer) is Recurrent
    if model.training or not ours or not plain or _is_watched(model):
        return None
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
        embedding=None if embedding is None else embedding.weight.detach(),
        readout=Readout(readout.weight, readout.bias),
    )


def _is_watched(model: nn.Module) -> bool:
    """Whether a hook wants to see every call, or a call of some part is not what its class says."""
    return any(
        part._forward_hooks
        or part._forward_pre_hooks
        or "forward" in vars(part)
        or hasattr(part, "parametrizations")
        for part in model.modules()
    )
