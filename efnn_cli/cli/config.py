"""`efnn config [COMMAND] [KEY=VALUE ...]`: the composed configuration, before anything is done with it."""

from __future__ import annotations

import logging
import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from efnn_cli.cli.completion import complete_configured
from efnn_cli.cli.execution import command
from efnn_cli.cli.options import SYSTEM_NAMES, ConfigDir, Overrides
from efnn_cli.cli.parsing import request_of, split_one

if TYPE_CHECKING:
    from efnn_cli.config.compose import Composed
    from efnn_cli.config.words import Request
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result

LOGGER = logging.getLogger("efnn")
SHOWN = {"system": "heisenberg", "experiment": "three_spin"}  # where the command line chooses none
FOR_LEARN = "double_exchange"


@command
def config(
    console: Console,
    command: Annotated[
        str, typer.Argument(metavar="[COMMAND]", help="Whose configuration.", autocompletion=complete_configured)
    ] = "train",
    overrides: Overrides = None,
    config_dir: ConfigDir = None,
) -> Result:
    """Show the composed configuration of a command: every value, its meaning and its origin.

    Example: efnn config train system=double_exchange model=efnn
    """
    from efnn_cli.config import keys
    from efnn_cli.core import checks
    from efnn_cli.core.results import Result

    words = list(overrides or ())
    if "=" in command:  # only settings were given
        command, words = "train", [command, *words]
    checks.one_of("COMMAND", command, [*keys.configured(), *keys.SAME_KEYS])
    command = keys.SAME_KEYS.get(command, command)
    if keys.groups(command).get("system") == keys.NEEDED and any("=" not in text for text in words):
        system, words = split_one(words, "SYSTEM", SYSTEM_NAMES, f"config {command} heisenberg")
        words.append(f"system={system}")
    composed = compose_checked(command, request_of(words, {}, config_dir))
    return Result("config", composed.values, text=by_origin(command, composed, config_dir))


def by_origin(command: str, composed: Composed, config_dir: Path | None) -> str:
    """Return the values with their meanings, under the origin of each: command line, recipe, preset or default."""
    from efnn_cli.config import keys, recipes
    from efnn_cli.config.keys import Key

    flat = dict(recipes.flat(composed.values))
    chosen = {group: str(flat[f"{group}.name"]) for group in keys.groups(command) if f"{group}.name" in flat}
    known = {key.name: key for key in keys.settable(command, chosen)}
    recipe = recipes.values(chosen.get("training", ""), config_dir)
    sections: dict[str, list[tuple[str, str, str]]] = {"command line": []}
    for name, value in [*chosen.items(), *flat.items()]:
        short = keys.SHORT_NAMES.get(name, name)
        if name.endswith(".name") or (short != name and short in flat):
            continue
        origin = f"recipe {recipe[name][1]}" if name in recipe else "default"
        origin = f"preset {chosen['experiment']}" if name.startswith("experiment.") else origin
        origin = "command line" if short in composed.settings else origin
        key = known.get(short) or Key(short, "", None, "")
        text = replace(key, default=value).text
        row = (short, "", text) if name.startswith("experiment.") else (short, text, key.meaning)
        sections.setdefault(origin, []).append(row)
    order = sorted(sections, key=lambda origin: ("command recipe preset default".index(origin.split()[0]), origin))
    return "\n\n".join("\n".join([origin, *_lines(sections[origin])]) for origin in order if sections[origin])


def _lines(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    """Return key, value and meaning in columns, as wide as the terminal."""
    left = [f"  {key:{max(len(row[0]) for row in rows)}}  {value}".rstrip() for key, value, _ in rows]
    start = min(max(map(len, left)), 44) + 2
    room = max(shutil.get_terminal_size().columns - start, 20)
    found = []
    for text, (_, _, meaning) in zip(left, rows, strict=True):
        lines = textwrap.wrap(meaning.rstrip("."), room) or [""]
        beside = lines.pop(0) if len(text) < start - 1 else ""
        found += [f"{text.ljust(start)}{beside}".rstrip(), *(" " * start + line for line in lines)]
    return found


def compose_checked(command: str, request: Request) -> Composed:
    """Return the configuration of `command`; raise `ConfigError` where the command would."""
    from efnn_cli.config.compose import compose
    from efnn_cli.config.schema import build_system

    request = with_subject(command, request)
    if command == "learn":
        return learning(request)
    composed = compose(command, request)
    if command == "train" and "system" in composed.values:
        composed = compose(command, request, build_system(composed.values["system"]).kind)
    elif command == "train":
        LOGGER.info("the recipe is chosen by the dataset's system; see it with system=NAME")
    validate(command, composed)
    return composed


def learning(request: Request) -> Composed:
    """Return the configuration of `efnn learn`, and of its trainings what was set."""
    from efnn_cli.config.compose import Composed
    from efnn_cli.studies.learning import composed_of

    composed, _, _, training = composed_of(request)
    LOGGER.info("settings of training, such as epochs=20, hold for every round: efnn config train shows them")
    said = {key: each.value for key, each in training.settings.items()}
    return Composed(composed.values | said, composed.settings | training.settings)


def with_subject(command: str, request: Request) -> Request:
    """Return the request with a system or an experiment to show, where none was given."""
    from efnn_cli.config import keys
    from efnn_cli.config.words import key_of

    needed = [group for group, default in keys.groups(command).items() if default == keys.NEEDED]
    if not needed or needed[0] in map(key_of, request.overrides):
        return request
    group = needed[0]
    choice = FOR_LEARN if command == "learn" else SHOWN[group]
    LOGGER.info("no %s given: showing %s; choose with %s=NAME", group, choice, group)
    return replace(request, overrides=(f"{group}={choice}", *request.overrides))


def validate(command: str, composed: Composed) -> None:
    """Raise `ConfigError` for values that the command would refuse."""
    from efnn_cli.config import keys
    from efnn_cli.config.options import COMMANDS
    from efnn_cli.config.schema import build_system, typed
    from efnn_cli.datasets.settings import generate_config, refuse_keys_without_effect
    from efnn_cli.runs.settings import train_config

    if command == "generate":
        refuse_keys_without_effect(generate_config(composed), composed)
    elif command == "train":
        train_config(composed)
    else:
        needed = [group for group, default in keys.groups(command).items() if default == keys.NEEDED]
        typed(COMMANDS[command], {key: value for key, value in composed.values.items() if key not in needed})
        if "system" in needed:
            build_system(composed.values["system"])
