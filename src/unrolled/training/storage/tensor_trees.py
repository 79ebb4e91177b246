"""State dicts as named tensors plus JSON, and back, with every type as it was.

A tree is any nesting of dicts, lists and tuples with tensors and plain values at its leaves: the
state dict of an optimizer or a scheduler, a recurrent state `(h, c)`. Each tensor is named by its
path, `state.0.exp_avg`; the JSON holds the rest, with `{"tensor": name}` where a tensor was.
"""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from unrolled.errors import ForeignStateError, NotJsonError


def pack_tree(tree: Any, name: str) -> tuple[dict[str, Tensor], Any]:
    """Take a tree apart.

    Args:
        tree: The tree; a NamedTuple in it comes back as a plain tuple.
        name: First part of the names of its tensors.

    Returns:
        The tensors by name, themselves and not copies, and the rest as JSON holds it.
    """
    tensors: dict[str, Tensor] = {}
    return tensors, _pack(tree, name, tensors)


def unpack_tree(tensors: Mapping[str, Tensor], packed: Any) -> Any:
    """Put together what `pack_tree` took apart.

    Args:
        tensors: The tensors by name; others among them do no harm.
        packed: The rest.

    Returns:
        The tree, with copies of the tensors.

    Raises:
        ForeignStateError: A tensor is missing, or the rest is not what `pack_tree` makes.
    """
    match packed:
        case {"tensor": str(name)}:
            if name not in tensors:
                raise ForeignStateError(problem=f"lacks the tensor {name!r}")
            return tensors[name].clone()
        case {"tuple": list(items)}:
            return tuple(unpack_tree(tensors, item) for item in items)
        case {"dict": list(items)} if all(_is_pair(item) for item in items):
            return {key: unpack_tree(tensors, value) for key, value in items}
        case list(items):
            return [unpack_tree(tensors, item) for item in items]
        case None | bool() | int() | float() | str():
            return packed
    raise ForeignStateError(problem=f"holds {str(packed)[:80]!r}, which is no packed value")


def map_tree(tree: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same nesting of tuples, lists and dicts with each of its tensors changed."""
    if isinstance(tree, Tensor):
        return change(tree)
    if isinstance(tree, dict):
        return {key: map_tree(part, change) for key, part in tree.items()}
    if isinstance(tree, tuple | list):
        parts = (map_tree(part, change) for part in tree)
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return tree


def _pack(tree: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    match tree:
        case Tensor():
            while path in tensors:  # {"a.b": x} and {"a": {"b": y}} have the same path
                path += "_"
            tensors[path] = tree
            return {"tensor": path}
        case None | bool() | int() | float() | str():
            return tree
        case tuple():
            return {"tuple": _pack(list(tree), path, tensors)}
        case list():
            return [_pack(item, f"{path}.{at}", tensors) for at, item in enumerate(tree)]
        case Mapping():
            pairs = tree.items()
            return {"dict": [[key, _pack(item, f"{path}.{key}", tensors)] for key, item in pairs]}
    raise NotJsonError(place=path, kind=type(tree).__name__)


def _is_pair(item: Any) -> bool:
    return isinstance(item, list) and len(item) == 2 and isinstance(item[0], str | int)
