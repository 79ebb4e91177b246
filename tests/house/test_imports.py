"""Importing the package is quiet and cheap, and works without a network."""

import os
import subprocess
import sys

import pytest

WITHOUT_NETWORK = """
import socket, sys
def refuse(*_, **__): raise AssertionError("the network was asked for")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
"""


def python(code, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_importing_loads_no_torch_and_prints_nothing():
    done = python("import sys, unrolled; assert 'torch' not in sys.modules; unrolled.cell")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_layers_run_and_models_are_sized_without_torchs_compiler_which_takes_a_second_to_load():
    code = "import sys, torch, unrolled\nlayer = unrolled.LSTM(2, 3)\n"
    code += "layer(torch.zeros(1, 1, 2))[0].sum().backward()\n"
    code += "from unrolled.tasks.unmade import unmade\n"
    code += "with unmade(): assert torch.nn.Embedding(2, 3).weight.normal_().is_meta\n"
    done = python(code + "assert 'torch._dynamo' not in sys.modules")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_everything_public_can_be_imported_without_a_network():
    code = "import unrolled\nfor name in unrolled.__all__: getattr(unrolled, name)"
    done = python(WITHOUT_NETWORK + code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_help_loads_neither_torch_nor_numpy():
    code = "import sys\nfrom unrolled.cli import main\nmain(['--help'])\n"
    code += "assert not {'torch', 'numpy'} & set(sys.modules)"
    done = python(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("unrolled ")


@pytest.mark.parametrize("task", ["char-lm", "latch"])
def test_a_tasks_help_loads_no_torch(task):
    code = "import sys\nfrom unrolled.cli import main\n"
    code += f"try: main(['train', '{task}', '--help'])\nexcept SystemExit: pass\n"
    done = python(code + "assert 'torch' not in sys.modules")
    assert done.returncode == 0, done.stderr
    assert "--hidden-size" in done.stdout
