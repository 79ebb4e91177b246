"""A character model that is trained once for all tests that only look at one."""

import pytest
from tests.tasks.tiny_text import book, tiny

from unrolled.tasks.char_lm import run as char_lm
from unrolled.tasks.char_lm import task


@pytest.fixture(autouse=True, scope="session")
def short_samples():
    """Samples are drawn character by character, which takes most of the time of a tiny run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task, "SAMPLE_LENGTH", 20)
        yield


@pytest.fixture(scope="session")
def trained(tmp_path_factory, short_samples):
    """A run, of which no test changes anything."""
    folder = tmp_path_factory.mktemp("trained")
    changes = {"steps": 60, "learning_rate": 0.05, "evaluate_every": 30}
    return char_lm.train(tiny(book(folder), folder / "run", **changes))
