"""One time step of a cell as a graph that can be planned: few operations, every width known.

The language's larger operations become smaller ones (a mean is a sum over an extent), equal values
become one node, and the products of a sum are gathered in a `total`, a place in memory onto which
they are added one after the other. What depends on no state and must be whole before the loop (the
operand of an input product, a function of parameters alone) becomes a `given` leaf, which torch
computes beforehand.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from unrolled.compiler.layout import Layout, layout_of
from unrolled.compiler.probes import probes_of
from unrolled.compiler.stages import recurrent_nodes
from unrolled.compiler.sums import inner_sums, terms_of
from unrolled.lang.cell import Cell, Equation
from unrolled.lang.forms import ONE, Form, add, show_form, substituted
from unrolled.lang.nodes import Attribute, Node, in_order, lift

POINTWISE = (
    "neg sigmoid tanh relu softplus exp log sqrt abs sin cos detach "
    "add sub mul div pow minimum maximum lt le gt ge eq ne where"
).split()
LEAVES = "input state vector mask matrix constant extent given carried incoming".split()
WHOLE = "product back total sum part concat".split()
"""Operations whose operand must be whole before they begin, or that are places in memory."""


@dataclass(frozen=True, eq=False)
class Group:
    """Products of one vector with consecutive rows of one stored matrix."""

    name: str
    key: str
    operand: Node
    products: tuple[Node, ...]
    early: bool

    @property
    def matrices(self) -> tuple[str, ...]:
        """The names of the matrices, in the order in which their rows are stored."""
        return tuple(product.args[0].label for product in self.products)


@dataclass(frozen=True, eq=False)
class Step:
    """The graph of a step: from states (and leaves) to results."""

    cell: Cell
    layout: Layout
    states: tuple[Node, ...]
    results: tuple[Node, ...]
    recorded: Mapping[str, Node]
    watched: Mapping[str, Node]
    """Values whose gradients are wanted; of those in what torch computes, torch finds it."""
    watched_names: Mapping[int, tuple[str, ...]]
    """By structure, the names of all that are watched."""
    groups: tuple[Group, ...]
    given: Mapping[Node, Node]
    """A leaf of the loop, and the value of the cell's graph that torch computes for it."""
    equations: Mapping[Node, Equation]
    graph: "Graph"
    tied: Mapping[str, Form]
    """Symbols that the equations tie to others, such as X to H."""
    masks: bool
    """Whether masks are random inputs; else each is its expectation."""

    def is_settled(self, leaf: Node) -> bool:
        """Whether a given value is of parameters alone, the same for each step and row."""
        nodes = in_order([self.given[leaf]])
        structures = self.layout.structures
        return not any(
            node.op in ("input", "mask") or structures.get(node) in self.watched_names
            for node in nodes
        )

    def merged(self, form: Form) -> Form:
        """A width without the tied symbols."""
        return _merged(form, self.tied)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every node, operands first."""
        return tuple(in_order([*self.states, *self.results, *self.recorded.values()]))


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes, each once, with their widths.

    Of a part also where it begins, and which of how many equal ones it is; of an extent, its form.
    """

    widths: dict[Node, Form] = field(default_factory=dict[Node, Form])
    starts: dict[Node, Form] = field(default_factory=dict[Node, Form])
    cuts: dict[Node, tuple[int, int]] = field(default_factory=dict[Node, tuple[int, int]])
    extents: dict[Node, Form] = field(default_factory=dict[Node, Form])
    made: dict[tuple[object, ...], Node] = field(default_factory=dict[tuple[object, ...], Node])

    def node(
        self, op: str, args: Sequence[Node] = (), attribute: Attribute = None, *, width: Form
    ) -> Node:
        """The node of this operation on these operands, a new one only if there is none yet."""
        key = (op, tuple(args), attribute)
        if key not in self.made:
            self.made[key] = Node(op, tuple(args), attribute)
            self.widths[self.made[key]] = width
        return self.made[key]

    def adopt(self, root: Node) -> Node:
        """The graph's own nodes for a graph written with operators."""
        own: dict[Node, Node] = {}
        for node in in_order([root], known=self.widths):
            args = [own.get(argument, argument) for argument in node.args]
            if node.op == "constant":
                width = ONE
            else:
                width = next((w for a in args if (w := self.widths[a]) != ONE), ONE)
            own[node] = self.node(node.op, args, node.attribute, width=width)
        return own.get(root, root)

    def is_scalar(self, node: Node) -> bool:
        """Whether a node is one number a row."""
        return self.widths[node] == ONE

    def extent(self, width: Form) -> Node:
        """A width as a number."""
        node = self.node("extent", attribute=show_form(width), width=ONE)
        self.extents[node] = width
        return node

    def part(self, whole: Node, start: Form, width: Form) -> Node:
        """A part of a vector."""
        key = f"{show_form(start)} : {show_form(width)}"
        node = self.node("part", (whole,), key, width=width)
        self.starts[node] = start
        return node

    def wide(self, node: Node, width: Form) -> Node:
        """A number as a vector of equal numbers."""
        return node if not self.is_scalar(node) else self.node("wide", (node,), width=width)

    def summed(self, node: Node) -> Node:
        """The sum over a vector's units."""
        return self.node("sum", [node], width=ONE)


def step_of(
    cell: Cell, *, masks: bool, record: Sequence[str] = (), watch: Sequence[str] = ()
) -> Step:
    """The step of a cell.

    Args:
        cell: The equations.
        masks: Whether its masks are random inputs; else each is its expectation.
        record: Names of the equations whose values are wanted beside the results.
        watch: Names of the equations whose gradients are wanted.

    Raises:
        WidthError: The widths of the equations cannot agree.
    """
    return _Lowering(cell, masks=masks, record=record, watch=watch).step()


class _Lowering:
    """Copies a cell's graph, node by node, into a step's."""

    def __init__(
        self, cell: Cell, *, masks: bool, record: Sequence[str], watch: Sequence[str]
    ) -> None:
        self.cell = cell
        self.watch = watch
        self.recorded = {name: cell.named[name] for name in record}
        self.masks = masks
        self.layout = layout_of(cell)
        self.watched_names = probes_of(cell, self.layout, watch)
        self.graph = Graph()
        self.merged = _merged_symbols(self.layout.widths.constraints)
        self.recurrent = recurrent_nodes(cell)
        self.settled = _settled(cell)
        watched = {node for node in cell.nodes if self._is_watched(node)}
        self.inner = inner_sums(cell, kept={*cell.results, *self.recorded.values(), *watched})
        self.copies: dict[Node, Node] = {}
        self.given: dict[Node, Node] = {}
        structures = self.layout.structures
        self.counts = Counter(structures[a] for node in cell.nodes for a in node.args)
        self.counts.update(structures[value] for value in {*cell.results, *self.recorded.values()})

    def step(self) -> Step:
        for node in in_order([self.cell.input, *self.cell.states, *self.cell.nodes]):
            if node.op != "matrix" and node not in self.inner:
                self.copies[node] = self._apart(node, self._copy(node))
        recorded = {name: self._whole(node) for name, node in self.recorded.items()}
        states = tuple(map(self._copy, self.cell.states))
        results = tuple(self.copies[result] for result in self.cell.results)
        live = tuple(in_order([*states, *results, *recorded.values()]))
        groups = tuple(self._groups(live))
        given = {leaf: node for leaf, node in self.given.items() if leaf in live}
        watched = {name: self.copies[self.cell.named[name]] for name in self.watch}
        names = {self.copies[e.value]: e for e in self.cell.equations if e.value in self.copies}
        return Step(
            self.cell,
            self.layout,
            states,
            results,
            recorded,
            {name: node for name, node in watched.items() if node.op != "given"},
            self.watched_names,
            groups,
            given,
            names,
            self.graph,
            self.merged,
            self.masks,
        )

    def _width(self, node: Node) -> Form:
        return _merged(self.layout.widths.of[node], self.merged)

    def _is_watched(self, node: Node) -> bool:
        return self.layout.structures.get(node) in self.watched_names

    def _apart(self, node: Node, copy: Node) -> Node:
        """The copy; of a watched value a node of its own, so that its gradient is its alone."""
        if not self._is_watched(node) or copy.op == "given":
            return copy
        name = f"watched{self.layout.structures[node]}"
        return self.graph.node("wide", (copy,), name, width=self.graph.widths[copy])

    def _whole(self, node: Node) -> Node:
        """The copy of a value, as wide as the value even if all its units are one number."""
        width = self._width(node)
        return self.copies[node] if width == ONE else self.graph.wide(self.copies[node], width)

    def _copy(self, node: Node) -> Node:
        if node in self.settled and node.args:
            return self._as_given(node)
        if node.op == "mask" and not self.masks:
            return self.graph.adopt(lift(self.cell.masks[node.label].at_evaluation))
        if not node.args:
            return self.graph.node(node.op, (), node.attribute, width=self._width(node))
        if node.op == "add":
            return self._sum(node)
        if node.op == "product":
            return self._alone(self._product(node))
        args = [self.copies[argument] for argument in node.args]
        return getattr(self, f"_{node.op}", self._pointwise)(node, args)

    def _as_given(self, node: Node) -> Node:
        """A leaf for a value that torch computes before the loop."""
        name = f"given{self.layout.structures[node]}"
        leaf = self.graph.node("given", (), name, width=self._width(node))
        self.given[leaf] = node
        return leaf

    def _pointwise(self, node: Node, args: list[Node]) -> Node:
        return self.graph.node(node.op, args, node.attribute, width=self._width(node))

    def _mul(self, node: Node, args: list[Node]) -> Node:
        """A product; what is multiplied by one (a mask at evaluation) stays itself."""
        for one, other in (args, args[::-1]):
            if one.op == "constant" and one.attribute == 1 and not self.graph.is_scalar(other):
                return other
        return self._pointwise(node, args)

    def _pow(self, node: Node, args: list[Node]) -> Node:
        base, exponent = args
        times = {2.0: base * base, 3.0: base * base * base}
        if exponent.op == "constant" and exponent.attribute in times:
            return self.graph.adopt(times[exponent.attribute])
        return self._pointwise(node, args)

    def _mean(self, node: Node, args: list[Node]) -> Node:
        return self._mean_of(args[0])

    def _var(self, node: Node, args: list[Node]) -> Node:
        away = args[0] - self._mean_of(args[0])
        return self._mean_of(self.graph.adopt(away * away))

    def _mean_of(self, value: Node) -> Node:
        width = self.graph.widths[value]
        if width == ONE:
            return value
        return self.graph.adopt(self.graph.summed(value) / self.graph.extent(width))

    def _slice(self, node: Node, args: list[Node]) -> Node:
        assert isinstance(node.attribute, tuple), node
        index, count = node.attribute
        width = self._width(node)
        whole = self.graph.wide(args[0], self._width(node.args[0]))
        start = {name: times * index for name, times in width.items() if index}
        part = self.graph.part(whole, start, width)
        self.graph.cuts[part] = index, count
        return part

    def _concat(self, node: Node, args: list[Node]) -> Node:
        wide = [
            self.graph.wide(copy, self._width(argument))
            for copy, argument in zip(args, node.args, strict=True)
        ]
        return self.graph.node("concat", wide, width=self._width(node))

    def _product(self, node: Node) -> Node:
        matrix, operand = node.args
        leaf = self.graph.node("matrix", (), matrix.label, width=self._width(node))
        early = operand not in self.recurrent
        vector = self.graph.wide(self.copies[operand], self._width(operand))
        if early and vector.op != "input":
            vector = self._as_given(operand)
        return self.graph.node("product", (leaf, vector), width=self._width(node))

    def _alone(self, product: Node) -> Node:
        return self.graph.node("total", (product,), width=self.graph.widths[product])

    def _sum(self, node: Node) -> Node:
        """A sum: its products in a total, then the other terms, in order of appearance."""
        late: list[Node] = []
        early: list[Node] = []
        rest: list[Node] = []
        for term in terms_of(node, self.inner):
            if term.op != "product" or term in self.settled or self._is_watched(term):
                rest.append(self.copies[term])
            elif self.counts[self.layout.structures[term]] > 1:
                rest.append(self._alone(self._product(term)))
            elif term in self.recurrent:
                late.append(self._product(term))
            else:
                early.append(self._product(term))
        if early or late:
            width = self.graph.widths[(early + late)[0]]
            rest.insert(0, self.graph.node("total", early[:1] + late, width=width))
        value = rest[0]
        for term in [*rest[1:], *(self._alone(product) for product in early[1:])]:
            value = value + term
        return self.graph.adopt(value)

    def _groups(self, nodes: Iterable[Node]) -> Iterable[Group]:
        """Products of one vector whose matrices are neighbours where they are stored."""
        found: dict[Node, dict[str, Node]] = {}
        for node in nodes:
            if node.op == "product":
                found.setdefault(node.args[1], {})[node.args[0].label] = node
        taken: Counter[str] = Counter()
        for operand, products in found.items():
            early = operand.op in ("input", "given")
            for stack in self.layout.stacks:
                for run in _runs(stack.matrices, products):
                    taken[stack.key] += 1
                    name = stack.key if taken[stack.key] == 1 else f"{stack.key}{taken[stack.key]}"
                    members = tuple(products[matrix] for matrix in run)
                    yield Group(name, stack.key, operand, members, early)


def _merged(form: Form, tied: Mapping[str, Form]) -> Form:
    for name, value in tied.items():
        form = substituted(form, name, value) if name in form else form
    return form


def _runs(stored: Sequence[str], wanted: Mapping[str, Node]) -> list[list[str]]:
    """The wanted names in stored order, cut where they are no neighbours."""
    runs: list[list[str]] = [[]]
    for name in stored:
        if name in wanted:
            runs[-1].append(name)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _settled(cell: Cell) -> frozenset[Node]:
    """The values that follow from parameters alone: the same at every step, in every row."""
    found: set[Node] = set()
    numbers: set[Node] = set()
    for node in cell.nodes:
        if node.op == "constant" or node.args and numbers.issuperset(node.args):
            numbers.add(node)
        elif node.op in ("vector", "matrix"):
            found.add(node)
        elif node.args and found.issuperset(set(node.args) - numbers):
            found.add(node)
    return frozenset(found)


def _merged_symbols(constraints: Iterable[object]) -> dict[str, Form]:
    """Symbols that the equations tie to others, such as X to H, with what they equal."""
    merged: dict[str, Form] = {}
    for constraint in constraints:
        form: Form = dict(constraint.form)  # pyright: ignore
        for name, value in merged.items():
            form = substituted(form, name, value) if name in form else form
        names = sorted((name for name in form if name), key=lambda name: (name == "H", name))
        if names:
            times = form.pop(names[0])
            value = {name: -other / times for name, other in form.items()}
            merged = {
                n: add(substituted(f, names[0], value), {}) if names[0] in f else f
                for n, f in merged.items()
            }
            merged[names[0]] = value
    return merged
