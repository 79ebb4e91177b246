"""What C learns chunk after chunk is what torch's own loop learns: losses, weights, sums, state."""

from itertools import islice

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.layers.cases import own_sizes

from unrolled import Recurrent, find_cell
from unrolled import min_char_rnn as deck
from unrolled.errors import LearnerError, OptionError, ShapeError
from unrolled.layers.states import detach
from unrolled.models import learning
from unrolled.models.encoder import Shape
from unrolled.models.language_model import LanguageModel, lecture_parameters
from unrolled.models.learning import StreamLearner

V, H, T = 11, 7, 5
CELLS = ["rnn", "lstm", "gru", "gru_torch", "mut2_projected", "lstm_fgr", "layernorm_gru", "rhn"]
CELLS += ["lstm_projected", "peephole_lstm"]


def make_model(name="lstm", layers=2):
    """A model in float64."""
    torch.manual_seed(3)
    model = LanguageModel(find_cell("lstm"), Shape(V, H))
    model.recurrent = Recurrent(find_cell(name), V, H, layers, sizes=own_sizes(name))
    model.readout = torch.nn.Linear(model.recurrent.state_shapes()[0][-1], V)
    return model.double()


def make_adagrad(model, **options):
    """As the lecture's program has it: 1e-8 inside the root."""
    options = {"lr": 0.05, "initial_accumulator_value": 1e-8, "eps": 0.0} | options
    return torch.optim.Adagrad(model.parameters(), **options)


def text(chunks=9, batch=1):
    """Symbols for so many chunks, and three more."""
    generator = torch.Generator().manual_seed(1)
    return torch.randint(V, (chunks * T + 4, batch), generator=generator)


def learn_in_torch(model, optimizer, symbols, clip):
    """The loop as everybody writes it; losses and the last state."""
    losses, state = [], None
    for begin in range(0, len(symbols) - T, T):
        chunk = symbols[begin : begin + T + 1]
        logits, state = model(chunk[:-1], state)
        loss = F.cross_entropy(logits.flatten(0, 1), chunk[1:].flatten(), reduction="sum")
        optimizer.zero_grad()
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_value_(model.parameters(), clip)
        optimizer.step()
        state = detach(state)
        losses.append(loss.detach())
    return torch.stack(losses), state


def everything(model, optimizer, losses, state):
    """All that learning leaves, by name."""
    states = state if isinstance(state, tuple) else [state]
    found = {"losses": losses, **{f"state {i}": part for i, part in enumerate(states)}}
    for name, parameter in model.named_parameters():
        found[name] = parameter.detach()
        found[f"{name}'s sum"] = optimizer.state[parameter]["sum"]
        found[f"{name}'s step"] = optimizer.state[parameter]["step"]
    return found


def assert_learns_alike(name="lstm", layers=2, batch=1, clip=0.3, **options):
    """C and torch, on the same text from the same weights."""
    models = [make_model(name, layers) for _ in range(2)]
    optimizers = [make_adagrad(model, **options) for model in models]
    wanted = learn_in_torch(models[0], optimizers[0], text(batch=batch), clip)
    learner = StreamLearner(models[1], optimizers[1], steps=T, batch_size=batch, clip_value=clip)
    losses = learner.learn(text(batch=batch))
    got = everything(models[1], optimizers[1], losses, learner.state)
    for name, value in everything(models[0], optimizers[0], *wanted).items():
        torch.testing.assert_close(got[name], value, rtol=1e-9, atol=1e-9, msg=name)
    assert len(losses) == 9
    assert losses[-1] != losses[0]


@pytest.mark.parametrize("name", CELLS)
def test_c_learns_what_torch_learns(name):
    assert_learns_alike(name)


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("clip", [0.0, 0.01])
def test_layers_batches_and_clipping(layers, batch, clip):
    assert_learns_alike("gru", layers, batch, clip)


def test_the_optimizers_own_numbers_are_heeded():
    assert_learns_alike(lr=0.2, eps=0.1, initial_accumulator_value=0.5)


def test_a_text_in_parts_with_ctrl_c_heard_between(monkeypatch):
    monkeypatch.setattr(learning, "_AT_ONCE", 1)
    assert_learns_alike()


def test_the_lectures_program_learns_the_same():
    ids = text(40).flatten().numpy()
    start = deck.initial_parameters(np.random.default_rng(0), H, V)
    model = make_model("rnn", layers=1)
    named = lecture_parameters(model)
    with torch.no_grad():
        for name, tensor in named.items():
            tensor.copy_(torch.from_numpy(start[name]))
    steps = deck.STEPS
    learner = StreamLearner(model, make_adagrad(model, lr=0.1), steps=steps, clip_value=5.0)
    memory = {name: np.zeros_like(values) for name, values in start.items()}
    chunks = (len(ids) - 1) // steps
    wanted = [loss for _, loss, *_ in islice(deck.train(ids, start, memory), chunks)]
    got = learner.learn(torch.from_numpy(ids).unsqueeze(-1))
    torch.testing.assert_close(got, torch.tensor(wanted, dtype=torch.float64), rtol=1e-6, atol=0)


def test_the_state_goes_on_until_it_is_forgotten():
    model = make_model()
    learner = StreamLearner(model, make_adagrad(model, lr=0.0), steps=T)
    symbols = text()
    once, again = learner.learn(symbols[: T + 1]), learner.learn(symbols[: T + 1])
    learner.forget()
    assert torch.equal(learner.state.h, torch.zeros(2, 1, H, dtype=torch.float64))
    assert torch.equal(learner.learn(symbols[: T + 1]), once)
    assert not torch.equal(once, again)
    assert learner.learn(symbols[:T]).shape == (0,)


def test_autograd_is_told_that_the_weights_have_changed():
    model = make_model()
    learner = StreamLearner(model, make_adagrad(model), steps=T)
    logits, _ = model(text())
    learner.learn(text())
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        logits.sum().backward()


@pytest.mark.parametrize("change", ["other memory", "other sums"])
def test_memory_that_is_exchanged_is_found(change):
    model, other = make_model(), make_model()
    optimizer, wanted = make_adagrad(model), make_adagrad(other)
    learner = StreamLearner(model, optimizer, steps=T)
    straight = StreamLearner(other, wanted, steps=T).learn(text())
    first = learner.learn(text()[: 3 * T + 1])
    if change == "other memory":
        for parameter in model.parameters():
            parameter.data = parameter.data.clone()
    else:
        optimizer.load_state_dict(optimizer.state_dict())
    rest = learner.learn(text()[3 * T :])
    torch.testing.assert_close(torch.cat([first, rest]), straight, rtol=1e-12, atol=0)


def spoil_embedding(model):
    model.embedding = torch.nn.Embedding(V, V).double()


def spoil_dropout(model):
    model.dropout = torch.nn.Dropout(0.5)


def spoil_bias(model):
    model.readout = torch.nn.Linear(H, V, bias=False).double()


def spoil_hook(model):
    model.readout.register_forward_hook(lambda *call: None)


def spoil_frozen(model):
    model.readout.bias.requires_grad_(False)


def spoil_backend(model):
    model.recurrent.backend = "eager"


@pytest.mark.parametrize(
    ("spoil", "wanted"),
    [
        (spoil_embedding, "one-hot symbols, no embedding"),
        (spoil_dropout, "no dropout"),
        (spoil_bias, "a readout with a bias"),
        (spoil_hook, "a plain model: a hook, or a call of its own, wants to see each step"),
        (spoil_frozen, "parameters that all learn"),
        (spoil_backend, "layers in C"),
    ],
)
def test_what_c_alone_cannot_train_is_refused(spoil, wanted):
    model = make_model()
    spoil(model)
    with pytest.raises(LearnerError, match=f"cannot train this model of lstm; wanted {wanted}"):
        StreamLearner(model, make_adagrad(model), steps=T)


def test_another_rule_is_refused():
    model = make_model()
    for optimizer in (torch.optim.SGD(model.parameters()), make_adagrad(model, weight_decay=0.1)):
        with pytest.raises(LearnerError, match="wanted Adagrad over just the model's parameters"):
            StreamLearner(model, optimizer, steps=T)


def test_sums_that_are_not_the_parameters_are_refused():
    model = make_model()
    optimizer = make_adagrad(model)
    optimizer.state[model.readout.weight]["sum"] = torch.zeros(1, dtype=torch.float64)
    with pytest.raises(LearnerError, match="wanted sums in the optimizer that lie in memory as"):
        StreamLearner(model, optimizer, steps=T)


@pytest.mark.parametrize("sizes", [{"steps": 0}, {"steps": T, "batch_size": 0}])
def test_sizes_below_one_are_refused(sizes):
    model = make_model()
    with pytest.raises(OptionError, match="got (steps|batch_size)=0; wanted at least 1"):
        StreamLearner(model, make_adagrad(model), **sizes)


@pytest.mark.parametrize(
    "symbols",
    [text()[:0], torch.full((9, 1), V), torch.full((9, 1), -1), text(batch=2), text().float()],
)
def test_what_is_no_text_is_refused(symbols):
    model = make_model()
    learner = StreamLearner(model, make_adagrad(model), steps=T)
    with pytest.raises(
        (ShapeError, TypeError), match=r"whole numbers \(int64, CPU\) from 0 to 10|text"
    ):
        learner.learn(symbols)
