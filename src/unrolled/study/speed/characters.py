"""Characters a second: training of the lecture's model against numpy, and sampling."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, islice
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from unrolled import min_char_rnn as deck
from unrolled.cells import find_cell
from unrolled.data.sets import find_corpus
from unrolled.data.text import require_length
from unrolled.layers.recurrent import Recurrent
from unrolled.layers.states import detach
from unrolled.models.encoder import Shape
from unrolled.models.language_model import LanguageModel, lecture_parameters
from unrolled.models.learning import StreamLearner
from unrolled.models.sampling import Choice, generate, read
from unrolled.study.speed.contest import Report, contest
from unrolled.study.speed.measure import Budget
from unrolled.study.speed.points import Point
from unrolled.study.speed.record import Measurement
from unrolled.study.speed.settings import BenchSettings
from unrolled.study.speed.trial import Trial, Values
from unrolled.training.clipping import clip_by_value, gradients_of
from unrolled.training.optimizers import make_optimizer
from unrolled.training.settings import TrainSettings

OURS = ("c", "eager")
ITERATIONS = 100  # of training in a run
DRAWN = 100  # characters of sampling in a run
SAMPLED_WIDTH, VOCABULARY = 128, 96
TEXT = 2**20  # characters of the text that are read
_TRAINING = TrainSettings(optimizer="adagrad", learning_rate=0.1, clip_norm=0, clip_value=5.0)


def measure_characters(settings: BenchSettings, report: Report) -> Iterator[Measurement]:
    """Measure the sections that the settings ask for, at each thread count."""
    before = torch.get_num_threads()
    try:
        for threads in settings.threads:
            torch.set_num_threads(threads)
            if settings.min_char_rnn:
                yield measure_min_char_rnn(settings, report)
            if settings.sampling:
                yield measure_sampling(settings, report)
    finally:
        torch.set_num_threads(before)


def measure_min_char_rnn(settings: BenchSettings, report: Report) -> Measurement:
    """Numpy's program against ours: same text, same first weights, same updates.

    Raises:
        TextTooShortError: The text has no chunk.
    """
    report("reading the text")
    corpus = find_corpus(settings.text, report=report)
    require_length(corpus.ids, deck.STEPS + 2, "one chunk of min-char-rnn")
    ids = np.asarray(corpus.ids[:TEXT]).astype(np.int64)
    rng = np.random.default_rng(settings.seed)
    start = deck.initial_parameters(rng, deck.HIDDEN_SIZE, len(corpus.alphabet))
    entrants: dict[str, Callable[[], Trial]] = {
        "c": partial(_learning_in_c, ids, start),
        "c in torch's loop": partial(_our_training, ids, start, "c"),
        "eager": partial(_our_training, ids, start, "eager"),
    }
    entrants["numpy"] = partial(_deck_training, ids, start)
    first = _deck_training(ids, start)
    assert first.values is not None
    budget = Budget(settings.seconds, settings.rounds)
    return Measurement(
        section="min-char-rnn",
        cell="rnn",
        mode="training",
        threads=torch.get_num_threads(),
        point=Point(1, deck.HIDDEN_SIZE),
        steps=deck.STEPS,
        dtype="float32",
        entries=contest(entrants, first.values(first.run()), budget, report=report),
        ours=("c", "c in torch's loop", "eager"),
        characters=ITERATIONS * deck.STEPS,
        notes=(
            f"{len(corpus.alphabet)} different characters; numpy computes in float64, as the "
            "program is written, ours in float32",
        ),
    )


def measure_sampling(settings: BenchSettings, report: Report) -> Measurement:
    """Drawing characters one after another from an LSTM."""
    shape = Shape(VOCABULARY, SAMPLED_WIDTH)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        weights = _model("lstm", shape, "eager").state_dict()
    truth = _sampling(shape, weights, "eager", torch.float64)
    assert truth.values is not None
    return Measurement(
        section="sampling",
        cell="lstm",
        mode="sampling",
        threads=torch.get_num_threads(),
        point=Point(1, SAMPLED_WIDTH),
        steps=1,
        dtype="float32",
        entries=contest(
            {name: partial(_sampling, shape, weights, name, torch.float32) for name in OURS},
            truth.values(None),
            Budget(settings.seconds, settings.rounds),
            report=report,
        ),
        ours=OURS,
        characters=DRAWN,
        notes=(f"{VOCABULARY} different characters, temperature 1",),
    )


def _model(cell: str, shape: Shape, backend: str) -> LanguageModel:
    model = LanguageModel(find_cell(cell), shape)
    width = shape.input_size
    model.recurrent = Recurrent(find_cell(cell), width, shape.hidden_size, backend=backend)
    return model


def _sampling(shape: Shape, weights: dict[str, Any], backend: str, dtype: torch.dtype) -> Trial:
    """A run draws some characters; the answer compared is the scores after a fixed text."""
    model = _model("lstm", shape, backend).to(dtype).eval()
    model.load_state_dict(weights)
    drawing = generate(model, [0], Choice(), torch.Generator().manual_seed(0))

    def values(_: object) -> Values:
        return Values(read(model, list(range(10)))[0])

    return Trial(lambda: list(islice(drawing, DRAWN)), values)


def _deck_training(ids: np.ndarray, start: deck.Parameters) -> Trial:
    parameters = {name: values.copy() for name, values in start.items()}
    memory = {name: np.zeros_like(values) for name, values in start.items()}
    iterations = deck.train(ids, parameters, memory)
    return Trial(lambda: [loss for _, loss, *_ in islice(iterations, ITERATIONS)], _first_loss)


def _our_training(ids: np.ndarray, start: deck.Parameters, backend: str) -> Trial:
    losses = _losses(_our_model(start, backend), torch.from_numpy(ids).unsqueeze(-1))
    return Trial(lambda: list(islice(losses, ITERATIONS)), _first_loss)


def _learning_in_c(ids: np.ndarray, start: deck.Parameters) -> Trial:
    model = _our_model(start, "c")
    optimizer = make_optimizer(model.parameters(), _TRAINING)
    assert isinstance(optimizer, torch.optim.Adagrad)
    clip = _TRAINING.clip_value
    learner = StreamLearner(model, optimizer, steps=deck.STEPS, clip_value=clip)
    text, rows = torch.from_numpy(ids).unsqueeze(-1), ITERATIONS * deck.STEPS
    begins = cycle(range(0, len(text) - rows, rows))

    def run() -> list[float]:
        begin = next(begins)
        if begin == 0:
            learner.forget()
        return learner.learn(text[begin : begin + rows + 1]).tolist()

    return Trial(run, _first_loss)


def _our_model(start: deck.Parameters, backend: str) -> LanguageModel:
    model = _model("rnn", Shape(len(start["b_y"]), deck.HIDDEN_SIZE), backend)
    named = lecture_parameters(model)
    with torch.no_grad():
        for name, tensor in named.items():
            tensor.copy_(torch.from_numpy(start[name]))
    return model


def _losses(model: nn.Module, ids: torch.Tensor) -> Iterator[float]:
    """Train for ever, as `min_char_rnn.train` does; the loss of each chunk (ids: T 1)."""
    parameters = list(model.parameters())
    optimizer = make_optimizer(parameters, _TRAINING)
    state, position = None, 0
    while True:
        if position + deck.STEPS + 1 >= len(ids):
            state, position = None, 0
        chunk = ids[position : position + deck.STEPS + 1]
        logits, state = model(chunk[:-1], state)
        loss = F.cross_entropy(logits[:, 0], chunk[1:, 0], reduction="sum")
        optimizer.zero_grad()
        loss.backward()
        clip_by_value(gradients_of(parameters), _TRAINING.clip_value)
        optimizer.step()
        state, position = detach(state), position + deck.STEPS
        yield float(loss.detach())


def _first_loss(losses: list[float]) -> Values:
    """The losses while rounding has not yet parted float32 from float64."""
    return Values(torch.tensor(losses[:3]))
