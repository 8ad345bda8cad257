"""Text for the terminal and paths from it."""

from __future__ import annotations

import os


def printable(text: str) -> str:
    """Return `text` with all but printable characters escaped.

    Text from a file or from the command line can then not steer the terminal.
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def at_home(path: str) -> str:
    """Return `path` with the home folder for `~` at its beginning, which no shell replaces in `--out=~/x`."""
    return os.path.expanduser(path)  # noqa: PTH111 - that of Path fails for `~x` where no user has that name
