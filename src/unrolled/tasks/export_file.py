"""A trained model as an ONNX file, which takes its name when onnxruntime agrees with torch."""

import json
import logging
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from unrolled import __version__
from unrolled.errors import ExportDiffersError, MissingExtraError, SettingError
from unrolled.layers.onnx import export_onnx
from unrolled.tasks.export_call import ExportCall
from unrolled.training.storage.disk_faults import make_writable, reported

WITHIN = 1e-4  # of 1, or of the greatest number if that is greater: float32 has seven digits
EXAMPLE = (5, 3)  # T, B
SHAPES = ((1, 1), (2, 5), (7, 2), (33, 4))  # none is the example's

_OPENED = """import json

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession({path!r})
facts = session.get_modelmeta().custom_metadata_map
"""


@dataclass(frozen=True)
class Value:
    """What goes into a file, or comes out."""

    name: str
    dtype: str
    shape: Sequence[int | str]
    """A letter is an axis of any length."""


@dataclass(frozen=True)
class Compared:
    """What onnxruntime makes of a file, beside torch."""

    inputs: Sequence[Value]
    outputs: Sequence[Value]
    difference: float
    """The greatest between two numbers, as a share of the greatest number if that is above 1."""


@dataclass(frozen=True)
class Exported:
    """A file that was written and compared."""

    path: Path
    size: int
    """Bytes."""
    facts: Mapping[str, str]
    """What the file says of itself: its `metadata_props`."""
    compared: Compared
    usage: str
    """Lines of Python that run it."""

    def tell(self) -> list[str]:
        """All of it as lines to be read."""
        tried = ", ".join(f"{steps} x {batch}" for steps, batch in SHAPES)
        return [
            f"{self.path}, {self.size:,} bytes",
            f"as torch computes it within {self.compared.difference:.1e}, tried at T x B = {tried}",
            *_table("in", self.compared.inputs),
            *_table("out", self.compared.outputs),
            "\nfacts:",
            *(f"  {name}" for name in sorted(self.facts)),
            "\nin Python:\n",
            *self.usage.splitlines(),
        ]


def write_onnx(call: ExportCall, file: Path, *, task: str, cell: str) -> Exported:
    """Write a model as a file that is enough by itself, and compare it at other sizes.

    Args:
        call: The model, and how it is called.
        file: Its place, replaced if it is there; its folder is made.
        task: What the model was trained for.
        cell: The name of its cell.

    Raises:
        ExportDiffersError: onnxruntime computes something else; what was there is as it was.
        MissingExtraError: onnx, onnxscript or onnxruntime is not installed.
        OnnxError: The model cannot become a file.
        SaveFailedError: The disk refuses.
        SettingError: The place is a folder.
    """
    _require_onnxruntime()
    if file.is_dir():
        raise SettingError(name="file", got=file, wanted="the name of a file; this is a folder")
    make_writable(file.parent)
    codes = {name: json.dumps(code) for name, code in call.codes.items()}
    known = {"version": __version__, "task": task, "cell": cell, **codes}
    facts = {f"unrolled.{name}": text for name, text in known.items()}
    module, chance = deepcopy(call.module).cpu().eval(), torch.Generator().manual_seed(0)
    draws = [call.draw(chance, *shape) for shape in (EXAMPLE, *SHAPES)]
    with reported(file), TemporaryDirectory(prefix=f".{file.name}.", dir=file.parent) as folder:
        aside = Path(folder) / file.name
        with _torch_silenced():
            export_onnx(module, (), aside, keywords=draws[0], axes=call.axes, outputs=call.outputs)
        _label(aside, facts)
        compared = _compared(module, aside, draws[1:])
        parts = sorted(Path(folder).iterdir(), key=lambda part: part == aside)
        size = sum(part.stat().st_size for part in parts)
        for part in parts:  # the model last: its weights may lie in a file beside it
            part.replace(file.parent / part.name)
    usage = _OPENED.format(path=str(file)) + call.usage
    return Exported(file, size, facts, compared, usage)


def _require_onnxruntime() -> None:
    try:
        import onnxruntime as onnxruntime  # an extra
    except ImportError:
        facts = {"what": "ONNX files", "package": "onnxruntime", "extra": "onnx"}
        raise MissingExtraError(**facts) from None


@contextmanager
def _torch_silenced() -> Generator[None, None, None]:
    """No word from torch's exporter, which tells of packages that it has no need of."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _label(file: Path, facts: Mapping[str, str]) -> None:
    """Let a file say something of itself; weights that lie beside it are not read."""
    import onnx

    model = onnx.load(file, load_external_data=False)
    onnx.helper.set_model_props(model, dict(facts))
    onnx.save(model, file)


def _compared(module: nn.Module, file: Path, draws: Sequence[Mapping[str, Any]]) -> Compared:
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    inputs, outputs = session.get_inputs(), session.get_outputs()
    given: dict[str, np.ndarray] = {}
    wanted: dict[str, np.ndarray] = {}
    greatest = 0.0
    for drawn in draws:
        given = _named(inputs, drawn)
        with torch.no_grad():
            wanted = _named(outputs, module(**drawn))
        found: Any = session.run([*wanted], given)
        pairs = zip(wanted.items(), found, strict=True)
        apart, output = max((_apart(ours, torchs), name) for (name, torchs), ours in pairs)
        if apart > WITHIN:
            shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in given.items())
            facts = {"file": file.name, "version": onnxruntime.__version__, "output": output}
            raise ExportDiffersError(**facts, apart=apart, within=WITHIN, shapes=shapes)
        greatest = max(greatest, apart)
    return Compared(_values(inputs, given), _values(outputs, wanted), greatest)


def _named(values: Sequence[Any], tensors: Any) -> dict[str, np.ndarray]:
    """Tensors, however nested, by the names that a file has for them in the same order."""
    leaves = (tensor.numpy() for tensor in tree_leaves(tensors))
    return {value.name: array for value, array in zip(values, leaves, strict=True)}


def _apart(found: np.ndarray, wanted: np.ndarray) -> float:
    """How different they are; infinitely where something is no number, or of another shape."""
    if found.shape != wanted.shape:
        return float("inf")
    difference = np.abs(found - wanted).max() / max(1.0, np.abs(wanted).max())
    return float(np.nan_to_num(difference, nan=np.inf))


def _values(values: Sequence[Any], arrays: Mapping[str, np.ndarray]) -> list[Value]:
    return [Value(value.name, str(arrays[value.name].dtype), value.shape) for value in values]


def _table(title: str, values: Sequence[Value]) -> list[str]:
    width = max(len(value.name) for value in values)
    shapes = (" x ".join(map(str, value.shape)) for value in values)
    rows = zip(values, shapes, strict=True)
    return [f"\n{title}:", *(f"  {v.name:{width}}  {v.dtype:7}  {shape}" for v, shape in rows)]
