"""How long importing takes, beside torch alone; and how soon `--help` answers.

Each in a new process, interleaved; minima and medians of seven.
"""

import statistics
import subprocess
import sys
import time

from machine import describe

TIMED = {
    "import torch": [sys.executable, "-c", "import torch"],
    "import unrolled": [sys.executable, "-c", "import unrolled"],
    "unrolled.Recurrent": [sys.executable, "-c", "import torch, unrolled; unrolled.Recurrent"],
    "unrolled --help": [sys.executable, "-m", "unrolled", "--help"],
    "unrolled train char-lm --help": [
        sys.executable, "-m", "unrolled", "train", "char-lm", "--help",
    ],
}  # fmt: skip


def main() -> None:
    """Measure and print."""
    seconds: dict[str, list[float]] = {name: [] for name in TIMED}
    for _ in range(7):
        for name, command in TIMED.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - start)
    print(describe())
    for name, found in seconds.items():
        print(f"{name:32} minimum {min(found):.3f} s  median {statistics.median(found):.3f} s")


if __name__ == "__main__":
    main()
