"""Our own layers as contenders, and the bare matrix products of the same size."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from unrolled.layers.torch_like import GRU, LSTM, RNN
from unrolled.study.speed.case import Case, ours
from unrolled.study.speed.points import product_shapes
from unrolled.study.speed.torch_layers import options_of, torch_weights
from unrolled.study.speed.trial import Trial, torch_trial

DROP_INS: Mapping[str, Callable[..., nn.Module]] = {
    "lstm": LSTM,
    "lstm_projected": LSTM,
    "gru_torch": GRU,
    "rnn": RNN,
    "rnn_relu": RNN,
}


def build_ours(case: Case, *, backend: str, backward: bool) -> Trial:
    """`Recurrent` of the cell.

    Args:
        case: The numbers.
        backend: Who computes: "eager", "c".
        backward: Forward and backward, or forward alone.
    """
    layer = ours(case.cell, case.point, dtype=case.x.dtype, backend=backend)
    layer.load_state_dict(case.layer.state_dict())
    return _trial(layer, case, case.lengths, backward=backward)


def build_drop_in(case: Case, *, backward: bool) -> Trial:
    """Our compiled drop-in for torch.nn's layer of this cell."""
    width, options = case.point.width, options_of(case)
    layer = DROP_INS[case.cell.name](width, width, dtype=case.x.dtype, backend="c", **options)
    layer.load_state_dict(torch_weights(case))
    return _trial(layer, case, case.lengths, backward=backward)


def build_full_length(case: Case, *, backend: str, backward: bool) -> Trial:
    """Ours on the same input without lengths: what they save; compared with nothing."""
    layer = ours(case.cell, case.point, dtype=case.x.dtype, backend=backend)
    layer.load_state_dict(case.layer.state_dict())
    trial = _trial(layer, case, None, backward=backward)
    return Trial(trial.run, None, trial.prepare)


def build_products(case: Case, *, backward: bool) -> Trial:
    """The layer's matrix products alone, as if no step had to wait for another.

    One product of all rows for each vector that a step multiplies; for backward two more each,
    the gradients of the vector and of the matrix.
    """
    pairs: list[tuple[Tensor, Tensor]] = []
    for height, width in product_shapes(case.cell, case.point):
        vectors = case.x.new_ones(case.rows, width)
        matrix = case.x.new_ones(height, width)
        pairs.append((vectors, matrix.t()))
        if backward:
            gradients = case.x.new_ones(case.rows, height)
            pairs += [(gradients, matrix), (gradients.t(), vectors)]
    results = [torch.mm(left, right) for left, right in pairs]

    def run() -> None:
        for (left, right), result in zip(pairs, results, strict=True):
            torch.mm(left, right, out=result)

    return Trial(run)


def _trial(layer: nn.Module, case: Case, lengths: Tensor | None, *, backward: bool) -> Trial:
    def call(x: Tensor) -> Any:
        return layer(x, lengths=lengths)[0]

    return torch_trial(call, case.x, case.d_output, layer.parameters(), backward=backward)
