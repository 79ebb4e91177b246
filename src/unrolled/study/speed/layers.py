"""Layers at all points: for each cell, thread count, point and mode one contest."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import torch

from unrolled.cells import GALLERY, find_cell
from unrolled.lang.cell import Cell
from unrolled.study.speed.case import Case, make_case
from unrolled.study.speed.contest import Report, contest
from unrolled.study.speed.measure import Budget
from unrolled.study.speed.our_layers import build_full_length, build_products
from unrolled.study.speed.peers import OURS, PEERS
from unrolled.study.speed.points import Point, operations
from unrolled.study.speed.record import Entry, Measurement
from unrolled.study.speed.settings import BenchSettings
from unrolled.study.speed.trial import Trial

_PRODUCTS, _FULL = "matrix products", "all T steps"


def cells_of(settings: BenchSettings) -> dict[str, Cell]:
    """The cells that the settings name, by what they are called there.

    Raises:
        UnknownCellError: There is no such cell.
    """
    wanted = [n for name in settings.cells for n in (GALLERY if name == "gallery" else (name,))]
    return {name: find_cell(name) for name in wanted}


def contests_in(settings: BenchSettings) -> int:
    """How many measurements `measure_layers` gives."""
    modes = len(_modes(settings))
    return len(cells_of(settings)) * len(settings.threads) * len(settings.points) * modes


def measure_layers(settings: BenchSettings, report: Report) -> Iterator[Measurement]:
    """Measure, one contest after the other.

    Args:
        settings: Who, where, how long.
        report: Is told what is being done.
    """
    cells, before = cells_of(settings), torch.get_num_threads()
    try:
        for name, cell in cells.items():
            for threads in settings.threads:
                torch.set_num_threads(threads)
                for point in settings.sizes():
                    for measurement in _at_point(settings, cell, point, report):
                        yield replace(measurement, cell=name)
    finally:
        torch.set_num_threads(before)


def _at_point(
    settings: BenchSettings, cell: Cell, point: Point, report: Report
) -> Iterator[Measurement]:
    case = make_case(
        cell,
        point,
        steps=settings.steps,
        dtype=getattr(torch, settings.dtype),
        with_lengths=settings.lengths,
        seed=settings.seed,
    )
    for mode in _modes(settings):
        place = f"{cell.name} {point} {mode}, --threads {torch.get_num_threads()}"
        report(f"{place}: the truth in float64")
        yield _measure(settings, case, mode, partial(_report_at, report, place))


def _report_at(report: Report, place: str, doing: str) -> None:
    report(f"{place}: {doing}")


def _measure(settings: BenchSettings, case: Case, mode: str, report: Report) -> Measurement:
    backward = mode != "forward"
    entries: dict[str, Entry] = {}
    entrants: dict[str, Callable[[], Trial]] = {}
    for name in (name for name in PEERS if name in settings.peers):
        if reason := PEERS[name].why_not(case):
            entries[name] = Entry("skipped", reason)
        else:
            entrants[name] = partial(PEERS[name].build, case, backward=backward)
    entrants |= _yardsticks(case, [name for name in OURS if name in entrants], backward)
    entries |= contest(
        entrants, case.truth, Budget(settings.seconds, settings.rounds), report=report
    )
    return Measurement(
        section="lengths" if settings.lengths else "layers",
        cell=case.cell.name,
        mode=mode,
        threads=torch.get_num_threads(),
        point=case.point,
        steps=settings.steps,
        dtype=settings.dtype,
        products=entries.pop(_PRODUCTS).times,
        entries=entries,
        ours=OURS,
        operations=operations(case.cell, case.point, rows=case.rows, backward=backward),
        filled=case.rows / (settings.steps * case.point.batch),
    )


def _yardsticks(case: Case, ours: list[str], backward: bool) -> dict[str, Callable[[], Trial]]:
    """What is measured besides: the bare products, and with lengths ours without them."""
    found: dict[str, Callable[[], Trial]] = {
        _PRODUCTS: partial(build_products, case, backward=backward)
    }
    if case.lengths is not None and ours:
        backend = "eager" if ours == ["eager"] else "c"
        found[_FULL] = partial(build_full_length, case, backend=backend, backward=backward)
    return found


def _modes(settings: BenchSettings) -> tuple[str, ...]:
    return ("forward",) if settings.mode == "forward" else ("forward", "forward+backward")
