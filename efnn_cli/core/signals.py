"""Orderly stops: the first signal asks, the second one ends the process at once.

`StopRequest` is for work that ends at a good place; everywhere else, from the first import on, a signal becomes
`Interrupted` (see `interrupt_on_signals`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any, Self

from efnn_cli.core.errors import Interrupted, Stopped

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)

INSIST_SECONDS = 0.2
GO_ON = "the same command goes on with what is done"

Handler = Callable[[int, FrameType | None], None]

_terminals: list[int] = []
_led: list[bool] = []


def interrupt_on_signals() -> None:
    """From now on a signal raises `Interrupted` wherever the process is."""
    _terminals[:] = [handle for handle in (1, 2) if os.isatty(handle)]
    _listen(_interrupt)
    sys.unraisablehook = _report_unraisable


def end_on_signals() -> None:
    """From now on a signal ends the process at once; one that is ignored stays so."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    for each in SIGNALS:
        if signal.getsignal(each) != signal.SIG_IGN:
            signal.signal(each, signal.SIG_DFL)


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """While a library waits, where no handler would be called: signals end the process."""
    before = {each: signal.getsignal(each) for each in SIGNALS}
    end_on_signals()
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


@contextlib.contextmanager
def to_go_on(hint: str = GO_ON) -> Iterator[None]:
    """What a signal within many pieces of work ends with: a `hint` at the command, not at the piece it was in."""
    try:
        yield
    except (Stopped, Interrupted) as error:
        raise Stopped(error.signum, f"stopped by {signal.Signals(error.signum).name}", hint) from error


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """While processes are started: signals wait, and go on waiting in these processes until they `let_through`.

    Python would end them with a traceback while they import, before they can say otherwise.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def let_through() -> None:
    """From now on signals arrive, those that were `held_back` at once."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def expect_repeats() -> None:
    """From now on a second signal is the first one, as for `several`: whoever leads this process may send it twice."""
    _led.append(True)


def ignore_signals() -> None:
    """From now on no signal counts: this process is ending, and whoever started it may tell it so again."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)


class StopRequest:
    """Context in which signals set a flag; `check` turns the flag into `Stopped`.

    `hint` tells the user how to go on. One of `several` processes may get a signal from the terminal or the batch
    system and once more from their launcher: there a second signal is the first one, and after an error in the body
    signals are ignored, since a launcher sends them to all when one has ended.
    """

    def __init__(self, hint: str, *, several: bool = False) -> None:
        self.hint = hint
        self.several = several
        self.signum: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = _listen(self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for signum, handler in self._previous.items():
            signal.signal(signum, signal.SIG_IGN if self.several and kind is not None else handler)

    def _receive(self, signum: int, frame: FrameType | None) -> None:
        self.signum = signum
        if self.several or _led:
            _spare_terminals()
        else:
            _first_signal()

    def check(self) -> None:
        """Raise `Stopped` if a signal has arrived."""
        if self.signum is not None:
            raise Stopped(self.signum, f"stopped by {signal.Signals(self.signum).name}", self.hint)


def _listen(handler: Handler) -> dict[int, Any]:
    """Set `handler` for all signals; returns what was set before. `nohup` ignores SIGHUP, and that stands."""
    previous: dict[int, Any] = {each: signal.getsignal(each) for each in SIGNALS}
    if previous[signal.SIGHUP] == signal.SIG_IGN:
        del previous[signal.SIGHUP]
    for each in previous:
        signal.signal(each, handler)
    return previous


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """Raise, and raise again later where that was lost: Python drops what is raised within its own callbacks."""

    def insist(alarm: int, frame: FrameType | None) -> None:
        error = sys.exc_info()[1]
        while error is not None and not isinstance(error, Interrupted):
            error = error.__context__
        if error is None:  # else it is on its way up, and what it passes is being tidied up
            raise Interrupted(signum)

    _first_signal()
    signal.signal(signal.SIGALRM, insist)
    signal.setitimer(signal.ITIMER_REAL, INSIST_SECONDS, INSIST_SECONDS)
    raise Interrupted(signum)


def _report_unraisable(lost: sys.UnraisableHookArgs) -> None:
    """What Python drops, but for signals, which come again."""
    if not isinstance(lost.exc_value, Interrupted):
        sys.__unraisablehook__(lost)


def _first_signal() -> None:
    """The next signal is to end the process; a terminal that is gone must not fail what is still said."""
    end_on_signals()
    _spare_terminals()


def _spare_terminals() -> None:
    for handle in _terminals:
        if not os.isatty(handle):
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), handle)
