"""Models that hold our layers, as ONNX files that take any number of steps and sequences."""

import inspect
import warnings
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn
from torch._dynamo.exc import UserError
from torch.export import Dim, ExportedProgram
from torch.utils._pytree import tree_map

from unrolled.errors import OnnxError, TrainingExportError
from unrolled.layers.backends import obstacle_of
from unrolled.layers.in_c import like_of
from unrolled.layers.layer import Layer
from unrolled.runtime.kernel import kernel_for
from unrolled.runtime.onnx.translation import onnx_translations

_STATES = ("state", "hx")


def export_onnx(
    model: nn.Module,
    example: Tensor | tuple[Any, ...],
    path: str | Path,
    *,
    keywords: Mapping[str, Any] | None = None,
    axes: Mapping[str, str] | None = None,
    outputs: Sequence[str] | None = None,
) -> Path:
    """Write a model as an ONNX file, to be run at any length and batch size.

    Our LSTM, GRU and RNN become ONNX's own nodes, every other cell one Scan of its equations. The
    file takes its name when it is whole; the weights of one over 2 GB lie in a file beside it.

    Example:
        >>> layer = Recurrent(gru, input_size=64, hidden_size=128).eval()
        >>> export_onnx(layer, torch.randn(5, 3, 64), "gru.onnx")
        PosixPath('gru.onnx')

    Args:
        model: One of our layers, or any module that holds some.
        example: The input of one call, or a tuple of all its positional ones; free axes at
            least 2 long.
        path: The file, replaced if it is there.
        keywords: The call's keyword arguments, such as `{"lengths": lengths, "record": ("f",)}`.
        axes: The free axes of an argument of `forward`, such as `{"x": "T B", "image": "B _ _"}`;
            what is `_`, or not mentioned, stays as long as in the example. Where nothing is said, a
            tensor of one axis has "B", others "T B" ("B T" if the model is batch_first), and the
            state of a layer "_ B".
        outputs: Names of the results. A layer's are `output`, `last_h` for a state h, `recorded_f`
            for a recorded f.

    Raises:
        TrainingExportError: A layer is in training and draws masks.
        OnnxError: The model cannot become a file, or `axes` does not fit it.
        MissingExtraError: onnx or onnxscript is not installed.
        NoCompilerError: There is no C compiler, by which layers are traced.
    """
    translations, free = onnx_translations(), _FreeAxes(model, axes or {})
    for module in model.modules():
        if isinstance(module, Layer):
            _check(module)
    call = example if isinstance(example, tuple) else (example,), dict(keywords or {})
    traced = _traced(model, *call, free)
    if outputs is None and isinstance(model, Layer):
        outputs = _names_of_results(model, call[1].get("record", ()))
    program = _converted(traced, translations, outputs)
    free.name_in(program.model.graph)
    return _saved(program, Path(path))


def _check(layer: Layer) -> None:
    """Refuse a layer that a file cannot hold, before torch's exporter hides the reason."""
    name = type(layer).__name__
    random = [f"the mask {mask}" for mask in layer.cell.masks]
    random += ["dropout"] * bool(layer.dropout and layer.num_layers > 1)
    if layer.training and random:
        raise TrainingExportError(layer=name, random=", ".join(random))
    if layer.backend not in ("auto", "c"):
        reason = f'torch traces backend="{layer.backend}" step by step. Build it with "auto"'
        raise OnnxError(model=name, reason=reason)
    like = like_of(layer.weights(0, 0), torch.empty(0))
    obstacle = obstacle_of(like.device, like.dtype)
    if obstacle is not None:
        raise OnnxError(model=name, reason=f"{obstacle}. Use model.cpu().float()")
    kernel_for(layer.cell, layer.layer_sizes(0), like.dtype, masks=False)


def _names_of_results(layer: Layer, record: Sequence[str]) -> list[str]:
    states = (f"last_{name}" for name in layer.cell.state_names)
    return ["output", *states, *(f"recorded_{name}" for name in record)]


def _traced(
    model: nn.Module,
    positional: tuple[Any, ...],
    keywords: dict[str, Any],
    free: "_FreeAxes",
) -> ExportedProgram:
    """The model as torch traces it."""
    bound = inspect.signature(model.forward).bind(*positional, **keywords)
    shapes = free.of_call(bound.arguments)
    try:
        with torch.no_grad():
            return torch.export.export(
                model, positional, keywords, dynamic_shapes=shapes, strict=False
            )
    except UserError as error:
        reason = f"torch cannot keep its axes free: {error}\nSay which are, as axes={{'x': 'T B'}}"
        raise OnnxError(model=type(model).__name__, reason=reason) from error


def _converted(
    traced: ExportedProgram, translations: dict[Any, Any], outputs: Sequence[str] | None
) -> Any:
    """The same as torch's ONNX program."""
    with warnings.catch_warnings(), torch.no_grad():
        # torch's exporter warns of what it does itself.
        warnings.filterwarnings("ignore", ".*LeafSpec", FutureWarning)
        return torch.onnx.export(
            traced, custom_translation_table=translations, output_names=outputs, verbose=False
        )


class _FreeAxes:
    """The axes of a model's arguments that stay free."""

    def __init__(self, model: nn.Module, axes: Mapping[str, str]) -> None:
        self.model = model
        self.axes = axes
        self.known: dict[str, Any] = {}
        """An axis of the same name is everywhere equally long."""
        self.of_inputs: list[dict[int, Any]] = []

    def of_call(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The free axes of each tensor in a call's arguments, as torch.export takes them."""
        unknown = ", ".join(sorted(set(self.axes) - set(arguments)))
        if unknown:
            reason = f"axes name {unknown}, and the example gives {', '.join(arguments)}"
            raise OnnxError(model=type(self.model).__name__, reason=reason)
        return {
            name: tree_map(lambda part, name=name: self._of_tensor(name, part), value)
            for name, value in arguments.items()
        }

    def name_in(self, graph: Any) -> None:
        """Give the axes of an ONNX graph their names, in place of torch's symbols."""
        import onnx_ir

        names = {
            value.shape[index]: axis.__name__
            for value, axes in zip(graph.inputs, self.of_inputs, strict=True)
            for index, axis in axes.items()
        }
        written = (node.outputs for node in onnx_ir.traversal.RecursiveGraphIterator(graph))
        for value in (*graph.inputs, *chain.from_iterable(written)):
            if value.shape is not None:
                value.shape = onnx_ir.Shape([names.get(axis, axis) for axis in value.shape])

    def _of_tensor(self, name: str, part: Any) -> dict[int, Any] | None:
        if not isinstance(part, Tensor):
            return None
        words = self.axes.get(name, self._usual(name, part)).split()
        free = {index: word for index, word in enumerate(words) if word != "_"}
        there = len(words) <= part.dim() and all(part.shape[index] > 1 for index in free)
        if not (there and all(map(str.isidentifier, words))):
            reason = (
                f"axes {' '.join(words)!r} are to stay free in {name}, whose shape is "
                f"{list(part.shape)}. Give letters, and an example where each is at least 2 long"
            )
            raise OnnxError(model=type(self.model).__name__, reason=reason)
        self.of_inputs.append({index: self._named(word) for index, word in free.items()})
        return self.of_inputs[-1]

    def _usual(self, name: str, part: Tensor) -> str:
        if isinstance(self.model, Layer) and name in _STATES:
            return "_ B"
        if part.dim() < 2:
            return "B" * part.dim()
        return "B T" if getattr(self.model, "batch_first", False) else "T B"

    def _named(self, word: str) -> Any:
        return self.known.setdefault(word, Dim(word, min=1))


def _saved(program: Any, path: Path) -> Path:
    """Write the files aside, then give them their names, that of the model last."""
    with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        program.save(Path(folder) / path.name, external_data=False)
        for file in sorted(Path(folder).iterdir(), key=lambda file: file.name == path.name):
            file.replace(path.parent / file.name)
    return path
