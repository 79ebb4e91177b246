"""Mistakes in what a layer is given, and in how a model is asked."""

from unrolled.errors.root import UnrolledError


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


class BackendError(UnrolledError, RuntimeError):
    """A backend that was asked for by name cannot run this."""

    template = (
        'backend={backend!r} cannot run {layer}: {reason}. backend="auto" may choose another.'
    )


class UnknownNameError(UnrolledError, LookupError):
    """A cell has no parameter, or no equation, of that name."""

    template = "{cell} has no {kind} {name!r}; it has {known}."


class RecordError(UnrolledError, ValueError):
    """A recorded value has another width in another layer."""

    template = (
        "{name} cannot be recorded: it is {widths} wide, layer by layer, and recorded values are "
        "stacked. Give input_size the width of the layers above, or record in one layer alone."
    )


class NoGradientError(UnrolledError, ValueError):
    """Nothing flows back to a value whose gradient is to be recorded."""

    template = (
        "the gradient of {name} of {cell} cannot be recorded: it is a constant, one number a row, "
        "or the input itself (give x requires_grad for that). Name another equation."
    )


class ConvertError(UnrolledError, TypeError):
    """A module cannot be exchanged for ours."""

    template = "cannot convert {module}: {reason}."


class SamplingError(UnrolledError, ValueError):
    """An impossible way to choose the next symbol."""

    template = "{option}={got} cannot be; wanted {wanted}."


class TracedRunError(UnrolledError, RuntimeError, ValueError):
    """A compiled or exported layer is given at run time what does not fit its cell."""

    template = (
        "the traced cell {cell} got {got}; wanted {wanted}. Call the layer itself, untraced, to "
        "see which argument this is."
    )


class TrainingExportError(UnrolledError, RuntimeError):
    """A layer in training, which draws at random, cannot become a file."""

    template = (
        "{layer} is in training and draws {random} at random, which an ONNX file cannot. "
        "Call model.eval() before the export: then nothing is drawn."
    )


class OnnxError(UnrolledError, ValueError):
    """A model cannot become an ONNX file."""

    template = "{model} cannot become an ONNX file: {reason}."
