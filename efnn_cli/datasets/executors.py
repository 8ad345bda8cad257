"""Executors do the tasks of a job: threads of this process, or (dask_cluster.py) the workers of a Dask cluster.

LAPACK runs outside Python's lock, so threads diagonalise side by side without the start-up time of processes. One
BLAS thread a worker is faster than one worker with all cores (1.6 times at L = 10). It also makes the result
independent of the number of workers, bit for bit.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol, TypeVar

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from efnn_cli.core.device import describe
from efnn_cli.core.errors import NumericalError, Stopped
from efnn_cli.datasets.job import Job
from efnn_cli.physics.system import Draw
from efnn_cli.storage.dataset import MAX_ENERGY, Dataset

POLL_SECONDS = 0.2
WAITING = 2  # tasks of a thread, so that none waits for the next one

LOGGER = logging.getLogger("efnn")

CheckStop = Callable[[], None]
Task = TypeVar("Task")
Found = TypeVar("Found")


class Executor(Protocol):
    """Does tasks with `count` workers on devices of the type of `device`."""

    @property
    def device(self) -> torch.device:
        """The device that every worker takes."""

    @property
    def count(self) -> int:
        """Number of workers."""

    @property
    def batches_in_memory(self) -> int:
        """Number of batches that lie in the memory of this machine at a time."""

    def run(
        self,
        work: Callable[[Task, torch.device], Found],
        tasks: Iterable[Task],
        done: Callable[[Task, Found], Task | None],
        check_stop: CheckStop,
    ) -> None:
        """Call `work` for every task, in any order, and `done` with its result, which may return a task that follows.

        `work` runs on the workers, `done` here. `check_stop` is called often and may raise: tasks in work are finished
        then, others are dropped.
        """

    def describe(self) -> str:
        """Return a text for logs."""


@dataclass(frozen=True)
class Threads:
    """Workers are threads of this process; on an accelerator a single one, which takes whole batches."""

    device: torch.device
    count: int

    @property
    def batches_in_memory(self) -> int:
        """See `Executor`."""
        return self.count if self.device.type == "cpu" else 1

    def run(
        self,
        work: Callable[[Task, torch.device], Found],
        tasks: Iterable[Task],
        done: Callable[[Task, Found], Task | None],
        check_stop: CheckStop,
    ) -> None:
        """See `Executor`."""
        with (
            one_thread_each(self.device),
            ThreadPoolExecutor(self.batches_in_memory, initializer=_one_torch_thread, initargs=(self.device,)) as pool,
        ):
            left = iter(tasks)

            def submitted(some: Iterable[Task]) -> dict[Future[Found], Task]:
                return {pool.submit(work, each, self.device): each for each in some}

            waiting = submitted(islice(left, WAITING * self.batches_in_memory))
            try:
                while waiting:
                    check_stop()
                    finished, _ = wait(waiting, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
                    for future in finished:
                        task = waiting.pop(future)
                        following = done(task, future.result())
                        waiting |= submitted(islice(left, 1) if following is None else [following])
                        check_stop()
            except Stopped:
                LOGGER.warning("finishing what is in work; a second signal stops at once")
                raise
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
                for future, task in waiting.items():
                    if not future.cancelled() and future.exception() is None:
                        done(task, future.result())

    def describe(self) -> str:
        """See `Executor`."""
        return f"{describe(self.device)}, {self.count} workers"


def label_shard(share: tuple[Job, Draw], device: torch.device) -> Dataset:
    """Draw and label one shard; raises `NumericalError` for labels that no dataset can hold."""
    job, draw = share
    spins = job.spins(draw)
    start = time.perf_counter()
    shard = job.label(spins, device)
    seconds = time.perf_counter() - start
    if not (np.abs(shard.energies) <= MAX_ENERGY).all():
        raise NumericalError(f"shard {draw.shard}: an energy is not finite, or beyond {MAX_ENERGY:g}")
    if shard.fields is not None and not np.isfinite(shard.fields).all():
        raise NumericalError(f"shard {draw.shard}: a field is not finite")
    return replace(
        shard,
        temperatures=job.temperatures(draw),
        metadata=shard.metadata | {"seconds": seconds, "device": describe(device)},
    )


@contextmanager
def one_thread_each(device: torch.device) -> Iterator[None]:
    """Limit BLAS and PyTorch to one thread while on a CPU."""
    threads = torch.get_num_threads()
    with threadpool_limits(1 if device.type == "cpu" else None):
        _one_torch_thread(device)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def _one_torch_thread(device: torch.device) -> None:
    """Limit PyTorch in this thread, which does not inherit the limit of its parent."""
    if device.type == "cpu":
        torch.set_num_threads(1)
