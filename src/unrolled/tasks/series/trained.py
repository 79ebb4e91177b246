"""What models of series have in common, whatever they say: train, go on, read the data again."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from unrolled.cells import find_cell
from unrolled.lang import stored
from unrolled.lang.cell import Cell
from unrolled.models.many_to_one import ManyToOne
from unrolled.tasks.computing import begin, build_on
from unrolled.tasks.run import Begun, Change, Run
from unrolled.tasks.series.coder import Coder
from unrolled.tasks.series.figures import ClassEvaluation, ForecastEvaluation
from unrolled.tasks.series.forecast import build_model
from unrolled.tasks.series.reading import Read, columns_of, read_data
from unrolled.tasks.series.settings import SeriesSettings
from unrolled.tasks.stored_settings import settings_from_json
from unrolled.tasks.texts.reading import Report, absolute, require_same
from unrolled.training.task import Task

NAME = "series"


class SeriesRun(Run[ManyToOne]):
    """A model that learned from series of numbers. What it says is different in each kind."""

    settings: SeriesSettings
    coder: Coder

    @classmethod
    @abstractmethod
    def learn_codes(cls, settings: SeriesSettings, read: Read) -> Coder:
        """What numbers the series, learned from the training part."""

    @classmethod
    @abstractmethod
    def make_task(
        cls, model: ManyToOne, coder: Coder, settings: SeriesSettings, read: Read
    ) -> Task[ManyToOne]:
        """Data and loss."""

    @classmethod
    def begun(cls, settings: SeriesSettings, cell: Cell | None, report: Report) -> Begun:
        """What a new run is made of."""
        cell = cell or find_cell(settings.cell)
        read = _own_data(settings, report)
        coder = cls.learn_codes(settings, read)
        task = cls._task(settings, cell, coder, read)
        kept = {"codes": coder.to_json(), "data": read.described()}
        return Begun(NAME, replace(settings, data=absolute(settings.data)), cell, task, kept)

    @classmethod
    def taken_up(
        cls, config: Mapping[str, Any], path: Path, change: Change, report: Report
    ) -> tuple[SeriesSettings, Task[ManyToOne]]:
        """The settings of a run, changed, and its task with a fresh model."""
        settings, cell, coder = _parts(config, path)
        settings = change(settings)
        read = _own_data(settings, report)
        require_same(settings.data, read.panel, config)
        return settings, cls._task(settings, cell, coder, read)

    @classmethod
    def _task(
        cls, settings: SeriesSettings, cell: Cell, coder: Coder, read: Read
    ) -> Task[ManyToOne]:
        """The task with a fresh model, everything seeded."""
        model = build_on(begin(settings.training), lambda: build_model(settings, cell, coder))
        return cls.make_task(model, coder, settings, read)

    def _read_config(self) -> None:
        self.settings, self.cell, self.coder = _parts(self.config, self.path)

    def _build(self) -> ManyToOne:
        return build_model(self.settings, self.cell, self.coder)

    def own_data(self) -> Read:
        """The series that it learned from.

        Raises:
            DataChangedError: They are no longer what it was trained on.
        """
        read = _own_data(self.settings, lambda line: None)
        require_same(self.settings.data, read.panel, self.config)
        return read

    def other_data(self, data: str | Path, encoding: str) -> Read:
        """Series with the same columns.

        Args:
            data: A file, or a named set.
            encoding: How the file's characters are written as bytes.

        Raises:
            ColumnError: A column is lacking.
        """
        return read_data(self.settings, data, encoding, columns=tuple(self.coder.columns))

    @property
    def test_part(self) -> str:
        """The part of its own data that it never saw, as a table names it."""
        kept = self.config.get("data")
        return f"the test part of {kept.get('name') if isinstance(kept, Mapping) else None}"

    def tell(self, figures: ForecastEvaluation | ClassEvaluation) -> list[str]:
        """The figures as lines to be read."""
        return [*figures.lines()]

    @property
    def title(self) -> str:
        """The model, as a table names it."""
        settings = self.settings
        return f"{self.cell.name} {settings.num_layers} x {settings.hidden_size}"


def _own_data(settings: SeriesSettings, report: Report) -> Read:
    columns = columns_of(settings)
    return read_data(settings, settings.data, settings.encoding, columns=columns, report=report)


def _parts(config: Mapping[str, Any], path: Path) -> tuple[SeriesSettings, Cell, Coder]:
    settings = settings_from_json(SeriesSettings, config.get("settings"), path)
    coder = Coder.from_json(config.get("codes"), settings.predict, path)
    return settings, stored.from_json(config.get("cell")), coder
