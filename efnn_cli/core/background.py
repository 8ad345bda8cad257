"""Repeat something in a thread of its own, while a block runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def repeated(action: Callable[[], None], seconds: float, first: float | None = None) -> Iterator[None]:
    """Call `action` every `seconds` until the block ends; for the first time after `first` seconds where given.

    With `first` it is called once at least.
    """
    over = threading.Event()

    def loop() -> None:
        if first is not None:
            over.wait(first)
            action()
        while not over.wait(seconds):
            action()

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
