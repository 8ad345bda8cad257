"""Typed objects from plain values: of the command line, and of stored datasets and checkpoints alike.

Nothing in a file can call anything.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from efnn_cli.config.keys import SHORT_NAMES
from efnn_cli.core import checks
from efnn_cli.core.checks import nearest
from efnn_cli.core.errors import ConfigError
from efnn_cli.models import MODELS
from efnn_cli.models.options import Options
from efnn_cli.physics import SYSTEMS, VARIANTS, variants
from efnn_cli.physics.system import System

LOGGER = logging.getLogger("efnn")
T = TypeVar("T")

WANTED = {
    "Integer": "an integer",
    "Float": "a number",
    "Boolean": "true or false",
    "String": "a word",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "str": "a word",
}


SIZES = ("Optional[Union[int, str]]", "Union[int, str]")


def typed(cls: type[T], node: object, prefix: str = "") -> T:
    """Return an object of dataclass `cls` from plain values; raise `ConfigError` naming the key."""
    if not isinstance(node, Mapping):
        raise ConfigError(f"{prefix.rstrip('.') or 'configuration'}: wanted a mapping of keys, found {node!r}")
    names = [each.name for each in dataclasses.fields(cls)]  # type: ignore[arg-type]
    for key in node:
        if key not in names:
            raise ConfigError(f"unknown key '{prefix}{key}'", nearest(str(key), names))
        _refuse_interpolation(f"{prefix}{key}", node[key])
    try:
        return OmegaConf.to_object(OmegaConf.merge(_structured(cls), dict(node)))  # type: ignore[arg-type, return-value]
    except OmegaConfBaseException as error:
        raise _explain(error, prefix, node) from error


@lru_cache
def _structured(cls: type) -> Any:
    return OmegaConf.structured(cls)


def _refuse_interpolation(key: str, value: object) -> None:
    """Raise `ConfigError` for values that OmegaConf would look up: stored values are final."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for each in value:
            _refuse_interpolation(key, each)
    elif isinstance(value, str) and ("${" in value or value == "???"):
        raise ConfigError(f"{key}: wanted a value, found {value!r}")


def _explain(error: OmegaConfBaseException, prefix: str, node: Mapping[str, Any]) -> ConfigError:
    text = str(error).splitlines()[0]
    path = f"{prefix}{error.full_key or ''}"
    key = SHORT_NAMES.get(path, path)
    found = re.search(r"Value '(.*)' (?:of type .* could not be converted to|is not a valid) (\w+)", text)
    if found:
        return ConfigError(f"{key}: wanted {WANTED.get(found.group(2), found.group(2))}, found {found.group(1)!r}")
    union = re.search(r"Value '(.*)' of type '\w+' is incompatible with type hint '(.*)'", text)
    if union and union.group(2) in SIZES:
        return ConfigError(f"{key}: wanted a size such as 12 or 12x8, found {union.group(1)!r}")
    missing = re.search(r"Incompatible value 'None' for field of type '(\w+)'", text)
    if missing:
        return ConfigError(f"{key}: wanted {WANTED.get(missing.group(1), missing.group(1))}, found null")
    if "is not a ListConfig" in text:
        return ConfigError(f"{key}: wanted a list of integers such as [10,20], found {node.get(str(error.key))!r}")
    return ConfigError(f"{key}: {text}")


def build_system(node: object) -> System:
    """Return a system from `{"name": ..., parameters}`; external ones exist only in files."""
    values = dict(node) if isinstance(node, Mapping) else {}
    name = values.pop("name", None)
    plug_in = values.pop("plug_in", None)
    if plug_in is not None and name not in SYSTEMS:
        from efnn_cli.physics.plug_in import absent

        return absent(str(name), values, plug_in)
    if name not in VARIANTS:
        checks.one_of("system", name, SYSTEMS)
    _warn_of_changes(SYSTEMS[str(name)].plug_in if name in SYSTEMS else None, plug_in)
    every = variants(str(name))
    return typed(_variant(every, values) if every else SYSTEMS[str(name)], values, "system.")


def _warn_of_changes(now: Mapping[str, Any] | None, stored: object) -> None:
    """Warn where the file of a plug-in is not what it was when its results were stored."""
    if now is not None and isinstance(stored, Mapping) and now["sha256"] != stored.get("sha256"):
        LOGGER.warning("%s has changed since this was stored", now["source"])


def _variant(every: Mapping[str, type[System]], values: dict[str, Any]) -> type[System]:
    """Return the class that `system.variant` chooses, and drop nulls and the keys of the others from `values`.

    Raises `ConfigError` where one of these has another value than its default: it would have no effect.
    """
    chosen = values.get("variant", next(iter(every)))
    checks.one_of("system.variant", chosen, every)
    for key in [key for key, value in values.items() if value is None]:  # its default depends on the variant
        del values[key]
    own = [each.name for each in dataclasses.fields(every[chosen])]  # type: ignore[arg-type]
    for other, foreign in every.items():
        for each in dataclasses.fields(foreign):  # type: ignore[arg-type]
            if each.name in own or each.name not in values:
                continue
            value = values.pop(each.name)
            if value != each.default:
                raise ConfigError(
                    f"system.{each.name}={value} has no effect with system.variant={chosen}",
                    f"it belongs to system.variant={other}",
                )
    return every[chosen]


def build_model(node: object) -> Options:
    """Return the options of a network from `{"name": ..., options}`."""
    values = dict(node) if isinstance(node, Mapping) else {}
    name = values.get("name")
    plug_in = values.pop("plug_in", None)
    if isinstance(plug_in, Mapping) and name not in MODELS:
        place = plug_in.get("source")
        raise ConfigError(f"its network is defined by {place}, which was not named", f"add model={place}")
    checks.one_of("model", name, MODELS)
    entry = MODELS[str(name)]
    _warn_of_changes(entry.plug_in, plug_in)
    options: Options = typed(entry.options, values, "model.")
    return options


def described(options: Options) -> dict[str, Any]:
    """Return the options of a network as plain values; of a plug-in also its file."""
    plug_in = MODELS[options.name].plug_in
    return dataclasses.asdict(options) | ({} if plug_in is None else {"plug_in": plug_in})
