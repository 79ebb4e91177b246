"""Long short-term memory and its two common variants.

Hochreiter and Schmidhuber's cell of 1997 had no forget gate (f = 1); Gers, Schmidhuber and Cummins
added it in 2000, and that is what everyone since calls LSTM.
"""

from unrolled.lang.trace import cell
from unrolled.lang.words import sigmoid, tanh


@cell(init={"b.f": 1.0})
def lstm(x, h, c, *, W, b):
    """Long short-term memory (Hochreiter & Schmidhuber 1997), as torch.nn.LSTM computes it."""
    i = sigmoid(W.xi @ x + W.hi @ h + b.i)  # input gate: write to the cell?
    f = sigmoid(W.xf @ x + W.hf @ h + b.f)  # forget gate: keep the cell?
    g = tanh(W.xg @ x + W.hg @ h + b.g)  # candidate: what to write
    o = sigmoid(W.xo @ x + W.ho @ h + b.o)  # output gate: how much to show
    c = f * c + i * g
    return o * tanh(c), c


@cell(init={"b.f": 1.0})
def peephole_lstm(x, h, c, *, W, b, p):
    """LSTM whose gates see the cell (Gers & Schmidhuber 2000)."""
    i = sigmoid(W.xi @ x + W.hi @ h + p.i * c + b.i)  # input gate, sees the old cell
    f = sigmoid(W.xf @ x + W.hf @ h + p.f * c + b.f)  # forget gate, sees the old cell
    g = tanh(W.xg @ x + W.hg @ h + b.g)  # candidate
    c = f * c + i * g
    o = sigmoid(W.xo @ x + W.ho @ h + p.o * c + b.o)  # output gate, sees the new cell
    return o * tanh(c), c


@cell(init={"b.f": 1.0}, widths={"h": "R"})
def lstm_projected(x, h, c, *, W, b):
    """LSTM whose output is a projection, narrower than its cell (Sak, Senior & Beaufays 2014)."""
    i = sigmoid(W.xi @ x + W.hi @ h + b.i)  # input gate
    f = sigmoid(W.xf @ x + W.hf @ h + b.f)  # forget gate
    g = tanh(W.xg @ x + W.hg @ h + b.g)  # candidate
    o = sigmoid(W.xo @ x + W.ho @ h + b.o)  # output gate
    c = f * c + i * g
    return W.hr @ (o * tanh(c)), c
