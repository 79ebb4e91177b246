"""An answer at each step is a readout of each step's state, the state carried on."""

import torch

from unrolled import find_cell
from unrolled.models.encoder import Shape
from unrolled.models.in_step import InStep


def test_each_step_is_read_from_its_state_alone():
    torch.manual_seed(0)
    model = InStep(find_cell("lstm"), Shape(3, 4, 2), 2).double()
    x = torch.randn(5, 6, 3, dtype=torch.float64)
    scores, state = model(x)
    h, c = (torch.zeros(2, 6, 4, dtype=torch.float64) for _ in range(2))
    for t in range(5):
        output, (h, c) = model.recurrent.step(x[t], (h, c))
        wanted = output @ model.readout.weight.T + model.readout.bias
        torch.testing.assert_close(scores[t], wanted, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(state, type(state)(h, c), rtol=1e-12, atol=1e-12)


def test_whole_numbers_stand_for_one_hot_vectors_and_the_state_goes_on():
    torch.manual_seed(0)
    model = InStep(find_cell("gru"), Shape(5, 4), 3)
    symbols = torch.randint(5, (7, 2))
    whole, last = model(symbols)
    one_hot, _ = model(torch.nn.functional.one_hot(symbols, 5).float())
    torch.testing.assert_close(whole, one_hot)
    first, state = model(symbols[:3])
    second, end = model(symbols[3:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    torch.testing.assert_close(end, last)
