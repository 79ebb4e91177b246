"""What a compiled loop is given: values that depend on no state, computed by torch beforehand."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from unrolled.compiler.step import Step
from unrolled.lang.nodes import Node, in_order
from unrolled.runtime.eager import Weights
from unrolled.runtime.meaning import MEANING
from unrolled.runtime.products import folded, product_or_gather
from unrolled.runtime.program import Program


def given_values(
    step: Step,
    program: Program,
    x: Tensor,
    weights: Weights,
    masks: Mapping[str, Tensor],
    probes: Mapping[str, Tensor],
) -> tuple[Tensor, ...]:
    """What a step is given, differentiable, in the step's order.

    Each T x B x width, or of one axis if it follows from parameters alone.
    """
    values: dict[Node, Tensor | float] = {}
    for node in in_order(step.given.values()):
        values[node] = _value(node, values, program, x, weights, masks)
        for name in step.watched_names.get(step.layout.structures.get(node, -1), ()):
            values[node] = values[node] + probes[name]
    return tuple(
        _axes(torch.as_tensor(values[node]), x, settled=step.is_settled(leaf))
        for leaf, node in step.given.items()
    )


def _value(
    node: Node,
    values: Mapping[Node, Tensor | float],
    program: Program,
    x: Tensor,
    weights: Weights,
    masks: Mapping[str, Tensor],
) -> Tensor | float:
    if node.op == "input":
        return x
    if node.op == "constant":
        return float(node.attribute)  # pyright: ignore
    if node.op == "mask":
        if node.label in masks:
            return masks[node.label]
        expected, width = (
            program.cell.masks[node.label].at_evaluation,
            program.mask_widths[node.label],
        )
        stored = (*weights.stacks, weights.bias, weights.vector)
        like = next((tensor for tensor in stored if tensor is not None), x)
        return like.new_full((width,), expected)
    if node.op in ("vector", "matrix"):
        return _parameter(node.label, program, weights)
    operands: list[Any] = [values[argument] for argument in node.args]
    call: Callable[..., Any] = MEANING[node.op]
    if node.op == "product":
        call = product_or_gather
    if node.op == "slice":
        call = partial(call, *node.attribute)  # pyright: ignore
    numbers = [operand for operand in operands if isinstance(operand, float)]
    return folded(call, numbers) if len(numbers) == len(operands) else call(*operands)


def _parameter(label: str, program: Program, weights: Weights) -> Tensor:
    block = program.blocks[label]
    if block.kind == "weight":
        keys = [stack.key for stack in program.layout.stacks]
        stored = weights.stacks[keys.index(block.key)]
    else:
        stored = weights.bias if block.kind == "bias" else weights.vector
    assert stored is not None, label
    return stored[block.start : block.stop]


def _axes(value: Tensor, x: Tensor, *, settled: bool) -> Tensor:
    """With time and batch, unless it is of parameters alone."""
    return value if settled else value.expand(*x.shape[:2], value.shape[-1])
