"""Train a character model, go on with it, open its run."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from unrolled.cells import find_cell
from unrolled.data.pieces import PieceAlphabet
from unrolled.data.sets import find_corpus
from unrolled.data.text import Corpus
from unrolled.errors import SettingError
from unrolled.lang.cell import Cell
from unrolled.models.attention_only.gpt2 import GPT2Shape
from unrolled.models.attention_only.gpt2_in_step import GPT2InStep
from unrolled.models.sampling import Predictor
from unrolled.tasks.char_lm.config import NAME, corpus_of, parts_of, run_config, split
from unrolled.tasks.char_lm.settings import CharLMSettings
from unrolled.tasks.char_lm.task import CharLM, build_model
from unrolled.tasks.char_lm.trained import CharLMRun
from unrolled.tasks.runs import begin, build_on, folder_for, go_on, lock_run, resumed, train_in
from unrolled.tasks.texts.pretrained import Pretrained, find_pretrained
from unrolled.tasks.texts.reading import Report, absolute
from unrolled.training.watchers import Silent, Watcher


def train(
    settings: CharLMSettings, *, cell: Cell | None = None, watcher: Watcher | None = None
) -> CharLMRun:
    """Train a character model in a new run folder.

    Args:
        settings: Everything that can be set.
        cell: The cell, instead of the one that the settings name.
        watcher: Who is told as it goes; None: nobody.

    Raises:
        UnrolledError: Many kinds, each a class of `unrolled.errors`: the text, the cell, the
            settings or the run folder do not serve, or training diverged.
    """
    watcher = watcher or Silent()
    cell = cell or find_cell(settings.cell)
    settings, before = prepared(settings, watcher.say)
    corpus = find_corpus(
        settings.data, encoding=settings.encoding, as_bytes=settings.bytes, report=watcher.say
    )
    if before:
        corpus = corpus.in_pieces(PieceAlphabet(before.tokenizer))
    device = begin(settings.training)
    model = build_on(device, lambda: build_model(settings, cell, len(corpus.alphabet)))
    if before and isinstance(model, GPT2InStep):
        before.load(model.gpt2)
    task = _task(model, corpus, settings)
    folder = folder_for(settings, NAME, cell)
    config = run_config(settings, cell, corpus)
    ending = train_in(folder, config, task, settings.training, watcher)
    return CharLMRun(folder.absolute(), ending=ending)


def resume(
    path: Path | str,
    *,
    budget: Mapping[str, float] | None = None,
    device: str | None = None,
    watcher: Watcher | None = None,
) -> CharLMRun:
    """Go on with a run from its last checkpoint, bit for bit as if it had never stopped.

    Args:
        path: The run folder.
        budget: New limits (minutes, epochs, steps), counted from the run's start.
        device: Where to compute from now on; None: as before.
        watcher: Who is told as it goes; None: nobody.

    Raises:
        UnrolledError: Many kinds: the folder is no run, is in use, or is damaged; its text has
            changed; training diverged.
    """
    watcher = watcher or Silent()
    with lock_run(path) as run:
        settings, cell, alphabet = parts_of(run.config, Path(path))
        settings = resumed(settings, budget, device)
        corpus = corpus_of(settings, run.config)
        on = begin(settings.training)
        model = build_on(on, lambda: build_model(settings, cell, len(alphabet)))
        ending = go_on(run, _task(model, corpus, settings), settings.training, watcher)
        return CharLMRun(run.path, ending=ending)


def open_run(path: Path | str) -> CharLMRun:
    """The trained model of a run folder; see `CharLMRun`."""
    return CharLMRun(path)


def prepared(
    settings: CharLMSettings, report: Report
) -> tuple[CharLMSettings, Pretrained[GPT2Shape] | None]:
    """The settings with the sizes of the weights that they name, and what has these.

    Args:
        settings: As they were given.
        report: Is told what is being fetched.

    Raises:
        UnrolledError: The weights do not serve; see `find_pretrained`.
    """
    if not settings.weights:
        return settings, None
    found = find_pretrained(settings.weights, "gpt2", report)
    shape = found.shape
    sized = replace(
        settings,
        weights=absolute(settings.weights),
        hidden_size=shape.width,
        num_layers=shape.num_layers,
        num_heads=shape.num_heads,
        dropout=shape.dropout,
        context=shape.context,
        bptt=min(settings.bptt, shape.context),
    )
    return sized, found


def _task(model: Predictor, corpus: Corpus, settings: CharLMSettings) -> CharLM:
    train, validation, test = split(corpus, settings)
    task = CharLM(model, corpus.alphabet, settings, train=train, validation=validation)
    for name, part in {"validation": validation, "test": test}.items():
        if len(part) < 2:
            wanted = f"a share with 2 characters or more; of this text it has {len(part)}"
            raise SettingError(name=name, got=getattr(settings, name), wanted=wanted)
    return task
