"""Keys of every command besides its groups: defaults, meaning and bounds in one dataclass each.

The docstring below a field is its meaning in help, completion and reference. Where it begins with `One of a, b, c`,
these are the values to choose from.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from typing import Any

from efnn_cli.config.shared_options import (
    MAX_SAMPLES,
    MAX_WORKERS,
    REFERENCES,
    TOLERANCES,
    ExecutorOptions,
    LadderOptions,
    NewParameters,
    check_common,
    check_published,
)
from efnn_cli.config.simulation_options import LearnKeys, SampleKeys
from efnn_cli.core import checks, device, ranks
from efnn_cli.core.errors import ConfigError
from efnn_cli.core.size import lattice_size


@dataclass
class GenerateKeys:
    """The configurations to draw, and how to label them."""

    seed: int = 0
    """Seed of the spins; couplings have their own, system.coupling_seed."""
    samples: int = 20000
    """Number of configurations."""
    sampling: str = "auto"
    """One of auto, uniform_sphere, uniform_angles, thermal, ladder, published, uniform; auto: the uniform one."""
    spin_temperature: int | float | str | None = None
    """Temperature of sampling=thermal, LOW:HIGH of ladder (null: 0.02:1.0), in units of the coupling scale."""
    spin_coupling: float | None = None
    """Coupling of sampling=thermal and ladder; null: J1, or fitted to the labels of uniform spins."""
    spin_sweeps: int = 100
    """Sweeps of every chain of sampling=thermal and ladder."""
    ladder: LadderOptions = field(default_factory=LadderOptions)
    reference: str = "auto"
    """One of auto, formula, dense, determinant; auto: the fastest."""
    tolerance: float = 1e-10
    """Relative error of reference=determinant."""
    fields: bool = False
    """Store the fields -dE/dS beside the energies."""
    levels: bool = False
    """Store the one-particle levels too, from which efnn relabel gives energies at other system.T and system.mu."""
    executor: ExecutorOptions = field(default_factory=ExecutorOptions)
    device: str = "auto"
    """One of auto, cpu, cuda, mps; cuda:INDEX: the GPU of that number."""
    workers: int | None = None
    """Labelling threads (or processes of a Dask cluster here); null: all cores."""

    def __post_init__(self) -> None:
        check_common(self.seed, self.device, self.workers)
        checks.within("samples", self.samples, 1, MAX_SAMPLES)
        checks.within("tolerance", self.tolerance, *TOLERANCES)


@dataclass
class TrainKeys:
    """The network and its training. The dataset decides the system; system=NAME narrows the choice."""

    seed: int = 0
    """Seed of initial weights and batches; the split belongs to the dataset."""
    device: str = "auto"
    """One of auto, cpu, cuda, mps; cuda:INDEX: the GPU of that number."""
    log: str = "csv"
    """One of csv, tensorboard; tensorboard: event files beside metrics.csv, needs pip install 'efnn[tensorboard]'."""

    def __post_init__(self) -> None:
        check_common(self.seed, self.device, None)
        checks.one_of("log", self.log, ("csv", "tensorboard"))
        if self.log == "tensorboard" and importlib.util.find_spec("tensorboard") is None:
            raise ConfigError("log=tensorboard needs the package tensorboard", "pip install 'efnn[tensorboard]'")
        if ranks.is_distributed():
            device.check_shared(self.device)


@dataclass
class EvaluateKeys:
    """Errors of finished runs on a dataset."""

    split: str = "test"
    """One of train, val, test: the part of the training dataset; other datasets are taken whole."""
    seen: str = "keep"
    """One of keep, drop: configurations that a run has seen in training or validation; keep warns."""
    device: str = "auto"
    """One of auto, cpu, cuda, mps; cuda:INDEX: the GPU of that number."""

    def __post_init__(self) -> None:
        checks.one_of("split", self.split, ("train", "val", "test"))
        checks.one_of("seen", self.seen, ("keep", "drop"))
        device.check_name(self.device)


@dataclass
class ExtrapolateKeys:
    """Errors on lattices of other sizes, against freshly labelled references."""

    L: list[int | str] | None = None
    """List of sizes such as [20,12x8]; null: 1, 2 and 4 times the training lattice."""
    samples: int | None = None
    """Configurations of every size; null: 64 for L <= 40, 16 up to 64, 4 above."""
    seed: int = 0
    """Seed of the reference configurations, which never repeat training configurations."""
    sampling: str = "auto"
    """One of auto, uniform_sphere, uniform_angles, thermal, ladder, published; auto: that of the training dataset."""
    spin_temperature: int | float | str | None = None
    """Temperature of sampling=thermal, LOW:HIGH of ladder; null: that of the training dataset."""
    spin_coupling: float | None = None
    """Coupling of sampling=thermal and ladder; null: that of the training dataset, else as in generate."""
    spin_sweeps: int | None = None
    """Sweeps of every chain of sampling=thermal and ladder; null: that of the training dataset, else 100."""
    ladder: LadderOptions = field(default_factory=LadderOptions)
    reference: str = "auto"
    """One of auto, formula, dense, determinant; auto: the fastest."""
    tolerance: float = 1e-10
    """Relative error of reference=determinant."""
    fields: bool = False
    """Give the references fields -dE/dS too, and measure those of the network."""
    executor: ExecutorOptions = field(default_factory=ExecutorOptions)
    device: str = "auto"
    """One of auto, cpu, cuda, mps; cuda:INDEX: the GPU of that number."""
    workers: int | None = None
    """Labelling threads (or processes of a Dask cluster here); null: all cores."""

    def __post_init__(self) -> None:
        from efnn_cli.physics import sampling  # loads PyTorch

        check_common(self.seed, self.device, self.workers)
        checks.within("tolerance", self.tolerance, *TOLERANCES)
        checks.one_of("sampling", self.sampling, ("auto", *sampling.SAMPLINGS))
        checks.one_of("reference", self.reference, REFERENCES)
        check_published(self.sampling, self.seed, self.samples or 1)
        if self.samples is not None:
            checks.within("samples", self.samples, 1, MAX_SAMPLES)
        if self.L is not None:
            self.L = [lattice_size("L", each) for each in self.L]
        if (self.L is not None and len(set(self.L)) != len(self.L)) or self.L == []:
            raise ConfigError(f"L: wanted a list of different sizes, found {self.L}")


@dataclass
class PredictKeys:
    """Energies of configurations without labels."""

    device: str = "auto"
    """One of auto, cpu, cuda, mps; cuda:INDEX: the GPU of that number."""

    def __post_init__(self) -> None:
        device.check_name(self.device)


@dataclass
class RelabelKeys:
    """Energies of other parameters from stored levels."""

    system: NewParameters = field(default_factory=NewParameters)


@dataclass
class ReproduceKeys:
    """The experiments of the paper, at a chosen scale."""

    scale: str = "smoke"
    """One of smoke, laptop, paper: smoke takes minutes, laptop an hour or two on 2 cores, paper a GPU or cluster."""
    device: str = "auto"
    """One of auto, cpu, cuda, mps; cuda:INDEX: the GPU of that number."""
    workers: int | None = None
    """Trainings side by side; null: one a core on a CPU, one on a GPU."""

    def __post_init__(self) -> None:
        device.check_name(self.device)
        if self.workers is not None:
            checks.within("workers", self.workers, 1, MAX_WORKERS)


COMMANDS: dict[str, type[Any]] = {
    "generate": GenerateKeys,
    "train": TrainKeys,
    "evaluate": EvaluateKeys,
    "extrapolate": ExtrapolateKeys,
    "predict": PredictKeys,
    "relabel": RelabelKeys,
    "sample": SampleKeys,
    "learn": LearnKeys,
    "reproduce": ReproduceKeys,
}

GROUPS: dict[str, dict[str, str | None]] = {
    "generate": {"system": "???", "executor": "threads"},
    "train": {"system": None, "model": "efnn", "training": "default"},
    "extrapolate": {"executor": "threads"},
    "sample": {"executor": "threads"},
    "learn": {"system": "???"},
    "reproduce": {"experiment": "???"},
}
"""Groups that a command chooses from by name (`model=efnn`), with the defaults; `???` must be given."""
