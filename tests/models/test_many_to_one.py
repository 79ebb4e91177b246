"""The one answer is a readout of the last step's state, whatever came before it."""

import torch

from unrolled import find_cell
from unrolled.models.encoder import Shape
from unrolled.models.in_step import InStep
from unrolled.models.many_to_one import ManyToOne


def test_it_answers_what_an_answer_in_step_says_at_the_end():
    torch.manual_seed(0)
    one, each = (kind(find_cell("lstm"), Shape(3, 4, 2), 2) for kind in (ManyToOne, InStep))
    each.load_state_dict(one.state_dict())
    x = torch.randn(5, 6, 3)
    scores, state = one(x)
    in_step, last = each(x)
    assert torch.equal(scores, in_step[-1])
    assert all(map(torch.equal, state, last))


def test_of_all_steps_only_the_last_state_is_read():
    torch.manual_seed(0)
    model = ManyToOne(find_cell("rnn"), Shape(5, 4), 3)
    symbols = torch.randint(5, (7, 2))
    _, h = model.recurrent(symbols)
    scores, _ = model(symbols)
    torch.testing.assert_close(scores, h[0] @ model.readout.weight.T + model.readout.bias)
