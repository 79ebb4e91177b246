"""Training of a small language model wholly in C, many chunks at a call.

Where a chunk is a few thousand multiplications, as in the lecture's own program, Python and torch's
bookkeeping take ten times longer than the arithmetic.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, optim
from torch.autograd.graph import increment_version

from unrolled.errors import LearnerError, ShapeError
from unrolled.layers.options import check_whole
from unrolled.layers.states import close_state
from unrolled.models.language_model import LanguageModel
from unrolled.models.plain import fingerprint, obstacle_to_c
from unrolled.runtime.kernel import Kernel
from unrolled.runtime.learning import Learner, can_learn

_KERNELS = "layers in C, of a cell without masks or work for torch, and a batch for one thread"
_AT_ONCE = 2**24  # multiplications between two looks for Ctrl-C, about


class StreamLearner:
    """Truncated backpropagation with Adagrad, the state carried from chunk to chunk."""

    def __init__(
        self,
        model: LanguageModel,
        optimizer: optim.Adagrad,
        *,
        steps: int,
        batch_size: int = 1,
        clip_value: float = 0.0,
    ) -> None:
        """Prepare the memory.

        Args:
            model: One-hot symbols, layers of a compiled cell, a readout; changed in place.
            optimizer: Over the model's parameters, and nothing else; its sums go on.
            steps: T, of a chunk.
            batch_size: B, texts side by side.
            clip_value: The greatest size of each number of a gradient; 0 for none.

        Raises:
            LearnerError: Something in the model or the optimizer needs torch at each step.
            OptionTypeError: A size is no whole number.
            OptionError: A size is below 1.
        """
        for option, size in (("steps", steps), ("batch_size", batch_size)):
            check_whole(type(self).__name__, option, size, least=1)
        self._model, self._optimizer = model, optimizer
        self._steps, self._batch, self._clip = steps, batch_size, clip_value
        _kernels(model, optimizer, steps, batch_size)
        self._known = self._fingerprint()
        self._learner = self._prepared(None)

    def learn(self, text: Int[Tensor, "N B"]) -> Tensor:
        """Learn from every whole chunk of a text; the summed loss of each, in nats, float64.

        The first chunk reads N = 0 to T-1 and predicts 1 to T, so that of 1 + k*T symbols k chunks
        are read; what is left over is not.

        Args:
            text: Whole numbers below the vocabulary size, int64.

        Raises:
            ShapeError: The text has another batch size, or numbers that are no symbols.
        """
        symbols = self._model.readout.out_features
        fits = text.dim() == 2 and text.shape[1] == self._batch and len(text) > 0
        fits = fits and text.dtype == torch.int64 and text.device.type == "cpu"
        if not fits or not (0 <= int(text.min()) and int(text.max()) < symbols):
            problem = f"wanted N x {self._batch} whole numbers (int64, CPU) from 0 to {symbols - 1}"
            raise ShapeError(layer=type(self).__name__, shape=list(text.shape), problem=problem)
        if (now := self._fingerprint()) != self._known:
            self._learner, self._known = self._prepared(self._learner.state), now
        text, group, steps = text.contiguous(), self._optimizer.param_groups[0], self._steps
        some = steps * max(1, _AT_ONCE // (steps * self._batch * self._learner.work))
        losses = [torch.zeros(0, dtype=torch.float64, device="cpu")]
        for begin in range(0, len(text) - steps, some):
            part = text[begin : begin + some + 1]
            options = {"rate": group["lr"], "eps": group["eps"], "clip": self._clip}
            losses.append(self._learner.learn(part, **options))
            increment_version([*self._model.parameters(), *self._sums()])
            for parameter in self._model.parameters():
                self._optimizer.state[parameter]["step"] += len(losses[-1])
        return torch.cat(losses)

    @property
    def state(self) -> Any:
        """The state after the last chunk, in the layer's form."""
        cell = self._model.recurrent.cell
        return close_state(self._learner.state, cell=cell, batched=True)

    def forget(self) -> None:
        """Go on from zeros, as at the beginning of a text."""
        self._learner = self._prepared(None)

    def _prepared(self, state: Sequence[Tensor] | None) -> Learner:
        """Memory for the model as it is now."""
        model, sums = self._model, self._sums()
        layer, readout = model.recurrent, model.readout
        if state is None:
            shapes = layer.state_shapes(self._batch)
            state = [readout.weight.new_zeros(shape) for shape in shapes]
        return Learner(
            _kernels(model, self._optimizer, self._steps, self._batch),
            [layer.weights(i, 0) for i in range(layer.num_layers)],
            state,
            (readout.weight, readout.bias),
            dict(zip(model.parameters(), sums, strict=True)),
            steps=self._steps,
        )

    def _sums(self) -> list[Tensor]:
        return [self._optimizer.state[p]["sum"] for p in self._model.parameters()]

    def _fingerprint(self) -> tuple[Any, ...]:
        return fingerprint(self._model, *self._sums())


def _lies_like(sums: object, parameter: Tensor) -> bool:
    """Whether C can walk through both in step."""
    return (
        isinstance(sums, Tensor)
        and sums.is_contiguous()
        and (
            (sums.shape, sums.dtype, sums.device)
            == (parameter.shape, parameter.dtype, parameter.device)
        )
    )


def _kernels(
    model: LanguageModel, optimizer: optim.Optimizer, steps: int, batch_size: int
) -> tuple[Kernel, ...]:
    """The compiled cells, the lowest first, if C alone can train them."""
    group, obstacle = optimizer.param_groups[0], obstacle_to_c(model)
    kernels = () if obstacle else model.recurrent.kernels()
    learned = [id(p) for each in optimizer.param_groups for p in each["params"]]
    rule = learned == [id(p) for p in model.parameters()] and type(optimizer) is optim.Adagrad
    rule = rule and not (group["lr_decay"] or group["weight_decay"] or group["maximize"])
    sums = rule and all(
        _lies_like(optimizer.state[parameter].get("sum"), parameter)
        for parameter in model.parameters()
    )
    random = model.training and (model.dropout.p or model.recurrent.dropout)
    wanted = {
        "Adagrad over just the model's parameters, without decay": rule,
        "sums in the optimizer that lie in memory as the parameters do": sums,
        f"a plain model: {obstacle}": obstacle is None,
        "one-hot symbols, no embedding": model.embedding is None,
        "no dropout": not random,
        "a readout with a bias": model.readout.bias is not None,
        "parameters that all learn": all(p.requires_grad for p in model.parameters()),
        _KERNELS: can_learn(kernels, steps, batch_size),
    }
    for reason, holds in wanted.items():
        if not holds:
            raise LearnerError(model=model.recurrent.cell.name, wanted=reason)
    return kernels
