"""What Python makes of the text of equations: numbers with operators, words as functions."""

import operator
from types import SimpleNamespace

import torch
import torch.nn.functional as F

WORDS = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "softplus": F.softplus,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "abs": torch.abs,
    "sin": torch.sin,
    "cos": torch.cos,
    "detach": lambda v: v,
    "mean": lambda v: v,
    "var": lambda v: v - v,
    "minimum": torch.minimum,
    "maximum": torch.maximum,
    "where": lambda condition, this, that: this if condition != 0 else that,
}


def tensor_of(value):
    """The tensor in a number."""
    if isinstance(value, Number):
        return value.tensor
    return torch.full((1, 1), float(value), dtype=torch.float64)


class Number:
    """A number on which Python's operators do what the language says."""

    def __init__(self, value):
        self.tensor = value if isinstance(value, torch.Tensor) else tensor_of(value)


class Matrix(Number):
    """A matrix of one number."""

    def __matmul__(self, vector):
        """The product with a vector."""
        return Number(F.linear(tensor_of(vector), self.tensor))


def _two(act):
    return lambda left, right: Number(act(tensor_of(left), tensor_of(right)).double())


def _swapped(act):
    return lambda right, left: Number(act(tensor_of(left), tensor_of(right)).double())


for _name in "add sub mul truediv pow lt le gt ge eq ne".split():
    _act = getattr(operator, _name)
    setattr(Number, f"__{_name}__", _two(_act))
    setattr(Number, f"__r{_name}__", _swapped(_act))
Number.__neg__ = lambda value: Number(-tensor_of(value))


def run_lines(lines, values):
    """What every name is after Python has run these lines."""
    names = {word: _on_numbers(function) for word, function in WORDS.items()}
    names |= {family: SimpleNamespace(R={}) for family in "Wbp"}
    for name, value in values.items():
        kind = Matrix if name.startswith("W.") else Number
        family, _, rest = name.partition(".")
        if not rest:
            names[name] = kind(value)
        elif rest.endswith("]"):
            names[family].R[int(rest[2:-1])] = kind(value)
        else:
            setattr(names[family], rest, kind(value))
    exec("\n".join(lines), names)
    return names


def _on_numbers(function):
    return lambda *operands: Number(function(*map(tensor_of, operands)))
