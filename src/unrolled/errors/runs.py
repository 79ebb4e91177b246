"""What can go wrong with a run on disk."""

from unrolled.errors.root import UnrolledError


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
        "Choose another folder, or {remedy}."
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
