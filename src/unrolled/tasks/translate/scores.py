"""How good translations are, and the translations of a memory to compare them with."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from unrolled.data.examples.kinds import Pair
from unrolled.errors import MissingExtraError

_SPACELESS = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
"""Scripts that are written without spaces, as Unicode's names of their characters begin."""


@dataclass(frozen=True)
class Scores:
    """Figures on translations, by sacrebleu (Post 2018)."""

    exact: float
    """The share that is letter for letter as wanted."""
    bleu: float
    """0 to 100 (Papineni et al. 2002)."""
    chrf: float
    """0 to 100: F2 of runs of up to 6 characters (Popović 2015)."""

    @classmethod
    def of(cls, said: Sequence[str], wanted: Sequence[str]) -> "Scores":
        """The scores of some translations.

        Raises:
            MissingExtraError: sacrebleu is not installed.
        """
        metrics = _metrics()
        right = sum(s == w for s, w in zip(said, wanted, strict=True))
        bleu = metrics.BLEU(tokenize=words_by(wanted), force=True).corpus_score(
            [*said], [[*wanted]]
        )
        chrf = metrics.CHRF().corpus_score([*said], [[*wanted]])
        return cls(right / len(wanted), bleu.score, chrf.score)


def each_chrf(said: Sequence[str], wanted: Sequence[str]) -> list[float]:
    """The chrF of each translation.

    Raises:
        MissingExtraError: sacrebleu is not installed.
    """
    chrf = _metrics().CHRF()
    return [chrf.sentence_score(s, [w]).score for s, w in zip(said, wanted, strict=True)]


def _metrics() -> Any:
    try:
        from sacrebleu import metrics
    except ImportError:
        raise MissingExtraError(what="BLEU and chrF", package="sacrebleu", extra="text") from None
    return metrics


def words_by(sentences: Sequence[str]) -> Literal["13a", "char"]:
    """How BLEU counts words: as the WMT does, or each character where a script has no spaces."""
    letters = [letter for sentence in sentences for letter in sentence if letter.isalpha()]
    spaceless = sum(unicodedata.name(each, "").startswith(_SPACELESS) for each in letters)
    return "char" if 2 * spaceless > len(letters) else "13a"


def remembered(train: Sequence[Pair], sources: Sequence[str]) -> list[str]:
    """For each source the target of the most similar source of a training part.

    Similar is what has the same runs of three characters, weighted by how rare these are: what a
    translator's memory of old translations would propose; nothing if none of them occurs.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
    except ImportError:
        raise MissingExtraError(
            what="Translation memories", package="scikit-learn", extra="text"
        ) from None
    counts = TfidfVectorizer(analyzer="char", ngram_range=(3, 3), min_df=1, lowercase=False)
    known = counts.fit_transform([f"  {pair.source}  " for pair in train])
    found: list[str] = []
    for start in range(0, len(sources), TOGETHER):
        some = counts.transform([f"  {source}  " for source in sources[start : start + TOGETHER]])
        likeness = (some @ known.T).toarray()
        best = zip(likeness.argmax(1), likeness.max(1), strict=True)
        found += [train[row].target if alike else "" for row, alike in best]
    return found


TOGETHER = 256  # sentences compared with all others at once
