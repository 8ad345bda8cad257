"""Hydra's ConfigStore, filled from the dataclasses: no file repeats their defaults."""

from __future__ import annotations

from dataclasses import MISSING, asdict, fields
from typing import Any

from hydra.core.config_store import ConfigStore

from efnn_cli.config.keys import EXECUTORS, SHORT_NAMES
from efnn_cli.config.options import COMMANDS, GROUPS
from efnn_cli.config.shared_options import ExecutorOptions
from efnn_cli.models import MODELS
from efnn_cli.physics import SYSTEMS, variants
from efnn_cli.training.options import TrainingOptions


def register() -> None:
    """Store the commands, the executors and the neutral recipe."""
    store = ConfigStore.instance()
    for name, cls in COMMANDS.items():
        groups = GROUPS.get(name, {})
        own = {key: value for key, value in asdict(cls()).items() if key not in groups}
        defaults = ["_self_", *({group: option} for group, option in groups.items())]
        store.store(name=name, node={"defaults": defaults, **own})
    for name in EXECUTORS:
        store.store(group="executor", name=name, node=asdict(ExecutorOptions(name)))
    _store_with_short_names("training", "neutral", asdict(TrainingOptions()))
    for name in MODELS.built_in:
        add_model(name)


def add_model(name: str) -> None:
    """Store a network."""
    _store_with_short_names("model", name, asdict(MODELS[name].options()))


def add_system(name: str) -> None:
    """Store a system; a default that differs between those that share the name is null."""
    values: dict[str, Any] = {}
    for cls in variants(name).values() or [SYSTEMS[name]]:
        for each in fields(cls):  # type: ignore[arg-type]
            default = each.default_factory() if each.default_factory is not MISSING else each.default
            same = values.setdefault(each.name, default) == default or each.name == "variant"
            values[each.name] = values[each.name] if same else None
    ConfigStore.instance().store(group="system", name=name, node={"name": name, **values})


def _store_with_short_names(group: str, name: str, values: dict[str, Any]) -> None:
    """Store options of a group; those with a short name stand at the root, and the group refers to them."""
    short = {SHORT_NAMES[f"{group}.{key}"]: value for key, value in values.items() if f"{group}.{key}" in SHORT_NAMES}
    node = values | {key: f"${{{key}}}" for key in short} | {"name": name}
    ConfigStore.instance().store(group=group, name=name, node={**short, group: node}, package="_global_")


register()
