"""Gated recurrent units: the reset gate before the product, or after it.

The two are different networks, not convertible into each other. In both, z keeps the old state.
"""

from unrolled.lang.trace import cell
from unrolled.lang.words import sigmoid, tanh


@cell
def gru(x, h, *, W, b):
    """Gated recurrent unit (Cho et al. 2014), the reset gate before the product."""
    r = sigmoid(W.xr @ x + W.hr @ h + b.r)  # reset gate: how much of the old state to read
    z = sigmoid(W.xz @ x + W.hz @ h + b.z)  # update gate: how much of the old state to keep
    n = tanh(W.xn @ x + W.hn @ (r * h) + b.n)  # candidate
    return z * h + (1 - z) * n


@cell
def gru_torch(x, h, *, W, b):
    """Gated recurrent unit, the reset gate after the product, as torch.nn.GRU computes it."""
    r = sigmoid(W.xr @ x + b.xr + W.hr @ h + b.hr)  # reset gate
    z = sigmoid(W.xz @ x + b.xz + W.hz @ h + b.hz)  # update gate
    n = tanh(W.xn @ x + b.xn + r * (W.hn @ h + b.hn))  # candidate
    return z * h + (1 - z) * n
