"""Threads that share even the smallest run."""

from contextlib import contextmanager

import torch

from unrolled.runtime import kernel


@contextmanager
def company(patch, threads):
    """So many threads, for whom nothing is too small: rows are split, or units if rows are few.

    Args:
        patch: A monkeypatch, which takes its changes back by itself.
        threads: How many.
    """
    patch.setattr(kernel, "WORTH_A_SLICE", 1)
    patch.setattr(kernel, "WORTH_MEETING", 1)
    patch.setattr(kernel, "WORTH_A_TEAM", 0)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
