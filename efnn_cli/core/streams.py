"""stdin, stdout and stderr made safe: a full disk under stderr, or a reader that is gone, ends no training.

A result that cannot be written to stdout is a failure (see `cli/execution.py`).
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any


def secure_streams() -> None:
    """Open closed streams, escape characters that the encoding lacks, and drop what stderr cannot take."""
    _open_closed()
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files that the encoding lacks
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    raw = io.BufferedWriter(_Unfailing(2, "w", closefd=False))
    sys.stderr = io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace", line_buffering=True)


def _open_closed() -> None:
    """Open the null device for closed streams; the next file would get their numbers and their output."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                null = os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
                os.set_inheritable(null, True)


class _Unfailing(io.FileIO):
    """File descriptor whose failed writes are dropped."""

    def write(self, data: Any) -> int:
        """Write, or drop what cannot be written."""
        try:
            return super().write(data) or 0
        except OSError:
            return len(data)
