"""Contenders take turns in rotating order, for the budget, and a failure stops only its own."""

import gc
from itertools import count

import pytest

from unrolled.study.speed import measure
from unrolled.study.speed.measure import Budget, Times, in_turn, take_turns
from unrolled.study.speed.trial import Trial


@pytest.fixture
def ticks():
    """A clock that moves by 1 each time it is read."""
    numbers = count()
    return lambda: float(next(numbers))


def noting(names):
    """Trials that note their name when they run."""
    ran = []
    return ran, {name: Trial(lambda name=name: ran.append(name)) for name in names}


def test_each_round_begins_with_another_contender(ticks):
    ran, trials = noting("abc")
    take_turns(trials, Budget(seconds=0, rounds=4), clock=ticks)
    assert "".join(ran)[6:] == "bca" + "cab" + "abc"
    assert "".join(ran)[:6] == "aabbcc", "before the first round each runs once, untimed"


def test_the_order_of_no_contender_is_empty():
    assert in_turn([], 3) == []
    assert in_turn(["a", "b"], 3) == ["b", "a"]


@pytest.mark.parametrize(("seconds", "rounds", "made"), [(0, 3, 3), (20, 1, 7)])
def test_rounds_go_on_until_the_seconds_are_used_and_never_below_the_fewest(
    ticks, seconds, rounds, made
):
    _, trials = noting("a")
    times, _ = take_turns(trials, Budget(seconds, rounds), clock=ticks)
    assert times["a"].seconds == (1.0,) * made


def test_rounds_end_even_where_a_run_takes_no_time(monkeypatch):
    monkeypatch.setattr(measure, "MOST_ROUNDS", 5)
    monkeypatch.setattr(measure, "SETTLE", 0)
    _, trials = noting("a")
    times, _ = take_turns(trials, Budget(60, 1), clock=lambda: 0.0)
    assert len(times["a"].seconds) == 5


def test_preparing_is_not_timed_and_comes_before_every_run(ticks):
    done = []
    trial = Trial(lambda: done.append("run"), None, lambda: done.append("prepare"))
    times, _ = take_turns({"a": trial}, Budget(0, 2), clock=ticks)
    assert done == ["prepare", "run"] * 3
    assert times["a"].seconds == (1.0, 1.0)


def test_a_contender_that_fails_on_the_way_is_left_out_with_its_errors_first_line(ticks):
    ran, trials = noting("ab")
    runs = count()

    def fail():
        if next(runs) > 1:
            raise RuntimeError("no memory\nand a long trace")

    times, failed = take_turns({**trials, "c": Trial(fail)}, Budget(0, 3), clock=ticks)
    assert failed == {"c": "RuntimeError: no memory"}
    assert set(times) == {"a", "b"}
    assert ran.count("a") == ran.count("b") == 4


def test_the_garbage_collector_rests_meanwhile_and_works_after(ticks):
    seen = []
    take_turns({"a": Trial(lambda: seen.append(gc.isenabled()))}, Budget(0, 2), clock=ticks)
    assert set(seen) == {False}
    assert gc.isenabled()


def test_minimum_and_median():
    times = Times((3.0, 1.0, 2.0, 10.0))
    assert (times.minimum, times.median) == (1.0, 2.5)
