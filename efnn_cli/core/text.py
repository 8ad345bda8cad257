"""Words for people."""

from __future__ import annotations


def printable(text: str) -> str:
    """`text` with everything but printable characters written out: escape sequences, halves of characters, NUL.

    What came from a file, or from the command line, cannot steer a terminal then.
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
