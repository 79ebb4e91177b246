"""Evaluations of a few sequences, so that tiny runs stay tiny."""

import pytest

from unrolled.tasks.toy import task


@pytest.fixture(autouse=True)
def short_looks(monkeypatch):
    monkeypatch.setattr(task, "FIRST_LOOK", 40)
    monkeypatch.setattr(task, "SECOND_LOOK", 100)
