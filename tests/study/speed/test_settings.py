"""Settings are checked where they enter, and `quick` says what it changes."""

import pytest

from unrolled.cells import GALLERY
from unrolled.errors import SettingError, UnknownCellError
from unrolled.study.speed.layers import cells_of, contests_in
from unrolled.study.speed.settings import BenchSettings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps=0 cannot be; wanted more than 0"),
        ({"rounds": 0}, "rounds=0 cannot be"),
        ({"seconds": float("nan")}, "seconds=nan cannot be"),
        ({"seconds": float("inf")}, "seconds=inf cannot be"),
        ({"threads": (1, 0)}, "threads=0 cannot be; wanted 1 to 1024"),
        ({"threads": ()}, "threads=nothing cannot be; wanted one or more"),
        ({"cells": ()}, "cells=nothing"),
        ({"peers": ()}, "peers=nothing"),
        ({"points": ("1x2", "many")}, "points='many' cannot be; wanted BxH such as 32x128"),
        ({"seed": -1}, "seed=-1 cannot be"),
    ],
)
def test_what_cannot_be_is_refused(changes, message):
    with pytest.raises(SettingError, match=message):
        BenchSettings(**changes)


def test_quick_takes_fewer_points_and_less_time_and_leaves_the_rest():
    quick = BenchSettings(quick=True, cells=("rnn",), threads=(2,)).in_force()
    assert [str(point) for point in quick.sizes()] == ["1x64", "16x64", "32x128", "32x256"]
    assert (quick.seconds, quick.rounds, quick.cells, quick.threads) == (0.5, 3, ("rnn",), (2,))
    assert BenchSettings().in_force() == BenchSettings()


def test_cells_are_named_once_and_the_gallery_is_all_of_them():
    assert list(cells_of(BenchSettings(cells=("rnn", "rhn:3", "rnn")))) == ["rnn", "rhn:3"]
    assert set(cells_of(BenchSettings(cells=("gallery", "rhn:3")))) == {*GALLERY, "rhn:3"}
    with pytest.raises(UnknownCellError, match="Did you mean lstm"):
        contests_in(BenchSettings(cells=("lstn",)))
