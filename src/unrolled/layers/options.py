"""The options that every recurrent layer has, checked."""

from dataclasses import dataclass

from unrolled.errors import OptionError, OptionTypeError
from unrolled.layers.backends import BACKENDS


@dataclass(frozen=True)
class Options:
    """The options of a layer, checked."""

    input_size: int
    hidden_size: int
    num_layers: int
    batch_first: bool
    dropout: float
    bidirectional: bool
    backend: str = "auto"

    def check(self, layer: str) -> None:
        """Refuse what cannot be.

        Raises:
            OptionTypeError: An option has the wrong type.
            OptionError: An option has an impossible value.
        """
        for name in ("input_size", "hidden_size", "num_layers"):
            check_whole(layer, name, getattr(self, name), least=1)
        for name in ("batch_first", "bidirectional"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise wrong_type(layer, name, value, "True or False")
        if self.backend not in BACKENDS:
            wanted = "one of " + ", ".join(BACKENDS)
            raise OptionError(layer=layer, option="backend", got=self.backend, wanted=wanted)
        number = isinstance(self.dropout, int | float) and not isinstance(self.dropout, bool)
        if not number or not 0 <= self.dropout <= 1:
            wanted = "a number from 0 to 1"
            raise OptionError(layer=layer, option="dropout", got=self.dropout, wanted=wanted)


def check_whole(layer: str, option: str, value: object, *, least: int) -> None:
    """Refuse what is no whole number, or a smaller one.

    Raises:
        OptionTypeError: The value is no int.
        OptionError: The value is too small.
    """
    if type(value) is not int:
        raise wrong_type(layer, option, value, "a whole number")
    if value < least:
        raise OptionError(layer=layer, option=option, got=value, wanted=f"at least {least}")


def wrong_type(layer: str, option: str, value: object, wanted: str) -> OptionTypeError:
    """The error for a value of the wrong type."""
    kind = type(value).__name__
    return OptionTypeError(layer=layer, option=option, got=value, kind=kind, wanted=wanted)
