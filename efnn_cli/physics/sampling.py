"""Distributions of classical unit vectors on a lattice, all float64 (count, 3, Lx, Ly)."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from efnn_cli.core import checks, rng
from efnn_cli.core.errors import ConfigError
from efnn_cli.core.size import Size, sides
from efnn_cli.physics.autocorrelation import autocorrelation, integrated
from efnn_cli.physics.system import Array, Draw
from efnn_cli.physics.thermal import Bath, graph_of, run_chains, uniform

# The documented draw uses seed 100 + i for configuration i; a block of a million per seed keeps
# training sets (seed 0 .. 999) and references (1000 + seed) apart.
PUBLISHED_OFFSET = 100
PUBLISHED_BLOCK = 1_000_000
PUBLISHED_MAX_SEED = 999
DIAGNOSIS_SPINS = 3200

Sides = tuple[int, int]


def unit_vectors(theta: Array, phi: Array) -> Array:
    """Spins (B, 3, L, L) of polar angles theta and azimuths phi (B, L, L), in radians."""
    return np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=1)


def uniform_sphere(draw: Draw, lengths: Sides) -> Array:
    """Each spin uniform on the sphere."""
    return uniform(rng.stream(draw.seed, "spins", draw.purpose, draw.shard), (draw.count, *lengths), axis=1)


def uniform_angles(draw: Draw, lengths: Sides) -> Array:
    """Theta uniform in [0, pi], phi uniform in [0, 2 pi), independent: denser at the poles."""
    generator = rng.stream(draw.seed, "spins", draw.purpose, draw.shard)
    shape = (draw.count, *lengths)
    return unit_vectors(generator.uniform(0.0, np.pi, shape), generator.uniform(0.0, 2.0 * np.pi, shape))


def published(draw: Draw, lengths: Sides) -> Array:
    """Draw as the authors' script of arXiv:2502.17665 does, bit for bit: phi = 2 theta.

    It seeds NumPy's legacy generator with the same seed before theta and again before phi, so every
    spin lies on one curve of the sphere. Configuration i of seed s uses RandomState(100 + i + 10^6 s).
    For comparison with published numbers only.
    """
    checks.within("seed (with sampling=published)", draw.seed, 0, PUBLISHED_MAX_SEED)
    if draw.first + draw.count > PUBLISHED_BLOCK:
        raise ConfigError(
            f"samples: sampling=published has {PUBLISHED_BLOCK} configurations per seed, "
            f"found {draw.first + draw.count}",
            "take another seed for more",
        )
    block = draw.seed if draw.purpose == "train" else 1000 + draw.seed
    start = PUBLISHED_OFFSET + PUBLISHED_BLOCK * block + draw.first
    uniform = np.stack([np.random.RandomState(start + i).uniform(0, 1, lengths) for i in range(draw.count)])
    return unit_vectors(np.pi * uniform, 2 * np.pi * uniform)


def thermal(draw: Draw, lengths: Sides) -> Array:
    """Spins of a classical Heisenberg model at a temperature each; every configuration ends a chain of its own."""
    if draw.bath is None:
        raise ConfigError("sampling=thermal needs spin_temperature=...", "for example spin_temperature=0.5")
    generator = rng.stream(draw.seed, "spins", draw.purpose, draw.shard)
    spins, _ = run_chains(graph_of(draw.bath, lengths), draw.bath, temperatures(draw), generator)  # (count, n, 3)
    return np.ascontiguousarray(spins.transpose(0, 2, 1)).reshape(draw.count, 3, *lengths)


def temperatures(draw: Draw) -> Array:
    """Return the spin temperatures (count,) of a draw from a bath, from a random stream of their own."""
    assert draw.bath is not None
    return draw.bath.temperatures(draw.count, rng.stream(draw.seed, "temperatures", draw.purpose, draw.shard))


def diagnose(bath: Bath, lengths: Sides, seed: int) -> dict[str, float]:
    """Mean energy per spin and autocorrelation time (sweeps) of chains beside those that are kept.

    Of a ladder they are those of its lowest temperature.
    """
    chains = max(2, DIAGNOSIS_SPINS // math.prod(lengths))
    longer = dataclasses.replace(bath, sweeps=4 * bath.sweeps)
    coldest = np.full(chains, bath.temperature)
    _, energies = run_chains(graph_of(bath, lengths), longer, coldest, rng.stream(seed, "thermal diagnosis"))
    settled = energies[2 * bath.sweeps :].T  # (chains, sweeps)
    tau, _ = integrated(autocorrelation(settled - settled.mean()), settled.size)
    return {"energy_per_spin": float(settled.mean()), "autocorrelation_sweeps": tau}


SAMPLINGS = {
    "uniform_sphere": uniform_sphere,
    "uniform_angles": uniform_angles,
    "published": published,
    "thermal": thermal,
    "ladder": thermal,
}


def sample(sampling: str, draw: Draw, size: Size) -> Array:
    """Spins (count, 3, Lx, Ly) of the named distribution."""
    checks.one_of("sampling", sampling, SAMPLINGS)
    return SAMPLINGS[sampling](draw, sides(size))
