"""Trainings side by side: worker processes with one thread each, which end with this one however it ends."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import resource_tracker

from efnn_cli.core.console import Console
from efnn_cli.core.errors import DeviceError, Stopped
from efnn_cli.core.signals import StopRequest, end_on_signals, expect_repeats, held_back, let_through
from efnn_cli.studies.sweep_jobs import Job, Outcome, carry_out, failed

LOGGER = logging.getLogger("efnn")

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 60.0
Tell = Callable[[Outcome], None]


def run_jobs(jobs: Sequence[Job], workers: int, stop: StopRequest, tell: Tell) -> list[Outcome]:
    """The outcomes of `jobs`, in their order; `tell` hears of each as it comes. Raises `Stopped` after a signal."""
    if workers == 1 or len(jobs) < 2:
        return list(_one_by_one(jobs, stop, tell))
    found: dict[int, Outcome] = {}
    suspects: list[Job] = []
    while left := [job for job in jobs if job.index not in found and job not in suspects]:
        suspects += _side_by_side(left, min(workers, len(left)), stop, tell, found)
    for job in suspects:  # alone, with all the memory
        if _side_by_side([job], 1, stop, tell, found):
            error = DeviceError("its process was killed: out of memory?", "the same command tries it again")
            found[job.index] = failed(job, "", error)
            tell(found[job.index])
    return [found[job.index] for job in jobs]


def _one_by_one(jobs: Sequence[Job], stop: StopRequest, tell: Tell) -> Iterator[Outcome]:
    """In this process, with all its threads, or on its GPU."""
    for job in jobs:
        stop.check()
        with _own_console():
            outcome = carry_out(job, Console(silent=True))
        tell(outcome)
        yield outcome


@contextlib.contextmanager
def _own_console() -> Iterator[None]:
    """Room for a console of the run; that of the command speaks again afterwards."""
    handlers = list(LOGGER.handlers)
    try:
        yield
    finally:
        LOGGER.handlers[:] = handlers


def _side_by_side(
    jobs: Sequence[Job], workers: int, stop: StopRequest, tell: Tell, found: dict[int, Outcome]
) -> list[Job]:
    """Put outcomes into `found`; after a worker was killed, returns the jobs that it and the others had begun."""
    context = multiprocessing.get_context("spawn")
    resource_tracker.ensure_running()  # which lets signals through, whoever had held them back
    with ProcessPoolExecutor(workers, context, _begin, (os.getpid(),)) as executor:
        with held_back():
            waiting: dict[Future[Outcome], Job] = {executor.submit(_work, job): job for job in jobs}
        while waiting:
            done, _ = wait(waiting, POLL_SECONDS, FIRST_COMPLETED)
            if stop.signum is not None:
                _end(executor, stop.signum)
                stop.check()
            for future in done:
                job = waiting.pop(future)
                with contextlib.suppress(BrokenProcessPool):
                    found[job.index] = future.result()
                    tell(found[job.index])
    return [job for job in jobs if job.index not in found][:workers]  # jobs are begun in their order


def _end(executor: ProcessPoolExecutor, signum: int) -> None:
    """Let the workers store what they have; those that take too long are killed."""
    processes = multiprocessing.active_children()
    executor.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        with contextlib.suppress(OSError):
            os.kill(process.pid or 0, signum)
    patience = time.monotonic() + PATIENCE_SECONDS
    for process in processes:
        process.join(max(patience - time.monotonic(), 0.0))
        if process.is_alive():
            process.kill()


def _begin(parent: int) -> None:
    """A worker: out of the terminal's reach, since `parent` passes signals on, and never without `parent`."""
    os.setpgid(0, 0)
    end_on_signals()
    let_through()
    expect_repeats()
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)
    Console(silent=True)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os._exit(1)


def _work(job: Job) -> Outcome:
    """One job in a worker; after a signal the process ends, with everything stored."""
    try:
        return carry_out(job, Console(silent=True))
    except Stopped as error:
        os._exit(128 + error.signum)
