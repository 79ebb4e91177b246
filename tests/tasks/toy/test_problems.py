"""The sequences of each problem are those of its paper, and answers are judged as there."""

import math

import numpy as np
import pytest
import torch
from tests.tasks.toy.small import small

from unrolled import find_cell
from unrolled.tasks.registry import TASKS
from unrolled.tasks.toy.problems import PROBLEMS
from unrolled.tasks.toy.settings import SHORTEST
from unrolled.tasks.toy.task import build_model

BATCH = 400


def drawn(name, length, batch=BATCH, seed=0):
    return PROBLEMS[name].draw(np.random.default_rng(seed), length, batch)


def one_hot(y, classes):
    """Scores of one who is sure of what is right."""
    return 20.0 * torch.nn.functional.one_hot(y, classes).float()


def test_the_tables_have_the_same_keys():
    toys = {name for name, entry in TASKS.items() if entry.run == "unrolled.tasks.toy.run"}
    assert set(PROBLEMS) == set(SHORTEST) == toys


@pytest.mark.parametrize("length", [2, 9, 40])
def test_adding_marks_one_number_in_each_half_and_asks_for_their_sum(length):
    x, y = drawn("adding", length)
    numbers, marks = x.unbind(-1)
    assert x.dtype == y.dtype == torch.float32
    assert bool(((numbers >= 0) & (numbers < 1)).all())
    assert set(marks.flatten().tolist()) <= {0.0, 1.0}
    half = length // 2
    assert marks[:half].sum(0).tolist() == marks[half:].sum(0).tolist() == [1.0] * BATCH
    torch.testing.assert_close((numbers * marks).sum(0), y)
    assert bool(marks.sum(1).all()), "each step is marked now and then"


def test_adding_by_always_saying_one_has_an_error_of_a_sixth():
    y = drawn("adding", 20, batch=20_000).y
    answer, ones = PROBLEMS["adding"].answer, torch.ones(len(y), 1)
    assert float(answer.loss(ones, y, "mean")) == pytest.approx(1 / 6, rel=0.03)
    assert PROBLEMS["adding"].baseline(20) == 1 / 6
    assert float(answer.wrong(ones, y).float().mean()) == pytest.approx(0.96**2, abs=0.01)


def test_adding_is_right_within_four_hundredths():
    scores = torch.tensor([[1.039], [0.961], [1.041], [0.959], [math.nan]])
    wrong = PROBLEMS["adding"].answer.wrong(scores, torch.ones(5))
    assert wrong.tolist() == [False, False, True, True, True]


@pytest.mark.parametrize("length", [1, 7])
def test_copy_shows_ten_symbols_waits_and_asks_for_them(length):
    x, y = drawn("copy", length)
    assert x.shape == y.shape == (length + 20, BATCH)
    assert set(x[:10].flatten().tolist()) == set(range(8))
    assert bool((x[10 : length + 9] == 8).all()), "blanks"
    assert bool((x[length + 9] == 9).all()), "the sign to begin"
    assert bool((x[length + 10 :] == 8).all())
    assert bool((y[: length + 10] == 8).all())
    assert torch.equal(y[length + 10 :], x[:10])


def test_copy_without_memory_has_the_published_loss():
    """Blanks are known, and of the ten symbols only that they are of eight kinds."""
    _, y = drawn("copy", 30)
    scores = torch.full((50, BATCH, 10), -1e4)
    scores[:40, :, 8] = 0
    scores[40:, :, :8] = 0
    problem = PROBLEMS["copy"]
    assert problem.baseline(50) == pytest.approx(10 * math.log(8) / (30 + 20))
    assert float(problem.answer.loss(scores, y, "mean")) == pytest.approx(problem.baseline(50))


def test_copy_is_wrong_where_one_of_the_ten_is():
    _, y = drawn("copy", 5, batch=4)
    scores = one_hot(y, 10)
    wrong = PROBLEMS["copy"].answer.wrong
    assert wrong(scores, y).tolist() == [False] * 4
    scores[0, 0], scores[14, 1] = 0, 0  # before the recall nobody looks
    scores[15, 2], scores[24, 3] = 0, 0
    scores[15, 2, 9] = scores[24, 3, 9] = 1
    assert wrong(scores, y).tolist() == [False, False, True, True]


@pytest.mark.parametrize("length", [10, 25, 100])
def test_temporal_order_has_a_signal_in_the_second_and_in_the_sixth_tenth(length):
    x, y = drawn("temporal-order", length)
    assert x.shape == (length, BATCH)
    for symbols, answer in zip(x.T.tolist(), y.tolist(), strict=True):
        places = [step for step, symbol in enumerate(symbols) if symbol < 2]
        first, second = places
        assert length // 10 <= first < 2 * (length // 10)
        assert length // 2 <= second < length // 2 + length // 10
        assert answer == 2 * symbols[first] + symbols[second]
    assert set(x.flatten().tolist()) == set(range(6))
    assert set(y.tolist()) == set(range(4))


def test_latch_shows_its_class_at_three_steps_and_noise_at_all():
    x, y = drawn("latch", 9, batch=20_000)
    shown = x[:3, :, 0] - (2 * y - 1)
    for rest in (shown, x[3:, :, 0]):
        assert float(rest.std()) == pytest.approx(0.2, rel=0.02)
        assert float(rest.mean()) == pytest.approx(0, abs=0.005)
    assert float(y.float().mean()) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("name", "classes"), [("temporal-order", 4), ("latch", 2)])
def test_a_class_is_right_or_wrong_and_chance_has_the_baselines_loss(name, classes):
    problem, (_, y) = PROBLEMS[name], drawn(name, 10, batch=8)
    assert problem.answer.wrong(one_hot(y, classes), y).tolist() == [False] * 8
    assert problem.answer.wrong(one_hot((y + 1) % classes, classes), y).tolist() == [True] * 8
    even = torch.zeros(8, classes)
    assert float(problem.answer.loss(even, y, "mean")) == pytest.approx(problem.baseline(10))
    assert float(problem.answer.loss(even, y, "sum")) == pytest.approx(8 * math.log(classes))


@pytest.mark.parametrize("name", PROBLEMS)
def test_its_shortest_sequences_can_be_drawn_read_and_shown(name):
    problem, batch = PROBLEMS[name], drawn(name, SHORTEST[name], batch=1)
    model = build_model(small(name, None), find_cell("rnn"))
    scores, _ = model(batch.x)
    assert scores.shape[-1] == problem.output_size
    assert math.isfinite(float(problem.answer.loss(scores, batch.y, "mean").detach()))
    assert problem.show(batch, scores.detach())


def test_sequences_are_shown_with_what_is_wanted_and_what_is_said():
    x, y = drawn("adding", 4, batch=1)
    first, second = x[x[..., 1] == 1, 0].tolist()
    wanted = f"{first:.2f} + {second:.2f} = {first + second:.2f}, answered 0.50"
    assert PROBLEMS["adding"].show(drawn("adding", 4, batch=1), torch.tensor([[0.5]])) == wanted
    batch = drawn("copy", 3, batch=1)
    scores = one_hot(batch.y, 10)
    scores[-1, 0] = scores[0, 0]
    symbols = "".join(map(str, batch.x[:10, 0].tolist()))
    assert PROBLEMS["copy"].show(batch, scores) == f"{symbols}, recalled {symbols[:9]}."
    batch = drawn("temporal-order", 10, batch=1)
    said = PROBLEMS["temporal-order"].show(batch, torch.tensor([[0.0, 1.0, 0.0, 0.0]]))
    text, _, rest = said.partition(" is ")
    assert text == "".join("ABcdef"[symbol] for symbol in batch.x[:, 0])
    assert rest == f"{[c for c in text if c in 'AB'][0]}{text[5]}, answered AB"
    batch = drawn("latch", 8, batch=1)
    said = PROBLEMS["latch"].show(batch, torch.tensor([[1.0, 0.0]]))
    assert said.startswith(f"{float(batch.x[0, 0, 0]):+.1f} ")
    assert said.endswith(f" ... is {'-+'[int(batch.y)]}, answered -")


def test_of_a_long_sequence_is_shown_what_lies_around_its_signals():
    batch = drawn("temporal-order", 200, batch=1)
    symbols = "".join("ABcdef"[symbol] for symbol in batch.x[:, 0])
    first, second = (place for place, symbol in enumerate(symbols) if symbol in "AB")
    text = PROBLEMS["temporal-order"].show(batch, torch.zeros(1, 4)).partition(" is ")[0]
    around = [symbols[place - 5 : place + 6] for place in (first, second)]
    assert text == f"...{around[0]}...{around[1]}..."
