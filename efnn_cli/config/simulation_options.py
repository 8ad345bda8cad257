"""Keys of the commands that run Markov chains, as in options.py."""

from __future__ import annotations

from dataclasses import dataclass, field

from efnn_cli.config.shared_options import (
    MAX_SAMPLES,
    REFERENCES,
    TOLERANCES,
    ExecutorOptions,
    NewParameters,
    check_common,
)
from efnn_cli.core import checks
from efnn_cli.core.size import lattice_size


@dataclass
class SampledParameters(NewParameters):
    """The lattice and the electrons of Markov chains, where they differ from those of the network."""

    L: int | str | None = None
    """Side of the lattice, 12x8 for a rectangle; null: that of the training lattice."""

    def __post_init__(self) -> None:
        if self.L is not None:
            self.L = lattice_size("system.L", self.L)


@dataclass
class SampleKeys:
    """Markov chains whose moves a network proposes and an exact reference corrects."""

    chains: int = 16
    """Number of chains, moved side by side."""
    proposals: int = 100
    """Proposals of every chain that are kept."""
    warmup: int = 10
    """Proposals of every chain before them, after the moves have been tuned."""
    moves: str = "hybrid"
    """One of hybrid, metropolis, mixed; hybrid: trajectories, metropolis: moves of distant sites, mixed: both."""
    trajectories: int | None = None
    """Moves of the network in a proposal; null: two autocorrelation times, measured in warm-up."""
    steps: int | None = None
    """Leapfrog steps of a trajectory on average, or rounds of Metropolis moves; null: tuned, 8 for moves=metropolis."""
    temperature: float | None = None
    """Temperature of the spins of a classical system; one with electrons has system.T."""
    system: SampledParameters = field(default_factory=SampledParameters)
    correct: bool = True
    """Accept or reject by exact energies; false: sample the network itself."""
    reference: str = "auto"
    """One of auto, formula, dense, determinant; auto: the fastest."""
    tolerance: float = 1e-10
    """Relative error of reference=determinant."""
    fields: bool = False
    """Label with fields -dE/dS too, for training on the samples."""
    seed: int = 0
    """Seed of the chains."""
    executor: ExecutorOptions = field(default_factory=ExecutorOptions)
    device: str = "auto"
    """One of auto, cpu, cuda; cuda:INDEX: the GPU of that number."""
    workers: int | None = None
    """Groups of chains side by side (or processes of a Dask cluster here); null: all cores."""

    def __post_init__(self) -> None:
        check_common(self.seed, self.device, self.workers)
        checks.within("chains", self.chains, 1, 100_000)
        checks.within("proposals", self.proposals, 1, MAX_SAMPLES)
        checks.within("warmup", self.warmup, 0, 1_000_000)
        checks.within("tolerance", self.tolerance, *TOLERANCES)
        checks.one_of("moves", self.moves, ("hybrid", "metropolis", "mixed"))
        checks.one_of("reference", self.reference, REFERENCES)
        if self.steps is not None:
            checks.within("steps", self.steps, 1, 10_000)
        if self.trajectories is not None:
            checks.within("trajectories", self.trajectories, 1, 100_000)
        if self.temperature is not None:
            checks.within("temperature", self.temperature, 1e-9, 1e9)


@dataclass
class LearnKeys:
    """A network learned from nothing for one ensemble: labels, training, sampling, in rounds."""

    rounds: int = 4
    """Rounds of training and sampling, at most; it ends where effective samples per label stop rising."""
    labels: int = 400
    """Exact labels of a ladder of temperatures, with fields, that the first network is trained on."""
    spin_temperature: str | None = None
    """LOW:HIGH of that ladder; null: 0.7 to 4 times the temperature of the ensemble."""
    chains: int = 16
    """Number of chains of every round."""
    proposals: int = 10
    """Proposals of every chain in a round: each costs an exact label, which the next network is trained on."""
    test: int = 100
    """Thermal configurations that no network is trained on, for the errors."""
    spin_coupling: float | None = None
    """Coupling of the classical model that the ladder and the test set are drawn from; null: fitted to the system."""
    gradient_steps: int = 6000
    """Steps of the first training; later ones, which go on from the network before, take a third of them."""
    temperature: float | None = None
    """Temperature of the spins of a classical system; one with electrons has system.T."""
    seed: int = 0
    """Seed of labels, trainings and chains."""
    device: str = "auto"
    """One of auto, cpu, cuda; cuda:INDEX: the GPU of that number."""
    workers: int | None = None
    """Threads that label, and groups of chains side by side; null: all cores."""

    def __post_init__(self) -> None:
        check_common(self.seed, self.device, self.workers)
        checks.within("rounds", self.rounds, 1, 1000)
        checks.within("labels", self.labels, 10, MAX_SAMPLES)
        checks.within("chains", self.chains, 3, 100_000)
        checks.within("proposals", self.proposals, 4, MAX_SAMPLES)
        checks.within("test", self.test, 2, MAX_SAMPLES)
        checks.within("gradient_steps", self.gradient_steps, 1, 100_000_000)
        if self.temperature is not None:
            checks.within("temperature", self.temperature, 1e-9, 1e9)
