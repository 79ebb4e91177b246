"""What is wrong with examples to learn from."""

from unrolled.errors.root import UnrolledError


class RowError(UnrolledError, ValueError):
    """A line or an entry of a file is not as its format has it."""

    template = "{path}, line {line} {problem}."


class ColumnError(UnrolledError, LookupError):
    """A file has no column of a name."""

    template = "{path} has no column {wanted}.{hint} Its columns: {known}.{remedy}"


class LanguageError(UnrolledError, LookupError):
    """Parallel files are not of the languages that are wanted, or these were not named."""

    template = (
        "Beside {stem} {problem}. There are: {known}. Name two of them with --source and --target."
    )


class UnequalLinesError(UnrolledError, ValueError):
    """Parallel files have not as many lines."""

    template = (
        "{stem}.{source} has {sources:,} lines, but {stem}.{target} has {targets:,}: "
        "line by line they must belong together."
    )


class NoExamplesError(UnrolledError, ValueError):
    """A part of a set has no examples."""

    template = (
        "{path}: a part has no examples ({counts}). Give a larger set, or other shares with "
        "--validation and --test."
    )


class TokenizerError(UnrolledError, ValueError):
    """What is stored as a tokenizer is none."""

    template = "This is no tokenizer: {problem}."


class OneLabelError(UnrolledError, ValueError):
    """All examples have the same label."""

    template = (
        "All examples to learn from have the label {label!r}: there is nothing to tell apart."
    )


class UnknownLabelError(UnrolledError, ValueError):
    """Examples have labels that a model never saw."""

    template = "The model never saw the labels {labels}. It knows: {known}."
