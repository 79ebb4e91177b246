"""What is wrong with series of numbers."""

from unrolled.errors.root import UnrolledError


class SeriesFileError(UnrolledError, ValueError):
    """A file does not hold series of numbers in a form that is read."""

    template = "{path} {problem}. Wanted: {wanted}."


class NumberError(UnrolledError, ValueError):
    """Something else stands where a number is wanted."""

    template = "{path}, {place} has {got} under {column!r}, where a number is wanted. {remedy}"


class SeriesNameError(UnrolledError, ValueError):
    """A row does not say of which series it is, or what that series is."""

    template = "{path}, {place} has nothing under {column!r}. Every row needs its series and label."


class SeriesLabelError(UnrolledError, ValueError):
    """A series has two labels."""

    template = (
        "{path}, {place} calls the series {name!r} {got!r}, and a row before it says {before!r}. "
        "Give each series one label."
    )


class SeriesTooShortError(UnrolledError, ValueError):
    """There are too few steps to look back on, or to forecast."""

    template = (
        "{name} has {rows:,} rows, which leaves no forecast for its {part} part: each reads "
        "{reach:,} steps and says {horizon:,}. Give longer series, a smaller --window, --season or "
        "--horizon, or other shares with --validation and --test."
    )
