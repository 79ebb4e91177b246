"""Character models of equal parameters after equal minutes on one text: one table.

Each model is made as wide as the parameters allow. Of a few learning rates each takes the one that
is best on the validation part after a tenth of the minutes; the test part counts.

    python bench/equal.py --minutes 10 --threads 1
    python bench/equal.py --models lstm gpt2 --parameters 1_000_000
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

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


def bits_after(settings: CharLMSettings, text: str, minutes: float, options: argparse.Namespace):
    """The test part's bits per character, those of the validation part, and the steps."""
    training = {**vars(settings.training), "minutes": minutes, "threads": options.threads}
    own = {n: v for n, v in vars(settings).items() if n not in ("training", "data", "out")}
    with tempfile.TemporaryDirectory() as folder:
        run = unrolled.train("char-lm", text, out=Path(folder) / "run", **{**own, **training})
        lines = [line for line in read_metrics(run.path) if line["kind"] == "validation"]
        best = min(line["loss"] for line in lines)
        return run.evaluate().bits_per_character, best, run.ending.step


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

        def at(rate: float, settings: CharLMSettings = settings) -> CharLMSettings:
            return replace(settings, training=replace(settings.training, learning_rate=rate))

        tried = {
            rate: bits_after(at(rate), options.text, options.minutes / 10, options)[1]
            for rate in options.rates
        }
        rate = min(tried, key=tried.__getitem__)
        bits, _, steps = bits_after(at(rate), options.text, options.minutes, options)
        count = parameters(settings, symbols)
        layers = f"{settings.num_layers} x " if settings.num_layers > 1 else ""
        row = f"{model} | {layers}{settings.hidden_size} | {count:,} | {rate:g} | {steps:,}"
        print(f"| {row} | {bits:.3f} |", flush=True)


if __name__ == "__main__":
    main()
