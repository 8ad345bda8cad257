"""Logs, warnings and progress of a command: on stderr, never on stdout.

All floors log through `logging.getLogger("efnn")`; this module sets its handlers.
"""

from __future__ import annotations

import errno
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Protocol, TextIO

from efnn_cli.core.errors import Interrupted, OutputError, Stopped, writing
from efnn_cli.core.text import printable

LOGGER = logging.getLogger("efnn")
FIRST_SECONDS = 1.0  # before the first line of a status
LINE_SECONDS = 30.0  # off a terminal, a line of progress this often


class Meter(Protocol):
    """Progress of one piece of work."""

    def __call__(self, amount: int, note: str = "", *, earlier: bool = False) -> None:
        """Add `amount`, with a short `note` such as the loss; what was done `earlier` does not count for the speed."""


class Console:
    """Handlers for one command, and its warnings so far, which the JSON result repeats."""

    def __init__(self, *, quiet: bool = False, verbose: bool = False, silent: bool = False) -> None:
        self.quiet = quiet or silent
        self.warnings: list[str] = []
        level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
        handler = _Stderr()
        handler.setFormatter(_Plain())
        handler.setLevel(logging.CRITICAL if silent else level)  # rank 0 reports for all
        self._handlers = [handler, _Collector(self.warnings)]
        self.attach()

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
        """Yield a bar on a terminal; elsewhere print a line at the first step and about every 30 s."""
        if self.quiet or not total:
            yield lambda amount, note="", *, earlier=False: None
        elif sys.stderr.isatty():
            with _bar(title, total, unit, start) as meter:
                yield meter
        else:
            yield _Lines(title, total, unit, start)

    @contextmanager
    def status(self, state: Callable[[], tuple[float, str]]) -> Iterator[None]:
        """Show a share between 0 and 1 and its words: a bar on a terminal; elsewhere a line now and every 30 s."""
        if self.quiet:
            yield
        elif sys.stderr.isatty():
            with _moving(state):
                yield
        else:
            ended = threading.Event()

            def tell() -> None:
                waited = FIRST_SECONDS
                while not ended.wait(waited):
                    print(printable(state()[1]), file=sys.stderr, flush=True)
                    waited = LINE_SECONDS

            thread = threading.Thread(target=tell, daemon=True)
            thread.start()
            try:
                yield
            finally:
                ended.set()
                thread.join()


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


class _Lines:
    """Print progress as plain lines, for log files of batch systems."""

    def __init__(self, title: str, total: int, unit: str, start: int) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.first = self.done = start
        self.start = time.monotonic()
        self.last = -LINE_SECONDS

    def __call__(self, amount: int, note: str = "", *, earlier: bool = False) -> None:
        self.done += amount
        if earlier:
            self.first += amount
            self._print(f"{amount} of them done earlier")
            return
        now = time.monotonic() - self.start
        if now - self.last < LINE_SECONDS and self.done < self.total:
            return
        self.last = now
        rate = (self.done - self.first) / max(now, 1e-9)
        left = (self.total - self.done) / max(rate, 1e-9)
        self._print(f"{rate:.4g}/s, {duration(left)} left{f', {note}' if note else ''}")

    def _print(self, state: str) -> None:
        print(f"{self.title}: {self.done}/{self.total} {self.unit}, {state}", file=sys.stderr, flush=True)


@contextmanager
def _bar(title: str, total: int, unit: str, start: int) -> Iterator[Meter]:
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=RichConsole(stderr=True)) as progress:
        task = progress.add_task(title, total=total, completed=start, note="")

        def advance(amount: int, note: str = "", *, earlier: bool = False) -> None:
            if earlier:
                progress.reset(task, completed=int(progress.tasks[0].completed) + amount)
            else:
                progress.update(task, advance=amount, note=note)

        yield advance


@contextmanager
def _moving(state: Callable[[], tuple[float, str]]) -> Iterator[None]:
    from rich.console import Console as RichConsole
    from rich.live import Live
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    def bar() -> Table:
        share, words = state()
        line = Table.grid(padding=(0, 1))
        line.add_row(
            ProgressBar(total=1.0, completed=share, width=16), Text(printable(words), no_wrap=True, overflow="ellipsis")
        )
        return line

    shown = RichConsole(stderr=True)
    with Live(get_renderable=bar, console=shown, refresh_per_second=2, transient=True):
        yield


def duration(seconds: float) -> str:
    """Return a readable length of time, such as `2 min 5 s`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
