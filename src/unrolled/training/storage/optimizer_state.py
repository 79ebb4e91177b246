"""The state of a torch optimizer as tensors and JSON, and back, bit for bit."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from unrolled.errors import ForeignOptimizerError
from unrolled.training.storage.tensor_trees import pack_tree, unpack_tree

_SHOWN = 5


def pack_optimizer(optimizer: Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Take the state of an optimizer apart, as a checkpoint holds it.

    Args:
        optimizer: The optimizer.

    Returns:
        The tensors (`Checkpoint.optimizer`), named `state.INDEX.NAME`, and the rest, for
        `Checkpoint.progress`: the settings of each group, and state that is no tensor.
    """
    state = optimizer.state_dict()
    tensors, packed = pack_tree(state["state"], "state")
    more, groups = pack_tree(state["param_groups"], "groups")
    return tensors | more, {**_identity(optimizer), "state": packed, "groups": groups}


def unpack_optimizer(
    optimizer: Optimizer, tensors: Mapping[str, Tensor], record: Mapping[str, Any]
) -> None:
    """Give an optimizer the state that `pack_optimizer` took.

    Args:
        optimizer: One built like the one that was saved; left as it is if it was not.
        tensors: The tensors.
        record: The rest.

    Raises:
        ForeignOptimizerError: The state is of another kind of optimizer, or of other parameters.
        ForeignStateError: A tensor of it is missing.
    """
    ours = _identity(optimizer)
    saved = {key: record.get(key) for key in ours}
    if saved != ours:
        raise ForeignOptimizerError(saved=_describe(saved), ours=_describe(ours))
    state = unpack_tree(tensors, record.get("state"))
    groups = unpack_tree(tensors, record.get("groups"))
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _identity(optimizer: Optimizer) -> dict[str, Any]:
    shapes = [
        [list(weight.shape) for weight in group["params"]] for group in optimizer.param_groups
    ]
    return {"kind": type(optimizer).__name__, "shapes": shapes}


def _describe(identity: Mapping[str, Any]) -> str:
    try:
        shapes = [tuple(shape) for group in identity["shapes"] for shape in group]
    except TypeError:
        return "no optimizer that this package saved"
    shown = ", ".join(map(str, shapes[:_SHOWN])) + (", ..." if len(shapes) > _SHOWN else "")
    return f"{identity['kind']} for {len(shapes)} tensors of shapes {shown}"
