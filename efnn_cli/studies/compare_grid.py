"""`--grid` of `efnn compare`: the points among which validation chooses, the same for every network."""

from __future__ import annotations

from collections.abc import Sequence

from efnn_cli.config.compose import compose
from efnn_cli.config.words import Request, key_of, settle
from efnn_cli.core.errors import ConfigError
from efnn_cli.models import MODELS
from efnn_cli.physics.system import System
from efnn_cli.runs.settings import train_config
from efnn_cli.studies.grid import combine

NO_GRID = "none"
SMALLER = 0.3
"""Of the learning rate, where all recipes agree on one."""
NEUTRAL_SCALE = 1.0
"""The activation scale of the published networks."""

SET_ELSEWHERE = {
    "seed": "--seeds N trains every network with N seeds",
    "model": "--models says which networks take part",
    "width": "--parameters says how large they are",
}


def check_grid(texts: Sequence[str]) -> None:
    """Raise `ConfigError` for anything but `KEY=V1,V2`, or the word `none` alone."""
    if list(texts) == [NO_GRID]:
        return
    for text in texts:
        key, values = key_of(text), text.partition("=")[2]
        if not key or not all(values.split(",")):
            raise ConfigError(
                f"--grid: wanted KEY=V1,V2, or {NO_GRID} alone, found {text!r}", "for example --grid lr=0.004,0.008"
            )
        if key in SET_ELSEWHERE:
            raise ConfigError(f"--grid: {key} is not chosen by validation, found {text!r}", SET_ELSEWHERE[key])
        if "(" in values:
            raise ConfigError(f"--grid: wanted values with commas, found {text!r}", f"for example --grid {key}=V1,V2")
        typed = [settle(Request(point))[key].value for point in combine([text])]
        if any(value in typed[:i] for i, value in enumerate(typed)):
            raise ConfigError(f"--grid: wanted different values, found {text!r}", "give each of them once")


def default_grid(request: Request, system: System) -> list[str]:
    """Return at most 2 x 3 points from the recipes that the networks of `system` have.

    lr: the least and the greatest of the recipes, or where they agree that one and 0.3 of it. activation_scale: the
    least and the greatest of the recipes, and 1. The grid depends on no choice of networks, so that adding one to a
    comparison trains nothing anew. What the user has set is not varied.
    """
    given = settle(request)
    recipe = [given["training"].text] if "training" in given else []
    lrs, scales = set(), {NEUTRAL_SCALE}
    for name, entry in MODELS.items():
        if entry.closed_form or entry.form(system.geometry) is None:
            continue
        for common in (False, True):
            asked = Request((f"model={name}", *recipe), {}, request.config_dir, common, request.fields)
            config = train_config(compose("train", asked, system.kind), system)
            if config.training is not None:
                lrs.add(config.training.lr)
                scales.add(getattr(config.model, "activation_scale", NEUTRAL_SCALE))
    low, high = min(lrs), max(lrs)
    axes = {
        "lr": sorted({low if low < high else SMALLER * high, high}),
        "activation_scale": sorted({min(scales), max(scales), NEUTRAL_SCALE}),
    }
    return [
        f"{key}={','.join(f'{value:g}' for value in values)}"
        for key, values in axes.items()
        if key not in given and len(values) > 1
    ]
