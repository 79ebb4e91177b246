"""How torch's ONNX exporter reads the operator of a traced layer."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from unrolled.errors import MissingExtraError, TrainingExportError
from unrolled.runtime.onnx.call import Call, facts_of
from unrolled.runtime.onnx.fused import fused_for, write_fused
from unrolled.runtime.onnx.scan import write_scan
from unrolled.runtime.onnx.writer import Value, Writer
from unrolled.runtime.registered import forward


def onnx_translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """What `torch.onnx.export(..., custom_translation_table=onnx_translations())` needs for us.

    `export_onnx` does this, and more.

    Raises:
        MissingExtraError: onnx or onnxscript is not installed.
    """
    for package in ("onnx", "onnxscript"):
        try:
            import_module(package)
        except ImportError:
            facts = {"what": "ONNX files", "package": package, "extra": "onnx"}
            raise MissingExtraError(**facts) from None
    return {forward._opoverload: translate}


def translate(text: str, reverse: bool, *arguments: Any) -> list[Value]:
    """The operator as ONNX nodes: LSTM, GRU or RNN where the cell is theirs, else one Scan.

    Raises:
        TrainingExportError: The cell draws masks.
        StoredCellError: The text tells of no cell.
    """
    import onnx_ir
    from onnxscript import evaluator

    x, first, stacks, bias, vector, _, _, lengths = arguments
    call = Call(facts_of(text), reverse, x, first, stacks, bias, vector, lengths)
    if call.facts.masks:
        random = ", ".join(f"the mask {mask}" for mask in call.facts.cell.masks)
        raise TrainingExportError(layer=call.facts.cell.name, random=random)
    recorder: Any = evaluator.default()
    write = Writer(recorder.nodes, double=call.facts.double)
    fused = fused_for(call)
    made = write_scan(write, call) if fused is None else write_fused(write, fused, call)
    unread = 1 if lengths is None else 2  # what the operator keeps for its backward
    return [*made, *(onnx_ir.Value() for _ in range(unread))]
