"""Zoneout and variational dropout around every cell of the gallery, and around awkward ones."""

import json
import time

import pytest
import torch
from tests.lang.writing import read_body, run_step

from unrolled import dropout, find_cell, variational, zone, zoneout
from unrolled.cells import GALLERY
from unrolled.errors import MaskTakenError
from unrolled.lang.stored import from_json, to_json
from unrolled.lang.tex import tex
from unrolled.lang.text import equations, listing
from unrolled.lang.widths import infer

PLAIN = [name for name in GALLERY if not name.startswith(("zoneout", "variational"))]
WRAPPERS = {"zoneout": zoneout, "variational": variational}


def values_of(cell, width):
    """A random value for everything that a step of the cell reads, all widths equal."""
    generator = torch.Generator().manual_seed(7)
    labels = [cell.input.label, *cell.state_names]
    values = {label: torch.randn(width, generator=generator) for label in labels}
    widths = infer(cell).resolve({"X": width, "H": width, "R": width})
    for node in cell.nodes:
        if node.op == "matrix":
            shape = infer(cell).shape(node.label, {"X": width, "H": width, "R": width})
            values[node.label] = torch.randn(shape, generator=generator)
        elif node.op == "vector":
            values[node.label] = torch.randn(widths[node], generator=generator)
    return {label: value.double() for label, value in values.items()}


def read_again(cell, folder):
    """The cell that a cell's own listing says."""
    kinds = {"dropout": "dropout", "zoneout": "zone"}
    masks = "".join(f", {name}={kinds[m.kind]}({m.rate})" for name, m in cell.masks.items())
    signature = f"x, {', '.join(cell.state_names)}, *, W, b, p{masks}"
    declared = f"@cell(widths={dict(cell.widths)})" if cell.widths else "@cell"
    return read_body(
        folder, f"{listing(cell)}\nreturn {', '.join(cell.state_names)}", signature, declared
    )


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_wrapped_cell_is_printed_and_stored_as_what_it_computes(name, wrapper, tmp_path):
    cell = WRAPPERS[wrapper](GALLERY[name].cell, 0.0)
    again = from_json(json.loads(json.dumps(to_json(cell))))
    read = read_again(cell, tmp_path)
    values = values_of(cell, 2)
    expected = run_step(cell, values, 2)
    for other in (again, read):
        for state, value in run_step(other, values, 2).items():
            torch.testing.assert_close(value, expected[state], rtol=1e-12, atol=0, equal_nan=True)
    assert (listing(again), tex(again)) == (listing(cell), tex(cell))
    assert (cell.init, cell.widths) == (GALLERY[name].cell.init, GALLERY[name].cell.widths)


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_rate_of_zero_leaves_the_cell_as_it_is(name, wrapper):
    plain = GALLERY[name].cell
    values = values_of(plain, 3)
    wrapped = run_step(WRAPPERS[wrapper](plain, 0.0), values, 3)
    for state, value in run_step(plain, values, 3).items():
        assert torch.equal(wrapped[state], value)


@pytest.mark.parametrize("name", PLAIN)
def test_zoneout_at_evaluation_is_between_old_and_new(name):
    plain = GALLERY[name].cell
    values = values_of(plain, 3)
    zoned = run_step(zoneout(plain, 0.25), values, 3)
    for state, new in run_step(plain, values, 3).items():
        expected = 0.25 * values[state] + 0.75 * new
        torch.testing.assert_close(zoned[state], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", PLAIN)
def test_every_state_has_its_zone_and_what_products_read_is_dropped(name):
    plain = GALLERY[name].cell
    zoned, dropped = zoneout(plain, 0.2), variational(plain, 0.3)
    zones = {f"d_{state}": zone(0.2) for state in plain.state_names}
    assert dict(zoned.masks) == {**plain.masks, **zones}
    added = {key: mask for key, mask in dropped.masks.items() if key not in plain.masks}
    assert set(added.values()) == {dropout(0.3, per="sequence")}
    assert {node.label for node in dropped.leaves("mask")} == set(dropped.masks)
    assert "m_h" in added
    for product in dropped.products:
        assert product.args[1] not in (dropped.input, *dropped.states)


def test_the_states_names_stay_theirs():
    zoned = zoneout(find_cell("lstm"), 0.2)
    assert [name for name, _, _ in equations(zoned)] == [
        "i",
        "f",
        "g",
        "o",
        "c_new",
        "h_new",
        "h",
        "c",
    ]
    assert zoned.named["h"] is zoned.results[0]
    assert zoned.named["c"] is zoned.results[1]


def test_a_name_that_is_taken_is_left_alone(tmp_path):
    cell = read_body(tmp_path, "h_new = W.a @ h\nh = tanh(h_new)\nreturn h")
    assert listing(zoneout(cell)) == (
        "h_new = W.a @ h\n"
        "h_new_2 = tanh(h_new)\n"
        "h = d_h * h + (1 - d_h) * h_new_2  # zoned out: sometimes the old value"
    )


def test_a_state_that_is_taken_early_is_zoned_out_with_its_old_value(tmp_path):
    cell = read_body(tmp_path, "h = h + x\nreturn h * x")
    assert listing(zoneout(cell, 0.5)).startswith(
        "old_h = h\nh = h + x\nh_new = h * x\nh = d_h * old_h"
    )
    new = run_step(zoneout(cell, 0.5), {"x": 3, "h": 5})
    assert new["h"].item() == 0.5 * 5 + 0.5 * (5 + 3) * 3


def test_a_state_that_never_changes_may_be_wrapped(tmp_path):
    cell = read_body(tmp_path, "return tanh(W.a @ c), c", "x, h, c, *, W")
    assert run_step(zoneout(cell, 0.5), {"x": 0, "h": 0, "c": 3, "W.a": 1})["c"].item() == 3
    assert list(variational(cell).masks) == ["m_c"]


@pytest.mark.parametrize(
    "body",
    [
        "d_h = h\nreturn d_h",
        "d_h = W.a @ h\nreturn tanh(d_h)",
        "for l in range(2):\n    d_h = h\nreturn h",
    ],
)
def test_masks_take_no_name_that_a_cell_has(body, tmp_path):
    with pytest.raises(MaskTakenError, match="zoneout names its masks d_h, and cell mine has d_h"):
        zoneout(read_body(tmp_path, body))


def test_a_cells_own_mask_keeps_its_name(tmp_path):
    cell = read_body(tmp_path, "return W.a @ (m_h * h)", "x, h, *, W, m_h=dropout(0.5)")
    with pytest.raises(
        MaskTakenError, match="variational names its masks m_h, and cell mine has m_h"
    ):
        variational(cell)
    assert list(zoneout(cell).masks) == ["m_h", "d_h"]


LARGE = {
    "deep": find_cell("rhn:1000"),
    "doubling": "a = h\nfor l in range(1000):\n    a = a * a\nreturn W.a @ a",
    "words in words": f"return W.a @ {'gelu(' * 100}h{')' * 100}",
    "nothing to find": f"return W.a @ {'square(' * 150}b.a{')' * 150} + h",
}


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_large_cells_are_wrapped_in_time(name, wrapper, tmp_path):
    cell = read_body(tmp_path, LARGE[name]) if isinstance(LARGE[name], str) else LARGE[name]
    begin = time.perf_counter()
    wrapped = WRAPPERS[wrapper](cell)
    assert len(wrapped.nodes) < 3 * len(cell.nodes) + 20
    assert len(listing(wrapped)) < 4 * 10**6
    assert time.perf_counter() - begin < 8
