"""One time step of every recurrent cell of SPEC section 1, in float64 numpy.

A step takes `x` (B X), `states` (name to B by width) and `parameters` (SPEC's "W.xi", "b.i", ...;
masks too), and returns the new states by name, the output first. `W @ v` on a batch is `v @ W.T`.
The formulas repeat on purpose: each is read against SPEC; a shared one could be wrong everywhere.
"""

import numpy as np
from numpy import tanh


def sigmoid(v):
    """The logistic function; exp sees no positive number, so it cannot overflow."""
    e = np.exp(-np.abs(v))
    return np.where(v >= 0, 1.0, e) / (1.0 + e)


def layer_norm(v, gain, shift):
    """LN over each row, with the biased variance."""
    mean, variance = v.mean(axis=1, keepdims=True), v.var(axis=1, keepdims=True, ddof=0)
    return (v - mean) / np.sqrt(variance + 1e-5) * gain + shift


def rnn(x, states, parameters):
    """Elman's cell with tanh."""
    h, w = states["h"], parameters
    return {"h": tanh(x @ w["W.xh"].T + h @ w["W.hh"].T + w["b.h"])}


def rnn_relu(x, states, parameters):
    """Elman's cell with relu."""
    h, w = states["h"], parameters
    return {"h": np.maximum(x @ w["W.xh"].T + h @ w["W.hh"].T + w["b.h"], 0.0)}


def lstm(x, states, parameters):
    """Long short-term memory with a forget gate."""
    h, c, w = states["h"], states["c"], parameters
    i = sigmoid(x @ w["W.xi"].T + h @ w["W.hi"].T + w["b.i"])
    f = sigmoid(x @ w["W.xf"].T + h @ w["W.hf"].T + w["b.f"])
    g = tanh(x @ w["W.xg"].T + h @ w["W.hg"].T + w["b.g"])
    o = sigmoid(x @ w["W.xo"].T + h @ w["W.ho"].T + w["b.o"])
    c = f * c + i * g
    return {"h": o * tanh(c), "c": c}


def gru(x, states, parameters):
    """Gated recurrent unit, reset before the product; z keeps the old state."""
    h, w = states["h"], parameters
    r = sigmoid(x @ w["W.xr"].T + h @ w["W.hr"].T + w["b.r"])
    z = sigmoid(x @ w["W.xz"].T + h @ w["W.hz"].T + w["b.z"])
    n = tanh(x @ w["W.xn"].T + (r * h) @ w["W.hn"].T + w["b.n"])
    return {"h": z * h + (1 - z) * n}


def gru_torch(x, states, parameters):
    """Gated recurrent unit, reset after the product, two biases a gate."""
    h, w = states["h"], parameters
    r = sigmoid(x @ w["W.xr"].T + w["b.xr"] + h @ w["W.hr"].T + w["b.hr"])
    z = sigmoid(x @ w["W.xz"].T + w["b.xz"] + h @ w["W.hz"].T + w["b.hz"])
    n = tanh(x @ w["W.xn"].T + w["b.xn"] + r * (h @ w["W.hn"].T + w["b.hn"]))
    return {"h": z * h + (1 - z) * n}


def mut1(x, states, parameters):
    """MUT1, faithful (X = H); z admits the new state."""
    h, w = states["h"], parameters
    z = sigmoid(x @ w["W.xz"].T + w["b.z"])
    r = sigmoid(x @ w["W.xr"].T + h @ w["W.hr"].T + w["b.r"])
    return {"h": tanh((r * h) @ w["W.hh"].T + tanh(x) + w["b.h"]) * z + h * (1 - z)}


def mut2(x, states, parameters):
    """MUT2, faithful (X = H): x enters r without a matrix."""
    h, w = states["h"], parameters
    z = sigmoid(x @ w["W.xz"].T + h @ w["W.hz"].T + w["b.z"])
    r = sigmoid(x + h @ w["W.hr"].T + w["b.r"])
    return {"h": tanh((r * h) @ w["W.hh"].T + x @ w["W.xh"].T + w["b.h"]) * z + h * (1 - z)}


def mut3(x, states, parameters):
    """MUT3: z sees tanh(h)."""
    h, w = states["h"], parameters
    z = sigmoid(x @ w["W.xz"].T + tanh(h) @ w["W.hz"].T + w["b.z"])
    r = sigmoid(x @ w["W.xr"].T + h @ w["W.hr"].T + w["b.r"])
    return {"h": tanh((r * h) @ w["W.hh"].T + x @ w["W.xh"].T + w["b.h"]) * z + h * (1 - z)}


def mut1_projected(x, states, parameters):
    """MUT1 for any X: tanh(W.xh@x) for tanh(x)."""
    h, w = states["h"], parameters
    z = sigmoid(x @ w["W.xz"].T + w["b.z"])
    r = sigmoid(x @ w["W.xr"].T + h @ w["W.hr"].T + w["b.r"])
    return {"h": tanh((r * h) @ w["W.hh"].T + tanh(x @ w["W.xh"].T) + w["b.h"]) * z + h * (1 - z)}


def mut2_projected(x, states, parameters):
    """MUT2 for any X: W.xr@x for x in r."""
    h, w = states["h"], parameters
    z = sigmoid(x @ w["W.xz"].T + h @ w["W.hz"].T + w["b.z"])
    r = sigmoid(x @ w["W.xr"].T + h @ w["W.hr"].T + w["b.r"])
    return {"h": tanh((r * h) @ w["W.hh"].T + x @ w["W.xh"].T + w["b.h"]) * z + h * (1 - z)}


def vanilla_lstm(x, states, parameters):
    """V of Greff et al. 2015: z is the candidate, i and f see the old c, o the new one."""
    h, c, w = states["h"], states["c"], parameters
    z = tanh(x @ w["W.xz"].T + h @ w["W.hz"].T + w["b.z"])
    i = sigmoid(x @ w["W.xi"].T + h @ w["W.hi"].T + w["p.i"] * c + w["b.i"])
    f = sigmoid(x @ w["W.xf"].T + h @ w["W.hf"].T + w["p.f"] * c + w["b.f"])
    c = z * i + c * f
    o = sigmoid(x @ w["W.xo"].T + h @ w["W.ho"].T + w["p.o"] * c + w["b.o"])
    return {"h": tanh(c) * o, "c": c}


def lstm_nig(x, states, parameters):
    """No input gate: i = 1."""
    h, c, w = states["h"], states["c"], parameters
    z = tanh(x @ w["W.xz"].T + h @ w["W.hz"].T + w["b.z"])
    f = sigmoid(x @ w["W.xf"].T + h @ w["W.hf"].T + w["p.f"] * c + w["b.f"])
    c = z + c * f
    o = sigmoid(x @ w["W.xo"].T + h @ w["W.ho"].T + w["p.o"] * c + w["b.o"])
    return {"h": tanh(c) * o, "c": c}


def lstm_nfg(x, states, parameters):
    """No forget gate: f = 1."""
    h, c, w = states["h"], states["c"], parameters
    z = tanh(x @ w["W.xz"].T + h @ w["W.hz"].T + w["b.z"])
    i = sigmoid(x @ w["W.xi"].T + h @ w["W.hi"].T + w["p.i"] * c + w["b.i"])
    c = z * i + c
    o = sigmoid(x @ w["W.xo"].T + h @ w["W.ho"].T + w["p.o"] * c + w["b.o"])
    return {"h": tanh(c) * o, "c": c}


def lstm_nog(x, states, parameters):
    """No output gate: o = 1."""
    h, c, w = states["h"], states["c"], parameters
    z = tanh(x @ w["W.xz"].T + h @ w["W.hz"].T + w["b.z"])
    i = sigmoid(x @ w["W.xi"].T + h @ w["W.hi"].T + w["p.i"] * c + w["b.i"])
    f = sigmoid(x @ w["W.xf"].T + h @ w["W.hf"].T + w["p.f"] * c + w["b.f"])
    c = z * i + c * f
    return {"h": tanh(c), "c": c}


def lstm_niaf(x, states, parameters):
    """No input activation function: no tanh on z."""
    h, c, w = states["h"], states["c"], parameters
    z = x @ w["W.xz"].T + h @ w["W.hz"].T + w["b.z"]
    i = sigmoid(x @ w["W.xi"].T + h @ w["W.hi"].T + w["p.i"] * c + w["b.i"])
    f = sigmoid(x @ w["W.xf"].T + h @ w["W.hf"].T + w["p.f"] * c + w["b.f"])
    c = z * i + c * f
    o = sigmoid(x @ w["W.xo"].T + h @ w["W.ho"].T + w["p.o"] * c + w["b.o"])
    return {"h": tanh(c) * o, "c": c}


def lstm_noaf(x, states, parameters):
    """No output activation function: no tanh on the new c."""
    h, c, w = states["h"], states["c"], parameters
    z = tanh(x @ w["W.xz"].T + h @ w["W.hz"].T + w["b.z"])
    i = sigmoid(x @ w["W.xi"].T + h @ w["W.hi"].T + w["p.i"] * c + w["b.i"])
    f = sigmoid(x @ w["W.xf"].T + h @ w["W.hf"].T + w["p.f"] * c + w["b.f"])
    c = z * i + c * f
    o = sigmoid(x @ w["W.xo"].T + h @ w["W.ho"].T + w["p.o"] * c + w["b.o"])
    return {"h": c * o, "c": c}


def lstm_cifg(x, states, parameters):
    """Coupled input and forget gate: f = 1 - i."""
    h, c, w = states["h"], states["c"], parameters
    z = tanh(x @ w["W.xz"].T + h @ w["W.hz"].T + w["b.z"])
    i = sigmoid(x @ w["W.xi"].T + h @ w["W.hi"].T + w["p.i"] * c + w["b.i"])
    c = z * i + c * (1 - i)
    o = sigmoid(x @ w["W.xo"].T + h @ w["W.ho"].T + w["p.o"] * c + w["b.o"])
    return {"h": tanh(c) * o, "c": c}


def lstm_np(x, states, parameters):
    """No peepholes: `lstm` in Greff's letters."""
    h, c, w = states["h"], states["c"], parameters
    z = tanh(x @ w["W.xz"].T + h @ w["W.hz"].T + w["b.z"])
    i = sigmoid(x @ w["W.xi"].T + h @ w["W.hi"].T + w["b.i"])
    f = sigmoid(x @ w["W.xf"].T + h @ w["W.hf"].T + w["b.f"])
    o = sigmoid(x @ w["W.xo"].T + h @ w["W.ho"].T + w["b.o"])
    c = z * i + c * f
    return {"h": tanh(c) * o, "c": c}


def lstm_fgr(x, states, parameters):
    """Full gate recurrence: the previous step's i, f, o feed i, f, o; W.i_f leads from i into f."""
    h, c, w = states["h"], states["c"], parameters
    i_old, f_old, o_old = states["i"], states["f"], states["o"]
    z = tanh(x @ w["W.xz"].T + h @ w["W.hz"].T + w["b.z"])
    gates_i = i_old @ w["W.i_i"].T + f_old @ w["W.f_i"].T + o_old @ w["W.o_i"].T
    gates_f = i_old @ w["W.i_f"].T + f_old @ w["W.f_f"].T + o_old @ w["W.o_f"].T
    gates_o = i_old @ w["W.i_o"].T + f_old @ w["W.f_o"].T + o_old @ w["W.o_o"].T
    i = sigmoid(x @ w["W.xi"].T + h @ w["W.hi"].T + w["p.i"] * c + gates_i + w["b.i"])
    f = sigmoid(x @ w["W.xf"].T + h @ w["W.hf"].T + w["p.f"] * c + gates_f + w["b.f"])
    c = z * i + c * f
    o = sigmoid(x @ w["W.xo"].T + h @ w["W.ho"].T + w["p.o"] * c + gates_o + w["b.o"])
    return {"h": tanh(c) * o, "c": c, "i": i, "f": f, "o": o}


def rhn(x, states, parameters, depth):
    """Recurrent highway network; only the first of the `depth` layers sees x."""
    s, w = states["h"], parameters
    x_u, x_t = x @ w["W.x"].T, x @ w["W.t"].T
    for layer in range(1, depth + 1):
        u = tanh((layer == 1) * x_u + s @ w[f"W.R[{layer}]"].T + w[f"b.R[{layer}]"])
        t = sigmoid((layer == 1) * x_t + s @ w[f"W.Rt[{layer}]"].T + w[f"b.Rt[{layer}]"])
        s = u * t + s * (1 - t)
    return {"h": s}


def peephole_lstm(x, states, parameters):
    """LSTM with peepholes (Gers & Schmidhuber 2000): i and f see the old c, o the new one."""
    h, c, w = states["h"], states["c"], parameters
    i = sigmoid(x @ w["W.xi"].T + h @ w["W.hi"].T + w["p.i"] * c + w["b.i"])
    f = sigmoid(x @ w["W.xf"].T + h @ w["W.hf"].T + w["p.f"] * c + w["b.f"])
    g = tanh(x @ w["W.xg"].T + h @ w["W.hg"].T + w["b.g"])
    c = f * c + i * g
    o = sigmoid(x @ w["W.xo"].T + h @ w["W.ho"].T + w["p.o"] * c + w["b.o"])
    return {"h": o * tanh(c), "c": c}


def lstm_projected(x, states, parameters):
    """`lstm`, whose o * tanh(c) is then projected to a narrower h."""
    new = lstm(x, states, parameters)
    return {"h": new["h"] @ parameters["W.hr"].T, "c": new["c"]}


def layernorm_lstm(x, states, parameters):
    """LSTM with LN over each stacked product, and over c on its way to h only."""
    h, c, w = states["h"], states["c"], parameters
    from_x = layer_norm(x @ w["W.x"].T, w["p.gx"], w["p.sx"])  # B 4H = i f g o
    from_h = layer_norm(h @ w["W.h"].T, w["p.gh"], w["p.sh"])
    i, f, g, o = np.split(from_x + from_h + w["b.a"], 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return {"h": sigmoid(o) * tanh(layer_norm(c, w["p.gc"], w["p.sc"])), "c": c}


def layernorm_gru(x, states, parameters):
    """`gru_torch` with LN over each product, that of r and z stacked."""
    h, w = states["h"], parameters
    from_x = layer_norm(x @ w["W.x"].T, w["p.gx"], w["p.sx"])  # B 2H = r z
    from_h = layer_norm(h @ w["W.h"].T, w["p.gh"], w["p.sh"])
    r, z = np.split(sigmoid(from_x + from_h + w["b.a"]), 2, axis=1)
    n_from_x = layer_norm(x @ w["W.xn"].T, w["p.gxn"], w["p.sxn"])
    n_from_h = layer_norm(h @ w["W.hn"].T, w["p.ghn"], w["p.shn"])
    n = tanh(n_from_x + w["b.n"] + r * n_from_h)
    return {"h": z * h + (1 - z) * n}


def lstm_recurrent_dropout(x, states, parameters):
    """LSTM with a mask on what is written to c."""
    h, c, w = states["h"], states["c"], parameters
    i = sigmoid(x @ w["W.xi"].T + h @ w["W.hi"].T + w["b.i"])
    f = sigmoid(x @ w["W.xf"].T + h @ w["W.hf"].T + w["b.f"])
    g = tanh(x @ w["W.xg"].T + h @ w["W.hg"].T + w["b.g"])
    o = sigmoid(x @ w["W.xo"].T + h @ w["W.ho"].T + w["b.o"])
    c = f * c + i * (w["m"] * g)
    return {"h": o * tanh(c), "c": c}


def gru_recurrent_dropout(x, states, parameters):
    """`gru` with a mask on the candidate (Semeniuta et al. 2016)."""
    h, w = states["h"], parameters
    r = sigmoid(x @ w["W.xr"].T + h @ w["W.hr"].T + w["b.r"])
    z = sigmoid(x @ w["W.xz"].T + h @ w["W.hz"].T + w["b.z"])
    n = tanh(x @ w["W.xn"].T + (r * h) @ w["W.hn"].T + w["b.n"])
    return {"h": z * h + (1 - z) * (w["m"] * n)}


def variational_lstm(x, states, parameters):
    """`lstm` that reads x and h through masks, the same two for all gates."""
    h, c, w = states["h"], states["c"], parameters
    return lstm(w["m_x"] * x, {"h": w["m_h"] * h, "c": c}, w)


def zoneout_lstm(x, states, parameters):
    """`lstm` some of whose units keep their old h or c: d = 1 keeps."""
    new, d_h, d_c = lstm(x, states, parameters), parameters["d_h"], parameters["d_c"]
    h = d_h * states["h"] + (1 - d_h) * new["h"]
    return {"h": h, "c": d_c * states["c"] + (1 - d_c) * new["c"]}


CELLS = [rnn, rnn_relu, lstm, gru, gru_torch, mut1, mut2, mut3, mut1_projected, mut2_projected]
CELLS += [vanilla_lstm, lstm_nig, lstm_nfg, lstm_nog, lstm_niaf, lstm_noaf, lstm_cifg, lstm_np]
CELLS += [lstm_fgr, rhn, peephole_lstm, lstm_projected, layernorm_lstm, layernorm_gru]
CELLS += [lstm_recurrent_dropout, gru_recurrent_dropout, variational_lstm, zoneout_lstm]
REFERENCE = {step.__name__: step for step in CELLS}


def run(step, xs, states, parameters):
    """Outputs (T B width: the first state) and last states of `step` over `xs` (T B X)."""
    outputs = []
    for x in xs:
        states = step(x, states, parameters)
        outputs.append(next(iter(states.values())))
    return np.stack(outputs), states
