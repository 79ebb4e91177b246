"""Each toy task has defaults of its own, and what cannot be is refused with its name."""

import pytest
from tests.tasks.toy.small import small

from unrolled.errors import SettingError, StoredSettingsError
from unrolled.tasks.registry import TASKS
from unrolled.tasks.stored_settings import settings_from_json, settings_to_json
from unrolled.tasks.toy.settings import SHORTEST, ToySettings
from unrolled.training.storage.json_text import read_json, write_json

TOYS = list(SHORTEST)


@pytest.mark.parametrize("name", TOYS)
def test_the_defaults_are_of_the_task_and_come_back_from_json(name):
    settings = TASKS[name].defaults()
    assert settings.task == name
    stored = read_json(write_json(settings_to_json(settings), place="test"))
    assert settings_from_json(ToySettings, stored, "run") == settings
    with pytest.raises(StoredSettingsError, match="task='fly' is of the wrong type"):
        settings_from_json(ToySettings, {**stored, "task": "fly"}, "run")


@pytest.mark.parametrize("name", TOYS)
def test_what_is_told_of_the_task_says_when_it_is_solved(name):
    about = TASKS[name].about()
    assert "solved" in about
    assert "19" in about or "20" in about, "the year of a paper"


@pytest.mark.parametrize(
    ("task", "name", "value", "wanted"),
    [
        ("latch", "hidden_size", 0, "more than 0"),
        ("latch", "hidden_size", 2**17, "65536 at most"),
        ("latch", "num_layers", 1025, "1024 at most"),
        ("latch", "batch_size", -1, "more than 0"),
        ("latch", "length", 2**17, "65536 at most"),
        ("latch", "length", 2, "3 or more for latch"),
        ("adding", "length", 1, "2 or more for adding"),
        ("temporal-order", "length", 9, "10 or more for temporal-order"),
        ("copy", "length", 0, "more than 0"),
        ("temporal-order", "shortest", 9, "10 or more for temporal-order"),
        ("temporal-order", "shortest", 13, "at most length=12"),
        ("copy", "shortest", -1, "1 or more for copy"),
        ("copy", "epochs", 3, "none: each step draws new sequences. Give steps or minutes"),
    ],
)
def test_settings_that_cannot_be_are_refused(task, name, value, wanted):
    with pytest.raises(SettingError, match=f"^{name}={value} cannot be; wanted {wanted}"):
        small(task, None, **{name: value})
