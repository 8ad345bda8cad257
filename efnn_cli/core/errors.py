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
    """Unknown command or key, or a value out of range."""

    code = 2


class UnknownKey(ConfigError):
    """Unknown key of a command, with its value."""

    def __init__(self, message: str, hint: str = "", key: str = "", value: str = "") -> None:
        super().__init__(message, hint)
        self.key = key
        self.value = value


class InputError(EfnnError):
    """Missing, unreadable or foreign file or run, or one of another Hamiltonian."""

    code = 3


class NumericalError(EfnnError):
    """Computation whose result cannot be trusted."""

    code = 4


class DeviceError(EfnnError):
    """Missing device, or too little memory on it."""

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
    """Run that another process is training."""


class OutputError(EfnnError):
    """Output place that cannot be made or written (EX_IOERR of sysexits.h)."""

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
    """Orderly end after signal `signum`; the exit code is 128 + signum, as in shells."""

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
