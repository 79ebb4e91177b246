"""What a translator attends to: the weights of the model, in a reversal a crossing."""

import numpy as np
import pytest
import torch
from tests.tasks.texts.test_translate import train, turned, write

from unrolled.data.batches import padded
from unrolled.data.examples.kinds import Pair
from unrolled.tasks.translate.attended import attended
from unrolled.tasks.translate.scores import Scores, each_chrf


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("look")
    return train(folder, write(folder / "turned.tsv", turned(3_000)))


def untrained(folder, **changes):
    return train(folder, write(folder / "turned.tsv", turned(100)), steps=1, **changes)


def test_of_a_reversal_the_picture_is_a_crossing(trained):
    (found,) = attended(trained, ["fade"])
    assert (found.text, found.translation) == ("fade", "EDAF")
    assert (found.source, found.target) == ([*"fade∎"], [*"EDAF∎"])
    assert found.weights.shape == (5, 5)
    shown = [found.source[at] for at in found.weights[:4].argmax(1)]
    places = found.weights[:4].argmax(1)
    assert (np.diff(places) < 0).all() and shown[-1] in "fa"  # from right to left


def test_the_weights_are_those_with_which_the_model_writes(trained):
    texts = ["fade", "be", "cafe"]
    for found, text in zip(attended(trained, texts), texts, strict=True):
        coder = trained.coder
        source = padded(coder.sources([text])).steps
        (target,) = coder.target.encode([found.translation])
        given = torch.tensor([[coder.ends.begin], *([unit] for unit in target.tolist())])
        with torch.no_grad():
            _, _, weights = trained.model.write(given, trained.model.read(source))
        np.testing.assert_array_equal(found.weights, weights[:, 0].numpy())
        np.testing.assert_allclose(found.weights.sum(1), 1, atol=1e-6)


def test_of_the_transformer_the_weights_are_the_last_blocks_cross_attention(tmp_path):
    sizes = {"num_layers": 2, "num_heads": 2, "embedding_size": 128}
    run = untrained(tmp_path, model="transformer", **sizes)
    (found,) = attended(run, ["fade"])
    assert found.source == [*"fade∎"] and len(found.target) == len(found.weights)
    np.testing.assert_allclose(found.weights.sum(1), 1, atol=1e-6)
    page = run.look(["fade"])
    assert "the mean over the heads of the last block" in page.sections[0].about
    assert [*page.pictures()] == ["given-1"]


def test_a_model_without_attention_says_so(tmp_path):
    run = untrained(tmp_path, attention="none")
    page = run.look(["fade"])
    assert page.sections[0].about.endswith("it attends to nothing.")
    assert page.pictures() == {} and "<td>fade</td>" in page.html
    assert '<th scope="col">wanted</th>' in run.look().html


def test_spaces_are_dots_and_unknown_signs_stand_as_they_are(trained):
    (found,) = attended(trained, ["a b\té"])
    assert found.source == ["a", "·", "b", "·", "é", "∎"]
    (nothing,) = attended(trained, [""])
    assert nothing.source == ["∎"] and nothing.weights.shape[1] == 1


def test_a_target_that_was_cut_has_no_end(tmp_path):
    run = untrained(tmp_path)
    with torch.no_grad():
        run.model.readout.bias[run.coder.ends.end] = -100
    (found,) = attended(run, ["fade"])
    assert len(found.target) == len(found.weights) == run.coder.ends.longest
    assert "∎" not in found.target


def test_the_page_has_pictures_and_the_worst_translations_first(trained, tmp_path):
    pairs = [*turned(20, seed=1), Pair("fade", "no such thing"), Pair("abc", "CBX")]
    page = trained.look(["beef"], data=write(tmp_path / "o.tsv", pairs))
    assert page.words[0] == "beef -> FEEB"
    assert "translated 22 sentences of o.tsv" in page.words[1]
    given, extremes, some = page.sections
    assert [part.name for part in given.parts] == ["given-1"]
    worst, best = extremes.parts
    assert worst.rows[0] == ("0", "fade", "EDAF", "no such thing")
    assert worst.rows[1][1:] == ("abc", "CBA", "CBX")
    assert best.rows[0][0] == "100"
    lengths = [len(row[1]) for row in best.rows]
    assert lengths == sorted(lengths, reverse=True)
    assert [part.name for part in some.parts] == [f"attention-{number}" for number in range(1, 7)]
    assert "wanted: CBX" in some.html and "as wanted" in some.html


def test_each_chrf_is_that_of_one_sentence_alone():
    said, wanted = ["the old man", "boat"], ["the old boat", "boat"]
    alone = [Scores.of([s], [w]).chrf for s, w in zip(said, wanted, strict=True)]
    assert each_chrf(said, wanted) == pytest.approx(alone) and alone[1] == 100
