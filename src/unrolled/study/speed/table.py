"""Measurements as tables: one for each cell, mode and thread count, and the means of all."""

import textwrap
from collections.abc import Iterable, Sequence

from unrolled.study.speed.grid import Grid
from unrolled.study.speed.record import Measurement, mean_per_operation, mean_ratios

SLOW_SETUP = 3.0  # seconds to compile that are worth a line; all are in the JSON

LAYERS_LEGEND = (
    "ours: milliseconds of the best round (the median). rate: the share that ours reaches of the "
    "rate of the same matrix products done at once by torch. Other columns: their time over ours, "
    "of minima (of medians); above 1, ours is faster."
)
FILLED = (
    "filled: the share of T*B that the lengths fill. all T steps: ours on the same input without "
    "lengths; where time is proportional to the lengths' sum, it is 1 / filled"
)
CHARACTERS_LEGEND = "characters a second in the best round (the median); their time over ours."


def grids(measurements: Iterable[Measurement]) -> list[Grid]:
    """The tables, in order of appearance."""
    return [_characters(group) if group[0].characters else _layers(group)
            for group in groups(measurements)]  # fmt: skip


def groups(measurements: Iterable[Measurement]) -> list[list[Measurement]]:
    """Measurements of one cell, mode and thread count, which differ in their points."""
    found: dict[tuple[str, str, str, int], list[Measurement]] = {}
    for measurement in measurements:
        found.setdefault(measurement.group, []).append(measurement)
    return list(found.values())


def legend(measurements: Iterable[Measurement]) -> str:
    """How to read the tables."""
    kinds = {bool(measurement.characters) for measurement in measurements}
    said = [LAYERS_LEGEND] * (False in kinds) + [CHARACTERS_LEGEND] * (True in kinds)
    return "\n".join(textwrap.fill(text, 100) for text in said)


def summary(measurements: Sequence[Measurement]) -> Grid | None:
    """The geometric means of all tables over their points; None for a single table."""
    found = [group for group in groups(measurements) if not group[0].characters]
    if len(found) < 2:
        return None
    means = [mean_ratios(group) for group in found]
    peers = list(dict.fromkeys(name for ratios in means for name in ratios))
    rows: list[tuple[str, ...]] = []
    for group, ratios in zip(found, means, strict=True):
        first, per_operation = group[0], mean_per_operation(group, measurements)
        about = (first.cell, first.mode, str(first.threads), _ratio(per_operation))
        rows.append((*about, *(_ratio(ratios.get(peer)) for peer in peers)))
    header = ("cell", "mode", "threads", "per FLOP", *peers)
    note = "per FLOP: our time for an operation in matrix products, over lstm's at the same points"
    return Grid("geometric means over the points", header, tuple(rows), (note,), ratios=4)


def _layers(group: Sequence[Measurement]) -> Grid:
    """A row for each point, a column for each contender that was timed somewhere."""
    first = group[0]
    peers = [n for n in first.entries if any(n in m.timed and n != m.reference for m in group)]
    names = ", ".join(dict.fromkeys(m.reference or "none" for m in group))
    with_lengths = first.section == "lengths"
    filled = ("filled",) * with_lengths
    header = ("B x H", *filled, f"ours ({names}) ms", "rate", *peers)
    rows = [_row(measurement, peers) for measurement in group]
    means = mean_ratios(group)
    if len(group) > 1 and means:
        blank = ("",) * (len(header) - len(peers) - 1)
        rows.append(("geometric mean", *blank, *(_ratio(means.get(peer)) for peer in peers)))
    title = f"{first.cell}, {first.mode}, {_threads(first)}, T={first.steps}, {first.dtype}"
    title += ", random lengths" * with_lengths
    notes = (*(FILLED,) * with_lengths, *_notes(group))
    return Grid(title, header, tuple(rows), notes, ratios=len(header) - len(peers))


def _row(measurement: Measurement, peers: Sequence[str]) -> tuple[str, ...]:
    reference = measurement.reference
    ours, share = "-", None
    if reference is not None:
        times = measurement.timed[reference]
        ours = f"{times.minimum * 1e3:.2f} ({times.median * 1e3:.2f})"
        share = measurement.share(reference)
    filled = (f"{measurement.filled:.0%}",) * (measurement.section == "lengths")
    rate = "-" if share is None else f"{share:.0%}"
    return (str(measurement.point), *filled, ours, rate, *(_both(measurement, p) for p in peers))


def _characters(group: Sequence[Measurement]) -> Grid:
    """A row for each contender."""
    first = group[0]
    rows: list[tuple[str, ...]] = []
    for name, times in first.timed.items():
        best, usual = (first.characters / seconds for seconds in (times.minimum, times.median))
        ratio = "" if name == first.reference else _both(first, name)
        rows.append((name, f"{best:,.0f} ({usual:,.0f})", ratio))
    title = f"{first.section}: {first.cell}, B=1, H={first.point.width}, {_threads(first)}"
    header = ("contender", "characters/s", f"time over {first.reference or 'ours'}")
    return Grid(title, header, tuple(rows), (*first.notes, *_notes(group)), ratios=2)


def _notes(group: Sequence[Measurement]) -> tuple[str, ...]:
    """Who took no part and why, who failed, who is slow to compile; each thing said once."""
    points: dict[tuple[str, str, str], list[str]] = {}
    for measurement in group:
        for name, entry in measurement.entries.items():
            if entry.status != "timed":
                key = (entry.status, entry.why, name)
                points.setdefault(key, []).append(str(measurement.point))
    said: dict[str, dict[str, list[str]]] = {}
    for (status, why, name), at in points.items():
        who = name if len(at) == len(group) else f"{name} at {', '.join(at)}"
        said.setdefault(status, {}).setdefault(why, []).append(who)
    lines = (
        f"{status}: " + "; ".join(f"{', '.join(who)} ({why})" for why, who in reasons.items())
        for status, reasons in said.items()
    )
    return (*lines, *_slow(group))


def _slow(group: Sequence[Measurement]) -> tuple[str, ...]:
    """Who needs long before its first answer, and how long."""
    seconds: dict[str, list[float]] = {}
    for measurement in group:
        for name, entry in measurement.entries.items():
            if entry.setup > SLOW_SETUP:
                seconds.setdefault(name, []).append(entry.setup)
    return tuple(
        f"{name}: {min(found):.0f} to {max(found):.0f} s to compile and run once"
        for name, found in seconds.items()
    )


def _both(measurement: Measurement, peer: str) -> str:
    """A contender's ratio of minima, and of medians; or what stopped it, in a word."""
    minima, medians = (measurement.ratio(peer, median=median) for median in (False, True))
    if minima is not None:
        return f"{_ratio(minima)} ({_ratio(medians)})"
    entry = measurement.entries.get(peer)
    return "-" if entry is None or entry.status == "skipped" else entry.status


def _ratio(ratio: float | None) -> str:
    """A ratio with about three figures."""
    if ratio is None:
        return "-"
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.1f}" if ratio < 100 else f"{ratio:.0f}"


def _threads(measurement: Measurement) -> str:
    return f"{measurement.threads} thread{'s' * (measurement.threads > 1)}"
