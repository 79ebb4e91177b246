"""The three best cells that evolution found (Jozefowicz, Zaremba and Sutskever 2015, section 3).

Here z admits the new state. The paper's own forms add x to vectors as wide as h, so they need
input_size == hidden_size; the `_projected` forms learn that step and take any width.
"""

from unrolled.lang.trace import cell
from unrolled.lang.words import sigmoid, tanh


@cell
def mut1(x, h, *, W, b):
    """MUT1 (Jozefowicz et al. 2015); needs input_size == hidden_size."""
    z = sigmoid(W.xz @ x + b.z)  # how much of the new state to take
    r = sigmoid(W.xr @ x + W.hr @ h + b.r)  # how much of the old state to read
    return tanh(W.hh @ (r * h) + tanh(x) + b.h) * z + h * (1 - z)


@cell
def mut1_projected(x, h, *, W, b):
    """MUT1 with a learned input projection, for any input_size."""
    z = sigmoid(W.xz @ x + b.z)  # how much of the new state to take
    r = sigmoid(W.xr @ x + W.hr @ h + b.r)  # how much of the old state to read
    return tanh(W.hh @ (r * h) + tanh(W.xh @ x) + b.h) * z + h * (1 - z)


@cell
def mut2(x, h, *, W, b):
    """MUT2 (Jozefowicz et al. 2015); needs input_size == hidden_size."""
    z = sigmoid(W.xz @ x + W.hz @ h + b.z)  # how much of the new state to take
    r = sigmoid(x + W.hr @ h + b.r)  # how much of the old state to read
    return tanh(W.hh @ (r * h) + W.xh @ x + b.h) * z + h * (1 - z)


@cell
def mut2_projected(x, h, *, W, b):
    """MUT2 with a learned input projection, for any input_size."""
    z = sigmoid(W.xz @ x + W.hz @ h + b.z)  # how much of the new state to take
    r = sigmoid(W.xr @ x + W.hr @ h + b.r)  # how much of the old state to read
    return tanh(W.hh @ (r * h) + W.xh @ x + b.h) * z + h * (1 - z)


@cell
def mut3(x, h, *, W, b):
    """MUT3 (Jozefowicz et al. 2015)."""
    z = sigmoid(W.xz @ x + W.hz @ tanh(h) + b.z)  # how much of the new state to take
    r = sigmoid(W.xr @ x + W.hr @ h + b.r)  # how much of the old state to read
    return tanh(W.hh @ (r * h) + W.xh @ x + b.h) * z + h * (1 - z)
