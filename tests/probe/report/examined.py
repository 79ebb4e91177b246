"""A small network that was looked at, for all tests of the report."""

from dataclasses import replace
from functools import cache

import torch
from tests.probe.planted import ALPHABET, make_text, planted_network

from unrolled.probe.examination import Examination, examine
from unrolled.probe.subject import Looking, Subject

HOW = Looking(characters=6_000, shifts=250, lens_steps=24, language="none")
HISTORY = [
    {"step": 0, "kind": "validation", "loss": 4.0, "best": True},
    *(
        {"step": step, "kind": "train", "loss": 5 - step / 50, "gradient_norm": 2.0,
         "clipped": step // 2, "learning_rate": 0.1, "seconds": 1.0}
        for step in (20, 40, 60)
    ),
    {"step": 60, "kind": "validation", "loss": 3.0, "best": True},
    *(
        {"step": step, "kind": "lens",
         "layers": {"h (recurrent, layer 0)": {"horizon": step // 3, "norms": [1.0, 0.5]},
                    "c (recurrent, layer 0)": {"horizon": None, "norms": [1.0, 0.9]}},
         "parameters": {"readout.weight": {"norm": 2.0, "update": 1 / step},
                        "readout.bias": {"norm": 0.0, "update": None}}}
        for step in (30, 60)
    ),
]  # fmt: skip


def subject(seed=0, **changes):
    model, _ = planted_network(seed, hidden=12)
    torch.manual_seed(seed)
    torch.nn.init.normal_(model.readout.weight)
    facts = {
        "name": f"planted-{seed}", "network": model, "text": make_text(1),
        "vocabulary": "".join(ALPHABET.symbols or ()), "training": make_text(2),
        "history": HISTORY, "facts": {"cell": "lstm", "units": "12"},
    }  # fmt: skip
    return Subject(**{**facts, **changes})


@cache
def examined(seed=0) -> Examination:
    return examine(subject(seed), HOW)


def certain(seed=1) -> Examination:
    """Another one, whose units are certainly not there by chance."""
    seen = examined(seed)
    found = [replace(found, p=1e-5) for found in seen.finding.best]
    return replace(seen, finding=replace(seen.finding, best=found))


def best(seen, name):
    """The unit that follows a track, and its values."""
    (found,) = [found for found in seen.finding.best if found.track.name == name]
    return found, seen.tape.values[found.unit.source][found.unit.index]
