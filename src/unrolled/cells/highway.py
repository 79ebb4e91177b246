"""Recurrent highway network (Zilly, Srivastava, Koutnik and Schmidhuber 2017, eqs. 6 to 9)."""

from unrolled.lang.trace import cell
from unrolled.lang.words import sigmoid, tanh


@cell(init={"b.Rt": -2.0})
def rhn(x, h, *, W, b, depth=2):
    """Recurrent highway network: `depth` highway layers a step, carry gates coupled (1 - t)."""
    u = tanh(W.x @ x + W.R[1] @ h + b.R[1])
    t = sigmoid(W.t @ x + W.Rt[1] @ h + b.Rt[1])  # transform gate, nearly shut at the start
    s = u * t + h * (1 - t)
    for l in range(2, depth + 1):  # noqa: E741
        u = tanh(W.R[l] @ s + b.R[l])
        t = sigmoid(W.Rt[l] @ s + b.Rt[l])
        s = u * t + s * (1 - t)
    return s
