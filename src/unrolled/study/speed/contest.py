"""One contest: build every contender, check its answer, time those that are right."""

import time
import warnings
from collections.abc import Callable, Mapping

from unrolled.study.speed.measure import Budget, first_line, take_turns
from unrolled.study.speed.record import Entry
from unrolled.study.speed.trial import Trial, Values, difference

Report = Callable[[str], None]


def contest(
    entrants: Mapping[str, Callable[[], Trial]],
    truth: Values | None,
    budget: Budget,
    *,
    report: Report,
) -> dict[str, Entry]:
    """The entry of each contender; what they warn of is not shown.

    Args:
        entrants: By name, what builds its trial.
        truth: What each must compute; None compares nothing.
        budget: How long to measure all together.
        report: Is told what is being done.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _contest(entrants, truth, budget, report)


def _contest(
    entrants: Mapping[str, Callable[[], Trial]],
    truth: Values | None,
    budget: Budget,
    report: Report,
) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    trials: dict[str, Trial] = {}
    for name, build in entrants.items():
        report(f"checking {name}")
        entries[name], trial = _admit(build, truth)
        if trial is not None:
            trials[name] = trial
    report("taking turns")
    times, failed = take_turns(trials, budget)
    for name, entry in entries.items():
        if name in failed:
            entries[name] = Entry("failed", failed[name], entry.setup)
        elif name in times:
            entries[name] = Entry("timed", "", entry.setup, times[name])
    return entries


def _admit(build: Callable[[], Trial], truth: Values | None) -> tuple[Entry, Trial | None]:
    """Build a contender and run it once; the trial if its answer is right."""
    begun = time.perf_counter()
    try:
        trial = build()
        trial.prepare()
        result = trial.run()
        setup = time.perf_counter() - begun
        wrong = difference(trial.values(result), truth) if trial.values and truth else ""
    except Exception as error:  # noqa: BLE001  whatever a peer may raise
        return Entry("failed", first_line(error), time.perf_counter() - begun), None
    if wrong:
        return Entry("wrong", wrong, setup), None
    return Entry("timed", "", setup), trial
