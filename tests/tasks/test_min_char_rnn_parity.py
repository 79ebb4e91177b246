"""The lecture's numpy program and our layer, optimizer and clipping make the same steps."""

import copy
from itertools import islice

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from unrolled import min_char_rnn as deck
from unrolled.cells import find_cell
from unrolled.layers.states import detach
from unrolled.models.encoder import Shape
from unrolled.models.language_model import LanguageModel, lecture_parameters
from unrolled.training.clipping import clip_by_value, gradients_of
from unrolled.training.optimizers import make_optimizer
from unrolled.training.settings import TrainSettings

SETTINGS = TrainSettings(optimizer="adagrad", learning_rate=0.1, clip_norm=0, clip_value=5.0)
TEXT = "".join(f"the {i % 7} quick foxes jump over {i % 13} lazy dogs; " for i in range(400))


class Twin:
    """Our side of the comparison: the same network as a `LanguageModel` in float64."""

    def __init__(self, parameters, vocabulary_size):
        self.model = LanguageModel(
            find_cell("rnn"), Shape(vocabulary_size, deck.HIDDEN_SIZE)
        ).double()
        self.named = lecture_parameters(self.model)
        self.optimizer = make_optimizer(self.model.parameters(), SETTINGS)
        self.state = None
        self.load(parameters)

    @torch.no_grad()
    def load(self, parameters, memory=None, h=None):
        for name, tensor in self.named.items():
            tensor.copy_(torch.from_numpy(parameters[name]))
            if memory is not None:
                self.optimizer.state[tensor]["sum"].copy_(torch.from_numpy(memory[name] + 1e-8))
        if h is not None:
            self.state = torch.from_numpy(h).reshape(1, 1, -1)

    def loss(self, chunk):
        numbers = torch.from_numpy(chunk.astype(np.int64)).unsqueeze(-1)
        logits, state = self.model(numbers[:-1], self.state)
        self.state = detach(state)
        self.optimizer.zero_grad()
        loss = F.cross_entropy(logits[:, 0], numbers[1:, 0], reduction="sum")
        loss.backward()
        return float(loss.detach())

    def gradients(self):
        return {name: tensor.grad.numpy().copy() for name, tensor in self.named.items()}

    def update(self):
        clip_by_value(gradients_of(list(self.model.parameters())), SETTINGS.clip_value)
        self.optimizer.step()


@pytest.fixture
def start():
    vocabulary = sorted(set(TEXT))
    ids = np.array([vocabulary.index(c) for c in TEXT], np.int32)
    rng = np.random.default_rng(0)
    parameters = deck.initial_parameters(rng, deck.HIDDEN_SIZE, len(vocabulary))
    memory = {name: np.zeros_like(value) for name, value in parameters.items()}
    return ids, parameters, memory, Twin(parameters, len(vocabulary))


def test_each_of_500_iterations_restarted_from_the_decks_numbers_agrees(start):
    ids, parameters, memory, twin = start
    steps = deck.train(ids, parameters, memory)
    for iteration, loss, _, h, position in islice(steps, 500):
        before, memory_before = copy.deepcopy(parameters), copy.deepcopy(memory)
        chunk = ids[position : position + deck.STEPS + 1]
        twin.load(before, memory_before, h)
        assert abs(twin.loss(chunk) - loss) < 1e-10, iteration
        _, theirs, _ = deck.loss_and_gradients(chunk[:-1], chunk[1:], h, before)
        for name, ours in twin.gradients().items():
            np.testing.assert_allclose(ours, theirs[name], atol=1e-10, rtol=0, err_msg=name)
        twin.update()
        deck.adagrad(before, deck.clip(theirs), memory_before)
        for name, tensor in twin.named.items():
            ours = tensor.detach().numpy()
            np.testing.assert_allclose(ours, before[name], atol=1e-10, rtol=0, err_msg=name)


def test_free_runs_agree_for_ten_iterations_and_in_smooth_loss_at_500(start):
    ids, parameters, memory, twin = start
    smooth = deck.STEPS * float(np.log(len(set(TEXT))))
    steps = islice(deck.train(ids, parameters, memory), 501)
    for iteration, loss, theirs, _, position in steps:
        if position == 0:
            twin.state = None
        ours = twin.loss(ids[position : position + deck.STEPS + 1])
        if iteration < 10:
            assert abs(ours - loss) < 1e-6, iteration
        smooth = 0.999 * smooth + 0.001 * ours
        twin.update()
        smooth_of_deck = theirs
    assert iteration == 500
    assert abs(smooth - smooth_of_deck) < 0.01 * smooth_of_deck
