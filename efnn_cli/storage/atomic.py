"""Atomic files: a reader sees the old file or the new one, never half of either.

Bytes go to a temporary name in the same folder, are forced to disk and renamed. Any failure to write is an
`OutputError` (exit 74).
"""

from __future__ import annotations

import csv
import errno
import glob
import io
import os
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path

from efnn_cli.core.errors import OutputError, writing

UNSUPPORTED = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL)  # of file systems without the call
ELSEWHERE = "choose another place with --out, or work in another folder"
MAX_NAME = 200  # of 255 bytes; names of temporary files, locks and shards are longer


def make_folder(folder: Path) -> None:
    """Make `folder` and its parents; raises `OutputError` unless a file can be written in it."""
    with writing(folder, ELSEWHERE):
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{uuid.uuid4().hex}"
        try:
            probe.touch()
        finally:
            probe.unlink(missing_ok=True)


def prove_writable(folder: Path) -> None:
    """Raise `OutputError` where `folder` could not be made or written, without making it."""
    make_folder(existing_parent(folder))


def require_name(path: Path) -> None:
    """Raise `OutputError` before any work starts where names made from that of `path` would be too long."""
    found = len(os.fsencode(path.name))
    if found > MAX_NAME:
        raise OutputError(f"cannot write {path}: its name has {found} bytes, wanted at most {MAX_NAME}")


def existing_parent(folder: Path) -> Path:
    """Return `folder`, or the nearest folder above it that exists."""
    parent = folder.absolute()
    while not os.path.exists(parent):
        parent = parent.parent
    return parent


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file atomically and durably."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    with writing(path):
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def remove_leftovers(path: Path) -> None:
    """Remove temporary files of killed writers of `path`; only its owner may do so."""
    with writing(path):
        for each in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
            each.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a whole UTF-8 text file atomically and durably."""
    write_bytes(path, text.encode())


def _sync_folder(folder: Path) -> None:
    """Force a new name to disk; some network file systems do so by themselves and refuse the call."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
    finally:
        os.close(handle)


def require_space(folder: Path, needed: int) -> None:
    """Raise `OutputError` before any work starts where `needed` bytes cannot fit in `folder`."""
    with writing(folder):
        free = shutil.disk_usage(folder).free
    if needed > free:
        raise OutputError(
            f"{folder} has {free / 2**20:.0f} MiB free, {needed / 2**20:.0f} MiB are needed",
            "free some space, or choose another place with --out",
        )


def write_csv(path: Path, lines: Iterable[Iterable[object]]) -> None:
    """Write a table for other programs, the head first; None is an empty cell."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    write_text(path, text.getvalue())
