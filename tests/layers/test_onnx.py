"""ONNX files of layers, run by onnxruntime at lengths and batch sizes that the export never saw."""

import sys
from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from tests.compiler.random_cells import random_cell
from tests.layers.cases import flat, own_sizes
from tests.runtime.test_compiled_random import drawn_case, make_layer, make_leaves
from torch import nn

from unrolled import GALLERY, cell, export_onnx, find_cell, onnx_translations
from unrolled.errors import MissingExtraError, OnnxError, TrainingExportError
from unrolled.lang.ops import OPS
from unrolled.lang.words import (
    concat,
    cos,
    detach,
    exp,
    log,
    maximum,
    mean,
    minimum,
    relu,
    sigmoid,
    sin,
    softplus,
    split,
    sqrt,
    tanh,
    var,
    where,
)
from unrolled.layers.recurrent import Recurrent
from unrolled.layers.torch_like import GRU, LSTM, RNN

X, H = 4, 4
SHAPES = ((1, 1), (2, 5), (7, 2), (33, 4))
LOOPS = {"LSTM", "GRU", "RNN", "Scan", "Loop"}


class Several(nn.Module):
    """A model that gives the results of several layers, since an export takes a second."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x):
        return [tensor for layer in self.layers for tensor in flat(layer(x))]


class Started(Several):
    """The same from given states, with lengths."""

    def forward(self, x, h, c, lengths):
        firsts = [(h, c)[: len(layer.cell.states)] for layer in self.layers]
        states = [first if len(first) > 1 else first[0] for first in firsts]
        runs = zip(self.layers, states, strict=True)
        return [t for layer, state in runs for t in flat(layer(x, state, lengths=lengths))]


def tensors(value):
    """Every tensor of nested arguments or results, in order; names of equations are none."""
    if isinstance(value, torch.Tensor):
        return [value.detach()]
    parts = value.values() if isinstance(value, dict) else value
    return [tensor for part in parts if not isinstance(part, str) for tensor in tensors(part)]


def assert_runs_alike(file, model, *arguments, within=1e-5, **keywords):
    """The file's results are the model's, shape by shape and number by number."""
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    given = zip(names, tensors([arguments, keywords]), strict=True)
    found = session.run(None, {name: tensor.numpy() for name, tensor in given})
    for ours, wanted in zip(found, tensors(model(*arguments, **keywords)), strict=True):
        np.testing.assert_allclose(ours, wanted.numpy(), rtol=0, atol=within, equal_nan=False)


def loops(file):
    """How many nodes of each kind a file has that go over time."""
    return Counter(node.op_type for node in onnx.load(file).graph.node if node.op_type in LOOPS)


@pytest.mark.slow
def test_every_cell_of_the_gallery_is_right_at_other_lengths_and_batches(tmp_path):
    layers = [Recurrent(find_cell(name), X, H, sizes=own_sizes(name)) for name in GALLERY]
    model = Several(*layers).eval()
    file = export_onnx(model, torch.randn(5, 3, X), tmp_path / "gallery.onnx")
    for shape in SHAPES:
        assert_runs_alike(file, model, torch.randn(*shape, X))
    onnx.checker.check_model(file, full_check=True)
    assert loops(file) == {"LSTM": 1, "GRU": 1, "RNN": 2, "Scan": len(GALLERY) - 4}


def test_layers_upon_layers_both_ways_from_given_states_with_lengths(tmp_path):
    options = {"num_layers": 2, "bidirectional": True}
    drop_ins = LSTM(X, H, **options), GRU(X, H, **options), RNN(X, H, bias=False, **options)
    ours = (Recurrent(find_cell(name), X, H, **options) for name in ("gru", "peephole_lstm"))
    model = Started(*drop_ins, *ours)

    def arguments(T, lengths):
        x, counts = torch.randn(T, len(lengths), X), torch.tensor(lengths)
        x[torch.arange(T).unsqueeze(-1) >= counts] = torch.nan
        return x, *torch.randn(2, 4, len(lengths), H), counts

    axes = {"h": "_ B", "c": "_ B"}
    example = arguments(5, [5, 0, 2])
    file = export_onnx(model, example, tmp_path / "deep.onnx", axes=axes)
    assert_runs_alike(file, model, *example)
    for T, lengths in ((1, [1]), (7, [2, 0, 6, 7]), (33, [20, 33]), (4, [0, 0])):
        assert_runs_alike(file, model, *arguments(T, lengths))
    assert loops(file) == {"LSTM": 4, "GRU": 4, "RNN": 4, "Scan": 8}


def test_whole_numbers_pick_inputs_and_the_batch_may_come_first(tmp_path):
    layers = [LSTM(X, H, batch_first=True)]
    layers += [Recurrent(find_cell(n), X, H, batch_first=True) for n in ("gru", "mut1")]
    model = Several(*layers)
    example = torch.randint(0, X, (3, 5))
    file = export_onnx(model, example, tmp_path / "symbols.onnx", axes={"x": "B T"})
    for shape in SHAPES:
        assert_runs_alike(file, model, torch.randint(0, X, shape[::-1]))


def test_recorded_values_and_axes_have_names(tmp_path):
    layer, record = Recurrent(find_cell("lstm"), X, H), {"record": ("f", "h")}
    file = export_onnx(layer, torch.randn(5, 3, X), tmp_path / "f.onnx", keywords=record)
    assert_runs_alike(file, layer, torch.randn(9, 2, X), **record)
    results = {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in onnx.load(file).graph.output
    }
    assert results == {
        "output": ["T", "B", H], "last_h": [1, "B", H], "last_c": [1, "B", H],
        "recorded_f": [1, "T", "B", H], "recorded_h": [1, "T", "B", H],
    }  # fmt: skip


@cell
def everything(x, h, c, *, W, b):
    """Every operation of the language, and values of all kinds where they meet."""
    m, n = split(W.a @ concat(x, h, b.k), 2)
    z = sigmoid(m) * cos(n) - sin(b.k) / (2 + abs(m))
    v = (h - mean(h)) / sqrt(var(h) + 0.1) + exp(-relu(c)) + log(softplus(x) + 1)
    q = where(m < n, maximum(z, v), minimum(z, 0.5)) + (m <= n) * 0.1 - (m > n) * 0.2
    q = q + (m >= n) * (x == x) * h + (c != h) * tanh(v) ** 2
    return mean(q) + W.b @ (z * detach(h)), tanh(W.b @ q)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_every_operation_is_right(dtype, tmp_path):
    assert {node.op for node in everything.nodes} == set(OPS) - {"mask"}
    layer, within = Recurrent(everything, X, H, dtype=dtype), 1e-5
    if dtype is torch.float64:
        layer, within = Several(layer, LSTM(X, H, dtype=dtype)), 1e-14
    file = export_onnx(layer, torch.randn(5, 3, X, dtype=dtype), tmp_path / "everything.onnx")
    for shape in SHAPES:
        assert_runs_alike(file, layer, torch.randn(*shape, X, dtype=dtype), within=within)
    assert set(loops(file)) == {"Scan"}  # onnxruntime's LSTM knows no float64


def test_a_file_does_not_depend_on_the_length_of_the_example(tmp_path):
    layer = Recurrent(find_cell("gru"), X, H)
    files = [export_onnx(layer, torch.randn(T, 2, X), tmp_path / f"{T}.onnx") for T in (3, 40)]
    short, long = (onnx.load(file).graph.node for file in files)
    assert [node.op_type for node in short] == [node.op_type for node in long]


def test_torchs_exporter_takes_the_table(tmp_path):
    layer, x = Recurrent(find_cell("lstm+zoneout:0.5"), X, H), torch.randn(5, 3, X)
    table, file = onnx_translations(), tmp_path / "direct.onnx"
    program = torch.export.export(layer, (x,))
    with pytest.raises(torch.onnx.OnnxExporterError) as failed, pytest.warns(FutureWarning):
        torch.onnx.export(program, custom_translation_table=table, verbose=False)
    causes = [failed.value]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    assert isinstance(causes[-1], TrainingExportError)
    program = torch.export.export(layer.eval(), (x,))
    with pytest.warns(FutureWarning, match="LeafSpec"):
        torch.onnx.export(program, (), file, custom_translation_table=table, verbose=False)
    assert_runs_alike(file, layer, x)


def test_masks_and_dropout_are_refused_in_training(tmp_path):
    x, file = torch.randn(5, 3, X), tmp_path / "no.onnx"
    layer = Recurrent(find_cell("lstm+zoneout:0.5"), X, H)
    with pytest.raises(TrainingExportError, match=r"draws the mask .* at random.*model\.eval\(\)"):
        export_onnx(nn.Sequential(layer), x, file)
    with pytest.raises(TrainingExportError, match="GRU is in training and draws dropout"):
        export_onnx(GRU(X, H, num_layers=2, dropout=0.5), x, file)
    assert not file.exists()


REFUSED = {
    "backend": ({"backend": "eager"}, {}, 'torch traces backend="eager" step by step. Build it'),
    "dtype": ({"dtype": torch.bfloat16}, {}, r"weights are torch.bfloat16. Use model.cpu\(\)"),
    "unknown": ({}, {"y": "T B"}, "axes name y, and the example gives x"),
    "too many": ({}, {"x": "T B X Y"}, r"axes 'T B X Y' are to stay free in x.*\[5, 3, 4\]"),
    "no name": ({}, {"x": "T-1 B"}, "axes 'T-1 B' are to stay free in x.*Give letters"),
    "fixed": ({}, {"x": "T B X"}, "torch cannot keep its axes free"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_become_a_file_is_refused(case, tmp_path):
    options, axes, message = REFUSED[case]
    layer = Recurrent(find_cell("gru"), X, H, **options)
    x = torch.randn(5, 3, X, dtype=options.get("dtype", torch.float32))
    with pytest.raises(OnnxError, match=message):
        export_onnx(layer, x, tmp_path / "no.onnx", axes=axes)


def test_an_example_of_one_sequence_is_refused(tmp_path):
    with pytest.raises(OnnxError, match=r"\[5, 1, 4\]. Give letters.*at least 2 long"):
        export_onnx(LSTM(X, H), torch.randn(5, 1, X), tmp_path / "no.onnx")


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_the_missing_extra_is_named(package, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    message = rf"ONNX files need the package {package},.*pip install 'unrolled\[onnx\]'"
    with pytest.raises(MissingExtraError, match=message):
        export_onnx(LSTM(X, H), torch.randn(5, 3, X), tmp_path / "no.onnx")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    def save_half(program, path, **_):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    file = tmp_path / "lstm.onnx"
    file.write_bytes(b"old")
    monkeypatch.setattr(torch.onnx.ONNXProgram, "save", save_half)
    with pytest.raises(OSError, match="No space left"):
        export_onnx(LSTM(X, H), torch.randn(5, 3, X), file)
    assert [path.name for path in tmp_path.iterdir()] == ["lstm.onnx"]
    assert file.read_bytes() == b"old"


def test_weights_that_are_too_large_for_one_file_lie_beside_it(tmp_path, monkeypatch):
    save, layer = torch.onnx.ONNXProgram.save, LSTM(X, H)

    def save_as_if_large(program, path, **_):
        save(program, path, external_data=True)

    monkeypatch.setattr(torch.onnx.ONNXProgram, "save", save_as_if_large)
    file = export_onnx(layer, torch.randn(5, 3, X), tmp_path / "lstm.onnx")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lstm.onnx", "lstm.onnx.data"]
    assert_runs_alike(file, layer, torch.randn(2, 3, X))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_random_cells_are_right(seed, tmp_path):
    drawn = random_cell(seed)
    case = drawn_case(drawn, seed)._replace(training=False)
    layer, eager = (make_layer(drawn, case, backend) for backend in ("auto", "eager"))
    eager.load_state_dict(layer.state_dict())

    def arguments(T, B, lengths):
        x, *states = make_leaves(layer, case._replace(T=T, B=B, lengths=lengths))
        x = torch.randint(0, layer.input_size, (T, B)) if case.symbols else x
        keywords = {} if lengths is None else {"lengths": torch.tensor(lengths)}
        return (x, states[0] if len(states) == 1 else tuple(states)), keywords

    record = {"record": case.record} if case.record else {}
    example, keywords = arguments(5, 3, None if case.lengths is None else [5, 0, 2])
    file = export_onnx(layer, example, tmp_path / "drawn.onnx", keywords=keywords | record)
    positional, keywords = arguments(case.T, case.B, case.lengths)
    assert_runs_alike(file, eager, *positional, within=1e-12, **keywords, **record)
