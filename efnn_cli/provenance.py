"""Which versions made a file."""

from __future__ import annotations

import platform
from importlib.metadata import version

PACKAGES = ("efnn", "torch", "numpy", "scipy", "h5py")


def versions() -> dict[str, str]:
    """Versions of Python, this package and what its numbers depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
