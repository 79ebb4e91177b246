"""The character model's data and loss."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from unrolled.data.pieces import PieceAlphabet, Symbols
from unrolled.data.text import require_length
from unrolled.errors import OpenWidthError, SettingError
from unrolled.lang.cell import Cell
from unrolled.layers.states import detach
from unrolled.models.attention_only.gpt2 import GPT2Shape
from unrolled.models.attention_only.gpt2_in_step import GPT2InStep
from unrolled.models.encoder import Shape
from unrolled.models.language_model import LanguageModel
from unrolled.models.sampling import Choice, Predictor, generate
from unrolled.probe.gradients import gradient_maps
from unrolled.tasks.char_lm.settings import CharLMSettings
from unrolled.tasks.lens import lens_to_json
from unrolled.training.task import BITS_PER_CHARACTER, NATS, Measured, Step, Task

SAMPLE_LENGTH = 240
LENS_WARMUP, LENS_STEPS = 64, 128  # characters that are read before, and whose losses go back
EVALUATION_CHUNK = 256  # steps; only a matter of memory


def build_model(settings: CharLMSettings, cell: Cell, vocabulary_size: int) -> Predictor:
    """The model that the settings describe, with fresh weights.

    Raises:
        OptionError: A size is impossible.
        SizeError: The sizes break an equation of the cell.
        SettingError: The cell projects its output, and `projection_size` is not given.
    """
    if settings.model == "gpt2":
        width, layers, heads = settings.hidden_size, settings.num_layers, settings.num_heads
        context = settings.context or settings.bptt
        sizes = context, width, layers, heads, settings.dropout
        return GPT2InStep(GPT2Shape(vocabulary_size, *sizes))
    shape = Shape(
        input_size=vocabulary_size,
        hidden_size=settings.hidden_size,
        num_layers=settings.num_layers,
        embedding_size=settings.embedding_size,
        projection_size=settings.projection_size,
        dropout=settings.dropout,
    )
    try:
        return LanguageModel(cell, shape)
    except OpenWidthError as error:
        if error.facts["symbol"] != "R":
            raise
        wanted = f"the width R to which {cell.name} projects its output"
        raise SettingError(name="projection_size", got=0, wanted=wanted) from error


class Streams:
    """A text cut into streams that are read side by side, chunk by chunk."""

    def __init__(self, ids: np.ndarray, *, batch_size: int, steps: int) -> None:
        """Cut the text.

        Args:
            ids: The text as whole numbers; a memory map stays one.
            batch_size: Streams; fewer if the text is short.
            steps: Steps of a chunk; 0 takes the whole stream as one chunk.

        Raises:
            TextTooShortError: It has no two characters.
        """
        require_length(ids, 2, "a character and the one that follows it")
        pairs = len(ids) - 1  # each character but the last has a successor
        self.batch_size = min(batch_size, max(1, pairs // max(1, steps)))
        self.length = pairs // self.batch_size
        self.steps = min(steps, self.length) if steps else self.length
        self.ids = ids
        self.chunks = -(-self.length // self.steps)

    def chunk(
        self, index: int, device: torch.device, share: slice = slice(None)
    ) -> tuple[Tensor, Tensor]:
        """Characters and their successors, each T x B.

        Args:
            index: Which chunk.
            device: Where they are wanted.
            share: Which of the streams.
        """
        start = index * self.steps
        stop = min(start + self.steps, self.length)
        rows = [
            self.ids[stream * self.length + start : stream * self.length + stop + 1]
            for stream in range(self.batch_size)[share]
        ]
        window = torch.from_numpy(np.stack(rows, axis=1).astype(np.int64)).to(device)
        return window[:-1], window[1:]


class CharLM(Task[Predictor]):
    """Predict the next character."""

    unit = BITS_PER_CHARACTER
    items = "characters"

    def __init__(
        self,
        model: Predictor,
        alphabet: Symbols,
        settings: CharLMSettings,
        *,
        train: np.ndarray,
        validation: np.ndarray,
    ) -> None:
        """Make the task.

        Args:
            model: The model, on its device.
            alphabet: What the numbers mean.
            settings: Batch, steps and seed.
            train: The training part as numbers.
            validation: The validation part.

        Raises:
            TextTooShortError: The training part is too short to learn anything on.
        """
        require_length(train, settings.bptt + 2, "training on one chunk of --bptt steps")
        self.model = model
        self.alphabet = alphabet
        if isinstance(alphabet, PieceAlphabet):
            self.unit, self.items = NATS, "pieces"
        self.settings = settings
        self.device = next(model.parameters()).device
        self.streams = Streams(train, batch_size=settings.batch_size, steps=settings.bptt)
        self.sequences = self.streams.batch_size
        self.validation = validation[: settings.validate_characters + 1]

    @property
    def chunks(self) -> int:
        """Chunks of one pass over the training part."""
        return self.streams.chunks

    def forward(self, chunk: int, carried: Any) -> Step:
        """The loss on a chunk."""
        symbols, following = self.streams.chunk(chunk, self.device, self.share)
        logits, state = self.model(symbols, carried)
        loss = F.cross_entropy(logits.flatten(0, 1), following.flatten())
        return Step(loss, symbols.numel(), detach(state))

    def validate(self) -> Measured:
        """Nats per character on the validation part."""
        return Measured(measure(self.model, self.validation))

    def inspect(self) -> Mapping[str, Any]:
        """How far back the losses of a piece of the validation part reach."""
        piece = self.validation[: LENS_WARMUP + LENS_STEPS + 1]
        warmup = max(0, len(piece) - LENS_STEPS - 1)
        return lens_to_json(gradient_maps(self.model, piece, warmup=warmup))

    def sample(self) -> str:
        """Some text of the model's own."""
        generator = torch.Generator().manual_seed(self.settings.training.seed)
        start = [int(self.validation[0])]
        drawn = generate(self.model, start, Choice(temperature=0.8), generator)
        return self.alphabet.decode(np.array([next(drawn) for _ in range(SAMPLE_LENGTH)]))


@torch.no_grad()
def measure(model: Predictor, ids: np.ndarray, *, streams: int = 16) -> float:
    """Nats per character of a text, each but the first predicted once, the state carried.

    The text is cut into `streams` that are read side by side; each starts from a zero state.

    Raises:
        TextTooShortError: It has no two characters.
    """
    device = next(model.parameters()).device
    cut = Streams(ids, batch_size=streams, steps=EVALUATION_CHUNK)
    total, count, state = 0.0, 0, None
    for index in range(cut.chunks):
        symbols, following = cut.chunk(index, device)
        logits, state = model(symbols, state)
        total += float(F.cross_entropy(logits.flatten(0, 1), following.flatten(), reduction="sum"))
        count += following.numel()
    return _with_rest(model, ids, cut, total, count)


def _with_rest(model: Predictor, ids: np.ndarray, cut: Streams, total: float, count: int) -> float:
    """The mean with the few characters that do not fill a step of all streams."""
    rest = ids[cut.batch_size * cut.length :]
    if len(rest) > 1:
        device = next(model.parameters()).device
        numbers = torch.from_numpy(rest.astype(np.int64)).to(device)
        logits, _ = model(numbers[:-1].unsqueeze(-1))
        total += float(F.cross_entropy(logits[:, 0], numbers[1:], reduction="sum"))
        count += len(rest) - 1
    return total / count
