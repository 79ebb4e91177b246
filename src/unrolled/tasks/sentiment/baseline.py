"""What a model of texts is measured against: the commonest label, and a bag of words."""

from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np

from unrolled.data.examples.kinds import Labelled
from unrolled.data.examples.splits import Splits
from unrolled.errors import MissingExtraError

STRENGTHS = (0.3, 1.0, 3.0, 10.0)  # of the fit (C); the best on the validation part is taken
ITERATIONS = 2_000


def commonest_label(examples: Sequence[Labelled]) -> str:
    """The label that most examples have."""
    labels = [example.label for example in examples]
    return max(sorted(set(labels)), key=labels.count)


def bag_of_words(splits: Splits[Labelled], texts: Sequence[str]) -> list[str]:
    """The labels that logistic regression on weighted counts of words gives to some texts.

    Words and pairs of words, weighted by tf-idf with logarithms of counts, learned from the same
    training part.

    Args:
        splits: The examples to learn from, and to choose the strength of the fit by.
        texts: The texts.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    if find_spec("sklearn") is None:
        raise MissingExtraError(what="The baseline", package="scikit-learn", extra="text")
    # Only here: it takes a second to load, and nothing else needs it.
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    counts = words.fit_transform([example.text for example in splits.train])
    labels = [example.label for example in splits.train]
    checked = words.transform([example.text for example in splits.validation])
    known = np.array([example.label for example in splits.validation])
    fits = [LogisticRegression(C=c, max_iter=ITERATIONS).fit(counts, labels) for c in STRENGTHS]
    best = max(fits, key=lambda fit: float((fit.predict(checked) == known).mean()))
    return best.predict(words.transform(texts)).tolist()


def macro_f1(known: Sequence[str], said: Sequence[str]) -> float:
    """The mean over labels of F1, the harmonic mean of precision and recall of each."""
    found: list[float] = []
    for label in sorted({*known}):
        right = sum(k == s == label for k, s in zip(known, said, strict=True))
        found.append(2 * right / ([*known].count(label) + [*said].count(label)))
    return sum(found) / len(found)
