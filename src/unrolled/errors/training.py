"""What can go wrong in training, and in the settings of a task."""

from unrolled.errors.root import UnrolledError


class SettingError(UnrolledError, ValueError):
    """A setting has an impossible value."""

    template = "{name}={got} cannot be; wanted {wanted}."


class DivergedError(UnrolledError, ArithmeticError):
    """The loss or the gradient is no longer a number."""

    template = (
        "training diverged at step {step}: loss {loss}, gradient norm {norm}. The last good "
        "checkpoint is kept in {run}. Try a smaller --learning-rate or --clip-norm."
    )


class ProcessGoneError(UnrolledError, RuntimeError):
    """One of the processes that train together has ended."""

    template = "another of the {size} processes has gone ({why}), so this one ends too. {remedy}"


class LaunchError(UnrolledError, RuntimeError):
    """The environment says of several processes what does not fit together."""

    template = (
        "{problem}. torchrun sets WORLD_SIZE, RANK, MASTER_ADDR and MASTER_PORT: start all "
        "processes with it, or unset WORLD_SIZE to work in one."
    )


class FewSequencesError(UnrolledError, ValueError):
    """More processes than there are sequences to share out."""

    template = (
        "{size} processes cannot share a batch of {sequences}: each takes a sequence or more. "
        "Start fewer processes, or choose a greater --batch-size (a text is cut into no more "
        "streams than have --bptt characters each)."
    )


class LearnerError(UnrolledError, TypeError):
    """A model cannot be trained by C alone."""

    template = (
        "C alone cannot train this model of {model}; wanted {wanted}. `unrolled.train`, or torch's "
        "own loop, trains any."
    )


class ModelTooLargeError(UnrolledError, MemoryError):
    """A model for which there is no room."""

    template = (
        "training this model takes {needed} for its weights, their gradients and the optimizer, "
        "and {device} has {there}. Choose a smaller --hidden-size or --embedding-size, or fewer "
        "--num-layers."
    )


class OmegaCellError(UnrolledError, ValueError):
    """Omega is asked of a cell for which it is not defined."""

    template = (
        "Omega is of cells h = f(W.hh @ h + ...), f being tanh, relu or sigmoid, with no other way "
        "from h to h; {cell} {problem}. Train rnn or rnn_relu, or leave --omega at 0."
    )


class NothingToGenerateError(UnrolledError, TypeError):
    """A run is to generate, and its task answers instead."""

    template = (
        "a run of {task} generates nothing: it reads a sequence and answers. "
        "`unrolled evaluate {path}` says how well."
    )


class NotExportableError(UnrolledError, TypeError):
    """A run is to become a file, and its task does not say how."""

    template = (
        "{path} is a run of {task}, which says of no call what goes in and comes out; runs of "
        "char-lm, sentiment, tag and the toy tasks become ONNX files. "
        "`unrolled.export_onnx(open_run(...).model, example, FILE)` writes any model."
    )


class ExportDiffersError(UnrolledError, ArithmeticError):
    """onnxruntime computes something else than the model that was written."""

    template = (
        "{file} was not kept: in {output}, onnxruntime {version} is {apart:.1e} from torch (of 1, "
        "or of the greatest number), and {within:.0e} is allowed; given {shapes}. "
        "Try another version of onnxruntime, and report the cell."
    )


class MissingExtraError(UnrolledError, ImportError):
    """An optional package is not installed."""

    template = (
        "{what} need the package {package}, which is not installed: pip install 'unrolled[{extra}]'"
    )


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

    template = "cannot compute on {device!r}: {reason}. {remedy}"
