"""Observables of samples with their errors, and the merit of the network that moved the chains.

    susceptibility     n <m^2> / (3 T), the O(3) convention of a disordered phase
    Binder cumulant    1 - 3 <m^4> / (5 <m^2>^2): 0 for disorder, 2/5 for order
    correlation length sqrt(S(0) / S(q1) - 1) / |q1|', q1 the smallest momenta, |q1|' = 2 sin(|q1| / 2)
    specific heat      (<u^2> - <u>^2 + <v>) / (n T^2) at fixed mu, u and v from one-particle levels
    acceptance         of the exact test; predicted erfc(s / (2 sqrt(2) T)), s the standard deviation of the change of
                       E - E_net in a proposal

m = |sum S| / n. Energies and heats are per site. None where the samples do not tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

from efnn_cli.physics.observables import chirality, magnetisation, structure_factor, topological_charge
from efnn_cli.physics.system import System
from efnn_cli.simulation.gamma_method import Estimate, estimate, split_r_hat
from efnn_cli.storage.samples_file import Samples, by_chain

Array = NDArray[np.float64]

TOO_FEW = 50  # proposals of a chain, in autocorrelation times
TOO_FAR = 1.1  # split R-hat


@dataclass(frozen=True)
class Derived:
    """A function of the means of some series."""

    needs: tuple[str, ...]
    of: Callable[[Array], float]


@dataclass(frozen=True)
class Measured:
    """Observables with errors, and the merit of the network."""

    observables: dict[str, Estimate]
    acceptance: float | None
    predicted_acceptance: float | None
    r_hat: float | None
    """The larger one of energy and m^2."""
    series: Mapping[str, Array]
    """Observables of every state by name, (chains, proposals) each, per site where they are extensive."""
    structure_factor: Array
    """Mean of S(q) (Lx, Ly)."""
    frozen: int = 0
    """Number of chains without an accepted proposal."""

    @property
    def tau(self) -> float | None:
        """The larger autocorrelation time of energy and m^2, in proposals."""
        found = [self.observables[name].tau for name in ("energy", "m2")]
        return max((each for each in found if each is not None), default=None)


def series_of(samples: Samples, system: System, factors: Array) -> dict[str, Array]:
    """Return the observables of every state, `factors` S(q) (rows, Lx, Ly) among them."""
    spins = samples.arrays["spins"]
    m = magnetisation(spins)
    n = system.sites
    energies = samples.arrays["energies" if samples.corrected else "network_energies"]
    rows = {
        "energy": energies / n,
        "m": m,
        "m2": m**2,
        "m4": m**4,
        "S(0)": factors[:, 0, 0],
        "S(q1)": np.mean([factors[:, k, q] for k, q in smallest_momenta(system.sides)], axis=0),
        "chirality": chirality(spins),
        "charge": np.rint(topological_charge(spins)) + 0.0,  # an integer, without the rounding of its sum
    }
    rows["charge2"] = rows["charge"] ** 2 / n
    stored = {"density": ("densities", 1), "u": ("internal_energies", n), "v": ("level_fluctuations", n)}
    rows |= {name: samples.arrays[each] / by for name, (each, by) in stored.items() if each in samples.arrays}
    if "u" in rows:
        rows["u2"] = rows["u"] ** 2
    return {name: by_chain(each, samples.chains) for name, each in rows.items()}


def smallest_momenta(sides: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the indices of the smallest momenta along the longer side, or along both where they are equal."""
    along = [(1, 0)] if sides[0] >= sides[1] else []
    return along + ([(0, 1)] if sides[1] >= sides[0] else [])


def derived(system: System, temperature: float) -> dict[str, Derived]:
    """Return the observables that are functions of several means."""
    n, q1 = system.sites, smallest_momentum(system)

    def length(means: Array) -> float:
        ratio = means[0] / means[1] - 1 if means[1] > 0 else math.nan
        return math.sqrt(ratio) / (2 * math.sin(q1 / 2)) if ratio > 0 else math.nan

    return {
        "susceptibility": Derived(("m2",), lambda means: float(n * means[0] / (3 * temperature))),
        "binder": Derived(("m4", "m2"), lambda means: float(1 - 3 * means[0] / (5 * means[1] ** 2))),
        "correlation_length": Derived(("S(0)", "S(q1)"), length),
        "specific_heat": Derived(
            ("u2", "u", "v"), lambda means: float((n * (means[0] - means[1] ** 2) + means[2]) / temperature**2)
        ),
    }


def smallest_momentum(system: System) -> float:
    """Return |q1| in units of the inverse bond length."""
    reciprocal = np.linalg.inv(np.array(system.kind_of_lattice.cell))  # rows: reciprocal vectors over 2 pi
    return float(2 * math.pi / max(system.sides) * np.linalg.norm(reciprocal[0]))


def measure(samples: Samples, system: System) -> Measured:
    """Return all observables of `samples` with errors."""
    factors = structure_factor(samples.arrays["spins"])  # (rows, Lx, Ly)
    series = series_of(samples, system, factors)
    found = {name: estimate(each[..., None]) for name, each in series.items() if name not in ("u2", "v")}
    for name, one in derived(system, samples.temperature).items():
        if all(each in series for each in one.needs):
            found[name] = estimate(np.stack([series[each] for each in one.needs], axis=-1), one.of)
    r_hats = [each for name in ("energy", "m2") if (each := split_r_hat(series[name])) is not None]
    acceptance, predicted, frozen = None, None, 0
    if samples.corrected:
        accepted = by_chain(samples.arrays["accepted"], samples.chains)  # (chains, proposals)
        acceptance, frozen = float(accepted.mean()), int((~accepted.any(axis=1)).sum())
        spread = float(samples.arrays["error_differences"].std())
        predicted = float(erfc(spread / (2 * math.sqrt(2) * samples.temperature)))
    r_hat = max(r_hats, default=None)
    return Measured(found, acceptance, predicted, r_hat, series, factors.mean(axis=0), frozen)


def warnings_of(measured: Measured, proposals: int) -> list[str]:
    """Return why the errors cannot be trusted yet, and what to do; nothing where they can."""
    found = []
    if measured.tau is None:
        found.append(f"the chains are short: {proposals} proposals tell no errors; --proposals 100 is a beginning")
    elif proposals < TOO_FEW * measured.tau:
        wanted = math.ceil(TOO_FEW * measured.tau / 10) * 10
        found.append(
            f"the chains are short: {proposals} proposals with an autocorrelation time of {measured.tau:.2g}; "
            f"errors want {TOO_FEW} times as many: --proposals {wanted}"
        )
    if measured.frozen:
        found.append(
            f"{measured.frozen} of {len(measured.series['energy'])} chains accepted no proposal and are still at "
            "their starts: train on more labels of this ensemble, as efnn learn does"
        )
    if measured.r_hat is not None and measured.r_hat > TOO_FAR:
        found.append(
            f"the chains have not forgotten their starts: split R-hat is {measured.r_hat:.3g}, wanted 1; their errors "
            "are too small: more warmup and proposals"
        )
    return found
