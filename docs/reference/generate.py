"""Write commands.md and configuration.md beside this file, from the code and conf/ (`make reference`).

Nothing depends on a terminal, a machine or the order of a folder: a test compares the committed files with what comes
out.
"""

from __future__ import annotations

import inspect
import itertools
import json
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import typer

from efnn_cli.cli.app import app
from efnn_cli.config import keys, recipes
from efnn_cli.config.fields import outline, place_of
from efnn_cli.config.keys import Key
from efnn_cli.config.options import COMMANDS
from efnn_cli.config.shared_options import ExecutorOptions
from efnn_cli.core import errors
from efnn_cli.models import MODELS
from efnn_cli.physics import SYSTEMS
from efnn_cli.training.options import TrainingOptions

HERE = Path(__file__).parent
COMMON = ("json", "quiet", "verbose", "debug")
COMMANDS_HEAD = """# Commands

Written by `make reference` from the code; do not edit. Options and `KEY=VALUE` mix in any order. The keys of every
command are listed in [configuration.md](configuration.md), the files it reads and writes in [files.md](files.md).
"""
CONFIGURATION_HEAD = """# Configuration

Written by `make reference` from `conf/` and the code; do not edit. Every key can be given as `KEY=VALUE` to the
commands it belongs to; `efnn config COMMAND [KEY=VALUE ...]` shows them composed. A default `null` is decided by the
command, as the meaning says. Values of a recipe take the place of defaults; what is typed takes the place of both. The
same key with two values is refused.
"""


def commands_text() -> str:
    """Text of commands.md."""
    root = typing.cast(Any, typer.main.get_command(app))
    parts = [COMMANDS_HEAD, _options_of_all(root)]
    for name, command in sorted(root.commands.items()):
        members = getattr(command, "commands", None)
        if members is None:
            parts.append(_command(name, command))
        else:
            parts.append(f"## efnn {name}\n\n{command.help}\n")
            parts += [_command(f"{name} {each}", member, "###") for each, member in sorted(members.items())]
    return "\n".join([*parts, _exit_codes()])


def _options_of_all(root: Any) -> str:
    rows = [_parameter(each) for each in root.commands["config"].params if each.name in COMMON]
    rows.append(("`-h`, `--help`", "", "Show the help of the command."))
    alone = [_parameter(each) for each in root.params]
    text = f"## Options of every command\n\n{_table(('option', 'default', 'meaning'), rows)}\n"
    return f"{text}\nOptions of `efnn` itself:\n\n{_table(('option', 'default', 'meaning'), alone)}\n"


def _command(name: str, command: Any, level: str = "##") -> str:
    text = inspect.cleandoc(command.help).replace("\nExample: ", "\nExample: `").split("\n")
    lines = [f"{line}`" if line.startswith("Example: `") else line for line in text]
    rows = [_parameter(each) for each in command.params if each.name not in COMMON and not each.hidden]
    table = _table(("argument or option", "default", "meaning"), rows)
    return f"{level} efnn {name}\n\n{_paragraph(lines)}\n\n{table}\n"


def _paragraph(lines: Sequence[str]) -> str:
    """Return lines with the marks that Markdown would read escaped."""
    return "\n".join(line.replace("<", "&lt;").replace("|", "\\|") for line in lines).rstrip()


def _parameter(each: Any) -> tuple[str, str, str]:
    metavar = each.metavar or ("" if each.param_type_name == "argument" or each.is_flag else "VALUE")
    if each.param_type_name == "argument":
        name = f"`{metavar}`"
    else:
        name = ", ".join(f"`{text} {metavar}`" if metavar else f"`{text}`" for text in each.opts)
    default = "" if each.default in (None, False, ()) else f"`{each.default}`"
    needed = "needed" if each.required else default
    return name, needed, each.help or ""


def _exit_codes() -> str:
    rows = [("0", "Done; also: was done before.")]
    kinds = {each.code: each for each in vars(errors).values() if _foreseen(each)}
    for code, kind in sorted(kinds.items()):
        meaning = (
            "A defect of efnn." if kind is errors.EfnnError else inspect.cleandoc(kind.__doc__ or "").split("\n")[0]
        )
        rows.append((str(code), meaning))
    rows.append(("128 + n", "Stopped by signal n, after an orderly end; a second signal ends at once."))
    text = (
        "A sweep ends with the highest code among its failed runs. "
        "A reader that closes the pipe early (`| head`) ends efnn with 141."
    )
    return f"## Exit codes\n\n{_table(('code', 'meaning'), rows)}\n\n{text}\n"


def _foreseen(kind: object) -> bool:
    """Return True for an error class that defines an exit code of its own."""
    return isinstance(kind, type) and issubclass(kind, errors.EfnnError) and "code" in vars(kind)


def configuration_text() -> str:
    """Text of configuration.md."""
    parts = [CONFIGURATION_HEAD]
    for command, options in COMMANDS.items():
        groups = [f"`{group}` (default `{option or 'null'}`)" for group, option in keys.groups(command).items()]
        chosen = f"\nGroups: {', '.join(groups)}.\n" if groups else ""
        title = f"## efnn {command}\n\n{_summary(options)}\n"
        parts.append(f"{title}{chosen}\n{_keys_table(keys.root_keys(command))}\n")
    parts.append("`compare` takes the keys of `train`, `merge` those of `generate`.\n")
    for name in SYSTEMS.built_in:
        about = keys.system_outline(name).summary
        parts.append(_group(f"system={name}", about, keys.group_keys("system", name)))
    shared = keys.network_keys()
    parts.append(f"## Keys of every trained network\n\n{_keys_table(shared)}\n")
    for name in MODELS.built_in:
        own = [each for each in keys.model_keys(name) if each not in shared]
        parts.append(_group(f"model={name}", _summary(MODELS[name].options), own))
    parts.append(_group("training=NAME", _summary(TrainingOptions), keys.group_keys("training")))
    parts.append(_recipes())
    parts.append(_group("executor=NAME", _summary(ExecutorOptions), keys.group_keys("executor")))
    return "\n".join(parts)


def _summary(cls: type) -> str:
    return outline(place_of(cls)).summary


def _group(title: str, about: str, found: Sequence[Key]) -> str:
    return f"## {title}\n\n{_cell(about)}\n\n{_keys_table(found) if found else 'No keys of its own.'}\n"


def _recipes() -> str:
    """Table of the values that each recipe sets."""
    rows = []
    for family in keys.options("training"):
        for name in sorted(f"{family}/{each}" for each in keys.files(f"training/{family}")):
            _, own = recipes.layers(name)[-1]
            values = [f"`{key}={json.dumps(value).replace(chr(34), '')}`" for key, value in own.items()]
            rows.append((f"`{name}`", " ".join(values), _comment(f"training/{name}")))
    text = (
        "The family (`training=default` or `training=paper`) is typed, the member is chosen by the system, the network "
        "and the depth; a member begins with another one where its file says so. "
        "`efnn config train system=NAME model=NAME` shows the outcome."
    )
    return f"### Recipes\n\n{text}\n\n{_table(('recipe', 'sets', ''), rows)}\n"


def _comment(file: str) -> str:
    """Return the comment at the head of a recipe."""
    lines = (keys.folder() / f"{file}.yaml").read_text(encoding="utf-8").splitlines()
    head = itertools.takewhile(lambda line: line.startswith("# "), lines)
    return _cell(" ".join(line[2:] for line in head if "@package" not in line))


def _keys_table(found: Iterable[Key]) -> str:
    rows = [(f"`{key.name}`", key.type, f"`{key.text}`", key.meaning) for key in found]
    return _table(("key", "type", "default", "meaning"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


TEXTS = {"commands.md": commands_text, "configuration.md": configuration_text}


def main() -> None:
    """Write the files."""
    for name, text in TEXTS.items():
        (HERE / name).write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
