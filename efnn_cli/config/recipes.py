"""Recipes: which one a training takes, and the values that it sets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from efnn_cli.config.keys import SHORT_NAMES, files, folder, kind_of
from efnn_cli.models import MODELS

FAMILY = "default"
CLOSED_FORM = "closed_form"
ON_FIELDS = "_fields"  # after the kind, in the name of a recipe for datasets with fields


def choose(
    family: str,
    kind: str,
    model: str,
    members: Collection[str],
    depth: Callable[[], int | None] | None = None,
    *,
    common: bool = False,
    fields: bool = False,
) -> str:
    """Return the option of the group `training`: the recipe of system, network and depth where the family has one.

    `kind` is that of the system, `members` are the recipes of the family, and `depth` is called where it matters, None
    for the default one. With `common`, networks share the recipe of the system. With `fields` of the dataset, that of
    training on fields comes first.
    """
    if model in MODELS and MODELS[model].closed_form:
        return CLOSED_FORM
    if fields and f"{kind}{ON_FIELDS}" in members:
        kind += ON_FIELDS
    special = [] if common else [f"{kind}-{model}"]
    if special and depth is not None and any(name.startswith(f"{special[0]}-d") for name in members):
        special.insert(0, f"{special[0]}-d{depth()}")
    for name in (*special, kind):
        if name in members:
            return f"{family}/{name}"
    return family


def likely(chosen: Mapping[str, str]) -> str:
    """Return the recipe of a training by its words: system, model, training and depth, for help."""
    kind = kind_of(chosen["system"], chosen.get("system.variant")) if chosen.get("system") else ""
    family = chosen.get("training", FAMILY)
    depth = chosen.get("depth", chosen.get("model.depth"))
    number = None if depth is None or not depth.isdigit() else int(depth)
    found = files(f"training/{family}")
    return choose(family, kind, chosen.get("model", "efnn"), found, None if number is None else lambda: number)


def layers(recipe: str, config_dir: Path | None = None) -> list[tuple[str, dict[str, Any]]]:
    """Return the recipes that `recipe` builds on, itself last, each with the keys that it sets."""
    import yaml

    paths = [each / "training" / f"{recipe}.yaml" for each in (folder(), config_dir) if each]
    path = next((each for each in paths if each.is_file()), None)
    if path is None:
        return []
    values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    found: list[tuple[str, dict[str, Any]]] = []
    for each in values.pop("defaults", []):
        if isinstance(each, str) and each != "_self_":
            found += layers(each.removeprefix("/training/"), config_dir)
    own = {SHORT_NAMES.get(key, key): value for key, value in flat(values) if not key.endswith("name")}
    return [*found, (recipe, own)]


def values(recipe: str, config_dir: Path | None = None) -> dict[str, tuple[Any, str]]:
    """Return the keys that a recipe sets with their values, and the recipe on which each value stands."""
    return {key: (value, name) for name, own in layers(recipe, config_dir) for key, value in own.items()}


def flat(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Return nested values by dotted names."""
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
