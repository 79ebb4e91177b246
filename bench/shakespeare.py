"""How far a character model gets in some minutes, in our layer or in torch.nn.LSTM.

Both start from the same weights and are trained by the same trainer on the same text; only the
recurrent layer differs. Prints held-out bits per character.

    python bench/shakespeare.py --layer ours --minutes 10 --threads 1
    python bench/shakespeare.py --layer torch.nn --minutes 10 --threads 1
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from machine import describe
from torch import Tensor, nn

from unrolled.cells import find_cell
from unrolled.data.sets import find_corpus
from unrolled.layers.recurrent import Recurrent
from unrolled.tasks.char_lm.settings import CharLMSettings
from unrolled.tasks.char_lm.task import CharLM, build_model, measure
from unrolled.training.loop import Trainer
from unrolled.training.settings import TrainSettings
from unrolled.training.storage.run_folder import create_run
from unrolled.training.watchers import watcher_for


class TorchLSTM(nn.Module):
    """torch.nn.LSTM where a model has our layer of `lstm`, with the same weights."""

    def __init__(self, ours: Recurrent) -> None:
        super().__init__()
        self.lstm = nn.LSTM(ours.input_size, ours.hidden_size)
        with torch.no_grad():
            self.lstm.weight_ih_l0.copy_(ours.weight_x_l0)
            self.lstm.weight_hh_l0.copy_(ours.weight_h_l0)
            self.lstm.bias_ih_l0.copy_(ours.bias_l0)
            self.lstm.bias_hh_l0.zero_()

    def forward(self, symbols: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Output and state; torch's layer wants the one-hot vectors themselves."""
        x = F.one_hot(symbols, self.lstm.input_size).to(torch.float32)
        return self.lstm(x, state)


def main() -> None:
    """Train, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--layer", choices=("ours", "torch.nn"), default="ours")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--hidden-size", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=1e-2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    training = TrainSettings(minutes=options.minutes, learning_rate=options.learning_rate)
    settings = CharLMSettings(
        data="shakespeare",
        hidden_size=options.hidden_size,
        batch_size=options.batch_size,
        training=training,
    )
    corpus = find_corpus("shakespeare")
    parts = corpus.split(validation=settings.validation, test=settings.test)
    model = build_model(settings, find_cell("lstm"), len(corpus.alphabet))
    if options.layer == "torch.nn":
        model.recurrent = TorchLSTM(model.recurrent)  # pyright: ignore[reportAttributeAccessIssue]
    task = CharLM(model, corpus.alphabet, settings, train=parts[0], validation=parts[1])
    with tempfile.TemporaryDirectory() as folder, create_run(Path(folder) / "run", {}) as run:
        trainer = Trainer(task, training, run, watcher_for())
        ending = trainer.fit()
    print(describe())
    print(f"{options}\n{ending}")
    bits = measure(model.eval(), parts[2]) * CharLM.unit.per_nat
    print(f"test part: {bits:.3f} bits per character of {len(parts[2])}")


if __name__ == "__main__":
    main()
