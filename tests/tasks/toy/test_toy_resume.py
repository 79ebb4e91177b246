"""A toy run that was stopped, or killed, goes on bit for bit; it stores no data for that."""

import random
import shutil

import pytest
from tests.tasks.tiny_text import Samples, kept, stopping
from tests.tasks.toy.small import small

import unrolled
from unrolled.errors import SettingError
from unrolled.tasks.toy import run as toy
from unrolled.training.storage.checkpoint_names import list_names, move_pointer, step_of
from unrolled.training.storage.durable import UNFINISHED

PLAIN = {"cell": "rnn", "start": "smart", "omega": 0.5, "omega_form": "released"}
CASES = {
    "adding": {"cell": "gru+zoneout:0.2", "num_layers": 2},
    "temporal-order": {**PLAIN, "num_layers": 2, "length": 20, "shortest": 10},
}


@pytest.mark.parametrize("name", CASES)
def test_stopped_at_random_steps_it_is_the_uninterrupted_run(name, tmp_path):
    changes = {**CASES[name], "steps": 14, "lens": True}
    whole, parts = Samples(), []
    toy.train(small(name, tmp_path / "whole", **changes), watcher=whole)
    first, second = sorted(random.Random(name).sample(range(1, 14), 2))
    parts.append(stopping(first))
    toy.train(small(name, tmp_path / "run", **changes), watcher=parts[-1])
    for watcher in (stopping(second), Samples()):
        parts.append(watcher)
        run = unrolled.resume(tmp_path / "run", watcher=watcher)
    assert run.ending.step == 14
    assert kept(tmp_path / "run") == kept(tmp_path / "whole")
    assert [text for part in parts for text in part.samples] == whole.samples


def test_what_a_kill_leaves_goes_on_as_the_uninterrupted_run(tmp_path):
    """An earlier checkpoint, half a later one, and metrics that are further on."""
    changes = {**CASES["temporal-order"], "steps": 9, "save_seconds": 0, "keep": 99, "lens": True}
    toy.train(small("temporal-order", tmp_path / "whole", **changes))
    for step in (0, 3, 4, 7):
        run = shutil.copytree(tmp_path / "whole", tmp_path / f"{step}")
        later = [each for each in list_names(run) if step_of(each) > step]
        for each in later:
            shutil.rmtree(run / "checkpoints" / each)
        (run / "checkpoints" / f"{UNFINISHED}{later[0]}").mkdir()
        move_pointer(run, "last", f"{step:09d}")
        if (run / "BEST").read_text().split()[0] in later:
            (run / "BEST").unlink()
        unrolled.resume(run)
        assert kept(run) == kept(tmp_path / "whole"), step


def test_one_killed_before_its_first_save_had_ended_starts_again(tmp_path):
    changes = {**CASES["temporal-order"], "steps": 4}
    toy.train(small("temporal-order", tmp_path / "whole", **changes))
    run = shutil.copytree(tmp_path / "whole", tmp_path / "run")
    for name in ("LAST", "BEST", "metrics.jsonl"):
        (run / name).unlink()
    shutil.rmtree(run / "checkpoints")
    unrolled.resume(run)
    assert kept(run) == kept(tmp_path / "whole")


def test_a_new_limit_counts_steps_and_is_never_one_of_epochs(tmp_path):
    toy.train(small("latch", tmp_path / "run", steps=3))
    assert unrolled.resume(tmp_path / "run", steps=5).ending.step == 5
    with pytest.raises(SettingError, match="epochs=2 cannot be; wanted none: each step draws"):
        unrolled.resume(tmp_path / "run", epochs=2)
