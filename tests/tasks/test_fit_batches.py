"""How the batches of one's own reach the loss: on the model's device, and shared by processes."""

import subprocess
from typing import Any, NamedTuple

import pytest
import torch
from tests.tasks.fit_lab import SHARED, batches
from tests.tasks.own_models import straight, weighed
from tests.tasks.process_lab import launch
from tests.tasks.tiny_text import kept
from torch.nn.utils.rnn import pack_sequence

import unrolled
from unrolled.tasks.own.judge import moved
from unrolled.training.storage.metrics_log import read_metrics


class Pair(NamedTuple):
    """A batch as some loaders give it."""

    x: Any
    note: str


def test_tensors_are_moved_wherever_they_are_in_a_batch_and_the_rest_stays():
    one, meta, other = torch.ones(2), torch.device("meta"), object()
    batch = {"a": [one, (one, 3)], "b": Pair(one, "a note"), "c": other, 4: None}
    found = moved(batch, meta)
    assert found["a"][0].is_meta and found["a"][1][0].is_meta and found["b"].x.is_meta
    assert (type(found["a"][1]), found["a"][1][1], found["b"].note) == (tuple, 3, "a note")
    assert isinstance(found["b"], Pair) and found["c"] is other and found[4] is None
    assert not one.is_meta and batch["a"][0] is one


def test_the_lengths_of_a_packed_sequence_stay_on_the_cpu():
    found = moved([pack_sequence([torch.ones(3), torch.ones(1)])], torch.device("meta"))[0]
    assert found.data.is_meta
    assert found.batch_sizes.tolist() == [2, 1, 1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What two processes did."""
    folder = tmp_path_factory.mktemp("fit")
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = launch(2, "tests.tasks.fit_lab", str(folder), **streams)
    told, _ = done.communicate(timeout=120)
    assert done.returncode == 0, told
    return folder


@pytest.mark.slow
def test_a_step_of_two_processes_is_one_over_the_items_of_both(folder, tmp_path):
    split = batches()
    pairs = [tuple(map(torch.cat, zip(*split[at : at + 2], strict=True))) for at in range(0, 7, 2)]
    run = unrolled.fit(straight(), pairs, weighed, out=tmp_path / "alone", **SHARED)
    ours, theirs = (
        [(line["loss"], line["gradient_norm"]) for line in read_metrics(path)]
        for path in (folder / "shared", run.path)
    )
    assert len(ours) == len(theirs) == 8
    for one, other in zip(ours, theirs, strict=True):
        assert one == pytest.approx(other, rel=1e-5)
    assert kept(folder / "shared")[1]["items"] == 44, "two passes over all rows"


def test_two_processes_go_on_bit_for_bit_in_the_midst_of_a_pass(folder):
    assert kept(folder / "run") == kept(folder / "whole")
    assert kept(folder / "run")[1]["step"] == 8
