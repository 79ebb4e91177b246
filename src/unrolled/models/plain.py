"""Language models that C alone can run: what may hinder it, and whether a model has changed."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from unrolled.layers.recurrent import Recurrent
from unrolled.models.language_model import LanguageModel


def obstacle_to_c(model: LanguageModel) -> str | None:
    """What hinders C from reading a model's memory as its classes say; None if nothing does."""
    layer, readout, embedding = model.recurrent, model.readout, model.embedding
    parts = type(model), type(layer), type(readout), type(model.dropout)
    if parts != (LanguageModel, Recurrent, nn.Linear, nn.Dropout):
        return "a part is not of the class that the model was made with"
    if type(embedding) not in (nn.Embedding, type(None)):
        return "its embedding is not torch's"
    if any(map(_has_own_call, model.modules())) or _has_global_hooks():
        return "a hook, or a call of its own, wants to see each step"
    tensors, dtype = list(model.parameters()), readout.weight.dtype
    if any(type(tensor) not in (Tensor, nn.Parameter) for tensor in tensors):
        return "a weight is of a subclass, whose operations it defines itself"
    alike = all(tensor.dtype is dtype and tensor.device.type == "cpu" for tensor in tensors)
    if not (alike and all(tensor.is_contiguous() for tensor in tensors)):
        return "its weights are not all of one dtype, on a CPU and contiguous"
    if embedding is not None and embedding.max_norm is not None:
        return "its embedding is renewed as it is read"
    if not _fit_each_other(model):
        return "its parts do not fit each other"
    if layer.bidirectional or torch.is_autocast_enabled("cpu"):
        return "both directions, and autocast, need torch"
    return None


def _fit_each_other(model: LanguageModel) -> bool:
    """Whether a part's memory is what the next one reads; a layer looks at its own weights."""
    layer, readout, embedding = model.recurrent, model.readout, model.embedding
    symbols, width = readout.out_features, layer.state_shapes()[0][-1]
    table = (layer.input_size, layer.input_size) if embedding is None else embedding.weight.shape
    return (
        table[0] >= symbols > 0
        and table[1:] == (layer.input_size,)
        and readout.weight.shape == (symbols, width)
        and (readout.bias is None or readout.bias.shape == (symbols,))
    )


def fingerprint(model: LanguageModel, *others: Tensor) -> tuple[Any, ...]:
    """What changes when C's view of a model is no longer the model: other numbers alone do not."""
    return tuple(_facts(model, others))


def _facts(model: LanguageModel, others: tuple[Tensor, ...]) -> Iterator[Any]:
    yield torch.is_autocast_enabled("cpu"), _has_global_hooks()
    yield getattr(model.recurrent, "backend", None)
    for part in model.modules():
        yield id(part), part.training, _has_own_call(part)
    for tensor in (*model.parameters(), *others):
        yield id(tensor), tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype
        yield tensor.device, tensor.requires_grad


def _has_own_call(part: nn.Module) -> bool:
    return bool(
        part._forward_hooks
        or part._forward_pre_hooks
        or "forward" in vars(part)
        or hasattr(part, "parametrizations")
    )


def _has_global_hooks() -> bool:
    everywhere = nn.modules.module
    return bool(everywhere._global_forward_hooks or everywhere._global_forward_pre_hooks)
