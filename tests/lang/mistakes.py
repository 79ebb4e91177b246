"""Mistaken and hostile cells, what is said of each, and where (a mark stands before the place)."""

from typing import NamedTuple

from tests.lang.writing import SIGNATURE

THREE = "x, h, c, *, W, b, p"


class Mistake(NamedTuple):
    """A cell that is refused; without a mark in it the error points at `def`."""

    body: str
    says: str
    signature: str = SIGNATURE
    decorator: str = "@cell"


BRANCHES = r"a cell cannot branch on values; write where\(condition, this, that\)"
NO_EQUATION = "this statement is no equation"
NO_PART = "this is no part of the equation language"
ONLY_WORDS = "calls are of the language's own words, by position"
DOTS = "only W.name, b.name and p.name have dots"
INDEX = "only parameters are indexed"
LEFT = "the left side is a name, or names with commas"
NUMBER = "this number is not finite, or too large"
CONSTANT = "only numbers are constants"
RETURNS = "a cell returns its new states, here "
A_CELL_IS = r"a cell is `def name\(x, states..., \*, W, b\)`: x and 1 to 100 states by position"
UNROLLED = r"only `for l in range\(constant\)` is unrolled, with whole numbers and at most 1000"
ONE_COMPARISON = "one comparison at a time"
LEFT_OF_AT = "the left side of @ is a matrix, W.name; a product of vectors is written"
DECLARED = r"a decorator says init=.*finite number.* and widths="
PLAIN_NAME = "names have ASCII letters, digits and _, a letter first, 40 at most"
DEEP = "this is nested over 200 deep"
MANY = "a cell has at most 100000 operations"

STATEMENTS = {
    "if": Mistake("‸if h > 0:\n    h = x\nreturn h", BRANCHES),
    "while": Mistake("‸while h > 0:\n    h = x\nreturn h", "a cell cannot loop on values"),
    "augmented assignment": Mistake("‸h += W.a @ x\nreturn h", r"write c = c \+ ..."),
    "annotation": Mistake("‸a: int = 3\nreturn h", "equations carry no annotations"),
    "bare expression": Mistake("‸tanh(h)\nreturn h", "an expression that binds no name"),
    "second docstring": Mistake('"""Doc."""\n‸"""More."""\nreturn h', "binds no name"),
    "try": Mistake("‸try:\n    a = h\nfinally:\n    a = x\nreturn a", NO_EQUATION),
    "with": Mistake("‸with h:\n    a = x\nreturn a", NO_EQUATION),
    "import": Mistake("‸import os\nreturn h", NO_EQUATION),
    "import from": Mistake("‸from os import system\nreturn h", NO_EQUATION),
    "global": Mistake("‸global z\nreturn h", NO_EQUATION),
    "nonlocal": Mistake("‸nonlocal z\nreturn h", NO_EQUATION),
    "nested def": Mistake("‸def f(v):\n    return v\nreturn h", NO_EQUATION),
    "nested class": Mistake("‸class A:\n    pass\nreturn h", NO_EQUATION),
    "delete": Mistake("‸del h\nreturn x", NO_EQUATION),
    "assert": Mistake("‸assert h\nreturn h", NO_EQUATION),
    "raise": Mistake("‸raise h\nreturn h", NO_EQUATION),
    "pass": Mistake("‸pass\nreturn h", NO_EQUATION),
    "match": Mistake("‸match h:\n    case _:\n        a = h\nreturn a", NO_EQUATION),
    "chained assignment": Mistake("‸a = b_ = h\nreturn a", NO_EQUATION),
    "loop with else": Mistake(
        "‸for l in range(2):\n    a = h\nelse:\n    a = x\nreturn a", NO_EQUATION
    ),
    "return in the middle": Mistake(
        "‸return h\na = x\nreturn a", "`return` stands once, at the end"
    ),
    "return in a loop": Mistake(
        "for l in range(2):\n    ‸return h\nreturn h", "`return` stands once"
    ),
    "no return": Mistake("a = h", "a cell ends with `return` of its new states"),
    "only a docstring": Mistake('"""Nothing."""', "a cell ends with `return`"),
    "only pass": Mistake("pass", "a cell ends with `return`"),
    "only ...": Mistake("...", "a cell ends with `return`"),
    "bare return": Mistake("a = h\n‸return", RETURNS + "h, in this order"),
    "too many results": Mistake("‸return h, x", RETURNS + "h, in this order"),
    "too few results": Mistake("‸return h", RETURNS + "h, c, in this order", THREE),
    "starred result": Mistake("return ‸*h, c", NO_PART, THREE),
}
TARGETS = {
    "to W": Mistake("‸W = h\nreturn h", "the name W is a word of the language"),
    "to b": Mistake("‸b = h\nreturn h", "the name b is a word of the language", "x, h, *, W"),
    "to a word": Mistake("‸tanh = h\nreturn h", "the name tanh is a word of the language"),
    "to split": Mistake("‸split = h\nreturn h", "the name split is a word of the language"),
    "to range": Mistake("‸range = h\nreturn h", "the name range is a word of the language"),
    "to an attribute": Mistake("‸W.a = h\nreturn h", LEFT),
    "to an item": Mistake("‸h[0] = x\nreturn h", LEFT),
    "to a list": Mistake("‸[a, c] = split(h, 2)\nreturn a", LEFT),
    "to a starred name": Mistake("‸a, *c = split(h, 2)\nreturn a", LEFT),
    "to nested names": Mistake("‸a, (c, d) = split(h, 2)\nreturn a", LEFT),
    "to an underscore": Mistake("‸_a = h\nreturn h", r"'_a' is no name here; " + PLAIN_NAME),
    "to a dunder": Mistake("‸__class__ = h\nreturn h", PLAIN_NAME),
    "to a homoglyph": Mistake("‸\u0441 = h\nreturn h", r"'\\u0441' is no name here"),
    "to a long name": Mistake(f"‸{'a' * 41} = h\nreturn h", PLAIN_NAME),
    "loop over a word": Mistake(
        "for ‸tanh in range(2):\n    a = h\nreturn a", "name tanh is a word"
    ),
    "loop over names": Mistake("for a, c in ‸range(2):\n    a = h\nreturn h", UNROLLED),
}
LOOPS = {
    "endless": Mistake("for l in ‸range(10**9):\n    a = h\nreturn a", UNROLLED),
    "symbolic bound": Mistake("for l in ‸range(h):\n    a = h\nreturn h", UNROLLED),
    "zero step": Mistake("for l in ‸range(0, 3, 0):\n    a = h\nreturn h", UNROLLED),
    "no bound": Mistake("for l in ‸range():\n    a = h\nreturn h", UNROLLED),
    "four bounds": Mistake("for l in ‸range(1, 2, 3, 4):\n    a = h\nreturn h", UNROLLED),
    "fractional bound": Mistake("for l in ‸range(2.5):\n    a = h\nreturn h", UNROLLED),
    "keyword bound": Mistake("for l in ‸range(stop=2):\n    a = h\nreturn h", UNROLLED),
    "list": Mistake("for l in ‸[1, 2]:\n    a = h\nreturn h", UNROLLED),
    "backwards": Mistake(
        "for l in ‸range(3, 1):\n    a = h\nreturn h", r"range\(3, 1\) ends before"
    ),
    "billion steps": Mistake(
        "for i in range(1000):\n    for j in range(1000):\n        for ‸k in range(1000):\n"
        "            a = h\nreturn a",
        MANY,
    ),
    "billion empty steps": Mistake(
        "for i in range(1000):\n    for j in range(1000):\n        for k in range(‸0):\n"
        "            a = h\nreturn h",
        MANY,
    ),
    "wide splits": Mistake(
        f"for i in range(1000):\n    {', '.join(f'a{n}' for n in range(4096))} = ‸split(h, 4096)\n"
        "return h",
        MANY,
    ),
    "many words": Mistake(
        "a = h\nfor i in range(1000):\n    for ‸j in range(30):\n        a = gelu(a)\nreturn a",
        MANY,
    ),
}
EXPRESSIONS = {
    "conditional": Mistake("return ‸h if x else x", BRANCHES),
    "and": Mistake("return ‸h and x", "`and` and `or` have no vector meaning"),
    "lambda": Mistake("return ‸lambda v: v", "equations define no functions"),
    "walrus": Mistake("return (‸a := h)", NO_PART),
    "f-string": Mistake("return ‸f'{h}'", NO_PART),
    "list comprehension": Mistake("return ‸[v for v in h]", NO_PART),
    "generator": Mistake("return ‸sum(v for v in h)", "'sum' is no word"),
    "set": Mistake("return ‸{h}", NO_PART),
    "await": Mistake("return ‸await h", NO_PART),
    "yield": Mistake("a = ‸yield h\nreturn h", NO_PART),
    "tuple": Mistake("a = ‸h, x\nreturn h", "several values need as many names on the left"),
    "ellipsis": Mistake("return ‸...", CONSTANT),
    "True": Mistake("return h + ‸True", CONSTANT),
    "None": Mistake("return ‸None", CONSTANT),
    "string": Mistake("return h + ‸'x'", CONSTANT),
    "bytes": Mistake("return h + ‸b'x'", CONSTANT),
    "complex": Mistake("return h + ‸2j", CONSTANT),
    "infinity": Mistake("return h + ‸1e400", NUMBER),
    "huge": Mistake(f"return h + ‸{'9' * 4000}", NUMBER),
    "power tower": Mistake("return h * ‸10**10**10", NUMBER),
    "complex power": Mistake("return h * ‸(-8) ** 0.5", NUMBER),
    "division by zero": Mistake("return h / (‸1 / 0)", "this number is none: division by zero"),
    "vector exponent": Mistake("return h ** ‸x", "an exponent is a plain number"),
    "exponent of a number": Mistake("return 2 ** ‸x", "an exponent is a plain number"),
    "not": Mistake("return ‸not h", r"only \+ and - stand before a value"),
    "invert": Mistake("return ‸~h", r"only \+ and - stand before a value"),
    "floor division": Mistake("return ‸h // x", r"the operators are \+ - \* / \*\* and @"),
    "modulo": Mistake("return ‸h % 2", r"the operators are \+ - \* / \*\* and @"),
    "bit or": Mistake("return ‸h | x", r"the operators are \+ - \* / \*\* and @"),
    "chained comparison": Mistake("return ‸0 < h < 1", ONE_COMPARISON),
    "in": Mistake("return ‸h in x", ONE_COMPARISON),
    "is": Mistake("return ‸h is x", ONE_COMPARISON),
    "deep nesting": Mistake(f"return {'sin(-' * 99 + 'sin(' * 2}‸h{')' * 101}", DEEP),
    "long sum": Mistake(f"return ‸{' + '.join(['h'] * 202)}", DEEP),
}
NAMES = {
    "unknown": Mistake("return h + ‸gaet", "nothing is named 'gaet' here; bind it first"),
    "near name": Mistake("gate = h\nreturn ‸gaet", "named 'gaet' here; did you mean gate?"),
    "near word": Mistake("return ‸sigmod(h)", "'sigmod' is no word .* did you mean sigmoid?"),
    "unknown word": Mistake("return ‸softmax(h)", "'softmax' is no word of the equation language"),
    "used before it is bound": Mistake(
        "a = ‸c\nc = h\nreturn a", "nothing is named 'c' here; bind"
    ),
    "homoglyph": Mistake("return ‸\u0445", r"nothing is named '\\u0445' here"),
    "word alone": Mistake("return ‸tanh", r"tanh is a word: it is called, as in tanh\(v\)"),
    "W alone": Mistake("return ‸W", "W alone is no value; name one: W.name"),
    "builtin": Mistake("return ‸__import__('os')", "'__import__' is no word"),
    "eval": Mistake("return ‸eval('h')", "'eval' is no word"),
    "dunder name": Mistake("return ‸__builtins__", "nothing is named '__builtins__' here"),
    "library": Mistake("return ‸math.tanh(h)", ONLY_WORDS),
    "numpy": Mistake("return ‸np.tanh(h)", ONLY_WORDS),
    "torch": Mistake("return ‸torch.tanh(h)", ONLY_WORDS),
    "method": Mistake("return ‸h.tanh()", ONLY_WORDS),
    "call of a call": Mistake("return ‸tanh(h)(h)", ONLY_WORDS),
    "keyword operand": Mistake("return ‸tanh(v=h)", ONLY_WORDS),
    "starred operand": Mistake("return tanh(‸*h)", NO_PART),
    "keywords unpacked": Mistake("return ‸tanh(**h)", ONLY_WORDS),
    "two operands": Mistake("return ‸tanh(h, x)", "tanh takes 1 operands, got 2"),
    "no operand": Mistake("return ‸tanh()", "tanh takes 1 operands, got 0"),
    "two for where": Mistake("return ‸where(h, x)", "where takes 3 operands, got 2"),
    "one for concat": Mistake("return ‸concat(h)", "concat takes two or more operands, got 1"),
    "getattr": Mistake("return ‸getattr(h, 'op')", "'getattr' is no word"),
}
PARAMETERS = {
    "dunder": Mistake("return ‸h.__class__", DOTS),
    "dunder of a parameter": Mistake("return ‸b.__class__", DOTS),
    "class of a tuple": Mistake("return ‸().__class__", DOTS),
    "dunder of a matrix": Mistake("return ‸W.__init__ @ x", LEFT_OF_AT),
    "matrix of a matrix": Mistake("return ‸W.a.b @ h", LEFT_OF_AT),
    "dots of a vector": Mistake("return ‸b.a.b", DOTS),
    "dot of a state": Mistake("return ‸h.T", DOTS),
    "matrix without @": Mistake("return ‸W.a * h", "a matrix multiplies: W.a @ v"),
    "matrix on the right": Mistake("return ‸h @ W.a", LEFT_OF_AT),
    "two matrices": Mistake("return W.a @ ‸W.b", "a matrix multiplies: W.b @ v"),
    "vector @ vector": Mistake("return ‸h @ x", LEFT_OF_AT),
    "matrix @ number": Mistake("return h + W.a @ ‸2", "a matrix multiplies a vector: W.name @ v"),
    "bias as a matrix": Mistake("return ‸b.a @ h", LEFT_OF_AT),
    "W indexed": Mistake("return ‸W[0] @ h", LEFT_OF_AT),
    "vector indexed": Mistake("return ‸h[0]", INDEX),
    "slice of a vector": Mistake("return h[‸1:2]", NO_PART),
    "fractional index": Mistake("return ‸W.R[1.5] @ h", "an index is a whole number, as in W.R"),
    "symbolic index": Mistake("return ‸W.R[h] @ h", "an index is a whole number, as in W.R"),
    "string index": Mistake("return W.R[‸'a'] @ h", CONSTANT),
    "huge index": Mistake("return ‸W.R[10000000] @ h", LEFT_OF_AT),
    "two indexes": Mistake("return ‸W.R[1][2] @ h", LEFT_OF_AT),
    "undeclared family": Mistake(
        "return h + ‸b.a", "b is not declared; write it among", "x, h, *, W"
    ),
    "index that doubles": Mistake(
        f"a = {'square(' * 80}h{')' * 80}\nreturn ‸W.R[a] @ h", "an index is a whole number"
    ),
}
SPLITS = {
    "alone": Mistake("a = ‸split(h, 2)\nreturn a", "split gives several values; bind them"),
    "wrong count": Mistake(
        "a, c = ‸split(h, 3)\nreturn a", r"here it is split\(v, 2\), of a vector"
    ),
    "of a number": Mistake(
        "a, c = ‸split(3, 2)\nreturn a", r"here it is split\(v, 2\), of a vector"
    ),
    "without a count": Mistake("a, c = ‸split(h)\nreturn a", r"here it is split\(v, 2\)"),
    "by keyword": Mistake(
        "a, c = ‸split(h, parts=2)\nreturn a", "2 names on the left need 2 values"
    ),
    "of one value": Mistake("a, c = ‸h\nreturn a", "2 names on the left need 2 values"),
    "of a longer tuple": Mistake("a, c = ‸h, h, h\nreturn a", "2 names on the left need 2 values"),
    "part that is not there": Mistake("return ‸split(h, 2)[2]", r"with 0 <= index < count"),
    "negative part": Mistake("return ‸split(h, 2)[-1]", r"with 0 <= index < count"),
    "billion parts": Mistake("return ‸split(h, 10**9)[0]", r"here it is split\(v, 1000000000\)"),
    "no parts": Mistake("return ‸split()[0]", r"with 0 <= index < count"),
}
SIGNATURES = {
    "101 states": Mistake("return x", A_CELL_IS, ", ".join(f"s{n}" for n in range(102))),
    "no state": Mistake("return x", A_CELL_IS, "x, *, W"),
    "nothing": Mistake("return 1", A_CELL_IS, ""),
    "star args": Mistake("return h", A_CELL_IS, "x, h, *args"),
    "star keywords": Mistake("return h", A_CELL_IS, "x, h, **options"),
    "positional only": Mistake("return h", A_CELL_IS, "x, h, /, *, W"),
    "positional default": Mistake("return h", A_CELL_IS, "x, h=0, *, W"),
    "state named W": Mistake("return W", "the name W is a word of the language", "x, W"),
    "state named as a word": Mistake("return tanh", "the name tanh is a word", "x, tanh"),
    "state of a homoglyph": Mistake("return h", r"'\\u0445' is no name here", "\u0445, h"),
    "keyword without default": Mistake("return h", A_CELL_IS, "x, h, *, ‸m"),
    "default of a text": Mistake("return h", A_CELL_IS, "x, h, *, ‸m='a'"),
    "default of True": Mistake("return h", A_CELL_IS, "x, h, *, ‸m=True"),
    "default of None": Mistake("return h", A_CELL_IS, "x, h, *, ‸m=None"),
    "default of a list": Mistake("return h", A_CELL_IS, "x, h, *, ‸m=[1]"),
    "infinite default": Mistake("return h", NUMBER, "x, h, *, ‸k=1e400"),
    "huge default": Mistake("return h", NUMBER, f"x, h, *, ‸k=1{'0' * 400}"),
    "number for W": Mistake("return h", "the name W is a word", "x, h, *, ‸W=3"),
    "mask for b": Mistake("return h", "the name b is a word", "x, h, *, ‸b=dropout(0.1)"),
}
DECORATORS = {
    "init of an unknown name": Mistake(
        "return W.a @ h",
        "decorator names 'W.aa', .* did you mean W.a?",
        decorator="@cell(init={'W.aa': 1})",
    ),
    "init of a value": Mistake(
        "return W.a @ h", "names 'h', which", decorator="@cell(init={'h': 1})"
    ),
    "init of a text": Mistake("return W.a @ h", DECLARED, decorator="@cell(init={'W.a': 'one'})"),
    "init of True": Mistake("return W.a @ h", DECLARED, decorator="@cell(init={'W.a': True})"),
    "init of infinity": Mistake("return W.a @ h", NUMBER, decorator="@cell(init={'W.a': 1e400})"),
    "init named by a number": Mistake("return W.a @ h", DECLARED, decorator="@cell(init={1: 1})"),
    "width of an unknown name": Mistake(
        "gate = h\nreturn gate",
        "names 'gaet', .* did you mean gate?",
        decorator="@cell(widths={'gaet': 'H'})",
    ),
    "width of x": Mistake(
        "return W.a @ x", "names 'x', which", decorator="@cell(widths={'x': '2H'})"
    ),
    "width of a number": Mistake("return W.a @ x", DECLARED, decorator="@cell(widths={'h': 5})"),
    "width of words": Mistake("return W.a @ x", DECLARED, decorator="@cell(widths={'h': 'two H'})"),
    "width in small letters": Mistake(
        "return W.a @ x", DECLARED, decorator="@cell(widths={'h': 'h'})"
    ),
    "no width": Mistake("return W.a @ x", DECLARED, decorator="@cell(widths={'h': ''})"),
    "width of nothing": Mistake("return W.a @ x", DECLARED, decorator="@cell(widths={'h': '0H'})"),
    "negative width": Mistake("return W.a @ x", DECLARED, decorator="@cell(widths={'h': '-H'})"),
    "endless width": Mistake(
        "return W.a @ x", DECLARED, decorator=f"@cell(widths={{'h': '{'H+' * 999}H'}})"
    ),
}
MISTAKES = {
    f"{kind}: {name}": mistake
    for kind, group in {
        "statement": STATEMENTS,
        "target": TARGETS,
        "loop": LOOPS,
        "expression": EXPRESSIONS,
        "name": NAMES,
        "parameter": PARAMETERS,
        "split": SPLITS,
        "signature": SIGNATURES,
        "decorator": DECORATORS,
    }.items()
    for name, mistake in group.items()
}
