"""Every task trains and goes on on a GPU, and what it measures there is what a CPU measures."""

from dataclasses import asdict

import pytest
import torch

import unrolled
from unrolled.tasks.computing import compute_on
from unrolled.training.settings import TrainSettings

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

SENTENCES = [f"the {'good bad'.split()[n % 2]} dog saw cat{n % 7} in {n}" for n in range(300)]
ALIKE = {"hidden_size": 32, "batch_size": 16, "steps": 30, "evaluate_every": 30}
NUMBERS = [f"{step},{step % 12},{'up' if step // 20 % 2 else 'down'}" for step in range(600)]
FILES = {
    "text.txt": SENTENCES,
    "labelled.csv": ["text,label", *(f"{line},{line.split()[1]}" for line in SENTENCES)],
    "tagged.conll": [f"{line.replace(' ', '/A ')}/B" for line in SENTENCES],
    "pairs.tsv": [f"{line}\t{line.upper()}" for line in SENTENCES],
    "numbers.csv": ["step,value,kind", *NUMBERS],
}
TRAINED = [
    ("char-lm", "text.txt", {"bptt": 16}),
    ("char-lm", "text.txt", {"bptt": 16, "model": "gpt2"}),
    ("masked-lm", "text.txt", {"unit": "words", "next_sentence": True}),
    ("sentiment", "labelled.csv", {"bidirectional": True}),
    ("sentiment", "labelled.csv", {"model": "bert"}),
    ("tag", "tagged.conll", {}),
    ("tag", "tagged.conll", {"model": "bert"}),
    ("translate", "pairs.tsv", {"attention": "additive", "beam": 2, "teacher_forcing": 0.5}),
    ("translate", "pairs.tsv", {"model": "transformer", "beam": 2}),
    ("series", "numbers.csv", {"target": ("value",)}),
]


def fractions(figures):
    """All floats in figures, in whatever they are kept."""
    if isinstance(figures, float):
        return [figures]
    parts = figures.values() if isinstance(figures, dict) else figures
    return [] if isinstance(parts, str | int | None) else sum(map(fractions, parts), [])


def test_auto_is_a_gpu():
    assert compute_on(TrainSettings()) == torch.device("cuda")


@pytest.mark.parametrize(("task", "data", "settings"), TRAINED)
def test_a_task_trains_goes_on_and_measures(tmp_path, task, data, settings):
    (tmp_path / data).write_text("\n".join(FILES[data]) + "\n")
    out = tmp_path / "run"
    unrolled.train(task, tmp_path / data, **ALIKE, **settings, device="cuda", out=out)
    run = unrolled.resume(out, steps=60)
    assert next(run.model.parameters()).is_cuda
    there = fractions(asdict(run.evaluate()))
    run.model.cpu()
    here = fractions(asdict(run.evaluate()))
    assert there == pytest.approx(here, rel=1e-3, abs=1e-3) and there
