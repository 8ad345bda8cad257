"""Thermal configurations of classical unit vectors: heat bath and overrelaxation in E = -J sum_<ij> S_i.S_j.

For a spin in the local field h = J sum of its neighbours the Boltzmann distribution of cos(theta) about h is
exp(b cos theta), b = |h| / T, which is inverted exactly: cos theta = 1 + ln(u + (1 - u) e^(-2 b)) / b with u uniform in
(0, 1). No proposal is ever rejected (heat bath; Miyatake et al., J. Phys. C 19, 2539 (1986)). Overrelaxation,
S -> 2 (S.h) h / h^2 - S, conserves the energy and lets the chain move faster. Every configuration is the end of a chain
of its own, started from independent uniform spins. Temperatures in units of the coupling scale, k_B = 1.

On a ladder every chain has a temperature of its own, log-uniform between two bounds; a share has an infinite one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from efnn_cli.core import checks
from efnn_cli.physics.lattices import LATTICES, SQUARE, Lattice

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

OVERRELAXATION = 2  # steps per heat-bath step


@dataclass(frozen=True)
class Bath:
    """Temperature, coupling J (positive: ferromagnetic), sweeps of every chain, and the name of the lattice."""

    temperature: float
    coupling: float
    sweeps: int
    lattice: str = "square"

    def __post_init__(self) -> None:
        checks.positive("spin_temperature", self.temperature)
        checks.finite("spin_coupling", self.coupling)
        checks.within("spin_sweeps", self.sweeps, 1, 1_000_000)

    def temperatures(self, count: int, generator: np.random.Generator) -> Array:
        """Return the temperatures (count,) of as many chains."""
        return np.full(count, self.temperature)


@dataclass(frozen=True)
class Ladder(Bath):
    """Temperatures from `temperature` to `highest`, log-uniform, and a share `uniform` at infinite temperature."""

    highest: float = 1.0
    uniform: float = 0.15

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.within("spin_temperature (the upper end)", self.highest, self.temperature, 1e6)
        checks.within("ladder.uniform", self.uniform, 0.0, 1.0)

    def temperatures(self, count: int, generator: np.random.Generator) -> Array:
        """Return the temperatures (count,) of as many chains, infinite ones among them."""
        low, high = np.log(self.temperature), np.log(self.highest)
        drawn = np.exp(generator.uniform(low, high, count))
        return np.where(generator.uniform(size=count) < self.uniform, np.inf, drawn)


@dataclass(frozen=True)
class Graph:
    """Neighbours (n, z) of every spin, and groups of spins that do not interact with each other."""

    neighbours: Indices
    groups: Sequence[Indices]


def lattice_graph(sides: tuple[int, int], kind: Lattice = SQUARE) -> Graph:
    """The periodic lattice of Lx x Ly sites, site = x Ly + y, coloured so that neighbours differ."""
    x, y = (each.ravel() for each in np.indices(sides))
    both = [(sign * dx, sign * dy) for dx, dy in kind.on(sides).bonds for sign in (-1, 1)]
    neighbours = np.stack([(x + dx) % sides[0] * sides[1] + (y + dy) % sides[1] for dx, dy in both], axis=1)
    colour = square_colours(sides) if kind.name == "square" else greedy_colours(neighbours)
    return Graph(neighbours, [np.flatnonzero(colour == each) for each in range(int(colour.max()) + 1)])


def square_colours(sides: tuple[int, int]) -> Indices:
    """Colours (n,) of a square lattice or a chain.

    A ring of odd length needs three colours; the sum of the colours of x and y, modulo their number, colours the
    lattice, since neighbours differ in one coordinate only.
    """
    rings = [np.arange(side) % 2 for side in sides]
    for ring in rings:
        if len(ring) % 2 == 1 and len(ring) > 1:
            ring[-1] = 2
    colours = 1 + max(int(ring.max()) for ring in rings)
    return ((rings[0][:, None] + rings[1][None, :]) % colours).ravel()


def greedy_colours(neighbours: Indices) -> Indices:
    """Colours (n,) of any graph with neighbours (n, z): the first that no neighbour has, at most z + 1."""
    colours = np.full(len(neighbours), -1)
    for site, around in enumerate(neighbours):
        taken = set(colours[around])
        colours[site] = next(each for each in range(len(around) + 1) if each not in taken)
    return colours


def uniform(generator: np.random.Generator, shape: tuple[int, ...], axis: int = -1) -> Array:
    """Unit vectors uniform on the sphere, `shape` with an axis of the three components put in at `axis`.

    cos(theta) is uniform in [-1, 1], phi in [0, 2 pi).
    """
    z = generator.uniform(-1.0, 1.0, shape)
    phi = generator.uniform(0.0, 2.0 * np.pi, shape)
    rho = np.sqrt((1.0 - z) * (1.0 + z))
    return np.stack([rho * np.cos(phi), rho * np.sin(phi), z], axis=axis)


def graph_of(bath: Bath, sides: tuple[int, int]) -> Graph:
    """Return the lattice of `bath` on Lx x Ly sites."""
    return lattice_graph(sides, LATTICES[bath.lattice])


def run_chains(graph: Graph, bath: Bath, temperatures: Array, generator: np.random.Generator) -> tuple[Array, Array]:
    """Spins (chains, n, 3) after all sweeps, and the energy per spin after each sweep (sweeps, chains).

    `temperatures` (chains,) are those of the chains.
    """
    spins = uniform(generator, (len(temperatures), len(graph.neighbours)))
    energies = np.empty((bath.sweeps, len(temperatures)))
    for sweep in range(bath.sweeps):
        for group in graph.groups:
            spins[:, group] = _heat_bath(_field(spins, graph, group, bath), temperatures, generator)
        for _ in range(OVERRELAXATION):
            for group in graph.groups:
                spins[:, group] = _reflect(spins[:, group], _field(spins, graph, group, bath))
        everywhere = np.arange(len(graph.neighbours))
        field = _field(spins, graph, everywhere, bath)
        energies[sweep] = -0.5 * np.einsum("bni,bni->b", spins, field) / len(everywhere)
    return spins / np.linalg.norm(spins, axis=-1, keepdims=True), energies  # reflections let the length drift


def _field(spins: Array, graph: Graph, group: Indices, bath: Bath) -> Array:
    """Local fields J sum_j S_j (chains, group, 3)."""
    neighbours: Array = spins[:, graph.neighbours[group]].sum(axis=2)
    return bath.coupling * neighbours


def _heat_bath(field: Array, temperatures: Array, generator: np.random.Generator) -> Array:
    """New spins drawn from their exact distribution in `field` (chains, group, 3) at temperatures (chains,)."""
    strength = np.linalg.norm(field, axis=-1)
    b = np.maximum(strength / temperatures[:, None], 1e-12)  # below, the distribution is uniform to rounding
    u = generator.uniform(size=b.shape)
    cosine = np.clip(1.0 + np.log(u + (1.0 - u) * np.exp(-2.0 * b)) / b, -1.0, 1.0)
    phi = generator.uniform(0.0, 2.0 * np.pi, b.shape)
    sine = np.sqrt((1.0 - cosine) * (1.0 + cosine))
    axis = np.where(strength[..., None] > 0, field / np.maximum(strength, 1e-300)[..., None], [0.0, 0.0, 1.0])
    first, second = _perpendicular(axis)
    around = np.cos(phi)[..., None] * first + np.sin(phi)[..., None] * second
    drawn: Array = cosine[..., None] * axis + sine[..., None] * around
    return drawn


def _perpendicular(axis: Array) -> tuple[Array, Array]:
    """Two unit vectors that form an orthonormal frame with `axis` (..., 3)."""
    helper = np.where(np.abs(axis[..., 2:]) < 0.9, [0.0, 0.0, 1.0], [1.0, 0.0, 0.0])
    first = np.cross(axis, helper)
    first /= np.linalg.norm(first, axis=-1, keepdims=True)
    return first, np.cross(axis, first)


def _reflect(spins: Array, field: Array) -> Array:
    """Spins turned by 180 degrees about their local field; unchanged where there is none."""
    square = np.einsum("...i,...i->...", field, field)[..., None]
    along = np.einsum("...i,...i->...", spins, field)[..., None]
    return np.where(square > 0, 2.0 * along * field / np.maximum(square, 1e-300) - spins, spins)
