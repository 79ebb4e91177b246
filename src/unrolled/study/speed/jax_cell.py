"""A cell's graph interpreted on jax arrays: before the scan, and in each of its steps.

As in our eager program, matrices that multiply the same vector are one product, and what depends on
no state is computed for all steps at once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from unrolled.compiler.layout import Block, Layout
from unrolled.compiler.stages import recurrent_nodes, timed_nodes
from unrolled.lang.cell import Cell
from unrolled.lang.nodes import Node
from unrolled.study.speed.jax_meaning import Meaning


class Parameters(NamedTuple):
    """The stored tensors of a layer, as in `runtime.eager.Weights`."""

    stacks: dict[str, Any]
    bias: Any
    vector: Any


class Carried(NamedTuple):
    """What a step reads of the time before the scan, besides what is the same for all steps."""

    values: tuple[Any, ...]
    products: tuple[Any, ...]


@dataclass(eq=False)
class Scan:
    """A cell as functions on jax arrays."""

    cell: Cell
    layout: Layout
    blocks: dict[str, Block]
    meaning: Meaning
    jax: Any  # the module

    def __call__(self, parameters: Parameters, x: Any, first: Sequence[Any]) -> Any:
        """The output, T x B x H.

        Args:
            parameters: The stored arrays.
            x: T x B x X.
            first: The first states, each B x width.
        """
        known = self._leaves(parameters, x)
        early: dict[int, Any] = {}
        self._evaluate(self.before, known, early, parameters)
        carried = Carried(
            tuple(known[node] for node in self.stepped), tuple(early[key] for key in self.products)
        )
        steady = {node: value for node, value in known.items() if node not in self.timed}

        def step(states: tuple[Any, ...], now: Carried) -> tuple[tuple[Any, ...], Any]:
            values = steady | dict(zip(self.stepped, now.values, strict=True))
            values |= dict(zip(self.cell.states, states, strict=True))
            late = dict(zip(self.products, now.products, strict=True))
            self._evaluate(self.within, values, late, parameters)
            new = tuple(
                self.jax.numpy.broadcast_to(values[result], state.shape)
                for result, state in zip(self.cell.results, states, strict=True)
            )
            return new, new[0]

        return self.jax.lax.scan(step, tuple(first), carried)[1]

    @cached_property
    def recurrent(self) -> frozenset[Node]:
        """The nodes that depend on a state."""
        return recurrent_nodes(self.cell)

    @cached_property
    def timed(self) -> frozenset[Node]:
        """The nodes that differ from step to step."""
        return timed_nodes(self.cell, stepped_masks=False)

    @cached_property
    def before(self) -> list[Node]:
        """What is computed for all steps at once."""
        return [n for n in self.cell.nodes if n not in self.recurrent and n.op != "matrix"]

    @cached_property
    def read(self) -> list[Node]:
        """What a step reads that was computed before the scan and differs from step to step."""
        arguments = {a for node in self.cell.nodes if node in self.recurrent for a in node.args}
        wanted = arguments | set(self.cell.results)
        return [n for n in self.before if n in wanted and n in self.timed]

    @cached_property
    def stepped(self) -> list[Node]:
        """Of those, what is no part of a stacked product."""
        return [node for node in self.read if not self._is_stacked(node)]

    @cached_property
    def products(self) -> list[int]:
        """The stacked products among them, by the vector that they read."""
        return list(dict.fromkeys(self._key(n) for n in self.read if self._is_stacked(n)))

    @cached_property
    def within(self) -> list[Node]:
        """What is computed, or cut from a stacked product, in each step."""
        parts = {node for node in self.read if self._is_stacked(node)}
        return [node for node in self.cell.nodes if node in self.recurrent or node in parts]

    def _is_stacked(self, node: Node) -> bool:
        return node.op == "product" and self.layout.stack_of(node) is not None

    def _key(self, product: Node) -> int:
        return self.layout.structures[product.args[1]]

    def _leaves(self, parameters: Parameters, x: Any) -> dict[Node, Any]:
        known: dict[Node, Any] = {self.cell.input: x}
        for node in self.cell.leaves("mask"):
            known[node] = self.cell.masks[node.label].at_evaluation
        for node in self.cell.leaves("vector"):
            block = self.blocks[node.label]
            known[node] = getattr(parameters, block.kind)[block.start : block.stop]
        return known

    def _evaluate(
        self,
        nodes: Iterable[Node],
        values: dict[Node, Any],
        wholes: dict[int, Any],
        parameters: Parameters,
    ) -> None:
        """Give each node its value; `wholes` are the stacked products made so far."""
        for node in nodes:
            if node in values:
                continue
            if node.op == "product":
                values[node] = self._product(node, values, wholes, parameters)
            elif node.op == "constant":
                values[node] = self.meaning["constant"](node.attribute)
            else:
                extra = node.attribute if isinstance(node.attribute, tuple) else ()
                arguments = [values[argument] for argument in node.args]
                values[node] = self.meaning[node.op](*extra, *arguments)

    def _product(
        self,
        node: Node,
        values: dict[Node, Any],
        wholes: dict[int, Any],
        parameters: Parameters,
    ) -> Any:
        block, multiply = self.blocks[node.args[0].label], self.meaning["product"]
        stack = parameters.stacks[block.key]
        if not self._is_stacked(node):
            return multiply(stack[block.start : block.stop], values[node.args[1]])
        key = self._key(node)
        if key not in wholes:
            wholes[key] = multiply(stack, values[node.args[1]])
        return wholes[key][..., block.start : block.stop]
