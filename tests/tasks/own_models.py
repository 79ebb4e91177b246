"""Models, batches and losses of a user's own, so small that hundreds of steps take no time."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset, RandomSampler

import unrolled

CALM = {"warmup_steps": 0, "schedule": "constant", "clip_norm": 0.0, "log_every": 1}
CALM |= {"evaluate_every": 1000, "watcher": None}


class Sums(Dataset):
    """Rows of three numbers and their weighted sum; noise is drawn whenever one is read."""

    def __init__(self, rows=22, noise=0.0):
        generator = torch.Generator().manual_seed(3)
        self.x = torch.randn(rows, 3, generator=generator)
        self.y = self.x @ torch.tensor([[1.0], [2.0], [-1.0]]) + 0.5
        self.noise = noise

    def __len__(self):
        return len(self.x)

    def __getitem__(self, row):
        return self.x[row] + self.noise * torch.randn(3), self.y[row]


def straight(seed=0):
    """A model that can be the sum itself."""
    torch.manual_seed(seed)
    return nn.Linear(3, 1)


def dropping(seed=0):
    """A model that draws at each step."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.4), nn.Linear(8, 1))


def squared(model, batch):
    """The squared error of a batch of inputs and outputs."""
    x, y = batch
    return F.mse_loss(model(x), y)


def weighed(model, batch):
    """The squared error, and of how many rows."""
    return squared(model, batch), len(batch[0])


def shuffled(**options):
    """A loader with another order in each pass: six batches, the last of which is shorter."""
    return DataLoader(Sums(noise=options.pop("noise", 0.0)), 4, shuffle=True, **options)


def drawn_again():
    """A loader that takes rows more than once, by a generator that it was given."""
    data, own = Sums(noise=0.1), torch.Generator()
    return DataLoader(data, 4, sampler=RandomSampler(data, replacement=True, generator=own))


class Follower(nn.Module):
    """A recurrent layer and a readout."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.layer = unrolled.LSTM(2, 5)
        self.readout = nn.Linear(5, 1)

    def forward(self, x, state=None):
        output, state = self.layer(x, state)
        return self.readout(output), state


def stream(chunks=6):
    """Chunks of a long sequence and of what is to be said of it: T B X, T B 1."""
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(4 * chunks, 3, 2, generator=generator)
    y = x.cumsum(0)[..., :1].sin()
    return list(zip(x.split(4), y.split(4), strict=True))


def following(model, batch, state):
    """The squared error of a chunk, and the state in which it leaves the model."""
    x, y = batch
    output, state = model(x, state)
    return F.mse_loss(output, y), state
