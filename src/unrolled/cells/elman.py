"""The simple recurrent network (Elman 1990, "Finding structure in time")."""

from unrolled.lang.trace import cell
from unrolled.lang.words import relu, tanh


@cell
def rnn(x, h, *, W, b):
    """Vanilla recurrent network (Elman 1990), as torch.nn.RNN computes it."""
    return tanh(W.xh @ x + W.hh @ h + b.h)


@cell
def rnn_relu(x, h, *, W, b):
    """Vanilla recurrent network with rectified units (Le, Jaitly and Hinton 2015)."""
    return relu(W.xh @ x + W.hh @ h + b.h)
