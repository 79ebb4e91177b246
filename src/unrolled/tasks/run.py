"""A trained model of any task, read from its run folder."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

from torch import nn

from unrolled.errors import NothingToGenerateError
from unrolled.tasks.runs import load_model, open_on
from unrolled.training.loop import Ending
from unrolled.training.storage.run_folder import read_config

Model = TypeVar("Model", bound=nn.Module)


class Run(ABC, Generic[Model]):
    """What every run has; each task adds what its model can do."""

    writes = False  # text, by `generate`
    settings: Any
    model: Model

    def __init__(self, path: Path | str, *, ending: Ending | None = None) -> None:
        """Open a run; nothing in it is executed or unpickled.

        Args:
            path: The run folder.
            ending: How training ended, if it was just trained.

        Raises:
            NotARunError: The folder holds no run.
            DamagedFileError: A file of its best checkpoint is not as it was saved.
        """
        self.path = Path(path)
        self.ending = ending
        self.config = read_config(path)
        self._read_config()
        self.model = load_model(self.path, self._build)
        self.model.to(open_on(self.settings.training)).eval()

    @abstractmethod
    def _read_config(self) -> None:
        """Take settings, and whatever else the model is built from, from the config."""

    @abstractmethod
    def _build(self) -> Model:
        """The model as the config describes it."""

    @abstractmethod
    def evaluate(self, *args: Any, **options: Any) -> Any:
        """Figures on what the model never saw."""

    @abstractmethod
    def tell(self, figures: Any) -> list[str]:
        """The figures as lines to be read."""

    def generate(self, *_: Any, **__: Any) -> Any:
        """Refuse: there is nothing to generate.

        Raises:
            NothingToGenerateError: Always, where the task writes no text.
        """
        self._refuse_to_generate()

    def search(self, *_: Any, **__: Any) -> Any:
        """Refuse: there is nothing to search for.

        Raises:
            NothingToGenerateError: Always, where the task writes no text.
        """
        self._refuse_to_generate()

    def _refuse_to_generate(self) -> NoReturn:
        raise NothingToGenerateError(task=self.config.get("task"), path=self.path)

    def advice(self, path: str) -> list[str]:
        """Commands to type next.

        Args:
            path: The run folder as one would type it.
        """
        lines = [f"unrolled evaluate {path}"]
        if self.ending:
            steps = 2 * self.ending.step
            lines.append(f"unrolled resume {path} --steps {steps}  # as long again")
        return lines
