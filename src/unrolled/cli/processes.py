"""The command in several processes that torchrun has started: they train as one, one speaks.

torchrun ends all processes as soon as one has failed. So one that fails first lets the first speak.
"""

import io
import os
import signal
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING

from unrolled.training.launch import count_processes

if TYPE_CHECKING:
    from unrolled.training.group import Group

TOGETHER = ("train", "resume")  # verbs that several processes do together; others the first alone
_WAIT = 5.0  # seconds for the first process to say what has happened


def in_one_voice(given: list[str], work: Callable[[list[str]], int]) -> int:
    """Do what the command does; the exit code.

    Args:
        given: What was typed after `unrolled`.
        work: What does it in one process, and says on the standard streams what came of it.

    Raises:
        LaunchError: The environment says of several processes what does not fit together.
    """
    if count_processes() == 1:
        return work(given)
    if given[:1] and given[0] in TOGETHER:
        from unrolled.training.group import join  # torch, before the flags are known to be right

        group = join()
        return _lead(group, given, work) if group.is_first else _follow(group, given, work)
    return work(given) if os.environ.get("RANK") == "0" else 0


def _lead(group: "Group", given: list[str], work: Callable[[list[str]], int]) -> int:
    try:
        return work(given)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        group.leave_word()


def _follow(group: "Group", given: list[str], work: Callable[[list[str]], int]) -> int:
    """What this process would say is said only if it fails and the first one says nothing."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        code = _code(given, work)
    if code:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        group.leave_word(f"\n{said.getvalue().strip()}".rpartition("\nunrolled: ")[2])
        group.leave()
        if not group.hears_the_first(_WAIT):
            sys.stderr.write(said.getvalue())
    return code


def _code(given: list[str], work: Callable[[list[str]], int]) -> int:
    try:
        return work(given)
    except SystemExit as end:  # flags that are wrong, or --help
        return end.code if isinstance(end.code, int) else 1
