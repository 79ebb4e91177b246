"""A model of tagged sentences as a file: words and their letters in, the scores of tags out."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unrolled.errors import OnnxError
from unrolled.models.tagger import Spelled, Tagger
from unrolled.tasks.export_call import ExportCall, draw_lengths, draw_symbols
from unrolled.tasks.tag.coder import Coder
from unrolled.tasks.tag.pieces import PieceCoder
from unrolled.tasks.tag.task import Model
from unrolled.tasks.texts.bert import LIMITED

_WORDS = """
def number(known, name):
    return known.index(name) if name in known else 0


words, tags = (json.loads(facts[f"unrolled.{{name}}"]) for name in ("words", "labels"))
sentence = "The old man the boat .".split()
given = {{
    "words": np.array([[number(words, word{folded})] for word in sentence]),  # T x B
    "lengths": np.array([len(sentence)]),
}}
"""
_LETTERS = """letters, longest = json.loads(facts["unrolled.letters"]), max(map(len, sentence))
spelled = [[number(letters, letter) for letter in word.ljust(longest)] for word in sentence]
given |= {
    "letters": np.array(spelled).T,  # L x N, of N different words
    "letter_lengths": np.array([len(word) for word in sentence]),
    "places": np.arange(len(sentence)).reshape(-1, 1),  # T x B: which of the N stands where
}
"""
_TAGS = """(scores,) = session.run(None, given)
print([tags[row.argmax()] for row in scores[:, 0]])
"""


class TagScores(nn.Module):
    """A tagger that takes all that it reads one by one."""

    def __init__(self, model: Tagger) -> None:
        """Take the model.

        Args:
            model: The model.
        """
        super().__init__()
        self.model = model

    def forward(
        self,
        words: Int[Tensor, "T B"],
        lengths: Int[Tensor, " B"],
        letters: Int[Tensor, "L N"] | None = None,
        letter_lengths: Int[Tensor, " N"] | None = None,
        places: Int[Tensor, "T B"] | None = None,
    ) -> Float[Tensor, "T B Y"]:
        """The scores of each tag for each word."""
        if letters is None or letter_lengths is None or places is None:
            return self.model(words, lengths=lengths)
        return self.model(words, Spelled(letters, letter_lengths, places), lengths=lengths)


def export_call(model: Model, coder: Coder | PieceCoder, *, lowercase: bool) -> ExportCall:
    """A tagger as it is called for many sentences side by side.

    Args:
        model: The model.
        coder: What numbers words, letters and tags.
        lowercase: Whether words are looked up in small letters.

    Raises:
        OnnxError: The model is not recurrent.
    """
    if not isinstance(model, Tagger) or not isinstance(coder, Coder):
        raise OnnxError(model=type(model).__name__, reason=LIMITED)
    spelling = model.spelling is not None

    def draw(chance: torch.Generator, steps: int, batch: int) -> dict[str, Tensor]:
        words = draw_symbols(chance, len(coder.words) + 1, steps, batch)
        given = {"words": words, "lengths": draw_lengths(chance, steps, batch)}
        if not spelling:
            return given
        different, longest = steps + batch, batch + 1
        return given | {
            "letters": draw_symbols(chance, len(coder.letters) + 1, longest, different),
            "letter_lengths": draw_lengths(chance, longest, different),
            "places": draw_symbols(chance, different, steps, batch),
        }

    folded = ".lower()" if lowercase else ""
    usage = _WORDS.format(folded=folded) + _LETTERS * spelling + _TAGS
    axes = {"letters": "L N", "letter_lengths": "N"} if spelling else {}
    codes = {"words": [None, *coder.words], "letters": [None, *coder.letters]}
    return ExportCall(
        TagScores(model), draw, outputs=["scores"], usage=usage, axes=axes,
        codes={**codes, "labels": coder.tags, "lowercase": lowercase},
    )  # fmt: skip
