"""What the config of a published model says of it: sizes, and what ours cannot do otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from unrolled.errors import PretrainedError
from unrolled.models.attention_only.bert import EPSILON, BertShape
from unrolled.models.attention_only.gpt2 import GPT2Shape

ModelKind = Literal["bert", "gpt2"]


@dataclass(frozen=True)
class _Form:
    """How the config of one kind of model names what ours depends on."""

    shape: type[Any]
    sizes: Mapping[str, str]
    """Our names, and theirs."""
    fixed: Mapping[str, Any]
    """What ours always does; a config that lacks one of these means the same."""
    dropouts: tuple[str, ...]
    """All the same in ours."""
    inner: str
    """Between the two products of a block; four times the width, said or not."""


_FORMS: dict[ModelKind, _Form] = {
    "bert": _Form(
        BertShape,
        sizes={
            "vocabulary_size": "vocab_size",
            "context": "max_position_embeddings",
            "width": "hidden_size",
            "num_layers": "num_hidden_layers",
            "num_heads": "num_attention_heads",
            "num_segments": "type_vocab_size",
        },
        fixed={
            "hidden_act": "gelu",
            "layer_norm_eps": EPSILON,
            "position_embedding_type": "absolute",
            "is_decoder": False,
            "add_cross_attention": False,
        },
        dropouts=("hidden_dropout_prob", "attention_probs_dropout_prob"),
        inner="intermediate_size",
    ),
    "gpt2": _Form(
        GPT2Shape,
        sizes={
            "vocabulary_size": "vocab_size",
            "context": "n_positions",
            "width": "n_embd",
            "num_layers": "n_layer",
            "num_heads": "n_head",
        },
        fixed={
            "activation_function": "gelu_new",
            "layer_norm_epsilon": 1e-5,
            "scale_attn_weights": True,
            "scale_attn_by_inverse_layer_idx": False,
            "add_cross_attention": False,
        },
        dropouts=("resid_pdrop", "embd_pdrop", "attn_pdrop"),
        inner="n_inner",
    ),
}


def read_shape(config: Mapping[str, Any], kind: ModelKind, path: Path) -> Any:
    """The sizes in a config, once it has been seen that our model computes what it says.

    Args:
        config: What config.json holds.
        kind: What the model has to be.
        path: Its folder, for messages.

    Returns:
        A BertShape or a GPT2Shape.

    Raises:
        PretrainedError: It is of another kind, a size is none, or ours always does otherwise.
    """

    def refuse(field: str, wanted: str) -> PretrainedError:
        problem = f"its {field} is {config.get(field)!r:.80}, and {wanted} is wanted"
        return PretrainedError(path=path, kind=kind, problem=problem, hint="")

    form = _FORMS[kind]
    if config.get("model_type") != kind:
        raise refuse("model_type", repr(kind))
    sizes = {ours: config.get(theirs) for ours, theirs in form.sizes.items()}
    for ours, theirs in form.sizes.items():
        if type(size := sizes[ours]) is not int or size < 1:
            raise refuse(theirs, "a whole number above 0")
    dropout = config.get(form.dropouts[0], 0.0)
    if not isinstance(dropout, int | float) or not 0 <= dropout < 1:
        raise refuse(form.dropouts[0], "0 or more, below 1,")
    wanted = {**form.fixed, **dict.fromkeys(form.dropouts, dropout)}
    if config.get(form.inner) is not None:
        wanted[form.inner] = 4 * config[form.sizes["width"]]
    for field, value in wanted.items():
        if config.get(field, value) != value:
            raise refuse(field, repr(value))
    return form.shape(**sizes, dropout=float(dropout))
