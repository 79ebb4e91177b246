"""What each process carries from step to step, whole in a checkpoint: states and random numbers.

Any number of processes can take it up. As many as have left it go on bit for bit.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrolled.training.group import Group
from unrolled.training.storage.random_state import pack_rng, unpack_rng
from unrolled.training.storage.tensor_trees import map_tree

_OF_ALL = "rng.processes."


def whole(group: Group, carried: Any) -> Any:
    """The recurrent state of all sequences, of which each process has its share.

    Args:
        group: All processes, each of which has to ask.
        carried: Nested tensors, each L*D x B x width; or None.

    Raises:
        ProcessGoneError: Another process has ended.
    """
    return carried if group.is_alone else map_tree(carried, lambda part: _whole(group, part))


def _whole(group: Group, part: Tensor) -> Tensor:
    sequences = torch.tensor(part.shape[1])
    group.add_up(sequences)
    found = part.new_zeros(part.shape[0], int(sequences), *part.shape[2:])
    found[:, group.share_of(int(sequences))] = part
    group.add_up(found)
    return found


def share(group: Group, carried: Any) -> Any:
    """This process's share of the recurrent state that `whole` gave."""
    if group.is_alone:
        return carried
    return map_tree(carried, lambda part: part[:, group.share_of(part.shape[1])].contiguous())


def pack_chance(group: Group, device: torch.device) -> dict[str, Tensor]:
    """The states of the random generators of all processes.

    Args:
        group: All processes, each of which has to ask.
        device: Where this one computes.

    Raises:
        ProcessGoneError: Another process has ended.
    """
    if group.is_alone:
        return pack_rng()
    own = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        own["cuda"] = torch.cuda.get_rng_state(device)
    return {**pack_rng(), **{f"{_OF_ALL}{kind}": group.rows(own[kind]) for kind in own}}


def unpack_chance(
    states: Mapping[str, Tensor], group: Group, device: torch.device, *, seed: int, step: int
) -> None:
    """Let the random generators of this process go on where those of as many processes were.

    The first goes on with what the first had drawn, whatever the number of the others.

    Args:
        states: What `pack_chance` gave, among other tensors.
        group: All processes.
        device: Where this one computes.
        seed: What the others start from, if they were not as many.
        step: So many were made.

    Raises:
        ForeignStateError: A state is missing, or is none of such a generator.
    """
    rows = {name.removeprefix(_OF_ALL): states[name] for name in states if name.startswith(_OF_ALL)}
    if group.is_first:
        unpack_rng(states)
    elif any(len(row) != group.size for row in rows.values()) or not rows:
        draw_apart(group, seed=seed, step=step)
    else:
        own = {kind: rows[kind][group.rank].clone() for kind in rows}  # torch crashes on a view
        unpack_rng({"rng.cpu": own["cpu"]})
        if "cuda" in own and device.type == "cuda":
            torch.cuda.set_rng_state(own["cuda"], device)


def draw_apart(group: Group, *, seed: int, step: int) -> None:
    """Let this process draw other random numbers than the first, which goes on as if alone."""
    if not group.is_first:
        (own,) = np.random.SeedSequence((seed, group.rank, step)).generate_state(1, np.uint64)
        torch.manual_seed(int(own))
