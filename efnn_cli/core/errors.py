"""Errors, one class for each exit code.

Every error a user can cause is an `EfnnError`: one sentence on what was wanted and what was
found, and a hint on what to type next. `failures.py` turns them into text.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path


class EfnnError(Exception):
    """Base of all foreseen failures; `code` is the exit code of the process."""

    code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(EfnnError):
    """A command, key or value that cannot be meant."""

    code = 2


class UnknownKey(ConfigError):
    """A key that the command does not have, with the value that was given to it."""

    def __init__(self, message: str, hint: str = "", key: str = "", value: str = "") -> None:
        super().__init__(message, hint)
        self.key = key
        self.value = value


class InputError(EfnnError):
    """A file or run that is missing, unreadable, foreign or of another Hamiltonian."""

    code = 3


class NumericalError(EfnnError):
    """A computation whose result cannot be trusted."""

    code = 4


class DeviceError(EfnnError):
    """A device that is not there, or too little memory on it."""

    code = 5


class Echo(EfnnError):
    """Failure that the main process reports for all ranks; this rank has the exit code only."""

    def __init__(self, code: int) -> None:
        super().__init__(f"ends with the others, exit code {code}")
        self.code = code


class ConflictError(EfnnError):
    """Something would be overwritten, or is in use by another process."""

    code = 6


class InUseError(ConflictError):
    """A run that another process is training."""


class OutputError(EfnnError):
    """The place for the output cannot be made or written (EX_IOERR of sysexits.h)."""

    code = 74


class Interrupted(BaseException):
    """Signal `signum` arrived where nothing waits for signals.

    No `Exception`, so that no library swallows it, and no `KeyboardInterrupt`, which Typer ends without a word.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(signum)  # which makes it whole again where it comes from another process
        self.signum = signum

    def __str__(self) -> str:
        return f"signal {self.signum}"


class Stopped(EfnnError):
    """An orderly end after signal `signum`; the exit code is 128 + signum, as shells expect."""

    def __init__(self, signum: int, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.signum = signum
        self.code = 128 + signum


@contextlib.contextmanager
def writing(path: Path, hint: str = "nothing was changed there") -> Iterator[None]:
    """Turn an `OSError` in the body into an `OutputError` that names `path`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"cannot write {path}: {reason}", hint) from error
