"""Lines packed into passages, and what of them is masked (Devlin et al. 2018, section 3.1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from unrolled.data.batches import padded
from unrolled.data.tokenizer import BERT_SPECIAL, CLASS, MASK, SEPARATOR, Tokenizer

MASKED, RANDOM = 0.8, 0.1  # of what is to be guessed; the rest stays as it is
FOLLOWING = 0.5  # of the second halves


class Passage(NamedTuple):
    """One or two blocks of a text, between the symbols that BERT wants around them."""

    numbers: np.ndarray
    segments: np.ndarray
    follows: bool


class Batch(NamedTuple):
    """Passages side by side, with some symbols masked."""

    symbols: Tensor  # B x T
    segments: Tensor  # B x T
    lengths: Tensor  # B
    chosen: Tensor  # B x T: where a symbol is to be guessed
    wanted: Tensor  # of these, one row after the other, what they are
    follows: Tensor  # B: 0 where the second half followed the first, as the published heads have it


def packed(lines: Iterable[np.ndarray], room: int) -> list[np.ndarray]:
    """Lines one after the other in blocks of at most `room` symbols; only longer lines are cut."""
    blocks: list[np.ndarray] = []
    open_block: list[np.ndarray] = []
    size = 0
    for line in lines:
        for piece in np.split(line, range(room, len(line), room)):
            if size + len(piece) > room:
                blocks.append(np.concatenate(open_block))
                open_block, size = [], 0
            open_block.append(piece)
            size += len(piece)
    return [*blocks, np.concatenate(open_block)] if size else blocks


@dataclass(frozen=True)
class Passages:
    """A part of a text, as it is read."""

    blocks: Sequence[np.ndarray]
    marks: np.ndarray
    """The numbers of [CLS], [SEP] and [MASK]."""
    symbols: int
    """How many there are in all; those from `len(BERT_SPECIAL)` on stand for text."""
    in_pairs: bool

    @classmethod
    def of(cls, lines: Sequence[str], tokenizer: Tokenizer, context: int, *, in_pairs: bool):
        """The passages of some lines.

        Args:
            lines: With their ends.
            tokenizer: What numbers them.
            context: The most symbols of a passage.
            in_pairs: Whether a passage is two blocks, of which the second may follow the first.
        """
        room = (context - 3) // 2 if in_pairs else context - 2
        marks = np.array([tokenizer.special(name) for name in (CLASS, SEPARATOR, MASK)])
        return cls(packed(tokenizer.encode(lines), room), marks, len(tokenizer), in_pairs)

    def __len__(self) -> int:
        return len(self.blocks) // 2 if self.in_pairs else len(self.blocks)

    def lengths(self) -> np.ndarray:
        """Of each passage, about: its second half may be another."""
        sizes = np.array([len(block) for block in self.blocks])
        return sizes[0::2][: len(self)] + sizes[1::2] + 3 if self.in_pairs else sizes + 2

    def passage(self, row: int, draws: np.random.Generator) -> Passage:
        """One of them; where there are pairs, half have a second block from anywhere else."""
        begin, end, _ = self.marks
        if not self.in_pairs:
            numbers = np.concatenate([[begin], self.blocks[row], [end]])
            return Passage(numbers, np.zeros_like(numbers), follows=True)
        second = 2 * row + 1
        follows = draws.random() < FOLLOWING
        if not follows:
            second = (second + int(draws.integers(1, len(self.blocks)))) % len(self.blocks)
        halves = [begin], self.blocks[2 * row], [end], self.blocks[second], [end]
        numbers = np.concatenate(halves)
        segments = (np.arange(len(numbers)) >= len(self.blocks[2 * row]) + 2).astype(np.int64)
        return Passage(numbers, segments, follows)

    def masked(
        self, numbers: np.ndarray, share: float, draws: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """A passage in which symbols are masked, and where they are; at least one is."""
        (text,) = np.nonzero(~np.isin(numbers, self.marks))
        count = max(1, round(share * len(text)))
        chosen = draws.permutation(text)[:count]
        kinds = draws.random(count)
        others = draws.integers(len(BERT_SPECIAL), max(self.symbols, len(BERT_SPECIAL) + 1), count)
        changed = numbers.copy()
        changed[chosen] = np.select(
            [kinds < MASKED, kinds < MASKED + RANDOM], [self.marks[2], others], numbers[chosen]
        )
        return changed, np.isin(np.arange(len(numbers)), chosen)

    def batch(self, rows: Sequence[int] | np.ndarray, share: float, seed: tuple[int, ...]) -> Batch:
        """Some passages side by side.

        Args:
            rows: Which.
            share: Of their symbols that are to be guessed.
            seed: What is drawn for a passage follows from it and the passage's number.
        """
        given: list[np.ndarray] = []
        places: list[np.ndarray] = []
        passages: list[Passage] = []
        for row in rows:
            draws = np.random.default_rng((*seed, int(row)))
            passages.append(self.passage(int(row), draws))
            for part, into in zip(
                self.masked(passages[-1].numbers, share, draws), (given, places), strict=True
            ):
                into.append(part)
        symbols = padded(given)
        chosen, segments, wanted = (
            padded(part).steps.t()
            for part in (places, [p.segments for p in passages], [p.numbers for p in passages])
        )
        follows = torch.tensor([int(not passage.follows) for passage in passages])
        chosen = chosen.bool()
        return Batch(symbols.steps.t(), segments, symbols.lengths, chosen, wanted[chosen], follows)
