"""Mistakes in looking inside a network."""

from unrolled.errors.root import UnrolledError


class NothingToRecordError(UnrolledError, ValueError):
    """A network has no recurrent layer that can be looked into."""

    template = (
        "{network} holds none of our recurrent layers. "
        "If it holds torch's, give unrolled.convert(network)."
    )


class NotCausalError(UnrolledError, ValueError):
    """A layer reads its text backwards, too, so that its state says what comes."""

    template = (
        "The layer {layer} runs in both directions. "
        "A text is read from its start to its end: give a network with bidirectional=False."
    )


class CalledAgainError(UnrolledError, RuntimeError):
    """A network calls one layer twice for one input, so that its state has no single course."""

    template = (
        "The network called its layer {layer} more than once for one piece of text. "
        "Give each call a layer of its own."
    )


class ForeignOutputError(UnrolledError, ValueError):
    """What a network returns is no scores of the next symbol."""

    template = (
        "The network returned {got} for symbols of shape {given}; wanted their scores (logits), "
        "{wanted} x vocabulary, alone or first in a tuple."
    )


class NoRoomError(UnrolledError, OSError):
    """The values to record do not fit on the disk."""

    template = (
        "Recording {values} needs {needed} at {folder}, where {free} are free. "
        "Record fewer names or a shorter text, or name another folder."
    )


class NotPythonError(UnrolledError, ValueError):
    """A text that is to be read as Python is something else."""

    template = (
        "Python's tokenizer stumbled {starts} times before line {line}, so this is no Python. "
        "Read it as another language."
    )
