"""Help of the commands: settings first, with the defaults of the recipe that would be taken, output options last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from efnn_cli.core.registry import is_file_place

if TYPE_CHECKING:
    from efnn_cli.config.keys import Key

OUTPUT = "Output"  # the section of the options that every command has
NAMES, KEYS = 30, 60  # characters at most of what stands left of a meaning
NEUTRAL = "Settings (the system of the dataset chooses a recipe)"


class Group(TyperGroup):
    """Commands in sections."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, then the options."""
        sections: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for name, command in self.commands.items():
            about = (command.help or "").partition("\n")[0]
            sections[getattr(command, "rich_help_panel", None) or "Commands"].append((name, about))
        for title, rows in sections.items():
            write_section(formatter, title, rows)
        write_parameters(formatter, self.get_params(ctx))


def write_parameters(formatter: Any, parameters: Iterable[Any]) -> None:
    """Write arguments and options, those of the output last."""
    sections: dict[str, list[tuple[str, str]]] = defaultdict(list, Arguments=[])
    for each in parameters:
        if getattr(each, "hidden", False):
            continue
        argument = each.param_type_name == "argument"
        panel = OUTPUT if each.name == "help" else getattr(each, "rich_help_panel", None)
        sections[panel or ("Arguments" if argument else "Options")].append((_spelled(each), _about(each)))
    output = sections.pop(OUTPUT, [])
    for title, rows in (*sections.items(), (OUTPUT, output)):
        write_section(formatter, title, rows)


def write_section(formatter: Any, title: str, rows: Sequence[tuple[str, str]], width: int = NAMES) -> None:
    """Write a title and its rows, the second column wrapped."""
    if rows:
        formatter.write_paragraph()
        formatter.write(f"{typer.style(title, bold=True)}\n")
        formatter.indent()
        formatter.write_dl(rows, col_max=width)
        formatter.dedent()


def _spelled(each: Any) -> str:
    """Return an argument, or an option with its value, as they are typed."""
    if each.param_type_name == "argument":
        return str(each.metavar)
    value = "" if each.is_flag else f" {each.metavar or 'VALUE'}"
    return f"{', '.join(sorted(each.opts, key=len))}{value}"


def _about(each: Any) -> str:
    default = "" if each.default in (None, False, ()) or each.param_type_name == "argument" else each.default
    return f"{each.help or ''} (default: {default})" if default else each.help or ""


def write_settings(formatter: Any, command: str, words: Sequence[str]) -> None:
    """Write key, type, default and meaning of the settings of `command`, and name the groups of further ones.

    Nothing is written for a command without settings.
    """
    from efnn_cli.config import keys

    if command not in (*keys.configured(), *keys.SAME_KEYS):
        return
    title, rows, further = settings(command, words)
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    left = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) for row in rows]
    write_section(formatter, title, [(text, row[3]) for text, row in zip(left, rows, strict=True)], KEYS)
    if further:
        formatter.write(f"  {', '.join(f'{each}.*' for each in further)}: efnn config {command} shows all\n")


def settings(command: str, words: Sequence[str]) -> tuple[str, list[tuple[str, str, str, str]], list[str]]:
    """Return a title, key, type, default and meaning of settings with short names, and the groups of the others.

    All settings are taken where none has a short name.

    The words before `--help` choose system, network and recipe, else the name of the most recent dataset in data/ does.
    """
    from efnn_cli.config import keys, recipes

    command = keys.SAME_KEYS.get(command, command)
    chosen = {word.partition("=")[0]: word.partition("=")[2] for word in words if "=" in word}
    named = {word.replace("-", "_") for word in words} & {*keys.options("system")}
    named |= {word for word in words if is_file_place(word)}
    if keys.groups(command).get("system") == keys.NEEDED and named:
        chosen["system"] = named.pop()
    title, values = "Settings", {}
    if command == "train":
        system = chosen.get("system") or _latest_system()
        recipe = recipes.likely(chosen | {"system": system})
        values = recipes.values(recipe)
        title = f"Settings (defaults of the recipe {recipe})" if system else NEUTRAL
    known = keys.settable(command, chosen)
    shown = [
        each for each in known if "." not in each.name or ("system" in chosen and each.name[:7] == "system.")
    ] or known
    shown = [replace(each, default=values[each.name][0]) if each.name in values else each for each in shown]
    rows = [(each.name, _type(each), each.text, _shortly(each)) for each in shown]
    names = {each.name for each in shown}
    further = {each.name.partition(".")[0] for each in known if each.name not in names}
    return title, rows, sorted(further)


def _type(key: Key) -> str:
    return key.type.removesuffix(" or null").removeprefix("list of ").replace(" or ", "/")


def _shortly(key: Key) -> str:
    """Return the first statement of a meaning, and that about null where this is the default."""
    first, *others = key.meaning.rstrip(".").split("; ")
    return "; ".join([first, *(each for each in others if each.startswith(f"{key.text}:"))])


def _latest_system() -> str:
    """Return the system in the name of the most recent dataset in data/; empty where there is none."""
    from efnn_cli.config import keys

    paths = sorted(Path("data").glob("*.h5"), key=lambda path: path.stat().st_mtime)
    names = [name for name in keys.options("system") if paths and paths[-1].name.startswith(f"{name}-L")]
    return names[0] if names else ""
