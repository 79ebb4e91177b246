"""A tag for each word of a sentence, from the words around it and from its own letters."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unrolled.lang.cell import Cell
from unrolled.models.encoder import Encoder, Shape
from unrolled.models.in_step import InStep


class Spelled(NamedTuple):
    """The different words of some sentences, letter by letter."""

    letters: Int[Tensor, "L N"]
    lengths: Int[Tensor, " N"]
    places: Int[Tensor, "T B"]
    """Which of the N words stands where; anything beyond the end of a sentence."""


class Spelling(Encoder):
    """A vector for each word: where layers end that read its letters (Ling et al. 2015)."""

    def forward(self, spelled: Spelled) -> Float[Tensor, "T B D"]:
        """The vectors of all words of some sentences; each different word is read once."""
        _, state = self.encode(spelled.letters, lengths=spelled.lengths)
        return self.last(state)[spelled.places]


class Tagger(nn.Module):
    """Vectors of words and of their spellings, and layers of any cell that answer in step."""

    def __init__(
        self,
        cell: Cell,
        shape: Shape,
        output_size: int,
        *,
        letters: int = 0,
        spelling_size: int = 0,
    ) -> None:
        """Make the model.

        Args:
            cell: The equations of its layers.
            shape: Its sizes; `input_size` is how many words there are.
            output_size: Y, the number of tags.
            letters: How many letters there are.
            spelling_size: Width of what reads the letters, each way; 0: words alone count.

        Raises:
            OptionError: A size is impossible.
            SizeError: The sizes break an equation of the cell.
        """
        super().__init__()
        width = shape.embedding_size
        self.words = nn.Embedding(shape.input_size, width)
        self.dropout = nn.Dropout(shape.dropout)
        self.spelling = None
        if spelling_size:
            read = Shape(letters, spelling_size, embedding_size=spelling_size, bidirectional=True)
            self.spelling = Spelling(cell, read)
            width += self.spelling.output_size
        vectors = Shape(
            width, shape.hidden_size, shape.num_layers, bidirectional=shape.bidirectional,
            dropout=shape.dropout,
        )  # fmt: skip
        self.tags = InStep(cell, vectors, output_size)

    def forward(
        self,
        words: Int[Tensor, "T B"],
        spelled: Spelled | None = None,
        *,
        lengths: Int[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "T B Y"]:
        """The scores of each tag for each word.

        Args:
            words: Whole numbers.
            spelled: Their letters, if the model reads these.
            lengths: How long each sentence is; None: all of T.
        """
        vectors = self.words(words)
        if self.spelling is not None and spelled is not None:
            vectors = torch.cat([vectors, self.spelling(spelled)], dim=-1)
        scores, _ = self.tags(self.dropout(vectors), lengths=lengths)
        return scores
