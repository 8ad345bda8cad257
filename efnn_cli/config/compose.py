"""From what the user typed to one resolved configuration. With sweeps/multirun.py the only module that knows Hydra.

Options (`--L 10`) and overrides (`system.L=10`) are brought to one spelling and compared: the same key with two
values is refused, never resolved silently. Then Hydra composes `conf/`, and `schema.py` gives it types.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from efnn_cli.config import keys
from efnn_cli.config.hints import COMMANDS_OF, GROUPS, SIZE_HINTS, bare_word_hint, key_hint, several_hint
from efnn_cli.config.own_files import check_folder
from efnn_cli.core.checks import nearest
from efnn_cli.core.errors import ConfigError, UnknownKey

# Long spellings of keys that have a short root name.
SHORT_NAMES = {
    "model.depth": "depth",
    "model.width": "width",
    "model.activation_scale": "activation_scale",
    "training.lr": "lr",
    "training.epochs": "epochs",
    "training.budget": "budget",
}
NAMES = {f"{group}.name": group for group in GROUPS}
NETWORK_KEYS = (*SHORT_NAMES.values(), *SHORT_NAMES, "training")
RECIPE_FAMILY = "default"
HYDRA_ERRORS = (HydraException, OmegaConfBaseException)
UNREADABLE = (HydraException, ValueError, RecursionError, OSError)  # numbers and names too long, brackets too deep
GROUP_OPTION = re.compile(r"[\w-]+(\.[\w-]+)*(/[\w-]+(\.[\w-]+)*)*")


@dataclass(frozen=True)
class Request:
    """What was typed: overrides as they are, options by the key they stand for (None: not given)."""

    overrides: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    config_dir: Path | None = None
    common_recipe: bool = False
    """Train with the recipe that all networks of the system share, even where this network has one of its own."""


@dataclass(frozen=True)
class Said:
    """One key the user set: where, its value, and its text for Hydra."""

    origin: str
    value: Any
    text: str


@dataclass(frozen=True)
class Composed:
    """The resolved configuration, and what the user set in it by key."""

    values: dict[str, Any]
    said: dict[str, Said]


def settle(request: Request, command: str = "train") -> dict[str, Said]:
    """Everything the user set, by canonical key; raises `ConfigError` for contradictions and bad syntax.

    The `command` only decides what a wrong word may have meant.
    """
    settled: dict[str, Said] = {}
    typed = [(f"--{key.rpartition('.')[2]} {value}", f"{key}={value}") for key, value in _given(request)]
    typed += [(text, text) for text in request.overrides]
    for origin, text in typed:
        override = _parse(text, command)
        key = SHORT_NAMES.get(override.key_or_group, override.key_or_group)
        said = Said(origin, override.value(), f"{key}={text.partition('=')[2]}")
        if key in GROUPS:
            said = _named(key, said)
        elif key == "L" and type(said.value) is int:  # the one list among the keys: one size is a list too
            said = Said(origin, [said.value], f"L=[{said.value}]")
        earlier = settled.setdefault(key, said)
        if earlier is not said and earlier.value != said.value:
            raise ConfigError(f"{key} was given twice: {earlier.origin!r} and {origin!r}", "keep one of them")
    return settled


def key_of(text: str) -> str:
    """The canonical key of `KEY=VALUE` as typed."""
    key = text.partition("=")[0].lstrip("+")
    return SHORT_NAMES.get(key, key)


def _named(group: str, said: Said) -> Said:
    """A choice of a group, dashes accepted; raises `ConfigError` for anything but a name."""
    if not isinstance(said.value, str) or not GROUP_OPTION.fullmatch(said.value):
        raise ConfigError(f"{group}: wanted a name, found {said.value!r}")
    name = said.value.replace("-", "_") if group == "system" else said.value
    return Said(said.origin, name, f"{group}={name}")


def _given(request: Request) -> Iterator[tuple[str, object]]:
    return ((key, value) for key, value in request.options.items() if value is not None)


def _parse(text: str, command: str) -> Override:
    if "=" not in text:
        raise ConfigError(f"wanted KEY=VALUE, found {text!r}", bare_word_hint(text, command))
    try:
        override = OverridesParser.create().parse_override(text)
        sweep = override.is_sweep_override()
    except UNREADABLE as error:
        raise ConfigError(f"cannot read {text!r} as KEY=VALUE: {first_line(error)}") from error
    key = str(override.key_or_group)
    if (
        not key
        or override.is_delete()
        or key.partition(".")[0].partition("/")[0] == "hydra"
        or "@" in text.partition("=")[0]
    ):
        raise ConfigError(f"{text!r} is not a setting of efnn")
    if key in NAMES:  # it would change the name, but not the keys and the recipe that come with it
        raise ConfigError(f"{key} is no setting of its own", f"write {NAMES[key]}=NAME")
    if sweep:
        raise ConfigError(f"{key}: wanted one value, found several in {text!r}", several_hint(text, key, command))
    return override


def compose(command: str, request: Request, kind: str | None = None) -> Composed:
    """The configuration of `command`; with the `kind` of the system, training recipes are chosen by it.

    Raises `ConfigError` for unknown keys, groups and values that cannot be resolved.
    """
    said = settle(request, command)
    if command == "train":
        _refuse_without_effect(said)
    texts = [each.text for each in said.values()]
    with initialize_config_module("efnn_cli.conf", version_base="1.3"):
        try:
            texts += _search_path(request.config_dir)
            if command == "train":
                texts = [text for text in texts if not text.startswith("training=")]
                texts.append(f"training={_recipe(said, texts, kind, common=request.common_recipe)}")
            config = hydra_compose(command, overrides=texts)
            values = OmegaConf.to_container(config, resolve=True)
        except MissingConfigException as error:  # an OSError too, so it comes first
            raise _explain_missing(error, said) from error
        except (OmegaConfBaseException, *UNREADABLE) as error:
            raise _explain(error, command, said, request.config_dir) from error
    _require_groups(command, values, said)
    return Composed({str(key): value for key, value in dict(values).items()}, said)  # type: ignore[arg-type]


def _require_groups(command: str, values: Any, said: Mapping[str, Said]) -> None:
    """Raise `ConfigError` where a file that was chosen does not set what it was chosen for."""
    for group, default in keys.groups(command).items():
        if (default is not None or group in said) and not isinstance(values.get(group), dict):
            raise ConfigError(
                f"{said[group].text if group in said else group}: wanted a file with keys below '{group}:', found none",
                f"where it begins with # @package _global_, write {group}: and, below it, its keys",
            )


def _search_path(config_dir: Path | None) -> list[str]:
    """The override that adds the user's own folder of YAML files."""
    if config_dir is None:
        return []
    check_folder(config_dir)
    return [f"hydra.searchpath=[{literal(f'file://{config_dir.resolve()}')}]"]


def literal(path: str) -> str:
    """A path as a value that Hydra takes as it is, whatever signs are in it; raises `ConfigError` where it cannot."""
    if "${" in path:
        folder = path.removeprefix("file://")
        raise ConfigError(f"Hydra cannot read {folder}: it takes ${{ for one of its own signs", "rename the folder")
    quoted = re.sub(r"(\\*)'", r"\1\1\\'", path)
    return "'" + re.sub(r"(\\+)$", r"\1\1", quoted) + "'"


def _loader() -> Any:
    return GlobalHydra.instance().config_loader()


def _recipe(said: Mapping[str, Said], texts: list[str], kind: str | None, *, common: bool) -> str:
    """The option of the group `training`: the recipe of this system, network and depth where the family has one.

    With `common`, that of the system. `texts` are the other overrides, for Hydra.
    """
    model = str(said["model"].value) if "model" in said else "efnn"
    if model == "effective":
        return "closed_form"
    family = str(said["training"].value) if "training" in said else RECIPE_FAMILY
    if family == "closed_form":
        raise ConfigError("training=closed_form belongs to model=effective alone", "training=default")
    members = _loader().get_group_options(f"training/{family}") if kind else []
    special = [f"{kind}-{model}"] if not common else []
    if special and "depth" in said and any(name.startswith(f"{special[0]}-d") for name in members):
        special.insert(0, f"{special[0]}-d{_depth(texts)}")
    for name in (*special, str(kind)):
        if name in members:
            return f"{family}/{name}"
    return family


def _depth(texts: list[str]) -> int | None:
    """The depth as a number, however it was typed: `03`, or as the value of something else; None where it is none."""
    with contextlib.suppress(TypeError, ValueError):
        return int(hydra_compose("train", overrides=[*texts, "training=neutral"]).depth)
    return None


def _refuse_without_effect(said: Mapping[str, Said]) -> None:
    """Keys of trained networks mean nothing for a model fitted in closed form."""
    if "model" not in said or said["model"].value != "effective":
        return
    for key in said:
        if key in NETWORK_KEYS or key.startswith("training."):
            raise ConfigError(f"{key} has no effect with model=effective, which is fitted in closed form")


def _explain_missing(error: MissingConfigException, said: Mapping[str, Said]) -> ConfigError:
    for group in GROUPS:
        if group not in said:
            continue
        choices = [name for name in _loader().get_group_options(group) if name not in keys.HIDDEN_OPTIONS]
        value = str(said[group].value)
        if value not in choices:
            return ConfigError(f"{group}: wanted one of {', '.join(choices)}, found {value!r}", nearest(value, choices))
    return ConfigError(first_line(error))


def _explain(error: Exception, command: str, said: Mapping[str, Said], config_dir: Path | None) -> ConfigError:
    found = re.search(r"Could not override '([^']*)'", str(error))
    if not found:
        cause = error.__cause__ or error
        return ConfigError(f"configuration: {first_line(cause)}")
    key = found.group(1)
    takes_system = command in COMMANDS_OF["system"]
    if key == "L" or (key == "system.L" and not takes_system):
        return ConfigError(
            f"unknown key {key!r}", SIZE_HINTS[command].format(said[key].text.partition("=")[2].strip("[]"))
        )
    if key.startswith("system.") and not takes_system:
        return ConfigError(f"unknown key {key!r}: the run decides the system", f"efnn config {command} shows all keys")
    if key.startswith("system.") and "system" not in said:
        return ConfigError(f"{key} needs the system it belongs to", f"add system=NAME before {key}=...")
    known = known_keys(command, said, config_dir)
    value = said[key].text.partition("=")[2] if key in said else ""
    hint = key_hint(key, known) or f"efnn config {command} shows all keys"
    return UnknownKey(f"unknown key {key!r}", hint, key, value)


def known_keys(command: str, said: Mapping[str, Said], config_dir: Path | None) -> list[str]:
    """Every key of `command` with the groups that were chosen, short names included."""
    offered = [group for group in ("system", "model", "executor", "experiment") if command in COMMANDS_OF[group]]
    groups = [each.text for key, each in said.items() if key in offered]
    composed = hydra_compose(command, overrides=groups + _search_path(config_dir))
    found = list(_flat(OmegaConf.to_container(composed, resolve=False)))
    found += [group for group in GROUPS if command in COMMANDS_OF[group]]
    return [key for key in found if key not in SHORT_NAMES and key not in NAMES]


def _flat(node: Any, prefix: str = "") -> Iterator[str]:
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def first_line(error: BaseException) -> str:
    """The first line of what a library says."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
