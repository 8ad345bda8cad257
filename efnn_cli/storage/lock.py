"""Ownership of a dataset or run: a lock that the kernel releases when its process ends, however it ends."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from efnn_cli.errors import ConflictError
from efnn_cli.storage.atomic import writing

POLL_SECONDS = 0.2


@contextlib.contextmanager
def owned(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file `path`; raises `ConflictError` naming the owner where somebody else does."""
    lock = FileLock(path)
    if not _acquired(lock, path):
        raise ConflictError(f"{what} is in use by {owner(path)}", "wait for it to end; the same command then continues")
    yield from _hold(lock, path)


@contextlib.contextmanager
def awaited(path: Path, on_wait: Callable[[str], None], pause: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file `path`, waiting for its owner to end; `on_wait` is told the owner once.

    The file is removed afterwards: whoever waited on it looks for the finished result first.
    """
    lock = FileLock(path)
    told = False
    while not _acquired(lock, path):
        if not told:
            on_wait(owner(path))
            told = True
        pause()
        time.sleep(POLL_SECONDS)
    yield from _hold(lock, path, remove=True)


def _acquired(lock: FileLock, path: Path) -> bool:
    """Try once; `OutputError` where the lock file cannot be made. (`Timeout` is an `OSError` too.)"""
    with writing(path):
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return False
    return True


def _hold(lock: FileLock, path: Path, *, remove: bool = False) -> Iterator[None]:
    try:
        with writing(path):
            path.write_text(f"process {os.getpid()} on {socket.gethostname()}\n")
        yield
    finally:
        if remove:
            path.unlink(missing_ok=True)  # before the release: nobody else's file can be hit
        lock.release()


def owner(path: Path) -> str:
    """Who holds the lock, as far as its file tells."""
    try:
        return path.read_text().strip() or "another process"
    except OSError:
        return "another process"
