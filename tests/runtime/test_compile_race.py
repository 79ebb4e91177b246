"""Processes that want the same cell at the same moment, of which none has it."""

import multiprocessing

import pytest
import torch

from unrolled import Recurrent, find_cell
from unrolled.runtime import library_cache, toolchain
from unrolled.runtime.kernel import kernel_for
from unrolled.runtime.library import fixed_library, library_of

RACERS, PATIENCE = 16, 60  # processes; seconds
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of compiled libraries, which is not there yet; nothing is in memory."""
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CC", raising=False)
    for module, name in ((library_cache, "_loaded"), (toolchain, "_versions")):
        monkeypatch.setattr(module, name, {})
    forget()
    yield tmp_path / "cache" / "compiled"
    forget()


def forget():
    """Let kernels be compiled as if none had been."""
    for found in (kernel_for, library_of, fixed_library):
        found.cache_clear()


def race(barrier, sender):
    """Compile once all are there, run forward and backward, and tell the bits."""
    torch.manual_seed(0)
    layer = Recurrent(find_cell("peephole_lstm"), 3, 7, backend="c")
    x = torch.randn(4, 2, 3)
    barrier.wait(PATIENCE)
    output, _ = layer(x)
    output.sum().backward()
    numbers = [output, *(parameter.grad for parameter in layer.parameters())]
    sender.send(b"".join(tensor.detach().numpy().tobytes() for tensor in numbers))


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_sixteen_processes_that_compile_one_cell_at_once_leave_each_library_once(folder):
    barrier = FORK.Barrier(RACERS)
    pipes = [FORK.Pipe(duplex=False) for _ in range(RACERS)]
    racers = [FORK.Process(target=race, args=(barrier, sender)) for _, sender in pipes]
    for racer in racers:
        racer.start()
    heard = [receiver.poll(PATIENCE) and receiver.recv() for receiver, _ in pipes]
    for racer in racers:
        racer.join(PATIENCE)
        racer.kill()
    assert [racer.exitcode for racer in racers] == [0] * RACERS
    assert heard[0]
    assert set(heard) == {heard[0]}
    libraries = sorted(folder.glob("*.so"))
    assert [path.name.partition("-")[0] for path in libraries] == ["algebra", "peephole_lstm"]
    parts = {path.with_suffix(end).name for path in libraries for end in (".c", ".json", ".so")}
    assert {path.name for path in folder.iterdir()} == {*parts, "versions.json"}
