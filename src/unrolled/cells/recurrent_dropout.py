"""Recurrent dropout without memory loss (Semeniuta, Severyn and Barth 2016, eqs. 9 and 13)."""

# pyright: reportOperatorIssue=false

from unrolled.lang.masks import dropout
from unrolled.lang.trace import cell
from unrolled.lang.words import sigmoid, tanh


@cell(init={"b.f": 1.0})
def lstm_recurrent_dropout(x, h, c, *, W, b, m=dropout(0.25)):
    """LSTM that drops parts of what it writes, never of what it remembers."""
    i = sigmoid(W.xi @ x + W.hi @ h + b.i)  # input gate
    f = sigmoid(W.xf @ x + W.hf @ h + b.f)  # forget gate
    g = tanh(W.xg @ x + W.hg @ h + b.g)  # candidate
    o = sigmoid(W.xo @ x + W.ho @ h + b.o)  # output gate
    c = f * c + i * (m * g)
    return o * tanh(c), c


@cell
def gru_recurrent_dropout(x, h, *, W, b, m=dropout(0.25)):
    """GRU that drops parts of its candidate."""
    r = sigmoid(W.xr @ x + W.hr @ h + b.r)  # reset gate
    z = sigmoid(W.xz @ x + W.hz @ h + b.z)  # update gate
    n = tanh(W.xn @ x + W.hn @ (r * h) + b.n)  # candidate
    return z * h + (1 - z) * (m * n)
