"""The same mistake raises the same kind of error as torch's layers do, and says what was wanted."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import unrolled
from unrolled.errors import UnrolledError

T, B, X, H = 3, 3, 2, 3
SORTED = [3, 2, 1]


class Mistake(NamedTuple):
    """A mistake as it is made in either library, and what our message must say about it."""

    title: str
    make: Callable[[Any], Any]  # takes torch.nn or unrolled
    says: str  # a regular expression
    stricter: bool = False  # torch lets it pass, or stumbles over it by chance


def make_input(*shape, **options):
    return torch.zeros(shape or (T, B, X), **options)


def states(*shapes, **options):
    return tuple(torch.zeros(shape, **options) for shape in shapes)


GOOD = (1, B, H)
LSTM_STATE = r"lstm has the states h, c; got .*wanted shapes \[\[1, 3, 3\], \[1, 3, 3\]\]"
GRU_STATE = r"gru_torch has the states h; got .*wanted shapes \[\[1, 3, 3\]\]"
MISTAKES = [
    Mistake("input_size 0", lambda m: m.LSTM(0, H), "LSTM got input_size=0; wanted at least 1"),
    Mistake("hidden_size -1", lambda m: m.GRU(X, -1), "GRU got hidden_size=-1; wanted at least 1"),
    Mistake("num_layers 0", lambda m: m.RNN(X, H, 0), "RNN got num_layers=0; wanted at least 1"),
    Mistake(
        "input_size float", lambda m: m.LSTM(2.5, H), "input_size=2.5 of type float; wanted a whole"
    ),
    Mistake(
        "hidden_size text", lambda m: m.LSTM(X, "3"), "hidden_size='3' of type str; wanted a whole"
    ),
    Mistake("num_layers float", lambda m: m.GRU(X, H, 1.5), "num_layers=1.5 of type float; wanted"),
    Mistake("num_layers None", lambda m: m.GRU(X, H, None), "num_layers=None of type NoneType"),
    Mistake("bias 1", lambda m: m.LSTM(X, H, bias=1), "bias=1 of type int; wanted True or False"),
    Mistake(
        "batch_first 1",
        lambda m: m.RNN(X, H, batch_first=1),
        "batch_first=1 of type int; wanted True",
    ),
    Mistake(
        "bidirectional yes",
        lambda m: m.RNN(X, H, bidirectional="yes"),
        "bidirectional='yes' of type str",
        True,
    ),
    Mistake(
        "dropout -0.1",
        lambda m: m.GRU(X, H, dropout=-0.1),
        "dropout=-0.1; wanted a number from 0 to 1",
    ),
    Mistake(
        "dropout 1.5",
        lambda m: m.GRU(X, H, dropout=1.5),
        "dropout=1.5; wanted a number from 0 to 1",
    ),
    Mistake("dropout True", lambda m: m.GRU(X, H, dropout=True), "dropout=True; wanted a number"),
    Mistake(
        "dropout nan", lambda m: m.GRU(X, H, dropout=float("nan")), "dropout=nan; wanted a number"
    ),
    Mistake(
        "proj_size -1", lambda m: m.LSTM(X, H, proj_size=-1), "proj_size=-1; wanted at least 0"
    ),
    Mistake(
        "proj_size H",
        lambda m: m.LSTM(X, H, proj_size=H),
        "proj_size=3; wanted less than hidden_size",
    ),
    Mistake(
        "proj_size float", lambda m: m.LSTM(X, H, proj_size=1.5), "proj_size=1.5 of type float"
    ),
    Mistake(
        "nonlinearity",
        lambda m: m.RNN(X, H, nonlinearity="elu"),
        "nonlinearity='elu'; wanted 'tanh' or 'relu'",
    ),
    Mistake(
        "x of 1 axis",
        lambda m: m.LSTM(X, H)(make_input(X)),
        r"LSTM got x of shape \[2\]: the layer takes T B X",
    ),
    Mistake(
        "x of 4 axes",
        lambda m: m.LSTM(X, H)(make_input(1, T, B, X)),
        r"shape \[1, 3, 3, 2\]: the layer takes",
    ),
    Mistake(
        "x too wide",
        lambda m: m.LSTM(X, H)(make_input(T, B, 5)),
        r"read as T=3 B=3 X=5, but input_size=2",
    ),
    Mistake(
        "x too wide, batch first",
        lambda m: m.GRU(X, H, batch_first=True)(make_input(B, T, 5)),
        r"read as T=3 B=3 X=5, but input_size=2",
    ),
    Mistake(
        "packed x too wide",
        lambda m: m.LSTM(X, H)(pack_padded_sequence(make_input(T, B, 5), SORTED)),
        "read as T=3 B=3 X=5, but input_size=2",
    ),
    Mistake(
        "no time step",
        lambda m: m.LSTM(X, H)(make_input(0, B, X)),
        "there is no time step in it. Give at least one",
    ),
    Mistake(
        "x of float64",
        lambda m: m.LSTM(X, H)(make_input(dtype=torch.float64)),
        r"x of dtype torch.float64, but its weights are torch.float32.*x.to\(torch.float32\)",
    ),
    Mistake(
        "x of bool",
        lambda m: m.LSTM(X, H)(torch.zeros(T, X, dtype=torch.bool)),
        "x of dtype torch.bool, but its weights are torch.float32",
    ),
    Mistake(
        "x elsewhere",
        lambda m: m.GRU(X, H)(make_input(device="meta")),
        "x on meta, but its weights are on cpu",
    ),
    Mistake(
        "h alone for LSTM",
        lambda m: m.LSTM(X, H)(make_input(), torch.zeros(GOOD)),
        LSTM_STATE,
        True,
    ),
    Mistake("c missing", lambda m: m.LSTM(X, H)(make_input(), states(GOOD)), LSTM_STATE, True),
    Mistake(
        "three states", lambda m: m.LSTM(X, H)(make_input(), states(GOOD, GOOD, GOOD)), LSTM_STATE
    ),
    Mistake(
        "state of another batch",
        lambda m: m.LSTM(X, H)(make_input(), states((1, 2, H), (1, 2, H))),
        LSTM_STATE,
    ),
    Mistake(
        "state too wide",
        lambda m: m.LSTM(X, H)(make_input(), states((1, B, 5), (1, B, 5))),
        LSTM_STATE,
    ),
    Mistake(
        "c too wide", lambda m: m.LSTM(X, H)(make_input(), states(GOOD, (1, B, 5))), LSTM_STATE
    ),
    Mistake(
        "state of two layers", lambda m: m.GRU(X, H)(make_input(), torch.zeros(2, B, H)), GRU_STATE
    ),
    Mistake(
        "batched x, unbatched state",
        lambda m: m.GRU(X, H)(make_input(), torch.zeros(1, H)),
        GRU_STATE,
    ),
    Mistake(
        "unbatched x, batched state",
        lambda m: m.GRU(X, H)(make_input(T, X), torch.zeros(GOOD)),
        r"got \[\[1, 3, 3\]\], wanted shapes \[\[1, 3\]\]",
    ),
    Mistake(
        "packed x, state of another batch",
        lambda m: m.GRU(X, H)(pack_padded_sequence(make_input(), SORTED), torch.zeros(1, 2, H)),
        GRU_STATE,
    ),
    Mistake("tuple for a GRU", lambda m: m.GRU(X, H)(make_input(), states(GOOD)), GRU_STATE, True),
    Mistake("number for a state", lambda m: m.LSTM(X, H)(make_input(), 5), r"got \['int'\]", True),
    Mistake(
        "None for c",
        lambda m: m.LSTM(X, H)(make_input(), (torch.zeros(GOOD), None)),
        r"\[1, 3, 3\], 'NoneType'\]",
        True,
    ),
    Mistake(
        "state of float64",
        lambda m: m.GRU(X, H)(make_input(), torch.zeros(GOOD, dtype=torch.float64)),
        r"GRU got h of dtype torch.float64, but its weights are torch.float32",
    ),
    Mistake(
        "c of float64, one step",
        lambda m: m.LSTM(X, H)(
            make_input(1, B, X), (torch.zeros(GOOD), torch.zeros(GOOD, dtype=torch.float64))
        ),
        r"LSTM got c of dtype torch.float64",
    ),
    Mistake(
        "state elsewhere",
        lambda m: m.GRU(X, H)(make_input(), torch.zeros(GOOD, device="meta")),
        "GRU got h on meta",
    ),
    Mistake(
        "cell: x of 3 axes",
        lambda m: m.GRUCell(X, H)(make_input()),
        "GRUCell got x of shape .* one step takes B X",
    ),
    Mistake(
        "cell: x of no axis", lambda m: m.RNNCell(X, H)(torch.tensor(1.0)), "one step takes B X"
    ),
    Mistake(
        "cell: x too wide", lambda m: m.LSTMCell(X, H)(make_input(B, 5)), "X=5, but input_size=2"
    ),
    Mistake(
        "cell: x of float64",
        lambda m: m.RNNCell(X, H)(make_input(B, X, dtype=torch.float64)),
        "x of dtype torch.float64",
    ),
    Mistake(
        "cell: state of another batch",
        lambda m: m.GRUCell(X, H)(make_input(B, X), torch.zeros(2, H)),
        GRU_STATE,
    ),
    Mistake(
        "cell: state too wide",
        lambda m: m.RNNCell(X, H)(make_input(B, X), torch.zeros(B, 5)),
        "rnn has the states h",
    ),
    Mistake(
        "cell: state of 3 axes",
        lambda m: m.RNNCell(X, H)(make_input(B, X), torch.zeros(GOOD)),
        "rnn has the states h",
    ),
    Mistake(
        "cell: c missing", lambda m: m.LSTMCell(X, H)(make_input(B, X), states((B, H))), LSTM_STATE
    ),
    Mistake(
        "cell: h alone",
        lambda m: m.LSTMCell(X, H)(make_input(B, X), torch.zeros(B, H)),
        LSTM_STATE,
        True,
    ),
    Mistake(
        "cell: hidden_size -1",
        lambda m: m.GRUCell(X, -1),
        "hidden_size=-1; wanted at least 1",
        True,
    ),
    Mistake("cell: hidden_size text", lambda m: m.GRUCell(X, "3"), "hidden_size='3' of type str"),
    Mistake(
        "cell: nonlinearity",
        lambda m: m.RNNCell(X, H, nonlinearity="elu")(make_input(B, X)),
        "'elu'; wanted 'tanh'",
        True,
    ),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.title)
@pytest.mark.filterwarnings("ignore:dropout option adds dropout")
def test_the_same_mistake_raises_the_same_kind_of_error_and_says_what_was_wanted(mistake):
    with pytest.raises(UnrolledError, match=mistake.says) as ours:
        mistake.make(unrolled)
    assert ours.type.__module__.startswith("unrolled.errors")
    if not mistake.stricter:
        with pytest.raises(ours.type.__bases__) as theirs:
            mistake.make(nn)
        assert issubclass(ours.type, theirs.type), f"torch raises {theirs.type.__name__}"
