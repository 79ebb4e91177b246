"""What a layer costs beside its arithmetic, at 32 x 256 and T=100, one thread.

Recording a gate, lengths against their sum, memory kept for the backward, the first use of a cell
and the first use from the cache. Medians and minima of rounds that take turns.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from machine import describe
from torch import Tensor, nn

from unrolled.cells import find_cell
from unrolled.layers.recurrent import Recurrent
from unrolled.layers.torch_like import LSTM

T, B, H, ROUNDS = 100, 32, 256, 15
FIRST_USE = """
import time
import torch
from unrolled import Recurrent, find_cell
layer, x = Recurrent(find_cell("{cell}"), 64, 64), torch.randn(3, 2, 64)
start = time.perf_counter()
layer(x)
print(time.perf_counter() - start)
"""


def take_turns(runs: dict[str, Callable[[], Any]]) -> dict[str, list[float]]:
    """Seconds of each, round after round."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: found[1:] for name, found in times.items()}


def ratios(times: dict[str, list[float]], base: str) -> str:
    """Each one's time over that of one of them: of minima, and of medians in brackets."""
    parts: list[str] = []
    for name, found in times.items():
        least = min(found) / min(times[base])
        median = statistics.median(found) / statistics.median(times[base])
        parts.append(f"{name} {least:.2f} ({median:.2f})")
    return ", ".join(parts)


def training(layer: nn.Module, x: Tensor, **options: Any) -> Callable[[], None]:
    """Forward and backward."""

    def run() -> None:
        output, *_ = layer(x, **options)
        output.backward(torch.ones_like(output))

    return run


def recording() -> str:
    """A gate's values, and its gradients."""
    layer, x = Recurrent(find_cell("lstm"), H, H), torch.randn(T, B, H)
    plain, values = training(layer, x), training(layer, x, record=("f",))
    gradients = training(layer, x, record_gradients=("f",))
    times = take_turns({"plain": plain, "record f": values, "record_gradients f": gradients})
    return ratios(times, "plain")


def lengths() -> str:
    """Sequences of half the steps in the mean, and torch's layer on a PackedSequence."""
    torch.manual_seed(0)
    ours, theirs, x = LSTM(H, H), nn.LSTM(H, H), torch.randn(T, B, H)
    some = torch.randint(1, T + 1, (B,))
    packed = nn.utils.rnn.pack_padded_sequence(x, some, enforce_sorted=False)

    def run_packed() -> None:
        output, _ = theirs(packed)
        output.data.backward(torch.ones_like(output.data))

    times = take_turns(
        {
            "whole": training(ours, x),
            "lengths": training(ours, x, lengths=some),
            "torch": run_packed,
        }
    )
    share = float(some.sum()) / (T * B)
    return f"{ratios(times, 'whole')}; the steps that are there are a share of {share:.2f}"


def saved(layer: nn.Module, x: Tensor) -> float:
    """Numbers of a row and step that wait for the backward, beside input and parameters."""
    held = {tensor.untyped_storage().data_ptr() for tensor in (x, *layer.parameters())}
    sizes: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in held:
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        kept = layer(x)
    assert kept
    return sum(sizes.values()) / (T * B * 4)


def first_uses(*cells: str) -> Iterator[str]:
    """Seconds of a cell's first call, with an empty cache for the first cell, and of later ones."""
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"UNROLLED_CACHE": cache}
        for cell in cells:
            command = [sys.executable, "-c", FIRST_USE.format(cell=cell)]
            found = [
                subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
                for _ in range(3)
            ]
            cold, *warm = (float(done.stdout) for done in found)
            yield f"{cell} {cold:.2f} s, then {1000 * min(warm):.0f} ms"


def main() -> None:
    """Print all."""
    torch.set_num_threads(1)
    print(describe())
    print("time over the plain run's:", recording())
    print("time over that of whole sequences:", lengths())
    x = torch.randn(T, B, H)
    print(
        f"numbers kept a row and step, of {H} units: "
        f"ours {saved(LSTM(H, H), x):.0f}, torch {saved(nn.LSTM(H, H), x):.0f}"
    )
    cells = "rnn", "lstm", "layernorm_lstm", "lstm_fgr"
    print("first use, with what all cells share in the first:", "; ".join(first_uses(*cells)))


if __name__ == "__main__":
    main()
