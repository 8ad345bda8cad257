"""Shards on a Dask cluster: the same shards with the same results, whoever computes them, even if workers die.

The optional extra `dask`. Workers (of one thread each) label, this process stores: nothing but the scheduler's address
is shared. The scheduler gives the shards of a dead worker to another one, up to its `allowed-failures`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

from threadpoolctl import threadpool_limits

from efnn_cli.core import device as devices
from efnn_cli.core.errors import ConfigError, DeviceError
from efnn_cli.datasets.job import Job
from efnn_cli.datasets.shards import Shard
from efnn_cli.datasets.workers import POLL_SECONDS, label_shard, one_torch_thread
from efnn_cli.physics import Draw

CONNECT_SECONDS = 10
SHARDS_PER_CORE = 4  # in flight, so that no worker waits and no memory fills up

LOGGER = logging.getLogger("efnn")


def run(
    job: Job,
    draws: Iterable[Draw],
    store: Callable[[Draw, Shard], None],
    device_name: str,
    address: str | None,
    workers: int,
    done: Callable[[Draw], None],
    pause: Callable[[], None],
) -> None:
    """Label `draws` on the cluster at `address`, or on a local one of `workers` processes started for it.

    `device_name` is resolved by every worker for itself. `store`, `done` and `pause` as in `workers.run`. Raises
    `DeviceError` where the scheduler is not reached, or a shard has killed several workers.
    """
    left = iter(draws)
    with connected(address, workers) as client:
        window = SHARDS_PER_CORE * max(1, sum(client.nthreads().values()))
        waiting = {submit(client, job, draw, device_name): draw for draw in islice(left, window)}
        try:
            while waiting:
                pause()
                for future in finished(waiting):
                    draw = waiting.pop(future)
                    store(draw, result(future, draw))
                    future.release()
                    done(draw)
                    waiting |= {submit(client, job, each, device_name): each for each in islice(left, 1)}
        finally:
            client.cancel(list(waiting))


@contextmanager
def connected(address: str | None, workers: int) -> Iterator[Any]:
    """A client of the scheduler at `address`, or of a cluster of this machine that ends with it."""
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
    """Send one shard; of configurations that are given, only its own travel."""
    if job.given is not None:
        job, draw = replace(job, given=job.spins(draw)), replace(draw, first=0)
    return client.submit(label_there, job, draw, device_name, pure=False)


def label_there(job: Job, draw: Draw, device_name: str) -> Shard:
    """One shard, on a worker of the cluster, with one thread of linear algebra as everywhere."""
    device = devices.resolve(device_name)
    with threadpool_limits(1 if device.type == "cpu" else None), one_torch_thread(device):
        return label_shard(job, draw, device)


def finished(waiting: Iterable[Any]) -> list[Any]:
    """Those that are finished, after a short wait."""
    from distributed import wait

    try:
        return list(wait(list(waiting), timeout=POLL_SECONDS, return_when="FIRST_COMPLETED").done)
    except TimeoutError:
        return []


def result(future: Any, draw: Draw) -> Shard:
    """The labelled shard; raises what its worker raised."""
    from distributed import KilledWorker

    try:
        shard: Shard = future.result()
    except KilledWorker as error:
        raise DeviceError(
            f"shard {draw.shard} has killed {error.allowed_failures + 1} workers",
            "it may need more memory than one has",
        ) from error
    return shard
