"""Errors as users see them: one message on stderr, and the exit code."""

from __future__ import annotations

import errno
import os
import signal
import sys

import typer

from efnn_cli.core import ranks
from efnn_cli.core.errors import (
    ConfigError,
    DeviceError,
    Echo,
    EfnnError,
    InputError,
    Interrupted,
    OutputError,
    Stopped,
)
from efnn_cli.core.resources import is_short
from efnn_cli.core.results import Failure, error_json
from efnn_cli.core.text import printable

GPU_FAILED = ("CUDA error", "CUDA driver error", "cuBLAS error", "cusolver error", "cuDNN error")
UNWRITABLE = (errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EFBIG)


def as_efnn_error(error: BaseException, command: str) -> EfnnError:
    """Return the error with message, hint and exit code that stands for `error` of `command`."""
    if isinstance(error, EfnnError):
        return error
    if not ranks.is_main() and isinstance(error, (typer.TyperException, Interrupted)):
        return Echo(
            2 if isinstance(error, typer.TyperException) else 128 + error.signum
        )  # every process has the same one
    if isinstance(error, typer.TyperException):
        hint = getattr(error, "hint", None) or f"efnn {command} --help".replace("  ", " ")
        return ConfigError(error.format_message() or "wanted a subcommand", hint)
    if isinstance(error, Interrupted):
        return Stopped(
            error.signum,
            f"stopped by {signal.Signals(error.signum).name}",
            "nothing is half written: the same command can be given again",
        )
    if is_short(error):
        return DeviceError(f"out of memory: {error}", "take a smaller lattice, batch or fewer workers")
    if type(error).__name__ == "AcceleratorError" or any(words in str(error) for words in GPU_FAILED):
        return DeviceError(f"the GPU failed: {str(error).splitlines()[0]}", "look with nvidia-smi, or use --device cpu")
    if isinstance(error, OSError) and error.errno in UNWRITABLE:
        return OutputError(f"cannot write {error.filename or 'the output'}: {error.strerror}")
    if isinstance(error, PermissionError):  # of reading: failures to write are OutputError already
        return InputError(f"{error.filename or 'a file'} cannot be read: {error.strerror}", "chmod u+rX lets you in")
    return EfnnError(
        f"a defect of efnn: {type(error).__name__}: {error}", "run it again with --debug and report the traceback"
    )


def report_error(error: EfnnError, command: str, *, as_json: bool) -> int:
    """Print the message on stderr, with --json also one object on stdout; returns the exit code."""
    if isinstance(error, Echo):
        return error.code
    who = "" if ranks.is_main() else f"rank {ranks.process().rank}: "
    print(f"error: {who}{printable(error.message)}", file=sys.stderr)
    if error.hint:
        print(f"  {printable(error.hint)}", file=sys.stderr)
    if as_json and not who:
        try:
            print(error_json(command, Failure(error.code, error.message, error.hint)), flush=True)
        except OSError:  # the reader is gone, or the disk is full
            drop_stdout()
    return error.code


def drop_stdout() -> None:
    """Discard what is still buffered for stdout: its reader is gone or its disk is full."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return
