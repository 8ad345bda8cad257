"""Seconds per configuration of double-exchange labels against L: straightforward, dense, determinant, CUDA."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from efnn_cli.benchmarks import published_labels
from efnn_cli.benchmarks.rows import DENSE_UP_TO, Row
from efnn_cli.core.resources import cores
from efnn_cli.datasets.cost import shard_size
from efnn_cli.datasets.executors import Threads, label_shard
from efnn_cli.datasets.job import Job
from efnn_cli.figures.power_law import power_law
from efnn_cli.physics.double_exchange import DoubleExchange
from efnn_cli.physics.system import Array, Draw
from efnn_cli.storage.dataset import Dataset

UNIT = "seconds per configuration"


@dataclass(frozen=True)
class LabelTimes:
    """All rows, the largest relative difference between any two methods, growth exponents of the cost."""

    rows: list[Row]
    largest_relative_difference: float
    exponents: dict[str, float]


def samples_at(size: int) -> int:
    """Configurations per repeat: one shard for every core."""
    return cores() * shard_size(DoubleExchange(L=size))


def run(sizes: Sequence[int], repeats: int, log: Callable[[str], None]) -> LabelTimes:
    """Measure every method at every size, in turns, medians over `repeats`."""
    rows: list[Row] = []
    difference = 0.0
    for size in sizes:
        system = DoubleExchange(L=size)
        job = Job(system, "uniform_sphere", 0, "bench", samples_at(size), "dense")
        methods = methods_at(job)
        seconds: dict[str, list[float]] = {name: [] for name in methods}
        energies: dict[str, Array] = {}
        for _ in range(repeats if size <= 20 else 1):
            for name, label in methods.items():
                start = time.perf_counter()
                energies[name] = label()
                seconds[name].append((time.perf_counter() - start) / job.samples)
                log(f"L = {size}: {name} {seconds[name][-1]:.3g} s per configuration")
        difference = max(difference, _largest_difference(list(energies.values())))
        medians = {name: statistics.median(each) for name, each in seconds.items()}
        plain = medians.pop("straightforward", None)
        for name, ours in medians.items():
            rows.append(Row(name, size, plain, ours, None if plain is None else plain / ours, UNIT))
    return LabelTimes(rows, difference, {case: slope for case in _cases(rows) if (slope := exponent(rows, case))})


def methods_at(job: Job) -> dict[str, Callable[[], Array]]:
    """Return the methods to compare at one size, each labelling the same configurations."""
    size, cpu = job.system.sides[0], torch.device("cpu")
    methods: dict[str, Callable[[], Array]] = {}
    if size <= DENSE_UP_TO:
        methods["straightforward"] = lambda: label_straightforward(job)
        methods["dense-cpu"] = lambda: label(job, cpu)
    methods["determinant-cpu"] = lambda: label(replace(job, reference="determinant"), cpu)
    if torch.cuda.is_available():
        if size <= DENSE_UP_TO:
            methods["dense-cuda"] = lambda: label(job, torch.device("cuda"))
        methods["determinant-cuda"] = lambda: label(replace(job, reference="determinant"), torch.device("cuda"))
    return methods


def label_straightforward(job: Job) -> Array:
    """One configuration after the other, with all cores for BLAS."""
    system = job.system
    assert isinstance(system, DoubleExchange)
    parameters = (system.t, system.J, system.mu, system.T)
    spins = np.concatenate([job.spins(draw) for draw in job.shards()])
    with threadpool_limits(cores()):
        return np.array([published_labels.energy(each, *parameters) for each in spins])


def label(job: Job, device: torch.device) -> Array:
    """Label as `efnn generate` does, shards side by side, and keep the energies in memory."""
    energies: dict[int, Array] = {}

    def store(share: tuple[Job, Draw], shard: Dataset) -> None:
        energies[share[1].shard] = shard.energies

    Threads(device, cores()).run(label_shard, map(job.share, job.shards()), store, check_stop=lambda: None)
    return np.concatenate([energies[index] for index in sorted(energies)])


def _largest_difference(energies: list[Array]) -> float:
    return max(float(np.abs(a / energies[0] - 1).max()) for a in energies)


def _cases(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.case for row in rows))


def exponent(rows: Sequence[Row], case: str) -> float | None:
    """Slope of log(seconds) against log(L) for L >= 20; None with fewer than two sizes."""
    points = [(float(row.L), row.ours) for row in rows if row.case == case and row.L >= 20]
    return power_law(points).exponent if len({size for size, _ in points}) > 1 else None
