"""Random cells for the compiler; `shrinking` makes small those that it gets wrong.

Values stay tame: each has a nominal size, and what grows is brought back; logarithms, roots,
quotients and powers have arguments far from their edges; comparisons are of values that differ.
"""

from dataclasses import replace
from random import Random

from unrolled.compiler.layout import layout_of
from unrolled.errors import UnrolledError
from unrolled.lang.cell import Cell, Equation
from unrolled.lang.forms import value_of
from unrolled.lang.masks import Mask
from unrolled.lang.nodes import Node, in_order, lift
from unrolled.lang.words import WORDS

LARGEST = 3.0
SQUASHING = {"sigmoid": 1.0, "tanh": 1.0, "sin": 1.0, "cos": 1.0, "softsign": 1.0}
SQUASHING |= {"hard_sigmoid": 1.0}
GROWING = ["relu", "softplus", "abs", "silu", "gelu", "elu", "neg", "detach"]
KINKED = {"relu", "abs", "elu"}
EXPONENTS = [0.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0]  # of any number
FRACTIONS = [0.5, -0.5, 1.5, -1.0, -2.0, 0.3]  # of a positive one
NUMBERS = [0.5, 2.0, -1.0, 0.3, 1.0, -0.7, 0.0]
COMPARISONS = ["lt", "le", "gt", "ge"]
STATES = "hcs"
WIDTHS = [1, 2, 3, 5, 6, 7, 8, 9]


def call(op, *args):
    """The node of an operation, numbers lifted."""
    return Node(op, tuple(map(lift, args)))


class Drawing:
    """One cell in the making. A width is "H", "X", "R" (a state's own), "2H" or "1"."""

    def __init__(self, seed):
        self.random = Random(seed)
        self.input = Node("input", attribute="x")
        count = self.random.choice([1, 1, 2, 2, 2, 3])
        self.states = [Node("state", attribute=name) for name in STATES[:count]]
        self.width_of = dict.fromkeys(self.states, "H")
        if count > 1 and self.random.random() < 0.25:
            self.width_of[self.states[-1]] = "R"
        self.sizes = {self.input: 1.5, **dict.fromkeys(self.states, 1.5)}
        self.values = {width: [] for width in ("H", "X", "R", "2H", "1")}
        for state, width in self.width_of.items():
            self.values[width].append(state)
        self.values["X"].append(self.input)
        if self.random.random() < 0.2:
            self.values["H"].append(self.input)  # a cell that ties X to H
        self.vectors = {width: [] for width in self.values}
        self.matrices = {}
        self.products = self.random.randint(1, 3)
        self.early_products = self.random.choice([0, 1, 1, 2])
        self.masks = {}
        self.most_masks = self.random.choice([0, 0, 0, 1, 2])
        self.equations = []
        self.declared = {}

    # Leaves

    def vector(self, width):
        """A bias or another vector of this width, new or known."""
        known = self.vectors[width]
        if known and self.random.random() < 0.5:
            return self.random.choice(known)
        number = sum(map(len, self.vectors.values()))
        known.append(Node("vector", attribute=f"{self.random.choice('bbp')}.v{number}"))
        self.sizes[known[-1]] = 0.7
        return known[-1]

    def mask(self, width):
        """A mask of this width, or some other value if there are enough of them."""
        known = [node for node, (_, own) in self.masks.items() if own == width]
        if known and self.random.random() < 0.6:
            return self.random.choice(known)
        if len(self.masks) >= self.most_masks:
            return self.vector(width)
        node = Node("mask", attribute=f"m{len(self.masks)}")
        kind = self.random.choice(["dropout", "zoneout"])
        mask = Mask(kind, self.random.choice([0.2, 0.5]), self.random.choice(["step", "sequence"]))
        self.masks[node] = mask, width
        self.sizes[node] = 2.0 if kind == "dropout" else 1.0
        return node

    def matrix(self, width, operand):
        """A matrix of this shape, new or known."""
        known = self.matrices.setdefault((width, operand), [])
        if not known or self.random.random() < 0.7:
            number = sum(map(len, self.matrices.values()))
            known.append(Node("matrix", attribute=f"W.k{number}"))
        return self.random.choice(known)

    def leaf(self, width):
        """A value that is there already; a state more often than others."""
        if width == "1":
            return self.row(0)
        known = self.values[width]
        drawn = self.random.random()
        if drawn < 0.15 or not known:
            return self.vector(width)
        if drawn < 0.25 and self.most_masks:
            return self.mask(width)
        return self.random.choice([*known[:3], *known[-3:], self.random.choice(known)])

    # Operations

    def named(self, node):
        """The value under a name, which an earlier one may have had."""
        self.equations.append(Equation(f"e{self.random.randint(0, 9)}", node))

    def noted(self, node, size, width):
        """A new value of a nominal size, brought back if it has become too large."""
        self.sizes[node] = size
        if size > LARGEST:
            if self.random.random() < 0.5:
                return self.noted(call("tanh", node), 1.0, width)
            return self.noted(node * (1 / size), 1.0, width)
        if self.random.random() < 0.15:
            self.named(node)
        if self.random.random() < 0.4:
            self.values[width].append(node)
        return node

    def value(self, width, depth):
        """A random value."""
        if depth <= 0:
            return self.leaf(width)
        if width == "2H":
            return self.double(depth)
        if width == "1":
            return self.row(depth)
        draw = self.random.choices(
            [self.sum, self.function, self.arithmetic, self.choice, self.power, self.with_row,
             self.parts, self.twin, self.mixture],
            [5, 4, 5, 2, 1.5, 1.5, 1.5, 0.7, 2],
        )[0]  # fmt: skip
        return draw(width, depth)

    def sum(self, width, depth):
        """Products and other terms, as in a gate."""
        terms = [self.product(width, depth) for _ in range(self.random.choice([1, 1, 2, 2, 3]))]
        if self.random.random() < 0.7:
            terms.append(self.vector(width))
        if self.random.random() < 0.3:
            peephole = self.vector(width) * self.leaf(width)
            self.sizes[peephole] = 1.5
            terms.append(peephole)
        self.random.shuffle(terms)
        if width != "H":
            terms.append(self.leaf(width))  # which says how wide the products are
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return self.noted(total, sum(self.sizes[term] for term in terms), width)

    def product(self, width, depth):
        """A matrix times a vector; a leaf once the cell has its products."""
        early = self.early_products and (not self.products or self.random.random() < 0.4)
        if not self.products and not early:
            return self.leaf(width)
        if early:
            self.early_products -= 1
            operand, of = self.early_operand(depth)
        else:
            self.products -= 1
            operand, of = self.late_operand(depth)
        node = Node("product", (self.matrix(width, of), operand))
        return self.noted(node, min(self.sizes[operand], 2.0), width)

    def late_operand(self, depth):
        """What a product multiplies: a state or a value, masked at times, or several together."""
        drawn = self.random.random()
        if drawn < 0.1:
            return self.joined()
        if drawn < 0.13:
            return self.row(1), "1"
        of = self.random.choice(["H", "H", self.width_of[self.states[-1]], "2H"])
        if of == "H" and self.most_masks and drawn < 0.3:
            masked = self.mask(of) * self.leaf(of)
            self.sizes[masked] = 2.0
            return masked, of
        return self.leaf(of) if drawn < 0.7 else self.value(of, depth - 1), of

    def joined(self):
        """Values of several widths side by side, and how wide that is."""
        widths = self.random.choices(["H", "X", "1", "number"], k=self.random.choice([2, 3]))
        widths[0] = "H"
        parts = [lift(0.7) if width == "number" else self.leaf(width) for width in widths]
        node = call("concat", *parts)
        self.sizes[node] = 1.5
        return node, "+".join(sorted(widths)).replace("number", "1")

    def early_operand(self, depth):
        """What an early product multiplies: x, something of x, or of parameters alone."""
        drawn = self.random.random()
        if drawn < 0.5 or depth < 1:
            return self.input, "X"
        if drawn < 0.65:
            return self.noted(call("tanh", self.input) * self.vector("X"), 0.7, "X"), "X"
        if drawn < 0.8:
            return self.noted(self.mask("X") * self.input, 2.0, "X"), "X"
        if drawn < 0.83:
            return self.mask("X"), "X"
        inner = Node("product", (self.matrix("H", "X"), self.input))
        self.sizes[inner] = 1.5
        if drawn < 0.95:
            return self.noted(call("tanh", inner + self.vector("H")), 1.0, "H"), "H"
        return self.noted(call("exp", call("tanh", self.vector("H"))), 2.0, "H"), "H"

    def function(self, width, depth):
        """A function of one value."""
        v = self.value(width, depth - 1)
        name = self.random.choice([*SQUASHING, "sigmoid", "tanh", *GROWING, "square", "exp", "log",
                                   "sqrt"])  # fmt: skip
        if name in SQUASHING:
            return self.noted(WORDS[name](v), 1.0, width)
        if name == "neg":
            return self.noted(-v, self.sizes[v], width)
        if name == "square":
            return self.noted(WORDS[name](v), self.sizes[v] ** 2, width)
        if name == "exp":
            v = v if self.sizes[v] <= 1 else call("tanh", v)
            return self.noted(call("exp", v), 2.7, width)
        if name in ("log", "sqrt"):
            return self.noted(call(name, self.positive(v)), 1.8, width)
        v = self.off_the_kink(v) if name in KINKED else v
        return self.noted(WORDS[name](v), self.sizes[v] + 0.7, width)

    def positive(self, v):
        """A number that is surely positive."""
        made = self.random.choice([
            1.5 + call("sigmoid", v), 0.5 + call("softplus", v), 1.2 + call("tanh", v),
            0.8 + v * v, call("exp", call("tanh", v)),
        ])  # fmt: skip
        self.sizes[made] = 2.5
        return made

    def off_the_kink(self, v):
        """The value, moved by a number so that it is never 0 by design."""
        if v.op in ("product", "state", "input", "vector"):
            return v
        moved = v + self.random.uniform(0.05, 0.3)
        self.sizes[moved] = self.sizes[v] + 0.3
        return moved

    def arithmetic(self, width, depth):
        """A sum, difference, product or quotient, with a number or one number a row at times."""
        a, b = self.value(width, depth - 1), self.other(width, depth - 1)
        op = self.random.choice(["add", "sub", "mul", "mul", "mul", "div"])
        sizes = self.sizes[a], self.sizes[b]
        if op == "div":
            return self.noted(a / self.positive(b), sizes[0] / 0.6, width)
        if self.random.random() < 0.3:
            a, b = b, a
        if op == "mul":
            return self.noted(call("mul", a, b), sizes[0] * sizes[1], width)
        return self.noted(call(op, a, b), sum(sizes), width)

    def other(self, width, depth):
        """A value to go with one of this width: as wide, one number a row, or just a number."""
        drawn = self.random.random()
        if drawn < 0.15:
            node = lift(self.random.choice(NUMBERS))
            self.sizes[node] = abs(node.attribute)
            if drawn < 0.03:
                node = call("cos", node)
                self.sizes[node] = 1.0
            return node
        return self.row(depth) if drawn < 0.25 else self.value(width, depth)

    def choice(self, width, depth):
        """The smaller, the larger, or the one or the other by a comparison."""
        a, b = self.value(width, depth - 1), self.other(width, 0)
        size = max(self.sizes[a], self.sizes[b])
        op = self.random.choice(["minimum", "maximum", "where", "where"])
        if op != "where":
            return self.noted(call(op, a, b + self.random.uniform(0.05, 0.3)), size + 0.3, width)
        return self.noted(call("where", self.condition(width), a, b), size, width)

    def condition(self, width):
        """A comparison of values that are not equal by design, or one of exact numbers."""
        drawn = self.random.random()
        v = self.leaf(width) if drawn < 0.8 else self.row(0)
        if drawn < 0.1:
            return call(self.random.choice(["eq", "ne"]), self.mask(width), 0)
        other = self.random.choice([lift(0), self.leaf(width), self.row(0)])
        return call(self.random.choice(COMPARISONS), v, other + self.random.uniform(0.05, 0.3))

    def power(self, width, depth):
        """A power, mostly of a constant exponent."""
        v = self.value(width, depth - 1)
        if self.random.random() < 0.5:
            exponent = self.random.choice(EXPONENTS)
            if self.sizes[v] > 1.5:
                v = self.noted(call("tanh", v), 1.0, width)
            return self.noted(call("pow", v, exponent), self.sizes[v] ** exponent, width)
        exponent = lift(self.random.choice(FRACTIONS))
        if self.random.random() < 0.25:
            exponent = call("tanh", self.leaf(width))
        base = lift(2) if self.random.random() < 0.1 and exponent.args else self.positive(v)
        return self.noted(call("pow", base, exponent), 2.5, width)

    def row(self, depth):
        """One number a row."""
        of = self.random.choice(["H", "H", "X", self.width_of[self.states[-1]]])
        v = self.value(of if depth else "H", depth - 1)
        node = self.noted(call("mean", v), self.sizes[v], "1")
        drawn = self.random.random()
        if drawn < 0.3:
            node = self.noted(call("var", v), self.sizes[v], "1")
        elif drawn < 0.5:
            node = self.noted(call("sigmoid", node * 2 + call("var", v)), 1.0, "1")
        return node

    def with_row(self, width, depth):
        """A vector and its own mean and variance, as in a layer norm."""
        v = self.value(width, depth - 1)
        drawn = self.random.random()
        if drawn < 0.4:
            return self.noted(v - call("mean", v), self.sizes[v], width)
        spread = call("sqrt", call("var", v) + 0.05)
        normed = (v - call("mean", v)) / spread
        if drawn < 0.8:
            normed = normed * self.vector(width) + self.vector(width)
        return self.noted(normed, 2.0, width)

    def double(self, depth):
        """A vector of two vectors."""
        parts = self.value("H", depth - 1), self.value("H", depth - 1)
        if self.random.random() < 0.3:
            parts = self.leaf("H"), self.vector("H")
        return self.noted(call("concat", *parts), max(self.sizes[p] for p in parts), "2H")

    def parts(self, width, depth):
        """Something made of a part of a wider value."""
        if width != "H":
            return self.function(width, depth)
        if self.random.random() < 0.2:
            return self.turned(depth)
        if self.values["2H"] and self.random.random() < 0.5:
            whole = self.random.choice(self.values["2H"])
        else:
            whole = self.wide_gates(depth)
        i, j = (Node("slice", (whole,), (index, 2)) for index in (0, 1))
        self.sizes |= dict.fromkeys((i, j), self.sizes[whole])
        drawn = self.random.random()
        if drawn < 0.3:
            return self.noted(i, self.sizes[i], width)
        if drawn < 0.8:
            return self.noted(call("sigmoid", i) * call("tanh", j), 1.0, width)
        return self.noted(j + i * self.leaf("H"), 2 * self.sizes[i], width)

    def turned(self, depth):
        """The halves, or the thirds, of a value in another order; so H is even, or a multiple."""
        whole, count = self.value("H", depth - 1), self.random.choice([2, 2, 3])
        pieces = [Node("slice", (whole,), (index, count)) for index in range(count)]
        self.random.shuffle(pieces)
        return self.noted(call("concat", *pieces), self.sizes[whole], "H")

    def wide_gates(self, depth):
        """A sum of products for two gates at once, by a name that says how wide it is."""
        if not self.products and not self.early_products:
            return self.double(depth)
        whole = self.product("2H", depth)
        if self.random.random() < 0.7:
            whole = self.noted(whole + self.vector("2H"), self.sizes[whole] + 0.7, "2H")
        name = f"w{len(self.declared)}"
        self.declared[name] = "2H"
        self.equations.append(Equation(name, whole))
        self.values["2H"].append(whole)
        return whole

    def mixture(self, width, depth):
        """A gate between two values."""
        z = self.noted(call("sigmoid", self.sum(width, depth - 1)), 1.0, width)
        a, b = self.leaf(width), self.value(width, depth - 1)
        return self.noted(z * a + (1 - z) * b, max(self.sizes[a], self.sizes[b]), width)

    def twin(self, width, depth):
        """Another node for what a known one computes."""
        known = [node for node in self.values[width] if node.args]
        if not known:
            return self.function(width, depth)
        node = self.random.choice(known)
        made = {}
        for inner in in_order([node]):
            copied = replace(inner, args=tuple(made[a] for a in inner.args))
            made[inner] = copied if inner.args or inner.op == "constant" else inner
        return self.noted(made[node], self.sizes[node], width)

    # The whole

    def cell(self):
        """The cell that is drawn."""
        for _ in range(self.random.randint(0, 3)):
            width = self.random.choice(["H", "H", "H", "H", "1", "2H"])
            value = self.value(width, self.random.randint(1, 3))
            self.named(value)
            self.values[width].append(value)
        results = {}
        for state in self.random.sample(self.states, len(self.states)):
            results[state] = self.result(state)
            bound = {equation.name: equation.value for equation in self.equations}
            if bound.get(state.label) is not results[state]:
                self.equations.append(Equation(state.label, results[state]))
        masks = {node.label: mask for node, (mask, _) in self.masks.items()}
        wide = {s.label: w for s, w in self.width_of.items() if w != "H"}
        return Cell(
            "drawn", "", self.input, tuple(self.states), tuple(self.equations),
            tuple(results[state] for state in self.states),
            masks=masks, widths=wide | self.declared,
        )  # fmt: skip

    def result(self, state):
        """A new state."""
        width, drawn = self.width_of[state], self.random.random()
        if drawn < 0.05:
            return state
        if drawn < 0.13:
            return self.random.choice(self.values[width])
        if drawn < 0.19:
            return self.random.choice([self.row(1), lift(0.5), call("tanh", lift(0.5))])
        if drawn < 0.22:
            return self.random.choice([self.vector(width), self.mask(width)])
        depth = self.random.randint(1, 4)
        made = self.mixture(width, depth) if drawn < 0.5 else self.value(width, depth)
        if self.sizes[made] > 1.5:
            made = self.noted(call("tanh", made), 1.0, width)
        self.values[width].append(made)
        return made


def random_cell(seed):
    """The first cell from this seed on whose widths can be told; nearly all read x and a state."""
    random = Random(seed)
    wanted = {"input": 0.95, "state": 0.9, "product": 1.0}
    wanted = {op for op, share in wanted.items() if random.random() < share}
    for attempt in range(1000):
        cell = Drawing(f"{seed}.{attempt}").cell()
        live = {node.op for node in in_order(cell.results)}
        if wanted <= live and sizes_for(cell, random):
            return cell
    raise AssertionError(seed)


def sizes_for(cell, random):
    """Random sizes that the cell can have; none if its widths cannot be told."""
    try:
        widths = layout_of(cell).widths
    except UnrolledError:
        return {}
    for _ in range(100):
        H = random.choice(WIDTHS)
        sizes = {"X": random.choice([H, *WIDTHS]), "H": H, "R": random.choice([H, *WIDTHS])}
        if all(value_of(c.form, sizes) == 0 for c in widths.constraints) and all(
            value_of(form, sizes).denominator == 1 for form in widths.of.values()
        ):
            return {symbol: sizes[symbol] for symbol in widths.symbols}
    return {}
