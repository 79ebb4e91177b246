"""metrics.jsonl always; TensorBoard's files on request, and a clear error where it is missing."""

import resource
import sys
import time

import pytest
from tests.training.test_full_disk import no_file_above
from tests.training.tiny import TinyTask, fit, plain

from unrolled.errors import MissingExtraError
from unrolled.tasks.computing import begin
from unrolled.training.logs import Logs, tensorboard_writer
from unrolled.training.storage.metrics_log import read_metrics
from unrolled.training.storage.run_folder import create_run


def scalars(path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(path / "tensorboard"))
    found.Reload()
    names = found.Tags()["scalars"]
    return {name: [(point.step, point.value) for point in found.Scalars(name)] for name in names}


def test_tensorboard_gets_the_numbers_of_metrics_jsonl(tmp_path):
    fit(TinyTask(), plain(steps=4, evaluate_every=2, tensorboard=True), tmp_path / "run")
    lines = list(read_metrics(tmp_path / "run"))
    shown = scalars(tmp_path / "run")
    for kind, name in (("train", "loss"), ("train", "gradient_norm"), ("validation", "loss")):
        expected = [(line["step"], line[name]) for line in lines if line["kind"] == kind]
        assert [step for step, _ in shown[f"{kind}/{name}"]] == [step for step, _ in expected]
        values = [value for _, value in shown[f"{kind}/{name}"]]
        assert values == pytest.approx([value for _, value in expected])


def test_tensorboard_gets_numbers_out_of_any_nesting_and_no_lists(tmp_path):
    layers = {"h (layer 0)": {"horizon": 7, "norms": [1.0, 0.5]}, "c": {"horizon": None}}
    with create_run(tmp_path / "run", {}) as run, Logs(run, plain(tensorboard=True)) as logs:
        logs.write("lens", 3, layers=layers, parameters={"w": {"norm": 2.5}})
    assert scalars(tmp_path / "run") == {
        "lens/layers/h (layer 0)/horizon": [(3, 7.0)],
        "lens/parameters/w/norm": [(3, 2.5)],
    }
    (line,) = read_metrics(tmp_path / "run")
    assert line["layers"] == layers


def test_without_the_request_there_is_no_tensorboard_folder(tmp_path):
    fit(TinyTask(), plain(steps=2), tmp_path / "run")
    assert not (tmp_path / "run" / "tensorboard").exists()
    assert (tmp_path / "run" / "metrics.jsonl").exists()


def test_a_missing_tensorboard_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingExtraError, match=r"need the package tensorboard.*unrolled\[tensorb"):
        tensorboard_writer()


def test_a_missing_tensorboard_is_found_before_there_is_a_run(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingExtraError, match="which is not installed: pip install"):
        begin(plain(tensorboard=True))


def test_a_line_that_the_disk_refuses_is_lost_alone(tmp_path):
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    with create_run(tmp_path / "run", {}) as run, Logs(run, plain()) as logs:
        logs.write("train", 1, loss=1.0)
        with no_file_above(10):
            logs.write("train", 2, loss=2.0)
        logs.write("train", 3, loss=3.0)
    assert [line["step"] for line in read_metrics(tmp_path / "run")] == [1, 3]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_disk_too_full_for_tensorboard_ends_nothing(tmp_path):
    with create_run(tmp_path / "run", {}) as run, Logs(run, plain(tensorboard=True)) as logs:
        with no_file_above(1000):
            for step in range(1, 200):
                logs.write("train", step, loss=1.0)
            time.sleep(0.2)  # the writer is a thread of its own
            logs.write("train", 200, loss=1.0)
        logs.write("train", 201, loss=1.0)
    assert [line["step"] for line in read_metrics(tmp_path / "run")][-1] == 201
