"""A folder with a text and a run, in which the command is tried."""

import shutil

import pytest
from tests.tasks.tiny_text import BOOK, book, tiny

from unrolled.cli import main, reports
from unrolled.tasks.char_lm import run as char_lm
from unrolled.tasks.char_lm import task


@pytest.fixture(autouse=True, scope="session")
def short_samples():
    """Samples take most of the time of a tiny run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task, "SAMPLE_LENGTH", 20)
        patch.setattr(reports, "_SAMPLE", 40)
        yield


@pytest.fixture(scope="session")
def made(tmp_path_factory, short_samples):
    """The folder as it is before a test."""
    folder = tmp_path_factory.mktemp("command")
    char_lm.train(tiny(book(folder), folder / "run"))
    return folder


@pytest.fixture
def here(made, tmp_path, monkeypatch):
    """The working folder of a test: book.txt, and a run called run."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    config = tmp_path / "run" / "config.json"
    config.write_text(config.read_text().replace(str(made), str(tmp_path)))
    monkeypatch.chdir(tmp_path)
    assert (tmp_path / "book.txt").read_text() == BOOK
    return tmp_path


@pytest.fixture
def unrolled(capsys):
    """The command: its exit code, what it printed, what it complained of."""

    def command(line, *more):
        code = main([*line.split(), *more])
        return code, *capsys.readouterr()

    return command
