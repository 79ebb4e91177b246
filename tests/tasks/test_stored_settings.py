"""Settings come back from JSON as they were, or are refused with the run and the reason."""

import copy
import math
import random
from pathlib import Path

import pytest

from unrolled.errors import StoredSettingsError
from unrolled.tasks.char_lm.settings import CharLMSettings
from unrolled.tasks.stored_settings import settings_from_json, settings_to_json
from unrolled.training.settings import TrainSettings
from unrolled.training.storage.json_text import read_json, write_json

RUN = Path("runs/mine")


def stored(settings):
    """The settings as they come out of a file."""
    return read_json(write_json(settings_to_json(settings), place="test"))


@pytest.mark.parametrize(
    "settings",
    [
        CharLMSettings(),
        CharLMSettings(data="x.txt", out=Path("a/b"), bytes=True, dropout=0.25),
        CharLMSettings(training=TrainSettings(minutes=math.inf, optimizer="sgd", steps=7)),
    ],
    ids=["default", "changed", "nested"],
)
def test_settings_come_back_as_they_were(settings):
    assert settings_from_json(CharLMSettings, stored(settings), RUN) == settings


def test_whole_numbers_serve_as_floats():
    values = stored(CharLMSettings())
    values["dropout"], values["training"]["minutes"] = 0, 5
    settings = settings_from_json(CharLMSettings, values, RUN)
    assert (settings.dropout, settings.training.minutes) == (0.0, 5.0)
    assert type(settings.training.minutes) is float


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("hidden_size", "8", "hidden_size='8' is of the wrong type"),
        ("hidden_size", True, "hidden_size=True is of the wrong type"),
        ("hidden_size", 8.0, "hidden_size=8.0 is of the wrong type"),
        ("hidden_size", None, "hidden_size=None is of the wrong type"),
        ("hidden_size", 0, "hidden_size=0 cannot be"),
        ("hidden_size", 2**40, "hidden_size=1099511627776 cannot be; wanted 65536 at most"),
        ("num_layers", 10**6, "num_layers=1000000 cannot be; wanted 1024 at most"),
        ("bytes", 1, "bytes=1 is of the wrong type"),
        ("dropout", math.nan, "dropout=nan cannot be"),
        ("dropout", 10**400, "too large"),
        ("out", 3, "out=3 is of the wrong type"),
        ("training", [], "they are no object of settings"),
        ("training", {}, "'clip_norm', 'clip_value', 'device', 'epochs', .* missing or unknown"),
        ("cell", "x" * 10**6, None),
        ("cell", ["x" * 10**6], r"cell=\['x{70,80} is of the wrong type"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_value_that_cannot_be_is_named(name, value, problem):
    values = {**stored(CharLMSettings()), name: value}
    if problem is None:
        assert settings_from_json(CharLMSettings, values, RUN).cell == value
        return
    with pytest.raises(StoredSettingsError, match=problem) as raised:
        settings_from_json(CharLMSettings, values, RUN)
    assert str(raised.value).startswith("the settings in runs/mine/config.json cannot be read: ")
    assert len(str(raised.value)) < 500


def test_missing_and_unknown_settings_are_listed():
    values = stored(CharLMSettings())
    del values["bptt"]
    values["more\x1b[2J"] = 1
    with pytest.raises(StoredSettingsError, match=r"'bptt', 'more\\x1b\[2J' missing or unknown"):
        settings_from_json(CharLMSettings, values, RUN)
    with pytest.raises(StoredSettingsError, match="no object of settings"):
        settings_from_json(CharLMSettings, None, RUN)


VALUES = [
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**70, 10**400, -0.0, 0.5, 1e308, math.nan),
    *(math.inf, "", "x", "NaN", "cuda", "\x00", "é\ud800", [], [1], {}, {"a": 1}, [[[]]]),
]


def mutate(values, chance):
    """Change one setting, here or among the training's."""
    inner = values if chance.random() < 0.5 else values["training"]
    name = chance.choice(sorted(inner))
    kind = chance.randrange(8)
    if kind == 0:
        del inner[name]
    elif kind == 1:
        inner[name + "_"] = inner.pop(name)
    else:
        inner[name] = chance.choice(VALUES)


def test_three_hundred_mutations_are_refused_or_give_settings_that_hold():
    chance, refused, kinds = random.Random(0), 0, set()
    for _ in range(300):
        values = copy.deepcopy(stored(CharLMSettings()))
        mutate(values, chance)
        result = settings_or_error(read_json(write_json(values, place="test")))
        refused += isinstance(result, StoredSettingsError)
        kinds.add(type(result))
        if isinstance(result, CharLMSettings):
            assert settings_from_json(CharLMSettings, stored(result), RUN) == result
    assert kinds == {StoredSettingsError, CharLMSettings}
    assert 150 < refused < 280


def settings_or_error(values):
    try:
        return settings_from_json(CharLMSettings, values, RUN)
    except Exception as error:
        return error
