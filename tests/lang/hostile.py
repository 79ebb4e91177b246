"""Hostile cells by kind: names, texts, numbers, code, nesting, stored graphs."""

import copy

C_KEYWORDS = (
    "auto break case char const continue default do double else enum extern float for goto if int "
    "inline long register restrict return short signed sizeof static struct switch typedef union "
    "unsigned void volatile while asm typeof alignas alignof bool nullptr constexpr thread_local"
).split()
PYTHON_TOO = {"break", "continue", "else", "for", "if", "return", "while"}
C_NAMES = (
    "INT_MAX NULL NAN INFINITY LIBM BIAS LINE PATIENCE EOF M_PI unix linux errno stdin isnan "
    "signbit math_errhandling true false main printf system malloc memcpy real bits call step span "
    "part outer times algebra product pack run gather panel state_before rows_of add_rows forward "
    "backward forward_slice real_exp real_tanh clear begin now slice r s j t of all before H X "
    "i386 defined pragma include size_t uint64_t"
).split()
WORDS = [word for word in dict.fromkeys([*C_KEYWORDS, *C_NAMES]) if word not in PYTHON_TOO]
SYMBOLS = (
    "NULL NAN INFINITY LINE PATIENCE LIBM BIAS MANTISSA LIFT EOF I U L "
    "A Int Struct Real Call LongLongLongLong"
).split()

NO_NAMES = {
    **{name: name for name in ("__class__", "__init__", "__builtins__", "__dict__", "_Pragma")},
    **{name: name for name in ("__attribute__", "__asm__", "__FILE__", "__mro__", "_")},
    "cyrillic a": "\u0430",
    "cyrillic c": "\u0441ell",
    "greek omicron": "\u03bf",
    "umlaut": "h\u00e4",
    "combining": "h\u0308",
    "arabic digit": "h\u0661",
    "middle dot": "h\u00b7",
    "65 letters": "h" * 65,
    "1,000 letters": "h" * 1000,
    "50,000 letters": "h" * 50_000,
}
PLACES = {  # a cell with the name in one place; the other names are plain
    "input": ("return W.a @ {0} + h", "{0}, h, *, W"),
    "state": ("return W.a @ x + {0}", "x, {0}, *, W"),
    "equation": ("{0} = W.a @ x\nreturn {0} + h", "x, h, *, W"),
    "loop": ("for {0} in range(2):\n    a = h\nreturn a * {0}", "x, h, *, W"),
    "mask": ("return W.a @ x * {0}", "x, h, *, W, {0}=dropout(0.5)"),
    "constant": ("return W.a @ x * {0}", "x, h, *, W, {0}=2"),
    "parameters": ("return W.{0} @ x + h * p.{0} + b.{0}", "x, h, *, W, b, p"),
}
IN_C = ("input", "state", "equation", "mask", "parameters")  # where a name reaches the C
FULLWIDTH = "".join(chr(ord(letter) + 0xFEE0) for letter in "tanh")  # Python reads it as tanh

ENDS = ["*/", "*\\", "**/", "*\\/", "*/*/", "/*", "\\*", "/**/", "*//*", "*\\\\", "//", "* /", "\\"]
TEXTS = {
    **{f"after {end}": f"{end} int evil(void) {{ return 1; }} {end}" for end in ENDS},
    **{f"only {end}": end for end in ENDS},
    **{f"cut at {room}": "a" * room + "*/ int evil;" for room in (60, 66, 67, 68, 69, 70)},
    "trigraph": "*??/ int evil; ??/",
    "digraph": "%:include <evil.h>",
    "include": '#include "evil.h"',
    "pragma": "#pragma evil",
    "quotes": '"\'`"; int evil; char *c = "\'',
    "format": "%s%n {0} {0.__class__} {evil} ${{evil}}",
    "shell": "$(touch evil) `touch evil`; touch evil",
    "html": "</script><script>evil()</script>",
    "tex": "\\input{/etc/passwd} $$ \\end{aligned}",
    "ansi": "\x1b[2J\x1b]0;evil\x07",
    "bidi": "\u202e\u2066 evil \u2069\u202c\u200f",
    "homoglyph": "\u0430\uff0a\uff0f evil",
    "zero width": "*\u200b/ int evil; *\u00ad/",
    "private": "\ue000\U0010ffff evil",
}
LINES = {  # no comment of a file can hold them
    "new line": "a\n*/ int evil;\n#pragma evil",
    "carriage return": "a\r*/ int evil;\r",
    "form feed": "a\f*/ int evil;\v*\f/",
    "separators": "a\u2028*/ int evil;\u2029*\u2028/\x85",
    "null": "a\0*/ int evil;*\0/",
    "splice": "*\\\n/ int evil;",
    "trigraph splice": "*??/\n/ int evil;",
    "surrogate": "*\ud800/ int evil; \udfff",
    "delete": "*\x7f/\b\b int evil;",
    "long": "*/ int evil; " * 10_000,
}

NUMBERS = {  # refused
    **{text: text for text in ("1e400", "-1e400", "1e400 - 1e400", "1e308 * 10", "nan", "inf")},
    **{text: text for text in ("NaN", "INFINITY", "1e16", "2**53 + 1", "10**17", "10**400", "1j")},
    **{text: text for text in ("0 ** -1", "1 / 0", "-1 ** 0.5 ** -1e3", "True", "2**0.5j")},
    **{text: text for text in ("float('nan')", "1 << 60", "9 % 4", "7 // 2", "2**65")},
    "4,000 digits": "9" * 4000,
    "5,000 digits": "9" * 5000,  # more than Python itself reads
    "hexadecimal": "0x" + "f" * 1000,
    "4,000 zeros": "1" + "0" * 4000 + ".0",
    "tower": "2**2**2**2**2**2**2**2",
}
SMALL = {  # accepted, with what the C then has; a sum with h, so that it is no plain number
    "-0.0": "(real)-0.0",
    "0.0": "0",
    "5e-324": "(real)5e-324",
    "2**53": "(real)9007199254740992.0",
    "-2**53": "(real)-9007199254740992.0",
    "1e-400": "0",
    "0x10": "16",
    "1_000": "1000",
    "-1e-5": "(real)-1e-05",
}

STATEMENTS = {  # T is a call that would leave a mark
    "call": "T",
    "assigned": "a = T",
    "eval": "a = eval('T')",
    "exec": "exec('T')",
    "compile": "a = exec(compile('T', '', 'exec'))",
    "import": "import antigravity",
    "import from": "from os import system as a",
    "import call": "a = __import__('os').system('true')",
    "lambda": "a = (lambda: T)()",
    "list": "a = [T for _ in range(3)]",
    "dict": "a = {T: T}",
    "generator": "a = mean(T for _ in range(3))",
    "walrus": "a = (b_ := T)",
    "f-string": "a = f'{T}'",
    "while": "while T:\n    a = h",
    "if": "if T:\n    a = h",
    "for": "for i in T:\n    a = h",
    "for range": "for i in range(T):\n    a = h",
    "try": "try:\n    T\nexcept T:\n    a = h",
    "try star": "try:\n    T\nexcept* T:\n    a = h",
    "with": "with T as a:\n    a = h",
    "match": "match T:\n    case _:\n        a = h",
    "assert": "assert T",
    "raise": "raise T from T",
    "del": "del h[T]",
    "global": "global canary\ncanary = T",
    "def": "def f(v=T):\n    return T",
    "class": "class A(T, metaclass=T):\n    a = T",
    "decorated": "@T\ndef f(v):\n    return v",
    "return": "return T",
    "subscript": "a = W.a[T] @ h",
    "stored subscript": "h[T] = h",
    "attribute": "a = T.real",
    "stored attribute": "T.a = h",
    "annotation": "a: T = h",
    "star": "a, *c = T",
    "augmented": "a = h\na += T",
    "conditional": "a = h if T else x",
    "and": "a = h and T",
    "operand": "a = tanh(T)",
    "keyword": "a = tanh(v=T)",
    "unpacked": "a = tanh(*T, **T)",
    "exponent": "a = h ** T",
    "product": "a = T @ h",
    "compare": "a = h < T",
    "slice": "a = h[T:T]",
    "split": "a, c = split(h, T)",
    "part": "a = split(h, 2)[T]",
    "closure": "a = canary.append(1) or h",
    "dunder": "a = h.__class__.__init__.__globals__",
    "getattr": "a = getattr(h, 'op')",
    "format": "a = '{0.__class__}'.format(h)",
    "method": "a = h.__add__(T)",
    "docstring": "'a'\nf'{T}'",
}
DEEP = 10_000
NESTED = {
    **{name: f"{sign * DEEP}h" for name, sign in {"minus": "-", "not": "not ", "~": "~"}.items()},
    **{
        name: f"{word * DEEP}h"
        for name, word in {"if": "h if x else ", "lambda": "lambda: "}.items()
    },
    **{sign: "h" + f" {sign} h" * DEEP for sign in ("+", "**", "@", "<", "and", "if h else")},
    **{word: f"{word}(" * DEEP + "h" + ")" * DEEP for word in ("", "sin", "gelu", "split", "f")},
    "attributes": "h" + ".a" * DEEP,
    "indexes": "W.R" + "[0]" * DEEP + " @ h",
    "calls": "sin" + "(h)" * DEEP,
    "lists": "[" * DEEP + "]" * DEEP,
    "texts": "f'" + "{h:" * DEEP + "}" * DEEP + "'",
}

OPS = (  # none of the language; some are the compiler's own
    "system total part sum wide back given extent carried incoming __class__ eval add; ADD Input "
    "power \u0430dd add\0 */"
).split(" ")
MATRICES = (
    "W.a; W.a*/ W.__class__ W._a W.a\n W.\u0430 W b.a w.a W.a[x] W.a[0 W.a[0]] W.a[9999999] W.a.b "
    "W.a[--1] V.a W..a"
).split(" ") + ["W.a b", "W." + "a" * 65]
WIDTHS = (
    "-H 0H H-H H*H 2**H 99999H h H; H/2 4 X+-H H+ \uff28 */ NULL; int __H H\n sizeof(H) 1e3H"
).split(" ") + ["", "A" * 17, "H" + "+H" * 200]
OPERANDS = ([], [0, 0], [-1], [2**70], [1.0], ["0"], [None], [[0]], "0", {})


def changed_node(stored, kind, **parts):
    """The graph with something else in its first node of this operation."""
    stored = copy.deepcopy(stored)
    node = next(node for node in stored["nodes"] if node[0] == kind)
    for place, value in parts.items():
        node[("op", "args", "attribute").index(place)] = value
    return stored


def hostile_graphs(stored):
    """Graphs that are none, made of a good one (of `rnn`, with a `tanh`), by what is wrong."""
    last = len(stored["nodes"]) - 1
    graphs = {f"op {op!r}": changed_node(stored, "tanh", op=op) for op in OPS}
    graphs |= {
        f"matrix {name[:20]!r}": changed_node(stored, "matrix", attribute=name) for name in MATRICES
    }
    graphs |= {f"width {text[:20]!r}": {**stored, "widths": {"h": text}} for text in WIDTHS}
    for args in (
        [],
        [0, 0],
        [last],
        [last + 1],
        [-1],
        [2**70],
        [1.0],
        ["0"],
        [None],
        [[0]],
        "0",
        {},
    ):
        graphs[f"operands {args}"] = changed_node(stored, "tanh", args=args)
    for index in (last + 1, -1, 2**70, 1.0, None, True):
        graphs[f"result {index}"] = {**stored, "results": [index]}
        graphs[f"input {index}"] = {**stored, "input": index}
    for name in ("__class__", "a b", "a;", "*/", "\u0430", "if", "a" * 65, "", "h\n"):
        graphs[f"name {name[:20]!r}"] = {**stored, "name": name}
        graphs[f"equation {name[:20]!r}"] = {**stored, "equations": [[name, last, ""]]}
        graphs[f"state {name[:20]!r}"] = changed_node(stored, "state", attribute=name)
    for value in (1e400, -1e400, float("nan"), 10**400, "1", None, True, [1]):
        graphs[f"initial {str(value)[:20]}"] = {**stored, "init": {"b.h": value}}
    graphs["cycle"] = changed_node(stored, "product", args=[last, last])
    graphs["too many nodes"] = {**stored, "nodes": stored["nodes"] + [["neg", [0], None]] * 100_001}
    return graphs
