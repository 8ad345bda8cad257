"""Compose one resolved configuration by Hydra: defaults of the dataclasses, recipes and presets of `conf/`, settings.

`schema.py` makes typed objects of it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import initialize_config_module
from hydra.errors import HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from efnn_cli.config import explain, keys, recipes, store
from efnn_cli.config.bases import composed
from efnn_cli.config.own_files import check_folder
from efnn_cli.config.words import NETWORK_KEYS, UNREADABLE, Request, Setting, settle
from efnn_cli.core import checks
from efnn_cli.core.errors import ConfigError
from efnn_cli.models import MODELS
from efnn_cli.physics import SYSTEMS, VARIANTS

HYDRA_ERRORS = (HydraException, OmegaConfBaseException)


@dataclass(frozen=True)
class Composed:
    """Resolved configuration, and by key the settings of the user."""

    values: dict[str, Any]
    settings: dict[str, Setting]


def compose(command: str, request: Request, kind: str | None = None) -> Composed:
    """Return the configuration of `command`; with the `kind` of a system also its training recipe.

    Raises `ConfigError` for unknown keys, groups and values that cannot be resolved.
    """
    settings = settle(request, command)
    if command == "train":
        _refuse_without_effect(settings)
    texts = [each.text for each in settings.values()]
    _store_chosen(settings, request.config_dir)
    with initialize_config_module("efnn_cli.conf", version_base="1.3"):
        try:
            texts += _search_path(request.config_dir)
            if command == "train":
                texts = [text for text in texts if not text.startswith("training=")]
                texts.append(f"training={_recipe(request, settings, texts, kind or '')}")
            config = composed(command, texts)
            values = OmegaConf.to_container(config, resolve=True)
        except MissingConfigException as error:  # an OSError too, so it comes first
            raise explain.missing(error, settings, request.config_dir) from error
        except (OmegaConfBaseException, *UNREADABLE) as error:
            raise explain.explained(error, command, settings) from error
    _require_groups(command, values, settings)
    return Composed({str(key): value for key, value in dict(values).items()}, settings)  # type: ignore[arg-type]


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


def _store_chosen(settings: Mapping[str, Setting], config_dir: Path | None) -> None:
    """Give Hydra the defaults of the system and of the network of a plug-in, where one is chosen.

    Raises `ConfigError` for a system that there is not.
    """
    system = settings["system"].value if "system" in settings else None
    if system in SYSTEMS or system in VARIANTS:
        store.add_system(str(system))
    elif system is not None:
        checks.one_of("system", system, keys.options("system", config_dir))
    if "model" in settings and settings["model"].value in MODELS.own:
        store.add_model(settings["model"].value)


def _recipe(request: Request, settings: Mapping[str, Setting], texts: list[str], kind: str) -> str:
    """Return the option of the group `training`; `texts` are the other overrides, for Hydra."""
    model = str(settings["model"].value) if "model" in settings else "efnn"
    family = str(settings["training"].value) if "training" in settings else recipes.FAMILY
    if family == recipes.CLOSED_FORM:
        raise ConfigError("training=closed_form belongs to model=effective alone", "training=default")
    members = keys.files(f"training/{family}", request.config_dir)
    depth = (lambda: _depth(texts)) if "depth" in settings else None
    return recipes.choose(family, kind, model, members, depth, common=request.common_recipe, fields=request.fields)


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
