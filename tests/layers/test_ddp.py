"""Two processes that share a batch by torch's DDP train every layer as one with all of it does."""

import os
from datetime import timedelta

import pytest
import torch
from tests.layers.cases import LAYERS, T, X, assert_same_names, flat, make_layer
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

ROWS = 6  # of which each of two processes has every other one
LENGTHS = torch.tensor([3, 6, 0, 1, 5, 2])
PATIENCE = 60  # seconds
PAIRS = [(name, backend) for name in LAYERS for backend in ("c", "eager")]


class Model(nn.Module):
    """A layer between two others; its state goes in and comes out."""

    def __init__(self, name, backend):
        super().__init__()
        torch.manual_seed(0)
        self.below = nn.Linear(X, X, dtype=torch.float64)
        self.recurrent = make_layer(name, backend=backend, bidirectional=name != "gru")

    def forward(self, x, lengths, state):
        return self.recurrent(self.below(x), state, lengths=lengths)


def train(model, rows):
    """Three steps on some rows of the batch, of which the last carries the state on."""
    torch.manual_seed(1)
    xs = torch.randn(3, T, ROWS, X, dtype=torch.float64)[:, :, rows]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    state = None
    for number, x in enumerate(xs):
        output, last = model(x, LENGTHS[rows], state if number > 1 else None)
        parts = [output, *flat(last)]
        sum(part.square().sum() / len(LENGTHS[rows]) for part in parts).backward()
        optimizer.step()
        optimizer.zero_grad()
        kept = [part.detach() for part in flat(last)]
        state = kept[0] if len(kept) == 1 else tuple(kept)


def train_a_share(rank, folder):
    """What each of the two processes does, for every layer and backend."""
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    distributed.init_process_group(
        "gloo",
        init_method=f"file://{folder}/meeting",
        rank=rank,
        world_size=2,
        timeout=timedelta(seconds=PATIENCE),
    )
    for name, backend in PAIRS:
        model = Model(name, backend)
        if rank:
            with torch.no_grad():
                next(model.parameters()).add_(1)  # DDP starts all from the first
        train(DistributedDataParallel(model), slice(rank, None, 2))
        torch.save(model.state_dict(), f"{folder}/{name}-{backend}-{rank}.pt")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the two processes left their weights."""
    folder = tmp_path_factory.mktemp("ddp")
    torch.multiprocessing.spawn(train_a_share, args=(str(folder),), nprocs=2)
    return folder


@pytest.mark.parametrize(("name", "backend"), PAIRS)
def test_two_processes_train_to_the_weights_of_one_with_the_whole_batch(folder, name, backend):
    model = Model(name, backend)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    train(model, slice(None))
    shares = [torch.load(folder / f"{name}-{backend}-{rank}.pt") for rank in range(2)]
    assert_same_names(shares[0], shares[1], rtol=0, atol=0)
    assert_same_names(shares[0], model.state_dict(), rtol=0, atol=1e-10)
    assert all(not torch.equal(shares[0][key], value) for key, value in before.items())
