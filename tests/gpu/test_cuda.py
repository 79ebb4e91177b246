"""What is computed on a GPU is what the CPU computes; where there is no GPU, nothing is."""

import numpy as np
import pytest
import torch
from torch import nn

import unrolled
from unrolled import Recurrent, find_cell
from unrolled.cells import GALLERY
from unrolled.models.attention_only.bert import BertShape
from unrolled.models.attention_only.bert_heads import MaskedModel
from unrolled.models.attention_only.gpt2 import GPT2, GPT2Shape
from unrolled.models.attention_only.transformer import Transformer, TransformerShape
from unrolled.models.encoder import Shape
from unrolled.models.encoder_decoder import EncoderDecoder
from unrolled.models.search import Ends, search
from unrolled.probe.gradients import gradient_maps
from unrolled.probe.jacobians import step_jacobians
from unrolled.probe.recorder import record
from unrolled.probe.subject import Looking

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

SENTENCE = 'It was a "bright cold" day in April {}, and the clocks were striking {}.\n'
LENGTHS = torch.tensor([9, 4, 1])


def close(one, other, **within):
    torch.testing.assert_close(one.detach().cpu(), other.detach().cpu(), **within)


def outputs_and_gradients(layer, x):
    x = x.detach().requires_grad_()
    output, state = layer(x, lengths=LENGTHS)
    parts = [state] if isinstance(state, torch.Tensor) else [*state]
    (output.pow(2).sum() + sum((part * 1.3).sin().sum() for part in parts)).backward()
    named = dict(layer.named_parameters())
    return [output, *parts, x.grad, *(named[name].grad for name in sorted(named))]


@pytest.mark.parametrize("name", GALLERY)
def test_every_cell_of_the_gallery_is_the_same(name):
    torch.manual_seed(0)
    sizes = {"R": 4} if name == "lstm_projected" else None
    layer = Recurrent(find_cell(name), 6, 6, 2, sizes=sizes).double().eval()
    x = torch.randn(9, 3, 6, dtype=torch.float64)
    wanted = [part.clone() for part in outputs_and_gradients(layer, x)]
    layer.zero_grad()
    for found, known in zip(outputs_and_gradients(layer.cuda(), x.cuda()), wanted, strict=True):
        close(found, known, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_drop_ins_run_torchs_own_kernels(kind):
    torch.manual_seed(0)
    theirs = getattr(nn, kind)(16, 32, 2, bidirectional=True).cuda()
    ours = getattr(unrolled, kind)(16, 32, 2, bidirectional=True).cuda()
    ours.load_state_dict(theirs.state_dict())
    assert "'vendor'" in ours.explain()
    x = torch.randn(20, 8, 16, device="cuda")
    for layer in (ours, theirs):
        layer(x)[0].pow(2).sum().backward()
    close(ours(x)[0], theirs(x)[0])
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        close(one.grad, other.grad)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpu")
    (folder / "book.txt").write_text("".join(SENTENCE.format(i, i % 13) for i in range(500)))
    unrolled.train(
        "char-lm", folder / "book.txt", hidden_size=32, steps=40, evaluate_every=20, lens=True,
        device="cuda", out=folder / "run",
    )  # fmt: skip
    return unrolled.resume(folder / "run", steps=60)


def test_a_run_trains_goes_on_and_measures_as_on_the_cpu(run):
    assert next(run.model.parameters()).is_cuda
    there = run.evaluate().nats_per_character
    run.model.cpu()
    here = run.evaluate().nats_per_character
    run.model.cuda()
    assert there == pytest.approx(here, abs=1e-4)
    assert len("".join(run.generate("It", length=20))) == 20


def test_probes_see_what_they_see_on_the_cpu(run):
    text = run.subject().spelled(1_000).symbols
    found = []
    for device in ("cuda", "cpu", "cuda"):
        run.model.to(device)
        found.append((
            record(run.model, text),
            gradient_maps(run.model, text[:60], warmup=20),
            step_jacobians(run.model, text[:60], [30]),
        ))  # fmt: skip
    (tape, maps, jacobians), (known, known_maps, known_jacobians), _ = found
    for source, values in known.values.items():
        np.testing.assert_allclose(tape.values[source], values, atol=1e-3)
    for source, lens in known_maps.items():
        np.testing.assert_allclose(maps[source].norms, lens.norms, rtol=1e-2, atol=1e-6)
    for one, other in zip(jacobians, known_jacobians, strict=True):
        np.testing.assert_allclose(
            one.largest_singular_values, other.largest_singular_values, rtol=1e-3
        )


def test_the_whole_of_look_runs_on_a_gpu(run):
    pytest.importorskip("altair")
    how = Looking(characters=1_500, shifts=199, lens_steps=16)
    (seen,) = run.look(how=how).seen.values()
    assert seen.finding is not None and len(seen.effects) == len(seen.finding.best) > 0


@pytest.mark.parametrize("attention", ["none", "additive", "multiplicative"])
def test_a_search_finds_the_same_targets(attention):
    torch.manual_seed(0)
    source = Shape(20, 16, embedding_size=8, bidirectional=True)
    target = Shape(20, 16, embedding_size=8)
    model = EncoderDecoder(find_cell("gru"), source, target, attention).double().eval()
    read, ends = torch.randint(3, 20, (9, 3)), Ends(begin=1, end=2, longest=12)
    found = []
    for device in ("cpu", "cuda"):
        at = model.to(device).read(read.to(device), LENGTHS)
        found.append(search(model, at, 3, ends, width=3, penalty=1.0))
    assert [[each.symbols for each in beams] for beams in found[0]] == [
        [each.symbols for each in beams] for beams in found[1]
    ]


def test_attention_only_models_score_the_same():
    torch.manual_seed(0)
    symbols, targets = torch.randint(101, (3, 9)), torch.randint(101, (3, 7))
    calls = {
        GPT2(GPT2Shape(101, 16, 48, 2, 4)): lambda model, on: model(symbols.to(on))[0],
        MaskedModel(BertShape(101, 16, 48, 2, 4)): lambda model, on: model(
            symbols.to(on), lengths=LENGTHS.to(on)
        ).symbols[0],
        Transformer(TransformerShape(101, 48, 96, 2, 4)): lambda model, on: model(
            symbols.to(on), targets.to(on), LENGTHS.to(on)
        ),
    }
    for model, call in calls.items():
        model.eval()
        wanted = call(model, "cpu")
        close(call(model.cuda(), "cuda"), wanted, rtol=1e-4, atol=1e-4)
