"""A trained model of any task, read from its run folder."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, NamedTuple, Self, TypeVar

from torch import nn

from unrolled.errors import NotExportableError, NothingToGenerateError, NotLookableError
from unrolled.lang.cell import Cell
from unrolled.tasks.computing import open_on
from unrolled.tasks.export_call import ExportCall
from unrolled.tasks.runs import (
    config_of,
    folder_for,
    go_on,
    load_model,
    lock_run,
    resumed,
    train_in,
)
from unrolled.training.loop import Ending
from unrolled.training.storage.run_folder import read_config
from unrolled.training.task import Task
from unrolled.training.watchers import Silent, Watcher

if TYPE_CHECKING:
    from unrolled.tasks.export_file import Exported

Model = TypeVar("Model", bound=nn.Module)
Report = Callable[[str], None]
Change = Callable[[Any], Any]
Takes = Literal["beginning", "line", "nothing"]
"""What `generate` reads: a text that it goes on with, a text that it answers, or its own data."""


class Begun(NamedTuple):
    """What a new run is made of."""

    name: str
    """Of its task."""
    settings: Any
    """As the run keeps them."""
    cell: Cell | None
    """None: the model has none."""
    task: Task[Any]
    kept: Mapping[str, Any]
    """What else the run keeps, as JSON values."""


class Run(ABC, Generic[Model]):
    """What every run has; each task adds what its model can do."""

    takes: ClassVar[Takes] = "nothing"
    settings: Any
    cell: Cell
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

    @classmethod
    @abstractmethod
    def begun(cls, settings: Any, cell: Cell | None, report: Report) -> Begun:
        """What a new run is made of, everything seeded.

        Args:
            settings: Everything that can be set.
            cell: The cell, instead of the one that the settings name.
            report: Is told what is being done.
        """

    @classmethod
    @abstractmethod
    def taken_up(
        cls, config: Mapping[str, Any], path: Path, change: Change, report: Report
    ) -> tuple[Any, Task[Any]]:
        """The settings of a run, changed, and its task with a fresh model.

        Args:
            config: What the run keeps.
            path: Its folder, for messages.
            change: Gives the settings with which it goes on.
            report: Is told what is being done.
        """

    @classmethod
    def train(
        cls, settings: Any, *, cell: Cell | None = None, watcher: Watcher | None = None
    ) -> Self:
        """Train a model in a new run folder.

        Args:
            settings: Everything that can be set.
            cell: The cell, instead of the one that the settings name.
            watcher: Who is told as it goes; None: nobody.

        Raises:
            UnrolledError: Many kinds, each a class of `unrolled.errors`: the data, the cell, the
                settings or the run folder do not serve, or training diverged.
        """
        watcher = watcher or Silent()
        begun = cls.begun(settings, cell, watcher.say)
        settings = begun.settings
        folder = folder_for(settings, begun.name, begun.cell)
        config = {**config_of(begun.name, settings, begun.cell), **begun.kept}
        ending = train_in(folder, config, begun.task, settings.training, watcher)
        return cls(folder.absolute(), ending=ending)

    @classmethod
    def resume(
        cls,
        path: Path | str,
        *,
        budget: Mapping[str, float] | None = None,
        device: str | None = None,
        threads: int | None = None,
        watcher: Watcher | None = None,
    ) -> Self:
        """Go on with a run from its last checkpoint, bit for bit as if it had never stopped.

        Args:
            path: The run folder.
            budget: New limits (minutes, epochs, steps), counted from the run's start.
            device: Where to compute from now on; None: as before.
            threads: Of the CPU, from now on; None: as before.
            watcher: Who is told as it goes; None: nobody.

        Raises:
            UnrolledError: Many kinds: the folder is no run, is in use, or is damaged; its data has
                changed; training diverged.
        """
        watcher = watcher or Silent()
        change = partial(resumed, budget=budget, device=device, threads=threads)
        with lock_run(path) as run:
            settings, task = cls.taken_up(run.config, Path(path), change, watcher.say)
            opened = cls(run.path, ending=go_on(run, task, settings.training, watcher))
            opened.settings = settings  # with the new limits
            return opened

    @abstractmethod
    def _read_config(self) -> None:
        """Take settings, and whatever else the model is built from, from the config."""

    @abstractmethod
    def _build(self) -> Model:
        """The model as the config describes it."""

    @abstractmethod
    def evaluate(self, *args: Any, **options: Any) -> Any:
        """Figures on what the model never saw; the command refuses options that are not here."""

    @abstractmethod
    def tell(self, figures: Any) -> list[str]:
        """The figures as lines to be read."""

    def answers(self, texts: Sequence[str]) -> list[str]:
        """What the model says of some texts, in a line for each.

        Raises:
            NothingToGenerateError: Always, where the task says nothing of a text.
        """
        raise NothingToGenerateError(task=self.config.get("task"), path=self.path)

    def generate(self, *texts: Any, **options: Any) -> Iterator[str]:
        """What the model says of texts, one after the other.

        Args:
            *texts: What it reads.
            **options: Those of `answers`.

        Raises:
            NothingToGenerateError: The task says nothing of a text.
        """
        return iter(self.answers([*texts], **options))

    def look(self, *_: Any, **__: Any) -> Any:
        """Refuse: there is nothing to look at.

        Raises:
            NotLookableError: Always, where the task does not say what there is.
        """
        raise NotLookableError(path=self.path, kind=self.config.get("task"))

    def subject(self, *_: Any, **__: Any) -> Any:
        """Refuse: the model does not predict a text, character by character.

        Raises:
            NotLookableError: Always, where it does not.
        """
        raise NotLookableError(path=self.path, kind=self.config.get("task"))

    def export(self, file: Path | str | None = None) -> "Exported":
        """Write the model as an ONNX file, and compare what onnxruntime makes of it.

        Args:
            file: Its place, replaced if it is there; None: model.onnx in the run folder.

        Raises:
            NotExportableError: The task's models cannot be.
            UnrolledError: Many kinds; see `unrolled.tasks.export_file.write_onnx`.
        """
        from unrolled.tasks.export_file import write_onnx  # torch's exporter, which loads slowly

        call, place = self.export_call(), Path(file or self.path / "model.onnx")
        return write_onnx(call, place, task=str(self.config.get("task")), cell=self.cell.name)

    def export_call(self) -> ExportCall:
        """How the model is called once it is a file.

        Raises:
            NotExportableError: Always, where the task does not say it.
        """
        raise NotExportableError(task=self.config.get("task"), path=self.path)

    def advice(self, path: str) -> list[str]:
        """Commands to type next.

        Args:
            path: The run folder as one would type it.
        """
        lines = [f"unrolled evaluate {path}"]
        if self.ending and self.ending.reason == "budget used":
            limits = self.settings.training.budget().items()
            longer = " ".join(f"--{name} {2 * limit:.12g}" for name, limit in limits)
            lines.append(f"unrolled resume {path} {longer}  # as long again")
        return lines
