"""Mistakes in equations, in widths, and in the names of cells."""

from unrolled.errors.root import UnrolledError


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


class UnknownCellError(UnrolledError, LookupError):
    """No cell has that name."""

    template = (
        "no cell is named {name}. {hint} `unrolled cell` lists them; your own is FILE.py:name."
    )
