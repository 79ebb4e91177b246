"""Each chunk's gradient goes back to the chunk's start, and the state goes on for ever."""

import pytest
import torch
from tests.training.tiny import B, H, TinyTask, fit, plain, trainer_of

from unrolled.tasks.char_lm.task import Streams

CELLS = ["rnn", "lstm", "gru", "lstm_fgr"]


def gradients(task):
    return [p.grad.clone() for p in task.model.parameters()]


def hand_made(task, *, cut):
    """The gradient of each chunk of the first pass, with frozen weights."""
    state, found = None, []
    for chunk in range(task.chunks):
        task.model.zero_grad()
        if not cut:
            state = None
            for before in range(chunk):
                _, state = task.model(task.x[before], state)
        loss, state = task.loss(chunk, state)
        loss.backward()
        found.append(gradients(task))
        if isinstance(state, torch.Tensor):
            state = state.detach()
        else:
            state = tuple(part.detach() for part in state)
    return found


@pytest.mark.parametrize("cell", CELLS)
def test_gradient_of_each_chunk_is_the_one_with_the_state_cut(cell, tmp_path):
    task = TinyTask(cell, dtype=torch.float64)
    cut, whole = hand_made(task, cut=True), hand_made(task, cut=False)
    # A learning rate that changes nothing, so that every chunk meets the same weights.
    with trainer_of(
        task, plain(learning_rate=1e-300, optimizer="sgd"), tmp_path / "run"
    ) as trainer:
        for chunk in range(task.chunks):
            trainer._step(NoLogs())
            for ours, theirs in zip(gradients(task), cut[chunk], strict=True):
                torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)
    differ = [not torch.allclose(c, w) for c, w in zip(cut[2], whole[2], strict=True)]
    assert any(differ), "this data cannot tell truncated from full"


class NoLogs:
    def write(self, *_, **__):
        pass


def test_state_goes_from_chunk_to_chunk_without_its_graph_and_ends_with_the_epoch(tmp_path):
    task = TinyTask(chunks=3)
    fit(task, plain(steps=7, learning_rate=1e-300, optimizer="sgd"), tmp_path / "run")
    assert [chunk for chunk, _ in task.given] == [0, 1, 2, 0, 1, 2, 0]
    assert [carried is None for _, carried in task.given] == [True, False, False] * 2 + [True]
    before = None
    for chunk, carried in task.given:
        if carried is not None:
            _, expected = task.model(task.x[chunk - 1], before)
            assert all(not part.requires_grad for part in carried)
            assert [part.shape for part in carried] == [(1, B, H)] * 2
            for ours, theirs in zip(carried, expected, strict=True):
                torch.testing.assert_close(ours, theirs)
        before = carried


def test_bptt_zero_goes_back_through_the_whole_text():
    ids = torch.arange(101).numpy() % 7
    streams = Streams(ids, batch_size=4, steps=0)
    assert (streams.chunks, streams.steps, streams.length) == (1, 25, 25)
    symbols, following = streams.chunk(0, torch.device("cpu"))
    assert symbols.T.flatten().tolist() == ids[:100].tolist()
    assert following.T.flatten().tolist() == ids[1:].tolist()


def test_cutting_a_text_in_chunks_changes_no_loss_only_gradients():
    task = TinyTask(chunks=1)
    task.x, task.y = (torch.stack(t[0, :4].split(2)) for t in (task.x, task.y))
    first, state = task.loss(0, None)
    second, _ = task.loss(1, tuple(part.detach() for part in state))
    task.x, task.y = task.x.reshape(1, 4, B, -1), task.y.reshape(1, 4, B, 1)
    whole, _ = task.loss(0, None)
    torch.testing.assert_close((first + second) / 2, whole)
