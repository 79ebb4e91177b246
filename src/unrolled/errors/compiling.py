"""What can go wrong between a cell's C text and the library that it becomes."""

from unrolled.errors.root import UnrolledError


class NoCompilerError(UnrolledError, RuntimeError):
    """This machine has no C compiler."""

    template = (
        "No C compiler: looked for {looked}. "
        'Install gcc or clang, or pip install "unrolled[cc]", or name a compiler in $CC.'
    )


class CompilerCommandError(UnrolledError, ValueError):
    """The environment names a compiler that is not there."""

    template = (
        "CC is {command!r}, and {problem}. "
        "Set CC to the command of a C compiler, or unset it to have one looked for."
    )


class CompilerFailedError(UnrolledError, RuntimeError):
    """The C compiler refused, crashed, or made nothing that can be loaded."""

    template = (
        "`{command}` {failure}: {output}\n"
        'Name another compiler in $CC, or compute without one: backend="eager".'
    )


class CompilerTimeoutError(UnrolledError, TimeoutError):
    """The C compiler did not come to an end."""

    template = (
        "`{command}` was ended after {seconds:g} seconds without a result. Try again when the "
        'machine is less busy, name another compiler in $CC, or take backend="eager".'
    )


class CacheError(UnrolledError, OSError):
    """The folder of compiled libraries cannot be used, or must not be trusted."""

    template = (
        "Compiled libraries cannot be kept in {path}: {reason}. "
        "Mend that, or set UNROLLED_CACHE to a folder that only you can write."
    )


class LibraryDamagedError(UnrolledError, ValueError):
    """A compiled library is not, byte for byte, what was compiled."""

    template = "{path} {damage}, and is not loaded. It is compiled again."
