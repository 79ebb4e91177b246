"""The search for a target, against every target that there is."""

import itertools
import math

import pytest
import torch

from unrolled import find_cell
from unrolled.errors import SamplingError
from unrolled.models.encoder import Shape
from unrolled.models.encoder_decoder import EncoderDecoder
from unrolled.models.search import Ends, search

V, BEGIN, END = 5, 1, 2
ENDS = Ends(BEGIN, END, longest=4)


class Table:
    """Scores of the next symbol by the source and by all that was written."""

    def __init__(self, sources=3, seed=0, spread=2.0):
        self.sources, self.seed, self.spread = sources, seed, spread
        self.rows = []  # of each step

    def chances(self, source, written):
        seed = hash((self.seed, source, *written)) % 2**31
        drawn = torch.randn(V, generator=torch.Generator().manual_seed(seed))
        return (drawn * self.spread).log_softmax(-1)

    def step(self, symbols, at):
        at = [(source, *written, int(symbol))
              for (source, *written), symbol in zip(at, symbols, strict=True)]  # fmt: skip
        self.rows.append(len(at))
        return torch.stack([self.chances(source, written) for source, _, *written in at]), at

    def reorder(self, at, rows):
        kept = [at[row] for row in rows]
        sources = sorted({source for source, *_ in kept})
        assert [source for source, *_ in kept] == sources * (len(kept) // len(sources))
        return kept

    def start(self):
        return [(source,) for source in range(self.sources)]

    def every(self, source, penalty):
        """All targets with their scores, the best first."""
        found = []
        others = [symbol for symbol in range(V) if symbol != END]
        for length in range(ENDS.longest + 1):
            for symbols in itertools.product(others, repeat=length):
                whole = [*symbols, END][: ENDS.longest]
                total = sum(
                    float(self.chances(source, tuple(whole[:at]))[symbol])
                    for at, symbol in enumerate(whole)
                )
                found.append((total / ((5 + len(whole)) / 6) ** penalty, list(symbols), total))
        return sorted(found, reverse=True)


@pytest.mark.parametrize("penalty", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_with_as_many_beams_as_targets_the_best_of_all_are_found(penalty, seed):
    table = Table(seed=seed)
    found = search(table, table.start(), 3, ENDS, width=400, penalty=penalty)
    for source in range(3):
        wanted = table.every(source, penalty)[:20]
        got = found[source][:20]
        assert [each.symbols for each in got] == [symbols for _, symbols, _ in wanted]
        assert [each.score for each in got] == pytest.approx([w[0] for w in wanted], abs=1e-5)
        assert [each.log_probability for each in got] == pytest.approx(
            [w[2] for w in wanted], abs=1e-5
        )


@pytest.mark.parametrize("seed", range(4))
def test_one_beam_takes_the_likeliest_symbol_each_time(seed):
    table = Table(seed=seed)
    for source, (found,) in enumerate(search(table, table.start(), 3, ENDS)):
        written = []
        while len(written) < ENDS.longest:
            symbol = int(table.chances(source, tuple(written)).argmax())
            if symbol == END:
                break
            written.append(symbol)
        assert found.symbols == written


@pytest.mark.parametrize("width", [1, 3])
def test_sources_that_are_done_leave_and_change_nothing_of_the_others(width):
    together, ends = Table(sources=12, seed=7), Ends(BEGIN, END, longest=9)
    found = search(together, together.start(), 12, ends, width=width, penalty=1.0)
    for source in range(12):
        alone = Table(seed=7)
        assert search(alone, [(source,)], 1, ends, width=width, penalty=1.0) == [found[source]]
    assert together.rows[0] == 12
    assert 0 < together.rows[-1] < 12 * width
    assert together.rows[1:] == sorted(together.rows[1:], reverse=True)


@pytest.mark.parametrize(
    ("attention", "seed"), [("none", 4), ("additive", 2), ("multiplicative", 2)]
)
def test_a_real_model_writes_for_many_sources_as_for_each_alone(attention, seed):
    torch.manual_seed(seed)
    sizes = Shape(7, 6, embedding_size=4)
    model = EncoderDecoder(find_cell("lstm"), sizes, sizes, attention).eval()
    for weight in model.parameters():
        torch.nn.init.normal_(weight)
    model.readout.bias.data[END] += 3  # some targets end early
    lengths = torch.tensor([5, 4, 4, 3, 2, 1])
    source = torch.randint(3, 7, (5, 6))
    ends = Ends(BEGIN, END, longest=8)
    together = search(model, model.read(source, lengths), 6, ends, width=3)
    assert len({len(found[0].symbols) for found in together}) > 1
    for found, column, length in zip(together, source.t(), lengths, strict=True):
        (alone,) = search(model, model.read(column[:length, None]), 1, ends, width=3)
        assert [each.symbols for each in found] == [each.symbols for each in alone]
        assert [each.score for each in found] == pytest.approx([e.score for e in alone], abs=1e-4)


def test_the_scores_of_a_real_model_are_the_log_probabilities_of_its_targets():
    torch.manual_seed(0)
    sizes = Shape(7, 6, embedding_size=4)
    model = EncoderDecoder(find_cell("gru"), sizes, sizes, "additive").eval()
    lengths = torch.tensor([3, 5])
    source = torch.randint(3, 7, (5, 2))
    ends = Ends(BEGIN, END, longest=6)
    by_source = search(model, model.read(source, lengths), 2, ends, width=3)
    for found, column, length in zip(by_source, source.t(), lengths, strict=True):
        for each in found:
            whole = torch.tensor([BEGIN, *each.symbols, END])[: ends.longest + 1].unsqueeze(-1)
            scores = model(column[:length, None], whole[:-1]).log_softmax(-1)
            total = scores.gather(-1, whole[1:, None]).sum().item()
            assert each.log_probability == pytest.approx(total, abs=1e-4)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [({"width": 0}, "beam=0 cannot be; wanted 1 to 10000"), ({"width": 20_000}, "1 to 1000"),
     ({"penalty": -1.0}, "length_penalty=-1.0 cannot be; wanted 0 to 100"),
     ({"penalty": math.nan}, "0 to 100")],
)  # fmt: skip
def test_an_impossible_search_is_refused(options, complaint):
    table = Table()
    with pytest.raises(SamplingError, match=complaint):
        search(table, table.start(), 3, ENDS, **options)


@pytest.mark.parametrize("penalty", [0.0, 1.0, 5.0])
def test_one_beam_takes_the_likeliest_symbol_each_time_whatever_the_penalty(penalty):
    for seed in range(20):
        table = Table(sources=1, seed=seed)
        ((found,),) = search(table, table.start(), 1, ENDS, penalty=penalty)
        written = []
        while len(written) < ENDS.longest and END not in written:
            written.append(int(table.chances(0, tuple(written)).argmax()))
        assert found.symbols == [symbol for symbol in written if symbol != END]


class Written(Table):
    """A table of one source whose chances are written down; what is not there is shared evenly."""

    WAYS = {(): {END: 0.4, 3: 0.6}, (3,): {END: 0.5, 4: 0.5}, (3, 4): {END: 1.0}}

    def chances(self, source, written):
        ways = self.WAYS.get(tuple(written), {})
        return torch.tensor([ways.get(symbol, 1e-9) for symbol in range(V)]).log()


def test_the_search_goes_on_while_the_penalty_can_still_lift_a_longer_target():
    """After two symbols both kept are likelier than what goes on, which the penalty lifts later."""
    table = Written(sources=1)
    ((best, _),) = search(table, table.start(), 1, ENDS, width=2, penalty=5.0)
    assert best.symbols == [3, 4]
