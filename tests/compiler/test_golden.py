"""The generated C of four cells, as files that people read; --update-golden accepts a change.

Numbers are checked in the same test, so that nobody accepts code that computes something else.
"""

from pathlib import Path

import pytest
import torch

from unrolled import Recurrent, find_cell
from unrolled.compiler.emit_c import emit
from unrolled.compiler.plan import plan_of

GOLDEN = Path(__file__).parents[1] / "golden"
CELLS = ["rnn", "lstm", "gru", "layernorm_gru"]


@pytest.mark.parametrize("name", CELLS)
def test_the_c_of_a_cell_is_what_was_read_and_computes_what_eager_does(name, request):
    cell = find_cell(name)
    source = emit(plan_of(cell, masks=False))
    path = GOLDEN / f"{name}.c"
    if request.config.getoption("--update-golden"):
        path.write_text(source)
    layer = Recurrent(cell, 3, 5, dtype=torch.float64, backend="c")
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    compiled = layer(x)[0]
    layer.backend = "eager"
    torch.testing.assert_close(compiled, layer(x)[0], rtol=1e-12, atol=1e-12)
    assert source == path.read_text(), f"the C of {name} has changed; read it, --update-golden"


@pytest.mark.parametrize("name", CELLS)
def test_generated_code_keeps_to_the_page_and_begins_at_once(name):
    lines = emit(plan_of(find_cell(name), masks=False)).splitlines()
    assert max(map(len, lines)) <= 100
    assert sum(line.startswith("#include") for line in lines) == 3
    assert (
        next(i for i, line in enumerate(lines) if line.endswith("_slice(") or "(const" in line) < 20
    )
