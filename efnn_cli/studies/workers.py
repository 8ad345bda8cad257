"""Trials side by side in local worker processes, one thread each.

Every worker is a pool of one process, fed by a thread. A killed process thus loses exactly the trial that it trained.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from queue import SimpleQueue

from efnn_cli.core.console import Console
from efnn_cli.core.errors import Stopped
from efnn_cli.core.signals import GO_ON, SIGNALS, StopRequest, end_on_signals
from efnn_cli.studies.trials import LOST, Outcome, Trial, train

LOGGER = logging.getLogger("efnn")

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 60.0


def train_in_workers(trials: Sequence[Trial], workers: int, *, overwrite: bool) -> Iterator[tuple[int, Outcome]]:
    """Yield index and outcome of each trial as it ends; raises `Stopped` once a signal has ended the workers."""
    every = [_Worker() for _ in range(min(workers, len(trials)))]
    free: SimpleQueue[_Worker] = SimpleQueue()
    for worker in every:
        free.put(worker)

    def run(trial: Trial) -> Outcome:
        worker = free.get()
        try:
            return worker.train(trial, overwrite) if stop.signum is None else LOST
        finally:
            free.put(worker)

    with StopRequest(GO_ON) as stop, ThreadPoolExecutor(workers, initializer=_block_signals) as threads:
        futures = {threads.submit(run, trial): index for index, trial in enumerate(trials)}
        while futures:
            done, _ = wait(futures, POLL_SECONDS, FIRST_COMPLETED)
            if stop.signum is not None:
                threads.shutdown(wait=False, cancel_futures=True)
                _end_workers()
                while not all(each.done() for each in futures):  # a thread may just have replaced a killed worker
                    time.sleep(POLL_SECONDS)
                    _end_workers()
                stop.check()
            for future in done:
                yield futures.pop(future), future.result()
    for worker in every:
        worker.pool.shutdown()


class _Worker:
    """One worker process, replaced after it was killed."""

    def __init__(self) -> None:
        self.pool = self._new()

    def train(self, trial: Trial, overwrite: bool) -> Outcome:
        """Return the outcome of `trial`; `LOST` if the process was killed."""
        try:
            return self.pool.submit(_train, trial, overwrite).result()
        except BrokenProcessPool:
            self.pool = self._new()
            return LOST

    def _new(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _begin)


def _block_signals() -> None:
    """Block all signals but SIGTERM in this thread and in the processes that it starts.

    Signals from the terminal reach only the main process, which passes SIGTERM on.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, set(SIGNALS) - {signal.SIGTERM})


def _end_workers() -> None:
    """Let the workers store their state; kill those that take longer than `PATIENCE_SECONDS`."""
    processes = multiprocessing.active_children()
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(PATIENCE_SECONDS)
        process.kill()


def _begin() -> None:
    """Prepare a worker: one thread, silent, ended by signals and by the end of its parent."""
    import torch
    from threadpoolctl import threadpool_limits

    end_on_signals()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    threadpool_limits(1)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _train(trial: Trial, overwrite: bool) -> Outcome:
    """Train in a worker; after a signal the process ends, with its state stored."""
    try:
        return train(trial, Console(silent=True), overwrite=overwrite)
    except Stopped as error:
        os._exit(error.code)
