"""Flags from dataclasses, by tyro, in one form for all verbs."""

from collections.abc import Sequence
from typing import Any, TypeVar

import tyro

Arguments = TypeVar("Arguments")


def parse(
    kind: type[Arguments],
    given: Sequence[str],
    *,
    prog: str,
    about: str,
    defaults: Arguments | None = None,
) -> Arguments:
    """The arguments as a dataclass; prints help or the mistake and exits if there are none.

    Args:
        kind: The dataclass whose fields are the flags.
        given: What was typed after the verb.
        prog: The command so far, such as "unrolled train char-lm".
        about: What it does.
        defaults: What holds for flags that are not given; None: the dataclass's own.
    """
    stated: dict[str, Any] = {} if defaults is None else {"default": defaults}
    return tyro.cli(kind, args=list(given), prog=prog, description=about, **stated)
