"""Writing the target of a source: the likeliest symbol each time, or several beams at once."""

from typing import Any, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from unrolled.errors import SamplingError

_BLOCK = 64  # symbols
WIDEST = 10_000  # beams; each holds a state of its own
MOST_PENALTY = 100.0


class Writer(Protocol):
    """A model that writes symbol by symbol."""

    def step(self, symbols: Tensor, at: Any) -> tuple[Tensor, Any]:
        """The scores (N x V) after one symbol more in each of N rows, and where writing stands."""
        ...

    def reorder(self, at: Any, rows: Tensor) -> Any:
        """Where writing stands in some rows; one may come several times, and a source no more."""
        ...


class Ends(NamedTuple):
    """The symbols with which every target begins and ends, and how long it may be."""

    begin: int
    end: int
    longest: int


class Found(NamedTuple):
    """A target that was written, without its begin and end."""

    symbols: list[int]
    log_probability: float  # nats
    score: float
    """The log probability over the length penalty, by which beams are compared."""


@torch.no_grad()
def search(
    model: Writer, at: Any, sources: int, ends: Ends, *, width: int = 1, penalty: float = 0.0
) -> list[list[Found]]:
    """The best targets of each source that a search with some beams finds, the best first.

    Beams of all sources go on together, row k * B + b for beam k of source b. A target that ended
    is scored log p / ((5 + length) / 6)^penalty (Wu et al. 2016, equation 14), its end counted. The
    best K // 2 + 1 are kept. A source is left when its best beam, scored as if it ended there, is
    no better than the worst of these: without a penalty none better can come.

    Args:
        model: In evaluation mode.
        at: What its `read` gave.
        sources: B.
        ends: Where targets begin and end; one that has not ended at the longest is cut there.
        width: K, beams of each source; 1 takes the likeliest symbol each time.
        penalty: 0 compares log probabilities; about 1 lets long targets win; of one beam nothing is
            compared.

    Raises:
        SamplingError: The width or the penalty is impossible.
    """
    if not 1 <= width <= WIDEST:
        raise SamplingError(option="beam", got=width, wanted=f"1 to {WIDEST}")
    if not 0 <= penalty <= MOST_PENALTY:
        raise SamplingError(option="length_penalty", got=penalty, wanted=f"0 to {MOST_PENALTY:g}")
    penalty = penalty if width > 1 else 0.0  # one beam ends at its first end
    kept = _Kept(sources, width // 2 + 1, ends.longest, penalty)
    beams = _Beams(sources, width)
    symbols = torch.full((sources,), ends.begin)
    for length in range(1, ends.longest + 1):
        logits, at = model.step(symbols, at)
        grown = beams.grown(logits.float().log_softmax(-1))
        ended = grown.symbols[..., -1] == ends.end
        kept.add(beams.sources, grown.complete(ended, width), length)
        parents = beams.go_on(grown, ended)
        going = ~kept.are_final(beams)
        if not going.any():
            break
        at = model.reorder(at, _rows(parents)[going.repeat(parents.shape[1])])
        beams.keep(going)
        symbols = beams.symbols[..., -1].t().flatten()
    else:
        kept.add(beams.sources, beams, ends.longest)
    return kept.found(ends.end)


def _rows(parents: Tensor) -> Tensor:
    """In which row of the model each beam's parent lies (B x K as K * B)."""
    sources = len(parents)
    return (parents * sources + torch.arange(sources).unsqueeze(1)).t().flatten()


class _Grown(NamedTuple):
    """Beams with a symbol more, the best of each source (B x 2K, best first)."""

    symbols: Tensor  # B x 2K x T
    totals: Tensor
    parents: Tensor

    def complete(self, ended: Tensor, width: int) -> "_Grown":
        """The best K, of which those alone count that ended: another end is none."""
        best = _Grown(*(part[:, :width] for part in self))
        return best._replace(totals=best.totals.masked_fill(~ended[:, :width], -torch.inf))


class _Beams:
    """What is being written: beams of each source not yet left; one at first, soon K."""

    def __init__(self, sources: int, width: int) -> None:
        self.sources = torch.arange(sources)  # B, which they are
        self.symbols = torch.empty(sources, 1, 0, dtype=torch.int64)
        self.totals = torch.zeros(sources, 1)
        self._width = width

    def grown(self, chances: Tensor) -> _Grown:
        """The best ways on, of all beams of a source; twice as many as beams, as half may end.

        Args:
            chances: Log probabilities of the next symbol, in the model's rows and on its device.
        """
        totals, count = self.totals.to(chances.device), 2 * self._width
        best, parents, last = (found.cpu() for found in _best(chances, totals, count))
        symbols = torch.cat([_taken(self.symbols, parents), last.unsqueeze(-1)], dim=-1)
        return _Grown(symbols, best, parents)

    def go_on(self, grown: _Grown, ended: Tensor) -> Tensor:
        """Keep the best that have not ended; the parents of these (B x K)."""
        width = min(self._width, grown.totals.shape[1])
        self.totals, places = grown.totals.masked_fill(ended, -torch.inf).topk(width)
        self.symbols = _taken(grown.symbols, places)
        return grown.parents.gather(1, places)

    def keep(self, going: Tensor) -> None:
        """Go on with some sources alone."""
        self.sources, self.symbols = self.sources[going], self.symbols[going]
        self.totals = self.totals[going]


def _best(chances: Tensor, totals: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The best sums of a beam's total and the chance of a symbol after it: B x count each.

    They lie in the blocks of symbols with the best maxima, so that not all have to be sorted.

    Args:
        chances: K·B x V.
        totals: B x K.
        count: How many; fewer if there are not so many.

    Returns:
        The sums, their beams, their symbols.
    """
    (sources, width), size = totals.shape, chances.shape[1]
    tops = F.max_pool1d(chances.unsqueeze(1), _BLOCK, ceil_mode=True).squeeze(1)  # K·B x blocks
    number = tops.shape[1]
    tops = tops.view(width, sources, number).transpose(0, 1) + totals.unsqueeze(-1)
    tops = tops.flatten(1)
    places = tops.topk(min(count, tops.shape[1])).indices
    beams = places // number
    symbols = (places % number * _BLOCK).unsqueeze(-1) + torch.arange(_BLOCK).to(places)
    inside, symbols = symbols < size, symbols.clamp(max=size - 1)
    rows = beams * sources + torch.arange(sources).to(places).unsqueeze(1)
    sums = chances[rows.unsqueeze(-1), symbols] + totals.gather(1, beams).unsqueeze(-1)
    sums = sums.masked_fill(~inside, -torch.inf).flatten(1)
    best, found = sums.topk(min(count, width * size))
    return best, beams.gather(1, found // _BLOCK), symbols.flatten(1).gather(1, found)


class _Kept:
    """The best targets so far: of each source at most `count`."""

    def __init__(self, sources: int, count: int, longest: int, penalty: float) -> None:
        self.symbols = torch.zeros(sources, count, longest, dtype=torch.int64)
        self.scores = torch.full((sources, count), -torch.inf)
        self.lengths = torch.zeros(sources, count, dtype=torch.int64)
        self._penalty, self._longest = penalty, longest

    def _divisor(self, length: int) -> float:
        return ((5 + length) / 6) ** self._penalty

    def add(self, sources: Tensor, targets: "_Grown | _Beams", length: int) -> None:
        """Take those that are better, of some sources; a total of -inf is none."""
        scores = torch.cat([self.scores[sources], targets.totals / self._divisor(length)], dim=1)
        self.scores[sources], places = scores.topk(self.scores.shape[1])
        padded = F.pad(targets.symbols, (0, self._longest - length))
        symbols = torch.cat([self.symbols[sources], padded], dim=1)
        self.symbols[sources] = _taken(symbols, places)
        lengths = torch.full(targets.totals.shape, length)
        lengths = torch.cat([self.lengths[sources], lengths], dim=1)
        self.lengths[sources] = lengths.gather(1, places)

    def are_final(self, beams: _Beams) -> Tensor:
        """Of which sources no beam would be kept if it ended as it is (B)."""
        hoped = beams.totals.amax(1) / self._divisor(beams.symbols.shape[-1])
        return self.scores[beams.sources].amin(1) >= hoped

    def found(self, end: int) -> list[list[Found]]:
        return [
            [
                Found([symbol for symbol in symbols[:length].tolist() if symbol != end],
                      float(score) * self._divisor(length), float(score))
                for symbols, score, length in zip(*source, strict=True)
                if score > -torch.inf
            ]
            for source in zip(self.symbols, self.scores, self.lengths.tolist(), strict=True)
        ]  # fmt: skip


def _taken(symbols: Tensor, places: Tensor) -> Tensor:
    """Of each source some of its rows (B x N x T, B x M)."""
    return symbols.gather(1, places.unsqueeze(-1).expand(-1, -1, symbols.shape[-1]))
