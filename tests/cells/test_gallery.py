"""Every cell of the gallery, from the table alone: numbers, gradients, masks, JSON and text."""

import json
from functools import partial

import numpy as np
import pytest
import torch
from tests.layers.cases import FEW
from tests.reference.cells import REFERENCE, run
from torch.autograd import gradcheck, gradgradcheck

from unrolled.cells import GALLERY, find_cell
from unrolled.compiler.layout import layout_of
from unrolled.lang.stored import from_json, to_json
from unrolled.lang.text import equations
from unrolled.lang.trace import read_cell
from unrolled.layers.recurrent import Recurrent
from unrolled.layers.states import draw_masks
from unrolled.runtime import eager
from unrolled.runtime.building import program_for

CELLS = [row.cell for row in GALLERY.values()]
DEEPER = [find_cell(f"rhn:{depth}") for depth in (1, 3, 5)]
WRAPPED = [find_cell(f"{name}+zoneout:0.3") for name in ("gru", "lstm_fgr", "layernorm_lstm")]
WRAPPED += [
    find_cell(f"{name}+variational:0.3") for name in ("gru", "mut1", "layernorm_gru", "rhn")
]
WRAPPED += [find_cell("lstm+variational:0.3+zoneout:0.2"), find_cell("rnn+zoneout:0.2+variational")]
MASKED = [cell for cell in [*CELLS, *WRAPPED] if cell.masks]
SIZES = [(1, 1, 1, 1), (7, 3, 5, 4), (2, 1, 3, 7)]  # T B X H


def title(value):
    if isinstance(value, tuple):
        return "-".join(f"{axis}{size}" for axis, size in zip("TBXH", value, strict=True))
    numbers = [*value.parameters.values(), *(mask.rate for mask in value.masks.values())]
    return "-".join([value.name, *map(str, dict.fromkeys(numbers))])


def reference_of(cell):
    """The cell's step in numpy; a cell that has none is not tested, so it is not in the gallery."""
    assert cell.name in REFERENCE, (
        f"tests/reference/cells.py has no step named {cell.name}: write it there, from the paper"
    )
    return partial(REFERENCE[cell.name], **cell.parameters)


def make_layer(cell, input_size, hidden_size, **options):
    """A layer in float64 with normal weights; X = H for cells that ask for it."""
    widths = layout_of(cell).widths
    sizes = {symbol: max(1, hidden_size // 2) for symbol in widths.symbols[2:]}
    input_size = hidden_size if widths.constraints else input_size
    options = {"sizes": sizes, "dtype": torch.float64, **options}
    layer = Recurrent(cell, input_size, hidden_size, **options)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(0, 0.7)
    return layer


def parameters_of(layer):
    """Each parameter under its name in the equations."""
    return {name: layer.parameter(name) for name in layer.program(0).blocks}


def first_states(layer, batch):
    """One random first state for each state of a one-layer layer, B x width."""
    return [torch.randn(shape[1:], dtype=torch.float64) for shape in layer.state_shapes(batch)]


def in_form(layer, states):
    """The states as the layer takes them."""
    parts = [state.unsqueeze(0) for state in states]
    return parts[0] if len(parts) == 1 else tuple(parts)


def by_name(layer, state):
    """A state in the layer's form as arrays by name, each B x width."""
    parts = [state] if isinstance(state, torch.Tensor) else state
    return {n: arrays(p[0]) for n, p in zip(layer.cell.state_names, parts, strict=True)}


def arrays(tensor):
    return tensor.detach().numpy()


def assert_same_numbers(got, wanted):
    assert got.keys() == wanted.keys()
    for name in wanted:
        np.testing.assert_allclose(got[name], wanted[name], rtol=1e-12, atol=1e-12, err_msg=name)


def assert_same_bits(got, wanted):
    assert got.keys() == wanted.keys()
    for name in wanted:
        np.testing.assert_array_equal(got[name], wanted[name], err_msg=name)


def make_case(cell, sizes, seed=0, **options):
    torch.manual_seed(seed)
    steps, batch, input_size, hidden_size = sizes
    layer = make_layer(cell, input_size, hidden_size, **options)
    x = torch.randn(steps, batch, layer.input_size, dtype=torch.float64)
    return layer, x, first_states(layer, batch)


@pytest.mark.parametrize("sizes", SIZES, ids=title)
@pytest.mark.parametrize("cell", [*CELLS, *DEEPER], ids=title)
def test_evaluation_equals_the_numpy_reference_with_expected_masks(cell, sizes):
    layer, x, states = make_case(cell, sizes)
    output, last = layer.eval()(x, in_form(layer, states))
    expected = {name: np.float64(mask.at_evaluation) for name, mask in cell.masks.items()}
    parameters = {name: arrays(value) for name, value in parameters_of(layer).items()} | expected
    first = dict(zip(cell.state_names, map(arrays, states), strict=True))
    outputs, states = run(reference_of(cell), arrays(x), first, parameters)
    assert_same_numbers(
        {"output": arrays(output), **by_name(layer, last)}, {"output": outputs, **states}
    )


@pytest.mark.parametrize("sizes", SIZES, ids=title)
@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.masks], ids=title)
def test_training_equals_the_numpy_reference_with_the_drawn_masks(cell, sizes):
    layer, x, states = make_case(cell, sizes)
    program = program_for(cell, layer.layer_sizes(0), training=True)
    steps, batch = x.shape[:2]
    masks = draw_masks(cell, program.mask_widths, steps=steps, batch=batch, like=x)
    made = eager.run(program, x, states, layer.weights(0, 0), masks=masks)
    parameters = {name: arrays(value) for name, value in parameters_of(layer).items()}
    now = dict(zip(cell.state_names, map(arrays, states), strict=True))
    for t in range(steps):
        drawn = {n: arrays(m[t] if cell.masks[n].per == "step" else m) for n, m in masks.items()}
        now = reference_of(cell)(arrays(x[t]), now, parameters | drawn)
        np.testing.assert_allclose(arrays(made.output[t]), now["h"], rtol=1e-12, atol=1e-12)
    last = dict(zip(cell.state_names, map(arrays, made.last), strict=True))
    assert_same_numbers(last, now)


@pytest.mark.parametrize("cell", [*CELLS, *DEEPER, *WRAPPED], ids=title)
def test_first_and_second_derivatives_equal_finite_differences(cell):
    layer, x, states = make_case(cell, (2, 2, 2, 2), seed=1)
    program = program_for(cell, layer.layer_sizes(0), training=True)
    masks = draw_masks(cell, program.mask_widths, steps=2, batch=2, like=x)
    weights = layer.weights(0, 0)
    stored = [t for t in (*weights.stacks, weights.bias, weights.vector) if t is not None]

    def whole(x, *tensors):
        first, tensors = tensors[: len(states)], list(tensors[len(states) :])
        stacks = tuple(tensors.pop(0) for _ in weights.stacks)
        bias = tensors.pop(0) if weights.bias is not None else None
        again = eager.Weights(stacks, bias, tensors.pop(0) if tensors else None)
        made = eager.run(program, x, first, again, masks=masks, lengths=torch.tensor([2, 1]))
        return made.output, *made.last

    inputs = [t.detach().clone().requires_grad_() for t in (x, *states, *stored)]
    assert gradcheck(whole, inputs, fast_mode=cell.name not in FEW)
    assert gradgradcheck(whole, inputs, fast_mode=True)


@pytest.mark.parametrize("cell", [*CELLS, *DEEPER, *WRAPPED], ids=title)
def test_a_cell_stored_as_json_gives_the_same_bits(cell):
    layer, x, states = make_case(cell, (3, 2, 5, 4), backend="eager")
    restored = from_json(json.loads(json.dumps(to_json(cell))))
    twin = make_layer(restored, layer.input_size, 4, backend="eager")
    twin.load_state_dict(layer.state_dict(), strict=True)
    for training in (True, False):
        torch.manual_seed(2)
        output, last = layer.train(training)(x, in_form(layer, states))
        torch.manual_seed(2)
        twins, twin_last = twin.train(training)(x, in_form(layer, states))
        assert_same_bits({"output": arrays(twins)}, {"output": arrays(output)})
        assert_same_bits(by_name(twin, twin_last), by_name(layer, last))


def function_of(cell):
    """The cell's printed equations as a function under @cell, with the signature they need."""
    blocks = [node.label for op in ("matrix", "vector") for node in cell.leaves(op)]
    families = dict.fromkeys(label[0] for label in sorted(blocks))
    words = {"dropout": "dropout", "zoneout": "zone"}
    masks = [f'{n}={words[m.kind]}({m.rate}, per="{m.per}")' for n, m in cell.masks.items()]
    positional = ", ".join([cell.input.label, *cell.state_names])
    keywords = ", ".join([*families, *masks])
    lines = [f"    {left} = {right}" for left, right, _ in equations(cell)]
    return "\n".join(
        [
            f"@cell(init={dict(cell.init)}, widths={dict(cell.widths)})",
            f"def {cell.name}({positional}, *, {keywords}):",
            *lines,
            f"    return {', '.join(cell.state_names)}\n",
        ]
    )


@pytest.mark.parametrize("cell", [*CELLS, *DEEPER, *WRAPPED], ids=title)
def test_the_printed_equations_read_back_compute_the_same(cell, tmp_path):
    file = tmp_path / "printed.py"
    file.write_text(function_of(cell))
    printed = read_cell(f"{file}:{cell.name}")
    layer, x, states = make_case(cell, (3, 2, 5, 4), backend="eager")
    twin = make_layer(printed, layer.input_size, 4, backend="eager")
    assert parameters_of(twin).keys() == parameters_of(layer).keys()
    with torch.no_grad():
        for name, value in parameters_of(twin).items():
            value.copy_(layer.parameter(name))
    for training in (True, False):
        torch.manual_seed(2)
        output, last = layer.train(training)(x, in_form(layer, states))
        torch.manual_seed(2)
        twins, twin_last = twin.train(training)(x, in_form(layer, states))
        assert_same_numbers({"output": arrays(twins)}, {"output": arrays(output)})
        assert_same_numbers(by_name(twin, twin_last), by_name(layer, last))


@pytest.mark.parametrize("cell", MASKED, ids=title)
def test_masks_have_their_declared_rate_scale_and_period(cell):
    torch.manual_seed(3)
    steps, batch, width = 20, 1000, 5
    drawn = draw_masks(
        cell, dict.fromkeys(cell.masks, width), steps=steps, batch=batch, like=torch.zeros(())
    )
    assert drawn.keys() == cell.masks.keys()
    for name, mask in cell.masks.items():
        values = drawn[name]
        shape = (steps, batch, width) if mask.per == "step" else (batch, width)
        high = 1 / (1 - mask.rate) if mask.kind == "dropout" else 1.0
        chance = 1 - mask.rate if mask.kind == "dropout" else mask.rate
        assert tuple(values.shape) == shape
        assert values.unique().tolist() == pytest.approx([0.0, high])
        spread = (chance * (1 - chance) / values.numel()) ** 0.5
        assert float((values > 0).double().mean()) == pytest.approx(chance, abs=5 * spread)
        assert float(values.double().mean()) == pytest.approx(
            mask.at_evaluation, abs=5 * spread * high
        )


@pytest.mark.parametrize("cell", MASKED, ids=title)
def test_a_layer_draws_masks_in_training_only_and_from_torchs_seed(cell):
    layer, x, states = make_case(cell, (6, 3, 8, 8))
    state = in_form(layer, states)
    outputs = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        outputs.append(layer(x, state)[0])
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])
    before = torch.get_rng_state()
    evaluated = layer.eval()(x, state)[0]
    assert torch.equal(evaluated, layer(x, state)[0])
    assert torch.equal(before, torch.get_rng_state())
