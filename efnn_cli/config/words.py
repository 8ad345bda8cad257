"""Settings of the user: options (`--L 10`) and overrides (`system.L=10`) in one spelling, read by Hydra's grammar."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from efnn_cli.config.hints import GROUP_NAMES, bare_word_hint, several_hint
from efnn_cli.config.keys import REGISTRIES, SHORT_NAMES, groups
from efnn_cli.core.errors import ConfigError
from efnn_cli.core.registry import is_file_place
from efnn_cli.core.text import at_home

NAMES = {f"{group}.name": group for group in GROUP_NAMES}
NETWORK_KEYS = (*SHORT_NAMES.values(), *SHORT_NAMES, "training")
UNREADABLE = (HydraException, ValueError, RecursionError, OSError)  # numbers and names too long, brackets too deep
GROUP_OPTION = re.compile(r"[\w-]+(\.[\w-]+)*(/[\w-]+(\.[\w-]+)*)*")


@dataclass(frozen=True)
class Request:
    """Words of a command: overrides as typed, options by the key they stand for (None: not given)."""

    overrides: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    config_dir: Path | None = None
    common_recipe: bool = False
    """Train with the recipe that all networks of the system share, even where this network has one of its own."""
    fields: bool = False
    """Train with the recipe for datasets with fields, where the system has one."""


@dataclass(frozen=True)
class Setting:
    """Key set by the user: the word as typed, its value, and its text for Hydra."""

    origin: str
    value: Any
    text: str


def settle(request: Request, command: str = "train") -> dict[str, Setting]:
    """Return the settings of the user by canonical key; raise `ConfigError` for contradictions and bad syntax.

    The file of a plug-in, as in system=FILE.py:CLASS, is run. The `command` decides the hints.
    """
    settled: dict[str, Setting] = {}
    options = [(key, value) for key, value in request.options.items() if value is not None]
    typed = [(f"--{key.rpartition('.')[2]} {value}", f"{key}={value}") for key, value in options]
    typed += [(text, text) for text in request.overrides]
    for origin, text in typed:
        override = _parse(text, command)
        key = SHORT_NAMES.get(override.key_or_group, override.key_or_group)
        setting = Setting(origin, override.value(), f"{key}={text.partition('=')[2]}")
        if key in REGISTRIES and is_file_place(setting.value):
            name = REGISTRIES[key].load_file(at_home(setting.value))
            if key not in groups(command):  # there it only makes the plug-in known
                continue
            setting = Setting(origin, name, f"{key}={name}")
        elif key in GROUP_NAMES:
            setting = _named(key, setting)
        elif key == "L" and type(setting.value) in (int, str):  # the one list among the keys: one size is a list too
            setting = Setting(origin, [setting.value], f"L=[{setting.value}]")
        earlier = settled.setdefault(key, setting)
        if earlier is not setting and earlier.value != setting.value:
            raise ConfigError(f"{key} was given twice: {earlier.origin!r} and {origin!r}", "keep one of them")
    return settled


def key_of(text: str) -> str:
    """Return the canonical key of `KEY=VALUE` as typed."""
    key = text.partition("=")[0].lstrip("+")
    return SHORT_NAMES.get(key, key)


def _named(group: str, setting: Setting) -> Setting:
    """Return a choice of a group, dashes accepted; raise `ConfigError` for anything but a name."""
    if not isinstance(setting.value, str) or not GROUP_OPTION.fullmatch(setting.value):
        raise ConfigError(f"{group}: wanted a name, found {setting.value!r}")
    name = setting.value.replace("-", "_") if group == "system" else setting.value
    return Setting(setting.origin, name, f"{group}={name}")


@lru_cache(maxsize=4096)
def parsed(text: str) -> Override:
    """Return `KEY=VALUE` by Hydra's grammar; a study reads the same words hundreds of times."""
    return OverridesParser.create().parse_override(text)


def _parse(text: str, command: str) -> Override:
    if "=" not in text:
        raise ConfigError(f"wanted KEY=VALUE, found {text!r}", bare_word_hint(text, command))
    try:
        override = parsed(text)
        sweep = override.is_sweep_override()
    except UNREADABLE as error:
        raise ConfigError(f"cannot read {text!r} as KEY=VALUE: {first_line(error)}") from error
    key = str(override.key_or_group)
    if (
        not key
        or override.is_delete()
        or key.partition(".")[0].partition("/")[0] == "hydra"
        or "@" in text.partition("=")[0]
    ):
        raise ConfigError(f"{text!r} is not a setting of efnn")
    if key in NAMES:  # it would change the name, but not the keys and the recipe that come with it
        raise ConfigError(f"{key} is no setting of its own", f"write {NAMES[key]}=NAME")
    if sweep:
        raise ConfigError(f"{key}: wanted one value, found several in {text!r}", several_hint(text, key, command))
    return override


def first_line(error: BaseException) -> str:
    """Return the first line of the message of an error."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
