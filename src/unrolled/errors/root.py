"""The root of all error classes: a message as a template, and the facts that fill it."""

from typing import Any


class UnrolledError(Exception):
    """A mistake that the message explains; the root of all classes in this file."""

    template = "{message}"

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        super().__init__(self.template.format(**facts))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.facts)


def _rebuild(kind: type[UnrolledError], facts: dict[str, Any]) -> UnrolledError:
    return kind(**facts)
