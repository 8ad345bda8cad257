"""Errors of Hydra and OmegaConf in words of the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from efnn_cli.config import keys
from efnn_cli.config.hints import GROUP_NAMES, SIZE_HINTS, key_hint
from efnn_cli.config.words import Setting, first_line
from efnn_cli.core.checks import nearest
from efnn_cli.core.errors import ConfigError, UnknownKey


def missing(error: Exception, settings: Mapping[str, Setting], config_dir: Path | None) -> ConfigError:
    """Return the error of a name that its group does not have, nor the user's own files."""
    for group in GROUP_NAMES:
        value = str(settings[group].value) if group in settings else None
        known = keys.options(group, config_dir)
        if value is not None and value not in known:
            return ConfigError(f"{group}: wanted one of {', '.join(known)}, found {value!r}", nearest(value, known))
    return ConfigError(first_line(error))


def explained(error: Exception, command: str, settings: Mapping[str, Setting]) -> ConfigError:
    """Return the error of a key or value, naming the nearest keys where the key is unknown."""
    found = re.search(r"Could not override '([^']*)'", str(error))
    if not found:
        cause = error.__cause__ or error
        return ConfigError(f"configuration: {first_line(cause)}")
    key = found.group(1)
    takes_system = "system" in keys.groups(command)
    if key == "L" or (key == "system.L" and not takes_system):
        return ConfigError(
            f"unknown key {key!r}", SIZE_HINTS[command].format(settings[key].text.partition("=")[2].strip("[]"))
        )
    if key.startswith("system.") and command == "relabel":
        return ConfigError(
            f"relabel: wanted system.T or system.mu, found {key}",
            f"label anew: efnn generate ... --spins DATA {key}=...",
        )
    if key.startswith("system.") and not takes_system:
        return ConfigError(f"unknown key {key!r}: the run decides the system", f"efnn config {command} shows all keys")
    if key.startswith("system.") and "system" not in settings:
        return ConfigError(f"{key} needs the system it belongs to", f"add system=NAME before {key}=...")
    chosen = {group: str(settings[group].value) for group in GROUP_NAMES if group in settings}
    known = [each.name for each in keys.settable(command, chosen)]
    value = settings[key].text.partition("=")[2] if key in settings else ""
    hint = key_hint(key, known) or f"efnn config {command} shows all keys"
    return UnknownKey(f"unknown key {key!r}", hint, key, value)
