"""Keys of the configuration files with their defaults and comments, for completion and hints.

Hydra and the dataclasses take a second to load, so only the files of `conf/` are read. A comment that begins with
`one of a, b, c` lists the values of its key.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

HIDDEN_OPTIONS = ("neutral", "closed_form")  # recipes that others build on, or that a network brings along
BASES = {"training": "neutral"}  # the option of a group that has every key, where not each has its own
SAME_KEYS = {"compare": "train", "merge": "generate"}  # commands with the keys of another one
PLACED_AT_ROOT = "# @package _global_"
LISTED = "one of "


@dataclass(frozen=True)
class Key:
    """Key as users write it, such as `model.kernel_size`, with its default and comment."""

    name: str
    default: object
    comment: str

    @property
    def choices(self) -> tuple[str, ...]:
        """Return the values of the key, where they can be listed."""
        if self.comment.startswith(LISTED):
            return tuple(self.comment.removeprefix(LISTED).partition(";")[0].partition(":")[0].split(", "))
        return ("true", "false") if isinstance(self.default, bool) else ()

    @property
    def text(self) -> str:
        """Return the default as it is typed."""
        plain = self.default is None or isinstance(self.default, bool)
        return json.dumps(self.default) if plain else str(self.default)

    @property
    def alias(self) -> str:
        """Return the short name of the key, such as `depth` for `model.depth`; empty where it has none."""
        return self.text[2:-1] if self.text.startswith("${") else ""


def folder() -> Path:
    """Return the folder of the configuration files, in a checkout or a wheel."""
    return Path(str(import_module("efnn_cli.conf").__file__)).parent


def configured() -> list[str]:
    """Return the commands with a configuration of their own."""
    return sorted(path.stem for path in folder().glob("*.yaml"))


def groups(command: str) -> dict[str, str | None]:
    """Return the groups that `command` chooses from, such as `model`, with their default options."""
    listed = _read(command)[1].get("defaults", [])
    return {group: option for each in listed if isinstance(each, dict) for group, option in each.items()}


def options(group: str) -> list[str]:
    """Return the names to choose from in `group`."""
    names = sorted(path.stem for path in (folder() / group).glob("*.yaml"))
    return [name for name in names if name not in HIDDEN_OPTIONS]


def root_keys(command: str) -> list[Key]:
    """Return the keys of `command` itself."""
    return file_keys(command)


def group_keys(group: str, option: str | None = None) -> list[Key]:
    """Return the keys of `group`, those at the root (`depth`) among them: of one option, or of any."""
    known = options(group)
    chosen = [BASES[group]] if group in BASES else [option] if option in known else known
    keys: dict[str, Key] = {}
    for name in chosen:
        for key in file_keys(f"{group}/{name}", group):
            keys.setdefault(key.name, key)
    return list(keys.values())


def file_keys(name: str, group: str = "") -> list[Key]:
    """Return the keys of the file `name`, such as `training/paper`, as users write them below `group`."""
    text, values = _read(name)
    comments = {}
    for line in text.splitlines():
        setting, _, comment = line.partition("#")
        if comment:
            comments[setting.partition(":")[0].strip()] = comment.strip()
    outer = f"{group}." if group and not text.startswith(PLACED_AT_ROOT) else ""
    flat = [
        (path, value) for path, value in _flat(values, outer) if path.rpartition(".")[2] not in ("name", "defaults")
    ]
    return [Key(path, value, comments.get(path.rpartition(".")[2], "")) for path, value in flat]


@cache
def _read(name: str) -> tuple[str, dict[str, Any]]:
    """Return the text and the values of a configuration file."""
    import yaml

    text = (folder() / f"{name}.yaml").read_text(encoding="utf-8")
    return text, yaml.safe_load(text)


def _flat(node: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
