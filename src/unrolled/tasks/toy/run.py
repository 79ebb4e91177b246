"""A toy task's run: train it, go on with it, evaluate it."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from unrolled.cells import find_cell
from unrolled.lang import stored
from unrolled.lang.cell import Cell
from unrolled.models.smart_start import start_smart
from unrolled.tasks.computing import begin, build_on
from unrolled.tasks.export_call import ExportCall
from unrolled.tasks.run import Begun, Change, Report, Run
from unrolled.tasks.stored_settings import settings_from_json
from unrolled.tasks.toy.export import export_call
from unrolled.tasks.toy.problems import PROBLEMS
from unrolled.tasks.toy.settings import ToySettings
from unrolled.tasks.toy.task import SOLVED, Model, Toy, build_model, measure

SEQUENCES = 10_000  # of an evaluation, as Pascanu et al. take


@dataclass(frozen=True)
class Evaluation:
    """Figures on sequences that neither training nor its evaluations drew; see `to_json`."""

    task: str
    sequences: int
    shortest: int
    length: int
    loss: float
    unit: str
    baseline_loss: float
    error: float
    solved: bool

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return asdict(self)


class ToyRun(Run[Model]):
    """A model trained on a toy task: it answers sequences."""

    @classmethod
    def begun(cls, settings: ToySettings, cell: Cell | None, report: Report) -> Begun:
        """What a new run is made of."""
        cell = cell or find_cell(settings.cell)
        return Begun(settings.task, settings, cell, _task(settings, cell), {})

    @classmethod
    def taken_up(
        cls, config: Mapping[str, Any], path: Path, change: Change, report: Report
    ) -> tuple[ToySettings, Toy]:
        """The settings of a run, changed, and its task with a fresh model."""
        settings, cell = _parts(config, path)
        settings = change(settings)
        return settings, _task(settings, cell)

    def _read_config(self) -> None:
        self.settings, self.cell = _parts(self.config, self.path)

    def _build(self) -> Model:
        return build_model(self.settings, self.cell)

    def evaluate(self, *, sequences: int = SEQUENCES) -> Evaluation:
        """Measure on fresh sequences, always the same ones.

        Args:
            sequences: How many.
        """
        task, settings = self.settings.task, self.settings
        found = measure(self.model, settings, "test", sequences)
        return Evaluation(
            task=task,
            sequences=sequences,
            shortest=settings.shortest or settings.length,
            length=settings.length,
            loss=found.loss,
            unit=PROBLEMS[task].answer.unit.name,
            baseline_loss=found.baseline,
            error=found.error,
            solved=found.error < SOLVED,
        )

    def export_call(self) -> ExportCall:
        """How the model is called once it is a file."""
        return export_call(self.model, self.settings)

    def tell(self, figures: Evaluation) -> list[str]:
        """The figures as lines to be read."""
        settings = self.settings
        model = f"{self.cell.name} {settings.num_layers} x {settings.hidden_size}"
        lengths = {figures.shortest, figures.length}
        title = f"{figures.task} of length {' to '.join(map(str, sorted(lengths)))}"
        verdict = "solved" if figures.solved else "not solved"
        losses = {model: figures.loss, "without memory": figures.baseline_loss}
        width, unit = max(map(len, losses)), PROBLEMS[figures.task].answer.unit
        return [
            f"{title}, {figures.sequences:,} fresh sequences:",
            *(f"  {n:{width}}  {loss:.{unit.digits}f} {unit.name}" for n, loss in losses.items()),
            f"  {'wrong':{width}}  {figures.error:.2%} of them: {verdict} (below {SOLVED:.0%})",
        ]

    def advice(self, path: str) -> list[str]:
        """Commands to type next.

        Args:
            path: The run folder as one would type it.
        """
        if self.ending and self.ending.reason == "solved":
            harder = f"unrolled train {self._harder()}  # twice as far back"
            return [f"unrolled evaluate {path}", harder]
        return super().advice(path)

    def _harder(self) -> str:
        """The task at twice the length, with what makes this run other than usual."""
        settings, training = self.settings, self.settings.training
        flags = {"cell": settings.cell, "length": 2 * settings.length}
        if settings.start != "own":
            flags["start"] = settings.start
        if training.omega:
            flags |= {"omega": training.omega, "omega-form": training.omega_form}
        typed = (f"--{name} {shlex.quote(str(value))}" for name, value in flags.items())
        return f"{settings.task} {' '.join(typed)}"


def _task(settings: ToySettings, cell: Cell) -> Toy:
    """The task with a fresh model, everything seeded."""
    device = begin(settings.training)
    model: Model = build_on(device, lambda: build_model(settings, cell))
    if settings.start == "smart":
        start_smart(model)
    return Toy(model, settings)


def _parts(config: Mapping[str, Any], path: Path) -> tuple[ToySettings, Cell]:
    settings = settings_from_json(ToySettings, config.get("settings"), path)
    return settings, stored.from_json(config.get("cell"))


train, resume, open_run = ToyRun.train, ToyRun.resume, ToyRun
