"""Baths of thermal configurations: the keys of sampling=thermal and sampling=ladder, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from efnn_cli.core.errors import ConfigError
from efnn_cli.physics.system import System
from efnn_cli.physics.thermal import Bath, Ladder

TEMPERATURES = "0.02:1.0"  # of a ladder
SWEEPS = 100


@dataclass(frozen=True)
class Thermal:
    """Keys of sampling=thermal, and those that ladder shares with it."""

    temperature: float
    coupling: float | None
    """None: the effective coupling of the system."""
    sweeps: int

    @property
    def text(self) -> str:
        """The temperature as in tables."""
        return f"{self.temperature:g}"

    def bath(self, system: System) -> Bath:
        """Return the bath for `system`; raises `ConfigError` for a system without effective coupling."""
        coupling = system.effective_coupling() if self.coupling is None else self.coupling
        return Bath(self.temperature, coupling, self.sweeps, system.kind_of_lattice.name)


@dataclass(frozen=True)
class Rungs(Thermal):
    """Keys of sampling=ladder; `temperature` is the lowest one."""

    highest: float
    uniform: float

    @property
    def text(self) -> str:
        """The temperatures as in tables."""
        return f"{self.temperature:g}:{self.highest:g}"

    def bath(self, system: System) -> Ladder:
        """See `Thermal`."""
        return Ladder(**vars(super().bath(system)), highest=self.highest, uniform=self.uniform)


def thermal_config(
    sampling: str, temperature: float | str | None, coupling: float | None, sweeps: int, uniform: float
) -> Thermal | None:
    """Return the keys of sampling=thermal or ladder, None for others; raises `ConfigError` for wrong temperatures."""
    if sampling not in ("thermal", "ladder"):
        return None
    wanted = "LOW:HIGH" if sampling == "ladder" else "..."
    example = TEMPERATURES if sampling == "ladder" else "0.5"
    text = example if temperature is None and sampling == "ladder" else temperature
    if text is None:
        raise ConfigError("sampling=thermal needs spin_temperature=...", f"for example spin_temperature={example}")
    try:
        numbers = [float(each) for each in str(text).split(":")]
    except ValueError:
        numbers = []
    if len(numbers) != (2 if sampling == "ladder" else 1):
        raise ConfigError(
            f"sampling={sampling} needs spin_temperature={wanted}, found {text}",
            f"for example spin_temperature={example}",
        )
    Bath(numbers[0], 1.0 if coupling is None else coupling, sweeps)  # checks the bounds
    if sampling == "thermal":
        return Thermal(numbers[0], coupling, sweeps)
    Ladder(numbers[0], 1.0, sweeps, highest=numbers[1])
    return Rungs(numbers[0], coupling, sweeps, numbers[1], uniform)


def as_trained(stored: Mapping[str, Any]) -> Thermal:
    """Return the bath of the metadata of a dataset."""
    shared = (stored["temperature"], stored["coupling"], stored["sweeps"])
    return Rungs(*shared, stored["highest"], stored["uniform"]) if "highest" in stored else Thermal(*shared)
