"""Types and bounds of configurations: plain values in, checked objects out.

Used for what the user typed and, in the same way, for what is read back from a dataset or checkpoint: nothing
in a file can call anything.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from efnn_cli import checks, device
from efnn_cli.checks import nearest
from efnn_cli.config import SHORT_NAMES, Composed
from efnn_cli.errors import ConfigError
from efnn_cli.labelling.job import Job
from efnn_cli.models import MODELS, Options
from efnn_cli.physics import SYSTEMS, System, sampling
from efnn_cli.physics.system import Array
from efnn_cli.training.options import TrainingOptions

T = TypeVar("T")

MAX_SAMPLES = 1_000_000_000
MAX_WORKERS = 1024
TOLERANCES = (1e-13, 1e-2)
WANTED = {
    "Integer": "an integer",
    "Float": "a number",
    "Boolean": "true or false",
    "String": "a word",
}


def typed(cls: type[T], node: object, prefix: str = "") -> T:
    """An object of dataclass `cls` from plain values; raises `ConfigError` naming the key."""
    if not isinstance(node, Mapping):
        raise ConfigError(f"{prefix.rstrip('.') or 'configuration'}: wanted a mapping of keys, found {node!r}")
    names = [each.name for each in dataclasses.fields(cls)]  # type: ignore[arg-type]
    for key in node:
        if key not in names:
            raise ConfigError(f"unknown key '{prefix}{key}'", nearest(str(key), names))
    try:
        merged = OmegaConf.merge(OmegaConf.structured(cls), dict(node))
    except OmegaConfBaseException as error:
        raise _explain(error, prefix) from error
    return OmegaConf.to_object(merged)  # type: ignore[return-value]


def _explain(error: OmegaConfBaseException, prefix: str) -> ConfigError:
    text = str(error).splitlines()[0]
    path = f"{prefix}{error.full_key or ''}"
    key = SHORT_NAMES.get(path, path)
    found = re.search(r"Value '(.*)' of type .* could not be converted to (\w+)", text)
    if found:
        return ConfigError(f"{key}: wanted {WANTED.get(found.group(2), found.group(2))}, found {found.group(1)!r}")
    return ConfigError(f"{key}: {text}")


def fingerprint(values: Mapping[str, Any]) -> str:
    """First 8 hexadecimal digits of the SHA-256 of resolved values: the hash in names of files."""
    canonical = json.dumps(values, sort_keys=True, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:8]


def build_system(node: object) -> System:
    """A system from `{"name": ..., parameters}`."""
    values = dict(node) if isinstance(node, Mapping) else {}
    name = values.pop("name", None)
    checks.one_of("system", name, SYSTEMS)
    return typed(SYSTEMS[str(name)], values, "system.")


def build_model(node: object) -> Options:
    """Options of a network from `{"name": ..., options}`."""
    name = node.get("name") if isinstance(node, Mapping) else None
    checks.one_of("model", name, MODELS)
    options: Options = typed(MODELS[str(name)].options, node, "model.")
    return options


def build_training(node: object) -> TrainingOptions:
    """Options of training."""
    return typed(TrainingOptions, node, "training.")


@dataclass
class _GenerateKeys:
    seed: int
    samples: int
    sampling: str
    reference: str
    tolerance: float
    fields: bool
    device: str
    workers: int | None

    def __post_init__(self) -> None:
        _check_common(self.seed, self.device, self.workers)
        checks.within("samples", self.samples, 1, MAX_SAMPLES)
        checks.within("tolerance", self.tolerance, *TOLERANCES)


@dataclass(frozen=True)
class GenerateConfig:
    """What to label, how, and where to compute it."""

    system: System
    samples: int
    seed: int
    sampling: str
    reference: str
    """Either "auto" or a method of the system."""
    tolerance: float
    fields: bool
    device: str
    workers: int

    def job(self, purpose: str, device_type: str, given: Array | None = None) -> Job:
        """The labelling job on a device of type "cpu" or "cuda", which decides what "auto" means."""
        method = self.reference
        if method == "auto":
            method = "dense" if self.fields and "dense" in self.system.references else ""
            method = method or self.system.fastest_reference(device_type)
        return Job(
            self.system, self.sampling, self.seed, purpose, self.samples, method, self.tolerance, self.fields, given
        )

    def identity(self, given_hash: str | None = None) -> dict[str, Any]:
        """What names the dataset: everything but device and workers."""
        return {
            "system": {"name": self.system.name, **self.system.parameters()},
            "samples": self.samples,
            "seed": self.seed,
            "sampling": self.sampling if given_hash is None else given_hash,
            "reference": self.reference,
            "tolerance": self.tolerance,
            "fields": self.fields,
        }


def generate_config(composed: Composed) -> GenerateConfig:
    """Check and type the configuration of `efnn generate`."""
    values = dict(composed.values)
    system = build_system(values.pop("system"))
    keys = typed(_GenerateKeys, values)
    chosen = system.samplings[0] if keys.sampling == "auto" else keys.sampling
    checks.one_of("sampling", chosen, system.samplings)
    if chosen == "published":
        checks.within("seed (with sampling=published)", keys.seed, 0, sampling.PUBLISHED_MAX_SEED)
        checks.within("samples (with sampling=published)", keys.samples, 1, sampling.PUBLISHED_BLOCK)
    return GenerateConfig(
        system=system,
        samples=keys.samples,
        seed=keys.seed,
        sampling=chosen,
        reference=check_reference(system, keys.reference, keys.fields),
        tolerance=keys.tolerance,
        fields=keys.fields,
        device=keys.device,
        workers=keys.workers or device.cores(),
    )


def check_reference(system: System, reference: str, fields: bool) -> str:
    """`reference`; raises `ConfigError` where the system does not offer it, or it gives no fields."""
    checks.one_of("reference", reference, ("auto", *system.references))
    if fields and reference == "determinant":
        raise ConfigError("fields=true needs eigenvectors, which reference=determinant has none of", "reference=dense")
    return reference


@dataclass(frozen=True)
class TrainConfig:
    """Which network, trained how; `system_filter` are the parameters that the dataset must have."""

    model: Options
    training: TrainingOptions | None
    seed: int
    device: str
    system_filter: dict[str, Any]


@dataclass
class _TrainKeys:
    seed: int
    device: str

    def __post_init__(self) -> None:
        _check_common(self.seed, self.device, None)


def train_config(composed: Composed, system: System | None = None) -> TrainConfig:
    """Check and type the configuration of `efnn train`, against `system` where it is known."""
    values = dict(composed.values)
    wanted = values.pop("system", None)
    training = values.pop("training")
    model = build_model(values.pop("model"))
    for short in SHORT_NAMES.values():
        values.pop(short, None)
    keys = typed(_TrainKeys, values)
    said = {key.removeprefix("system."): each for key, each in composed.said.items() if key.startswith("system.")}
    narrowed = build_system(wanted) if wanted is not None else None
    if system is None and narrowed is not None and (narrowed.name != "heisenberg" or "variant" in said):
        system = narrowed  # only `heisenberg` alone leaves the geometry open
    if system is not None:
        _check_form(model, system, composed)
    return TrainConfig(
        model=model,
        training=None if model.name == "effective" else build_training(training),
        seed=keys.seed,
        device=keys.device,
        system_filter={"name": narrowed.name, **{key: getattr(narrowed, key) for key in said}} if narrowed else {},
    )


def _check_form(model: Options, system: System, composed: Composed) -> None:
    """Refuse a network that the system's geometry has no form of, and keys that would have no effect."""
    if MODELS[model.name].form(system.geometry) is None:
        raise ConfigError(
            f"model={model.name} needs a lattice, and {system.kind} has none",
            "choose model=efnn, dnn, resnet or densenet, or a lattice system",
        )
    idle = model.lattice_only if system.geometry == "dense" else model.dense_only
    for key in idle:
        if f"model.{key}" in composed.said:
            raise ConfigError(f"model.{key} has no effect on the {system.geometry} form for {system.kind}")


@dataclass
class EvaluateConfig:
    """Which part of the training dataset to judge, and where."""

    split: str
    device: str

    def __post_init__(self) -> None:
        checks.one_of("split", self.split, ("train", "val", "test"))
        device.check_name(self.device)


@dataclass
class PredictConfig:
    """Where to predict."""

    device: str

    def __post_init__(self) -> None:
        device.check_name(self.device)


@dataclass
class ExtrapolateConfig:
    """Sizes and references of an extrapolation."""

    L: list[int] | None
    samples: int | None
    seed: int
    sampling: str
    reference: str
    tolerance: float
    device: str
    workers: int | None

    def __post_init__(self) -> None:
        _check_common(self.seed, self.device, self.workers)
        checks.within("tolerance", self.tolerance, *TOLERANCES)
        checks.one_of("sampling", self.sampling, ("auto", *sampling.SAMPLINGS))
        checks.one_of("reference", self.reference, ("auto", "formula", "dense", "determinant"))
        if self.samples is not None:
            checks.within("samples", self.samples, 1, MAX_SAMPLES)
        for size in self.L or []:
            if not isinstance(size, int):
                raise ConfigError(f"L: wanted a list of integers, found {self.L}")
            checks.within("L", size, 3, 4096)
        if (self.L is not None and len(set(self.L)) != len(self.L)) or self.L == []:
            raise ConfigError(f"L: wanted a list of different sizes, found {self.L}")


def _check_common(seed: int, device_name: str, workers: int | None) -> None:
    checks.seed("seed", seed)
    device.check_name(device_name)
    if workers is not None:
        checks.within("workers", workers, 1, MAX_WORKERS)
