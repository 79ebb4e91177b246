"""All that a program gives to `unrolled.fit` and no run folder holds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from unrolled.errors import OwnModelError, SettingError
from unrolled.tasks.computing import begin
from unrolled.tasks.own.functions import check_function
from unrolled.tasks.own.judge import Judge
from unrolled.tasks.own.passes import Passes
from unrolled.tasks.own.task import OwnTask
from unrolled.training.group import join
from unrolled.training.settings import TrainSettings


@dataclass(frozen=True)
class Given:
    """A model, its data, and what says how well it does; see `unrolled.fit`.

    Raises:
        OwnModelError: The model is no module, has nothing to train, or is on several devices.
        OwnFunctionError: Loss or metric is no function of a model and a batch.
    """

    model: nn.Module
    loader: Any
    loss: Callable[..., Any]
    validation: Any
    metric: Callable[..., Any] | None
    carry: bool

    def __post_init__(self) -> None:
        self._check_model()
        check_function("loss", self.loss, carries=self.carry)
        if self.metric is not None:
            check_function("metric", self.metric, carries=self.carry)

    def _check_model(self) -> None:
        name = type(self.model).__name__
        if not isinstance(self.model, nn.Module):
            remedy = "Give a module, such as torch.nn.Linear(3, 1)."
            raise OwnModelError(model=f"a {name}", problem="is no torch.nn.Module", remedy=remedy)
        if not any(parameter.requires_grad for parameter in self.model.parameters()):
            problem, remedy = "has no parameter to train", "Give one of them requires_grad=True."
            raise OwnModelError(model=name, problem=problem, remedy=remedy)
        devices = sorted({str(parameter.device) for parameter in self.model.parameters()})
        if len(devices) > 1:
            problem, remedy = f"is on {' and '.join(devices)}", "Move it to one: model.to(...)."
            raise OwnModelError(model=name, problem=problem, remedy=remedy)

    def device(self) -> str:
        """Where the model is."""
        return str(next(self.model.parameters()).device)

    def task(self, training: TrainSettings) -> OwnTask:
        """The task, everything seeded, and the model on its device.

        Raises:
            LoaderError: A loader cannot be read pass by pass.
            NoDeviceError: The device is not here.
            SettingError: A setting wants what is not given.
        """
        self._check_settings(training)
        held_out = self.validation
        passes = Passes(self.loader, training.seed, "loader")
        measured = None if held_out is None else Passes(held_out, training.seed, "validation")
        self.model.to(begin(training))
        judge = Judge(self.model, self.loss, self.metric, self.carry)
        return OwnTask(judge, passes, measured, processes=join().size)

    def _check_settings(self, training: TrainSettings) -> None:
        if self.carry and not join().is_alone:
            wanted = "False where several processes train: a batch's state is then another's"
            raise SettingError(name="carry", got=True, wanted=wanted)
        wanted = "a validation loader beside it: without one nothing is evaluated"
        asked = {"patience": training.patience, "lens": training.lens, "metric": self.metric}
        for name, value in asked.items():
            if value and self.validation is None:
                raise SettingError(name=name, got=value, wanted=wanted)
