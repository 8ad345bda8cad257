"""Workers that label shards side by side, each with one BLAS thread.

Workers are threads: LAPACK runs outside Python's lock, so two of them diagonalise twice as fast as one, without the
seconds that new processes need to import PyTorch. One BLAS thread each is faster than one worker with all
cores (1.6 times at L = 10), and makes the result independent of the number of workers, bit for bit.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from efnn_cli.core.device import describe
from efnn_cli.core.errors import NumericalError, Stopped
from efnn_cli.datasets.job import Job
from efnn_cli.datasets.shards import Shard
from efnn_cli.physics import Draw
from efnn_cli.storage.dataset import MAX_ENERGY

POLL_SECONDS = 0.2

LOGGER = logging.getLogger("efnn")


def label_shard(job: Job, draw: Draw, device: torch.device) -> Shard:
    """Draw and label one shard; raises `NumericalError` for an energy that no dataset can hold."""
    spins = job.spins(draw)
    start = time.perf_counter()
    content = job.label(spins, device)
    seconds = time.perf_counter() - start
    if not (np.abs(content.energies) <= MAX_ENERGY).all():
        raise NumericalError(f"shard {draw.shard}: an energy is not finite, or beyond {MAX_ENERGY:g}")
    return Shard(content, seconds, describe(device))


def run(
    job: Job,
    draws: Iterable[Draw],
    store: Callable[[Draw, Shard], None],
    device: torch.device,
    workers: int,
    done: Callable[[Draw], None],
    pause: Callable[[], None],
) -> None:
    """Label `draws` with `workers` threads (one on an accelerator) and hand them to `store` in any order.

    `done` is told of every stored shard; `pause` is called often and may raise to stop: shards not yet begun
    are dropped then, those in work are finished and stored.
    """

    def task(draw: Draw) -> None:
        store(draw, label_shard(job, draw, device))

    count = workers if device.type == "cpu" else 1
    with (
        threadpool_limits(1 if device.type == "cpu" else None),  # the BLAS that SciPy brings
        one_torch_thread(device),
        ThreadPoolExecutor(count, initializer=_one_blas_thread, initargs=(device,)) as pool,
    ):
        waiting: dict[Future[None], Draw] = {pool.submit(task, draw): draw for draw in draws}
        try:
            while waiting:
                pause()
                finished, _ = wait(waiting, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
                for future in finished:
                    draw = waiting.pop(future)
                    future.result()
                    done(draw)
        except Stopped:
            LOGGER.warning("finishing the shards in work; a second signal stops at once")
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def one_torch_thread(device: torch.device) -> Iterator[None]:
    """A single thread of linear algebra by PyTorch on a CPU, as before afterwards."""
    threads = torch.get_num_threads()
    _one_blas_thread(device)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _one_blas_thread(device: torch.device) -> None:
    """For a thread of the pool, which does not take this setting from its parent."""
    if device.type == "cpu":
        torch.set_num_threads(1)
