"""`convert`: torch's recurrent layers inside any model exchanged for ours, and what it refuses."""

from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

import unrolled
from unrolled.errors import ConvertError
from unrolled.layers.convert import convert
from unrolled.layers.torch_like import GRU, LSTM

X, H = 3, 4
DOUBLE = {"dtype": torch.float64}


def make_input(**options):
    """T x B x X."""
    return torch.randn(5, 2, X, **options)


class Tagger(nn.Module):
    """A model with recurrent layers at several depths, one of them under two names."""

    def __init__(self):
        super().__init__()
        self.below = nn.Sequential(
            OrderedDict(rnn=nn.LSTM(X, H, 2, dropout=0.2), drop=nn.Dropout(0.0))
        )
        self.blocks = nn.ModuleList(
            [nn.GRU(H, H, bidirectional=True), nn.RNN(2 * H, H, 1, "relu", bias=False)]
        )
        self.again = self.blocks[1]
        self.cell = nn.ModuleDict({"step": nn.LSTMCell(H, H), "gate": nn.GRUCell(H, H)})
        self.plain = nn.RNNCell(H, H, nonlinearity="relu", bias=False)
        self.head = nn.Linear(H, 2)

    def forward(self, x):
        x = self.below.rnn(x)[0]
        for block in self.blocks:
            x = block(x)[0]
        h, _ = self.cell["step"](x[-1])
        return self.head(self.plain(self.cell["gate"](h)))


def test_convert_exchanges_every_layer_of_a_model_and_no_number_changes():
    model, x = Tagger().double().eval(), make_input(**DOUBLE)
    wanted, names = model(x), [name for name, _ in model.named_parameters()]
    parameters = [id(parameter) for parameter in model.parameters()]
    converted = convert(model)
    assert converted is model
    left = [m for m in model.modules() if isinstance(m, nn.RNNBase | nn.RNNCellBase)]
    assert left == []
    assert isinstance(model.below.rnn, LSTM)
    assert isinstance(model.cell["step"], unrolled.LSTMCell)
    assert model.again is model.blocks[1]
    assert [id(parameter) for parameter in model.parameters()] == parameters
    assert [name for name, _ in model.named_parameters()] == names
    torch.testing.assert_close(model(x), wanted, rtol=0, atol=1e-12)


def test_a_recurrent_module_itself_is_returned_as_ours_and_torchs_is_left_as_it_was():
    theirs = nn.GRU(X, H, num_layers=2, batch_first=True)
    ours = convert(theirs)
    assert type(ours) is GRU
    assert type(theirs) is nn.GRU
    assert ours.weight_ih_l1 is theirs.weight_ih_l1
    x = make_input()
    torch.testing.assert_close(ours(x)[0], theirs(x)[0])


def test_a_model_without_recurrent_layers_and_a_converted_one_are_returned_as_they_are():
    plain = nn.Sequential(nn.Linear(X, H))
    assert convert(plain) is plain
    model = convert(Tagger())
    layer = model.below.rnn
    assert convert(model).below.rnn is layer


def test_convert_keeps_training_flags_frozen_parameters_and_tied_ones():
    model = nn.ModuleDict({"a": nn.LSTM(X, H), "b": nn.LSTM(X, H).eval()})
    model["b"].weight_ih_l0 = model["a"].weight_ih_l0
    model["b"].weight_hh_l0.requires_grad_(False)
    convert(model)
    assert (model["a"].training, model["b"].training) == (True, False)
    assert model["b"].weight_ih_l0 is model["a"].weight_ih_l0
    assert not model["b"].weight_hh_l0.requires_grad
    assert len(list(model.parameters())) == 7


def test_an_optimizer_made_before_convert_goes_on_training_the_model():
    models = [Tagger().double() for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    x = make_input(**DOUBLE)
    for model, exchange in zip(models, (convert, lambda model: model), strict=True):
        model.eval()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        for step in range(4):
            model = exchange(model) if step == 2 else model
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()
    assert isinstance(models[0].below.rnn, LSTM)
    torch.testing.assert_close(models[0](x), models[1](x), rtol=0, atol=1e-9)


def test_subclasses_of_torchs_layers_are_left_alone():
    class Own(nn.LSTM):
        def forward(self, x):
            return super().forward(x)[0] * 2

    model = nn.Sequential(Own(X, H), nn.LSTM(H, H))
    convert(model)
    assert type(model[0]) is Own
    assert type(model[1]) is LSTM


HOOKS = {
    "register_forward_hook": lambda *_: None,
    "register_forward_pre_hook": lambda *_: None,
    "register_full_backward_hook": lambda *_: None,
    "register_full_backward_pre_hook": lambda *_: None,
    "register_state_dict_pre_hook": lambda *_: None,
    "register_state_dict_post_hook": lambda *_: None,
    "register_load_state_dict_pre_hook": lambda *_: None,
    "register_load_state_dict_post_hook": lambda *_: None,
}


@pytest.mark.parametrize("register", HOOKS)
def test_hooks_would_be_lost_so_they_are_refused_before_anything_is_exchanged(register):
    model = nn.Sequential(nn.GRU(X, H), nn.Sequential(nn.LSTM(X, H)))
    getattr(model[1][0], register)(HOOKS[register])
    with pytest.raises(ConvertError, match=r"cannot convert 1\.0: it has hooks, which would be"):
        convert(model)
    assert type(model[0]) is nn.GRU


def test_parametrized_layers_are_refused():
    model = nn.Sequential(nn.GRU(X, H), nn.LSTM(X, H))
    parametrizations.weight_norm(model[1], "weight_hh_l0")
    with pytest.raises(ConvertError, match="cannot convert 1: its parameters are parametrized"):
        convert(model)
    with pytest.raises(ConvertError, match="cannot convert the module: its parameters are"):
        convert(model[1])
    assert type(model[0]) is nn.GRU
