"""Widths as linear forms: sums of multiples of symbols, such as `4H`, `X + H`, `R`."""

import re
from collections.abc import Mapping
from fractions import Fraction

Form = dict[str, Fraction]
"""A linear form: symbol -> multiple. Unknowns are symbols that start with "?"."""

ONE: Form = {"": Fraction(1)}
LONGEST_TEXT = 200


def symbol(name: str, times: int | Fraction = 1) -> Form:
    """The form `times * name`."""
    return {name: Fraction(times)}


def parse_form(text: object) -> Form:
    """The form that `"4H"`, `"R"` or `"X+2H"` stands for; an empty one if it is none."""
    form: Form = {}
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        return form
    for part in text.split("+"):
        match = re.fullmatch(r" *(\d{0,4}) ?\*? ?([A-Z][A-Za-z]{0,15}) *", part, re.ASCII)
        if match is None:
            return {}
        form = add(form, symbol(match[2], int(match[1] or 1)))
    return form


def add(left: Form, right: Form, times: Fraction | int = 1) -> Form:
    """`left + times * right`, without zeros."""
    total = {name: left.get(name, 0) + times * right.get(name, 0) for name in {**left, **right}}
    return {name: Fraction(value) for name, value in total.items() if value}


def is_multiple(form: Form, unit: Form) -> bool:
    """Whether a form is so many times another, a whole number."""
    name, once = next(iter(unit.items()))
    times = form.get(name, 0) / once
    return times.denominator == 1 and form == add({}, unit, times)


def show_form(form: Form) -> str:
    """A form as people write it: `4H`, `X + H`, `H/2`."""
    parts: list[str] = []
    for name, times in sorted(form.items()):
        count, parted = times.as_integer_ratio()
        whole = name if name and abs(count) == 1 else f"{abs(count)}{name}"
        parts.append(("-" if count < 0 else "") + (whole if parted == 1 else f"{whole}/{parted}"))
    return " + ".join(parts).replace("+ -", "- ") or "0"


def substituted(form: Form, name: str, value: Form) -> Form:
    """A form with one symbol replaced by a form."""
    rest = {other: times for other, times in form.items() if other != name}
    return add(rest, value, form[name])


def value_of(form: Form, sizes: Mapping[str, int]) -> Fraction:
    """What a form comes to at these sizes."""
    return sum(
        (times * sizes[name] if name else times for name, times in form.items()), Fraction(0)
    )
