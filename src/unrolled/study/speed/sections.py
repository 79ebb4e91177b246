"""The sections of the study: layers, or what else the settings ask for instead."""

from collections.abc import Iterator

from unrolled.study.speed.contest import Report
from unrolled.study.speed.layers import contests_in, measure_layers
from unrolled.study.speed.record import Measurement
from unrolled.study.speed.settings import BenchSettings


def total(settings: BenchSettings) -> int:
    """How many measurements there will be.

    Raises:
        UnknownCellError: A cell is unknown.
    """
    others = settings.min_char_rnn + settings.sampling
    return others * len(settings.threads) if others else contests_in(settings)


def measurements(settings: BenchSettings, report: Report) -> Iterator[Measurement]:
    """Measure, one contest after the other.

    Args:
        settings: Who, where, how long.
        report: Is told what is being done.
    """
    if settings.min_char_rnn or settings.sampling:
        from unrolled.study.speed.characters import measure_characters  # the trainer, if needed

        yield from measure_characters(settings, report)
    else:
        yield from measure_layers(settings, report)
