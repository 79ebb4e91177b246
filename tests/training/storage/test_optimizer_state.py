"""An optimizer taken apart and put together goes on bit for bit."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

from unrolled.errors import ForeignOptimizerError, ForeignStateError
from unrolled.training.storage.checkpoint import Checkpoint
from unrolled.training.storage.optimizer_state import pack_optimizer, unpack_optimizer
from unrolled.training.storage.run_folder import create_run

Make = Callable[[list[dict]], Optimizer]
KINDS = {
    "sgd": partial(SGD, lr=0.1),
    "sgd-momentum": partial(SGD, lr=0.1, momentum=0.9, nesterov=True),
    "adam": partial(Adam, lr=1e-3, betas=(0.8, 0.99), amsgrad=True),
    "adam-tensor-rate": partial(Adam, lr=torch.tensor(1e-3), foreach=False),
    "adamw": partial(AdamW, lr=1e-3, weight_decay=0.1),
    "rmsprop": partial(RMSprop, lr=1e-3, momentum=0.5, centered=True),
    "adagrad": partial(Adagrad, lr=0.1, lr_decay=0.01),
}


def build(make: Make) -> tuple[nn.LSTM, Optimizer]:
    torch.manual_seed(1)
    model = nn.LSTM(3, 4)
    weights = list(model.parameters())
    return model, make([{"params": weights[:2]}, {"params": weights[2:], "lr": 0.01}])


def walk(model: nn.LSTM, optimizer: Optimizer, steps: range) -> None:
    for step in steps:
        x = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        model(x)[0].square().sum().backward()
        optimizer.step()


def bits(model: nn.LSTM) -> list[Tensor]:
    return [weight.detach().view(torch.int32) for weight in model.parameters()]


@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_optimizer_makes_the_same_steps_bit_for_bit(tmp_path: Path, kind: str):
    model, optimizer = build(KINDS[kind])
    walk(model, optimizer, range(3))
    tensors, record = pack_optimizer(optimizer)
    weights = model.state_dict()
    with create_run(tmp_path / "run", {}) as run:
        run.save(Checkpoint(step=3, weights=weights, optimizer=tensors, progress={"o": record}))
        saved = run.load()
    resumed, again = build(KINDS[kind])
    resumed.load_state_dict(dict(saved.weights))
    unpack_optimizer(again, saved.optimizer, saved.progress["o"])
    walk(model, optimizer, range(3, 8))
    walk(resumed, again, range(3, 8))
    assert all(torch.equal(a, b) for a, b in zip(bits(model), bits(resumed), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_settings_come_back_with_their_types(kind: str):
    model, optimizer = build(KINDS[kind])
    walk(model, optimizer, range(1))
    optimizer.param_groups[0]["initial_lr"] = 0.3
    _, again = build(KINDS[kind])
    unpack_optimizer(again, *pack_optimizer(optimizer))
    for ours, theirs in zip(again.param_groups, optimizer.param_groups, strict=True):
        assert ours.keys() == theirs.keys()
        for name in ours.keys() - {"params"}:
            assert (type(ours[name]), ours[name]) == (type(theirs[name]), theirs[name]), name


def test_tensors_are_named_by_their_parameter_and_kind():
    model, optimizer = build(KINDS["adam"])
    walk(model, optimizer, range(1))
    tensors, _ = pack_optimizer(optimizer)
    assert tensors["state.0.exp_avg"] is optimizer.state[next(model.parameters())]["exp_avg"]
    assert len(tensors) == 4 * 4


def test_an_optimizer_does_not_share_memory_with_what_it_was_given():
    model, optimizer = build(KINDS["adam"])
    walk(model, optimizer, range(1))
    tensors, record = pack_optimizer(optimizer)
    before = {name: tensor.clone() for name, tensor in tensors.items()}
    other, again = build(KINDS["adam"])
    unpack_optimizer(again, tensors, record)
    walk(other, again, range(3))
    assert all(torch.equal(tensors[name], before[name]) for name in before)


def test_another_kind_of_optimizer_is_refused():
    _, adam = build(KINDS["adam"])
    _, sgd = build(KINDS["sgd"])
    with pytest.raises(ForeignOptimizerError) as raised:
        unpack_optimizer(sgd, *pack_optimizer(adam))
    assert str(raised.value) == (
        "The saved state is of Adam for 4 tensors of shapes (16, 3), (16, 4), (16,), (16,), and "
        "this optimizer is SGD for 4 tensors of shapes (16, 3), (16, 4), (16,), (16,). "
        "Build the model and the optimizer with the settings of the run that saved it."
    )


def test_other_parameters_are_refused():
    saved = Adam(nn.Linear(3, 5).parameters())
    with pytest.raises(
        ForeignOptimizerError, match=r"Adam for 2 tensors of shapes \(5, 3\), \(5,\), a"
    ):
        unpack_optimizer(Adam(nn.Linear(3, 6).parameters()), *pack_optimizer(saved))


@pytest.mark.parametrize("record", [{}, {"kind": "SGD", "shapes": 3}, {"shapes": [[1]]}])
def test_a_record_of_something_else_is_refused(record: dict):
    with pytest.raises(ForeignOptimizerError, match="of no optimizer that this package saved, and"):
        unpack_optimizer(SGD(nn.Linear(3, 5).parameters()), {}, record)


def test_a_missing_tensor_is_named():
    model, optimizer = build(KINDS["adam"])
    walk(model, optimizer, range(1))
    tensors, record = pack_optimizer(optimizer)
    del tensors["state.2.exp_avg_sq"]
    with pytest.raises(
        ForeignStateError, match=r"lacks the tensor 'state\.2\.exp_avg_sq'\. Resume"
    ):
        unpack_optimizer(optimizer, tensors, record)
