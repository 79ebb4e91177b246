"""What cells have in common: one algebra for each type of numbers, and one try with a compiler."""

import pytest
import torch

from unrolled import find_cell
from unrolled.compiler.plan import plan_of
from unrolled.errors import CompilerFailedError
from unrolled.runtime import library
from unrolled.runtime.kernel import kernel_for

BROKEN = """#!/bin/sh
[ "$1" = --version ] && echo broken 1.0 && exit
echo asked >> {asked}
exit 1
"""


def algebra(name, dtype):
    return kernel_for(find_cell(name), (("H", 2), ("X", 2)), dtype, masks=False).algebra


def test_all_cells_of_a_dtype_multiply_with_the_same_functions():
    of_floats, of_doubles = (algebra("lstm", dtype) for dtype in (torch.float32, torch.float64))
    assert algebra("rnn", torch.float32) == of_floats
    assert algebra("rnn", torch.float64) == of_doubles
    assert of_floats.address != of_doubles.address
    assert of_floats.panel == 2 * of_doubles.panel  # as many vectors, of the same bytes


def test_a_compiler_that_failed_is_not_asked_again_for_another_cell(tmp_path, monkeypatch):
    compiler, asked = tmp_path / "cc", tmp_path / "asked"
    compiler.write_text(BROKEN.format(asked=asked))
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(library, "_failures", {})
    library.fixed_library.cache_clear()
    compile_anew = library.library_of.__wrapped__
    for name in ("rnn", "lstm"):
        with pytest.raises(CompilerFailedError, match="ended with exit code 1"):
            compile_anew(plan_of(find_cell(name), masks=False), double=False)
    assert asked.read_text() == "asked\n"
