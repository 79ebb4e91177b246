"""The nine cells of "LSTM: A Search Space Odyssey" (Greff et al. 2015, section 3).

The paper's letters: z is the candidate (block input), p the peepholes. Each variant takes one
thing from the vanilla cell, or adds one.
"""

from unrolled.lang.trace import cell
from unrolled.lang.words import sigmoid, tanh


@cell(init={"b.f": 1.0})
def vanilla_lstm(x, h, c, *, W, b, p):
    """V: the vanilla LSTM, with peepholes (Greff et al. 2015)."""
    z = tanh(W.xz @ x + W.hz @ h + b.z)  # block input
    i = sigmoid(W.xi @ x + W.hi @ h + p.i * c + b.i)  # input gate
    f = sigmoid(W.xf @ x + W.hf @ h + p.f * c + b.f)  # forget gate
    c = z * i + c * f
    o = sigmoid(W.xo @ x + W.ho @ h + p.o * c + b.o)  # output gate
    return tanh(c) * o, c


@cell(init={"b.f": 1.0})
def lstm_nig(x, h, c, *, W, b, p):
    """NIG: no input gate, i = 1."""
    z = tanh(W.xz @ x + W.hz @ h + b.z)  # block input
    f = sigmoid(W.xf @ x + W.hf @ h + p.f * c + b.f)  # forget gate
    c = z + c * f
    o = sigmoid(W.xo @ x + W.ho @ h + p.o * c + b.o)  # output gate
    return tanh(c) * o, c


@cell
def lstm_nfg(x, h, c, *, W, b, p):
    """NFG: no forget gate, f = 1: the cell of 1997, with peepholes."""
    z = tanh(W.xz @ x + W.hz @ h + b.z)  # block input
    i = sigmoid(W.xi @ x + W.hi @ h + p.i * c + b.i)  # input gate
    c = z * i + c
    o = sigmoid(W.xo @ x + W.ho @ h + p.o * c + b.o)  # output gate
    return tanh(c) * o, c


@cell(init={"b.f": 1.0})
def lstm_nog(x, h, c, *, W, b, p):
    """NOG: no output gate, o = 1."""
    z = tanh(W.xz @ x + W.hz @ h + b.z)  # block input
    i = sigmoid(W.xi @ x + W.hi @ h + p.i * c + b.i)  # input gate
    f = sigmoid(W.xf @ x + W.hf @ h + p.f * c + b.f)  # forget gate
    c = z * i + c * f
    return tanh(c), c


@cell(init={"b.f": 1.0})
def lstm_niaf(x, h, c, *, W, b, p):
    """NIAF: no input activation function, z is linear."""
    z = W.xz @ x + W.hz @ h + b.z  # block input
    i = sigmoid(W.xi @ x + W.hi @ h + p.i * c + b.i)  # input gate
    f = sigmoid(W.xf @ x + W.hf @ h + p.f * c + b.f)  # forget gate
    c = z * i + c * f
    o = sigmoid(W.xo @ x + W.ho @ h + p.o * c + b.o)  # output gate
    return tanh(c) * o, c


@cell(init={"b.f": 1.0})
def lstm_noaf(x, h, c, *, W, b, p):
    """NOAF: no output activation function, the cell is shown as it is."""
    z = tanh(W.xz @ x + W.hz @ h + b.z)  # block input
    i = sigmoid(W.xi @ x + W.hi @ h + p.i * c + b.i)  # input gate
    f = sigmoid(W.xf @ x + W.hf @ h + p.f * c + b.f)  # forget gate
    c = z * i + c * f
    o = sigmoid(W.xo @ x + W.ho @ h + p.o * c + b.o)  # output gate
    return c * o, c


@cell
def lstm_cifg(x, h, c, *, W, b, p):
    """CIFG: coupled input and forget gate, f = 1 - i."""
    z = tanh(W.xz @ x + W.hz @ h + b.z)  # block input
    i = sigmoid(W.xi @ x + W.hi @ h + p.i * c + b.i)  # input gate
    f = 1 - i  # forget gate
    c = z * i + c * f
    o = sigmoid(W.xo @ x + W.ho @ h + p.o * c + b.o)  # output gate
    return tanh(c) * o, c


@cell(init={"b.f": 1.0})
def lstm_np(x, h, c, *, W, b):
    """NP: no peepholes; `lstm` in the letters of this paper."""
    z = tanh(W.xz @ x + W.hz @ h + b.z)  # block input
    i = sigmoid(W.xi @ x + W.hi @ h + b.i)  # input gate
    f = sigmoid(W.xf @ x + W.hf @ h + b.f)  # forget gate
    c = z * i + c * f
    o = sigmoid(W.xo @ x + W.ho @ h + b.o)  # output gate
    return tanh(c) * o, c


@cell(init={"b.f": 1.0})
def lstm_fgr(x, h, c, i, f, o, *, W, b, p):
    """FGR: full gate recurrence; the previous gates feed the new ones through nine matrices."""
    to_i = W.i_i @ i + W.f_i @ f + W.o_i @ o  # from all old gates
    to_f = W.i_f @ i + W.f_f @ f + W.o_f @ o
    to_o = W.i_o @ i + W.f_o @ f + W.o_o @ o
    z = tanh(W.xz @ x + W.hz @ h + b.z)  # block input
    i = sigmoid(W.xi @ x + W.hi @ h + to_i + p.i * c + b.i)  # input gate
    f = sigmoid(W.xf @ x + W.hf @ h + to_f + p.f * c + b.f)  # forget gate
    c = z * i + c * f
    o = sigmoid(W.xo @ x + W.ho @ h + to_o + p.o * c + b.o)  # output gate
    return tanh(c) * o, c, i, f, o
