"""What stands in the page is what was seen."""

import json
import zlib
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest
from tests.probe.report.examined import examined

from unrolled.probe.report import content as module
from unrolled.probe.report.content import as_json, content
from unrolled.probe.report.passages import passages
from unrolled.probe.taps import Source
from unrolled.probe.units import units_of


@pytest.fixture(scope="module")
def made():
    return json.loads(as_json(content({"one": examined()})))["runs"][0]


def unpacked(text, dtype):
    return np.frombuffer(zlib.decompress(b64decode(text)), dtype=dtype)


def course_of(seen, found):
    return seen.tape.values[found.unit.source][found.unit.index]


def test_every_units_values_are_there_as_closely_as_255_steps_can_say_them(made):
    seen, size = examined(), len(made["text"])
    part = slice(made["start"], made["start"] + size)
    assert made["text"] == seen.text[part]
    steps = unpacked(made["values"], np.uint8).reshape(-1, size)
    names = [unit["name"] for unit in made["units"]]
    for source in (Source("recurrent", 0, "h"), Source("recurrent", 0, "c")):
        for index in range(12):
            row = names.index(f"unit {index} of {source}")
            unit, course = made["units"][row], seen.tape.values[source][index, part]
            read = unit["low"] + steps[row] * unit["step"]
            np.testing.assert_allclose(read, course, rtol=0, atol=np.ptp(course) / 254 / 2)
    assert made["missing"] == ""


def test_a_unit_that_never_changes_is_there_too():
    seen, source = examined(), Source("recurrent", 0, "h")
    values = dict(seen.tape.values)
    values[source] = np.full_like(values[source], 0.25)
    made = content({"one": replace(seen, tape=replace(seen.tape, values=values))})["runs"][0]
    unit = made["units"][0]
    assert (unit["low"], unit["step"], unit["middle"]) == (0.25, 0, 0.25)


def test_colours_of_the_text_are_those_of_the_passages(made):
    seen = examined()
    rows = {unit["name"]: unit for unit in made["units"]}
    for passage in passages(seen):
        course = course_of(seen, passage.found)
        low, middle, high = np.quantile(course[3_000:], (0.01, 0.5, 0.99))
        unit = rows[str(passage.found.unit)]
        assert unit["middle"] == pytest.approx(middle)
        assert unit["span"] == pytest.approx(max(high - middle, middle - low))
        part = slice(passage.start, passage.start + len(passage.text))
        levels = np.clip((course[part] - unit["middle"]) / unit["span"], -1, 1)
        np.testing.assert_allclose(passage.level, levels, atol=1e-5)
    for shown, passage in zip(made["passages"], passages(seen), strict=True):
        levels = unpacked(shown["level"], np.int8) / 127
        np.testing.assert_allclose(levels, passage.level, atol=1 / 250)
        np.testing.assert_array_equal(unpacked(shown["on"], np.uint8), passage.on)


def test_what_was_likely_is_there(made):
    seen, size = examined(), len(made["text"])
    part = slice(made["start"], made["start"] + size)
    likeliest = unpacked(made["likeliest"], np.uint32).reshape(size, made["best"])
    np.testing.assert_array_equal(likeliest, seen.tape.likeliest[part])
    chances = unpacked(made["probabilities"], np.uint16).reshape(size, -1) / 65_535
    np.testing.assert_allclose(chances, seen.tape.probabilities[part], atol=1e-5)
    given = unpacked(made["likelihood"], np.uint16) / 65_535
    np.testing.assert_allclose(given[1:], np.exp(seen.tape.log_likelihood[part][1:]), atol=1e-5)
    assert made["vocabulary"][likeliest[0, 0]] == seen.subject.symbols[likeliest[0, 0]]


def test_every_track_is_there_as_it_is(made):
    seen = examined()
    assert [track["name"] for track in made["tracks"]] == [track.name for track in seen.tracks]
    part = slice(made["start"], made["start"] + len(made["text"]))
    for shown, track in zip(made["tracks"], seen.tracks, strict=True):
        np.testing.assert_array_equal(unpacked(shown["values"], np.float32), track.values[part])
        on = (track.values[3_000:] == 1).sum()
        assert shown["places"] == (None if track.is_number else on)
        assert shown["above"] == pytest.approx(track.values.mean() if track.is_number else 0)
    assert {track["number"] for track in made["tracks"]} == {False, True}


def test_every_track_has_its_row(made):
    seen = examined()
    best = {found.track.name: found for found in seen.finding.best}
    known = {readable.track.name: readable.score for readable in seen.readable}
    effects = {effect.found.track.name: effect for effect in seen.effects}
    for track in made["tracks"]:
        row, name = track["found"], track["name"]
        if name not in best:
            assert row is None
            continue
        wanted, held = best[name], effects[name].strongest
        assert made["units"][row["unit"]]["name"] == str(wanted.unit)
        for key in ("measure", "score", "p", "rises", "threshold"):
            assert row[key] == getattr(wanted, key)
        assert (row["all"], row["held"]) == (known[name], held.level)
        low, high = ("low", "high") if wanted.track.is_number else ("off", "on")
        assert row["like"] == {"low": low, "high": high}[held.like]
        changes = held.where_it_matters, held.elsewhere, held.difference
        for key, change in zip(("matters", "elsewhere", "difference"), changes, strict=True):
            assert list(row[key].values()) == [change.mean, change.low, change.high]
        assert len(row["contexts"]) == 5


@pytest.mark.parametrize("rises", [True, False])
def test_contexts_are_where_the_unit_is_highest_or_lowest(rises):
    seen = examined()
    best = [replace(found, rises=rises) for found in seen.finding.best]
    turned = replace(seen, finding=replace(seen.finding, best=best))
    rows = {track["name"]: track["found"] for track in content({"": turned})["runs"][0]["tracks"]}
    for found in best:
        course = course_of(seen, found)
        contexts = rows[found.track.name]["contexts"]
        values = [context["value"] for context in contexts]
        assert values[0] == (course.max() if rises else course.min())
        assert values == sorted(values, reverse=rises)
        first = contexts[0]
        assert first["before"] + first["at"] + first["after"] in seen.text


def test_no_text_ends_the_script_it_stands_in():
    seen = examined()
    odd = replace(seen, text="</script><!--" + seen.text[13:])
    made = as_json(content({"</script>": odd}))
    assert "<" not in made
    assert json.loads(made)["runs"][0]["name"] == "</script>"


def test_where_there_is_no_room_for_all_units_the_closest_are_kept(monkeypatch):
    monkeypatch.setattr(module, "VALUES", 14 * 1_500)
    made = content({"one": examined()})["runs"][0]
    names = [unit["name"] for unit in made["units"]]
    assert len(names) == 14
    assert {str(found.unit) for found in examined().finding.best} <= set(names)
    assert len(made["text"]) == 1_500
    assert unpacked(made["values"], np.uint8).size == 14 * 1_500
    for track in made["tracks"]:
        assert track["found"] is None or track["found"]["unit"] in range(14)
    best = "those that follow some track most closely"
    assert made["missing"] == f"14 of 24 units: {best}."


def test_the_best_units_are_kept_in_however_little_room(monkeypatch):
    monkeypatch.setattr(module, "VALUES", 1_500)
    seen = examined()
    best = {str(found.unit) for found in seen.finding.best}
    made = content({"one": seen})["runs"][0]
    assert {unit["name"] for unit in made["units"]} == best


def test_where_no_unit_was_looked_for_the_first_ones_are_kept(monkeypatch):
    monkeypatch.setattr(module, "VALUES", 14 * 1_500)
    seen = replace(examined(), finding=None, effects=[], readable=[])
    made = content({"one": seen})["runs"][0]
    assert [unit["name"] for unit in made["units"]] == [*map(str, units_of(seen.tape)[:14])]
    assert made["missing"] == "14 of 24 units: the first."


def test_the_text_that_can_be_scrolled_is_from_the_middle(monkeypatch):
    monkeypatch.setattr(module, "LONGEST", 1_000)
    seen = examined()
    made = content({"one": seen})["runs"][0]
    assert (made["start"], made["text"]) == (3_000, seen.text[3_000:4_000])
    unit = made["units"][0]
    read = unit["low"] + unit["step"] * unpacked(made["values"], np.uint8)[:1_000]
    course = seen.tape.values[Source("recurrent", 0, "h")][0, 3_000:4_000]
    np.testing.assert_allclose(read, course, atol=np.ptp(course) / 254)


@pytest.mark.parametrize("count", [1, 3])
def test_runs_share_the_room(monkeypatch, count):
    monkeypatch.setattr(module, "VALUES", 90_000)
    made = content({f"run {seed}": examined(seed % 2) for seed in range(count)})
    runs = made["runs"]
    assert [run["name"] for run in runs] == ["run 0", "run 1", "run 2"][:count]
    names = ["planted-0", "planted-1", "planted-0"][:count]
    assert [run["summary"][0]["text"][:9] for run in runs] == names
    sizes = [unpacked(run["values"], np.uint8).size for run in runs]
    assert 0.99 * 90_000 < sum(sizes) <= 90_000
