"""Flags from dataclasses, by tyro, in one form for all verbs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from inspect import signature
from types import MappingProxyType
from typing import Any, TypeVar

import tyro
from tyro.conf import arg

from unrolled.errors import SettingError

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


def shown_as(metavar: str, default: str) -> Any:
    """How --help shows a flag whose default is not in the dataclass.

    Args:
        metavar: What is to be typed, such as INT.
        default: What holds if nothing is.
    """
    return arg(metavar=metavar, help_behavior_hint=f"(default: {default})")


def given_of(arguments: Any, *, but: Sequence[str] = ()) -> dict[str, Any]:
    """The flags that were given, by name, where None or False stands for one that was not.

    Args:
        arguments: The dataclass.
        but: Fields that are no flags.
    """
    named = ((field.name, getattr(arguments, field.name)) for field in fields(arguments))
    return {n: v for n, v in named if n not in but and v is not None and v is not False}


def require_fit(
    method: Callable[..., Any],
    flags: Mapping[str, Any],
    *,
    run: Any,
    also: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> None:
    """Refuse a flag that a method of a run does not take.

    Args:
        method: What is to be called with the flags.
        flags: Those that were given.
        run: The run, for the message.
        also: Parameters of the method that are made of several flags.

    Raises:
        SettingError: A flag is for runs of other tasks.
    """
    known = set(signature(method).parameters)
    known |= {flag for name, parts in also.items() if name in known for flag in parts}
    for name, value in flags.items():
        if name not in known:
            wanted = f"none: {run.config.get('task')} has no use for it"
            raise SettingError(name=name, got=value, wanted=wanted)
