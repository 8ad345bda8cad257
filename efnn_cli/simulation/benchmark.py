"""Monte Carlo with a network against Metropolis with diagonalisation: effective samples per second of one core.

The straightforward way moves one spin at a time, in a cone tuned to half the moves accepted, and diagonalises after
every move (eigenvalues alone). Its autocorrelation time is measured with the same moves on the energy of the network,
in many chains at once; at small sizes also directly, which shows that both agree. A sample counts as effective every
2 tau, tau the larger one of energy and m^2.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from efnn_cli.benchmarks.rows import Row
from efnn_cli.core import checks, rng
from efnn_cli.core.errors import ConfigError, InputError
from efnn_cli.datasets.executors import one_thread_each
from efnn_cli.datasets.find import find_dataset
from efnn_cli.physics.system import Array, System
from efnn_cli.runs.loading import Run
from efnn_cli.runs.origin import Origin
from efnn_cli.runs.stored import datasets_of
from efnn_cli.simulation import metropolis
from efnn_cli.simulation.chains import Sampler
from efnn_cli.simulation.gamma_method import Estimate, estimate
from efnn_cli.simulation.moves import NetworkMoves
from efnn_cli.simulation.settings import SamplePlan
from efnn_cli.storage import dataset

LOGGER = logging.getLogger("efnn")
CPU = torch.device("cpu")
TIMED_MOVES = 40  # of the straightforward way
Log = Callable[[str], None]


@dataclass(frozen=True)
class Effort:
    """Sweeps and proposals that autocorrelation times are measured with: at least four."""

    sweeps: int
    """Of local moves on the network, in every chain; a fifth before them is left out."""
    direct_sweeps: int
    """Of local moves with diagonalisation, in `direct_chains` chains; 0: none."""
    direct_chains: int
    proposals: int
    """Of every chain that the network moves and the exact energy corrects."""

    def __post_init__(self) -> None:
        checks.within("--sweeps", self.sweeps, 4, 1_000_000)
        checks.within("--proposals", self.proposals, 4, 1_000_000)
        if self.direct_sweeps:
            checks.within("--direct", self.direct_sweeps, 4, 1_000_000)


def measure(plan: SamplePlan, effort: Effort, log: Log) -> list[Row]:
    """Return the rows of one size, on one thread of a CPU: autocorrelation times, rates, and break-even.

    That is the number of effective samples after which the network, labels and training included, is the faster way.
    """
    if plan.reference is None:
        raise ConfigError("the benchmark is of corrected chains", "leave correct=false out")
    sampler, chains = plan.sampler(), plan.keys.chains
    size = max(plan.system.sides)
    with one_thread_each(CPU):
        start, _ = sampler.start(0, chains, CPU)
        spins = torch.from_numpy(start.spins)
        seconds = seconds_per_sweep(plan.system, spins[:1])
        log(f"L = {size}: {seconds:.3g} s a sweep with diagonalisation")
        width, tau = local_moves(sampler, spins, effort.sweeps)
        log(f"local moves on the network: tau {tau.tau:.3g} sweeps in a cone of {width:.2g}")
        rows = []
        if effort.direct_sweeps:
            direct = direct_moves(plan, spins[: effort.direct_chains], width, effort.direct_sweeps)
            log(f"local moves with diagonalisation: tau {direct.tau:.3g} +- {direct.tau_error or 0:.2g} sweeps")
            rows.append(
                Row("tau-local-moves", size, direct.tau, float(tau.tau or 0), _ratio(direct.tau, tau.tau), "sweeps")
            )
        begun = time.perf_counter()
        _, found, _ = sampler.advance(start, 0, range(effort.proposals), CPU)
        each = (time.perf_counter() - begun) / (effort.proposals * chains)
        spins_of = np.moveaxis(found["spins"], 0, 1)  # (chains, proposals, 3, Lx, Ly)
        ours = slowest(np.moveaxis(found["energies"], 0, 1), (spins_of.mean(axis=(3, 4)) ** 2).sum(axis=2))
        log(f"network: {each:.3g} s a proposal, tau {ours.tau:.3g}, acceptance {found['accepted'].mean():.3f}")
    plain, fast = 1 / (2 * float(tau.tau or 0.5) * seconds), 1 / (2 * float(ours.tau or 0.5) * each)
    rows.append(Row("effective-samples", size, plain, fast, fast / plain, "samples/s"))
    if fast > plain:
        many = investment(plan.run) / (1 / plain - 1 / fast)
        rows.append(Row("break-even", size, None, many, None, "effective samples"))
    return rows


def investment(network: Run) -> float:
    """Return the seconds of one core that a network has cost: its training, and its labels where they are found.

    A network that goes on from another has also cost what that one did.
    """
    seconds = float(network.metrics["seconds"])
    try:
        origin = network.config.get("origin")
        while origin is not None:
            folder = Origin(**origin).folder
            seconds += float(folder.read_summary()["metrics"]["seconds"])
            origin = folder.read_config().get("origin")
        for stored in datasets_of(network.config):
            path = find_dataset(stored["content_sha256"], stored["path"], network.path)
            seconds += dataset.read(path).label_seconds
    except InputError as error:
        LOGGER.warning("break-even without all that the network has cost: %s", error.message)
    return seconds


def _ratio(first: float | None, second: float | None) -> float | None:
    return None if not first or not second else first / second


def seconds_per_sweep(system: System, spins: Tensor) -> float:
    """Return the seconds that one sweep takes with one diagonalisation a move, from some moves."""
    system.energy(spins)
    times = []
    for _ in range(min(TIMED_MOVES, max(3, 20_000 // system.sites))):
        begun = time.perf_counter()
        system.energy(spins)
        times.append(time.perf_counter() - begun)
    return float(np.median(times)) * system.sites


def slowest(*series: Array) -> Estimate:
    """Return the estimate with the largest tau, of series (chains, N)."""
    return max((estimate(each[..., None]) for each in series), key=lambda each: each.tau or 0.0)


def local_moves(sampler: Sampler, spins: Tensor, sweeps: int) -> tuple[float, Estimate]:
    """Return the cone of half acceptance and tau, in sweeps, of Metropolis moves on the network from `spins`."""
    moves = sampler.moves(CPU)
    generator = torch.Generator().manual_seed(rng.integer(sampler.seed, "bench sample", "local moves"))
    rounds = -(-sampler.system.sites // metropolis.sites_at_once(sampler.system.sides, sampler.reach))
    width = 0.5
    for _ in range(20):  # tuning: parts of a sweep
        spins, share = moves.sweep(spins, width, max(1, rounds // 5), generator)
        width = min(max(width * float(np.exp(share - 0.5)), 1e-3), 5.0)
    energies, squares = [], []
    for _ in range(sweeps + sweeps // 5):
        spins, _ = moves.sweep(spins, width, rounds, generator)
        energies.append(_energies(moves, spins))
        squares.append(spins.mean(dim=(2, 3)).square().sum(dim=1).numpy())
    return width, slowest(*(np.array(each[sweeps // 5 :]).T for each in (energies, squares)))


def _energies(moves: NetworkMoves, spins: Tensor) -> Array:
    return np.asarray(moves.density(spins).sum(dim=(1, 2)).numpy())


def direct_moves(plan: SamplePlan, spins: Tensor, width: float, sweeps: int) -> Estimate:
    """Return tau, in sweeps, of single-spin moves with a diagonalisation each, from `spins` (chains, 3, Lx, Ly)."""
    system, temperature = plan.system, plan.temperature
    generator = rng.stream(plan.keys.seed, "bench sample", "diagonalisation")
    spins, energies = spins.clone(), system.energy(spins)
    rows, squares = [], []
    for _ in range(sweeps):
        for _ in range(system.sites):
            x, y = (int(generator.integers(side)) for side in system.sides)
            tried = spins.clone()
            normals = torch.from_numpy(generator.normal(size=(len(spins), 3, 1)))
            tried[:, :, x, y] = metropolis.turned(spins[:, :, x, y, None], width, normals)[..., 0]
            new = system.energy(tried)
            accepted = torch.from_numpy(generator.random(len(spins))) < (-(new - energies) / temperature).exp()
            spins = torch.where(accepted[:, None, None, None], tried, spins)
            energies = torch.where(accepted, new, energies)
        rows.append(energies.numpy())
        squares.append(spins.mean(dim=(2, 3)).square().sum(dim=1).numpy())
    return slowest(np.array(rows).T, np.array(squares).T)
