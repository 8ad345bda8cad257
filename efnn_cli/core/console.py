"""Logs, warnings and progress of a command: on stderr, never on stdout.

All floors log through `logging.getLogger("efnn")`; this module sets its handlers.
"""

from __future__ import annotations

import errno
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from efnn_cli.core.errors import Interrupted, OutputError, Stopped, writing
from efnn_cli.core.progress import Meter, Pace, bar, lines, share_bar, share_lines
from efnn_cli.core.text import printable

LOGGER = logging.getLogger("efnn")
LOADING = "loading ..."
ERASE = "\r\x1b[K"


class Console:
    """Handlers for one command, and its warnings so far, which the JSON result repeats."""

    def __init__(self, *, quiet: bool = False, verbose: bool = False, silent: bool = False) -> None:
        self.quiet = quiet or silent
        self.warnings: list[str] = []
        self._loading = False
        level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
        handler = _Stderr()
        handler.setFormatter(_Plain())
        handler.addFilter(self.begin)
        handler.setLevel(logging.CRITICAL if silent else level)  # rank 0 reports for all
        self._handlers = [handler, _Collector(self.warnings)]
        self.attach()

    def show_loading(self) -> None:
        """Say on a terminal that the command has started: imports take seconds. `begin` removes the line."""
        if sys.stderr.isatty() and not self.quiet:
            print(LOADING, end="", file=sys.stderr, flush=True)
            self._loading = True

    def begin(self, record: logging.LogRecord | None = None) -> bool:
        """Remove the line of `show_loading`, before the `record` is printed; return True."""
        if self._loading:
            print(ERASE, end="", file=sys.stderr, flush=True)
            self._loading = False
        return True

    def attach(self) -> None:
        """Make this the console of all messages, in place of one that was made later."""
        LOGGER.handlers[:] = self._handlers
        LOGGER.setLevel(logging.DEBUG)
        LOGGER.propagate = False

    @contextmanager
    def log_file(self, path: Path) -> Iterator[None]:
        """Copy every message to `path`, appended with its time; a failure with its traceback."""
        handler = _LogFile(path, encoding="utf-8", delay=True)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        LOGGER.addHandler(handler)
        try:
            yield
        except BaseException as error:
            stop = isinstance(error, (Interrupted, Stopped))
            level, where = (logging.INFO, None) if stop else (logging.ERROR, sys.exc_info())
            what = logging.LogRecord("efnn", level, "", 0, "%s", (error,), where)
            with suppress(OutputError):  # the error may be a full disk
                handler.handle(what)
            raise
        finally:
            LOGGER.removeHandler(handler)
            handler.close()

    @contextmanager
    def meter(self, title: str, total: int, unit: str, start: int = 0) -> Iterator[Meter]:
        """Yield a bar on a terminal; elsewhere print a line at the first step and every 30 s (notebook: 3 s)."""
        self.begin()
        if self.quiet or not total:
            yield lambda amount, note="", *, earlier=False: None
        elif sys.stderr.isatty():
            with bar(title, Pace(total, unit, start)) as meter:
                yield meter
        else:
            yield lines(title, Pace(total, unit, start))

    @contextmanager
    def status(self, state: Callable[[], tuple[float, str]]) -> Iterator[None]:
        """Show a share between 0 and 1 and its words: a bar on a terminal; elsewhere a line soon and every 30 s."""
        self.begin()
        with nullcontext() if self.quiet else share_bar(state) if sys.stderr.isatty() else share_lines(state):
            yield


class _Stderr(logging.StreamHandler[TextIO]):
    """Write to stderr as it is now: a bar puts messages above itself."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """The stream to write to."""
        return sys.stderr


class _Plain(logging.Formatter):
    """Format messages as they are, with warnings marked."""

    def format(self, record: logging.LogRecord) -> str:
        prefix = "warning: " if record.levelno >= logging.WARNING else ""
        return prefix + "\n".join(map(printable, record.getMessage().split("\n")))


class _LogFile(logging.FileHandler):
    """Log file that raises `OutputError` where it cannot be written, and refuses FIFOs."""

    def _open(self) -> TextIOWrapper:
        path = Path(self.baseFilename)
        with writing(path):
            if path.exists() and not path.is_file():
                raise OSError(errno.EINVAL, "it is not a regular file")
            return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Raise instead of dropping the message."""
        with writing(Path(self.baseFilename)):
            raise


class _Collector(logging.Handler):
    def __init__(self, into: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.into = into

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() not in self.into:
            self.into.append(record.getMessage())
