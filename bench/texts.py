"""What the tasks on texts cost beside what they must: padding, translation, beams.

- padding: the share of all positions of a pass's batches that hold nothing;
- translation: a training step of the encoder-decoder over the sum of its parts, each alone on as
  many steps (embeddings, recurrent layers, attention, readout with its loss);
- beams: the time of a sentence with five beams over that with one, by a model of a few steps, or by
  a trained one on its test part (--run).

    python bench/texts.py --threads 1
    python bench/texts.py --threads 1 --run runs/translate-lstm
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from machine import describe
from torch import Tensor

from unrolled.cells import find_cell
from unrolled.data.batches import bucketed
from unrolled.models.search import search
from unrolled.tasks.registry import find_task
from unrolled.tasks.translate.coder import Coder
from unrolled.tasks.translate.run import TranslateRun
from unrolled.tasks.translate.task import (
    Batch,
    Translate,
    Translator,
    batch_of,
    build_model,
    lengths_of,
)

SETS = {"sentiment": "tweets", "tag": "brown", "translate": "libreoffice-en-ko"}
ROUNDS = 15
SENTENCES = 256  # of a test part that are translated


def main() -> None:
    """Measure all three, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", default="libreoffice-en-ko")
    parser.add_argument("--run", help="a translate run: of its beams alone the time is taken")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    print(describe())
    if options.run:
        print_beams_of(TranslateRun(options.run))
        return
    print_padding()
    settings = replace(find_task("translate").defaults(), data=options.data)
    print_translation(settings)
    print_beams(settings)


def print_padding() -> None:
    """Of each task on texts, with its own batch size, in the first pass."""
    for name, data in SETS.items():
        settings = replace(find_task(name).defaults(), data=data)
        run = find_task(name).run_module().open_run
        _, splits = run._read(settings, lambda line: None)
        coder = run.coder_types[settings.model].learn(settings, splits)
        coded = coder.code(splits.train)
        sides = coded if name == "translate" else coded[:1]
        lengths = np.array([[*map(len, each)] for each in zip(*sides, strict=True)]).squeeze()
        batches = bucketed(lengths, settings.batch_size, np.random.default_rng(0))
        room = sum((lengths[batch].max(0) * len(batch)).sum() for batch in batches)
        print(f"padding, {name} on {data}: {1 - lengths.sum() / room:.1%}")


def a_batch(settings) -> tuple[Translator, Coder, Batch]:
    """A model with fresh weights, and a batch of sentences of about the usual length."""
    _, splits = TranslateRun._read(settings, lambda line: None)
    coder = Coder.learn(settings, splits)
    coded = coder.code(splits.train)
    middle = np.argsort(lengths_of(coded)[:, 0], kind="stable")[len(coded.sources) * 6 // 10 :]
    batch = batch_of(coded, middle[: settings.batch_size], torch.device("cpu"))
    return build_model(settings, find_cell("lstm"), coder), coder, batch


def print_translation(settings) -> None:
    """For each kind of attention, a step forward and back over the sum of its parts."""
    for attention in ("none", "multiplicative", "additive"):
        model, _, batch = a_batch(replace(settings, attention=attention, dropout=0.0))
        whole = {"whole": lambda model=model, batch=batch: step_of(model, batch)}
        seconds = medians({**whole, **parts_of(model, batch)})
        parts = sum(value for name, value in seconds.items() if name != "whole")
        shown = ", ".join(f"{name} {1e3 * value:.1f}" for name, value in seconds.items())
        print(f"translation, {attention} attention: {seconds['whole'] / parts:.2f} ({shown} ms)")


def step_of(model, batch: Batch) -> None:
    """A step forward and back."""
    source = batch.source
    features = model.features(source.steps, batch.before, source.lengths, batch.lengths)
    scores = model.readout(features[batch.inside])
    F.cross_entropy(scores, batch.wanted[batch.inside]).backward()


def parts_of(model, batch: Batch) -> dict[str, Callable[[], None]]:
    """Each part of the model alone, forward and back, on inputs of its own."""
    source, wanted = batch.source, batch.wanted[batch.inside]
    read, written = (part.embedding.embedding_dim for part in (model.encoder, model.decoder))
    width, memory = model.decoder.output_size, model.encoder.output_size

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, requires_grad=True)

    x, y = drawn(*source.steps.shape, read), drawn(*batch.before.shape, written)
    states = drawn(*batch.before.shape, width)
    steps = drawn(*source.steps.shape, memory)
    mixed = drawn(int(batch.inside.sum()), width)

    def attend() -> None:
        kept = model.attention.remember(steps, source.lengths)
        found, _ = model.attention(states, kept)
        model.mix(torch.cat([found, states], -1)).tanh().sum().backward()

    def layer(part, given: Tensor, lengths: Tensor) -> Callable[[], None]:
        return lambda: part.recurrent(given, lengths=lengths)[0].sum().backward()

    parts: dict[str, Callable[[], None]] = {
        "embeddings": lambda: (
            model.encoder.embedding(source.steps).sum()
            + model.decoder.embedding(batch.before).sum()
        ).backward(),
        "encoder": layer(model.encoder, x, source.lengths),
        "decoder": layer(model.decoder, y, batch.lengths),
        "readout": lambda: F.cross_entropy(model.readout(mixed), wanted).backward(),
    }
    return {**parts, "attention": attend} if model.attention else parts


def medians(works: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Seconds of each, in turns; three more rounds come before and are left out."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + 3):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found[3:]) for name, found in times.items()}


def print_beams(settings) -> None:
    """The time of five beams over one, after a little training, so that sentences end."""
    model, coder, batch = a_batch(settings)
    _, splits = TranslateRun._read(settings, lambda line: None)
    task = Translate(model, coder, settings, splits, lambda line: None)
    task.begin_pass(0)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for chunk in range(min(200, task.chunks)):
        optimizer.zero_grad()
        task.forward(chunk, None).loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        at = model.read(batch.source.steps, batch.source.lengths)
    ends = coder.ends._replace(longest=40)
    count = len(batch.source.lengths)
    works = {str(k): lambda k=k: search(model, at, count, ends, width=k) for k in (1, 5)}
    tell_beams("beams", medians(works), count)


def print_beams_of(run: TranslateRun) -> None:
    """The same of a trained run, on its test part."""
    _, name, pairs = run.examples(None, "utf-8")
    sources = [pair.source for pair in pairs[:SENTENCES]]
    works = {str(k): lambda k=k: run.translate(sources, beam=k) for k in (1, 5)}
    tell_beams(f"beams on {name}", medians(works, rounds=3), len(sources))


def tell_beams(what: str, seconds: dict[str, float], sentences: int) -> None:
    """A line: how much longer five beams take than one, and how long a sentence."""
    each = ", ".join(f"{k}: {1e3 * value / sentences:.2f}" for k, value in seconds.items())
    print(f"{what}, 5 over 1: {seconds['5'] / seconds['1']:.2f} (ms a sentence by beams {each})")


if __name__ == "__main__":
    main()
