"""Published weights into GPT-2 and BERT, from safetensors files: nothing is unpickled."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from unrolled.errors import NotSafetensorsError, PublishedWeightsError
from unrolled.models.attention_only.bert import Bert
from unrolled.models.attention_only.bert_heads import (
    MaskedModel,
    SentenceClassifier,
    TokenClassifier,
)
from unrolled.models.attention_only.gpt2 import GPT2
from unrolled.models.attention_only.published_names import (
    BERT_NAMING,
    GPT2_NAMING,
    Naming,
    plain_name,
    published_names,
)

Model = GPT2 | Bert | MaskedModel | SentenceClassifier | TokenClassifier


def published_tensors(model: Model) -> dict[str, Tensor]:
    """A model's parameters under their published names, without prefix.

    Args:
        model: Any GPT-2 or BERT.

    Returns:
        Views: what is written to them is written to the model.
    """
    detached = {name: parameter.detach() for name, parameter in model.named_parameters()}
    return dict(published_names(detached, _naming(model)))


def load_published(model: Model, path: str | Path) -> None:
    """Copy the weights of a published file into a model, all of them or none.

    Names may have a prefix (`transformer.`, `bert.`), norms their old names (`gamma`, `beta`). Left
    alone are buffers, second copies of a tied matrix that are really equal, and, of BERT, heads
    that the model has not. Numbers become what the model has, such as float32; a model on the meta
    device comes to the CPU.

    Args:
        model: Any GPT-2 or BERT, of the sizes of the file.
        path: The safetensors file; it is mapped into memory, not read at once.

    Raises:
        FileNotFoundError: There is no such file.
        NotSafetensorsError: It is damaged, or of another format.
        PublishedWeightsError: It lacks tensors, has others, or has some of another shape; all of
            them are listed.
    """
    naming, wanted = _naming(model), published_tensors(model)
    with _opened(path) as file:
        there = {plain_name(name, naming): name for name in file.keys()}
        found = {name: there[name] for name in _of_interest(there, wanted, naming)}
        problems = [
            *(f"missing: {name} {_shape(wanted[name])}" for name in wanted if name not in found),
            *_unexpected(file, found, {*wanted, *naming.copies}),
            *_misshapen(file, found, wanted),
            *_untied(file, found, naming.copies),
        ]
        if problems:
            raise PublishedWeightsError(
                path=path,
                model=type(model).__name__,
                differences="".join(f"\n  {problem}" for problem in problems),
            )
        if any(tensor.is_meta for tensor in wanted.values()):
            wanted = published_tensors(model.to_empty(device="cpu"))
        for name, tensor in wanted.items():
            tensor.copy_(file.get_tensor(found[name]))


def _naming(model: nn.Module) -> Naming:
    return GPT2_NAMING if isinstance(model, GPT2) else BERT_NAMING


def _opened(path: str | Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except SafetensorError as error:
        raise NotSafetensorsError(path=path, problem=error) from error


def _of_interest(names: Iterable[str], wanted: Iterable[str], naming: Naming) -> Iterator[str]:
    """All but buffers, and heads that the model has not."""
    absent = tuple(p for p in naming.parts if not any(name.startswith(p) for name in wanted))
    return (n for n in names if not naming.buffers.fullmatch(n) and not n.startswith(absent))


def _unexpected(file: Any, found: Mapping[str, str], known: set[str]) -> Iterator[str]:
    for name, theirs in found.items():
        if name not in known:
            yield f"unexpected: {theirs} {_stored_shape(file, theirs)}"


def _misshapen(file: Any, found: Mapping[str, str], wanted: Mapping[str, Tensor]) -> Iterator[str]:
    for name, tensor in wanted.items():
        if name in found and (stored := _stored_shape(file, found[name])) != _shape(tensor):
            yield f"of another shape: {found[name]} {stored}, and the model's is {_shape(tensor)}"


def _untied(file: Any, found: Mapping[str, str], copies: Mapping[str, str]) -> Iterator[str]:
    for copy, original in copies.items():
        if copy in found and original in found:
            one, other = (file.get_tensor(found[name]) for name in (copy, original))
            if not torch.equal(one, other):
                yield f"not tied: {found[copy]} and {found[original]}, which are one in the model"


def _stored_shape(file: Any, name: str) -> str:
    return _shape(file.get_slice(name).get_shape())


def _shape(found: Tensor | list[int]) -> str:
    return str(list(found.shape if isinstance(found, Tensor) else found))
