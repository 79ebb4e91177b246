"""Every mistake that a layer refuses, with what came and what was wanted."""

import pickle

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from unrolled import LSTM, Recurrent, cell, concat, find_cell, relu, sigmoid, tanh
from unrolled.errors import (
    DeviceError,
    DtypeError,
    LengthsError,
    OpenWidthError,
    OptionError,
    OptionTypeError,
    RecordError,
    ShapeError,
    SizeError,
    StateError,
    UnknownNameError,
)

T, B, X, H = 6, 4, 5, 5


LSTM_CELL = find_cell("lstm")


@cell
def adds_x(x, h, *, W, b):
    """A cell that needs X = H."""
    return relu(W.h @ h + x)


@cell(widths={"c": "X"})
def keeps_x(x, h, c, *, W, b):
    """A cell whose second state is as wide as the input."""
    return sigmoid(W.x @ x + W.h @ h + W.c @ c), x * c


@cell
def squashes_x(x, h, *, W, b):
    """A cell that names something as wide as the input."""
    a = tanh(x)
    return tanh(W.a @ concat(a, h))


x_of = torch.zeros
CONSTRUCTIONS = {
    "no cell": (
        lambda: Recurrent("lstm", X, H),
        OptionTypeError,
        "cell='lstm' of type str; wanted a cell",
    ),
    "hidden_size 0": (
        lambda: Recurrent(LSTM_CELL, X, 0),
        OptionError,
        "Recurrent got hidden_size=0; wanted at least 1",
    ),
    "true layers": (
        lambda: Recurrent(LSTM_CELL, X, H, True),
        OptionTypeError,
        "num_layers=True of type bool; wanted a whole",
    ),
    "dropout": (
        lambda: Recurrent(LSTM_CELL, X, H, dropout=2),
        OptionError,
        "dropout=2; wanted a number from 0 to 1",
    ),
    "bidirectional": (
        lambda: Recurrent(LSTM_CELL, X, H, bidirectional=1),
        OptionTypeError,
        "bidirectional=1 of type int",
    ),
    "init": (
        lambda: Recurrent(LSTM_CELL, X, H, init={"b.z": 1}),
        UnknownNameError,
        r"lstm has no parameter 'b.z'; it has W.xi, ",
    ),
    "size unknown": (
        lambda: Recurrent(LSTM_CELL, X, H, sizes={"R": 2}),
        UnknownNameError,
        "lstm has no width 'R'; it has none of its own",
    ),
    "size of H": (
        lambda: Recurrent(LSTM_CELL, X, H, sizes={"H": 2}),
        UnknownNameError,
        "lstm has no width 'H'",
    ),
    "size missing": (
        lambda: make_bare("lstm_projected"),
        OpenWidthError,
        r"the width R .* sizes=\{\"R\": ...\}",
    ),
    "size 0": (
        lambda: make_bare("lstm_projected", sizes={"R": 0}),
        OptionError,
        r"sizes\['R'\]=0; wanted at least 1",
    ),
    "size 1.5": (
        lambda: make_bare("lstm_projected", sizes={"R": 1.5}),
        OptionTypeError,
        r"sizes\['R'\]=1.5 of type float",
    ),
    "X is not H": (
        lambda: Recurrent(adds_x, 3, 4),
        SizeError,
        r"cell adds_x needs H = X, got H=4, X=3.\n.*relu\(W.h @ h \+ x\)",
    ),
    "mut1": (
        lambda: Recurrent(find_cell("mut1"), 3, 4),
        SizeError,
        "Use mut1_projected, which takes any width",
    ),
    "mut2, two-way": (
        lambda: Recurrent(find_cell("mut2"), H, H, 2, bidirectional=True),
        SizeError,
        "Use mut2_projected, which takes any width",
    ),
    "state widths": (
        lambda: Recurrent(keeps_x, 3, 4, 2),
        SizeError,
        r"widths in layer 0 = those in layer 1, got \[4, 3\] and \[4, 4\]",
    ),
}
CALLS = {
    "no axis": (lambda m: m(x_of(())), ShapeError, r"x of shape \[\]: the layer takes T B X"),
    "four axes": (
        lambda m: m(x_of(1, T, B, X)),
        ShapeError,
        r"shape \[1, 6, 4, 5\]: the layer takes T B X \(B T X with",
    ),
    "numbers of three axes": (
        lambda m: m(x_of(T, B, X).long()),
        ShapeError,
        "whole numbers stand for one-hot vectors and come as T B",
    ),
    "too wide": (
        lambda m: m(x_of(T, B, 7)),
        ShapeError,
        "read as T=6 B=4 X=7, but input_size=5. Build Recurrent with input_size=7",
    ),
    "no step": (lambda m: m(x_of(0, B, X)), ShapeError, "there is no time step in it"),
    "number too large": (
        lambda m: m(x_of(T, B).long() + X),
        ShapeError,
        "whole numbers 5 to 5, .* input_size=5 inputs. Give 0 to 4",
    ),
    "number below 0": (lambda m: m(x_of(T, B).long() - 1), ShapeError, "whole numbers -1 to -1"),
    "x of float64": (
        lambda m: m(x_of(T, B, X).double()),
        DtypeError,
        r"x of dtype torch.float64, but its weights are torch.float32",
    ),
    "x of bool": (lambda m: m(x_of(T, B).bool()), DtypeError, "x of dtype torch.bool"),
    "x elsewhere": (
        lambda m: m(x_of(T, B, X, device="meta")),
        DeviceError,
        r"x on meta, but its weights are on cpu. Move one: x.to\('cpu'\)",
    ),
    "too few lengths": (
        lambda m: m(x_of(T, B, X), lengths=[1, 2]),
        LengthsError,
        r"lengths of shape \[2\] and torch.int64 for B=4",
    ),
    "one length": (lambda m: m(x_of(T, B, X), lengths=3), LengthsError, r"lengths of shape \[\]"),
    "lengths of floats": (
        lambda m: m(x_of(T, B, X), lengths=[1.0, 2.0, 3.0, 4.0]),
        LengthsError,
        r"torch.float32 for B=4. Wanted one whole",
    ),
    "lengths of bools": (
        lambda m: m(x_of(T, B, X), lengths=[True] * 4),
        LengthsError,
        "torch.bool for B=4",
    ),
    "negative length": (
        lambda m: m(x_of(T, B, X), lengths=[1, 2, -1, 3]),
        LengthsError,
        "lengths from -1 to 3 for T=6",
    ),
    "length past T": (
        lambda m: m(x_of(T, B, X), lengths=[1, 2, 7, 3]),
        LengthsError,
        "lengths from 1 to 7 for T=6",
    ),
    "lengths of None": (
        lambda m: m(x_of(T, B, X), lengths=[None] * 4),
        LengthsError,
        r"lengths=\[None, None",
    ),
    "lengths of words": (
        lambda m: m(x_of(T, B, X), lengths="word"),
        LengthsError,
        "lengths='word'. Wanted one whole number",
    ),
    "huge lengths": (
        lambda m: m(x_of(T, B, X), lengths=[2**70] * 4),
        LengthsError,
        "lengths=.1180591620717411303424",
    ),
    "lengths and packed": (
        lambda m: m(pack_padded_sequence(x_of(T, B, X), [4, 3, 2, 1]), lengths=[4, 3, 2, 1]),
        LengthsError,
        "lengths beside a PackedSequence, which has its own",
    ),
    "state of one part": (
        lambda m: m(x_of(T, B, X), x_of(1, B, H)),
        StateError,
        r"lstm has the states h, c; got \[\[1, 4, 5\]\]",
    ),
    "state by name": (lambda m: m(x_of(T, B, X), {"h": 0, "c": 0}), StateError, r"got \['dict'\]"),
    "state of another batch": (
        lambda m: m(x_of(T, B, X), (x_of(1, 3, H), x_of(1, 3, H))),
        StateError,
        r"wanted shapes \[\[1, 4, 5\], \[1, 4, 5\]\]",
    ),
    "batched state": (
        lambda m: m(x_of(T, X), (x_of(1, 1, H), x_of(1, 1, H))),
        StateError,
        r"wanted shapes \[\[1, 5\], \[1, 5\]\]",
    ),
    "state of float64": (
        lambda m: m(x_of(T, B, X), (x_of(1, B, H), x_of(1, B, H).double())),
        DtypeError,
        "c of dtype torch.float64",
    ),
    "unknown equation": (
        lambda m: m(x_of(T, B, X), record=("forget",)),
        UnknownNameError,
        "lstm has no equation 'forget'; it has i, f, g, o, c, h",
    ),
    "unknown parameter": (
        lambda m: m.parameter("W.xz"),
        UnknownNameError,
        "lstm has no parameter 'W.xz'; it has W.xi, ",
    ),
    "unknown layer": (
        lambda m: m.gradient("W.xi", layer=1),
        UnknownNameError,
        "'W.xi in layer 1'; it has layers 0 to 0",
    ),
    "unknown direction": (
        lambda m: m.parameter("b.f", reverse=True),
        UnknownNameError,
        r"'b.f in layer 0 reversed'; .*1 direction",
    ),
    "step of three axes": (lambda m: m.step(x_of(1, B, X)), ShapeError, "the layer takes T B X"),
}


def make_bare(name, **options):
    return Recurrent(find_cell(name), X, H, **options)


@pytest.mark.parametrize("mistake", CONSTRUCTIONS)
def test_a_mistaken_layer_is_refused_with_what_was_wanted(mistake):
    make, kind, says = CONSTRUCTIONS[mistake]
    with pytest.raises(kind, match=f"(?s){says}") as caught:
        make()
    assert type(caught.value) is kind


@pytest.mark.parametrize("mistake", CALLS)
def test_a_mistaken_call_is_refused_with_what_was_wanted(mistake):
    call, kind, says = CALLS[mistake]
    with pytest.raises(kind, match=says) as caught:
        call(Recurrent(LSTM_CELL, X, H))
    assert type(caught.value) is kind


def test_a_two_way_layer_cannot_step():
    with pytest.raises(OptionError, match="bidirectional=True; wanted False to step through time"):
        LSTM(X, H, bidirectional=True).step(torch.zeros(B, X))


def test_what_differs_in_width_from_layer_to_layer_cannot_be_recorded():
    x = torch.zeros(T, B, 3)
    recorded = Recurrent(squashes_x, 3, 3, 2)(x, record=("a",))[2]["a"]
    assert torch.equal(recorded[0], x)
    with pytest.raises(RecordError, match=r"a cannot be recorded: it is \[3, 4\] wide"):
        Recurrent(squashes_x, 3, 4, 2)(x, record=("a",))


@pytest.mark.parametrize(
    "error",
    [
        ShapeError(layer="LSTM", shape=[1], problem="p"),
        StateError(cell="lstm", names="h", got=[], wanted=[]),
        DtypeError(layer="LSTM", tensor="x", got=torch.half, wanted=torch.float),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_of_the_layers_pickle(error):
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is type(error)
    assert str(twin) == str(error)
