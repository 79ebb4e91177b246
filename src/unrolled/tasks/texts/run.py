"""Train a model on examples of text, go on with it, open its run: the same for all such tasks."""

import shlex
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from torch import nn

from unrolled.cells import find_cell
from unrolled.data.examples.kinds import Example
from unrolled.data.examples.sources import Source, find_source
from unrolled.data.examples.splits import Splits, nothing_in
from unrolled.data.sets import Kind as SetKind
from unrolled.lang import stored
from unrolled.lang.cell import Cell
from unrolled.probe.looking import require_packages
from unrolled.probe.subject import Progress
from unrolled.tasks.computing import begin, build_on
from unrolled.tasks.run import Begun, Change, Run
from unrolled.tasks.runs import model_name
from unrolled.tasks.stored_settings import settings_from_json
from unrolled.tasks.texts.looking import Examined
from unrolled.tasks.texts.reading import (
    Report,
    absolute,
    described,
    require_same,
    splits_of,
)
from unrolled.tasks.texts.telling import shared, told
from unrolled.training.task import Task

if TYPE_CHECKING:
    from unrolled.probe.report.static import StaticPage


class Coder(Protocol):
    """What numbers the examples of a run, learned from its training part."""

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON values."""
        ...


Model = TypeVar("Model", bound=nn.Module)
Kind = TypeVar("Kind", bound=Example)
Codes = TypeVar("Codes", bound=Coder)


class TextRun(Run[Model], Generic[Model, Kind, Codes]):
    """A model that learned from examples of text. A task says what is different in its own."""

    name: ClassVar[str]
    kind: ClassVar[SetKind]
    settings_type: ClassVar[type[Any]]
    coder_types: ClassVar[Mapping[str, Any]]
    """What numbers the examples of each model."""
    task_type: ClassVar[Callable[..., Task[Any]]]
    """Data and loss, of a model, a coder, settings, splits, and who is told."""
    coder: Codes

    @classmethod
    @abstractmethod
    def reader(cls, settings: Any, source: Source) -> Callable[[Sequence[Path]], Iterable[Kind]]:
        """What reads the examples of some files."""

    @staticmethod
    def prepared(settings: Any, report: Report) -> tuple[Any, Callable[[Model], None]]:
        """The settings as they hold, and what gives a fresh model what it learned before."""
        return settings, lambda model: None

    @staticmethod
    def learned(coder: Codes) -> list[str]:
        """What was learned of the training part before training, in a few words each."""
        return []

    @staticmethod
    @abstractmethod
    def build(settings: Any, cell: Cell, coder: Any) -> Any:
        """The model with fresh weights."""

    @classmethod
    def begun(cls, settings: Any, cell: Cell | None, report: Report) -> Begun:
        """What a new run is made of."""
        cell = cell or find_cell(settings.cell)
        settings, load = cls.prepared(settings, report)
        source, splits = cls._read(settings, report)
        coder = cls.coder_types[settings.model].learn(settings, splits)
        report(told(source.name, splits, cls.learned(coder)))
        task = cls._task(settings, cell, coder, splits, report)
        load(task.model)
        kept = {"codes": coder.to_json(), "data": described(source, splits)}
        return Begun(cls.name, replace(settings, data=absolute(settings.data)), cell, task, kept)

    @classmethod
    def taken_up(
        cls, config: Mapping[str, Any], path: Path, change: Change, report: Report
    ) -> tuple[Any, Task[Any]]:
        """The settings of a run, changed, and its task with a fresh model."""
        settings, cell, coder = cls._parts(config, path)
        settings = change(settings)
        _, splits = cls._read(settings, report)
        require_same(settings.data, splits, config)
        return settings, cls._task(settings, cell, coder, splits, report)

    @classmethod
    def _read(cls, settings: Any, report: Report) -> tuple[Source, Splits[Kind]]:
        source = find_source(settings.data, cls.kind, settings.encoding, report)
        return source, splits_of(source, cls.reader(settings, source), settings, report)

    @classmethod
    def _task(
        cls, settings: Any, cell: Cell, coder: Codes, splits: Splits[Kind], report: Report
    ) -> Task[Model]:
        """The task with a fresh model, everything seeded."""
        model = build_on(begin(settings.training), lambda: cls.build(settings, cell, coder))
        return cls.task_type(model, coder, settings, splits, report)

    @classmethod
    def _parts(cls, config: Mapping[str, Any], path: Path) -> tuple[Any, Cell, Codes]:
        settings = settings_from_json(cls.settings_type, config.get("settings"), path)
        coder_type = cls.coder_types[settings.model]
        coder = coder_type.from_json(config.get("codes"), settings, path)
        return settings, stored.from_json(config.get("cell")), coder

    def _read_config(self) -> None:
        self.settings, self.cell, self.coder = self._parts(self.config, self.path)

    def _build(self) -> Model:
        return self.build(self.settings, self.cell, self.coder)

    def examples(
        self, data: str | Path | None, encoding: str
    ) -> tuple[Splits[Kind], str, list[Kind]]:
        """The run's own examples; what is to be measured, by name: its test part, or others.

        Args:
            data: Other examples, all of which are measured; None: the run's own.
            encoding: How the characters of their files are written as bytes.

        Raises:
            DataChangedError: The run's own data is no longer what it was trained on.
            EmptyTextError: There is nothing in the others.
        """
        _, own = self._read(self.settings, lambda line: None)
        require_same(self.settings.data, own, self.config)
        if data is None:
            return own, f"the test part of {self.config['data']['name']}", own.test
        source = find_source(data, self.kind, encoding)
        read = self.reader(self.settings, source)
        others = [each for files in source.parts.values() for each in read(files)]
        if not others:
            raise nothing_in(source.parts)
        return own, source.name + shared(others, own.train), others

    def look(
        self,
        texts: Sequence[str] = (),
        *,
        data: str | Path | None = None,
        encoding: str = "utf-8",
        progress: Progress | None = None,
    ) -> "StaticPage":
        """Look at what the model does, as `unrolled look` does; a notebook shows what comes back.

        Args:
            texts: Texts to look at; with these alone nothing else is.
            data: Examples to look at; None: where there are no texts, the test part of its own.
            encoding: How the characters of their files are written as bytes.
            progress: Is told what is being done, and the share of it all that is done.

        Raises:
            DataChangedError: The run's own data is no longer what it was trained on.
            MissingExtraError: A package that draws is not installed.
            UnknownLabelError: An example has a label, or a tag, that the model never saw.
        """
        require_packages()
        alone = data is None and len(texts) > 0
        examined = None if alone else Examined(*self.examples(data, encoding))
        return self.looked_at(texts, examined, progress or (lambda what, share: None))

    @abstractmethod
    def looked_at(
        self, texts: Sequence[str], examined: Examined[Kind] | None, progress: Progress
    ) -> "StaticPage":
        """The page of `look`."""

    def advice(self, path: str) -> list[str]:
        """Commands to type next.

        Args:
            path: The run folder as one would type it.
        """
        text = shlex.quote(self.config["data"].get("text", "a text"))
        return [
            f"unrolled generate {path} {text}", *super().advice(path), f"unrolled look {path}",
        ]  # fmt: skip

    @property
    def title(self) -> str:
        """The model, as a table names it."""
        settings = self.settings
        name = model_name(settings, self.cell)
        return f"{name} {settings.num_layers} x {settings.hidden_size}"
