"""The table of contenders: how each is built for a case, or why it takes no part."""

from collections.abc import Callable, Container
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import torch

from unrolled.study.speed import jax_scan, our_layers, torch_layers, torchrecurrent_layers
from unrolled.study.speed.case import Case
from unrolled.study.speed.trial import Trial

OURS = ("c", "drop-in", "eager")  # ratios refer to the first that was measured
NO_LENGTHS = "takes no lengths"


@dataclass(frozen=True)
class Peer:
    """A contender: what it is, how it is built, and why not (in a few words, "" if nothing).

    `build` takes a case and `backward`, whether gradients are wanted.
    """

    about: str
    build: Callable[..., Trial]
    why_not: Callable[[Case], str]


def _needs(package: str, how: str) -> str:
    return "" if find_spec(package) else f"not installed: {how}"


def _only(names: Container[str], owner: str) -> Callable[[Case], str]:
    """Why a peer with a few cells alone lacks this one."""

    def why_not(case: Case) -> str:
        return "" if case.cell.name in names else f"{owner} has no {case.cell.name}"

    return why_not


def _any(case: Case) -> str:
    return ""


def _loop(case: Case) -> str:
    if case.lengths is not None:
        return NO_LENGTHS
    return _only(torch_layers.CELLS, "torch.nn")(case)


def _compiled(case: Case) -> str:
    return NO_LENGTHS if case.lengths is not None else ""


def _torchrecurrent(case: Case) -> str:
    # Its one dependency is torch, whatever torch there is: --no-deps keeps the one that is here.
    missing = _needs("torchrecurrent", "pip install --no-deps torchrecurrent")
    if missing or case.lengths is not None:
        return missing or NO_LENGTHS
    return _only(torchrecurrent_layers.TWINS, "it")(case)


def _jax(case: Case) -> str:
    missing = _needs("jax", "pip install jax, or 'unrolled[bench]'")
    if missing or case.lengths is not None:
        return missing or NO_LENGTHS
    _, threads = jax_scan.start_jax()
    if threads != torch.get_num_threads():
        return f"it keeps the {threads} thread(s) it began with: run bench once for each --threads"
    return ""


PEERS: dict[str, Peer] = {
    "c": Peer(
        "our Recurrent, compiled from the equations",
        partial(our_layers.build_ours, backend="c"),
        _any,
    ),
    "drop-in": Peer(
        "our LSTM, GRU or RNN, compiled",
        our_layers.build_drop_in,
        _only(our_layers.DROP_INS, "torch.nn"),
    ),
    "eager": Peer(
        "our Recurrent in torch operations: gates in one product, input products before the loop",
        partial(our_layers.build_ours, backend="eager"),
        _any,
    ),
    "torch.nn": Peer(
        "torch's own LSTM, GRU or RNN",
        torch_layers.build_layer,
        _only(torch_layers.LAYERS, "torch.nn"),
    ),
    "loop": Peer(
        "a loop over torch's LSTMCell, GRUCell or RNNCell", torch_layers.build_loop, _loop
    ),
    "torch.compile": Peer(
        "that loop (our eager layer for other cells) under torch.compile",
        torch_layers.build_compiled,
        _compiled,
    ),
    "torchrecurrent": Peer(
        "the package of that name, for the cells that it computes as we do",
        torchrecurrent_layers.build_torchrecurrent,
        _torchrecurrent,
    ),
    "jax": Peer("our equations as a jitted jax.lax.scan", jax_scan.build_jax, _jax),
}
