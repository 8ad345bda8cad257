"""Seconds per configuration of the double-exchange energies on one core, by several methods; measured once."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from efnn_cli.benchmarks import published_labels
from efnn_cli.benchmarks.rows import DENSE_UP_TO
from efnn_cli.core.signals import StopRequest
from efnn_cli.datasets.executors import one_thread_each
from efnn_cli.datasets.job import Job
from efnn_cli.physics.double_exchange import DoubleExchange
from efnn_cli.runs.loading import Run
from efnn_cli.storage import atomic, documents
from efnn_cli.training.predict import predict

LOGGER = logging.getLogger("efnn")

SECONDS = 1.0  # of repeats for what is quick
REPEATS = 5
BATCH = 16
NETWORK, BATCHED, DENSE, DETERMINANT, PUBLISHED_WAY = (
    "EFNN, one configuration",
    "EFNN, in batches of 16",
    "all eigenvalues",
    "determinants",
    "eigh, as published",
)
COLUMNS = ("method", "L", "seconds", "run")
NETWORKS = (NETWORK, BATCHED)

Times = Mapping[str, list[tuple[int, float]]]
Key = tuple[str, int, str]
"""Method, L, and the run of the network; no run for references."""


def measure_times(system: DoubleExchange, network: Run, sizes: Sequence[int], path: Path, stop: StopRequest) -> Times:
    """Return seconds against L by method; figures in the table at `path` are not measured again."""
    known = read(path)
    run = network.path.name
    for size in sorted(sizes):
        for method, work, count in _methods(system.at_size(size), network):
            key = (method, size, run if method in NETWORKS else "")
            if key in known:
                continue
            known[key] = _seconds(work) / count
            LOGGER.info("L = %d, %s: %.3g s", size, method, known[key])
            write(path, known)
            stop.check()
    return by_method(known, sizes, run)


def by_method(known: Mapping[Key, float], sizes: Sequence[int], run: str) -> Times:
    """Return the table as curves, only with the sizes asked for and the network of `run`."""
    curves = {}
    for method in (PUBLISHED_WAY, DENSE, DETERMINANT, NETWORK, BATCHED):
        mine = [(L, value) for (name, L, owner), value in known.items() if name == method and owner in ("", run)]
        if mine:
            curves[method] = sorted((L, value) for L, value in mine if L in sizes)
    return curves


def _methods(system: DoubleExchange, network: Run) -> list[tuple[str, Callable[[], object], int]]:
    """Return name, work and number of configurations of every method at one size."""
    job = Job(system, "uniform_sphere", 0, "bench", BATCH, "dense")
    spins = job.spins(job.shards()[0])
    one = torch.from_numpy(spins[:1])
    many = spins[[index % len(spins) for index in range(BATCH)]]  # a shard of a large lattice is smaller

    def published() -> object:
        return published_labels.energy(spins[0], system.t, system.J, system.mu, system.T)

    methods: list[tuple[str, Callable[[], object], int]] = [
        (DETERMINANT, lambda: system.label(one, "determinant"), 1),
        (NETWORK, lambda: predict(network.model, spins[:1], network.device), 1),
        (BATCHED, lambda: predict(network.model, many, network.device), BATCH),
    ]
    if system.sides[0] <= DENSE_UP_TO:
        methods += [(DENSE, lambda: system.label(one, "dense"), 1), (PUBLISHED_WAY, published, 1)]
    return methods


def _seconds(work: Callable[[], object]) -> float:
    """Return the median on one core, repeated while it is quick; the first call warms up unless it takes long."""
    times: list[float] = []
    with one_thread_each(torch.device("cpu")):
        while len(times) < 2 or (sum(times) < SECONDS and len(times) <= REPEATS):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
            if times[0] > SECONDS:
                return times[0]
    return statistics.median(times[1:])


def read(path: Path) -> dict[Key, float]:
    """Return the table by method, size and run; raises `InputError` for another table."""
    if not path.exists():
        return {}
    rows = documents.read_table(path, COLUMNS, whole=("L",), words=("method", "run"))
    return {(row["method"], int(row["L"]), row["run"]): float(row["seconds"]) for row in rows}


def write(path: Path, known: Mapping[Key, float]) -> None:
    """Write the table, a row a method, size and network."""
    rows = ((method, size, seconds, run) for (method, size, run), seconds in sorted(known.items()))
    atomic.write_csv(path, [COLUMNS, *rows])
