"""How well one course of numbers tells another: of marks the AUC, of numbers R²."""

import numpy as np


def auc(score: np.ndarray, on: np.ndarray) -> float:
    """How often, of two places, one where it is on and one where it is off, the first is higher."""
    order = np.argsort(score, kind="stable")
    _, first, counts = np.unique(score[order], return_index=True, return_counts=True)
    ranks = np.repeat(first + (counts + 1) / 2, counts)  # from 1, equal values sharing theirs
    marks = on[order]
    above = ranks[marks].sum() - marks.sum() * (marks.sum() + 1) / 2
    return float(above / (marks.sum() * (~marks).sum()))


def r_squared(read: np.ndarray, wanted: np.ndarray) -> float:
    """The share of the variance that a reading explains; below 0 if the mean would do better."""
    missed = wanted.astype(np.float64) - read
    return float(1 - (missed**2).mean() / wanted.astype(np.float64).var())
