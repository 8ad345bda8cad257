"""A foreign HDF5 file, read once by a process that may be lost: the library can crash or loop for ever on a bad one.

Run as a program of its own with the path of the file. It looks at everything that a reader of ours might look at,
whatever is wrong elsewhere in the file, keeps nothing of it, and prints nothing: by which signal it ends, of a crash or
of its limit of processor time, is the answer. It knows no other module of the package, so that it starts fast.
"""

from __future__ import annotations

import contextlib
import math
import os
import resource
import signal
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

if __name__ == "__main__":  # before the library is loaded: signals are for the process that waits
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(each, signal.SIG_IGN)

import h5py

SECONDS = 4  # of the processor, for a small file: loading the library takes a tenth of one
BYTES_PER_SECOND = 20 * 2**20  # of arrays, unpacked
SLICE_BYTES = 4 * 2**20
ROOM_BYTES = 2**30  # of memory, beyond what the library takes
MODEST_BYTES = 256 * 2**20
MAX_COMPRESSION = 100  # signs as float64 shrink 40 times; far more is a file that claims what it does not hold
CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL}
STATM = Path("/proc/self/statm")


def may_hold(size: int, claimed: int) -> bool:
    """Whether a file of `size` bytes may well hold an array of so many."""
    return claimed <= max(MODEST_BYTES, MAX_COMPRESSION * size)


def defect(path: Path) -> str | None:
    """What the library does with the file at `path` that no reader survives; None where it comes to an end.

    Raises `OSError` where that cannot be found out.
    """
    status = path.stat()
    return _defect(path.absolute(), (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns))


@lru_cache(maxsize=1000)
def _defect(path: Path, state: tuple[int, ...]) -> str | None:
    """Found out once for every state of the file."""
    words = [sys.executable, "-P", __file__, str(path)]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False, start_new_session=True)
    if done.returncode == 0:
        return None
    if -done.returncode == signal.SIGXCPU:
        return "the HDF5 library does not come to an end with it"
    if -done.returncode in CRASHES:
        return "the HDF5 library crashes on it"
    said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    raise OSError(f"the process that tries it out has ended with code {done.returncode} {said}".rstrip())


class Reading:
    """All that is in a file, looked at within bounds of memory and of time that grows with what is read."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.bytes = 0
        self.seen: set[tuple[int, int]] = set()

    def visit(self, group: h5py.Group) -> None:
        """The arrays of a group, and of those in it, each once."""
        for name in group:
            with contextlib.suppress(Exception):  # whatever is behind it is read all the same
                if isinstance(group.get(name, getlink=True), h5py.HardLink):
                    self._look_at(group[name])

    def _look_at(self, node: h5py.Group | h5py.Dataset) -> None:
        info = h5py.h5o.get_info(node.id)
        if (info.fileno, info.addr) in self.seen:
            return
        self.seen.add((info.fileno, info.addr))
        if isinstance(node, h5py.Group):
            self.visit(node)
        if not isinstance(node, h5py.Dataset) or node.is_virtual or node.external or node.shape is None:
            return
        node.id.get_storage_size()
        if node.shape == ():
            node[()]
            return
        claimed = math.prod(int(length) for length in node.shape) * node.dtype.itemsize
        self.bytes += claimed
        if node.dtype.kind in "fiubS" and may_hold(self.size, self.bytes):
            self._allow_time()
            rows = max(1, SLICE_BYTES * int(node.shape[0]) // max(1, claimed))
            for first in range(0, int(node.shape[0]), rows):
                node[first : first + rows]

    def _allow_time(self) -> None:
        allow_seconds(SECONDS + self.bytes // BYTES_PER_SECOND)


def allow_seconds(seconds: int) -> None:
    """Of the processor, for this process since its start; then it ends by SIGXCPU, also where nobody waits for it."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def main(path: Path) -> None:
    """Look at the whole file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    allow_seconds(SECONDS)
    if STATM.exists():
        used = int(STATM.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + ROOM_BYTES, resource.RLIM_INFINITY))
    # As our readers open it; by its name the library would want a lock, which somebody else may hold.
    with contextlib.suppress(Exception), path.open("rb") as stream, h5py.File(stream, "r") as file:
        for name in file.attrs:
            with contextlib.suppress(Exception):
                file.attrs.get(name)
        Reading(path.stat().st_size).visit(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
