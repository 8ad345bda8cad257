"""The user's own YAML files, looked through before Hydra reads them: they may set values, and nothing else.

Hydra calls whatever a key `_target_` below `hydra` names, and OmegaConf looks up `${oc.env:SECRET}` for any file.
"""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path
from typing import Any

from efnn_cli.config import keys
from efnn_cli.core.errors import ConfigError, InputError
from efnn_cli.storage.documents import read_yaml
from efnn_cli.storage.reading import read_text

MAX_FILES = 1000
RESOLVER = re.compile(r"\$\{[^{}]*:")
PACKAGE = re.compile(r"\s*#\s*@\s*package\b(.*)")


def check_folder(folder: Path) -> None:
    """Raise `ConfigError` where a YAML file below `folder` could do more than set values, or cannot be read."""
    if not os.path.isdir(folder):
        raise ConfigError(f"--config-dir: {folder} is not a folder")
    _refuse_groups_of_keys(folder)
    files = list(itertools.islice(folder.rglob("*.y*ml"), MAX_FILES + 1))
    if len(files) > MAX_FILES:
        raise ConfigError(f"--config-dir: wanted at most {MAX_FILES} YAML files, found more in {folder}")
    for path in files:
        try:
            text = read_text(path)
            values = read_yaml(path) if text.strip() else {}
        except InputError as error:
            raise ConfigError(f"--config-dir: {error.message}", error.hint) from error
        found, package = _forbidden(values), _package(text)
        if found or "hydra" in package or path.relative_to(folder).parts[0] == "hydra":
            raise ConfigError(f"--config-dir: {path} does more than set values: {found or 'it is about Hydra'}")
        if not values:
            raise ConfigError(f"--config-dir: {path} is empty", "write settings into it, or remove it")
        if package not in ("", "_global_", ".".join(path.relative_to(folder).parts[:-1])):
            raise ConfigError(
                f"--config-dir: {path} is for {package!r}, which is no place in a configuration of efnn",
                "let it begin with: # @package _global_",
            )


def _package(text: str) -> str:
    """Where the file says that its keys belong; empty where it does not. Lines end where they end for Hydra."""
    return next((found[1].strip() for found in map(PACKAGE.match, text.splitlines()) if found), "")


def _refuse_groups_of_keys(folder: Path) -> None:
    """Raise `ConfigError` for a folder with the name of a key, whose value would be taken for a file in it."""
    groups = {group for command in keys.configured() for group in keys.groups(command)}
    every = [each for command in keys.configured() for each in keys.root_keys(command)]
    every += [each for group in groups for each in keys.group_keys(group)]
    for name in sorted({each.name for each in every} - groups):
        if os.path.isdir(folder / name):
            raise ConfigError(
                f"--config-dir: {folder / name} is a folder, and {name} is a key with a value", "rename the folder"
            )


def _forbidden(node: Any, *, defaults: bool = False) -> str | None:
    """The first key or word that would call or look up something."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("_target_", "hydra") or (defaults and "hydra" in key):
                return str(key)
            if found := _forbidden(value, defaults=defaults or key == "defaults"):
                return found
    elif isinstance(node, list):
        return next(filter(None, (_forbidden(each, defaults=defaults) for each in node)), None)
    elif isinstance(node, str) and (RESOLVER.search(node) or (defaults and "hydra" in node)):
        return node
    return None
