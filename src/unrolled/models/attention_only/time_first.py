"""BERT behind the calls of its recurrent siblings, `ManyToOne` and `Tagger`: time first."""

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from unrolled.models.attention_only.bert import Bert, BertShape
from unrolled.models.attention_only.bert_heads import SentenceClassifier, TokenClassifier


class BertManyToOne(nn.Module):
    """One answer to a whole sequence, which begins with a symbol that stands for all of it."""

    def __init__(self, shape: BertShape, output_size: int) -> None:
        """Make the model.

        Args:
            shape: BERT's sizes.
            output_size: Y, the number of classes.

        Raises:
            OptionTypeError: A size is no whole number.
            OptionError: A size is impossible.
        """
        super().__init__()
        self.classifier = SentenceClassifier(shape, output_size)

    @property
    def bert(self) -> Bert:
        """What reads, below the answer."""
        return self.classifier.bert

    def forward(
        self, x: Int[Tensor, "T B"], state: Any = None, *, lengths: Int[Tensor, " B"] | None = None
    ) -> tuple[Float[Tensor, "B Y"], Any]:
        """The answer to each sequence, and the state as it came: nothing is carried.

        Args:
            x: Symbols.
            state: Anything.
            lengths: How long each sequence is; None: all of T.
        """
        return self.classifier(x.t(), lengths=lengths), state


class BertTagger(nn.Module):
    """A tag for each word of a sentence, read at its first piece (Devlin et al. 2018, 5.3)."""

    def __init__(self, shape: BertShape, output_size: int) -> None:
        """Make the model.

        Args:
            shape: BERT's sizes.
            output_size: Y, the number of tags.

        Raises:
            OptionTypeError: A size is no whole number.
            OptionError: A size is impossible.
        """
        super().__init__()
        self.classifier = TokenClassifier(shape, output_size)

    @property
    def bert(self) -> Bert:
        """What reads, below the answers."""
        return self.classifier.bert

    def forward(
        self,
        pieces: Int[Tensor, "P B"],
        firsts: Int[Tensor, "T B"],
        *,
        lengths: Int[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "T B Y"]:
        """The scores of each tag for each word.

        Args:
            pieces: Of words, one sentence in each column.
            firsts: Where the first piece of each word stands; beyond the last word anything.
            lengths: How many pieces each sentence has; None: all of P.
        """
        scores = self.classifier(pieces.t(), lengths=lengths).transpose(0, 1)  # P B Y
        return scores.gather(0, firsts.unsqueeze(-1).expand(-1, -1, scores.shape[-1]))
