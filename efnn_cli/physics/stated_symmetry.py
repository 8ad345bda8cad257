"""The symmetry that the class of a user's system states, tried on configurations."""

from __future__ import annotations

import numpy as np
import torch

from efnn_cli.core import checks, rng
from efnn_cli.core.errors import ConfigError
from efnn_cli.core.numbers import number
from efnn_cli.physics.system import Array, System

TRIED = 4  # configurations that are rotated
INVARIANT = 1e-6  # change of an energy under a symmetry, relative


def check_symmetry(system: System) -> None:
    """Raise `ConfigError` where the energy of a user's system on a lattice has not the symmetry that its class states.

    A few random configurations are rotated and reversed, as far as that symmetry goes. Without any symmetry the energy
    of two tells the mistakes of the class before the work begins.
    """
    if system.plug_in is None or system.geometry != "lattice":
        return
    place, stated = system.plug_in["source"], system.symmetry
    checks.one_of(f"{place}: symmetry", stated, ("o3", "axial", "none"))
    if stated == "o3" and not system.even:
        raise ConfigError(f'{place}: symmetry = "o3" contains S -> -S, found even = {system.even}', "leave even out")
    generator, tried = rng.stream(0, "symmetry"), 2 if stated == "none" and not system.even else TRIED
    spins = generator.normal(size=(tried, *system.spin_shape))  # (B, 3, Lx, Ly)
    spins /= np.linalg.norm(spins, axis=1, keepdims=True)
    energies = system.energy(torch.from_numpy(spins))
    moved = {}
    if stated != "none":
        moved[f'symmetry = "{stated}"'] = (_rotated(spins, generator, stated), "a rotation of all spins")
    if system.even:
        moved["even = True"] = (-spins, "the reversal of all spins")
    for claim, (others, named) in moved.items():
        change = (system.energy(torch.from_numpy(others)) - energies).abs()
        worst = int(change.argmax())
        if change[worst] > INVARIANT * energies.abs().max():
            raise ConfigError(
                f"{place}: {claim}, but {named} changes an energy of {number(float(energies[worst]))} by "
                f"{number(float(change[worst]))}",
                f"mend energy, or leave {claim.partition(' ')[0]} out",
            )


def _rotated(spins: Array, generator: np.random.Generator, symmetry: str) -> Array:
    """Return configurations (B, 3, Lx, Ly), each turned by a random rotation: any for o3, about z for axial."""
    matrices, _ = np.linalg.qr(generator.normal(size=(len(spins), 3, 3)))
    if symmetry == "axial":
        angles = generator.uniform(0, 2 * np.pi, len(spins))
        matrices = np.zeros_like(matrices)
        matrices[:, 0, 0] = matrices[:, 1, 1] = np.cos(angles)
        matrices[:, 1, 0], matrices[:, 0, 1] = np.sin(angles), -np.sin(angles)
        matrices[:, 2, 2] = 1.0
    turned: Array = np.einsum("bij,bjxy->bixy", matrices, spins)
    return turned
