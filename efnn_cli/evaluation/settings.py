"""Settings of `evaluate`, `extrapolate` and `predict`, checked."""

from __future__ import annotations

from dataclasses import dataclass

from efnn_cli.core import checks, device
from efnn_cli.core.errors import ConfigError
from efnn_cli.core.size import lattice_size
from efnn_cli.datasets.settings import MAX_SAMPLES, TOLERANCES, ExecutorOptions, check_common, check_published
from efnn_cli.physics import sampling


@dataclass
class EvaluateConfig:
    """Part of the training dataset to evaluate on, and the device."""

    split: str
    seen: str
    device: str

    def __post_init__(self) -> None:
        checks.one_of("split", self.split, ("train", "val", "test"))
        checks.one_of("seen", self.seen, ("keep", "drop"))
        device.check_name(self.device)


@dataclass
class PredictConfig:
    """Device of the predictions."""

    device: str

    def __post_init__(self) -> None:
        device.check_name(self.device)


@dataclass
class ExtrapolateConfig:
    """Sizes and reference datasets of an extrapolation."""

    L: list[int | str] | None
    samples: int | None
    seed: int
    sampling: str
    reference: str
    tolerance: float
    executor: ExecutorOptions
    device: str
    workers: int | None

    def __post_init__(self) -> None:
        check_common(self.seed, self.device, self.workers)
        checks.within("tolerance", self.tolerance, *TOLERANCES)
        checks.one_of("sampling", self.sampling, ("auto", *sampling.SAMPLINGS))
        checks.one_of("reference", self.reference, ("auto", "formula", "dense", "determinant"))
        check_published(self.sampling, self.seed, self.samples or 1)
        if self.samples is not None:
            checks.within("samples", self.samples, 1, MAX_SAMPLES)
        if self.L is not None:
            self.L = [lattice_size("L", size) for size in self.L]
        if (self.L is not None and len(set(self.L)) != len(self.L)) or self.L == []:
            raise ConfigError(f"L: wanted a list of different sizes, found {self.L}")
