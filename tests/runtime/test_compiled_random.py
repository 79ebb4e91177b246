"""Random cells in C against their eager meaning, in float64: every value and every gradient."""

from dataclasses import replace
from itertools import product
from random import Random
from typing import NamedTuple

import pytest
import torch
from tests.compiler.random_cells import random_cell, sizes_for
from tests.compiler.shrinking import shrunk
from tests.runtime.company import company

from unrolled.compiler.probes import can_be_probed
from unrolled.errors import UnrolledError
from unrolled.lang.cell import Equation
from unrolled.lang.text import listing
from unrolled.layers.recurrent import Recurrent

BY_DEFAULT, ALL = 12, 1000


class Case(NamedTuple):
    """How a cell is run."""

    sizes: dict
    T: int
    B: int
    lengths: list | None
    both: bool
    symbols: bool
    training: bool
    record: tuple
    unused: tuple  # results that the loss does not read
    watch: tuple  # values whose gradients are recorded
    threads: int


def drawn_case(cell, seed):
    """A random way to run a cell."""
    random = Random(seed)
    T, B = random.choice([1, 2, 3, 5, 7]), random.choice([1, 2, 3, 5, 6, 7, 13])
    lengths = [0, T, *(random.randint(0, T) for _ in range(B))]
    lengths = random.choice([None, None, random.sample(lengths, B)])
    named = [*cell.named]
    record = random.sample(named, random.choice([0, 0, 1, min(3, len(named))]))
    results = ["output", *(f"last {name}" for name in cell.state_names)]
    unused = random.sample(results, random.choice([0, 0, 0, 1]))
    sizes, both = sizes_for(cell, random), random.random() < 0.3
    symbols, training = random.random() < 0.1, random.random() < 0.8
    able = [name for name in named if can_be_probed(cell, name)]
    watch = random.sample(able, min(len(able), random.choice([0, 0, 1, 2])))
    return Case(
        sizes, T, B, lengths, both=both, symbols=symbols, training=training,
        record=tuple(record), unused=tuple(unused), watch=tuple(watch),
        threads=random.choice([1, 1, 3]),
    )  # fmt: skip


def make_layer(cell, case, backend):
    """A layer whose weights keep products as large as what they multiply."""
    own = {symbol: size for symbol, size in case.sizes.items() if symbol not in "XH"}
    layer = Recurrent(
        cell, case.sizes["X"], case.sizes["H"], sizes=own, bidirectional=case.both,
        backend=backend, dtype=torch.float64,
    )  # fmt: skip
    with torch.no_grad():
        for parameter in layer.parameters():
            last = parameter.shape[-1] if parameter.dim() > 1 else 2
            parameter.copy_(torch.randn_like(parameter) * (0.9 / last**0.5))
    return layer.train(case.training)


def make_leaves(layer, case):
    """Random input and first states; what lies past a length is NaN, which nothing may see."""
    x = torch.rand(case.T, case.B, case.sizes["X"], dtype=torch.float64) * 3 - 1.5
    if case.lengths is not None:
        past = torch.arange(case.T).unsqueeze(-1) >= torch.tensor(case.lengths)
        x[past] = torch.nan
    shapes = layer.state_shapes(case.B)
    return [x, *(torch.rand(shape, dtype=torch.float64) * 2 - 1 for shape in shapes)]


def everything(layer, leaves, case):
    """Outputs, states, recorded values and gradients, by name; masks are the same every time."""
    torch.manual_seed(1)
    names = ["x", *(f"first {name}" for name in layer.cell.state_names)]
    x, *states = (leaf.clone().requires_grad_() for leaf in leaves)
    symbols = torch.nan_to_num(x.detach()).sum(-1).long() % case.sizes["X"]
    state = states[0] if len(states) == 1 else tuple(states)
    options = {"record": case.record, "record_gradients": case.watch}
    inputs = symbols if case.symbols else x
    output, last, *recorded = layer(inputs, state, lengths=case.lengths, **options)
    probes = recorded.pop() if case.watch else {}
    lasts = (last,) if isinstance(last, torch.Tensor) else last
    found = {"output": output}
    found |= {f"last {n}": s for n, s in zip(layer.cell.state_names, lasts, strict=True)}
    found |= {f"recorded {name}": v for made in recorded for name, v in made.items()}
    weights = torch.Generator().manual_seed(2)
    read = [value for name, value in found.items() if name not in case.unused]
    parts = [(v * torch.randn(v.shape, generator=weights, dtype=v.dtype)).sum() for v in read]
    if any(part.requires_grad for part in parts):
        sum(parts).backward()
    pairs = {name: (leaf, leaf.grad) for name, leaf in zip(names, [x, *states], strict=True)}
    for name, reverse in product(layer.program(0).blocks, range(layer.directions)):
        where = {"name": name, "reverse": bool(reverse)}
        pairs[name + " reversed" * reverse] = layer.parameter(**where), layer.gradient(**where)
    pairs |= {f"value {name}": (probe, probe.grad) for name, probe in probes.items()}
    for name, (leaf, gradient) in pairs.items():  # none is as good as zeros
        found[f"gradient of {name}"] = torch.zeros_like(leaf) if gradient is None else gradient
    return {name: value.detach() for name, value in found.items()}


def trouble_of(cell, case):
    """What C does otherwise than eager, or None."""
    torch.manual_seed(0)
    eager, compiled = (make_layer(cell, case, backend) for backend in ("eager", "c"))
    compiled.load_state_dict(eager.state_dict())
    leaves = make_leaves(eager, case)
    wanted = everything(eager, leaves, case)
    try:
        with pytest.MonkeyPatch.context() as patch, company(patch, case.threads):
            got = everything(compiled, leaves, case)
    except Exception as error:  # of any kind: it is shown, and the cell shrunk
        return f"{type(error).__name__}: {error}"
    for name, value in wanted.items():
        if got[name].shape != value.shape:
            return f"shape: {name} has {[*got[name].shape]}, not {[*value.shape]}"
        error = (got[name] - value).abs().max()
        if not error <= 1e-9 * max(1e-3, value.abs().max()):
            return f"{name.split()[0]} differs: {name} is {error} off, of {value.abs().max()}"
    return None


def trouble_of_smaller(cell, case):
    """The same for a cell made smaller, which may mean nothing any more: then None."""
    record = tuple(name for name in case.record if name in cell.named)
    watch = tuple(n for n in case.watch if n in cell.named and can_be_probed(cell, n))
    results = {"output", *(f"last {name}" for name in cell.state_names)}
    unused = tuple(name for name in case.unused if name in results)
    try:
        return trouble_of(cell, case._replace(record=record, unused=unused, watch=watch))
    except (UnrolledError, RuntimeError, KeyError):
        return None


def shrunk_case(cell, case, kind):
    """The case with all that the trouble does not need left out."""
    for change in (
        {"lengths": None}, {"T": 2, "B": 2, "lengths": [1, 2]}, {"T": 2, "B": 1, "lengths": [1]},
        {"both": False}, {"symbols": False}, {"training": False}, {"record": ()}, {"unused": ()},
        {"watch": ()}, {"threads": 1},
        {"B": 1}, {"T": 2}, {"T": 1},
    ):  # fmt: skip
        sized = not change.keys().isdisjoint({"T", "B", "lengths"})
        if sized and ("lengths" in change) == (case.lengths is None):
            continue
        smaller = case._replace(**change)
        found = trouble_of_smaller(cell, smaller)
        if found is not None and found.partition(":")[0] == kind:
            case = smaller
    return case


def written(cell):
    """The cell as its author would write it."""
    results = zip(cell.state_names, cell.results, strict=True)
    unnamed = [Equation(name, value) for name, value in results if value.args]
    known = {equation.value for equation in cell.equations}
    equations = (*cell.equations, *(e for e in unnamed if e.value not in known))
    names = {equation.value: equation.name for equation in equations}
    returned = ", ".join(names.get(result) or f"{result}" for result in cell.results)
    head = f"{', '.join(cell.state_names)} with widths {cell.widths} and masks {cell.masks}"
    return f"{head}\n{listing(replace(cell, equations=equations))}\nreturn {returned}"


def assert_equal(seed):
    """C equals eager for the cell of a seed; if not, the smallest cell that shows it is told."""
    cell = random_cell(seed)
    case = drawn_case(cell, seed)
    trouble = trouble_of(cell, case)
    if trouble is not None:
        case = shrunk_case(cell, case, trouble.partition(":")[0])
        cell, trouble = shrunk(cell, lambda smaller: trouble_of_smaller(smaller, case))
        pytest.fail(f"seed {seed}: {trouble}\n{case}\n{written(cell)}")
    assert trouble is None


@pytest.mark.parametrize("seed", range(BY_DEFAULT))
def test_a_random_cell_compiles_to_what_it_means(seed):
    assert_equal(seed)


@pytest.fixture
def cache_aside(monkeypatch, tmp_path):
    """Libraries that nobody will want again do not fill the user's cache."""
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(BY_DEFAULT, ALL))
def test_each_of_many_random_cells_compiles_to_what_it_means(seed, cache_aside):
    assert_equal(seed)
