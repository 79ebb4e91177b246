"""Every peer computes what ours computes; who cannot take part is named with the reason."""

from importlib.util import find_spec
from typing import get_args

import pytest
import torch

from unrolled.cells import GALLERY, find_cell
from unrolled.study.speed import peers
from unrolled.study.speed.layers import measure_layers
from unrolled.study.speed.our_layers import build_full_length, build_products
from unrolled.study.speed.peers import OURS, PEERS
from unrolled.study.speed.settings import DEFAULT_PEERS, BenchSettings, PeerName
from unrolled.study.speed.torchrecurrent_layers import TWINS
from unrolled.study.speed.trial import difference

TORCHS = ("lstm", "lstm_projected", "gru_torch", "rnn", "rnn_relu")


def test_the_flag_offers_the_table():
    assert tuple(PEERS) == get_args(PeerName)
    assert [name for name in PEERS if name not in DEFAULT_PEERS] == ["torch.compile"]
    assert set(OURS) <= set(PEERS)


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("backward", [False, True], ids=["forward", "both"])
@pytest.mark.parametrize("peer", ["eager", "torch.nn", "loop"])
@pytest.mark.parametrize("cell", TORCHS)
def test_torchs_layers_and_loops_compute_our_cells(cell, peer, backward, dtype, case_of, answer):
    case = case_of(cell, dtype=dtype)
    if (peer, cell) == ("loop", "lstm_projected"):
        assert PEERS[peer].why_not(case) == "torch.nn has no lstm_projected"
        return
    assert PEERS[peer].why_not(case) == ""
    found, truth = answer(PEERS[peer].build, case, backward=backward)
    assert (found.x_gradient is not None) == backward
    assert difference(found, truth) == ""
    assert found.output.dtype == dtype


@pytest.mark.parametrize("peer", ["c", "drop-in"])
@pytest.mark.parametrize("cell", ["lstm", "gru_torch", "rnn"])
def test_our_compiled_layers_take_part(cell, peer, case_of, answer):
    found, truth = answer(PEERS[peer].build, case_of(cell))
    assert difference(found, truth) == ""


@pytest.mark.parametrize("cell", ["lstm", "gru_torch"])
@pytest.mark.parametrize("peer", ["eager", "torch.nn"])
def test_with_lengths_a_packed_sequence_gives_the_same(cell, peer, case_of, answer):
    case = case_of(cell, with_lengths=True, steps=9)
    assert int(case.lengths.max()) == int(case.lengths[0]) == 9
    assert case.rows == int(case.lengths.sum()) < 27
    for backward in (False, True):
        found, truth = answer(PEERS[peer].build, case, backward=backward)
        assert difference(found, truth) == ""


@pytest.mark.parametrize("peer", ["loop", "torch.compile"])
def test_who_takes_no_lengths_says_so(peer, case_of):
    assert PEERS[peer].why_not(case_of("lstm", with_lengths=True)) == "takes no lengths"


@pytest.mark.parametrize("peer", ["drop-in", "torch.nn", "loop"])
def test_who_lacks_the_cell_says_so(peer, case_of):
    assert PEERS[peer].why_not(case_of("mut3")) == "torch.nn has no mut3"


def test_who_is_not_installed_is_skipped_with_how_to_install_it(small, monkeypatch):
    there = {"torchrecurrent", "jax"}
    monkeypatch.setattr(peers, "find_spec", lambda name: None if name in there else find_spec(name))
    settings = BenchSettings(
        cells=("rnn",), points=("2x3",), steps=3, seconds=1e-6, rounds=1, mode="forward",
        peers=("eager", "torchrecurrent", "jax"),
    )  # fmt: skip
    [measured] = measure_layers(settings, lambda doing: None)
    skipped = {name: e.why for name, e in measured.entries.items() if e.status == "skipped"}
    assert skipped == {
        "torchrecurrent": "not installed: pip install --no-deps torchrecurrent",
        "jax": "not installed: pip install jax, or 'unrolled[bench]'",
    }
    assert measured.entries["eager"].status == "timed"


def test_a_wrong_peer_is_reported_in_a_measurement(small, monkeypatch):
    wrong = peers.Peer("wrong", lambda case, backward: wrong_trial(case, backward), lambda case: "")

    def wrong_trial(case, backward):
        trial = PEERS["eager"].build(case, backward=backward)
        return type(trial)(lambda: trial.run() * 1.1, trial.values, trial.prepare)

    monkeypatch.setitem(PEERS, "torch.nn", wrong)
    measured = list(measure_layers(small, lambda doing: None))
    assert [m.entries["torch.nn"].status for m in measured] == ["wrong", "wrong"]
    assert [m.entries["loop"].status for m in measured] == ["timed", "timed"]


def test_the_bare_products_and_the_full_length_run_and_are_compared_with_nothing(case_of):
    case = case_of("lstm", with_lengths=True)
    for trial in (
        build_products(case, backward=True),
        build_full_length(case, backend="eager", backward=True),
    ):
        trial.prepare()
        trial.run()
        assert trial.values is None


def test_every_twin_names_parts_of_its_cell(case_of):
    for name, twin in TWINS.items():
        layer = case_of(name).layer
        parts = (twin.weight_ih, twin.weight_hh, twin.bias_ih, twin.bias_hh, twin.weight_ph)
        assert name in GALLERY
        assert all(layer.parameter(part).numel() for group in parts for part in group if part)


@pytest.mark.skipif(
    find_spec("torchrecurrent") is None,
    reason="torchrecurrent is not installed: runs where pip install --no-deps torchrecurrent was",
)
@pytest.mark.parametrize("cell", TWINS)
def test_torchrecurrent_computes_these_cells(cell, case_of, answer):
    found, truth = answer(PEERS["torchrecurrent"].build, case_of(cell))
    assert difference(found, truth) == ""


def test_a_case_is_the_same_for_the_same_seed_and_leaves_torchs_generator_alone(case_of):
    state = torch.get_rng_state()
    first, second = case_of("gru"), case_of("gru")
    assert torch.equal(first.x, second.x)
    assert torch.equal(first.truth.output, second.truth.output)
    assert torch.equal(torch.get_rng_state(), state)
    assert find_cell("gru") is first.cell
