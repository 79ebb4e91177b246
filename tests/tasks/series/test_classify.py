"""Series that are told apart: learned, measured beside baselines, gone on with."""

import signal

import numpy as np
import pytest
from tests.tasks.series.small import train, two_kinds, write_table
from tests.tasks.tiny_text import kept, stopping

import unrolled
from unrolled.data.examples.kinds import Labelled
from unrolled.data.examples.splits import split
from unrolled.data.series.panel import Series
from unrolled.errors import (
    MissingExtraError,
    NoExamplesError,
    NothingToGenerateError,
    OneLabelError,
    SettingError,
    UnknownLabelError,
)
from unrolled.tasks.series import baselines
from unrolled.tasks.series.baselines import logistic_labels

COLUMNS = {"predict": "class", "series_column": "name", "label_column": "kind"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes")
    data = write_table(folder / "jumps.csv", **two_kinds(300))
    return train(data, folder / "run", **COLUMNS, test=0.2, bidirectional=True)


def test_it_tells_apart_what_differs_in_order_alone(trained):
    figures = trained.evaluate()
    model, logistic, commonest = figures.scores.values()
    assert model.accuracy > 0.95 > 0.75 > logistic.accuracy and commonest.accuracy < 0.7
    assert [*figures.scores][1:] == ["logistic regression", "commonest label"]
    first, line, *_ = trained.tell(figures)
    assert first == f"the test part of jumps.csv, {figures.series} series:"
    assert line.startswith("  lstm 1 x 16          accuracy ")


def test_it_says_the_label_of_series_of_ones_own(trained):
    up = np.zeros((9, 1))
    up[1], up[6] = 2, -2
    assert trained.label([up, -up[:8]]) == ["up", "down"] and trained.label([]) == []
    with pytest.raises(NothingToGenerateError, match="a run of series generates nothing"):
        trained.generate()


def test_other_series_are_measured_whole_and_unknown_labels_named(trained, tmp_path):
    other = write_table(tmp_path / "other.csv", **two_kinds(40, seed=1))
    assert trained.evaluate(other).series == 40
    other.write_text(other.read_text().replace("up", "sideways"))
    with pytest.raises(UnknownLabelError, match="never saw the labels sideways. It knows: down, u"):
        trained.evaluate(other)


def test_arrays_with_labels_are_learned_and_gone_on_with_bit_for_bit(tmp_path):
    draws = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", X=draws.standard_normal((60, 5, 2)), y=np.arange(60) % 3)
    changes = {"predict": "class", "steps": 9, "evaluate_every": 4, "dropout": 0.3,
               "batch_size": 16}  # fmt: skip
    train(tmp_path / "a.npz", tmp_path / "whole", **changes)
    part = train(tmp_path / "a.npz", tmp_path / "part", **changes, watcher=stopping(7))
    assert (part.ending.step, part.ending.signal) == (7, signal.SIGTERM)
    assert unrolled.resume(part.path).ending.step == 9
    assert kept(tmp_path / "part") == kept(tmp_path / "whole")
    assert unrolled.open_run(part.path).coder.labels == ["0", "1", "2"]


def test_data_that_does_not_serve_is_refused(tmp_path):
    table = two_kinds(40)
    data = write_table(tmp_path / "a.csv", **{**table, "kind": ["up"] * len(table["kind"])})
    with pytest.raises(OneLabelError, match="All examples to learn from have the label 'up'"):
        train(data, tmp_path / "run", **COLUMNS)
    with pytest.raises(SettingError, match="series_column='' cannot be; wanted the name of a col"):
        train(data, tmp_path / "run", predict="class", label_column="kind")
    names = [f"n{number}" for number in range(40)]
    part = split([Labelled(name, "") for name in names], validation=0.1, test=0.1).test
    table["kind"] = ["odd" if each == part[0].text else "up" for each in table["name"]]
    data = write_table(tmp_path / "c.csv", **table)
    with pytest.raises(
        NoExamplesError, match="has no examples .of the label 'odd' train 0, validation 0, test 1"
    ):
        train(data, tmp_path / "run", **COLUMNS)
    data = write_table(tmp_path / "b.csv", **two_kinds(3))
    with pytest.raises(NoExamplesError, match=r"a part has no examples \(train \d, validation 0"):
        train(data, tmp_path / "run", **COLUMNS)


def test_the_baseline_reads_mean_deviation_least_and_greatest(monkeypatch):
    draws = np.random.default_rng(0)
    kinds = [Series("", draws.standard_normal((9, 1)) * (1 + 9 * (at % 2)), "ab"[at % 2])
             for at in range(40)]  # fmt: skip
    said = logistic_labels(kinds[:20], kinds[20:30], kinds[30:])
    assert said == [each.label for each in kinds[30:]]
    monkeypatch.setattr(baselines, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"scikit-learn.*pip install 'unrolled\[series\]'"):
        logistic_labels(kinds, kinds, kinds)
