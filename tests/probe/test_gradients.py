"""The lens sees what autograd says of each loss and state alone."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.layers.cases import few_by_default
from torch import nn

from unrolled import Recurrent, cell, convert, find_cell
from unrolled.cells import GALLERY
from unrolled.errors import NoSuchPathError, TextTooShortError
from unrolled.lang.nodes import in_order
from unrolled.models.encoder import Shape
from unrolled.models.language_model import LanguageModel
from unrolled.models.many_to_one import ManyToOne
from unrolled.probe.gradients import GradientMap, gradient_maps, gradient_maps_of_last
from unrolled.probe.taps import Source
from unrolled.runtime.meaning import MEANING

V, H, T, WARMUP = 5, 4, 6, 3


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def make_text(length=WARMUP + T + 1):
    return np.random.default_rng(0).integers(V, size=length)


def make_model(name, layers=1):
    sizes = {"projection_size": H} if name == "lstm_projected" else {}
    model = LanguageModel(find_cell(name), Shape(V, H, layers, embedding_size=H, **sizes))
    return model.double()


def step_of(model, symbol, before):
    """One step by the meaning of each operation: the new states, each a node of autograd's."""
    layer = model.recurrent
    cell_, x = layer.cell, model.embedding(torch.tensor(int(symbol)))
    values = {cell_.input: x, **dict(zip(cell_.states, before, strict=True))}
    for node in in_order(cell_.nodes):
        if node.op in ("matrix", "vector"):
            values[node] = layer.parameter(node.label)
        elif node.op in ("constant", "slice"):
            attributes = node.attribute if node.op == "slice" else (node.attribute,)
            values[node] = MEANING[node.op](*attributes, *(values[a] for a in node.args))
        elif node not in values:
            values[node] = MEANING[node.op](*(values[argument] for argument in node.args))
    return [values[result] for result in cell_.results]


def wanted_maps(model, text):
    """The gradient of each loss with respect to each state before it, one by one by autograd."""
    names = model.recurrent.cell.state_names
    state = [torch.zeros(s[-1], dtype=torch.float64) for s in model.recurrent.state_shapes()]
    for symbol in text[:WARMUP]:
        state = [part.detach() for part in step_of(model, symbol, state)]
    maps, states = {name: np.full((T, T), np.nan) for name in names}, []
    for t in range(T):
        state = step_of(model, text[WARMUP + t], state)
        states.append(state)
        target = torch.tensor(int(text[WARMUP + t + 1]))
        loss = F.cross_entropy(model.readout(state[0]), target)
        for lag in range(t + 1):
            back = torch.autograd.grad(loss, states[t - lag], retain_graph=True, allow_unused=True)
            for name, part in zip(names, back, strict=True):
                maps[name][t, lag] = 0.0 if part is None else part.norm()
    return maps


DETERMINED = [name for name in GALLERY if not find_cell(name).masks]


@pytest.mark.parametrize("name", few_by_default(DETERMINED))
def test_the_map_is_what_autograd_says_of_each_loss_and_state(name):
    model, text = make_model(name), make_text()
    found = gradient_maps(model, text, warmup=WARMUP)
    wanted = wanted_maps(model, text)
    assert {source.name for source in found} == set(wanted)
    for source, seen in found.items():
        np.testing.assert_allclose(seen.norms, wanted[source.name], rtol=1e-8, atol=1e-12)


@cell
def linear(x, h, *, W):
    """No nonlinearity at all."""
    return W.xh @ x + W.hh @ h


class Reader(nn.Module):
    """Scores are the states themselves."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, symbols):
        return self.layer(symbols)[0]


def test_a_linear_cell_has_the_powers_of_its_matrix():
    network = Reader(Recurrent(linear, H, H, dtype=torch.float64))
    text = np.random.default_rng(0).integers(H, size=9)
    norms = gradient_maps(network, text)[Source("layer", 0, "h")].norms
    matrix = network.layer.parameter("W.hh").detach()
    output = network(torch.from_numpy(text)[:, None])[:, 0].detach()
    for t in range(8):
        back = output[t].softmax(-1) - F.one_hot(torch.tensor(text[t + 1]), H)
        for lag in range(t + 1):
            wanted = back @ torch.linalg.matrix_power(matrix, lag)
            np.testing.assert_allclose(norms[t, lag], wanted.norm(), rtol=1e-12)


def test_through_one_state_alone_the_c_path_of_an_lstm_is_its_forget_gates():
    model, text = make_model("lstm"), make_text()
    model.eval()
    norms = gradient_maps(model, text[WARMUP:], path="c")[Source("recurrent", 0, "c")].norms
    symbols = torch.from_numpy(text[WARMUP:])[:, None]
    hidden, _, recorded = model.recurrent(model.embedding(symbols), record=("f", "o", "c"))
    f, o, c = (recorded[name][0, :, 0].detach() for name in "foc")
    logits = model.readout(hidden)[:, 0]
    back = torch.autograd.grad(
        F.cross_entropy(logits[:T], symbols[1:, 0], reduction="sum"), hidden
    )[0][:T, 0]
    for t in range(T):
        flow = back[t] * o[t] * (1 - c[t].tanh() ** 2)
        for lag in range(t + 1):
            np.testing.assert_allclose(norms[t, lag], flow.norm(), rtol=1e-10)
            flow = flow * f[t - lag]


def test_a_path_through_the_only_state_is_the_whole_and_two_paths_are_not():
    text = make_text()
    for name, path, whole in (("rnn", "h", True), ("lstm", "h", False), ("lstm", "c", False)):
        model = make_model(name, layers=2)
        layers = dict(model.named_modules())
        all_, alone = (gradient_maps(model, text, path=p) for p in (None, path))
        for source in all_:
            same = np.allclose(all_[source].norms, alone[source].norms, rtol=1e-9, equal_nan=True)
            assert same is whole, (name, source)
        assert dict(model.named_modules()) == layers


def test_an_rnn_forgets_where_the_c_path_of_an_lstm_stays_open():
    text = make_text(80)
    rnn, lstm = make_model("rnn"), make_model("lstm")
    with torch.no_grad():
        lstm.recurrent.parameter("b.f").fill_(8.0)
    forgets = gradient_maps(rnn, text)[Source("recurrent", 0, "h")]
    keeps = gradient_maps(lstm, text, path="c")[Source("recurrent", 0, "c")]
    assert forgets.horizon < 15
    assert forgets.by_lag[40] < 1e-12 * forgets.by_lag[0]
    assert keeps.horizon is None
    assert keeps.by_lag[40] > 0.5 * keeps.by_lag[0]


def test_each_loss_has_its_own_lane_however_many_there_are():
    model, text = make_model("gru", layers=2), make_text(75)
    for source, whole in gradient_maps(model, text).items():
        of_start = gradient_maps(model, text[:41])[source].norms
        np.testing.assert_allclose(whole.norms[:40, :40], of_start, rtol=1e-9)
        assert np.isnan(whole.norms[np.triu_indices(74, 1)]).all()


def test_parameters_get_no_gradients_and_learn_afterwards_as_before():
    model = make_model("lstm").train()
    model.readout.bias.requires_grad = False
    gradient_maps(model, make_text())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert [n for n, p in model.named_parameters() if not p.requires_grad] == ["readout.bias"]
    assert model.training


def test_a_network_of_torchs_layers_is_seen_too():
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(V, 3)
            self.lstm = nn.LSTM(3, H, batch_first=True)
            self.readout = nn.Linear(H, V)

        def forward(self, symbols):
            return self.readout(self.lstm(self.embedding(symbols))[0])

    network = convert(Plain())
    found = gradient_maps(network, make_text(), batch_first=True)
    assert [str(source) for source in found] == ["h (lstm, layer 0)", "c (lstm, layer 0)"]
    assert (found[Source("lstm", 0, "h")].norms[T - 1, : T - 1] > 0).all()


def test_the_horizon_is_where_the_mean_falls_below_a_hundredth():
    lags = np.arange(40)
    norms = np.where(lags <= lags[:, None], 3 * 0.5**lags, np.nan)
    assert GradientMap(Source("", 0, "h"), norms).horizon == 7  # 0.5**7 = 0.0078
    assert GradientMap(Source("", 0, "h"), norms[:6, :6]).horizon is None
    few = norms[:9, :9]  # lag 7 is there, but two steps of nine reach it
    assert (GradientMap(Source("", 0, "h"), few).reach, few.shape) == (7, (9, 9))
    assert GradientMap(Source("", 0, "h"), few).horizon is None


def test_what_is_too_short_or_not_there_is_said():
    model = make_model("lstm")
    with pytest.raises(TextTooShortError, match=r"4 characters.*the lens.* 5"):
        gradient_maps(model, make_text(4), warmup=3)
    with pytest.raises(NoSuchPathError, match=r"No layer.*'s'.*h, c"):
        gradient_maps(model, make_text(), path="s")


def test_of_a_batch_each_sequences_own_last_loss_reaches_back_by_lag():
    model = ManyToOne(find_cell("gru"), Shape(V, H), 3).double().train()
    x, y = torch.randn(T, 4, V, dtype=torch.float64), torch.tensor([0, 2, 1, 1])
    found = gradient_maps_of_last(model, lambda: F.cross_entropy(model(x)[0], y, reduction="sum"))
    assert list(found) == [source := Source("recurrent", 0, "h")]
    assert all(parameter.grad is None for parameter in model.parameters())
    for row in range(4):
        states = [torch.zeros(1, 1, H, dtype=torch.float64, requires_grad=True)]
        for t in range(T):
            states.append(model.recurrent(x[t : t + 1, row : row + 1], states[-1])[1])
        loss = F.cross_entropy(model.readout(states[-1][0]), y[row : row + 1])
        back = torch.autograd.grad(loss, states[1:])
        wanted = [float(part.norm()) for part in reversed(back)]
        np.testing.assert_allclose(found[source].norms[row], wanted, rtol=1e-9)
    np.testing.assert_allclose(found[source].by_lag, found[source].norms.mean(axis=0))
    assert model.training
