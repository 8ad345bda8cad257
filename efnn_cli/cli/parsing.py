"""Words of a command line: options with one value, settings and runs in any order, hints for wrong words."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperOption

from efnn_cli.cli.help import write_parameters, write_settings
from efnn_cli.core.errors import ConfigError, InputError, UnknownKey
from efnn_cli.core.size import Size, parse

if TYPE_CHECKING:
    from efnn_cli.config.words import Request

VARIADIC = -1
WORDS = "efnn_cli.words"


class UsageError(typer.TyperException):
    """Error in a command line, with a `hint` on what to type."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Command(TyperCommand):
    """Command of `efnn` that refuses two values of one option, where Typer takes the last."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the parts of the line of usage: arguments as their metavar says."""
        return ["[OPTIONS]", *(str(each.metavar) for each in self.params if each.param_type_name == "argument")]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write settings, arguments and options."""
        if ctx.parent.parent is None:
            write_settings(formatter, ctx.info_name, ctx.meta[WORDS])
        write_parameters(formatter, self.get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line; raise `UsageError` for an unknown option, or one with two different values."""
        words = list(args)
        ctx.meta[WORDS] = words
        try:
            rest = super().parse_args(ctx, args)
        except typer.TyperException as error:
            hint = self._key_hint(ctx, words, error)
            if hint is None:
                raise
            raise UsageError(error.message, hint) from error
        if not ctx.resilient_parsing:
            self._refuse_two_values(ctx, words)
        return rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command; a key that it does not know may be one of its options."""
        try:
            return super().invoke(ctx)
        except UnknownKey as error:
            for option in self.params:
                if f"--{error.key}" in option.opts:
                    value = "" if getattr(option, "is_flag", False) else f" {error.value}"
                    raise ConfigError(error.message, f"write --{error.key}{value}") from error
            raise

    def _key_hint(self, ctx: Any, words: list[str], error: Exception) -> str | None:
        """Return a hint to write the unknown option as `KEY=VALUE`; None where no key has its name."""
        option = getattr(error, "option_name", "")
        found = next((i for i, word in enumerate(words) if option and word.partition("=")[0] == option), None)
        if found is None or not any(each.nargs == VARIADIC for each in self.params):
            return None
        if any(each.startswith(option) for each in getattr(error, "possibilities", None) or ()):
            return None  # the beginning of an option that there is
        after = words[found + 1] if found + 1 < len(words) else "-"
        value = words[found].partition("=")[2] or ("VALUE" if after.startswith("-") else after)
        name = option.lstrip("-").replace("-", "_")
        from efnn_cli.config.hints import SIZE_HINTS

        if name == "L" and ctx.info_name in SIZE_HINTS:
            return SIZE_HINTS[ctx.info_name].format(value)
        known = settable(str(ctx.info_name), words)
        key = next((key for key in known if name in (key, key.rpartition(".")[2])), None)
        return key and f"write {key}={value}"

    def _refuse_two_values(self, ctx: Any, words: list[str]) -> None:
        """Read `words` again, now keeping every value of every option."""
        parser = self.make_parser(ctx)
        for each in (*parser._long_opt.values(), *parser._short_opt.values()):
            each.action = "append" if each.action == "store" else each.action
        given, _, _ = parser.parse_args(words)
        for option in self.params:
            texts = given.get(option.name)
            if not isinstance(option, TyperOption) or option.multiple or not isinstance(texts, list):
                continue
            values: list[Any] = [option.process_value(ctx, text) for text in texts]
            other = next((text for text, value in zip(texts, values, strict=True) if value != values[0]), None)
            if other is not None:
                name = option.opts[0]
                listed = "[," in (option.metavar or "")
                hint = f"{name} {texts[0]},{other}" if listed else "keep one of them"
                raise UsageError(f"{name} takes one value, found {texts[0]!r} and {other!r}", hint)


def settable(name: str, words: list[str]) -> list[str]:
    """Return the keys that the command `name` takes with `words`, short ones first."""
    from efnn_cli.config import keys

    if name == "config":
        name = next((word for word in words if word in keys.configured()), "train")
    command = keys.SAME_KEYS.get(name, name)
    command = command if command in keys.configured() else "train"
    names = {word.rpartition("=")[2] for word in words}
    chosen = {group: name for group in keys.groups(command) for name in names & {*keys.options(group)}}
    return [each.name for each in keys.settable(command, chosen)]


def request_of(
    overrides: Sequence[str] | None, options: Mapping[str, object], config_dir: Path | None = None
) -> Request:
    """Return overrides and options as `compose` takes them."""
    from efnn_cli.config.words import Request

    return Request(tuple(overrides or ()), options, config_dir)


def split_one(arguments: Sequence[str] | None, name: str, meaning: str, example: str) -> tuple[str, list[str]]:
    """Return the one argument that is no KEY=VALUE, in any place, and the KEY=VALUEs; raise `ConfigError`."""
    words = [text for text in arguments or () if "=" not in text or os.path.exists(text)]
    if len(words) != 1:
        raise ConfigError(
            f"wanted one {name} ({meaning}), found {' '.join(words) or 'none'}", f"for example efnn {example}"
        )
    return words[0], [text for text in arguments or () if text not in words]


def split_runs(arguments: Sequence[str] | None) -> tuple[list[Path], list[str]]:
    """Return RUNs and KEY=VALUEs, which may be mixed in any order; an existing path is a RUN."""
    runs, overrides = [], []
    for text in arguments or ():
        if "=" in text and not os.path.exists(text):
            overrides.append(text)
        else:
            runs.append(Path(text))
    return runs, overrides


def refuse_no_runs(command: str, runs: Sequence[Path], size: str | None = None) -> None:
    """Raise where a size or a dataset stands in the place of a RUN, naming the option that takes it."""
    from efnn_cli.storage import dataset, hdf5

    sizes = [str(path) for path in runs if re.fullmatch(r"\d+(x\d+)?", str(path)) and not path.exists()]
    if sizes and size is not None:
        raise ConfigError(f"wanted RUN or KEY=VALUE, found {sizes[0]}", f"--L {','.join([size, *sizes])}")
    for path in runs:
        if path.is_file() and hdf5.format_of(path) == dataset.FORMAT:
            raise InputError(f"wanted a RUN, found the dataset {path}", f"efnn {command} --data {path}")


def whole_numbers(name: str, text: str) -> list[int]:
    """Return the integers of a list such as 10,20; raise `ConfigError`."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"{name}: wanted a list of integers such as 10,20, found {text!r}") from None


def sizes_of(text: str) -> list[Size]:
    """Return the sizes of a list such as 10,20,12x8; raise `ConfigError`."""
    return [parse("--L", part) for part in text.split(",")]
