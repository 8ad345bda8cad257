"""The user's own YAML files, looked through before Hydra reads them: they may set values, and nothing else.

Hydra calls whatever a key `_target_` below `hydra` names, and OmegaConf looks up `${oc.env:SECRET}` for any file.
"""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path
from typing import Any

from efnn_cli.errors import ConfigError, InputError
from efnn_cli.storage.documents import read_yaml
from efnn_cli.storage.reading import read_text

MAX_FILES = 1000
RESOLVER = re.compile(r"\$\{[^{}]*:")
PACKAGE = re.compile(r"^\s*#\s*@package\s.*hydra", re.MULTILINE)


def check_folder(folder: Path) -> None:
    """Raise `ConfigError` where a YAML file below `folder` could do more than set values, or cannot be read."""
    if not os.path.isdir(folder):
        raise ConfigError(f"--config-dir: {folder} is not a folder")
    files = list(itertools.islice(folder.rglob("*.y*ml"), MAX_FILES + 1))
    if len(files) > MAX_FILES:
        raise ConfigError(f"--config-dir: wanted at most {MAX_FILES} YAML files, found more in {folder}")
    for path in files:
        try:
            text = read_text(path)
            found = _forbidden(read_yaml(path)) if text.strip() else None
        except InputError as error:
            raise ConfigError(f"--config-dir: {error.message}", error.hint) from error
        if found or PACKAGE.search(text) or path.relative_to(folder).parts[0] == "hydra":
            raise ConfigError(f"--config-dir: {path} does more than set values: {found or 'it is about Hydra'}")


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
