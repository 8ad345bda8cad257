"""A foreign HDF5 file, read once by a process that may be lost: the library can crash or loop for ever on a bad one.

Run as a program of its own with the path of the file. It looks at everything that a reader of ours might and prints
nothing; that it ends by a signal, of a crash or of its limit of time, is the answer.
"""

from __future__ import annotations

import math
import resource
import signal
import subprocess
import sys
from pathlib import Path

import h5py

SECONDS = 4  # of the processor, for a small file: loading the library takes a tenth of one
BYTES_PER_SECOND = 20 * 2**20
MODEST_BYTES = 256 * 2**20
MAX_COMPRESSION = 100  # signs as float64 shrink 40 times; far more is a file that claims what it does not hold


def is_survived(path: Path, size: int) -> bool:
    """Whether a process that reads all of the file at `path`, of `size` bytes, comes to an end, good or bad."""
    limit = SECONDS + size // BYTES_PER_SECOND
    words = [sys.executable, "-P", __file__, str(path.absolute()), str(limit)]
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode >= 0


def may_hold(size: int, claimed: int) -> bool:
    """Whether a file of `size` bytes may well hold an array of so many."""
    return claimed <= max(MODEST_BYTES, MAX_COMPRESSION * size)


def read_all(node: h5py.Group | h5py.Dataset, size: int) -> None:
    """Attributes and arrays, of groups within each other; what no reader of ours would take is left."""
    for name in node.attrs:
        node.attrs.get(name)
    if isinstance(node, h5py.Dataset):
        claimed = math.prod(int(length) for length in node.shape or ()) * node.dtype.itemsize
        if node.dtype.kind in "fiubSO" and may_hold(size, claimed) and not (node.is_virtual or node.external):
            node[()]
        return
    for name in node:
        if isinstance(node.get(name, getlink=True), h5py.HardLink):
            child = node[name]
            if isinstance(child, (h5py.Group, h5py.Dataset)):
                read_all(child, size)


def main(path: Path, seconds: int) -> None:
    """Read the file within so many seconds of the processor: also where nobody waits for it any more."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for the process that waits
    with h5py.File(path, "r") as file:
        read_all(file, path.stat().st_size)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
