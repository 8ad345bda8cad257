"""Compose one resolved configuration from options and overrides, by Hydra.

Options (`--L 10`) and overrides (`system.L=10`) get one spelling; the same key with two values is refused. Hydra then
composes `conf/`, and `schema.py` makes typed objects. Only the launchers of studies know Hydra besides.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from efnn_cli.config import keys
from efnn_cli.config.bases import composed, members
from efnn_cli.config.hints import COMMANDS_OF, GROUPS, SIZE_HINTS, bare_word_hint, key_hint, several_hint
from efnn_cli.config.own_files import check_folder
from efnn_cli.core.checks import nearest
from efnn_cli.core.errors import ConfigError, UnknownKey
from efnn_cli.models import MODELS
from efnn_cli.physics import SYSTEMS

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
    """Words of a command: overrides as typed, options by the key they stand for (None: not given)."""

    overrides: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    config_dir: Path | None = None
    common_recipe: bool = False
    """Train with the recipe that all networks of the system share, even where this network has one of its own."""


@dataclass(frozen=True)
class Setting:
    """Key set by the user: the word as typed, its value, and its text for Hydra."""

    origin: str
    value: Any
    text: str


@dataclass(frozen=True)
class Composed:
    """Resolved configuration, and by key the settings of the user."""

    values: dict[str, Any]
    settings: dict[str, Setting]


def settle(request: Request, command: str = "train") -> dict[str, Setting]:
    """Return the settings of the user by canonical key; raise `ConfigError` for contradictions and bad syntax.

    The `command` only decides the hints.
    """
    settled: dict[str, Setting] = {}
    options = [(key, value) for key, value in request.options.items() if value is not None]
    typed = [(f"--{key.rpartition('.')[2]} {value}", f"{key}={value}") for key, value in options]
    typed += [(text, text) for text in request.overrides]
    for origin, text in typed:
        override = _parse(text, command)
        key = SHORT_NAMES.get(override.key_or_group, override.key_or_group)
        setting = Setting(origin, override.value(), f"{key}={text.partition('=')[2]}")
        if key in GROUPS:
            setting = _named(key, setting)
        elif key == "L" and type(setting.value) in (int, str):  # the one list among the keys: one size is a list too
            setting = Setting(origin, [setting.value], f"L=[{setting.value}]")
        earlier = settled.setdefault(key, setting)
        if earlier is not setting and earlier.value != setting.value:
            raise ConfigError(f"{key} was given twice: {earlier.origin!r} and {origin!r}", "keep one of them")
    return settled


def key_of(text: str) -> str:
    """Return the canonical key of `KEY=VALUE` as typed."""
    key = text.partition("=")[0].lstrip("+")
    return SHORT_NAMES.get(key, key)


def _named(group: str, setting: Setting) -> Setting:
    """Return a choice of a group, dashes accepted; raise `ConfigError` for anything but a name."""
    if not isinstance(setting.value, str) or not GROUP_OPTION.fullmatch(setting.value):
        raise ConfigError(f"{group}: wanted a name, found {setting.value!r}")
    name = setting.value.replace("-", "_") if group == "system" else setting.value
    return Setting(setting.origin, name, f"{group}={name}")


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
    """Return the configuration of `command`; with the `kind` of a system also its training recipe.

    Raises `ConfigError` for unknown keys, groups and values that cannot be resolved.
    """
    settings = settle(request, command)
    if command == "train":
        _refuse_without_effect(settings)
    texts = [each.text for each in settings.values()]
    _store_plug_ins()
    with initialize_config_module("efnn_cli.conf", version_base="1.3"):
        try:
            texts += _search_path(request.config_dir)
            if command == "train":
                texts = [text for text in texts if not text.startswith("training=")]
                texts.append(f"training={_recipe(settings, texts, kind, common=request.common_recipe)}")
            config = composed(command, texts)
            values = OmegaConf.to_container(config, resolve=True)
        except MissingConfigException as error:  # an OSError too, so it comes first
            raise _explain_missing(error, settings) from error
        except (OmegaConfBaseException, *UNREADABLE) as error:
            raise _explain(error, command, settings, request.config_dir) from error
    _require_groups(command, values, settings)
    return Composed({str(key): value for key, value in dict(values).items()}, settings)  # type: ignore[arg-type]


def _store_plug_ins() -> None:
    """Give Hydra the defaults of plug-ins, which have no file in `conf/`."""
    store = ConfigStore.instance()
    for name in SYSTEMS.plug_ins:
        store.store(group="system", name=name, node={"name": name, **asdict(SYSTEMS[name]())})  # type: ignore[call-overload]
    for name in MODELS.plug_ins:
        values = asdict(MODELS[name].options())
        short = {key: value for key, value in values.items() if SHORT_NAMES.get(f"model.{key}") == key}
        model = values | {key: f"${{{key}}}" for key in short}
        store.store(group="model", name=name, node={**short, "model": model}, package="_global_")


def _require_groups(command: str, values: Any, settings: Mapping[str, Setting]) -> None:
    """Raise `ConfigError` where a file that was chosen does not set what it was chosen for."""
    for group, default in keys.groups(command).items():
        if (default is not None or group in settings) and not isinstance(values.get(group), dict):
            chosen = settings[group].text if group in settings else group
            raise ConfigError(
                f"{chosen}: wanted a file with keys below '{group}:', found none",
                f"where it begins with # @package _global_, write {group}: and, below it, its keys",
            )


def _search_path(config_dir: Path | None) -> list[str]:
    """Return the override that adds the user's own folder of YAML files."""
    if config_dir is None:
        return []
    check_folder(config_dir)
    return [f"hydra.searchpath=[{literal(f'file://{config_dir.resolve()}')}]"]


def literal(path: str) -> str:
    """Return a path as a quoted value for Hydra; raise `ConfigError` for `${`, which Hydra cannot quote."""
    if "${" in path:
        folder = path.removeprefix("file://")
        raise ConfigError(f"Hydra cannot read {folder}: it takes ${{ for one of its own signs", "rename the folder")
    quoted = re.sub(r"(\\*)'", r"\1\1\\'", path)
    return "'" + re.sub(r"(\\+)$", r"\1\1", quoted) + "'"


def _loader() -> Any:
    return GlobalHydra.instance().config_loader()


def _recipe(settings: Mapping[str, Setting], texts: list[str], kind: str | None, *, common: bool) -> str:
    """Return the option of the group `training`: the recipe of system, network and depth where the family has one.

    With `common`, that of the system. `texts` are the other overrides, for Hydra.
    """
    model = str(settings["model"].value) if "model" in settings else "efnn"
    if model in MODELS and MODELS[model].closed_form:
        return "closed_form"
    family = str(settings["training"].value) if "training" in settings else RECIPE_FAMILY
    if family == "closed_form":
        raise ConfigError("training=closed_form belongs to model=effective alone", "training=default")
    of_family = members(f"training/{family}") if kind else []
    special = [f"{kind}-{model}"] if not common else []
    if special and "depth" in settings and any(name.startswith(f"{special[0]}-d") for name in of_family):
        special.insert(0, f"{special[0]}-d{_depth(texts)}")
    for name in (*special, str(kind)):
        if name in of_family:
            return f"{family}/{name}"
    return family


def _depth(texts: list[str]) -> int | None:
    """Return the depth as a number, also of `03` or an interpolation; None where it is no number."""
    with contextlib.suppress(TypeError, ValueError):
        return int(composed("train", [*texts, "training=neutral"]).depth)
    return None


def _refuse_without_effect(settings: Mapping[str, Setting]) -> None:
    """Raise `ConfigError` for keys of trained networks where the model is fitted in closed form."""
    model = str(settings["model"].value) if "model" in settings else ""
    if model not in MODELS or not MODELS[model].closed_form:
        return
    for key in settings:
        if key in NETWORK_KEYS or key.startswith("training."):
            raise ConfigError(f"{key} has no effect with model={model}, which is fitted in closed form")


def _explain_missing(error: MissingConfigException, settings: Mapping[str, Setting]) -> ConfigError:
    for group in GROUPS:
        if group not in settings:
            continue
        choices = [name for name in _loader().get_group_options(group) if name not in keys.HIDDEN_OPTIONS]
        value = str(settings[group].value)
        if value not in choices:
            return ConfigError(f"{group}: wanted one of {', '.join(choices)}, found {value!r}", nearest(value, choices))
    return ConfigError(first_line(error))


def _explain(error: Exception, command: str, settings: Mapping[str, Setting], config_dir: Path | None) -> ConfigError:
    found = re.search(r"Could not override '([^']*)'", str(error))
    if not found:
        cause = error.__cause__ or error
        return ConfigError(f"configuration: {first_line(cause)}")
    key = found.group(1)
    takes_system = command in COMMANDS_OF["system"]
    if key == "L" or (key == "system.L" and not takes_system):
        return ConfigError(
            f"unknown key {key!r}", SIZE_HINTS[command].format(settings[key].text.partition("=")[2].strip("[]"))
        )
    if key.startswith("system.") and not takes_system:
        return ConfigError(f"unknown key {key!r}: the run decides the system", f"efnn config {command} shows all keys")
    if key.startswith("system.") and "system" not in settings:
        return ConfigError(f"{key} needs the system it belongs to", f"add system=NAME before {key}=...")
    known = known_keys(command, settings, config_dir)
    value = settings[key].text.partition("=")[2] if key in settings else ""
    hint = key_hint(key, known) or f"efnn config {command} shows all keys"
    return UnknownKey(f"unknown key {key!r}", hint, key, value)


def known_keys(command: str, settings: Mapping[str, Setting], config_dir: Path | None) -> list[str]:
    """Return the keys of `command` with the groups that were chosen, short names included."""
    offered = [group for group in ("system", "model", "executor", "experiment") if command in COMMANDS_OF[group]]
    groups = [each.text for key, each in settings.items() if key in offered]
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
    """Return the first line of the message of an error."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
