"""What processes share, and what they agree on; here one has others that are made up."""

from datetime import timedelta

import pytest
import torch
from tests.training.tiny import Notes, Scripted, TinyTask, fit, plain
from torch import distributed, nn

from unrolled.errors import FewSequencesError, LaunchError, ProcessGoneError
from unrolled.training import group as groups
from unrolled.training.agreement import Agreement
from unrolled.training.carried import draw_apart, share, unpack_chance, whole
from unrolled.training.group import ALONE, Group, join, launcher
from unrolled.training.interrupts import Interrupts
from unrolled.training.loop import Trainer
from unrolled.training.storage.followed_run import FollowedRun
from unrolled.training.storage.random_state import pack_rng
from unrolled.training.storage.run_folder import create_run
from unrolled.training.task import Measured, Step

TWO = {"rank": 0, "size": 2}


class WithOthers(Group):
    """Its sums are those with what the others give, which is told beforehand."""

    def __init__(self, *given, rank=0, size=2):
        super().__init__(rank, size)
        self.given = list(given)

    def add_up(self, *tensors):
        for tensor in tensors:
            tensor.add_(torch.as_tensor(self.given.pop(0), dtype=tensor.dtype))


def test_without_torchrun_it_is_a_group_of_one_that_says_what_it_is_told():
    assert join() is ALONE and ALONE.is_first and ALONE.is_alone
    assert Agreement(ALONE, Interrupts()).sum(1.5, 2) == [1.5, 2]
    assert ALONE.text("runs/\N{SNOWMAN}") == "runs/\N{SNOWMAN}"
    assert launcher() == ""


def test_each_process_has_its_share_and_all_together_have_everything():
    rows = list(range(7))
    shares = [rows[Group(rank, 3).share_of(7)] for rank in range(3)]
    assert shares == [[0, 3, 6], [1, 4], [2, 5]]
    assert rows[ALONE.share_of(1)] == rows


def test_more_processes_than_sequences_are_refused(tmp_path):
    with create_run(tmp_path / "run", {}) as run:
        with pytest.raises(FewSequencesError, match="2 processes cannot share a batch of 1: each"):
            Trainer(TinyTask(), plain(), run, Notes(), group=Group(**TWO))


def test_the_gradient_is_that_of_the_mean_over_all_items():
    """Three items here, one there: means of means would weigh that one as much as the three."""
    here, there = torch.randn(3, 4), torch.randn(1, 4)
    layer = nn.Linear(4, 1)
    idle = nn.Parameter(torch.ones(2))
    ours, theirs = layer(here).square().mean(), layer(there).square().mean()
    other = torch.cat([g.flatten() for g in torch.autograd.grad(theirs, [*layer.parameters()])])
    mean = layer(torch.cat([here, there])).square().mean()
    wanted = torch.autograd.grad(mean, [*layer.parameters()])
    ours.backward()
    told = [0.0, 0, 0, theirs.item(), 1, 1, 1, 0]  # time, signals, loss, items, who has what
    group = WithOthers(told, torch.cat([other, torch.zeros(2)]))
    parameters = [*layer.parameters(), idle]
    loss, items = Agreement(group, Interrupts()).average(parameters, Step(ours, 3, None))
    assert (loss, items) == (pytest.approx(mean.item()), 4)
    torch.testing.assert_close([p.grad for p in layer.parameters()], [*wanted])
    assert idle.grad is None, "nobody has it: weight decay must not come to it"


def test_gradients_of_each_type_of_numbers_keep_it():
    kinds = [torch.float64, torch.bfloat16, torch.complex64, torch.float64]
    parameters = [nn.Parameter(torch.full((2,), at, dtype=k)) for at, k in enumerate(kinds)]
    loss = sum((2 * parameter).sum().real.double() for parameter in parameters)
    loss.backward()
    others = torch.tensor([8.0, 8.0, 4.0, 4.0]), torch.tensor([8.0, 8.0]), torch.full((2,), 8 + 4j)
    group = WithOthers([0.0, 0, 0, 2.0, 1, 1, 1, 1, 1], *others)
    _, items = Agreement(group, Interrupts()).average(parameters, Step(loss, 3, None))
    assert [parameter.grad.dtype for parameter in parameters] == kinds and items == 4
    wanted = [[3.5, 3.5], [3.5, 3.5], [3.5 + 1j, 3.5 + 1j], [2.5, 2.5]]
    assert [parameter.grad.tolist() for parameter in parameters] == wanted


def test_a_process_without_a_share_takes_over_what_the_others_have():
    layer = nn.Linear(2, 1, bias=False)
    group = WithOthers([0.0, 0, 0, 6.0, 3, 1], [3.0, 9.0], rank=1)
    assert Agreement(group, Interrupts()).average([layer.weight], None) == (2.0, 3)
    torch.testing.assert_close(layer.weight.grad, torch.tensor([[1.0, 3.0]]))


def test_the_first_ones_clock_and_anybodys_signal_are_everybodys():
    agreement = Agreement(WithOthers([60.0, 1, 0, 5], rank=1), Interrupts())
    assert (agreement.seconds(), agreement.signal) == (0.0, None)
    assert agreement.sum(2) == [7]
    assert (agreement.seconds(), agreement.signal) == (60.0, 2)


@pytest.mark.parametrize("found", [Measured(1.5), Measured(0.5, 0.0, solved=True), None])
def test_what_the_first_measured_is_heard_as_it_is(found):
    group = WithOthers([0.0] * 8)
    assert Agreement(group, Interrupts()).hear(found) == found


def test_states_are_whole_in_a_checkpoint_and_shared_out_again():
    state = (torch.arange(10.0).view(1, 5, 2), torch.arange(5.0).view(1, 5, 1))
    parts = [share(Group(rank, 2), state) for rank in range(2)]
    assert parts[1][1].flatten().tolist() == [1.0, 3.0]
    others = [torch.zeros_like(part) for part in state]
    for place, part in zip(others, parts[1], strict=True):
        place[:, 1::2] = part
    found = whole(WithOthers(2, others[0], 2, others[1]), parts[0])
    torch.testing.assert_close(found, state)
    assert whole(Group(**TWO), None) is None


def test_random_numbers_differ_by_rank_and_step_and_the_firsts_go_on():
    drawn = []
    for rank, step in ((0, 0), (1, 0), (1, 5), (2, 0)):
        torch.manual_seed(3)
        draw_apart(Group(rank, 3), seed=3, step=step)
        drawn.append(float(torch.rand(1)))
    torch.manual_seed(3)
    assert drawn[0] == float(torch.rand(1)) and len({*drawn}) == 4


def test_a_checkpoint_of_fewer_processes_lets_others_start_afresh():
    torch.manual_seed(1)
    first = pack_rng()
    rows = {"rng.processes.cpu": torch.stack([first["rng.cpu"]] * 2)}
    drawn = []
    for size in (2, 3):
        unpack_chance({**first, **rows}, Group(1, size), torch.device("cpu"), seed=0, step=4)
        drawn.append(float(torch.rand(1)))
    torch.manual_seed(1)
    assert drawn[0] == float(torch.rand(1)) != drawn[1]


def test_who_follows_writes_nothing_and_reads_everything(tmp_path):
    fit(Scripted([1.0, 2.0]), plain(steps=2, evaluate_every=1), tmp_path / "run")
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with FollowedRun(tmp_path / "run") as run:
        trainer = Trainer(Scripted([3.0]), plain(steps=3), run, Notes())
        trainer.restore(run.load())
        assert trainer.fit().step == 3
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == files


class Broken:
    def wait(self):
        raise RuntimeError("Connection closed by peer")


@pytest.mark.parametrize(
    ("word", "why"), [("", "without a word"), ("no book.txt", "process 1: no book.txt")]
)
def test_that_another_has_gone_is_said_with_its_last_word(word, why, monkeypatch):
    store = distributed.HashStore()
    Group(1, 2, store).leave_word(word)
    monkeypatch.setattr(distributed, "all_reduce", lambda tensor, async_op: Broken())
    with pytest.raises(
        ProcessGoneError, match=rf"another of the 2 .* \({why}\), so .* start again"
    ):
        Group(0, 2, store).meet()


def test_the_first_is_heard_when_it_has_spoken_and_nobody_waits_longer_than_said():
    store = distributed.HashStore()
    assert not Group(1, 2, store).hears_the_first(0.1)
    Group(0, 2, store).leave_word()
    assert Group(1, 2, store).hears_the_first(60)
    assert not Group(1, 2).hears_the_first(0)


def test_a_torchrun_whose_others_do_not_come_is_given_up(monkeypatch):
    monkeypatch.setattr(groups, "PATIENCE", timedelta(seconds=1))
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(LaunchError, match="of 2 processes, this one lacks RANK, MASTER_ADDR, MAST"):
        join.__wrapped__()
    place = {"RANK": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}  # where nobody listens
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ProcessGoneError, match="another of the 2 processes has gone"):
        join.__wrapped__()


@pytest.mark.parametrize(
    ("here", "typed"),
    [
        ("4", "torchrun --nproc-per-node 4 -m "),
        ("2", "torchrun --nnodes 2 ... --nproc-per-node 2 -m "),
    ],
)
def test_what_to_type_starts_as_many_again(here, typed, monkeypatch):
    place = {"RANK": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}
    for name, value in {**place, "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": here}.items():
        monkeypatch.setenv(name, value)
    assert launcher() == typed


def test_each_process_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    cuda, cpu = torch.device("cuda"), torch.device("cpu")
    assert (ALONE.own(cuda), Group(3, 4).own(cuda)) == (cuda, torch.device("cuda:1"))
    assert Group(3, 4).own(cpu) == cpu
