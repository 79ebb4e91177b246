"""The words: what they are called, what they compute, and that nobody runs them on tensors."""

import pytest
import torch
import torch.nn.functional as F
from tests.lang.graphs import meaning_of

import unrolled
from unrolled.errors import WordOutsideCellError
from unrolled.lang.nodes import Node, in_order
from unrolled.lang.ops import OPS
from unrolled.lang.words import WORDS, split
from unrolled.runtime.meaning import MEANING

POINTS = torch.cat([torch.linspace(-30, 30, 601), torch.tensor([-0.0, 1e-9, -1e-9, 700, -700])])
V, GAIN, SHIFT = (Node("vector", attribute=f"p.{name}") for name in ("v", "g", "s"))
TORCH = {
    "silu": F.silu,
    "gelu": lambda v: F.gelu(v, approximate="tanh"),
    "elu": F.elu,
    "softsign": F.softsign,
    "hard_sigmoid": F.hardsigmoid,
    "square": torch.square,
}


def computed(node, tensors):
    """A node on whole tensors."""
    found = {}
    for one in in_order([node]):
        leaf = float(one.attribute) if one.op == "constant" else tensors.get(one)
        operands = [found[argument] for argument in one.args]
        found[one] = MEANING[one.op](*operands) if operands else leaf
    return found[node]


@pytest.mark.parametrize("name", TORCH)
def test_a_derived_word_is_torchs_function(name):
    points = POINTS.double()
    found = computed(WORDS[name](V), {V: points})
    torch.testing.assert_close(found, TORCH[name](points), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", TORCH)
def test_a_derived_words_gradient_is_torchs_and_never_nan(name):
    points = POINTS.double()[:-2]  # torch's own gelu has no gradient at 700
    ours, theirs = (points.clone().requires_grad_() for _ in range(2))
    computed(WORDS[name](V), {V: ours}).sum().backward()
    TORCH[name](theirs).sum().backward()
    torch.testing.assert_close(
        ours.grad, theirs.grad, rtol=1e-7, atol=1e-9
    )  # torch's 1/6 is a float32


def test_layer_norm_is_torchs():
    values, gain, shift = torch.randn(3, 5, 7, dtype=torch.float64, generator=torch.manual_seed(0))
    found = computed(WORDS["layer_norm"](V, GAIN, SHIFT), {V: values, GAIN: gain, SHIFT: shift})
    expected = F.layer_norm(values, (7,)) * gain + shift
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", WORDS)
def test_every_word_builds_operations_of_the_table_with_their_operands(name):
    word = WORDS[name]
    count = 2 if word.arity == -1 else word.arity
    nodes = list(in_order([word(*(V, GAIN, SHIFT)[:count])]))
    assert {node for node in nodes if node.op == "vector"} == set((V, GAIN, SHIFT)[:count])
    for node in nodes:
        assert len(node.args) == (2 if OPS[node.op].arity == -1 else OPS[node.op].arity)
    value = meaning_of(nodes[-1], {"p.v": 0.5, "p.g": 2.0, "p.s": -1.0})
    assert value.isfinite().all()


@pytest.mark.parametrize(
    "operand", [torch.zeros(3), 0.5, "x", None], ids=lambda v: type(v).__name__
)
def test_a_word_outside_a_cell_says_what_to_do(operand):
    says = rf"tanh\(\) got a {type(operand).__name__}: it is a word .* On tensors use torch.tanh"
    with pytest.raises(WordOutsideCellError, match=says):
        unrolled.tanh(operand)
    with pytest.raises(WordOutsideCellError, match=r"split\(\) got a call: it is a word"):
        split(operand, 2)
