"""How published files name the tensors of GPT-2 and of BERT, beside how we do.

A row is a layer of ours and the one or several of theirs that it is made of, `{}` the number of a
block. Ours has query, key and value in one matrix, one under the other; BERT's files have three.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Naming:
    """The names in the files of one kind of model."""

    rows: Mapping[str, tuple[str, ...]]
    prefix: str  # before all names but those of heads, in some files
    buffers: re.Pattern[str]  # that are no weights, in old files
    copies: Mapping[str, str]  # of a tensor of another name, in some files
    parts: tuple[str, ...] = ()  # that a model may do without
    transposed: re.Pattern[str] = re.compile(r"$^")  # inputs x outputs: OpenAI's "Conv1D"


GPT2_NAMING = Naming(
    rows={
        "embedding": ("wte",),
        "positions": ("wpe",),
        "blocks.{}.attention_norm": ("h.{}.ln_1",),
        "blocks.{}.attention.in_proj": ("h.{}.attn.c_attn",),
        "blocks.{}.attention.out_proj": ("h.{}.attn.c_proj",),
        "blocks.{}.feed_forward_norm": ("h.{}.ln_2",),
        "blocks.{}.feed_forward.linear1": ("h.{}.mlp.c_fc",),
        "blocks.{}.feed_forward.linear2": ("h.{}.mlp.c_proj",),
        "norm": ("ln_f",),
    },
    prefix="transformer.",
    buffers=re.compile(r"h\.\d+\.attn\.(bias|masked_bias)"),
    copies={"lm_head.weight": "wte.weight"},
    transposed=re.compile(r".*\.c_\w+\.weight"),
)

BERT_NAMING = Naming(
    rows={
        "embedding": ("embeddings.word_embeddings",),
        "positions": ("embeddings.position_embeddings",),
        "segments": ("embeddings.token_type_embeddings",),
        "norm": ("embeddings.LayerNorm",),
        "blocks.{}.attention.in_proj": (
            "encoder.layer.{}.attention.self.query",
            "encoder.layer.{}.attention.self.key",
            "encoder.layer.{}.attention.self.value",
        ),
        "blocks.{}.attention.out_proj": ("encoder.layer.{}.attention.output.dense",),
        "blocks.{}.attention_norm": ("encoder.layer.{}.attention.output.LayerNorm",),
        "blocks.{}.feed_forward.linear1": ("encoder.layer.{}.intermediate.dense",),
        "blocks.{}.feed_forward.linear2": ("encoder.layer.{}.output.dense",),
        "blocks.{}.feed_forward_norm": ("encoder.layer.{}.output.LayerNorm",),
        "pooler": ("pooler.dense",),
        "transform": ("cls.predictions.transform.dense",),
        "transform_norm": ("cls.predictions.transform.LayerNorm",),
        "": ("cls.predictions",),
        "next_sentence": ("cls.seq_relationship",),
        "classifier": ("classifier",),
    },
    prefix="bert.",
    buffers=re.compile(r"embeddings\.(position_ids|token_type_ids)"),
    copies={
        "cls.predictions.decoder.weight": "embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    },
    parts=("pooler.", "cls.predictions.", "cls.seq_relationship.", "classifier."),
)

_NUMBER = re.compile(r"\.(\d+)\.")  # of a block
_OLD_KINDS = {"gamma": "weight", "beta": "bias"}  # of norms, in the files of 2018


def published_names(tensors: Mapping[str, Tensor], naming: Naming) -> Iterator[tuple[str, Tensor]]:
    """Our tensors under their published names, each in the published shape.

    Args:
        tensors: By their names in our model: its parameters, or their gradients.
        naming: The names of its kind.

    Yields:
        Names without the prefix, and views of the tensors: what is written to one is written to
        ours.
    """
    for name, tensor in tensors.items():
        layer, _, kind = name.removeprefix(naming.prefix).rpartition(".")
        number = _NUMBER.search(layer)
        row = naming.rows[_NUMBER.sub(".{}.", layer)]
        for theirs, part in zip(row, tensor.chunk(len(row)), strict=True):
            published = f"{theirs.format(number and number[1])}.{kind}"
            yield published, part.T if naming.transposed.fullmatch(published) else part


def plain_name(published: str, naming: Naming) -> str:
    """A name as the newest files have it, without the prefix."""
    layer, dot, kind = published.removeprefix(naming.prefix).rpartition(".")
    return layer + dot + _OLD_KINDS.get(kind, kind)
