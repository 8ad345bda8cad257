"""Who labels the shards of a job: threads of this process, or the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from efnn_cli.core.device import describe
from efnn_cli.datasets import workers
from efnn_cli.datasets.job import Job
from efnn_cli.datasets.shards import Shard
from efnn_cli.physics import Draw


@dataclass(frozen=True)
class Cluster:
    """A Dask cluster: the scheduler's address, or None for one that is started here."""

    address: str | None
    device_name: str
    """As the user said it: every worker resolves it for itself."""


@dataclass(frozen=True)
class Crew:
    """`count` workers; on an accelerator a single one, which takes whole batches."""

    device: torch.device
    count: int
    cluster: Cluster | None = None

    @property
    def at_once(self) -> int:
        """Batches that are in the memory of this machine at a time."""
        if self.cluster is not None and self.cluster.address is not None:
            return 0
        return self.count if self.device.type == "cpu" else 1

    def label(
        self,
        job: Job,
        draws: Iterable[Draw],
        store: Callable[[Draw, Shard], None],
        done: Callable[[Draw], None],
        pause: Callable[[], None],
    ) -> None:
        """Label `draws` and hand them to `store` in any order; `done` is told of each, `pause` may raise to stop."""
        if self.cluster is None:
            workers.run(job, draws, store, self.device, self.count, done, pause)
            return
        from efnn_cli.datasets import dask_cluster  # an optional extra, and seconds to import

        dask_cluster.run(job, draws, store, self.cluster.device_name, self.cluster.address, self.count, done, pause)

    def describe(self) -> str:
        """For logs."""
        if self.cluster is None:
            return f"{describe(self.device)}, {self.count} workers"
        return f"the Dask cluster {self.cluster.address or f'of {self.count} workers here'}"
