"""Keys and options that the user typed and that have no effect: a misunderstanding, so they are refused."""

from __future__ import annotations

from collections.abc import Sequence

from efnn_cli.config.compose import Composed
from efnn_cli.core.errors import ConfigError
from efnn_cli.datasets.settings import GenerateConfig
from efnn_cli.physics import System

THERMAL_KEYS = ("spin_temperature", "spin_coupling", "spin_sweeps")
DRAWING_KEYS = ("seed", "sampling")


def refuse_idle_keys(config: GenerateConfig, composed: Composed, *, spins_given: bool = False) -> None:
    """Raise `ConfigError` for a key without effect.

    The size of given spins is known only when they are read: `refuse_idle_tolerance` is to be called then.
    """
    if spins_given:
        _refuse(composed, (*DRAWING_KEYS, *THERMAL_KEYS), "--spins, which are labelled as they are")
    elif config.sampling != "thermal":
        _refuse(composed, THERMAL_KEYS, f"sampling={config.sampling}", "add sampling=thermal")
    if not (spins_given and config.reference == "auto"):
        refuse_idle_tolerance([config], composed)


def refuse_idle_tolerance(configs: Sequence[GenerateConfig], composed: Composed) -> None:
    """Raise `ConfigError` for a tolerance where every method is exact to rounding."""
    if any(config.may_estimate for config in configs):
        return
    config = configs[-1]
    estimated = " or ".join(config.system.estimated_references)
    method = f"reference={config.method('cpu')}" if config.reference == "auto" else f"reference={config.reference}"
    hint = f"it belongs to reference={estimated}" if estimated else ""
    _refuse(composed, ("tolerance",), f"{method} at L = {config.system.size}, which is exact to rounding", hint)


def refuse_idle_normalise(system: System, *, normalise: bool, spins_given: bool = True) -> None:
    """Raise `ConfigError` for --normalise without spins to scale."""
    if normalise and not spins_given:
        raise ConfigError("--normalise belongs to --spins: drawn spins are unit vectors", "leave it out")
    if normalise and system.geometry != "lattice":
        raise ConfigError(f"--normalise makes unit vectors, but the spins of {system.kind} are scalars", "leave it out")


def _refuse(composed: Composed, keys: Sequence[str], beside: str, hint: str = "") -> None:
    for key in keys:
        if key in composed.said:
            raise ConfigError(f"{key} has no effect with {beside}", hint or f"leave {key} out")
