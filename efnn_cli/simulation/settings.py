"""Settings of `efnn sample`: composed keys, checked against the network that moves the chains."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from efnn_cli.config.compose import Composed
from efnn_cli.config.fingerprint import fingerprint
from efnn_cli.config.schema import typed
from efnn_cli.config.simulation_options import SampleKeys
from efnn_cli.core import doubles, resources
from efnn_cli.core.errors import ConfigError, InputError
from efnn_cli.core.results import shown
from efnn_cli.datasets.executors import Executor
from efnn_cli.datasets.find import DATA
from efnn_cli.datasets.settings import check_reference, executor_of
from efnn_cli.physics.system import System
from efnn_cli.physics.thermal import Bath
from efnn_cli.runs.loading import Run, weights_digest
from efnn_cli.simulation import tuning
from efnn_cli.simulation.chains import TUNINGS, Sampler, warmup_of
from efnn_cli.simulation.moves import Settings
from efnn_cli.storage import atomic
from efnn_cli.storage.dataset import EXTERNAL

SAMPLES = DATA / "samples"
GROUP = {"cpu": 8, "cuda": 64}  # chains that move as one batch, at most
SITES_A_SEGMENT = 1000  # proposals of a file that is written on the way, times sites
Work = str | range  # of a segment: what is tuned, or the numbers of its proposals, those of warm-up below 0
SWEEPS = 100  # of the classical model that the chains start from


@dataclass(frozen=True)
class SamplePlan:
    """Chains to run: keys, network, system, and their file."""

    keys: SampleKeys
    run: Run
    system: System
    temperature: float
    reference: str | None
    """None: uncorrected."""
    path: Path
    tag: str
    """Hash of everything that the chains depend on."""
    usual: bool
    """False for a path that the user chose."""
    group: int
    """Chains that move as one batch, at most."""

    @property
    def groups(self) -> list[range]:
        """Return the chains of every group: as few groups as hold them, of nearly equal size."""
        chains, count = self.keys.chains, -(-self.keys.chains // self.group)
        ends = [chains * index // count for index in range(count + 1)]
        return [range(first, end) for first, end in itertools.pairwise(ends)]

    @property
    def segments(self) -> list[Work]:
        """Return the work of every file that is written on the way: what is tuned, then numbers of proposals."""
        length = max(1, SITES_A_SEGMENT // self.system.sites)
        parts: list[Work] = [*TUNINGS]
        for numbers in (warmup_of(self.keys.warmup), range(self.keys.proposals)):
            parts += [numbers[first : first + length] for first in range(0, len(numbers), length)]
        return parts

    def sampler(self) -> Sampler:
        """Return the sampler."""
        keys = self.keys
        moves = Settings(keys.moves, keys.trajectories or 1, keys.steps or tuning.SHORT)
        reach = self.run.config["receptive_field"] or max(self.system.sides)
        return Sampler(
            model=self.run.model,
            reach=reach,
            system=self.system,
            temperature=self.temperature,
            reference=self.reference,
            tolerance=keys.tolerance,
            fields=keys.fields,
            settings=moves,
            tune_steps=keys.steps is None,
            tune_trajectories=keys.trajectories is None,
            warmup=keys.warmup,
            seed=keys.seed,
            bath=bath_of(self.system, self.temperature),
        )

    def executor(self) -> Executor:
        """Return the executor that runs the groups."""
        keys = self.keys
        return executor_of(keys.executor, self.run.device, keys.workers or resources.cores(), keys.device)


def bath_of(system: System, temperature: float) -> Bath | None:
    """Return the classical model that chains start from; None for a system that has none."""
    try:
        coupling = system.effective_coupling()
    except ConfigError:
        return None
    return Bath(temperature, coupling, SWEEPS, system.kind_of_lattice.name)


def keys_of(composed: Composed) -> SampleKeys:
    """Return the typed keys; raises `ConfigError` for those that contradict each other."""
    keys = typed(SampleKeys, composed.values)
    if not keys.correct:
        for name in ("reference", "tolerance", "fields"):
            if name in composed.settings:
                raise ConfigError(f"{name} has no effect with correct=false", f"leave {name} out")
    return keys


def plan(keys: SampleKeys, run: Run, out: Path | None = None, device_type: str | None = None) -> SamplePlan:
    """Return the chains to run; raises `ConfigError` and `InputError` for what a network or a system cannot do.

    Chains move in groups, of another size on another `device_type`: by default that of the network.
    """
    doubles.require(run.device, "chains move")
    trained = run.system
    if trained.geometry != "lattice":
        raise InputError(f"{shown(run.path)}: sampling moves unit vectors on a lattice, {trained.kind} has none")
    if trained.name == EXTERNAL and keys.correct:
        raise InputError(
            f"{shown(run.path)} learned labels from elsewhere: no exact energies correct its chains", "correct=false"
        )
    if keys.correct and (error := trained.unknown()) is not None:
        raise error
    system = _system(keys, trained.at_size(trained.size if keys.system.L is None else keys.system.L))
    temperature = temperature_of(keys.temperature, system)
    if not keys.correct and system.hamiltonian() != trained.hamiltonian():
        raise ConfigError("another system.T or system.mu than that of the network needs correct=true", "leave it out")
    if keys.moves != "hybrid" and not hasattr(run.model.network, "features"):
        raise ConfigError(
            f"moves={keys.moves} needs the densities of a network, {run.config['model']['name']} has none"
        )
    kind = device_type or run.device.type
    reference = _reference(keys, system, kind) if keys.correct else None
    tag = fingerprint(_identity(keys, run, system, temperature, reference) | {"group": GROUP[kind]})
    name = f"{system.name}-L{system.size}-T{temperature:g}-c{keys.chains}-n{keys.proposals}-s{keys.seed}-{tag}.h5"
    path = out or SAMPLES / name
    atomic.require_name(path)
    return SamplePlan(keys, run, system, temperature, reference, path, tag, out is None, GROUP[kind])


def _system(keys: SampleKeys, system: System) -> System:
    """Return the system with the T and mu of `keys`; raises `ConfigError` where it has none."""
    chosen = {"T": keys.system.T, "mu": keys.system.mu}
    given = {name: each for name, each in chosen.items() if each is not None}
    for name in given:
        if not hasattr(system, name):
            raise ConfigError(f"system.{name}: {system.kind} has none", "temperature=... is that of the spins")
    return dataclasses.replace(system, **given) if given else system  # type: ignore[type-var]


def temperature_of(given: float | None, system: System) -> float:
    """Return the temperature of the ensemble: that of the electrons where there are any, else the one `given`."""
    own = getattr(system, "T", None)
    if own is not None and given is not None and given != own:
        raise ConfigError(f"temperature={given:g}: electrons and spins share system.T = {own:g}", f"system.T={given:g}")
    if own is not None:
        return float(own)
    if given is None:
        raise ConfigError(f"{system.kind} has no temperature of its own", "give temperature=0.5, for example")
    return given


def _reference(keys: SampleKeys, system: System, device: str) -> str:
    """Return the exact method."""
    check_reference(system, keys.reference)
    if keys.reference != "auto":
        return keys.reference
    return system.fastest_reference(device, fields=keys.fields)


def _identity(keys: SampleKeys, run: Run, system: System, temperature: float, reference: str | None) -> dict[str, Any]:
    """Return everything that the chains depend on, but for the size of a group."""
    without = ("executor", "device", "workers", "system", "reference")
    return {
        **{name: each for name, each in dataclasses.asdict(keys).items() if name not in without},
        "system": system.described(),
        "temperature": temperature,
        "reference": reference,
        "weights": weights_digest([run]),
    }
