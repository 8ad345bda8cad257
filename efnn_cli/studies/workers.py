"""Trials side by side in local processes, one thread each.

Every trial has a process of its own, a copy of a server that has PyTorch loaded. A killed process thus loses exactly
the trial that it trained.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess

from efnn_cli.core.console import Console
from efnn_cli.core.errors import Stopped
from efnn_cli.core.signals import GO_ON, SIGNALS, StopRequest
from efnn_cli.studies.trials import LOST, Outcome, Trial, train

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 60.0


def train_in_workers(
    trials: Mapping[str, Trial], workers: int, begun: Callable[[str], None], *, overwrite: bool
) -> Iterator[tuple[str, Outcome]]:
    """Yield name and outcome of each trial as it ends; raises `Stopped` once a signal has ended the workers.

    `begun` is called with the name of each trial as it begins.
    """
    context = multiprocessing.get_context("forkserver")
    waiting = list(trials.items())[::-1]
    running: dict[Connection, tuple[str, BaseProcess]] = {}
    with StopRequest(GO_ON) as stop:
        _start_server(context)
        while waiting or running:
            while waiting and len(running) < workers and stop.signum is None:
                name, trial = waiting.pop()
                mine, theirs = context.Pipe(duplex=False)
                process: BaseProcess = context.Process(target=_train, args=(trial, theirs, overwrite))
                process.start()
                theirs.close()  # so that `mine` ends with the process
                running[mine] = name, process
                begun(name)
            for ready in wait(list(running), POLL_SECONDS):
                assert isinstance(ready, Connection)
                name, process = running.pop(ready)
                yield name, _outcome(ready)
                process.join()
            if stop.signum is not None:
                _end([process for _, process in running.values()])
                stop.check()


def _start_server(context: ForkServerContext) -> None:
    """Start the server with signals blocked, since Ctrl-C, sent to the whole group, would end it while it imports."""
    context.set_forkserver_preload([__name__])
    resource_tracker.ensure_running()  # it unblocks signals as it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _outcome(ready: Connection) -> Outcome:
    """Return what a process has sent; `LOST` if it ended without."""
    try:
        outcome: Outcome = ready.recv()
    except EOFError:
        return LOST
    return outcome


def _end(processes: Sequence[BaseProcess]) -> None:
    """Let the processes store their state; kill those that take longer than `PATIENCE_SECONDS`."""
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(PATIENCE_SECONDS)
        process.kill()


def _train(trial: Trial, into: Connection, overwrite: bool) -> None:
    """Train in a process of its own: one thread, silent, ended by SIGTERM and by the end of its parent.

    Signals from the terminal are for the main process, which passes SIGTERM on.
    """
    import torch
    from threadpoolctl import threadpool_limits

    signal.pthread_sigmask(signal.SIG_BLOCK, set(SIGNALS) - {signal.SIGTERM})
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    threadpool_limits(1)
    try:
        into.send(train(trial, Console(silent=True), overwrite=overwrite))
    except Stopped as error:
        os._exit(error.code)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
