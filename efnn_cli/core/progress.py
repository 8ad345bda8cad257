"""Progress of one piece of work on stderr: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from efnn_cli.core.background import repeated
from efnn_cli.core.numbers import number
from efnn_cli.core.text import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

FIRST_SECONDS = 1.0  # before the first line of a share
LINE_SECONDS = 30.0  # off a terminal, a line of progress this often
NOTEBOOK_SECONDS = 3.0  # in a notebook, where somebody watches


class Meter(Protocol):
    """Progress of one piece of work."""

    def __call__(self, amount: int, note: str = "", *, earlier: bool = False) -> None:
        """Add `amount`, with a short `note` such as the loss; what was done `earlier` does not count for the speed."""


class Pace:
    """Amount done of `total`, and the time that it took and takes."""

    def __init__(self, total: int, unit: str, done: int) -> None:
        self.total, self.unit = total, unit
        self.first = self.done = done
        self.start = time.monotonic()
        self.took = 0.0  # seconds until the last amount was added

    def add(self, amount: int, *, earlier: bool) -> None:
        """Add `amount`; what was done `earlier` took no time."""
        self.done += amount
        self.first += amount if earlier else 0
        self.took = self.elapsed

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.start

    @property
    def text(self) -> str:
        """Rate, elapsed and remaining time, by the time of the amount that is done."""
        elapsed, rate = self.elapsed, (self.done - self.first) / max(self.took, 1e-9)
        parts = [f"elapsed {duration(elapsed)}"]
        if rate > 0 and self.unit != "s":
            one = self.unit.removesuffix("s")
            parts.insert(0, f"{number(rate, 3)} {self.unit}/s" if rate >= 1 else f"{number(1 / rate, 3)} s per {one}")
        if rate > 0 and self.done < self.total:
            parts.append(f"remaining {duration(max((self.total - self.done) / rate + self.took - elapsed, 0))}")
        return ", ".join(parts)


def lines(title: str, pace: Pace) -> Meter:
    """Return a meter that prints plain lines, for log files of batch systems."""
    every = line_seconds()
    last = -every

    def show(*state: str) -> None:
        counts = f"{title}: {pace.done}/{pace.total} {pace.unit}"
        print(", ".join([counts, *filter(None, state)]), file=sys.stderr, flush=True)

    def advance(amount: int, note: str = "", *, earlier: bool = False) -> None:
        nonlocal last
        pace.add(amount, earlier=earlier)
        if earlier:
            show(f"{amount} of them done earlier")
        elif pace.elapsed - last >= every or pace.done >= pace.total:
            last = pace.elapsed
            show(pace.text, note)

    return advance


@contextmanager
def bar(title: str, pace: Pace) -> Iterator[Meter]:
    """Yield the meter of a bar with its pace and the last note below; it vanishes where nothing was to be done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.text import Text

    shown = ""

    class Bar(Progress):
        def get_renderables(self) -> Iterable[RenderableType]:
            yield self.make_tasks_table(self.tasks)
            yield Text(f"  {pace.text}")
            if shown:
                yield Text(f"  {shown}")

    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn(pace.unit))
    with Bar(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=pace.total, completed=pace.done)

        def advance(amount: int, note: str = "", *, earlier: bool = False) -> None:
            nonlocal shown
            shown = note or shown
            pace.add(amount, earlier=earlier)
            progress.update(task, completed=pace.done)

        begun = pace.done
        try:
            yield advance
        finally:
            progress.live.transient = pace.done == begun


@contextmanager
def share_bar(state: Callable[[], tuple[float, str]]) -> Iterator[None]:
    """Show a share between 0 and 1 as a bar with its words, one line that is drawn anew twice a second."""
    from rich.console import Console
    from rich.live import Live
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    def drawn() -> Table:
        share, words = state()
        line = Table.grid(padding=(0, 1))
        text = Text(printable(words), no_wrap=True, overflow="ellipsis")
        line.add_row(ProgressBar(total=1.0, completed=share, width=16), text)
        return line

    with Live(get_renderable=drawn, console=Console(stderr=True), refresh_per_second=2, transient=True):
        yield


@contextmanager
def share_lines(state: Callable[[], tuple[float, str]]) -> Iterator[None]:
    """Print the words of a share soon after the start, and then about every 30 s."""
    with repeated(lambda: print(printable(state()[1]), file=sys.stderr, flush=True), line_seconds(), FIRST_SECONDS):
        yield


def line_seconds() -> float:
    """Return the seconds between two lines of progress: few in a notebook, where somebody looks."""
    return NOTEBOOK_SECONDS if "ipykernel" in sys.modules else LINE_SECONDS


def duration(seconds: float) -> str:
    """Return a readable length of time, such as `2 min 5 s`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
