"""Networks whose weights are set by hand: three units that count or latch, among random ones.

Texts are made of words, quoted ones and bracketed ones, so that every track of them changes.
"""

import numpy as np
import torch

from unrolled import find_cell
from unrolled.data.alphabet import Alphabet
from unrolled.models.encoder import Shape
from unrolled.models.language_model import LanguageModel

LETTERS = 'abcdefgh "()[]\n'
ALPHABET = Alphabet.of(LETTERS)
OPEN = 12.0  # a gate that is open, before its sigmoid
STEP = 0.02  # of the line counter
DEPTH = 0.3  # of the bracket counter
LATCH, LINE, BRACKETS = "inside quotes", "position in line", "bracket depth"


def make_text(seed, length=12_000):
    """Lines of random words; quotes and brackets are closed before the line ends."""
    random = np.random.default_rng(seed)
    lines, total = [], 0
    while total < length:
        words = ["".join(random.choice(list("abcdefgh"), random.integers(1, 8)))
                 for _ in range(random.integers(2, 14))]  # fmt: skip
        for sign, (opening, closing) in {0: '""', 1: "()", 2: "[]"}.items():
            for _ in range(random.integers(0, 3)):
                start, stop = sorted(random.integers(len(words), size=2))
                if not sign and any('"' in word for word in words[start : stop + 1]):
                    continue
                words[start] = opening + words[start]
                words[stop] += closing
        lines.append(" ".join(words) + "\n")
        total += len(lines[-1])
    return "".join(lines)


def planted_network(seed, hidden=24):
    """An LSTM with a quote latch, a line counter and a bracket counter; and which units they are.

    The latch holds 1 inside quotes and -1 outside: a quote opens its input gate and shuts its
    forget gate, and what is written is the opposite of what it shows. Counters add a little at
    each character or bracket. With the line's end all begin anew.
    """
    torch.manual_seed(seed)
    units = dict(zip((LATCH, LINE, BRACKETS), torch.randperm(hidden)[:3].tolist(), strict=True))
    model = LanguageModel(find_cell("lstm"), Shape(len(ALPHABET), hidden))
    layer, sign = model.recurrent, dict(zip(ALPHABET.symbols, range(len(ALPHABET)), strict=True))
    with torch.no_grad():
        for name in ("xi", "xf", "xg", "xo", "hi", "hf", "hg", "ho"):
            layer.parameter(f"W.{name}").normal_(0, 0.7)
            layer.parameter(f"W.{name}")[list(units.values())] = 0
        for gate, value in {"i": OPEN, "f": OPEN, "g": 0.0, "o": OPEN}.items():
            layer.parameter(f"b.{gate}")[list(units.values())] = value
        latch, line, brackets = units.values()
        layer.parameter("b.i")[latch] = -OPEN
        layer.parameter("W.xi")[latch, sign['"']] = 2 * OPEN
        layer.parameter("W.xf")[latch, sign['"']] = -2 * OPEN
        layer.parameter("W.hg")[latch, latch] = -10.0
        layer.parameter("b.g")[latch] = 1.0
        layer.parameter("b.g")[line] = STEP
        layer.parameter("W.xf")[list(units.values()), sign["\n"]] = -2 * OPEN
        layer.parameter("W.xi")[[line, brackets], sign["\n"]] = -2 * OPEN
        layer.parameter("W.xi")[latch, sign["\n"]] = 2 * OPEN
        layer.parameter("W.xg")[latch, sign["\n"]] = -30.0
        for opening, closing in ("()", "[]"):
            layer.parameter("W.xg")[brackets, sign[opening]] = DEPTH
            layer.parameter("W.xg")[brackets, sign[closing]] = -DEPTH
    return model, units
