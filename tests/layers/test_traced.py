"""Layers under torch.compile and torch.export: one graph, any length, the same numbers."""

import subprocess
import sys

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch.export import Dim, export

from unrolled import find_cell
from unrolled.layers.recurrent import Recurrent
from unrolled.layers.torch_like import GRU, LSTM, RNN
from unrolled.runtime.kernel import kernel_for
from unrolled.runtime.registered import backward, forward

X, H = 3, 4
STEPS = (1, 2, 7, 33, 128)
LAYERS = {
    "RNN": lambda: RNN(X, H, nonlinearity="relu"),
    "LSTM": lambda: LSTM(X, H, num_layers=2, bidirectional=True),
    "LSTM-projected": lambda: LSTM(X, H, proj_size=2),
    "GRU": lambda: GRU(X, H, batch_first=True),
    "gru": lambda: Recurrent(find_cell("gru"), X, H, num_layers=2),
    "layernorm_lstm": lambda: Recurrent(find_cell("layernorm_lstm"), X, H),
    "variational": lambda: Recurrent(find_cell("mut1_projected+variational:0.4"), X, H).eval(),
}
BY_DEFAULT = "LSTM", "GRU", "layernorm_lstm", "variational"
every_layer = pytest.mark.parametrize(
    "make",
    [
        pytest.param(make, id=name, marks=() if name in BY_DEFAULT else pytest.mark.slow)
        for name, make in LAYERS.items()
    ],
)


@pytest.fixture(autouse=True)
def _forget_what_was_traced():
    torch._dynamo.reset()


def results(layer, x, **options):
    """Output, last states and every gradient."""
    output, state = layer(x, **options)
    states = state if isinstance(state, tuple) else [state]
    loss = output.square().sum() + sum(part.sum() for part in states)
    sources = [x, *layer.parameters()]
    return [output, *states, *torch.autograd.grad(loss, sources, allow_unused=True)]


@every_layer
def test_compiled_layers_are_one_graph_of_at_most_two_compilations(make):
    layer, counted = make(), CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(layer, fullgraph=True, backend=counted)
    for steps in STEPS:
        x = torch.randn(steps, 3, X, requires_grad=True)
        for ours, wanted in zip(results(compiled, x), results(layer, x), strict=True):
            torch.testing.assert_close(ours, wanted)
    assert counted.frame_count <= 2


def test_gradients_are_not_recorded_in_a_trace():
    compiled = torch.compile(LSTM(X, H), fullgraph=True, backend="eager")
    with pytest.raises(torch._dynamo.exc.Unsupported, match=r"OptionError\(.*record_gradients"):
        compiled(torch.randn(5, 3, X), record_gradients=("f",))


def test_a_compiled_layer_takes_lengths_states_and_records():
    layer = Recurrent(find_cell("lstm"), X, H)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    x = torch.randn(5, 3, X, requires_grad=True)
    state = torch.randn(1, 3, H), torch.randn(1, 3, H)
    lengths = torch.tensor([5, 2, 0])
    traced = compiled(x, state, lengths=lengths, record=("f", "h"))
    eager = layer(x, state, lengths=lengths, record=("f", "h"))
    torch.testing.assert_close(traced[0], eager[0])
    torch.testing.assert_close(traced[1].c, eager[1].c)
    torch.testing.assert_close(traced[2], eager[2])
    traced[2]["f"].sum().backward()
    assert x.grad[2:, 1].eq(0).all()
    assert x.grad[:2, 1].ne(0).any()


def test_masks_are_drawn_anew_in_a_compiled_layer():
    layer = Recurrent(find_cell("lstm+zoneout:0.5"), X, H)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    x = torch.randn(9, 2, X)
    assert not torch.equal(compiled(x)[0], compiled(x)[0])


class Classifier(nn.Module):
    """A user's model that holds one of our layers."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(11, X)
        self.recurrent = LSTM(X, H)
        self.readout = nn.Linear(H, 2)

    def forward(self, tokens):
        return self.readout(self.recurrent(self.embed(tokens))[0][-1])


def compare_with_torchs_compiler():
    """Outputs and gradients of a model, compiled by inductor, beside its own."""
    model, tokens = Classifier(), torch.randint(0, 11, (6, 3))
    compiled = torch.compile(model, fullgraph=True)
    torch.testing.assert_close(compiled(tokens), model(tokens))
    gradients = [
        torch.autograd.grad(compute(tokens).square().sum(), [*model.parameters()])
        for compute in (compiled, model)
    ]
    for ours, wanted in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, wanted)
    print("same")


def in_a_process(code, *arguments):
    """What a fresh interpreter prints: inductor's imports quarrel with those of other tests."""
    return subprocess.run(  # noqa: S603
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_a_model_that_holds_a_layer_compiles_by_torchs_own_compiler():
    module = "tests.layers.test_traced"
    found = in_a_process(f"from {module} import compare_with_torchs_compiler as c; c()")
    assert found.stdout == "same\n", found.stderr[-2000:]


@every_layer
@pytest.mark.parametrize("strict", [False, True], ids=["not strict", "strict"])
def test_exported_layers_are_right_at_any_length_and_batch(make, strict):
    layer = make().eval()
    time, batch = Dim("T", min=1, max=999), Dim("B", min=1, max=999)
    axes = {1: time, 0: batch} if layer.batch_first else {0: time, 1: batch}
    exported = export(layer, (torch.randn(5, 3, X),), dynamic_shapes=(axes,), strict=strict)
    for shape in ((1, 1), (7, 2), (2, 9)):
        x = torch.randn(*shape, X)
        torch.testing.assert_close(exported.module()(x)[0], layer(x)[0])


def test_an_exported_layer_runs_in_a_process_that_only_has_the_package(tmp_path):
    layer, x = Recurrent(find_cell("gru"), X, H), torch.randn(5, 3, X)
    torch.export.save(export(layer, (x,)), tmp_path / "gru.pt2")
    torch.save((x, layer(x)[0]), tmp_path / "known.pt")
    code = (
        "import sys, torch; from unrolled import Recurrent\n"
        "program = torch.export.load(sys.argv[1] + '/gru.pt2').module()\n"
        "x, wanted = torch.load(sys.argv[1] + '/known.pt')\n"
        "assert torch.equal(program(x)[0], wanted); print('same')\n"
    )
    found = in_a_process(code, str(tmp_path))
    assert found.stdout == "same\n", found.stderr[-2000:]


@pytest.mark.parametrize("lengths", [None, [5, 0, 2]], ids=["equal", "lengths"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
def test_the_operators_keep_torchs_rules(lengths, reverse):
    kernel = kernel_for(find_cell("lstm"), (("X", X), ("H", H)), torch.float32, masks=False)
    steps = None if lengths is None else torch.tensor(lengths)

    def make(*shape):
        return torch.randn(*shape, requires_grad=True)

    first = [make(3, H), make(3, H)]
    stacks, bias = [make(4 * H, X), make(4 * H, H)], make(4 * H)
    arguments = (make(5, 3, X), first, stacks, bias, None, [], [], steps)
    found = torch.library.opcheck(forward, (kernel.text, reverse, *arguments))
    assert set(found.values()) == {"SUCCESS"}
    made = [tensor.detach() for tensor in forward(kernel.text, reverse, *arguments)]
    rows, kept = made[0] if steps is None else made[-2], made[-1]
    owed, wanted = [torch.randn(5, 3, H), None, torch.randn(3, H)], [True] * 6 + [False]
    arguments = (kernel.text, reverse, *arguments, rows, kept, owed, wanted)
    found = torch.library.opcheck(
        backward, arguments, test_utils=("test_schema", "test_faketensor")
    )
    assert set(found.values()) == {"SUCCESS"}
