"""Write commands.md and configuration.md beside this file, from the code and conf/ (`make reference`).

Nothing depends on a terminal, a machine or the order of a folder: a test compares the committed files with what comes
out.
"""

from __future__ import annotations

import ast
import inspect
import types
import typing
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import typer

from efnn_cli.cli.app import app
from efnn_cli.config import keys
from efnn_cli.config.keys import Key
from efnn_cli.core import errors
from efnn_cli.datasets import settings as dataset_settings
from efnn_cli.evaluation import settings as evaluation_settings
from efnn_cli.models import MODELS
from efnn_cli.models.options import NetworkOptions
from efnn_cli.physics import SYSTEMS
from efnn_cli.runs import settings as run_settings
from efnn_cli.studies.paper_presets import ReproduceKeys
from efnn_cli.training.options import TrainingOptions

HERE = Path(__file__).parent
WORDS = {int: "integer", float: "number", bool: "true or false", str: "word", type(None): "null"}
OF_COMMANDS = {
    "generate": dataset_settings._GenerateKeys,
    "train": run_settings._TrainKeys,
    "evaluate": evaluation_settings.EvaluateConfig,
    "extrapolate": evaluation_settings.ExtrapolateConfig,
    "predict": evaluation_settings.PredictConfig,
    "reproduce": ReproduceKeys,
}
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
    rows = [_parameter(each) for each in root.commands["inspect"].params if each.name in COMMON]
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
    for command in ("generate", "train", "evaluate", "extrapolate", "predict", "reproduce"):
        groups = [f"`{group}` (default `{option or 'null'}`)" for group, option in keys.groups(command).items()]
        chosen = f"\nGroups: {', '.join(groups)}.\n" if groups else ""
        title = f"## efnn {command}\n\n{_comment(command)}\n"
        parts.append(f"{title}{chosen}\n{_keys_table(keys.root_keys(command), OF_COMMANDS.get(command))}\n")
    parts.append("`compare` takes the keys of `train`, `merge` those of `generate`.\n")
    for name in SYSTEMS:
        parts.append(_group(f"system={name}", f"system/{name}", keys.group_keys("system", name), SYSTEMS[name]))
    shared = keys.group_keys("model", "dnn")
    parts.append(f"## Keys of every trained network\n\n{_keys_table(_named_once(shared), NetworkOptions)}\n")
    for name, entry in MODELS.items():
        own = [each for each in keys.group_keys("model", name) if each.name not in {key.name for key in shared}]
        parts.append(_group(f"model={name}", f"model/{name}", own, entry.options, f"The {entry.title}."))
    parts.append(_group("training=NAME", "training/neutral", _named_once(keys.group_keys("training")), TrainingOptions))
    parts.append(_recipes())
    for name in keys.options("executor"):
        option = keys.group_keys("executor", name)
        parts.append(_group(f"executor={name}", f"executor/{name}", option, dataset_settings.ExecutorOptions))
    return "\n".join(parts)


def _group(title: str, file: str, found: Sequence[Key], kind: type, about: str = "") -> str:
    text = _comment(file) or about
    table = _keys_table(found, kind) if found else "No keys of its own."
    return f"## {title}\n\n{text}\n\n{table}\n"


def _named_once(found: Iterable[Key]) -> list[Key]:
    """Return the keys without the long spellings of those that have a short name."""
    return [each for each in found if not each.alias]


def _recipes() -> str:
    """Table of the values that each recipe sets."""
    rows = []
    for family in keys.options("training"):
        for path in sorted((keys.folder() / "training" / family).glob("*.yaml")):
            name = f"{family}/{path.stem}"
            values = [f"`{key.name}={key.text}`" for key in keys.file_keys(f"training/{name}")]
            rows.append((f"`{name}`", " ".join(values), _comment(f"training/{name}")))
    text = (
        "The family (`training=default` or `training=paper`) is typed, the member is chosen by the system, the network "
        "and the depth; a member begins with another one where its file says so. "
        "`efnn config train system=NAME model=NAME` shows the outcome."
    )
    return f"### Recipes\n\n{text}\n\n{_table(('recipe', 'sets', ''), rows)}\n"


def _comment(file: str) -> str:
    """Return the comment at the head of a configuration file."""
    lines = (keys.folder() / f"{file}.yaml").read_text(encoding="utf-8").splitlines()
    lines_of_comment = []
    for line in lines:
        if line == keys.PLACED_AT_ROOT:
            continue
        if not line.startswith("# "):
            break
        lines_of_comment.append(line[2:])
    return _cell(" ".join(lines_of_comment))


def _keys_table(found: Iterable[Key], kind: type | None) -> str:
    hints = typing.get_type_hints(kind) if kind else {}
    documented = _docstrings(kind) if kind else {}
    rows = []
    for key in found:
        field = key.name.rpartition(".")[2]
        meaning = " ".join((key.comment or documented.get(field, "")).split())
        rows.append((f"`{key.name}`", _type(hints.get(field), key), f"`{key.text}`", meaning))
    return _table(("key", "type", "default", "meaning"), rows)


def _type(hint: Any, key: Key) -> str:
    """Return a type in words."""
    if hint is None:
        return "word" if key.choices else "" if key.default is None else WORDS[type(key.default)]
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return " or ".join(_type(each, key) for each in typing.get_args(hint))
    if typing.get_origin(hint) is list:
        return f"list of {_type(typing.get_args(hint)[0], key)}s"
    return WORDS[hint]


def _docstrings(kind: type) -> dict[str, str]:
    """Return the docstrings below the fields of a dataclass and of its base classes."""
    found: dict[str, str] = {}
    for each in reversed([cls for cls in kind.__mro__ if cls.__module__.startswith("efnn_cli")]):
        (body,) = (node.body for node in ast.parse(inspect.getsource(each)).body if isinstance(node, ast.ClassDef))
        found.update(_fields(body))
    return found


def _fields(body: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    for node, after in pairwise(body):
        documented = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and documented:
            yield node.target.id, str(typing.cast(Any, after).value.value)


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
