"""Readers of labelled texts beside a bag of words, over several seeds: one table.

The parts are the same whatever the seed, so the bag of words, which learns without chance, has one
row.

    python bench/sentiment.py --minutes 5 --threads 1
"""

import argparse
import statistics
import tempfile
from pathlib import Path

from machine import describe

import unrolled

READERS = {
    "lstm": {},
    "bert, from scratch": {"model": "bert", "learning_rate": 1e-3},
    "bert, minilm": {"model": "bert", "weights": "minilm"},
}


def main() -> None:
    """Train all with each seed, and print the table row by row."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="tweets")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--readers", nargs="+", choices=READERS, default=[*READERS])
    options = parser.parse_args()
    print(describe())
    print(f"\n{options.data}, {options.minutes:g} minutes at most, threads {options.threads}\n")
    print(
        "| reader | accuracy of each seed | mean | macro-F1, mean |\n|---|---|---|---|", flush=True
    )
    figures = None
    for name in options.readers:
        found = []
        for seed in options.seeds:
            training = {"seed": seed, "minutes": options.minutes, "threads": options.threads}
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "run"
                how = {**READERS[name], **training}
                figures = unrolled.train("sentiment", options.data, out=out, **how).evaluate()
                found.append(figures.model)
        print_row(name, found)
    if figures:
        print_row("bag of words", [figures.bag_of_words])
        print_row("commonest label", [figures.commonest_label])


def print_row(name: str, found: list) -> None:
    """A row of the table: the figures of each seed, and their means."""
    each = ", ".join(f"{scores.accuracy:.1%}" for scores in found)
    accuracy = statistics.mean(scores.accuracy for scores in found)
    macro_f1 = statistics.mean(scores.macro_f1 for scores in found)
    print(f"| {name} | {each} | {accuracy:.1%} | {macro_f1:.3f} |", flush=True)


if __name__ == "__main__":
    main()
