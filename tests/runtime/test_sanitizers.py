"""The generated C of every cell under AddressSanitizer and UndefinedBehaviorSanitizer.

The C runs in a child process that has the sanitizers loaded from its start, since only then are the
blocks of torch's allocator watched. There each piece of memory that C works on is a tensor of its
own, exactly as long as it must be and full of NaN: what is read before it was written shows in the
results.
"""

import ctypes
from itertools import product
from random import Random

import pytest
import torch
from tests.models.test_learning import assert_learns_alike
from tests.models.test_writing import CHOICES, make_model, text
from tests.runtime.sanitized import called_in_child, preloaded
from tests.runtime.test_compiled_gallery import CELLS, Case, fitted, make_data, make_layer

from unrolled.layers import layer as layer_module
from unrolled.models.writing import writer_for
from unrolled.runtime import kernel, passes
from unrolled.runtime.kernel import Direction
from unrolled.runtime.library_cache import load_library
from unrolled.runtime.memory import Memory

pytestmark = pytest.mark.slow

SANITIZERS = ("libasan.so", "libubsan.so", "libstdc++.so")  # which an error of torch needs
FLAGS = "-fsanitize=address,undefined -fno-sanitize-recover=all"
SIZES = (1, 2, 3, 5, 6, 7, 8, 9, 13, 15, 16, 17)  # a tile has 6 rows, a panel 8 or 16 results
LENGTHS = ("whole", "mixed", "mixed", "empty")
DRAWN = 40  # cases of a cell in each dtype
CHOSEN = (  # more rows than are packed together; more results than tiles that lie abreast
    Case(17, 17, 17, 33, "whole", both=True, layers=1, symbols=False),
    Case(17, 17, 33, 49, "mixed", both=True, layers=1, symbols=True),
    Case(3, 0, 3, 5, "whole", both=True, layers=1, symbols=False),
    Case(3, 0, 3, 5, "mixed", both=True, layers=1, symbols=True),
    Case(1, 1, 1, 1, "whole", both=True, layers=1, symbols=False),
    Case(1, 2, 1, 1, "empty", both=True, layers=1, symbols=True),
)
FAULTS = """
void read_past_the_end(float *numbers, long count) { numbers[0] = numbers[count]; }
void write_past_the_end(float *numbers, long count) { numbers[count] = 1; }
void write_before_the_start(float *numbers, long count) { numbers[count - 8] = 1; }
void overflow(float *numbers, long count) { numbers[0] = (int)count + 2147483647; }
"""


# In the child


def filled(shape, dtype):
    """New memory in which nothing was written yet."""
    return torch.full(shape, torch.nan, dtype=dtype)


def put_apart(memory, tensor, parts, rows):
    """Let each part be a copy, which goes back into the whole after the run."""
    memory.parts = []
    for role, part in parts.items():
        whole = part.of(tensor, rows).flatten()
        whole = whole[: len(whole) - (role[0] == memory.short)]
        memory.parts.append((whole, memory.put(whole.clone(), *role)))


def watch(short=""):
    """From now on, no two pieces of memory that C works on lie in one block.

    Small runs work in several slices, and empty ones too; few rows are shared. Pieces of the role
    `short` are half as long as they should be.
    """
    run = Direction.run

    def run_apart(direction, rows, memory):
        slices = direction.kernel.split(rows).slices
        counts = {"steps": rows.total, "batch": rows.batch, "once": 1}
        counts |= {"row": slices, "slice": slices}
        for role, kind, width in direction.pieces:
            if role not in memory.at and (role[0] != "side" or rows.lengths is not None):
                numbers = counts[kind] * width // (1 + (role[0] == short))
                memory.put(filled((numbers,), memory.dtype), *role)
        run(direction, rows, memory)
        for whole, own in memory.parts:
            whole.copy_(own)

    Direction.run, Memory.put_parts, Memory.short = run_apart, put_apart, short
    kernel.empty = passes.empty = filled
    passes.zeros = lambda numbers, dtype: torch.zeros(numbers, dtype=dtype)
    kernel.WORTH_A_SLICE, kernel.WORTH_MEETING, kernel.WORTH_A_TEAM = 1, 1, 0
    layer_module.obstacle_to_c = lambda *tensors: None


def drawn_cases(random):
    """A few cases of any sizes."""
    for _ in range(DRAWN):
        sizes = [random.choice(SIZES) for _ in range(4)]
        both, symbols = random.random() < 0.5, random.random() < 0.3
        yield Case(*sizes, random.choice(LENGTHS), both=both, layers=1, symbols=symbols)


def run_case(layer, case, random, share):
    """Forward and backward; a share of all tensors wants gradients, a share of results has some."""

    def is_taken():
        return random.random() < share

    dtype = next(layer.parameters()).dtype
    x, states, lengths = make_data(layer, case)
    x, states = x if case.symbols else x.to(dtype), [state.to(dtype) for state in states]
    leaves = states if case.symbols else [x, *states]
    for tensor in (*leaves, *layer.parameters()):
        tensor.requires_grad_(is_taken())
    first = tuple(states) if len(states) > 1 else states[0]
    output, last = layer(x, first if is_taken() else None, lengths=lengths)
    results = [output, *(last if isinstance(last, tuple) else [last])]
    owed = [result for result in results if result.requires_grad and is_taken()]
    if owed:
        torch.autograd.backward(owed, [torch.randn_like(result) for result in owed])
    gradients = [t.grad for t in (*leaves, *layer.parameters()) if t.grad is not None]
    for tensor in (*results, *gradients):
        assert tensor.isfinite().all(), f"{layer} reads what nobody wrote, at {case}"


def run_cell(name, short=""):
    """Run a cell in many ways, and say at the end how many; the drawn ones in short blocks too."""
    watch(short)
    torch.manual_seed(0)
    random, count = Random(0), 0
    for dtype in (torch.float32, torch.float64):
        for share, cases in ((1, CHOSEN), (0.7, drawn_cases(random))):
            for case in fitted(name, cases):
                kernel.ROWS_TOGETHER = 256 if share == 1 else random.choice((1, 20, 256))
                kernel.WORTH_A_SIGNAL = 10**10 if share == 1 else random.choice((1, 10**10))
                torch.set_num_threads(random.choice((1, 2, 3)))
                layer = make_layer(name, case, dtype=dtype, backend="c")
                run_case(layer, case, random, share)
                count += 1
    print("ran", count)


def write_texts():
    """Let models of one and two layers write, one-hot and embedded, drawn in every way."""
    watch()
    for dtype, choice, (name, embedding) in product(
        (torch.float32, torch.float64), CHOICES, (("lstm", 0), ("layernorm_gru", 5), ("rhn", 0))
    ):
        model = make_model(name, embedding=embedding, dtype=dtype, vocabulary=17)
        assert writer_for(model, None) is not None
        assert len(text(model, 40, choice)) == 40
    print("wrote")


def learn_texts():
    """Let models of one and three layers learn, from chunks of one text and of several."""
    kernel.empty = passes.empty = filled
    for batch, layers, name in product((1, 3), (1, 3), ("lstm", "layernorm_gru", "rhn")):
        assert_learns_alike(name, layers, batch)
    print("learned")


def commit(fault):
    """Do what must not be done, to a tensor of 8 numbers."""
    numbers = torch.zeros(8)
    function = getattr(load_library(FAULTS, name="faults", headers={}, double=False), fault)
    function(ctypes.c_void_p(numbers.data_ptr()), ctypes.c_long(8 if "end" in fault else 7))
    print("nobody saw it", numbers)


# In the parent


@pytest.fixture(scope="module")
def libraries():
    return preloaded(*SANITIZERS)


@pytest.fixture
def in_child(libraries, tmp_path):
    """Calls a function of this file under the sanitizers."""

    def call(function, *arguments):
        return called_in_child(tmp_path, FLAGS, libraries, function, *arguments)

    return call


@pytest.mark.parametrize("name", CELLS)
def test_no_cell_does_what_c_forbids(in_child, tmp_path, name):
    done = in_child(run_cell, name)
    cases = 2 * len([*fitted(name, [*CHOSEN, *[CHOSEN[0]] * DRAWN])])
    assert (done.returncode, done.stdout) == (0, f"ran {cases}\n"), done.stderr[-5000:]
    libraries = [*tmp_path.glob("cache/compiled/*.so")]
    assert len(libraries) == 2 * (2 + bool(CELLS[name].masks))  # and the algebra of each dtype
    assert all(b"__asan_report" in library.read_bytes() for library in libraries)


@pytest.mark.parametrize(("function", "said"), [(write_texts, "wrote"), (learn_texts, "learned")])
def test_no_text_is_written_or_learned_as_c_forbids(in_child, function, said):
    done = in_child(function)
    assert (done.returncode, done.stdout) == (0, f"{said}\n"), done.stderr[-5000:]


@pytest.mark.parametrize(
    ("fault", "report"),
    [
        ("read_past_the_end", "AddressSanitizer: heap-buffer-overflow"),
        ("write_past_the_end", "AddressSanitizer: heap-buffer-overflow"),
        ("write_before_the_start", "AddressSanitizer: heap-buffer-overflow"),
        ("overflow", "runtime error: signed integer overflow"),
    ],
)
def test_a_fault_in_c_is_reported(in_child, fault, report):
    done = in_child(commit, fault)
    assert report in done.stderr
    assert done.returncode
    assert done.stdout == ""


@pytest.mark.parametrize(
    "role", ["packed", "panels", "next", "gradient", "kept", "side", "scratch"]
)
def test_a_piece_of_memory_that_is_too_short_is_reported(in_child, role):
    done = in_child(run_cell, "layernorm_lstm", role)
    assert "AddressSanitizer: heap-buffer-overflow" in done.stderr
    assert done.returncode
    assert done.stdout == ""
