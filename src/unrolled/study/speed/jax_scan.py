"""Any cell as a jax.lax.scan that XLA compiles: a contender."""

import os
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrolled.compiler.layout import layout_of
from unrolled.study.speed.case import Case
from unrolled.study.speed.jax_cell import Parameters, Scan
from unrolled.study.speed.jax_meaning import meaning_in_jax
from unrolled.study.speed.points import sizes_at
from unrolled.study.speed.trial import Trial, Values


@cache
def start_jax() -> tuple[Any, int]:
    """The module jax, and the threads it has: as many as torch had when it was first asked for.

    Its threads are made once a process and read their number from NPROC.
    """
    threads = torch.get_num_threads()
    before = os.environ.get("NPROC")
    os.environ["NPROC"] = str(threads)
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", True)
    jax.devices()  # makes the threads
    if before is None:
        del os.environ["NPROC"]
    else:
        os.environ["NPROC"] = before
    return jax, threads


def build_jax(case: Case, *, backward: bool) -> Trial:
    """The cell as a compiled scan; backward with respect to x, all weights and the first states."""
    jax, _ = start_jax()
    scan = _scan(case, jax)
    given = (_parameters(case, jax), _array(jax, case.x), _first(case, jax))
    d_output = _array(jax, case.d_output)

    def both(*given: Any) -> Any:
        output, pull = jax.vjp(scan, *given)
        return output, pull(d_output)

    compiled = jax.jit(both if backward else scan)
    return Trial(
        lambda: jax.block_until_ready(compiled(*given)), _both_values if backward else _output
    )


def _scan(case: Case, jax: Any) -> Scan:
    layout = layout_of(case.cell)
    blocks = layout.blocks(sizes_at(case.cell, case.point))
    return Scan(case.cell, layout, blocks, meaning_in_jax(), jax)


def _parameters(case: Case, jax: Any) -> Parameters:
    arrays = {name: _array(jax, tensor) for name, tensor in case.layer.state_dict().items()}
    keys = (stack.key for stack in layout_of(case.cell).stacks)
    stacks = {key: arrays[f"weight_{key}_l0"] for key in keys}
    return Parameters(stacks, arrays.get("bias_l0"), arrays.get("vector_l0"))


def _first(case: Case, jax: Any) -> list[Any]:
    shapes = case.layer.state_shapes(case.point.batch)
    return [_array(jax, case.x.new_zeros(shape[1:])) for shape in shapes]


def _array(jax: Any, tensor: Tensor) -> Any:
    return jax.numpy.asarray(tensor.numpy())


def _output(found: Any) -> Values:
    return Values(torch.tensor(np.asarray(found)))


def _both_values(found: Any) -> Values:
    output, (_, x_gradient, _) = found
    return Values(torch.tensor(np.asarray(output)), torch.tensor(np.asarray(x_gradient)))
