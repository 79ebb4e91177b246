"""Forward and backward of a compiled run: products of all steps by torch, the loop in C."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from unrolled.runtime.kernel import Buffers, Product
from unrolled.runtime.rows import Rows
from unrolled.runtime.task import Inputs, Task, shared_buffers

KEPT = ("product", "kept", "recorded", "state", "first")
"""The roles of what the backward reads of the forward's."""


def forward_pass(task: Task, inputs: Inputs) -> Buffers:
    """Run forward; every buffer by its role."""
    kernel, rows = task.kernel, task.rows
    found = shared_buffers(task, inputs)
    for label, first in zip(kernel.states, inputs.first, strict=True):
        found["first", label] = rows.sort(first)
        if rows.lengths is not None:
            found["last", label] = found["first", label].clone()
    for product in kernel.early:
        weight, operand = task.weight(inputs, product).t(), found[product.operand]
        dense = operand.is_floating_point()
        made = operand @ weight if dense else torch.nn.functional.embedding(operand, weight)
        found["product", product.group.name] = made
    kernel.forward.run(rows, found)
    return found


def kept_of(found: Buffers) -> Buffers:
    """What the backward needs of a forward's buffers."""
    return {role: buffer for role, buffer in found.items() if role[0] in KEPT}


def backward_pass(
    task: Task,
    inputs: Inputs,
    kept: Buffers,
    outward: Sequence[Tensor | None],
    last: Sequence[Tensor | None],
) -> Buffers:
    """Run backward; every buffer by its role.

    Args:
        task: The run.
        inputs: Its tensors.
        kept: What the forward kept.
        outward: The gradients of the output and of recorded values, each T x B x width or None.
        last: The gradients of the last states, each B x width or None.
    """
    kernel, rows = task.kernel, task.rows
    found = {**shared_buffers(task, inputs), **kept}
    for (name, width), gradient in zip(kernel.incoming.items(), outward, strict=True):
        nothing = gradient is None
        found["incoming", name] = (
            torch.zeros((rows.total, width), dtype=kernel.dtype) if nothing else rows.pack(gradient)
        )
    for label, first, gradient in zip(kernel.states, inputs.first, last, strict=True):
        sorted_ = torch.zeros_like(first) if gradient is None else rows.sort(gradient)
        found["carried", label] = sorted_.clone() if sorted_ is gradient else sorted_.contiguous()
    kernel.backward.run(rows, found)
    return found


def gradients_of(
    task: Task, inputs: Inputs, found: Buffers, needed: Sequence[bool]
) -> list[Tensor | None]:
    """The gradient of every input that needs one, after a backward pass."""
    want = task.inputs(needed)
    step, rows = task.kernel.plan.step, task.rows
    flows = _flows_to_operands(task, inputs, found, want)
    x = flows.get(("rows", "x"))
    if want.x:
        x = torch.zeros_like(inputs.x) if x is None else rows.unpack(x)
    first = [rows.unsort(found["carried", label]) for label in task.kernel.states]
    stacks = [
        _of_weight(task, inputs, found, number) if wanted else None
        for number, wanted in enumerate(want.stacks)
    ]
    vectors = [
        _of_vector(found, kind, tensor) if wanted else None
        for kind, tensor, wanted in (
            ("bias", inputs.bias, want.bias),
            ("vector", inputs.vector, want.vector),
        )
    ]
    given: list[Tensor | None] = []
    leaves = zip(step.given, inputs.given, task.kernel.settled, strict=True)
    for leaf, value, settled in leaves:
        flow = flows.get(("rows", leaf.label))
        if flow is not None:
            flow = flow.reshape(value.shape) if settled else rows.unpack(flow)
        given.append(flow)
    return [x if want.x else None, *first, *stacks, *vectors, *(None for _ in want.masks), *given]


def _flows_to_operands(task: Task, inputs: Inputs, found: Buffers, want: Inputs) -> Buffers:
    """The gradients of x and of given values, as rows: from the loop, and through products."""
    flows: Buffers = {}
    for leaf in task.kernel.plan.adjoint.leaves:
        role = ("rows", "x" if leaf.op == "input" else leaf.label)
        own = found.get(("gradient_of", leaf.label))
        flows[role] = found["sum", leaf.label].sum(0) if own is None else own
    for product in task.kernel.early:
        role = product.operand
        if found[role].is_floating_point() and (want.x or role != ("rows", "x")):
            gradient, weight = product.gradient.of(found), task.weight(inputs, product)
            known = flows.get(role)
            flows[role] = (
                gradient @ weight if known is None else torch.addmm(known, gradient, weight)
            )
    return flows


def _of_vector(found: Buffers, kind: str, tensor: Tensor) -> Tensor:
    sums = found.get(("sum", kind))
    if sums is None:
        return torch.zeros_like(tensor)
    return sums[0] if len(sums) == 1 else sums.sum(0)


def _of_weight(task: Task, inputs: Inputs, found: Buffers, number: int) -> Tensor:
    """The gradient of a stored matrix: a product over all steps for each group that reads it."""
    kernel, stored = task.kernel, inputs.stacks[number]
    key = kernel.stacks[number]
    products = [product for product in (*kernel.early, *kernel.late) if product.key == key]
    if len(products) == 1 and products[0].end - products[0].begin == len(stored):
        return _outer(task, found, products[0])
    total = torch.zeros_like(stored)
    for product in products:
        total[product.begin : product.end] += _outer(task, found, product)
    return total


def _outer(task: Task, found: Buffers, product: Product) -> Tensor:
    """The sum over all rows of the gradient of a product times what it read."""
    group, rows = product.group, task.rows
    gradient = product.gradient.of(found)
    if group.early:
        operand = found[product.operand]
        if operand.is_floating_point():
            return gradient.t() @ operand
        return (
            gradient.new_zeros(product.width, gradient.shape[1])
            .index_add_(0, operand, gradient)
            .t()
        )
    if group.operand.op == "state":
        label = group.operand.label
        pairs = _before(rows, gradient, found["first", label], found["state", label])
        return sum((part.t() @ operand for part, operand in pairs), start=torch.zeros(()))
    kept = task.kernel.kept.get(group.operand)
    operand = found["operand", group.name] if kept is None else kept.of(found)
    return gradient.t() @ operand


def _before(
    rows: Rows, gradient: Tensor, first: Tensor, sequence: Tensor
) -> Iterable[tuple[Tensor, Tensor]]:
    """Rows of a gradient with the states before them, which lie a step away from those after."""
    batch = rows.batch
    if rows.index is not None:
        yield gradient, torch.cat([first, sequence]).index_select(0, rows.before)
    elif rows.reverse:
        yield gradient[:-batch], sequence[batch:]
        yield gradient[-batch:], first
    else:
        yield gradient[batch:], sequence[:-batch]
        yield gradient[:batch], first
