"""Settings of `efnn train`, checked and typed, from its composed configuration."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from efnn_cli.config.compose import Composed
from efnn_cli.config.keys import SHORT_NAMES
from efnn_cli.config.options import TrainKeys
from efnn_cli.config.schema import build_model, build_system, typed
from efnn_cli.core.errors import ConfigError
from efnn_cli.models import MODELS
from efnn_cli.models.options import SYMMETRIES, EffectiveOptions, NetworkOptions, Options
from efnn_cli.physics import VARIANTS
from efnn_cli.physics.system import System
from efnn_cli.training.options import TrainingOptions


@dataclass(frozen=True)
class TrainConfig:
    """Network, recipe, seed and device; `system_filter` holds the parameters that the dataset must have."""

    model: Options
    training: TrainingOptions | None
    seed: int
    device: str
    system_filter: dict[str, Any]
    log: str = "csv"


def train_config(composed: Composed, system: System | None = None) -> TrainConfig:
    """Return the checked settings of `efnn train`; they must fit `system` where it is known."""
    values = dict(composed.values)
    wanted = values.pop("system", None)
    training = _with_short_names(values)
    model = build_model(values.pop("model"))
    for short in SHORT_NAMES.values():
        values.pop(short, None)
    keys = typed(TrainKeys, values)
    said = {key.removeprefix("system."): each for key, each in composed.settings.items() if key.startswith("system.")}
    narrowed = build_system(wanted) if wanted is not None else None
    if system is None and narrowed is not None and (narrowed.name not in VARIANTS or "variant" in said):
        system = narrowed  # a name with variants leaves the geometry open
    if "budget" in composed.settings and "epochs" in composed.settings:
        raise ConfigError("budget and epochs both say how long to train", "keep one of them")
    recipe = None if MODELS[model.name].closed_form else build_training(training)
    if system is not None:
        _check_form(model, recipe, system, composed)
        model = with_symmetry(model, system)
    return TrainConfig(
        model=model,
        training=recipe,
        seed=keys.seed,
        device=keys.device,
        log=keys.log,
        system_filter={"name": narrowed.name, **{key: getattr(narrowed, key) for key in said}} if narrowed else {},
    )


def _with_short_names(values: dict[str, Any]) -> dict[str, Any]:
    """Take the recipe out of `values`, and add lr, epochs and budget from there where a file does not link them.

    Raises `ConfigError` where a file gives two values.
    """
    training = dict(values.pop("training"))
    if "training" in training:
        raise ConfigError(
            "training: your file of a recipe has 'training:' within training", "let it begin with: # @package _global_"
        )
    for long, short in SHORT_NAMES.items():
        section, _, key = long.partition(".")
        if section != "training" or short not in values:
            continue
        if repr(training.setdefault(key, values[short])) != repr(values[short]):  # by words: nan differs from itself
            raise ConfigError(
                f"{long}={training[key]} and {short}={values[short]} say different things",
                f"in a recipe of your own give {short} at the top and, under training, {key}: ${{{short}}}",
            )
    return training


def _check_form(model: Options, recipe: TrainingOptions | None, system: System, composed: Composed) -> None:
    """Raise `ConfigError` where the network has no form for the system, or a key would have no effect."""
    if MODELS[model.name].form(system.geometry) is None:
        raise ConfigError(
            f"model={model.name} needs a lattice, and {system.kind} has none",
            "choose model=efnn, dnn, resnet or densenet, or a lattice system",
        )
    unused = model.lattice_only if system.geometry == "dense" else model.dense_only
    for key in unused:
        if f"model.{key}" in composed.settings:
            raise ConfigError(f"model.{key} has no effect on the {system.geometry} form for {system.kind}")
    if recipe is not None and recipe.freeze and system.geometry == "dense":
        raise ConfigError(f"training.freeze={recipe.freeze} needs a lattice network, and {system.kind} has none")
    if recipe is not None and recipe.augment and system.geometry == "dense":
        raise ConfigError(
            f"training.augment=true needs a lattice, and {system.kind} has none", "training.augment=false"
        )


def with_symmetry(model: Options, system: System) -> Options:
    """Return the options with the lattice (linear model) or the symmetry of `system` where none is given.

    Raises `ConfigError` where the network has a symmetry that the energy has not.
    """
    if isinstance(model, EffectiveOptions) and model.lattice is None and system.geometry == "lattice":
        return dataclasses.replace(model, lattice=system.kind_of_lattice.name)
    if not isinstance(model, NetworkOptions) or system.geometry == "dense":
        return model
    symmetry = model.symmetry or system.symmetry
    if SYMMETRIES.index(symmetry) > SYMMETRIES.index(system.symmetry):
        raise ConfigError(
            f"model.symmetry={symmetry}, but the energy of this {system.kind} has the symmetry {system.symmetry} only",
            f"model.symmetry={system.symmetry}, or leave it out",
        )
    linear = model.linear_terms
    if linear is False and not system.even:
        raise ConfigError(
            f"model.linear_terms=false, but S -> -S changes the energy of this {system.kind}", "leave it out"
        )
    if linear is None:
        linear = symmetry != "o3" and not system.even
    return dataclasses.replace(model, symmetry=symmetry, linear_terms=linear)


def build_training(node: object) -> TrainingOptions:
    """Return the options of training from plain values; raise `ConfigError` for wrong ones."""
    return typed(TrainingOptions, node, "training.")
