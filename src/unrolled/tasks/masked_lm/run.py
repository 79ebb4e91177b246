"""Pretrain a BERT, go on with it, open its run."""

from collections.abc import Mapping
from pathlib import Path

from unrolled.data.text import Corpus
from unrolled.data.tokenizer import BERT_SPECIAL, Tokenizer
from unrolled.tasks.masked_lm.config import NAME, lines_of, parts_of, read_text, run_config
from unrolled.tasks.masked_lm.parts import build_model, passages_of
from unrolled.tasks.masked_lm.settings import MaskedLMSettings
from unrolled.tasks.masked_lm.task import MaskedLM
from unrolled.tasks.masked_lm.trained import MaskedLMRun
from unrolled.tasks.runs import begin, build_on, folder_for, go_on, lock_run, resumed, train_in
from unrolled.tasks.texts.reading import learned, require_same
from unrolled.training.watchers import Silent, Watcher


def train(
    settings: MaskedLMSettings, *, cell: None = None, watcher: Watcher | None = None
) -> MaskedLMRun:
    """Pretrain a BERT in a new run folder.

    Args:
        settings: Everything that can be set.
        cell: None: BERT has no cell.
        watcher: Who is told as it goes; None: nobody.

    Raises:
        UnrolledError: Many kinds, each a class of `unrolled.errors`: the text, the settings or the
            run folder do not serve, or training diverged.
    """
    watcher = watcher or Silent()
    corpus = read_text(settings, watcher.say)
    lines = lines_of(corpus, settings)["train"]
    tokenizer = learned(settings, settings.unit, lines, BERT_SPECIAL)
    task = _task(corpus, settings, tokenizer)
    folder = folder_for(settings, NAME, cell)
    config = run_config(settings, tokenizer, corpus)
    ending = train_in(folder, config, task, settings.training, watcher)
    return MaskedLMRun(folder.absolute(), ending=ending)


def resume(
    path: Path | str,
    *,
    budget: Mapping[str, float] | None = None,
    device: str | None = None,
    watcher: Watcher | None = None,
) -> MaskedLMRun:
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
        settings, tokenizer = parts_of(run.config, Path(path))
        settings = resumed(settings, budget, device)
        corpus = read_text(settings, watcher.say)
        require_same(corpus.name, corpus, run.config)
        task = _task(corpus, settings, tokenizer)
        return MaskedLMRun(run.path, ending=go_on(run, task, settings.training, watcher))


def open_run(path: Path | str) -> MaskedLMRun:
    """The pretrained model of a run folder; see `MaskedLMRun`."""
    return MaskedLMRun(path)


def _task(corpus: Corpus, settings: MaskedLMSettings, tokenizer: Tokenizer) -> MaskedLM:
    """The task with a fresh model, everything seeded."""
    device = begin(settings.training)
    model = build_on(device, lambda: build_model(settings, tokenizer))
    passages = passages_of(corpus, settings, tokenizer)
    parts = {"train": passages["train"], "validation": passages["validation"]}
    return MaskedLM(model, tokenizer, settings, **parts)
