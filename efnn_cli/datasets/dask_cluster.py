"""Tasks on a Dask cluster (optional extra `dask`): the same results, even if workers die.

Workers of one thread each label or sample, this process stores: only the scheduler's address is shared. The scheduler
gives the tasks of a dead worker to another one, up to its `allowed-failures`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

from efnn_cli.core import device as devices
from efnn_cli.core import doubles
from efnn_cli.core.errors import ConfigError, DeviceError
from efnn_cli.datasets.executors import POLL_SECONDS, CheckStop, Found, Task, one_thread_each

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

    def run(
        self,
        work: Callable[[Task, torch.device], Found],
        tasks: Iterable[Task],
        done: Callable[[Task, Found], Task | None],
        check_stop: CheckStop,
    ) -> None:
        """See `Executor`; raises `DeviceError` for no scheduler, or a task that has killed several workers."""
        left = iter(tasks)
        with connected(self.address, self.count) as client:

            def submitted(some: Iterable[Task]) -> dict[Any, Task]:
                return {client.submit(on_worker, work, each, self.device_name, pure=False): each for each in some}

            waiting = submitted(islice(left, SHARDS_PER_CORE * max(1, sum(client.nthreads().values()))))
            try:
                while waiting:
                    check_stop()
                    for future in finished(waiting):
                        task = waiting.pop(future)
                        following = done(task, result(future))
                        future.release()
                        waiting |= submitted(islice(left, 1) if following is None else [following])
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


def on_worker(work: Callable[[Task, torch.device], Found], task: Task, device_name: str) -> Found:
    """Do one task on a worker of the cluster, with one thread of linear algebra."""
    device = doubles.float64_device(devices.resolve(device_name))
    with one_thread_each(device):
        return work(task, device)


def finished(waiting: Iterable[Any]) -> list[Any]:
    """Return the finished futures after a short wait."""
    from distributed import wait

    try:
        return list(wait(list(waiting), timeout=POLL_SECONDS, return_when="FIRST_COMPLETED").done)
    except TimeoutError:
        return []


def result(future: Any) -> Any:
    """Return the result of a task; raises the exception of its worker."""
    from distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker as error:
        raise DeviceError(
            f"a shard has killed {error.allowed_failures + 1} workers", "it may need more memory than one has"
        ) from error
