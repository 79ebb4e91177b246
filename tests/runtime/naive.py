"""A naive reading of a cell's graph in numpy: no staging, no stacking."""

import numpy as np
import torch

from unrolled.lang.nodes import in_order
from unrolled.layers.recurrent import Recurrent
from unrolled.layers.states import draw_masks
from unrolled.runtime import eager
from unrolled.runtime.building import program_for

T, B, H = 4, 3, 4  # and X = H


def join(*parts):
    parts = [np.atleast_1d(part) for part in parts]
    axes = np.broadcast_shapes(*(part.shape[:-1] for part in parts))
    return np.concatenate([np.broadcast_to(p, (*axes, p.shape[-1])) for p in parts], axis=-1)


NUMPY = {
    "product": lambda matrix, vector: vector @ matrix.T,
    "mean": lambda v: np.mean(v, axis=-1, keepdims=True),
    "var": lambda v: np.var(v, axis=-1, keepdims=True),
    "concat": join,
    "neg": np.negative,
    "sigmoid": lambda v: 1 / (1 + np.exp(-v)),
    "tanh": np.tanh,
    "relu": lambda v: np.maximum(v, 0),
    "softplus": lambda v: np.log1p(np.exp(v)),
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sin": np.sin,
    "cos": np.cos,
    "detach": lambda v: v,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
    "minimum": np.minimum,
    "maximum": np.maximum,
    "lt": lambda a, b: (a < b) * 1.0,
    "le": lambda a, b: (a <= b) * 1.0,
    "gt": lambda a, b: (a > b) * 1.0,
    "ge": lambda a, b: (a >= b) * 1.0,
    "eq": lambda a, b: (a == b) * 1.0,
    "ne": lambda a, b: (a != b) * 1.0,
    "where": lambda condition, this, that: np.where(condition != 0, this, that),
}


def value_of(node, values, known):
    """One node's value, all its operands' being known."""
    operands = [values[argument] for argument in node.args]
    if node.op == "constant":
        return np.float64(node.attribute)
    if node.op == "slice":
        index, count = node.attribute
        return np.split(operands[0], count, axis=-1)[index]
    return NUMPY[node.op](*operands) if operands else known[node.label]


def read_naively(cell, xs, states, parameters, masks):
    """Each name's values, T x B x width, and the last states: no staging, no stacking."""
    states = dict(zip(cell.state_names, states, strict=True))
    seen = {name: [] for name in cell.named}
    for t, x in enumerate(xs):
        now = {n: m[t] if cell.masks[n].per == "step" else m for n, m in masks.items()}
        known = {**parameters, **now, **states, cell.input.label: x}
        values = {}
        for node in in_order([*cell.states, *cell.nodes]):
            values[node] = value_of(node, values, known)
        for name, node in cell.named.items():
            value = np.atleast_1d(values[node])
            seen[name].append(np.broadcast_to(value, (len(x), value.shape[-1])))
        for name, result in zip(cell.state_names, cell.results, strict=True):
            states[name] = np.broadcast_to(values[result], states[name].shape)
    return {name: np.stack(found) for name, found in seen.items()}, states


def assert_reads_as_naively(cell, *, training, input_size=H):
    """Outputs, last states and every named value equal the naive reading's."""
    torch.manual_seed(0)
    layer = Recurrent(cell, input_size, H, dtype=torch.float64, backend="eager")
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(0, 0.5)
    x = torch.randn(T, B, input_size, dtype=torch.float64)
    states = [torch.randn(shape[1:], dtype=torch.float64) for shape in layer.state_shapes(B)]
    program = program_for(cell, layer.layer_sizes(0), training=training)
    masks = draw_masks(cell, program.mask_widths, steps=T, batch=B, like=x) if training else {}
    names = tuple(cell.named)
    weights = layer.weights(0, 0)
    made = eager.run(program, x, states, weights, masks=masks or None, record=names)
    parameters = {n: layer.parameter(n).detach().numpy() for n in program.blocks}
    widths = program.mask_widths
    expected = {n: np.full(width, cell.masks[n].at_evaluation) for n, width in widths.items()}
    given = {name: mask.numpy() for name, mask in masks.items()}
    if not training:
        given = {n: [v] * T if cell.masks[n].per == "step" else v for n, v in expected.items()}
    seen, last = read_naively(cell, x.numpy(), [s.numpy() for s in states], parameters, given)
    for name in names:
        got = made.recorded[name].detach().numpy()
        wanted = np.broadcast_to(seen[name], got.shape)
        np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-12, err_msg=name)
    for name, state in zip(cell.state_names, made.last, strict=True):
        got, wanted = state.detach().numpy(), last[name]
        np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-12, err_msg=name)
    assert torch.equal(made.output[-1], made.last[0])
