"""Orderly stops: the first signal asks for one, a second one ends the process at once.

Inside `StopRequest` a signal sets a flag, which the work looks at where it can stop. Elsewhere it raises `Interrupted`.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Self

from efnn_cli.core.errors import Interrupted, Stopped

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
GO_ON = "the same command goes on with what is done"
RETRY_SECONDS = 0.05


def interrupt_on_signals() -> None:
    """Raise `Interrupted` at the first signal, wherever the process is."""
    _listen(_interrupt)
    sys.unraisablehook = _raise_again


def end_on_signals() -> None:
    """Let signals end the process at once; an ignored one stays ignored."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    for each in SIGNALS:
        if signal.getsignal(each) != signal.SIG_IGN:
            signal.signal(each, signal.SIG_DFL)


def ignore_signals() -> None:
    """Ignore signals: this process is ending."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """Let signals end the process while a library waits in C, where Python calls no handler."""
    if threading.current_thread() is not threading.main_thread():  # which alone may set handlers
        yield
        return
    before = {each: signal.getsignal(each) for each in SIGNALS}
    end_on_signals()
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


@contextlib.contextmanager
def to_go_on(hint: str = GO_ON) -> Iterator[None]:
    """Replace the hint of a stop within one piece of work by that of the whole command."""
    try:
        yield
    except (Stopped, Interrupted) as error:
        raise _stopped(error.signum, hint) from error


class StopRequest:
    """Context in which signals set a flag; `check` turns the flag into `Stopped` with a `hint` for the user.

    One of `several` processes may get the same signal from the batch system and from `torchrun`: a second one is
    ignored there, and all are after an error, since `torchrun` then sends one to every process.
    """

    def __init__(self, hint: str, *, several: bool = False) -> None:
        self.hint = hint
        self.several = several
        self.signum: int | None = None
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = _listen(self._receive)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for signum, handler in self._previous.items():
            signal.signal(signum, signal.SIG_IGN if self.several and kind is not None else handler)

    def _receive(self, signum: int, frame: FrameType | None) -> None:
        self.signum = signum
        if not self.several:
            end_on_signals()

    def check(self) -> None:
        """Raise `Stopped` if a signal has arrived."""
        if self.signum is not None:
            raise _stopped(self.signum, self.hint)


def _stopped(signum: int, hint: str) -> Stopped:
    return Stopped(signum, f"stopped by {signal.Signals(signum).name}", hint)


def _listen(handler: Callable[[int, FrameType | None], None]) -> dict[signal.Signals, Any]:
    """Set `handler` for all signals and return the previous ones; SIGHUP stays ignored under `nohup`."""
    previous = {each: signal.getsignal(each) for each in SIGNALS}
    if previous[signal.SIGHUP] == signal.SIG_IGN:
        del previous[signal.SIGHUP]
    for each in previous:
        signal.signal(each, handler)
    return previous


def _interrupt(signum: int, frame: FrameType | None) -> None:
    end_on_signals()
    raise Interrupted(signum)


def _raise_again(lost: sys.UnraisableHookArgs) -> None:
    """Raise an `Interrupted` again that Python has dropped, as it does within finalisers and import locks."""
    error = lost.exc_value
    if not isinstance(error, Interrupted):
        sys.__unraisablehook__(lost)
        return
    signum = error.signum
    signal.signal(signal.SIGALRM, lambda alarm, frame: _interrupt(signum, frame))
    signal.setitimer(signal.ITIMER_REAL, RETRY_SECONDS)
