"""Models that have learned before, with their tokenizers: published folders, named sets, runs.

Nothing is unpickled, and nothing of what the folder says is taken on trust: a field of its config
that our model does not follow is refused by name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from unrolled.data.alphabet import printable
from unrolled.data.published_tokenizer import read_tokenizer
from unrolled.data.sets import SETS, of_kind
from unrolled.data.sets import Kind as SetKind
from unrolled.data.text_files import did_you_mean
from unrolled.data.tokenizer import CLASS, SEPARATOR, UNKNOWN, Tokenizer
from unrolled.errors import PretrainedError, TokenizerSizeError
from unrolled.models.attention_only.bert import Bert, BertShape
from unrolled.models.attention_only.gpt2 import GPT2Shape
from unrolled.models.attention_only.published import load_published
from unrolled.models.attention_only.published_config import ModelKind, read_shape
from unrolled.tasks.masked_lm.config import NAME as MASKED_LM
from unrolled.tasks.masked_lm.config import parts_of, shape_of
from unrolled.tasks.runs import best_weights
from unrolled.tasks.texts.reading import Report, absolute
from unrolled.training.storage.json_text import JSON_LIMIT
from unrolled.training.storage.run_files import CONFIG, parse_record, read_file
from unrolled.training.storage.run_folder import read_config
from unrolled.training.storage.weights import load_weights_into

Shape = TypeVar("Shape", BertShape, GPT2Shape)
Settings = TypeVar("Settings", bound=Any)
WEIGHTS = "model.safetensors"
_SETS: dict[ModelKind, SetKind] = {"bert": "weights of bert", "gpt2": "weights of gpt2"}
_NEEDED: dict[ModelKind, tuple[str, ...]] = {"bert": (UNKNOWN, CLASS, SEPARATOR), "gpt2": ()}
"""Special symbols."""


@dataclass(frozen=True)
class Pretrained(Generic[Shape]):
    """A model that has learned before."""

    shape: Shape
    tokenizer: Tokenizer
    load: Callable[[Any], None]
    """Copies the weights into a model (or the BERT of one) of that shape, all of them or none."""


def find_pretrained(
    name: str, kind: ModelKind, report: Report = lambda line: None
) -> Pretrained[Any]:
    """The pretrained model that a user's name means.

    Args:
        name: A named set of weights, even beside a folder of that name; a folder as the hub
            publishes it; or the run folder of a masked-lm.
        kind: What it has to be.
        report: Is told what is being done when that takes its time.

    Raises:
        PretrainedError: There is none, or it differs from our model in what ours cannot follow.
        SetKindError: The set is made of something else.
        TokenizerError: There is no tokenizer with it, or a damaged one.
        TokenizerSizeError: The tokenizer is another model's.
        UnrolledError: Many other kinds: a file is damaged, a library is missing.
    """
    folder = Path(name)
    if name in SETS:
        folder = of_kind(name, _SETS[kind]).files(report)[0].parent
    if not (folder / CONFIG).is_file():
        known = [row.name for row in SETS.values() if row.kind == _SETS[kind]]
        hint = did_you_mean(name, known)
        raise _refusal(folder, kind, f"it has no {CONFIG}", hint)
    config = parse_record(read_file(folder / CONFIG, limit=JSON_LIMIT), folder / CONFIG)
    read = _of_run if isinstance(config.get("config"), dict) else _of_publisher
    return read(folder, kind, config)


def sized_as(settings: Settings, shape: BertShape | GPT2Shape, **more: Any) -> Settings:
    """Settings with the sizes of the weights that they name, and a name that is found again.

    Args:
        settings: As they were given.
        shape: That of the weights.
        **more: What else is to be set.
    """
    sizes = {"num_layers": shape.num_layers, "num_heads": shape.num_heads}
    drawn = {"hidden_size": shape.width, "dropout": shape.dropout}
    return replace(settings, weights=absolute(settings.weights), **sizes, **drawn, **more)


def _of_publisher(folder: Path, kind: ModelKind, config: Mapping[str, Any]) -> Pretrained[Any]:
    if not (folder / WEIGHTS).is_file():
        raise _refusal(folder, kind, f"it has no {WEIGHTS}")
    shape, tokenizer = read_shape(config, kind, folder), read_tokenizer(folder)
    for name in _NEEDED[kind]:
        tokenizer.special(name)
    if len(tokenizer) != shape.vocabulary_size:
        vectors = shape.vocabulary_size
        raise TokenizerSizeError(path=folder, symbols=len(tokenizer), vectors=vectors)
    return Pretrained(shape, tokenizer, lambda model: load_published(model, folder / WEIGHTS))


def _of_run(folder: Path, kind: ModelKind, _: Mapping[str, Any]) -> Pretrained[Any]:
    config = read_config(folder)
    if kind != "bert" or config.get("task") != MASKED_LM:
        raise _refusal(folder, kind, f"it is a run of {config.get('task')!r:.80}")
    settings, tokenizer = parts_of(config, folder)
    return Pretrained(
        shape_of(settings, tokenizer), tokenizer, lambda model: _load_run(model, folder)
    )


def _load_run(model: Bert, folder: Path) -> None:
    """The BERT of a run; a pooler that it has not trained stays as it was."""
    own = best_weights(folder)
    weights = {name[5:]: tensor for name, tensor in own.items() if name.startswith("bert.")}
    pooler = {name for name in model.state_dict() if name.startswith("pooler.")}
    weights = {name: t for name, t in weights.items() if name in pooler or "pooler" not in name}
    fresh = {name: model.state_dict()[name] for name in pooler - weights.keys()}
    load_weights_into(model, {**weights, **fresh})


def _refusal(folder: Path, kind: str, problem: str, hint: str = "") -> PretrainedError:
    path = printable(str(folder))
    return PretrainedError(path=path, kind=kind, problem=problem, hint=hint)
