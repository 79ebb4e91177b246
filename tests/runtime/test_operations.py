"""Each operation of the language means what numpy says, with the derivative that it has."""

import numpy as np
import pytest
import torch
from tests.runtime.naive import B, H, read_naively
from torch.autograd import gradcheck

from unrolled.lang.cell import Cell, Equation
from unrolled.lang.nodes import Node, lift
from unrolled.lang.ops import OPS
from unrolled.layers.recurrent import Recurrent
from unrolled.runtime.meaning import MEANING

OPERATIONS = [op for op, row in OPS.items() if row.kind != "leaf"]


def of_one_operation(op):
    """A cell whose new state is one operation on x, the state and a number."""
    x, h = Node("input", attribute="x"), Node("state", attribute="h")
    if op == "product":
        value = Node(op, (Node("matrix", attribute="W.a"), h))
    elif op == "slice":
        whole = Node("concat", (h, x))
        value = Node(op, (whole,), (1, 2)) - Node(op, (whole,), (0, 2))
    elif op == "pow":
        value = Node(op, (h, lift(3.0))) + Node(op, (x, lift(-0.5)))
    elif op == "concat":
        value = Node("slice", (Node(op, (h, x, lift(0.5), lift(2))),), (0, 1))
        value = Node("mean", (value,)) * h
    else:
        operands = (h - x, h, x) if op == "where" else (h, x)
        value = Node(op, operands[: OPS[op].arity])
    result = value + 0.5 * h
    return Cell(f"one_{op}", "", x, (h,), (Equation("h", result),), (result,))


def test_meaning_and_the_table_of_operations_have_the_same_keys():
    assert MEANING.keys() == OPS.keys()


@pytest.mark.parametrize("op", OPERATIONS)
def test_each_operation_means_what_numpy_says(op):
    generator = torch.Generator().manual_seed(0)
    made = of_one_operation(op)
    x = torch.rand(1, B, H, dtype=torch.float64, generator=generator) + 0.5
    first = torch.rand(B, H, dtype=torch.float64, generator=generator) + 0.5
    first[0, 0] = x[0, 0, 0]  # comparisons see equal numbers too
    layer = Recurrent(made, H, H, dtype=torch.float64)
    output = layer(x, first.unsqueeze(0))[0].detach().numpy()
    parameters = {name: layer.parameter(name).detach().numpy() for name in layer.program(0).blocks}
    wanted, _ = read_naively(made, x.numpy(), [first.numpy()], parameters, {})
    np.testing.assert_allclose(output, wanted["h"], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("op", [op for op in OPERATIONS if op != "detach"])
def test_each_operation_has_the_derivative_of_finite_differences(op):
    generator = torch.Generator().manual_seed(0)
    layer = Recurrent(of_one_operation(op), 2, 2, dtype=torch.float64)
    x, first = (torch.rand(1, 3, 2, dtype=torch.float64, generator=generator) + 0.5 for _ in "xh")
    inputs = [x.requires_grad_(), first.requires_grad_()]
    assert gradcheck(lambda x, h: layer(x, h)[0], inputs)


def test_row_statistics_of_an_empty_batch_are_empty_and_silent():
    for op in ("mean", "var"):
        assert tuple(MEANING[op](torch.zeros(3, 0, 4)).shape) == (3, 0, 1)


@pytest.mark.parametrize("backend", ["eager", "c"])
def test_nothing_flows_through_detach(backend):
    h, x = Node("state", attribute="h"), Node("input", attribute="x")
    kept = Node("detach", (h,))
    product = Node("product", (Node("matrix", attribute="W.a"), kept))
    value = x * kept + product
    made = Cell("cut", "", x, (h,), (Equation("h", value),), (value,))
    layer = Recurrent(made, H, H, dtype=torch.float64, backend=backend)
    x, first = (torch.randn(n, B, H, dtype=torch.float64, requires_grad=True) for n in (3, 1))
    output, _ = layer(x, first)
    output[-1].sum().backward()
    before = output.detach()[1]
    torch.testing.assert_close(x.grad, torch.stack([0 * before, 0 * before, before]))
    assert first.grad is None or not first.grad.any()
    wanted = before.sum(0).expand(H, H)
    torch.testing.assert_close(layer.gradient("W.a"), wanted)
