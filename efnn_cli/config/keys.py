"""Keys as users write them, with type, default and meaning: for help, completion and hints.

They are those of the typed options, read without importing PyTorch or Hydra.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from efnn_cli.config.fields import Field, Outline, outline, place_of
from efnn_cli.config.options import COMMANDS, GROUPS
from efnn_cli.config.shared_options import ExecutorOptions, LadderOptions, NewParameters
from efnn_cli.config.simulation_options import SampledParameters
from efnn_cli.core.registry import Registry, is_file_place
from efnn_cli.models import MODELS
from efnn_cli.models.options import NetworkOptions
from efnn_cli.physics import SYSTEMS, VARIANTS
from efnn_cli.training.options import TrainingOptions

SHORT_NAMES = {
    "model.depth": "depth",
    "model.width": "width",
    "model.activation_scale": "activation_scale",
    "training.lr": "lr",
    "training.epochs": "epochs",
    "training.budget": "budget",
}
"""Short names of keys by their long spelling."""
NESTED = {"ladder": LadderOptions, "system": NewParameters}  # keys below another one, of the commands that have them
OWN_NESTED = {("sample", "system"): SampledParameters}
HIDDEN_OPTIONS = ("neutral", "closed_form")  # recipes that others build on, or that a network brings along
SAME_KEYS = {"compare": "train", "merge": "generate"}  # commands with the keys of another one
EXECUTORS = ("dask", "threads")
REGISTRIES: dict[str, Registry[Any]] = {"system": SYSTEMS, "model": MODELS}  # of groups that take plug-ins
NEEDED = "???"  # default of a group that is chosen by a bare word
LISTED = "One of "
WORDS = {"int": "integer", "float": "number", "bool": "true or false", "str": "word", "None": "null"}


@dataclass(frozen=True)
class Key:
    """Key as users write it, such as `model.kernel_size`."""

    name: str
    type: str
    default: object
    meaning: str

    @property
    def choices(self) -> tuple[str, ...]:
        """Return the values of the key, where they can be listed."""
        if self.meaning.startswith(LISTED):
            listed = self.meaning.removeprefix(LISTED).partition(";")[0].partition(":")[0].partition(".")[0]
            return tuple(listed.split(", "))
        return ("true", "false") if self.type.startswith("true") else ()

    @property
    def text(self) -> str:
        """Return the default as it is typed."""
        plain = self.default is None or isinstance(self.default, bool)
        return json.dumps(self.default) if plain else str(self.default)


def folder() -> Path:
    """Return the folder of recipes and presets, in a checkout or a wheel."""
    return Path(str(import_module("efnn_cli.conf").__file__)).parent


def configured() -> list[str]:
    """Return the commands with a configuration of their own."""
    return sorted(COMMANDS)


def groups(command: str) -> dict[str, str | None]:
    """Return the groups that `command` chooses from, such as `model`, with their default options."""
    return GROUPS.get(command, {})


def options(group: str, config_dir: Path | None = None) -> list[str]:
    """Return the names to choose from in `group`, those of the user's own files among them."""
    registries: Mapping[str, Iterable[str]] = {**REGISTRIES, "executor": EXECUTORS}
    found = {*registries.get(group, ()), *files(group, config_dir)}
    return sorted(found.difference(HIDDEN_OPTIONS))


def files(group: str, config_dir: Path | None = None) -> list[str]:
    """Return the names of the YAML files of `group`, such as `training/default`."""
    return [path.stem for each in (folder(), config_dir) if each for path in (each / group).glob("*.yaml")]


def root_keys(command: str) -> list[Key]:
    """Return the keys of `command` itself."""
    found = outline(place_of(COMMANDS[command]))
    inner = {name: OWN_NESTED.get((command, name), each) for name, each in NESTED.items() if name in found.fields}
    keys = _keys(found, "", besides=(*groups(command), *inner))
    return keys + [key for name, each in inner.items() for key in _keys(outline(place_of(each)), f"{name}.")]


def group_keys(group: str, option: str | None = None) -> list[Key]:
    """Return the keys of `group`, those with short names (`depth`) among them: of one option, or of any."""
    if group == "training":
        return _keys(outline(place_of(TrainingOptions)), "training.")
    if group == "executor":
        return _keys(outline(place_of(ExecutorOptions)), "executor.")
    if group == "system":
        names = [option] if option in SYSTEMS or is_file_place(option) else SYSTEMS.built_in
        found = [key for name in names for key in _keys(system_outline(str(name)), "system.")]
    elif group == "model":
        networks = [option] if option in MODELS else MODELS.built_in
        found = [key for name in networks for key in model_keys(str(name))]
    else:
        found = []
    first: dict[str, Key] = {}
    for key in found:
        first.setdefault(key.name, key)
    return list(first.values())


def model_keys(name: str) -> list[Key]:
    """Return the keys of one network."""
    return _keys(outline(place_of(MODELS[name].options)), "model.")


def network_keys() -> list[Key]:
    """Return the keys that all trained networks share."""
    return _keys(outline(place_of(NetworkOptions)), "model.")


def settable(command: str, chosen: Mapping[str, str]) -> list[Key]:
    """Return all keys of `command` with the groups that are `chosen`, short names first.

    Groups are keys too, but for one that is chosen by a bare word.
    """
    found = root_keys(command)
    for group, default in groups(command).items():
        if default != NEEDED:
            found.append(Key(group, "word", default, f"{LISTED}{', '.join(options(group))}."))
        found += group_keys(group, chosen.get(group))
    return sorted(found, key=lambda key: "." in key.name)


@cache
def system_outline(name: str) -> Outline:
    """Return a system by its name; where several share it, the keys of all.

    A default that differs between them is null, and its meaning then tells all.
    """
    if name not in SYSTEMS.built_in and name not in VARIANTS:
        return _own_outline(name)
    places = VARIANTS.get(name) or {"": str(SYSTEMS.place(name))}
    outlines = {variant: outline(place) for variant, place in places.items()}
    fields: dict[str, Field] = {}
    for name in dict.fromkeys(name for each in outlines.values() for name in each.fields):
        there = {variant: each.fields[name] for variant, each in outlines.items() if name in each.fields}
        first = next(iter(there.values()))
        if len(there) < len(outlines):
            first = replace(first, meaning=f"{first.meaning.rstrip('.')} ({', '.join(there)})")
        elif len({each.meaning for each in there.values()}) > 1:
            told = ", or ".join(f"{each.meaning.rstrip('.')} ({v}: {each.default})" for v, each in there.items())
            first = replace(first, default=None, meaning=told)
        fields[name] = first
    summary = " ".join(dict.fromkeys(each.summary for each in outlines.values()))
    return Outline(summary, fields, next(iter(outlines.values())).constants)


def _own_outline(name: str) -> Outline:
    """Return a system of a plug-in, or of `FILE.py:CLASS`, which is not run; every system has a size."""
    place = name if is_file_place(name) else SYSTEMS.place(name)
    found = outline(place if isinstance(place, str) else place_of(place))
    default = 15 if found.constants.get("geometry") == "dense" else 10
    size = Field("L", "int | str", default, "Side of the lattice, 12x8 for a rectangle, or number of spins.")
    return replace(found, fields={"L": size} | found.fields)


def kind_of(system: str, variant: str | None = None) -> str:
    """Return the kind of `system`, of this variant where it has several: its name in recipes, lists and figures."""
    place = VARIANTS.get(system, {}).get(variant or "lattice") or (SYSTEMS.place(system) if system in SYSTEMS else "")
    return str(outline(str(place)).constants.get("kind", system))


def _keys(found: Outline, prefix: str, besides: Iterable[str] = ()) -> list[Key]:
    """Return the fields of an outline as keys below `prefix`."""
    names = [name for name in found.fields if name not in ("name", *besides)]
    return [
        Key(SHORT_NAMES.get(prefix + each, prefix + each), _type(field.type), field.default, field.meaning)
        for each in names
        for field in [found.fields[each]]
    ]


def _type(text: str) -> str:
    """Return an annotation in words, such as `integer or null` or `list of integers`."""
    if text.startswith("list["):
        inner, _, rest = text.removeprefix("list[").partition("]")
        return f"list of {_type(inner)}s" + (f" or {_type(rest[3:])}" if rest else "")
    return " or ".join(WORDS.get(each, each) for each in text.split(" | "))
