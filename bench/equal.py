"""Character models of equal parameters after equal minutes on one text: one table.

Each model is made as wide as the parameters allow. A tenth of the minutes shows which of a few
learning rates is best on the validation part; that one and the next smaller one, since what goes
well for a short time may be too fast for a long one, have all minutes each. The better of the two
on the validation part is shown, by its test part.

    python bench/equal.py --minutes 10 --threads 1
    python bench/equal.py --models lstm gpt2 --parameters 1_000_000
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from machine import describe

import unrolled
from unrolled.cells import find_cell
from unrolled.data.sets import find_corpus
from unrolled.tasks.char_lm.settings import CharLMSettings
from unrolled.tasks.char_lm.task import build_model
from unrolled.tasks.registry import find_task
from unrolled.training.storage.metrics_log import read_metrics

MODELS = ("rnn", "lstm", "gru", "mut3", "gpt2")
RATES = (1e-3, 2e-3, 5e-3, 1e-2)
HEADS = 4
BPTT = 128  # as long a context for all


def settings_of(model: str, width: int) -> CharLMSettings:
    """The settings of a model of one width, those of its own kind else."""
    kind, cell = ("gpt2", "lstm") if model == "gpt2" else ("recurrent", model)
    settings = find_task("char-lm").defaults(kind)
    sizes = {"hidden_size": width, "bptt": BPTT, "num_heads": HEADS, "dropout": 0.0}
    return replace(settings, cell=cell, **sizes)


def parameters(settings: CharLMSettings, symbols: int) -> int:
    """How many a model has."""
    with torch.device("meta"):
        model = build_model(settings, find_cell(settings.cell), symbols)
    return sum(weight.numel() for weight in model.parameters())


def widest(model: str, symbols: int, most: int) -> CharLMSettings:
    """The widest model of at most so many parameters."""
    width = HEADS
    while parameters(settings_of(model, width + HEADS), symbols) <= most:
        width += HEADS
    return settings_of(model, width)


class Trained(NamedTuple):
    """What came of some minutes."""

    validation: float
    """Nats per character, the best on the way."""
    bits: float
    """Per character of the test part."""
    steps: int


def trained(
    settings: CharLMSettings, rate: float, minutes: float, options: argparse.Namespace
) -> Trained:
    """Train a model for so many minutes."""
    settings = replace(settings, training=replace(settings.training, learning_rate=rate))
    training = {**vars(settings.training), "minutes": minutes, "threads": options.threads}
    own = {n: v for n, v in vars(settings).items() if n not in ("training", "data", "out")}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        run = unrolled.train("char-lm", options.text, out=out, **{**own, **training})
        lines = [line for line in read_metrics(run.path) if line["kind"] == "validation"]
        best = min(line["loss"] for line in lines)
        return Trained(best, run.evaluate().bits_per_character, run.ending.step)


def best_rate(settings: CharLMSettings, options: argparse.Namespace) -> tuple[float, Trained]:
    """The learning rate that is best over all minutes, as far as was tried, and what it came to."""
    rates = sorted(options.rates)
    tried = [trained(settings, rate, options.minutes / 10, options).validation for rate in rates]
    best = tried.index(min(tried))
    made = {
        rate: trained(settings, rate, options.minutes, options)
        for rate in rates[max(0, best - 1) : best + 1]
    }
    return min(made.items(), key=lambda pair: pair[1].validation)


def main() -> None:
    """Train all, and print the table row by row."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--text", default="shakespeare")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--parameters", type=int, default=400_000)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--rates", nargs="+", type=float, default=RATES)
    options = parser.parse_args()
    symbols = len(find_corpus(options.text).alphabet)
    print(describe())
    print(f"\n{options.text}, {options.minutes:g} minutes, threads {options.threads}\n")
    print("| model | width | parameters | learning rate | steps | bits per character |")
    print("|---|---|---|---|---|---|")
    for model in options.models:
        settings = widest(model, symbols, options.parameters)
        rate, made = best_rate(settings, options)
        count = parameters(settings, symbols)
        layers = f"{settings.num_layers} x " if settings.num_layers > 1 else ""
        row = f"{model} | {layers}{settings.hidden_size} | {count:,} | {rate:g} | {made.steps:,}"
        print(f"| {row} | {made.bits:.3f} |", flush=True)


if __name__ == "__main__":
    main()
