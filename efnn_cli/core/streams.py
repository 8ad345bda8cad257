"""stdin, stdout and stderr as they should have been handed over.

What is said on stderr is never worth the work that it tells of: a full disk under a log, or a reader that has gone,
ends no training. A result that cannot be shown on stdout is a failure (see `cli/execution.py`).
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any


def secure_streams() -> None:
    """Open what was closed, take every sign, and let stderr fail without a word."""
    _open_closed()
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files that the encoding lacks
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    raw = io.BufferedWriter(_Unfailing(2, "w", closefd=False))
    sys.stderr = io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace", line_buffering=True)


def _open_closed() -> None:
    """Put the null device where a stream was closed: the next file to be opened would get its number and its output."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                null = os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
                os.set_inheritable(null, True)


class _Unfailing(io.FileIO):
    """A file descriptor that takes everything."""

    def write(self, data: Any) -> int:
        """As `FileIO`, but what cannot be written is dropped."""
        try:
            return super().write(data) or 0
        except OSError:
            return len(data)
