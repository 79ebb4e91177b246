"""The toy tasks as a table: how sequences are drawn, how answered, when an answer is wrong."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from unrolled.models.in_step import InStep
from unrolled.models.many_to_one import ManyToOne
from unrolled.training.task import NATS, SQUARED_ERROR, Unit

COPIED, KINDS = 10, 8  # symbols of copy, and of how many kinds they are
BLANK, BEGIN = KINDS, KINDS + 1
NEAR_ENOUGH = 0.04  # of the sum of adding
HELD, NOISE = 3, 0.2  # steps of latch with its class; standard deviation
LONGEST_SHOWN = 60  # symbols of a sequence


class Batch(NamedTuple):
    """Sequences, T x B x X or whole numbers T x B, and what is to be answered, B or T x B."""

    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class Answer:
    """How a model answers, and how that is judged; scores are B x Y, or T x B x Y in step."""

    model: type[ManyToOne] | type[InStep]
    unit: Unit
    loss: Callable[[Tensor, Tensor, str], Tensor]
    """Of scores and y: their "mean" or their "sum"."""
    wrong: Callable[[Tensor, Tensor], Tensor]
    """Which sequences of a batch are answered wrongly (B)."""


CLASS = Answer(
    ManyToOne,
    NATS,
    lambda scores, y, reduction: F.cross_entropy(scores, y, reduction=reduction),
    lambda scores, y: scores.argmax(-1) != y,
)
NUMBER = Answer(
    ManyToOne,
    SQUARED_ERROR,
    lambda scores, y, reduction: F.mse_loss(scores.squeeze(-1), y, reduction=reduction),
    lambda scores, y: ~((scores.squeeze(-1) - y).abs() <= NEAR_ENOUGH),  # NaN is not near
)
CLASSES = Answer(
    InStep,
    NATS,
    lambda scores, y, reduction: F.cross_entropy(
        scores.flatten(0, -2), y.flatten(), reduction=reduction
    ),
    lambda scores, y: (scores.argmax(-1) != y)[-COPIED:].any(0),
)


@dataclass(frozen=True)
class Problem:
    """A toy task."""

    draw: Callable[[np.random.Generator, int, int], Batch]
    """Sequences of a length, so many."""
    input_size: int
    output_size: int
    answer: Answer
    baseline: Callable[[int], float]
    """The loss of who remembers nothing, on sequences of so many steps."""
    show: Callable[[Batch, Tensor], str]
    """A batch of one sequence, and the scores it gets, in a line."""


def draw_adding(chance: np.random.Generator, length: int, batch: int) -> Batch:
    """Numbers and marks, and the sum of the marked ones."""
    half, rows = length // 2, np.arange(batch)
    x = np.zeros((length, batch, 2), np.float32)
    x[..., 0] = chance.random((length, batch), np.float32)
    places = chance.integers([[0], [half]], [[half], [length]], size=(2, batch))
    x[places, rows, 1] = 1
    return Batch(torch.from_numpy(x), torch.from_numpy(x[places, rows, 0].sum(0)))


def draw_copy(chance: np.random.Generator, length: int, batch: int) -> Batch:
    """Ten symbols, blanks with the sign to begin as the last, and ten steps of blanks."""
    symbols = chance.integers(KINDS, size=(COPIED, batch))
    x, y = np.full((2, length + 2 * COPIED, batch), BLANK)
    x[:COPIED], x[-COPIED - 1], y[-COPIED:] = symbols, BEGIN, symbols
    return Batch(torch.from_numpy(x), torch.from_numpy(y))


def draw_temporal_order(chance: np.random.Generator, length: int, batch: int) -> Batch:
    """A or B (0 or 1) in the second and in the sixth tenth, distractors (2 to 5) elsewhere."""
    tenth = length // 10
    places = chance.integers(tenth, size=(2, batch)) + np.array([[tenth], [length // 2]])
    signals = chance.integers(2, size=(2, batch))
    x = chance.integers(2, 6, size=(length, batch))
    x[places, np.arange(batch)] = signals
    return Batch(torch.from_numpy(x), torch.from_numpy(2 * signals[0] + signals[1]))


def draw_latch(chance: np.random.Generator, length: int, batch: int) -> Batch:
    """+1 or -1 at three steps, and noise at all."""
    classes = chance.integers(2, size=batch)
    x = NOISE * chance.standard_normal((length, batch, 1), np.float32)
    x[:HELD, :, 0] += 2 * classes - 1
    return Batch(torch.from_numpy(x), torch.from_numpy(classes))


def show_adding(batch: Batch, scores: Tensor) -> str:
    """The sum, and the sum that is answered."""
    first, second = batch.x[batch.x[..., 1] == 1, 0].tolist()
    return f"{first:.2f} + {second:.2f} = {float(batch.y):.2f}, answered {float(scores):.2f}"


def show_copy(batch: Batch, scores: Tensor) -> str:
    """The symbols, and what is recalled of them: blanks are dots."""
    rows = batch.y[-COPIED:], scores.argmax(-1)[-COPIED:]
    wanted, got = ("".join("01234567.!"[int(symbol)] for symbol in row) for row in rows)
    return f"{wanted}, recalled {got}"


def show_temporal_order(batch: Batch, scores: Tensor) -> str:
    """The sequence (if it is long, what lies around its signals), its class, the one answered."""
    text = "".join("ABcdef"[symbol] for symbol in batch.x[:, 0])
    if len(text) > LONGEST_SHOWN:
        places = (batch.x[:, 0] < 2).nonzero().flatten().tolist()
        text = "...".join(["", *(text[place - 5 : place + 6] for place in places), ""])
    wanted, got = (("AA", "AB", "BA", "BB")[int(each)] for each in (batch.y, scores.argmax(-1)))
    return f"{text} is {wanted}, answered {got}"


def show_latch(batch: Batch, scores: Tensor) -> str:
    """The first numbers, the class, and the one answered."""
    numbers = " ".join(f"{number:+.1f}" for number in batch.x[: HELD + 3].flatten())
    wanted, got = ("-+"[int(each)] for each in (batch.y, scores.argmax(-1)))
    return f"{numbers} ... is {wanted}, answered {got}"


PROBLEMS: dict[str, Problem] = {
    "adding": Problem(draw_adding, 2, 1, NUMBER, lambda steps: 1 / 6, show_adding),
    "copy": Problem(
        draw_copy, KINDS + 2, KINDS + 2, CLASSES,
        lambda steps: COPIED * math.log(KINDS) / steps, show_copy,
    ),
    "temporal-order": Problem(
        draw_temporal_order, 6, 4, CLASS, lambda steps: math.log(4), show_temporal_order
    ),
    "latch": Problem(draw_latch, 1, 2, CLASS, lambda steps: math.log(2), show_latch),
}  # fmt: skip
