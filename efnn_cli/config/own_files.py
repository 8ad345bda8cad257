"""YAML files of `--config-dir`: they set values, call nothing and change nothing of Hydra's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from efnn_cli.core.errors import ConfigError, InputError
from efnn_cli.storage.documents import read_yaml
from efnn_cli.storage.reading import read_text

RESOLVER = re.compile(r"\$\{[^{}]*:")  # ${oc.env:HOME}: OmegaConf would look it up
PACKAGE = re.compile(r"\s*#\s*@\s*package\b(.*)")


def check_folder(folder: Path) -> None:
    """Raise `ConfigError` where a YAML file below `folder` cannot be read, is empty, or does more than set values."""
    if not folder.is_dir():
        raise ConfigError(f"--config-dir: {folder} is not a folder")
    for path in folder.rglob("*.y*ml"):
        try:
            text = read_text(path)
            values = read_yaml(path) if text.strip() else {}
        except InputError as error:
            raise ConfigError(f"--config-dir: {error.message}", error.hint) from error
        if not values:
            raise ConfigError(f"--config-dir: {path} is empty", "write settings into it, or remove it")
        package = next((found[1].strip() for found in map(PACKAGE.match, text.splitlines()) if found), "")
        groups = path.relative_to(folder).parts[:-1]
        if "hydra" in (package.partition(".")[0], *groups) or _calls(values):
            raise ConfigError(
                f"--config-dir: {path} does more than set values", "remove _target_, hydra and ${name:...}"
            )
        if package not in ("", "_global_", ".".join(groups)):
            raise ConfigError(
                f"--config-dir: {path} is for {package!r}, which is no place in a configuration of efnn",
                "let it begin with: # @package _global_",
            )


def _calls(node: Any) -> bool:
    """Return True where a key or word would call something, look something up or configure Hydra."""
    if isinstance(node, dict):
        return any("hydra" in str(key) or key == "_target_" or _calls(value) for key, value in node.items())
    if isinstance(node, list):
        return any(map(_calls, node))
    return isinstance(node, str) and (RESOLVER.search(node) is not None or "hydra/" in node)
