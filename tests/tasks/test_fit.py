"""`unrolled.fit` trains a model of one's own, and goes on with it bit for bit."""

import re
import signal

import pytest
import torch
from tests.tasks.own_models import (
    CALM,
    Follower,
    Sums,
    drawn_again,
    dropping,
    following,
    shuffled,
    squared,
    straight,
    stream,
    weighed,
)
from tests.tasks.tiny_text import Samples, kept, stopping
from torch import nn

import unrolled
from unrolled.training.storage.checkpoint import load_weights
from unrolled.training.storage.metrics_log import read_metrics
from unrolled.training.storage.run_folder import read_config

LOADERS = {
    "shuffled": shuffled,
    "noisy": lambda: shuffled(noise=0.1),
    "by a generator": lambda: shuffled(noise=0.1, generator=torch.Generator().manual_seed(8)),
    "drawn again": drawn_again,
    "two workers": lambda: shuffled(noise=0.1, num_workers=2),
}


def losses(path, kind="train"):
    return [line["loss"] for line in read_metrics(path) if line["kind"] == kind]


def test_a_sum_is_learned_exactly_and_the_run_says_what_it_was(tmp_path):
    model = straight()
    run = unrolled.fit(
        model, shuffled(), squared, out=tmp_path / "run", validation=[Sums()[:]],
        **{**CALM, "epochs": 60, "learning_rate": 0.1, "schedule": "cosine", "evaluate_every": 60},
    )  # fmt: skip
    assert run.model is model and not model.training
    assert (run.ending.step, run.ending.reason, run.path) == (360, "budget used", tmp_path / "run")
    assert model.weight[0].tolist() == pytest.approx([1, 2, -1], abs=1e-3)
    assert model.bias.item() == pytest.approx(0.5, abs=1e-3)
    config = read_config(run.path)
    assert config["settings"]["model"] == "Linear"
    assert config["weights"] == {"weight": [1, 3], "bias": [1]}
    assert config["settings"]["training"]["epochs"] == 60
    assert losses(run.path, "validation")[-1] < 1e-5 < losses(run.path)[0]


def test_steps_are_those_of_a_loop_written_by_hand(tmp_path):
    batches = [Sums()[rows : rows + 4] for rows in range(0, 22, 4)]
    model = dropping()
    torch.manual_seed(7)
    optimizer, ours = torch.optim.Adam(model.parameters(), lr=0.01), []
    for batch in 2 * batches:
        optimizer.zero_grad()
        loss = squared(model, batch)
        loss.backward()
        optimizer.step()
        ours.append(loss.item())
    settings = {**CALM, "epochs": 2, "learning_rate": 0.01, "seed": 7}
    run = unrolled.fit(dropping(), batches, squared, out=tmp_path / "run", **settings)
    assert losses(run.path) == pytest.approx(ours, abs=1e-6)
    assert len(ours) == 12
    assert torch.allclose(run.model[0].weight, model[0].weight, atol=1e-6)


@pytest.mark.parametrize(
    "name",
    [  # workers are forked, which a process in which JAX's threads run must not do
        pytest.param(name, marks=[pytest.mark.slow] if "workers" in name else [])
        for name in LOADERS
    ],
)
def test_stopped_in_the_midst_of_a_pass_and_resumed_it_is_the_unstopped_run(name, tmp_path):
    loader, settings = LOADERS[name], {**CALM, "epochs": 3, "evaluate_every": 4}
    settings["validation"] = shuffled(noise=0.1)
    unrolled.fit(dropping(), loader(), weighed, out=tmp_path / "whole", **settings)
    first = {**settings, "watcher": stopping(3)}
    run = unrolled.fit(dropping(), loader(), weighed, out=tmp_path / "run", **first)
    assert (run.ending.step, run.ending.signal) == (3, signal.SIGTERM)
    for stop in (6, 11, None):  # at the end of a pass, in the midst, and to the end
        torch.manual_seed(stop or 0)  # what a new process has drawn must not matter
        watcher = stopping(stop) if stop else None
        run = unrolled.fit(
            dropping(9), loader(), weighed, out=run.path, resume=True,
            validation=settings["validation"], watcher=watcher,
        )  # fmt: skip
        assert run.ending.step == (stop or 18)
    assert kept(tmp_path / "run") == kept(tmp_path / "whole")


def test_each_pass_has_an_order_of_its_own_that_follows_from_the_seed(tmp_path):
    def orders(name, seed):
        seen = []

        def loss(model, batch):
            seen.append(batch[1].flatten().tolist())
            return squared(model, batch)

        settings = {**CALM, "epochs": 2, "seed": seed}
        unrolled.fit(straight(), shuffled(), loss, out=tmp_path / name, **settings)
        return seen[:6], seen[6:]

    first, second = orders("a", 1)
    assert sorted(sum(first, [])) == sorted(sum(second, [])) == sorted(Sums().y.flatten().tolist())
    assert first != second
    assert orders("b", 1) == (first, second) != orders("c", 2)


def test_evaluations_leave_no_trace_in_what_is_drawn(tmp_path):
    for name, every in (("often", 1), ("never", 1000)):
        settings = {**CALM, "epochs": 2, "evaluate_every": every}
        settings["validation"] = shuffled(noise=0.5)
        unrolled.fit(dropping(), shuffled(noise=0.1), squared, out=tmp_path / name, **settings)
    assert losses(tmp_path / "often") == losses(tmp_path / "never")
    assert len(losses(tmp_path / "often", "validation")) == 12


def test_the_model_has_the_weights_of_its_best_evaluation_or_the_last_without_any(tmp_path):
    settings = {**CALM, "steps": 4, "optimizer": "sgd", "learning_rate": 9.0, "evaluate_every": 1}
    worse = unrolled.fit(
        straight(), [Sums()[:]], squared, out=tmp_path / "a", validation=[Sums()[:]], **settings
    )
    best = load_weights(worse.path, "best")
    assert worse.model.weight.equal(best["weight"])
    assert not worse.model.weight.equal(load_weights(worse.path)["weight"])
    last = unrolled.fit(straight(), [Sums()[:]], squared, out=tmp_path / "b", **settings)
    assert last.model.weight.equal(load_weights(last.path)["weight"])
    assert not (last.path / "BEST").exists() and losses(last.path, "validation") == []


def test_batches_weigh_as_many_items_as_the_loss_says(tmp_path):
    def wrong(model, batch):
        return (batch[1] > 0).float().mean()

    data, parts = Sums(), [Sums()[:3], Sums()[3:]]
    settings = {**CALM, "steps": 1, "validation": parts, "metric": wrong}
    run = unrolled.fit(straight(), parts, weighed, out=tmp_path / "run", **settings)
    (line,) = (line for line in read_metrics(run.path) if line["kind"] == "validation")
    with torch.no_grad():
        assert line["loss"] == pytest.approx(squared(run.model, data[:]).item(), rel=1e-6)
    assert line["error"] == pytest.approx((data.y > 0).double().mean().item())
    assert line["items"] == 3


def test_frozen_parameters_and_the_number_type_stay(tmp_path):
    model = dropping().double()
    model[0].requires_grad_(False)
    before = [parameter.clone() for parameter in model.parameters()]
    batches = [tuple(part.double() for part in Sums()[:])]
    run = unrolled.fit(model, batches, squared, out=tmp_path / "run", steps=3, **CALM)
    same = [was.equal(now) for was, now in zip(before, run.model.parameters(), strict=True)]
    assert same == [True, True, False, False]
    assert {parameter.dtype for parameter in run.model.parameters()} == {torch.float64}


def with_a_frozen_norm():
    """A model in which one of two norms is in evaluation mode, but for what is in that one."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    model[2].eval().inside = nn.Dropout()
    return model


def test_what_is_given_in_evaluation_mode_stays_so_in_training(tmp_path):
    modes = []

    def loss(model, batch):
        modes.append([module.training for module in model.modules()])
        return squared(model, batch)

    settings = {**CALM, "steps": 2, "evaluate_every": 1, "validation": [Sums()[:]]}
    model = with_a_frozen_norm()
    given = [module.training for module in model.modules()]
    assert given == [True, True, True, False, True, True]
    run = unrolled.fit(model, [Sums()[:]], loss, out=tmp_path / "run", **settings)
    assert modes == 2 * [given, [False] * 6] and not any(m.training for m in model.modules())
    assert model[1].num_batches_tracked > 0 and model[2].num_batches_tracked == 0
    again = {"resume": True, "steps": 3, "validation": [Sums()[:]], "watcher": None}
    unrolled.fit(model, [Sums()[:]], loss, out=run.path, **again)
    assert modes[-2:] == [given, [False] * 6]
    assert run.model[2].running_mean.tolist() == [0.0] * 3


def test_a_model_that_is_wholly_in_evaluation_mode_is_trained_all_the_same(tmp_path):
    modes = []

    def loss(model, batch):
        modes.append([module.training for module in model.modules()])
        return squared(model, batch)

    model = dropping().eval()
    unrolled.fit(model, [Sums()[:]], loss, out=tmp_path / "run", steps=1, **CALM)
    assert modes == [[True] * 4]


def test_weights_that_two_layers_share_are_still_shared_after_a_resume(tmp_path):
    def tied():
        model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
        model[1].weight = model[0].weight
        return model

    def loss(model, batch):
        return model(batch[0]).square().mean()

    unrolled.fit(tied(), [Sums()[:]], loss, out=tmp_path / "run", steps=2, **CALM)
    again = {"resume": True, "steps": 4, "watcher": None}
    run = unrolled.fit(tied(), [Sums()[:]], loss, out=tmp_path / "run", **again)
    assert run.model[0].weight is run.model[1].weight
    assert run.ending.step == 4


def test_what_is_given_when_it_goes_on_holds_from_then_on(tmp_path):
    settings = {**CALM, "epochs": 3, "learning_rate": 0.5}
    unrolled.fit(straight(), shuffled(), squared, out=tmp_path / "run", **settings)
    unrolled.fit(
        straight(), shuffled(), squared, out=tmp_path / "run", resume=True,
        steps=20, learning_rate=0.25, watcher=None,
    )  # fmt: skip
    rates = [line["learning_rate"] for line in read_metrics(tmp_path / "run")]
    assert rates == [0.5] * 18 + [0.25] * 2


def test_without_a_folder_it_takes_one_that_is_free(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = [unrolled.fit(straight(), [Sums()[:]], squared, steps=1, **CALM) for _ in range(2)]
    assert [run.path.name for run in runs] == ["fit-Linear", "fit-Linear-2"]


def test_it_is_shown_on_standard_error_unless_nobody_wants_to_see_it(tmp_path, capsys):
    shown = {name: value for name, value in CALM.items() if name != "watcher"}
    for name, settings in (("a", shown), ("b", CALM)):
        unrolled.fit(straight(), [Sums()[:]], squared, out=tmp_path / name, steps=1, **settings)
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"step 1    0%  train \d\.\d{4} loss  [\d,]+ items/s\n", err)


def test_a_stop_says_how_to_go_on(tmp_path):
    watcher = stopping(2)
    settings = {**CALM, "steps": 9, "watcher": watcher}
    run = unrolled.fit(straight(), [Sums()[:]], squared, out=tmp_path / "run", **settings)
    assert watcher.lines == [f"stopped and saved at step 2; resume=True goes on in {run.path}"]


def hand_carried(batches, passes):
    """The losses of truncated backpropagation through time, written by hand."""
    model, found = Follower(), []
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(passes):
        state = None
        for batch in batches:
            optimizer.zero_grad()
            loss, state = following(model, batch, state)
            loss.backward()
            optimizer.step()
            state = tuple(part.detach() for part in state)
            found.append(loss.item())
    return found


def test_a_state_is_carried_from_batch_to_batch_and_not_into_the_next_pass(tmp_path):
    settings = {**CALM, "epochs": 2, "carry": True, "learning_rate": 0.01}
    run = unrolled.fit(Follower(), stream(), following, out=tmp_path / "run", **settings)
    assert losses(run.path) == pytest.approx(hand_carried(stream(), 2), abs=1e-6)


def test_a_carried_state_of_any_nesting_goes_on_bit_for_bit(tmp_path):
    def loss(model, batch, state):
        state = state or {"count": torch.zeros(()), "inner": [None]}
        found, inner = following(model, batch, state["inner"][0])
        return found, {"count": state["count"] + found, "inner": [inner]}

    def wrong(model, batch, state):
        return 0.0 if state is None else float(state["count"] > 0)

    asked = {"carry": True, "validation": stream(2), "metric": wrong}
    unrolled.fit(Follower(), stream(), loss, out=tmp_path / "whole", steps=9, **asked, **CALM)
    stopped = {**CALM, "watcher": stopping(4)}
    unrolled.fit(Follower(), stream(), loss, out=tmp_path / "run", steps=9, **asked, **stopped)
    again = {"resume": True, "watcher": Samples()}
    unrolled.fit(Follower(1), stream(), loss, out=tmp_path / "run", **asked, **again)
    assert kept(tmp_path / "run") == kept(tmp_path / "whole")
    (line,) = (each for each in read_metrics(tmp_path / "run") if each["kind"] == "validation")
    assert line["error"] == 0.5, "the first of two batches has no state before it"
