"""Layer normalisation inside the recurrence (Ba, Kiros and Hinton 2016).

The statistics are those of the stacked products, all gates of a sum together. In p, g is a gain
and s a shift.
"""

from unrolled.lang.trace import cell
from unrolled.lang.words import layer_norm, sigmoid, split, tanh


@cell(
    init={"p.gx": 1, "p.sx": 0, "p.gh": 1, "p.sh": 0, "p.gc": 1, "p.sc": 0},
    widths={"a": "4H"},
)
def layernorm_lstm(x, h, c, *, W, b, p):
    """LSTM with layer normalisation of its sums and of the cell it shows."""
    a = layer_norm(W.x @ x, p.gx, p.sx) + layer_norm(W.h @ h, p.gh, p.sh) + b.a
    i, f, g, o = split(a, 4)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(layer_norm(c, p.gc, p.sc)), c


@cell(
    init={"p.gx": 1, "p.sx": 0, "p.gh": 1, "p.sh": 0}
    | {"p.gxn": 1, "p.sxn": 0, "p.ghn": 1, "p.shn": 0},
    widths={"a": "2H"},
)
def layernorm_gru(x, h, *, W, b, p):
    """GRU in torch's form (reset after the product) with layer normalisation of its sums."""
    a = layer_norm(W.x @ x, p.gx, p.sx) + layer_norm(W.h @ h, p.gh, p.sh) + b.a
    r, z = split(sigmoid(a), 2)
    new = layer_norm(W.xn @ x, p.gxn, p.sxn) + b.n
    n = tanh(new + r * layer_norm(W.hn @ h, p.ghn, p.shn))
    return z * h + (1 - z) * n
