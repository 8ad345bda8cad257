"""Keys of the configuration files, with their defaults and comments, read line by line.

Completion must answer within a blink, and so reads neither with Hydra nor with a YAML parser. The files of `conf/` are
written one key a line, `key: default  # comment`; a comment that begins with `one of a, b, c` lists the values there
are. `tests/test_keys.py` compares what is read here with a YAML parser, and the lists with what the commands accept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

HIDDEN_OPTIONS = ("neutral", "closed_form")  # recipes that others build on, or that a network brings along
BASES = {"training": "neutral"}  # the option of a group that has every key, where not each has its own
SAME_KEYS = {"compare": "train", "merge": "generate"}  # commands with the keys of another one
PLACED_AT_ROOT = "# @package _global_"

LINE = re.compile(r"(?P<indent> *)(?P<key>\w+):(?: +(?P<value>[^#\s](?:[^#]*[^#\s])?))?\s*(?:# ?(?P<comment>.*))?")
GROUP = re.compile(r" +- (?P<group>\w+): (?P<option>\S+)")
CHOICES = re.compile(r"one of (\w+(?:, \w+)*)")


@dataclass(frozen=True)
class Key:
    """One key as users write it, such as `model.kernel_size`, its default and comment as they stand in the file."""

    name: str
    default: str
    comment: str

    @property
    def choices(self) -> tuple[str, ...]:
        """The values there are, where they can be listed."""
        found = CHOICES.match(self.comment)
        if found:
            return tuple(found.group(1).split(", "))
        return ("true", "false") if self.default in ("true", "false") else ()

    @property
    def alias(self) -> str:
        """The short name that the key stands for, such as `depth` for `model.depth`; empty where it has none."""
        found = re.fullmatch(r"\$\{(\w+)\}", self.default)
        return found.group(1) if found else ""


def folder() -> Path:
    """Where the configuration files are, in a checkout as in a wheel."""
    return Path(str(import_module("efnn_cli.conf").__file__)).parent


def configured() -> list[str]:
    """Commands with a configuration of their own."""
    return sorted(path.stem for path in folder().glob("*.yaml"))


def groups(command: str) -> dict[str, str]:
    """Groups that `command` chooses from, such as `model`, with their default options."""
    found = map(GROUP.fullmatch, _lines(command))
    return {each["group"]: each["option"] for each in found if each}


def options(group: str) -> list[str]:
    """Names to choose from in `group`."""
    names = sorted(path.stem for path in (folder() / group).glob("*.yaml"))
    return [name for name in names if name not in HIDDEN_OPTIONS]


def root_keys(command: str) -> list[Key]:
    """Keys of `command` itself."""
    return file_keys(command)


def group_keys(group: str, option: str | None = None) -> list[Key]:
    """Keys of `group`, those that stand at the root (`depth`) among them: of one option, or of any."""
    known = options(group)
    chosen = [BASES[group]] if group in BASES else [option] if option in known else known
    keys: dict[str, Key] = {}
    for name in chosen:
        for key in file_keys(f"{group}/{name}", group):
            keys.setdefault(key.name, key)
    return list(keys.values())


@cache
def _lines(name: str) -> tuple[str, ...]:
    return tuple((folder() / f"{name}.yaml").read_text(encoding="utf-8").splitlines())


def file_keys(name: str, group: str = "") -> list[Key]:
    """Keys of the file `name`, such as `training/paper`, their paths as users write them below `group`."""
    lines = _lines(name)
    outer = f"{group}." if group and lines[0] != PLACED_AT_ROOT else ""
    path, found = outer, []
    for match in filter(None, map(LINE.fullmatch, lines)):
        key, value = match["key"], match["value"]
        if not match["indent"]:
            path = outer if value else f"{outer}{key}."
        if value and key != "name":
            found.append(Key(f"{path}{key}", value, match["comment"] or ""))
    return found
