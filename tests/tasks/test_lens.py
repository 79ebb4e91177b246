"""What --lens logs is what the lens sees of the model as it is at the evaluation."""

import pytest
import torch
import torch.nn.functional as F
from tests.tasks.tiny_text import book, kept, tiny
from tests.tasks.toy.small import small

import unrolled
from unrolled.data.text import read_corpus
from unrolled.errors import NoGradientError, OmegaCellError
from unrolled.probe.gradients import gradient_maps
from unrolled.tasks.char_lm import run as char_lm
from unrolled.tasks.lens import LAGS
from unrolled.tasks.toy import run as toy
from unrolled.tasks.toy.task import build_model, draw
from unrolled.training.storage.checkpoint import load_checkpoint
from unrolled.training.storage.metrics_log import read_metrics
from unrolled.training.storage.weights import load_weights_into

CALM = {"learning_rate": 0.05, "evaluate_every": 6}


def last_lens(path):
    return [line for line in read_metrics(path) if line["kind"] == "lens"][-1]


def test_a_character_models_line_is_the_lens_on_its_validation_part(tmp_path):
    text = book(tmp_path)
    settings = tiny(text, tmp_path / "run", num_layers=2, steps=6, lens=True, **CALM)
    run = char_lm.train(settings)
    load_weights_into(run.model, load_checkpoint(run.path).weights)
    piece = read_corpus(text).split().validation[: 64 + 128 + 1]
    found = gradient_maps(run.model, piece, warmup=len(piece) - 129)
    logged = last_lens(run.path)["layers"]
    assert set(logged) == {f"{name} (recurrent, layer {n})" for name in "hc" for n in (0, 1)}
    for source, seen in found.items():
        line = logged[str(source)]
        assert line["horizon"] == seen.horizon
        assert line["norms"] == pytest.approx(seen.by_lag[:LAGS].tolist(), rel=1e-5)
        assert len(line["norms"]) == 64
    assert last_lens(run.path)["parameters"].keys() == run.model.state_dict().keys()


def test_a_short_validation_part_is_seen_as_far_as_it_goes(tmp_path):
    settings = tiny(book(tmp_path), tmp_path / "run", validation=0.01, steps=2, lens=True)
    run = char_lm.train(settings)
    length = len(read_corpus(settings.data).split(validation=0.01).validation)
    norms = [seen["norms"] for seen in last_lens(run.path)["layers"].values()]
    assert [len(each) for each in norms] == [length - 1] * 2


def by_hand(model, x, y):
    """Norms by lag of each layer of a plain network in the mean over the batch, by autograd."""
    layer, below, states = model.recurrent, list(F.one_hot(x, 6).float()), []
    for n in range(2):
        w_x, w_h, b = (layer.parameter(p, layer=n) for p in ("W.xh", "W.hh", "b.h"))
        h, own = torch.zeros(len(y), 8), []
        for step in below:
            h = torch.tanh(step @ w_x.T + h @ w_h.T + b)
            h.retain_grad()
            own.append(h)
        states.append(own)
        below = own
    F.cross_entropy(model.readout(below[-1]), y, reduction="sum").backward()
    return [[float(h.grad.norm(dim=1).mean()) for h in reversed(own)] for own in states]


def test_a_toys_line_is_how_far_the_last_loss_of_a_fixed_batch_reaches(tmp_path):
    changes = {"cell": "rnn", "num_layers": 2, "length": 14, "lens": True}
    run = toy.train(small("temporal-order", tmp_path / "run", **changes))
    model = build_model(run.settings, run.cell)
    load_weights_into(model, load_checkpoint(run.path).weights)
    wanted = by_hand(model, *draw(run.settings, "lens", 0, run.settings.batch_size))
    logged = last_lens(run.path)["layers"]
    for n in range(2):
        line = logged[f"h (recurrent, layer {n})"]
        assert line["norms"] == pytest.approx(wanted[n], rel=1e-4)
        faint = [lag for lag, norm in enumerate(wanted[n]) if norm < 0.01 * wanted[n][0]]
        assert line["horizon"] == (faint[0] if faint else None)


def test_of_a_toy_in_step_it_is_the_loss_of_the_last_step_alone(tmp_path):
    run = toy.train(small("copy", tmp_path / "run", cell="rnn", length=2, lens=True))
    model = build_model(run.settings, run.cell)
    load_weights_into(model, load_checkpoint(run.path).weights)
    x, y = draw(run.settings, "lens", 0, run.settings.batch_size)
    states = [torch.zeros(1, len(y[0]), 8, requires_grad=True)]
    for symbols in x:
        states.append(model.recurrent(symbols[None], states[-1])[1])
    F.cross_entropy(model.readout(states[-1][0]), y[-1], reduction="sum").backward(inputs=states)
    wanted = [float(state.grad.norm(dim=-1).mean()) for state in reversed(states[1:])]
    line = last_lens(run.path)["layers"]["h (recurrent, layer 0)"]
    assert line["norms"] == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("task", ["char-lm", "latch"])
def test_with_the_lens_a_run_has_the_same_weights_bit_for_bit(task, tmp_path):
    hard = {"cell": "gru+zoneout:0.2", "num_layers": 2, "steps": 9, "evaluate_every": 4}
    for name, lens in {"with": True, "without": False}.items():
        if task == "char-lm":
            settings = tiny(book(tmp_path), tmp_path / name, dropout=0.3, lens=lens, **hard)
            char_lm.train(settings)
        else:
            toy.train(small(task, tmp_path / name, lens=lens, **hard))
    (ours, counters, lines), theirs = kept(tmp_path / "with"), kept(tmp_path / "without")
    others = [line for line in lines if line["kind"] != "lens"]
    assert len(lines) == len(others) + 3
    assert (ours, counters, others) == theirs


STUCK = """
from unrolled import cell, tanh

@cell
def stuck(x, h, *, W):
    \"\"\"Its state is its input.\"\"\"
    return x
"""


def test_what_the_lens_cannot_see_is_refused_before_there_is_a_run(tmp_path):
    (tmp_path / "stuck.py").write_text(STUCK)
    settings = small("latch", tmp_path / "run", cell=f"{tmp_path}/stuck.py:stuck", hidden_size=1,
                     lens=True)  # fmt: skip
    with pytest.raises(NoGradientError, match="the gradient of h of stuck cannot be recorded"):
        toy.train(settings)
    assert not (tmp_path / "run").exists()


def test_a_character_model_takes_omega_too(tmp_path):
    run = char_lm.train(tiny(book(tmp_path), tmp_path / "run", cell="rnn", steps=3, omega=0.5))
    lines = [line for line in read_metrics(run.path) if line["kind"] == "train"]
    assert all(line["omega"] > 0 for line in lines)
    assert unrolled.open_run(run.path).settings.training.omega == 0.5
    with pytest.raises(OmegaCellError, match="gru does not read h in one product"):
        char_lm.train(tiny(book(tmp_path), tmp_path / "other", cell="gru", omega=0.5))
    assert not (tmp_path / "other").exists()
