"""Our eager layers beside torch.nn's own kernels, forward and backward, in one process.

Interleaved, minima and medians of seven, T=100, X=H, float32.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from machine import describe
from torch import nn

import unrolled

POINTS = ((1, 64), (16, 64), (32, 128), (32, 256))
PAIRS = {
    "LSTM": (nn.LSTM, unrolled.LSTM),
    "GRU": (nn.GRU, unrolled.GRU),
    "RNN": (nn.RNN, unrolled.RNN),
}
STEPS, ROUNDS = 100, 7


def seconds(layer: nn.Module, x: torch.Tensor) -> float:
    """One forward and backward."""
    start = time.perf_counter()
    output, _ = layer(x)
    output.sum().backward()
    return time.perf_counter() - start


def compare(
    make: tuple[Callable[..., nn.Module], ...], batch: int, width: int
) -> list[list[float]]:
    """The seconds of both layers, round by round."""
    layers = [kind(width, width) for kind in make]
    x = torch.randn(STEPS, batch, width)
    found: list[list[float]] = [[], []]
    for round_number in range(ROUNDS + 1):
        for layer, times in zip(layers, found, strict=True):
            taken = seconds(layer, x)
            if round_number:
                times.append(taken)
    return found


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    torch.set_num_threads(parser.parse_args().threads)
    print(describe())
    print(f"{'layer':6} {'B x H':>8} {'torch.nn':>10} {'ours':>10}   ratio of minima (medians)")
    for name, kinds in PAIRS.items():
        for batch, width in POINTS:
            theirs, ours = compare(kinds, batch, width)
            ratio = min(ours) / min(theirs)
            medians = statistics.median(ours) / statistics.median(theirs)
            row = f"{min(theirs) * 1e3:8.2f}ms {min(ours) * 1e3:8.2f}ms"
            print(f"{name:6} {f'{batch} x {width}':>8} {row}   {ratio:.2f} ({medians:.2f})")


if __name__ == "__main__":
    main()
