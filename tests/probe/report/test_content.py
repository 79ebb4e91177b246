"""What stands in the page is what was seen."""

import json
import zlib
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest
from tests.probe.planted import LATCH
from tests.probe.report.examined import examined

from unrolled.probe.report import content as module
from unrolled.probe.report.content import as_json, content
from unrolled.probe.taps import Source


@pytest.fixture(scope="module")
def made():
    return json.loads(as_json(content({"one": examined()})))["runs"][0]


def unpacked(text, dtype):
    return np.frombuffer(zlib.decompress(b64decode(text)), dtype=dtype)


def test_every_units_values_are_there_to_a_hundredth_of_its_span(made):
    seen, size = examined(), len(made["text"])
    part = slice(made["start"], made["start"] + size)
    assert made["text"] == seen.text[part]
    values = unpacked(made["values"], np.int8).reshape(-1, size) / 127
    names = [unit["name"] for unit in made["units"]]
    for source in (Source("recurrent", 0, "h"), Source("recurrent", 0, "c")):
        for index in range(12):
            row = names.index(f"unit {index} of {source}")
            unit, course = made["units"][row], seen.tape.values[source][index, part]
            read = unit["middle"] + values[row] * unit["span"]
            inside = np.abs(course - unit["middle"]) < unit["span"]
            assert inside.mean() > 0.97
            np.testing.assert_allclose(read[inside], course[inside], atol=unit["span"] / 200)


def test_what_was_likely_is_there(made):
    seen, size = examined(), len(made["text"])
    part = slice(made["start"], made["start"] + size)
    likeliest = unpacked(made["likeliest"], np.uint32).reshape(size, made["best"])
    np.testing.assert_array_equal(likeliest, seen.tape.likeliest[part])
    chances = unpacked(made["probabilities"], np.uint8).reshape(size, -1) / 255
    np.testing.assert_allclose(chances, seen.tape.probabilities[part], atol=1 / 500)
    given = unpacked(made["likelihood"], np.uint8) / 255
    np.testing.assert_allclose(
        given, np.exp(np.nan_to_num(seen.tape.log_likelihood[part])), atol=0.002
    )
    assert made["vocabulary"][likeliest[0, 0]] == seen.subject.vocabulary[likeliest[0, 0]]


def test_every_track_has_its_row(made):
    seen = examined()
    assert [track["name"] for track in made["tracks"]] == [track.name for track in seen.tracks]
    best = {found.track.name: found for found in seen.finding.best}
    effects = {effect.found.track.name: effect for effect in seen.effects}
    for track in made["tracks"]:
        found = track["found"]
        if track["name"] not in best:
            assert found is None
            continue
        wanted, held = best[track["name"]], effects[track["name"]].strongest
        assert made["units"][found["unit"]]["name"] == str(wanted.unit)
        assert (found["score"], found["p"]) == (wanted.score, wanted.p)
        assert found["matters"]["mean"] == pytest.approx(held.where_it_matters.mean, nan_ok=True)
        assert len(found["contexts"]) == 5


def test_contexts_are_where_the_unit_is_highest_or_lowest(made):
    seen = examined()
    (row,) = [track["found"] for track in made["tracks"] if track["name"] == LATCH]
    found = next(found for found in seen.finding.best if found.track.name == LATCH)
    course = seen.tape.values[found.unit.source][found.unit.index]
    extreme = course.max() if found.rises else course.min()
    assert row["contexts"][0]["value"] == pytest.approx(extreme)
    first = row["contexts"][0]
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
    for track in made["tracks"]:
        assert track["found"] is None or track["found"]["unit"] in range(14)


def test_runs_share_the_room():
    made = content({"one": examined(), "two": examined(1)})
    assert [run["name"] for run in made["runs"]] == ["one", "two"]
    assert [run["summary"][0]["text"][:9] for run in made["runs"]] == ["planted-0", "planted-1"]
