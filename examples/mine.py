"""A cell of one's own, for `--cell mine.py:mine` and for Python."""

from unrolled import cell, sigmoid, tanh


@cell
def mine(x, h, *, W, b):
    """My unit: the old state passes a gate before it is read."""
    z = sigmoid(W.xz @ x + W.hz @ h + b.z)  # how much of the old state stays
    n = tanh(W.xn @ x + W.hn @ (z * h) + b.n)  # what is new
    return z * h + (1 - z) * n
