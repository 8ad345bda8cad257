"""Markov chains of spins: moves on the energy of a network, and after each proposal one exact test.

    accept S -> S' with probability min(1, exp(-[(E(S') - E_net(S')) - (E(S) - E_net(S))] / T))

(self-learning Monte Carlo, Liu et al., arXiv:1611.09364): exact whatever the error of the network, since its moves are
reversible with respect to exp(-E_net / T). A group of chains moves as one batch, with a random stream for every
proposal: it can be interrupted after any of them and gives the same numbers on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from efnn_cli.core import rng
from efnn_cli.core.errors import NumericalError
from efnn_cli.core.resources import in_parts
from efnn_cli.datasets import cost
from efnn_cli.models.energy import EnergyModel
from efnn_cli.physics.system import TOLERANCE, Array, Draw, System
from efnn_cli.physics.thermal import Bath, uniform
from efnn_cli.simulation import tuning
from efnn_cli.simulation.moves import NetworkMoves, Settings, unit

Rows = Mapping[str, NDArray[Any]]

OF_LABELS = ("spins", "energies", "fields")
TUNED = {"size": tuning.tuned_size, "steps": tuning.tuned_steps, "trajectories": tuning.tuned_moves}
TUNINGS = tuple(TUNED)  # of the tuning, in their order


@dataclass(frozen=True)
class Chains:
    """A group of chains between two proposals."""

    spins: Array
    """(chains, 3, Lx, Ly)"""
    labels: Mapping[str, Array]
    """Exact labels (chains, ...) by their names in files; none where the chains are not corrected."""
    settings: Settings


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """The ensemble exp(-E / T) of a system, a network that proposes, and a reference that corrects."""

    model: EnergyModel
    reach: int
    """Side of the receptive field of the network."""
    system: System
    temperature: float
    reference: str | None
    """Exact method; None: uncorrected."""
    tolerance: float = TOLERANCE
    fields: bool = False
    """Label with fields too."""
    settings: Settings
    tune_steps: bool = False
    tune_trajectories: bool = False
    warmup: int
    """Corrected proposals before the first one that is kept."""
    seed: int
    bath: Bath | None = None
    """Classical model that the chains start from; None: uniform spins."""

    def moves(self, device: torch.device) -> NetworkMoves:
        """Return the moves of the network on `device`."""
        model = self.model.on(device).requires_grad_(False).eval()
        return NetworkMoves(model, self.reach, self.temperature)

    def start(self, group: int, count: int, device: torch.device) -> tuple[Chains, dict[str, NDArray[Any]]]:
        """Return `count` chains of a group after warm-up, with tuned moves, and all exact labels so far."""
        chains = self.drawn(group, count)
        for each in TUNINGS:
            chains = self.tuned(chains, group, each, device)
        chains = self.with_labels(chains, device)
        found = [labels_of(chains)]
        if self.warmup:
            chains, rows, rejected = self.advance(chains, group, warmup_of(self.warmup), device)
            found.append(labels_on_the_way(rows, rejected))
        return chains, {name: np.concatenate([each[name] for each in found]) for name in found[0]}

    def drawn(self, group: int, count: int) -> Chains:
        """Return `count` chains of a group as they start: of the classical model, or uniform."""
        if self.bath is None:
            spins = uniform(rng.stream(self.seed, "sample start", group), (count, *self.system.sides), axis=1)
        else:
            spins = self.system.sample("thermal", Draw(self.seed, "sample", group, 0, count, self.bath))
        return Chains(spins, {}, self.settings)

    def tuned(self, chains: Chains, group: int, what: str, device: torch.device) -> Chains:
        """Return the chains after moves on the network alone that fit `what`, one of `TUNINGS`.

        Keys that were given are left as they are.
        """
        given = {"steps": not self.tune_steps or self.settings.moves == "metropolis"}
        given["trajectories"] = not self.tune_trajectories
        if given.get(what, False):
            return chains
        moves = self.moves(device)
        state = moves.state(torch.from_numpy(chains.spins).to(device))
        generator = self._generator("tuning", group, TUNINGS.index(what))
        state, settings = TUNED[what](state, moves, chains.settings, generator)
        return Chains(unit(state.spins).cpu().numpy(), {}, settings)

    def with_labels(self, chains: Chains, device: torch.device) -> Chains:
        """Return the chains with their exact labels; as they are where none correct them."""
        if self.reference is None:
            return chains
        labels = self.labelled(torch.from_numpy(chains.spins).to(device))
        return replace(chains, labels={name: each.cpu().numpy() for name, each in labels.items()})

    def advance(
        self, chains: Chains, group: int, proposals: range, device: torch.device
    ) -> tuple[Chains, dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
        """Return the chains after `proposals`, by their numbers, and arrays of what happened.

        The first are of the states after every proposal, (proposals, chains, ...); the second are the exact labels of
        those that were rejected, (n, ...).
        """
        moves = self.moves(device)
        spins = torch.from_numpy(chains.spins).to(device)
        labels = {name: torch.from_numpy(each).to(device) for name, each in chains.labels.items()}
        rows: list[dict[str, Tensor]] = []
        rejected: list[dict[str, Tensor]] = []
        for number in proposals:
            generator = self._generator("sample", group, number)
            row, proposed = self._step(moves, spins, labels, chains.settings, generator)
            spins, labels = row["spins"], {name: row[name] for name in labels}
            rows.append(row)
            rejected.append({name: each[~row["accepted"]] for name, each in proposed.items()})
        kept = {name: np.stack([each[name].cpu().numpy() for each in rows]) for name in rows[0]}
        lost = {name: np.concatenate([each[name].cpu().numpy() for each in rejected]) for name in rejected[0]}
        after = {name: each.cpu().numpy() for name, each in labels.items()}
        return Chains(spins.cpu().numpy(), after, chains.settings), kept, lost

    def _step(
        self,
        moves: NetworkMoves,
        spins: Tensor,
        labels: Mapping[str, Tensor],
        settings: Settings,
        generator: torch.Generator,
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the row after one proposal with its exact test, and the proposed spins with their labels."""
        state = moves.state(spins)
        end = moves.propose(state, settings, generator)
        if bool((~torch.isfinite(end.energies)).any()):
            raise NumericalError("the energy of the network is not finite in a chain")
        if self.reference is None:
            everywhere = torch.ones(len(spins), dtype=torch.bool, device=spins.device)
            return {"spins": end.spins, "network_energies": end.energies, "accepted": everywhere}, {}
        uniforms = torch.rand(len(spins), dtype=torch.float64, generator=generator).to(spins.device)
        found = self.labelled(end.spins)
        difference = (found["energies"] - end.energies) - (labels["energies"] - state.energies)
        accepted = uniforms < (-difference / self.temperature).exp()
        before = {"spins": spins, "network_energies": state.energies, **labels}
        after = {"spins": end.spins, "network_energies": end.energies, **found}
        row = {name: _where(accepted, after[name], before[name]) for name in before}
        named: dict[str, Tensor] = {name: after[name] for name in OF_LABELS if name in after}
        named["chain"] = torch.arange(len(spins), device=spins.device)
        return row | {"accepted": accepted, "error_differences": difference}, named

    def labelled(self, spins: Tensor) -> dict[str, Tensor]:
        """Return exact labels of `spins` by their names in files; energies, and what the reference gives beside them.

        `internal_energies` and `level_fluctuations` are those of `System.thermal_energies`.
        """
        assert self.reference is not None
        batch = cost.label_batch(self.system, self.reference, spins.device, fields=self.fields)
        parts = [part for block in torch.split(spins, batch) for part in in_parts(self._labelled, block)]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def _labelled(self, spins: Tensor) -> dict[str, Tensor]:
        assert self.reference is not None
        labels = self.system.label(spins, self.reference, self.tolerance, fields=self.fields)
        thermal = self.system.thermal_energies(spins, labels, self.temperature) or (None, None)
        named = {
            "energies": labels.energies,
            "fields": labels.fields,
            "densities": labels.densities,
            "internal_energies": thermal[0],
            "level_fluctuations": thermal[1],
        }
        return {name: each for name, each in named.items() if each is not None}

    def _generator(self, kind: str, group: int, number: int) -> torch.Generator:
        """Return the random stream of one proposal of a group, or of one of its tunings."""
        return torch.Generator().manual_seed(rng.integer(self.seed, kind, group, number))


def _where(accepted: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """Return `new` (chains, ...) for accepted proposals, `old` elsewhere."""
    return torch.where(accepted.view(-1, *[1] * (new.ndim - 1)), new, old)


def warmup_of(count: int) -> range:
    """Return the numbers of `count` proposals of warm-up: those that are kept are counted from 0."""
    return range(-count, 0)


def labels_of(chains: Chains) -> dict[str, NDArray[Any]]:
    """Return spins and exact labels (n, ...) of chains, with the number of each; none without a correction."""
    every: Rows = {"spins": chains.spins, **chains.labels, "chain": np.arange(len(chains.spins))}
    return {name: every[name] for name in (*OF_LABELS, "chain") if name in every} if chains.labels else {}


def labels_on_the_way(rows: Rows, rejected: Rows) -> dict[str, NDArray[Any]]:
    """Return spins and exact labels (n, ...) of all proposals, accepted and `rejected`, with the numbers of chains."""
    accepted = {name: each[rows["accepted"]] for name, each in rows.items() if name in rejected}
    accepted["chain"] = np.nonzero(rows["accepted"])[1]
    return {name: np.concatenate([accepted[name], each]) for name, each in rejected.items()}
