"""Words for people, and from them."""

from __future__ import annotations

import os


def printable(text: str) -> str:
    """`text` with everything but printable characters written out: escape sequences, halves of characters, NUL.

    What came from a file, or from the command line, cannot steer a terminal then.
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def at_home(path: str) -> str:
    """`path` with the home folder for `~` at its beginning, which no shell replaces in `--out=~/x`."""
    return os.path.expanduser(path)  # noqa: PTH111 - that of Path fails for `~x` where no user has that name
