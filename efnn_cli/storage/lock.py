"""Ownership of a dataset or a run: a lock that the kernel releases when its process ends, however it ends.

    owned      one holder, all others are refused              (a run)
    awaited    one holder, all others wait
    beside     many holders, while nobody is `alone`           (parts of a labelling job)
    alone      one holder, once all those `beside` have left   (a whole labelling job)

The holder removes the lock files of the last three. `filelock` never takes a lock on a file that has lost its name.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import itertools
import logging
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from efnn_cli.core.errors import InputError, InUseError, writing
from efnn_cli.core.results import shown
from efnn_cli.storage.atomic import UNSUPPORTED
from efnn_cli.storage.reading import read_text

LOGGER = logging.getLogger("efnn")
NO_LOCKS = (*UNSUPPORTED, errno.ENOLCK)  # the last one: NFS without a lock daemon
POLL_SECONDS = 0.2
LOCKS = Path("/proc/locks")
OWNER = re.compile(r"process (\d+) on (.*)")

Pause = Callable[[], None]


@contextlib.contextmanager
def owned(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file `path`; raises `InUseError` with the owner where another process holds it."""
    lock = _lock(path)
    if not _acquired(lock, path):
        raise InUseError(f"{what} is in use by {owner(path)}", "wait for it to end; the same command then continues")
    yield from _hold(lock, path)


@contextlib.contextmanager
def awaited(path: Path, pause: Pause) -> Iterator[None]:
    """Hold the lock of the result at `path` once its owner has ended."""
    with _awaited(_gate(path), path, pause):
        yield


@contextlib.contextmanager
def beside(path: Path, name: str, pause: Pause) -> Iterator[None]:
    """Hold a lock of the own `name` for the result at `path`, side by side with other names.

    Waits for a holder of `alone` or `awaited`, and for a holder of the same name.
    """
    gate = _gate(path)
    own = gate.with_name(f"{gate.name}.{name}")
    lock = _lock(own)
    for tries in itertools.count(1):
        with _awaited(gate, path, pause):  # held for this moment only
            if _acquired(lock, own):
                break
        _wait(own, path, pause, tries)
    yield from _hold(lock, own, remove=True)


@contextlib.contextmanager
def alone(path: Path, pause: Pause) -> Iterator[None]:
    """Hold the lock of the result at `path` once all holders `beside` it have ended; no new one gets in."""
    gate = _gate(path)
    with _awaited(gate, path, pause):
        for each in sorted(gate.parent.iterdir()):
            if each.name.startswith(f"{gate.name}."):
                with _awaited(each, path, pause):
                    pass  # its holder has ended, and its file is removed now
        yield


def _gate(path: Path) -> Path:
    """Return the lock file of the result at `path`."""
    return path.with_name(f".{path.stem}.lock")


@contextlib.contextmanager
def _awaited(file: Path, path: Path, pause: Pause) -> Iterator[None]:
    """Hold the lock `file` of the result at `path` once its owner has ended."""
    lock = _lock(file)
    for tries in itertools.count(1):
        if _acquired(lock, file):
            break
        _wait(file, path, pause, tries)
    yield from _hold(lock, file, remove=True)


def _wait(file: Path, path: Path, pause: Pause, tries: int) -> None:
    """Wait until the lock `file` is tried again; log its owner after the second try."""
    if tries == 2:
        LOGGER.info("%s is being made by %s: waiting", shown(path), owner(file))
    pause()
    time.sleep(POLL_SECONDS)


def _lock(path: Path) -> FileLock:
    """Return a lock of the kernel: a file whose existence is the lock would outlive a killed process."""
    return FileLock(path, fallback_to_soft=False)


def _acquired(lock: FileLock, path: Path) -> bool:
    """Try once to take the lock; raises `OutputError` where the lock file cannot be made.

    Where the file system has no locks, every process gets one and a warning.
    """
    with writing(path):
        try:
            lock.acquire(blocking=False)
        except Timeout:  # an OSError too
            return False
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            _warn_of_no_locks(path.parent.absolute(), error.strerror)
    return True


@functools.cache
def _warn_of_no_locks(folder: Path, reason: str) -> None:
    LOGGER.warning(
        "the file system of %s has no locks (flock: %s): nothing keeps two processes from taking the same run",
        folder,
        reason,
    )


def _hold(lock: FileLock, path: Path, *, remove: bool = False) -> Iterator[None]:
    try:
        with writing(path):
            path.write_text(f"process {os.getpid()} on {socket.gethostname()}\n")
        yield
    finally:
        if remove:
            path.unlink(missing_ok=True)  # before the release, so that no other holder's file is removed
        lock.release()


def owner(path: Path) -> str:
    """Return the holder of the lock, as far as its file says."""
    try:
        return read_text(path).strip() or "another process"
    except InputError:
        return "another process"


def held(path: Path) -> bool:
    """Return whether a living process of this machine holds the lock, without taking it.

    To take it, for however short a time, would refuse a process that begins at that moment.
    """
    found = OWNER.fullmatch(owner(path))
    return found is not None and found[2] == socket.gethostname() and _listed(path)


def is_free(path: Path) -> bool:
    """Return whether nobody holds the lock; only for locks that others wait for, since it is tried."""
    lock = _lock(path)
    if free := _acquired(lock, path):
        lock.release()
    return free


def _listed(path: Path) -> bool:
    """Return whether the kernel lists a lock on this file; true where it has no such list."""
    try:
        lines = LOCKS.read_text().splitlines()
        inode = str(path.stat().st_ino)
    except OSError:
        return not os.path.exists(LOCKS)
    return any(inode in word.split(":")[2:] for line in lines for word in line.split())
