"""`unrolled export`: the file, what is printed of it, and what is refused."""

import re

import numpy as np
import onnxruntime
import pytest

SAID = """run/model.onnx, SIZE bytes
as torch computes it within APART, tried at T x B = 1 x 1, 2 x 5, 7 x 2, 33 x 4

in:
  symbols  int64    T x B
  state_h  float32  1 x B x 8
  state_c  float32  1 x B x 8

out:
  logits  float32  T x B x 34
  last_h  float32  1 x B x 8
  last_c  float32  1 x B x 8

facts:
  unrolled.cell
  unrolled.symbols
  unrolled.task
  unrolled.version

in Python:

"""


def test_the_file_is_described_and_the_lines_run_it(here, unrolled, capsys):
    (here / "run" / "model.onnx").write_bytes(b"old")
    code, out, err = unrolled("export run")
    assert (code, err) == (0, "")
    shown, _, lines = out.partition("in Python:\n\n")
    shown = re.sub(r"[\d,]+ bytes", "SIZE bytes", shown)
    assert re.sub(r"\d\.\de-\d\d", "APART", shown) + "in Python:\n\n" == SAID
    exec(compile(lines, "lines", "exec"), {})
    assert len(capsys.readouterr().out) == 202


def test_the_file_may_have_another_place(here, unrolled):
    code, out, err = unrolled("export run files/mine.onnx")
    assert (code, err, out.startswith("files/mine.onnx, ")) == (0, "", True)
    assert not (here / "run" / "model.onnx").exists()
    session = onnxruntime.InferenceSession(here / "files" / "mine.onnx")
    zeros = np.zeros((1, 1, 8), np.float32)
    given = {"symbols": np.zeros((3, 1), np.int64), "state_h": zeros, "state_c": zeros}
    assert np.isfinite(session.run(["logits"], given)[0]).all()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("export book.txt", "book.txt is not a run folder"),
        ("export run run", "file=run cannot be; wanted the name of a file; this is a folder"),
        ("export run book.txt/model.onnx", "book.txt could not be written"),
    ],
)
def test_what_cannot_be_is_said(line, said, here, unrolled):
    before = sorted(here.rglob("*"))
    code, out, err = unrolled(line)
    assert (code, out) == (2, "")
    assert said in err
    assert sorted(here.rglob("*")) == before
