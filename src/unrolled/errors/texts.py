"""Mistakes in texts, alphabets, and in fetching named sets."""

from unrolled.errors.root import UnrolledError


class TextNotFoundError(UnrolledError, FileNotFoundError):
    """The text to read is not there."""

    template = (
        "No text at {path}.{hint} "
        "Give a file, a folder of text files, or a named set (`unrolled data` lists them)."
    )


class UnreadableTextError(UnrolledError, OSError):
    """A text is there, but the system does not let it be read."""

    template = "{path} cannot be read: {reason}. Mend its permissions, or give a copy."


class NotAFileError(UnrolledError, OSError):
    """A text must be read twice, which a device or a pipe does not allow."""

    template = "{path} is a {kind}, and a text must be a file or a folder. Save it to a file first."


class EmptyTextError(UnrolledError, ValueError):
    """There is nothing in the text."""

    template = "{path} {emptiness}. Give a text with something in it."


class OneSymbolError(UnrolledError, ValueError):
    """A text in which every character is the same."""

    template = (
        "{path} holds {count} times {symbol} and nothing else, so there is nothing to predict. "
        "Give a text with at least two different characters."
    )


class BinaryTextError(UnrolledError, ValueError):
    """A file that was given as text holds a NUL."""

    template = (
        "{path} is no {encoding} text: it holds a NUL at byte {offset}. "
        "Give a text; char-lm alone reads any bytes (--bytes)."
    )


class TextEncodingError(UnrolledError, ValueError):
    """The bytes of a text are not of the encoding in which it is read."""

    template = (
        "{path} is no {encoding} text: {problem}. "
        "Say what it is, perhaps --encoding {guess}; char-lm alone reads any bytes (--bytes)."
    )


class LineError(UnrolledError, ValueError):
    """A line of standard input cannot be answered."""

    template = "line {line} of standard input: {problem}"


class UndecodedError(UnrolledError, ValueError):
    """What stands in a pipe is of another encoding than is read there."""

    template = (
        "byte 0x{byte:02x} fits no character of {encoding}. Convert the text first, perhaps with "
        "`iconv -f latin-1 -t {encoding}`."
    )


class UnknownEncodingError(UnrolledError, LookupError):
    """Python has no text encoding of that name."""

    template = "No text encoding is called {encoding}.{hint} Common ones: utf-8, latin-1, utf-16."


class TextChangedError(UnrolledError, RuntimeError):
    """A text was written to while it was read."""

    template = "{path} changed while it was read. Read it again when nothing writes to it."


class TextTooShortError(UnrolledError, ValueError):
    """A text, or a part of one, is shorter than its use needs."""

    template = (
        "The text has {length} characters, but {purpose} needs at least {least}. Give a longer one."
    )


class SplitError(UnrolledError, ValueError):
    """Shares of a text that leave nothing to train on."""

    template = (
        "validation={validation} and test={test} are no shares of a text: "
        "each is at least 0, and together they are below 1."
    )


class AlphabetError(UnrolledError, ValueError):
    """Something that is not a list of characters in order."""

    template = (
        'No alphabet: {problem}. Wanted: "bytes", or a list of single characters in the order of '
        "their code points."
    )


class AlphabetKindError(UnrolledError, ValueError):
    """A text is to be read as bytes, for an alphabet of characters."""

    template = (
        "The alphabet given has {size} characters, so the text cannot be read as bytes for it. "
        "Leave --bytes away, or train on bytes."
    )


class UnknownCharactersError(UnrolledError, ValueError):
    """A text holds characters that an alphabet lacks."""

    template = (
        "{number} characters of the text are not among the {size} of the alphabet: {listed}. "
        "Replace them, or train on a text that has them."
    )


class SymbolNumberError(UnrolledError, ValueError):
    """Numbers that are no places in the alphabet."""

    template = (
        "Symbols run from {least} to {greatest}, but an alphabet of {size} has 0 to {last} only. "
        "Take the alphabet that the text was encoded with."
    )


class ContextOrderError(UnrolledError, ValueError):
    """An n-gram model of no symbols."""

    template = (
        "order={order} is no order of an n-gram model: it counts runs of 1, 2, 3 ... symbols."
    )


class UnknownSetError(UnrolledError, LookupError):
    """No set of that name."""

    template = "No set is called {name}.{hint} The sets are: {known}."


class SetKindError(UnrolledError, ValueError):
    """A named set is made of something else than what is wanted."""

    template = "The set {name} has {kind}; here a set with {wanted} is wanted: {known}."


class CacheFolderError(UnrolledError, OSError):
    """The folder for what can be made or fetched again cannot be used."""

    template = (
        "The cache folder {path} cannot be used: {reason}. "
        "Set UNROLLED_CACHE to a folder that can be written."
    )


class NoClientError(UnrolledError, RuntimeError):
    """The program that would fetch a package is not there, or does not start."""

    template = "{project} {version} is fetched with {client}, which {problem}. {remedy}"


class DownloadError(UnrolledError, RuntimeError):
    """A client could not fetch a package."""

    template = (
        "{project} {version} could not be fetched; {client} says: {reason}. "
        "See that this machine reaches your package index, and try again."
    )


class HashMismatchError(UnrolledError, ValueError):
    """A fetched file is not the one that was pinned."""

    template = (
        "{project} {version} is not the file that was pinned, and nothing of it was used. "
        "Expected SHA-256 {expected}, got {got}. Ask your package index what it serves."
    )


class ArchiveError(UnrolledError, ValueError):
    """An archive is damaged, a trap, or lacks what it should hold."""

    template = "{path} was not unpacked: {problem}. Nothing of it was kept."
