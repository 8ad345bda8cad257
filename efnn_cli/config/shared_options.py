"""Keys that several commands share, and their bounds."""

from __future__ import annotations

from dataclasses import dataclass

from efnn_cli.core import checks, device
from efnn_cli.core.errors import ConfigError

MAX_SAMPLES = 1_000_000_000
MAX_WORKERS = 1024
TOLERANCES = (1e-13, 1e-2)
REFERENCES = ("auto", "formula", "dense", "determinant")


def check_common(seed: int, device_name: str, workers: int | None) -> None:
    """Raise `ConfigError` for a seed, a device or a number of workers that no command takes."""
    checks.seed("seed", seed)
    device.check_name(device_name)
    if workers is not None:
        checks.within("workers", workers, 1, MAX_WORKERS)


def check_published(chosen: str, seed: int, samples: int) -> None:
    """Raise `ConfigError` for a seed or a number of samples beyond the range of sampling=published."""
    from efnn_cli.physics import sampling  # loads PyTorch

    if chosen == "published":
        checks.within("seed (with sampling=published)", seed, 0, sampling.PUBLISHED_MAX_SEED)
        checks.within("samples (with sampling=published)", samples, 1, sampling.PUBLISHED_BLOCK)


@dataclass
class ExecutorOptions:
    """Workers that label: threads of this process (LAPACK runs outside Python's lock), or a Dask cluster."""

    name: str = "threads"
    address: str | None = None
    """Scheduler of executor=dask, tcp://HOST:PORT; null: a cluster of --workers processes here, for this command."""

    def __post_init__(self) -> None:
        checks.one_of("executor", self.name, ("threads", "dask"))
        if self.address is not None and self.name != "dask":
            raise ConfigError("executor.address belongs to a Dask cluster", "add executor=dask")


@dataclass
class LadderOptions:
    """The temperatures of sampling=ladder."""

    uniform: float = 0.15
    """Share of the configurations of sampling=ladder at infinite temperature."""

    def __post_init__(self) -> None:
        checks.within("ladder.uniform", self.uniform, 0.0, 1.0)


@dataclass
class NewParameters:
    """Parameters of the electrons that levels do not depend on."""

    T: float | None = None
    """Temperature; null: as it was."""
    mu: float | None = None
    """Chemical potential; null: as it was."""
