"""Every mistake that the package reports, one class each: what came, what was wanted, what to do.

A class carries its message as a template; whoever raises it gives the facts by name. The command
prints the message and exits with 2; in Python each class is also a subclass of the built-in error
that torch or Python would raise for the same mistake.
"""

from typing import Any


class UnrolledError(Exception):
    """A mistake that the message explains; the root of all classes in this file."""

    template = "{message}"

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        super().__init__(self.template.format(**facts))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.facts)


def _rebuild(kind: type[UnrolledError], facts: dict[str, Any]) -> UnrolledError:
    return kind(**facts)


# Texts and data sets


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
        "Give a text, or read it byte by byte with --bytes."
    )


class TextEncodingError(UnrolledError, ValueError):
    """The bytes of a text are not of the encoding in which it is read."""

    template = (
        "{path} is no {encoding} text: {problem}. "
        "Say what it is, perhaps --encoding {guess}, or read it byte by byte with --bytes."
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


class CacheFolderError(UnrolledError, OSError):
    """The folder for what can be made or fetched again cannot be used."""

    template = (
        "The cache folder {path} cannot be used: {reason}. "
        "Set UNROLLED_CACHE to a folder that can be written."
    )


class NoPipError(UnrolledError, RuntimeError):
    """This Python has no pip to fetch with."""

    template = (
        "{project} {version} is fetched with pip, which {python} does not have. "
        "`{python} -m ensurepip` brings it."
    )


class DownloadError(UnrolledError, RuntimeError):
    """Pip could not fetch a file."""

    template = (
        "{project} {version} could not be fetched; pip says: {reason}. "
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


# Runs and checkpoints


class NotARunError(UnrolledError, FileNotFoundError):
    """The folder holds no run."""

    template = (
        "{path} is not a run folder: it has no config.json. "
        "`unrolled train` prints the folder it makes."
    )


class RunExistsError(UnrolledError, FileExistsError):
    """A new run was asked for in a folder that already holds something."""

    template = (
        "{path} already holds {found!r}, and a new run wants a folder of its own. "
        "Choose another folder, or resume the run in this one."
    )


class RunLockedError(UnrolledError, BlockingIOError):
    """Another process is writing this run."""

    template = (
        "{path} is being written by {holder}, and two writers would ruin the run. "
        "Wait until that process has ended, or end it."
    )


class RunClosedError(UnrolledError, ValueError):
    """A run folder was used after it had been closed."""

    template = "The run {path} is closed and its lock given back. Open it again with open_run."


class SaveFailedError(UnrolledError, OSError):
    """The disk refused; what was saved before is as it was."""

    template = "{path} could not be written: {reason}. {advice} What was saved before is untouched."


class PruneFailedError(SaveFailedError):
    """The checkpoint is saved; only the removal of older ones did not work."""

    template = (
        "{path} is saved, but older checkpoints could not be removed: {reason}. {advice} "
        "The next save tries again."
    )


class NoCheckpointError(UnrolledError, FileNotFoundError):
    """The run has no such checkpoint."""

    template = "{path} has no checkpoint {which!r}. It has: {found}."


class DamagedFileError(UnrolledError, ValueError):
    """A file of a run is missing, cut short, changed, or not what its name says."""

    template = "{path} {damage}."


class DamagedCheckpointError(UnrolledError, ValueError):
    """A checkpoint is not, byte for byte, what was saved."""

    template = "{path} {damage}. {remedy}"


class NewerFormatError(UnrolledError, ValueError):
    """A file was written by a later version, in a form that this one cannot know."""

    template = (
        "{path} has format {format}, written by unrolled {writer}; unrolled {ours} reads formats "
        "up to {known}. Upgrade: pip install --upgrade unrolled."
    )


class NotJsonError(UnrolledError, TypeError):
    """A value that a JSON file cannot hold."""

    template = (
        "{place} is a {kind}, which JSON cannot hold. "
        "Give None, bool, int, float, str, and lists and dicts (with str keys) of these."
    )


class RecordTooLongError(UnrolledError, ValueError):
    """A record that has outgrown the size up to which JSON is read back."""

    template = (
        "{place} takes {size:,} bytes as JSON, and at most {limit:,} are read back. "
        "Keep large data as tensors."
    )


class MetricsStepError(UnrolledError, ValueError):
    """A line of metrics that does not say at which step it was measured."""

    template = 'A line of metrics needs "step", a whole number from 0; got step={step!r} in {keys}.'


class UnstorableTensorError(UnrolledError, ValueError):
    """A tensor of a kind that safetensors cannot hold."""

    template = (
        "Tensor {name!r} ({kind}) cannot be saved: {obstacle}. "
        "Give it as a dense tensor of a plain number type, under another name if need be."
    )


class ForeignWeightsError(UnrolledError, RuntimeError):
    """Weights that were saved from another model."""

    template = (
        "These weights are not of this {module}:{differences}\n"
        "Build the model with the settings that the weights were trained with."
    )


class ForeignOptimizerError(UnrolledError, ValueError):
    """The state of another optimizer, or of one for other parameters."""

    template = (
        "The saved state is of {saved}, and this optimizer is {ours}. "
        "Build the model and the optimizer with the settings of the run that saved it."
    )


class ForeignStateError(UnrolledError, ValueError):
    """A saved state that is not of the kind wanted."""

    template = (
        "The saved state {problem}. "
        "Resume with the settings, and on the kind of machine, that the run was saved with."
    )


# The equation language


class EquationError(UnrolledError, SyntaxError):
    """A line of a cell is no equation of the language."""

    template = "cell {cell}: {reason}\n{place}"


class WordOutsideCellError(UnrolledError, TypeError):
    """A word of the language was called with something that is no node."""

    template = (
        "{word}() got a {kind}: it is a word of the equation language, read inside @cell and never "
        "executed. On tensors use torch.{word}."
    )


class MaskRateError(UnrolledError, ValueError):
    """A mask is declared with an impossible rate or period."""

    template = (
        'a mask got rate={rate} per="{per}"; wanted 0 <= rate < 1 and per "step" or "sequence".'
    )


class NoParametersError(UnrolledError, TypeError):
    """A stored cell was asked for other parameters."""

    template = (
        "cell {cell} was read from a stored graph, whose parameters are fixed; "
        "call the cell of the gallery or of your file instead."
    )


class UnknownParameterError(UnrolledError, TypeError):
    """A cell was called with a parameter that its signature does not declare."""

    template = (
        "cell {cell} has no parameter {name} of that kind; its signature declares: {known}. "
        "A mask is changed by a mask, a constant by a number."
    )


class CellSourceError(UnrolledError, OSError):
    """Python does not know the text of a function."""

    template = (
        "no text of a plain `def {name}` can be found, and @cell reads text. Write a `def` in a "
        "file or a notebook: a bare python prompt and exec keep no text, and a class, a lambda or "
        "an async def is no cell."
    )


class CellFileError(UnrolledError, OSError):
    """A file of cells cannot be read."""

    template = "cannot read cells from {path}: {reason}. Wanted: a Python file; FILE.py:name."


class CellNotInFileError(UnrolledError, LookupError):
    """A file has no cell of that name."""

    template = (
        "{path} has no cell {name!r}; its functions under @cell are: {found}. "
        "Use FILE.py:name with one of those."
    )


class DecoratorError(UnrolledError, SyntaxError):
    """A decorator or a default that is not plain data, in a file that is read and not executed."""

    template = (
        "a file's cells are read without executing it, so @cell(init={{...}}, widths={{...}}) and "
        "defaults are plain numbers, texts, dropout(0.2) or zone(0.1)\n{place}"
    )


class OtherDecoratorError(UnrolledError, SyntaxError):
    """A function stands under another decorator, which @cell would silently ignore."""

    template = (
        "cell {cell}: @cell reads what is written under `def`, so another decorator between the "
        "two would be ignored. Remove it.\n{place}"
    )


class MaskTakenError(UnrolledError, ValueError):
    """A wrapper's masks would be named like something that the cell has already."""

    template = (
        "{wrapper} names its masks {names}, and cell {cell} has {taken} already. "
        "Wrap a cell only once so, or rename what is yours."
    )


class StoredCellError(UnrolledError, ValueError):
    """A stored graph is none that this version wrote."""

    template = (
        "the stored cell cannot be read: {reason}. "
        "The run's config.json was damaged or made by hand."
    )


# Widths, shapes, dtypes


class WidthError(UnrolledError, ValueError):
    """The widths of an equation can never agree."""

    template = "cell {cell}: {reason}\n{place}"


class OpenWidthError(UnrolledError, ValueError):
    """A width is a symbol of the cell's own, and nobody said how large it is."""

    template = (
        "cell {cell}: the width {symbol} follows from no equation and was not given. "
        'Give it to the layer, sizes={{"{symbol}": ...}}, or declare it with @cell(widths=...).'
    )


class FreeWidthError(UnrolledError, ValueError):
    """Nothing in the equations says how wide a vector is."""

    template = (
        "cell {cell}: no equation says how wide {name} is. Use it beside something whose width is "
        'known, or give it a name, a = {name}, and declare @cell(widths={{"a": "H"}}).\n{place}'
    )


class SizeError(UnrolledError, ValueError):
    """The sizes given to a layer break an equation's widths."""

    template = "cell {cell} needs {left} = {right}, got {sizes}.{hint}\n{place}"


# The gallery


class UnknownCellError(UnrolledError, LookupError):
    """No cell has that name."""

    template = (
        "no cell is named {name}. {hint} `unrolled cell` lists them; your own is FILE.py:name."
    )


# Layers


class ShapeError(UnrolledError, RuntimeError, ValueError):
    """A tensor has the wrong shape."""

    template = "{layer} got x of shape {shape}: {problem}."


class LengthsError(UnrolledError, RuntimeError, ValueError):
    """Lengths do not fit the input."""

    template = "{layer} got {got}. Wanted one whole number from 0 to T for each sequence."


class StateError(UnrolledError, RuntimeError, ValueError):
    """A first state does not fit the cell or the batch."""

    template = (
        "{cell} has the states {names}; got {got}, wanted shapes {wanted} (layers*directions, "
        "batch, width; without the batch for an unbatched input). None starts from zeros."
    )


class DtypeError(UnrolledError, ValueError, RuntimeError):
    """Input and weights differ in dtype."""

    template = (
        "{layer} got {tensor} of dtype {got}, but its weights are {wanted}. "
        "Convert one: {tensor}.to({wanted}), or layer.to({got})."
    )


class DeviceError(UnrolledError, RuntimeError):
    """Input and weights lie on different devices."""

    template = (
        "{layer} got {tensor} on {got}, but its weights are on {wanted}. "
        "Move one: {tensor}.to({wanted!r})."
    )


class OptionError(UnrolledError, ValueError):
    """A layer's option has an impossible value."""

    template = "{layer} got {option}={got!r}; wanted {wanted}."


class OptionTypeError(UnrolledError, TypeError):
    """A layer's option has the wrong type."""

    template = "{layer} got {option}={got!r} of type {kind}; wanted {wanted}."


class UnknownNameError(UnrolledError, LookupError):
    """A cell has no parameter, or no equation, of that name."""

    template = "{cell} has no {kind} {name!r}; it has {known}."


class RecordError(UnrolledError, ValueError):
    """A recorded value has another width in another layer."""

    template = (
        "{name} cannot be recorded: it is {widths} wide, layer by layer, and recorded values are "
        "stacked. Give input_size the width of the layers above, or record in one layer alone."
    )


class ConvertError(UnrolledError, TypeError):
    """A module cannot be exchanged for ours."""

    template = "cannot convert {module}: {reason}."


# Models


class SamplingError(UnrolledError, ValueError):
    """An impossible way to choose the next symbol."""

    template = "{option}={got} cannot be; wanted {wanted}."


# Training


class SettingError(UnrolledError, ValueError):
    """A setting has an impossible value."""

    template = "{name}={got} cannot be; wanted {wanted}."


class DivergedError(UnrolledError, ArithmeticError):
    """The loss or the gradient is no longer a number."""

    template = (
        "training diverged at step {step}: loss {loss}, gradient norm {norm}. The last good "
        "checkpoint is kept in {run}. Try a smaller --learning-rate or --clip-norm."
    )


class ModelTooLargeError(UnrolledError, MemoryError):
    """A model for which there is no room."""

    template = (
        "training this model takes {needed} for its weights, their gradients and the optimizer, "
        "and {device} has {there}. Choose a smaller --hidden-size or --embedding-size, or fewer "
        "--num-layers."
    )


class MissingExtraError(UnrolledError, ImportError):
    """An optional package is not installed."""

    template = (
        "{what} need the package {package}, which is not installed: pip install 'unrolled[{extra}]'"
    )


# Tasks


class UnknownTaskError(UnrolledError, LookupError):
    """No task has that name."""

    template = "no task is named {name!r}; there are: {known}. `unrolled train --help` lists them."


class DataChangedError(UnrolledError, ValueError):
    """A run's text is no longer the one that it was trained on."""

    template = (
        "the text {name} has changed since this run began (fingerprint {was}..., now {now}...). "
        "Put the old text back, or train a new run on the new one."
    )


class StoredSettingsError(UnrolledError, ValueError):
    """A run's settings cannot be read back."""

    template = (
        "the settings in {path}/config.json cannot be read: {problem}. "
        "The file was damaged, made by hand, or written by another version."
    )


class NoDeviceError(UnrolledError, RuntimeError):
    """The device to compute on is not here."""

    template = "cannot compute on {device!r}: {reason}. Use --device cpu, or auto."
