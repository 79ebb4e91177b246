"""What can go wrong in training a model of one's own with `unrolled.fit`."""

from unrolled.errors.root import UnrolledError


class OwnModelError(UnrolledError, TypeError):
    """What is given as a model cannot be trained."""

    template = "unrolled.fit cannot train {model}: it {problem}. {remedy}"


class LoaderError(UnrolledError, ValueError):
    """What is given as a loader does not give its batches pass by pass."""

    template = (
        "the {part} {loader} cannot be read pass by pass: it {problem}. Give a DataLoader, a list "
        "of batches, or anything that has a length and can be iterated again and again."
    )


class OwnFunctionError(UnrolledError, TypeError):
    """What is given as a loss or a metric is no function of a model and a batch."""

    template = (
        "unrolled.fit calls {name}({arguments}), and {got} is no function of these. "
        "Give one that calls the model itself: {example}"
    )


class LossError(UnrolledError, TypeError):
    """A function of one's own gives something that is no loss, or no share of wrong ones."""

    template = "{function} gave {got}; wanted {wanted}."


class UnknownSettingError(UnrolledError, TypeError):
    """A setting that there is not."""

    template = "unrolled.fit has no setting {name}: {hint}"


class ChangedRunError(UnrolledError, ValueError):
    """A run is to go on with something else than what it was begun with."""

    template = (
        "the run in {run} would not go on as it was: {differences}. "
        "Give what it was begun with, or begin another run in a folder of its own."
    )


class OwnProgramError(UnrolledError, TypeError):
    """The command is given a run whose model and data are in a program."""

    template = (
        "{path} is a run of unrolled.fit: its model, loader and loss are in the program that began "
        "it, which alone can evaluate it or go on with it, by "
        "unrolled.fit(model, loader, loss, out='{path}', resume=True)."
    )
