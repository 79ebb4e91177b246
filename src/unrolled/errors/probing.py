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


class SteppedError(UnrolledError, TypeError):
    """A network takes a layer through time itself, step by step."""

    template = (
        "The network steps its layer {layer} through time itself. "
        "To be looked into, it must give whole pieces of text to layers (LSTM, not LSTMCell)."
    )


class OwnStateError(UnrolledError, ValueError):
    """A network gives a layer a state of its own in the middle of a text."""

    template = (
        "The network gave its layer {layer} a state that is not the one from which it started. "
        "The states go on from call to call by themselves: let it give None, or the same first "
        "state each time, for every row."
    )


class ForeignOutputError(UnrolledError, ValueError):
    """What a network returns is no scores of the next symbol."""

    template = (
        "The network returned {got} for symbols of shape {given}; wanted their scores (logits), "
        "{wanted} x vocabulary, alone or first in a tuple."
    )


class NoNumbersError(UnrolledError, ValueError):
    """A network's scores are no numbers."""

    template = (
        "The network's scores are no numbers from character {place} of the text on: it has "
        "diverged. Look at an earlier checkpoint, or train anew with a smaller learning rate."
    )


class VocabularySizeError(UnrolledError, ValueError):
    """A network scores another number of symbols than the vocabulary has."""

    template = (
        "The vocabulary has {vocabulary} symbols, but the network scores {scored}. "
        "Give all that it knows, in the order in which it numbers them."
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


class NoSuchPathError(UnrolledError, ValueError):
    """Gradients are to go through a state that no layer has."""

    template = "No layer of the network has a state {name!r}. Its states: {known}."


class LengthsDifferError(UnrolledError, ValueError):
    """A text and what a model says of its characters are of two lengths."""

    template = (
        "The text has {length} characters, but {name} has {got} numbers; wanted one for each."
    )


class TrackSpecError(UnrolledError, ValueError):
    """A track of the user's own is described as nothing that we know."""

    template = (
        "The track {spec} {problem}. Give NAME=REGEX, such as digits=[0-9]+, or FILE.py:function."
    )


class TrackPatternError(UnrolledError, ValueError):
    """The regular expression of a track is none."""

    template = (
        "Track {name}: the regular expression does not compile: {reason}{place}. "
        "Mend it; a sign that stands for itself has a backslash before it."
    )


class TrackGroupError(UnrolledError, ValueError):
    """Only the first group of a track's expression counts, and it is always empty."""

    template = (
        "Track {name}: the regular expression matches {count} times, but its first group never "
        "takes a character. Put the first group round what is to be marked, and write (?:...) "
        "for any other before it."
    )


class TrackFileError(UnrolledError, OSError):
    """The file of a track's function cannot be read."""

    template = "Track {name}: {path} cannot be read: {reason}. Wanted: FILE.py:function."


class TrackNameError(UnrolledError, LookupError):
    """A file has no function of the name that a track gives."""

    template = "{path} has no function {name}.{hint} Its functions: {known}."


class TrackFunctionError(UnrolledError, RuntimeError):
    """The user's own function of a text, or the file that it is in, failed."""

    template = (
        "Track {name}: {doing} raised {error} ({place}). "
        "Mend it; the function gets the text and nothing else."
    )


class TrackValuesError(UnrolledError, ValueError):
    """The user's own function returned something else than a number for each character."""

    template = (
        "Track {name}: {name}(text) returned {got}; wanted a list or a 1-D array of {wanted} "
        "booleans or finite numbers (float32), one for each character."
    )


class TrackTimeoutError(UnrolledError, TimeoutError):
    """A track of the user's own did not come to an end."""

    template = "Track {name} was ended after {seconds:g} seconds without a result. {advice}"


class TrackProcessError(UnrolledError, RuntimeError):
    """The process that makes a track broke down."""

    template = (
        "Track {name}: its process {problem}. What it printed stands above; if that does not say "
        "why, try a shorter text, which needs less memory."
    )


class NotLookableError(UnrolledError, ValueError):
    """A run is given to be looked into, and is of a kind that cannot be, or not with others."""

    template = (
        "{path} is a run of {kind}, which has no place here. `unrolled look` takes recurrent runs "
        "of char-lm, several side by side, or one run of sentiment, tag or translate."
    )


class TrackTwiceError(UnrolledError, ValueError):
    """Two tracks have one name."""

    template = "Two tracks are called {name!r}. Give yours another name."
