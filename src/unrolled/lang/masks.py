"""Random masks: a cell declares them in its signature, the layer draws them."""

from dataclasses import dataclass
from typing import Literal

from unrolled.errors import MaskRateError


@dataclass(frozen=True)
class Mask:
    """A random vector that a cell takes as an input.

    `kind` "dropout" is 0 with probability `rate`, else 1/(1-rate), and 1 at evaluation; "zoneout"
    is 1 with probability `rate`, else 0, and `rate` itself at evaluation. `per` "step" draws a new
    one at each time step, "sequence" keeps one for the whole sequence.
    """

    kind: Literal["dropout", "zoneout"]
    rate: float
    per: Literal["step", "sequence"]

    def __post_init__(self) -> None:
        if not _is_rate(self.rate) or self.per not in ("step", "sequence"):
            raise MaskRateError(rate=self.rate, per=self.per)

    @property
    def at_evaluation(self) -> float:
        """The mask's expectation, which stands for it once training is over."""
        return 1.0 if self.kind == "dropout" else self.rate


def _is_rate(rate: object) -> bool:
    return isinstance(rate, int | float) and not isinstance(rate, bool) and 0 <= rate < 1


def dropout(rate: float, *, per: Literal["step", "sequence"] = "step") -> Mask:
    """A mask that drops values (Srivastava et al. 2014): `m=dropout(0.25, per="sequence")`.

    Args:
        rate: Probability of dropping, 0 <= rate < 1.
        per: Draw one per "step", or one per "sequence" (Gal and Ghahramani 2016).
    """
    return Mask("dropout", rate, per)


def zone(rate: float, *, per: Literal["step", "sequence"] = "step") -> Mask:
    """A mask that keeps old values (Krueger et al. 2017): `d=zone(0.1)`.

    Args:
        rate: Probability of keeping the old value, 0 <= rate < 1.
        per: Draw one per "step" or one per "sequence".
    """
    return Mask("zoneout", rate, per)


MASKS = {"dropout": dropout, "zone": zone}
