"""The command `unrolled`: a table of verbs; each verb's file is loaded when it is used.

`main` finds the verb and turns our errors into one message and exit code 2. Nothing that imports
torch is imported before the arguments are known to be right.
"""

import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from unrolled import __version__
from unrolled.cli.processes import in_one_voice
from unrolled.cli.progress import complain
from unrolled.errors import LaunchError, SamplingError, SettingError, UnrolledError

VERBS = {
    "train": "train a model: unrolled train char-lm [FILE|FOLDER|SET], or on a toy task",
    "resume": "go on with a run that was stopped, or for longer",
    "generate": "let a trained model write on, label, tag, translate or forecast",
    "evaluate": "measure a trained model on held-out data, or on a file",
    "export": "write a trained model as an ONNX file that onnxruntime runs, and check it",
    "look": "look inside trained models: what units follow, what words weigh, what is attended to",
    "cell": "list the recurrent cells, or print one: equations, LaTeX, parameters",
    "data": "list the named sets, or fetch one",
    "bench": "our layers beside every peer that is installed: side by side, one run",
}

USAGE = f"""unrolled {__version__}: recurrent networks from their equations.

usage: unrolled VERB [ARGUMENTS]   (unrolled VERB --help explains each)

{chr(10).join(f"  {verb:<10} {summary}" for verb, summary in VERBS.items())}

begin with:
  unrolled train char-lm                      learn Python's own standard library, 5 minutes
  unrolled train char-lm book.txt --minutes 2
  unrolled generate runs/char-lm-lstm "def "
"""

NAMED = {SettingError: "name", SamplingError: "option"}  # what errors say of a flag: its name
NO_FLAGS = (None, "DATA", "data", "file", "input", "prime", "scores")  # given by place, or found

OK, MISTAKE, INTERRUPTED, TERMINATED = 0, 2, 130, 143


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code.

    Args:
        arguments: What was typed after `unrolled`; None takes it from the process.
    """
    try:
        return in_one_voice(list(sys.argv[1:] if arguments is None else arguments), _run)
    except LaunchError as error:
        return _refuse(error)


def _run(given: list[str]) -> int:
    _show_everything()
    try:
        code = _dispatch(given)
        sys.stdout.flush()
        return code
    except UnrolledError as error:
        return _refuse(_in_flags(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our pipe has left: nothing more to say, nothing wrong
        return OK
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        return _refuse(f"the system refuses: {error.strerror or error}{where}.")
    finally:
        _let_go()


def _in_flags(error: UnrolledError) -> str:
    """The message, in which a setting is called as it is typed here."""
    fact = NAMED.get(type(error), "")
    name = error.facts.get(fact)
    if name in NO_FLAGS:
        return str(error)
    return error.template.format(**{**error.facts, fact: f"--{name.replace('_', '-')}"})


def _refuse(message: object) -> int:
    complain(message)
    return MISTAKE


def _let_go() -> None:
    """Let no stream that nobody takes from spoil the exit code when Python closes it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _show_everything() -> None:
    """Let standard output escape the characters that its encoding lacks, as errors do."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _dispatch(given: list[str]) -> int:
    verb = given[0] if given else "--help"
    if verb in ("-h", "--help", "help"):
        print(USAGE, end="")
        return OK
    if verb in ("-V", "--version"):
        print(f"unrolled {__version__}")
        return OK
    if verb not in VERBS:
        known = ", ".join(VERBS)
        return _refuse(f"no verb {verb!r}; there are: {known}")
    run: Callable[[list[str]], int] = import_module(f"unrolled.cli.{verb}").run
    return run(given[1:])
