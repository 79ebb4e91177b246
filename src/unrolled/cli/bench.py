"""`unrolled bench`: our layers beside every peer that is installed, in one run."""

from collections.abc import Sequence

from unrolled.cli.arguments import parse
from unrolled.study.speed.settings import BenchSettings

INTERRUPTED = 130

ABOUT = """Measure our layers beside every peer that is installed: one process, taking turns.

Each contender is first checked against our eager layer in float64: one that computes something
else is named, not timed. Then all run once a round, each round in another order. A table shows our
time in milliseconds and everyone else's time over ours (c, or else drop-in, or else eager):
above 1, ours is faster.

Who takes part (--peers):
- c: our Recurrent, compiled from the equations; drop-in: our LSTM, GRU, RNN, compiled.
- eager: our Recurrent in torch operations, gates stacked, input products before the loop.
- torch.nn: torch's LSTM, GRU, RNN; loop: over torch's LSTMCell, GRUCell, RNNCell.
- torch.compile: of that loop, or of our eager layer for cells that torch does not have.
- torchrecurrent: the cells that it computes as we do (pip install --no-deps torchrecurrent).
- jax: our equations as a jitted jax.lax.scan (pip install jax; both: 'unrolled[bench]').

Examples:
- unrolled bench --quick                   an overview in about a minute
- unrolled bench --threads 2 --json b.json   every figure in a file
- unrolled bench --cells gallery --points 32x128 --peers c eager jax
- unrolled bench --cells FILE.py:mine      a cell of your own
- unrolled bench --lengths                 against torch.nn on a PackedSequence

Close other programs first. Ctrl-C prints what was measured so far."""


def run(given: Sequence[str]) -> int:
    """Measure, print tables as they fill, and write the JSON if asked to.

    Args:
        given: What was typed after the verb.
    """
    settings = parse(BenchSettings, given, prog="unrolled bench", about=ABOUT).in_force()
    from unrolled.study.speed.printer import Printer  # torch, only from here on
    from unrolled.study.speed.report import headline, to_json, write_json
    from unrolled.study.speed.sections import measurements, total

    number = total(settings)
    if settings.json is not None:
        settings.json.open("a").close()  # an error now, not after minutes
    print(headline(), end="\n\n", flush=True)
    code = 0
    with Printer(as_markdown=settings.markdown, total=number) as printer:
        try:
            for measurement in measurements(settings, printer.say):
                printer.add(measurement)
        except KeyboardInterrupt:
            code = INTERRUPTED
    if settings.json is not None:
        report = to_json(settings, printer.measured, complete=code == 0)
        write_json(settings.json, report)
    return code
