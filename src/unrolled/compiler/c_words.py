"""How operations, numbers and names are written in C: one table keyed by op, and what is barred."""

import math
import re
from collections.abc import Container

from unrolled.lang.forms import Form
from unrolled.lang.printing import Notation, Row

_COMPARE = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
_CALLS = "sigmoid tanh relu softplus exp log sqrt abs sin cos pow minimum maximum where".split()
_KEYWORDS = (
    "auto break case char const continue default do double else enum extern float for goto if "
    "inline int long register restrict return short signed sizeof static struct switch typedef "
    "union unsigned void volatile while asm typeof"
).split()
_OURS = (
    "real call now slice begin run step work share smaller algebra forward backward clear meet "
    "part rows j r width linux unix errno bool true false math_errhandling"
).split()
_FUNCTIONS = (  # of our headers; a state called `before` is not to hide `state_before`
    "add_up backward_slice backward_together copy_rows forward_slice forward_together keep_last "
    "pack_backward pack_forward part_of rows_apart rows_of run_in_blocks share_of state_before "
    "step_of"
).split()
RESERVED = frozenset({*_KEYWORDS, *_OURS, *_FUNCTIONS})


def number(value: float) -> str:
    """A number as C reads it, of the type `real`."""
    if math.isnan(value):
        return "(real)NAN"
    if math.isinf(value):
        return "(real)INFINITY" if value > 0 else "-(real)INFINITY"
    if value.is_integer() and abs(value) < 1e6 and math.copysign(1, value) > 0:
        return str(int(value))
    return f"(real){value!r}"


C = Notation(
    rows={
        **{op: Row(f"real_{op}({{0}})") for op in _CALLS},
        **{op: Row(f"(real)({{0}} {sign} {{1}})", 100, (4, 4)) for op, sign in _COMPARE.items()},
        "pow": Row("real_pow({0}, {1})"),
        "minimum": Row("real_minimum({0}, {1})"),
        "maximum": Row("real_maximum({0}, {1})"),
        "where": Row("real_where({0}, {1}, {2})"),
        "add": Row("{0} + {1}", 4, (4, 5)),
        "sub": Row("{0} - {1}", 4, (4, 5)),
        "mul": Row("{0} * {1}", 5, (5, 6)),
        "div": Row("{0} / {1}", 5, (5, 6)),
        "neg": Row("-{0}", 6, (7,)),
        **dict.fromkeys(("wide", "detach"), Row("{0}", 0, (0,))),
    },
    leaf=lambda node: node.label,
    number=number,
    negative_binds=5,
)


def identifier(name: str, taken: Container[str] = ()) -> str:
    """A C name for a cell's name: the same where C allows it, never one that C or we use."""
    plain = re.sub(
        r"[^a-z0-9_]", lambda match: f"_{match[0].lower()}" if match[0].isalpha() else "_", name
    )
    plain = re.sub(r"_+", "_", plain).strip("_") or "value"
    if plain in RESERVED or not plain[0].isalpha() or plain.startswith("real_"):
        plain = f"{plain}_" if plain[0].isalpha() else f"v{plain}"
    chosen, count = plain, 2
    while chosen in taken or chosen in RESERVED:
        chosen, count = f"{plain.rstrip('_')}_{count}", count + 1
    return chosen


def symbol_name(symbol: str) -> str:
    """A C name for a width symbol: a letter as it is; a word could be a macro, such as NULL."""
    return symbol if len(symbol) == 1 else f"{symbol}_"


def as_comment(text: str, room: int = 88) -> str:
    """A comment on one line, whatever an author wrote."""
    plain = text.encode("ascii", "replace").decode()
    plain = " ".join("".join(c if c.isprintable() else " " for c in plain).split())
    plain = plain.replace("\\", "/").replace("*/", "* /").replace("/*", "/ *")  # last: both ends
    return f"/* {plain if len(plain) <= room else plain[: room - 3] + '...'} */"


def folded_line(line: str, room: int = 84) -> str:
    """A statement, on several lines if it is long."""
    lines = [""]
    for word in line.split(" "):
        if lines[-1].strip() and len(lines[-1]) + 1 + len(word) > room:
            lines.append(f"    {word}")
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return "\n".join(lines)


def extent(form: Form) -> str:
    """A width as a C expression over the symbols' variables."""
    parts: list[str] = []
    for name, times in sorted(form.items()):
        count, parted = times.numerator, times.denominator
        text = symbol_name(name) if name else "1"
        if abs(count) != 1 or not name:
            text = f"{abs(count)} * {text}" if name else str(abs(count))
        if parted != 1:
            text = f"{text} / {parted}"
        parts.append(("-" if count < 0 else "") + text)
    return " + ".join(parts).replace("+ -", "- ") or "0"


def factor(form: Form) -> str:
    """A width where it is multiplied."""
    text = extent(form)
    return text if re.fullmatch(r"\w+", text) else f"({text})"
