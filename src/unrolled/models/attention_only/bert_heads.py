"""What BERT is trained on, and what it is then used for (Devlin et al. 2018, sections 3.1, 3.2)."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled.layers.options import check_whole
from unrolled.models.attention_only.bert import EPSILON, Bert, BertShape, start_weights
from unrolled.models.attention_only.symbols import Lengths
from unrolled.models.linear import Linear, linear


class MaskedScores(NamedTuple):
    """Scores (logits) of the two tasks that BERT is pretrained on."""

    symbols: Float[Tensor, "B T V"]
    next_sentence: Float[Tensor, "B 2"] | None  # follows, follows not; None without that head


class MaskedModel(nn.Module):
    """Each symbol guessed from all; and whether the second segment followed the first, if asked."""

    def __init__(self, shape: BertShape, *, has_next_sentence: bool = False) -> None:
        """Make the model.

        Args:
            shape: BERT's sizes.
            has_next_sentence: Whether it is trained on sentences that may follow each other.

        Raises:
            OptionTypeError: A size is no whole number.
            OptionError: A size is impossible.
        """
        super().__init__()
        self.bert = Bert(shape, has_pooler=has_next_sentence)
        self.transform = Linear(shape.width, shape.width)
        self.transform_norm = nn.LayerNorm(shape.width, eps=EPSILON)
        self.bias = nn.Parameter(torch.zeros(shape.vocabulary_size))  # the matrix is the embedding
        self.next_sentence = Linear(shape.width, 2) if has_next_sentence else None
        for head in (self.transform, self.next_sentence):
            if head is not None:
                start_weights(head)

    def forward(
        self,
        symbols: Int[Tensor, "B T"],
        segments: Int[Tensor, "B T"] | None = None,
        lengths: Lengths = None,
    ) -> MaskedScores:
        """The scores; arguments and errors are those of `Bert`."""
        encoded, pooled = self.bert(symbols, segments, lengths)
        follows = None if self.next_sentence is None else self.next_sentence(pooled)
        return MaskedScores(self.readout(encoded), follows)

    def readout(self, encoded: Float[Tensor, "*any C"]) -> Float[Tensor, "*any V"]:
        """The scores (logits) of some of what `bert` makes of symbols: few of them are masked."""
        transformed = self.transform_norm(F.gelu(self.transform(encoded)))
        return linear(transformed, self.bert.embedding.weight, self.bias)


class SentenceClassifier(nn.Module):
    """A class for a sequence, or for a pair of them as two segments."""

    def __init__(self, shape: BertShape, num_classes: int) -> None:
        """Make the model.

        Args:
            shape: BERT's sizes.
            num_classes: Y.

        Raises:
            OptionTypeError: A size is no whole number.
            OptionError: A size is impossible.
        """
        super().__init__()
        check_whole("SentenceClassifier", "num_classes", num_classes, least=1)
        self.bert = Bert(shape)
        self.dropout = nn.Dropout(shape.dropout)
        self.classifier = Linear(shape.width, num_classes)
        start_weights(self.classifier)

    def forward(
        self,
        symbols: Int[Tensor, "B T"],
        segments: Int[Tensor, "B T"] | None = None,
        lengths: Lengths = None,
    ) -> Float[Tensor, "B Y"]:
        """The scores (logits) of the classes; arguments and errors are those of `Bert`."""
        return self.classifier(self.dropout(self.bert(symbols, segments, lengths).pooled))


class TokenClassifier(nn.Module):
    """A class for each symbol, such as the kind of name that a word is part of."""

    def __init__(self, shape: BertShape, num_classes: int) -> None:
        """Make the model.

        Args:
            shape: BERT's sizes.
            num_classes: Y.

        Raises:
            OptionTypeError: A size is no whole number.
            OptionError: A size is impossible.
        """
        super().__init__()
        check_whole("TokenClassifier", "num_classes", num_classes, least=1)
        self.bert = Bert(shape, has_pooler=False)
        self.dropout = nn.Dropout(shape.dropout)
        self.classifier = Linear(shape.width, num_classes)
        start_weights(self.classifier)

    def forward(
        self,
        symbols: Int[Tensor, "B T"],
        segments: Int[Tensor, "B T"] | None = None,
        lengths: Lengths = None,
    ) -> Float[Tensor, "B T Y"]:
        """The scores (logits) of the classes; arguments and errors are those of `Bert`."""
        return self.classifier(self.dropout(self.bert(symbols, segments, lengths).symbols))
