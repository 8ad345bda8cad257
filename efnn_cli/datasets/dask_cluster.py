"""Shards on a Dask cluster (optional extra `dask`): the same results, even if workers die.

Workers of one thread each label, this process stores: only the scheduler's address is shared. The scheduler gives
the shards of a dead worker to another one, up to its `allowed-failures`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import torch

from efnn_cli.core import device as devices
from efnn_cli.core.errors import ConfigError, DeviceError
from efnn_cli.datasets.executors import POLL_SECONDS, CheckStop, Store, label_shard, one_thread_each
from efnn_cli.datasets.job import Job
from efnn_cli.physics.system import Draw
from efnn_cli.storage.dataset import Dataset

CONNECT_SECONDS = 10
SHARDS_PER_CORE = 4  # submitted at a time, so that no worker waits and no memory fills up

LOGGER = logging.getLogger("efnn")


@dataclass(frozen=True)
class DaskCluster:
    """Workers of the scheduler at `address`, or (None) of a local cluster of `count` processes started for the job."""

    device: torch.device
    count: int
    device_name: str
    """As the user gave it: every worker resolves it for itself."""
    address: str | None

    @property
    def batches_in_memory(self) -> int:
        """See `Executor`."""
        if self.address is not None:
            return 0
        return self.count if self.device.type == "cpu" else 1

    def label(self, job: Job, draws: Iterable[Draw], store: Store, check_stop: CheckStop) -> Iterator[Draw]:
        """See `Executor`; raises `DeviceError` for no scheduler, or a shard that has killed several workers."""
        left = iter(draws)
        with connected(self.address, self.count) as client:
            window = SHARDS_PER_CORE * max(1, sum(client.nthreads().values()))
            waiting = {submit(client, job, draw, self.device_name): draw for draw in islice(left, window)}
            try:
                while waiting:
                    check_stop()
                    for future in finished(waiting):
                        draw = waiting.pop(future)
                        store(draw, result(future, draw))
                        future.release()
                        yield draw
                        waiting |= {submit(client, job, each, self.device_name): each for each in islice(left, 1)}
            finally:
                client.cancel(list(waiting))

    def describe(self) -> str:
        """See `Executor`."""
        return f"the Dask cluster {self.address or f'of {self.count} workers here'}"


@contextmanager
def connected(address: str | None, workers: int) -> Iterator[Any]:
    """Yield a client of the scheduler at `address`, or of a local cluster that ends with it."""
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ConfigError("executor=dask needs the package distributed", "pip install 'efnn[dask]'") from error
    logging.getLogger("distributed").setLevel(logging.ERROR)
    if address is None:
        with (
            LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise DeviceError(
            f"executor.address: no Dask scheduler answers at {address} ({error})",
            "start one with dask scheduler, or leave executor.address out for a local one",
        ) from error
    LOGGER.info("dask: %s, %d workers", address, len(client.scheduler_info()["workers"]))
    with client:
        yield client


def submit(client: Any, job: Job, draw: Draw, device_name: str) -> Any:
    """Send one shard; of given configurations only those of the shard."""
    if job.given is not None:
        job, draw = replace(job, given=job.spins(draw)), replace(draw, first=0)
    return client.submit(label_on_worker, job, draw, device_name, pure=False)


def label_on_worker(job: Job, draw: Draw, device_name: str) -> Dataset:
    """Label one shard on a worker of the cluster, with one thread of linear algebra."""
    device = devices.resolve(device_name)
    with one_thread_each(device):
        return label_shard(job, draw, device)


def finished(waiting: Iterable[Any]) -> list[Any]:
    """Return the finished futures after a short wait."""
    from distributed import wait

    try:
        return list(wait(list(waiting), timeout=POLL_SECONDS, return_when="FIRST_COMPLETED").done)
    except TimeoutError:
        return []


def result(future: Any, draw: Draw) -> Dataset:
    """Return the labelled shard; raises the exception of its worker."""
    from distributed import KilledWorker

    try:
        shard: Dataset = future.result()
    except KilledWorker as error:
        raise DeviceError(
            f"shard {draw.shard} has killed {error.allowed_failures + 1} workers",
            "it may need more memory than one has",
        ) from error
    return shard
