"""Evaluation sets: the configurations of a dataset on which trained networks are evaluated."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from efnn_cli.core.errors import InputError, NumericalError
from efnn_cli.core.results import shown
from efnn_cli.datasets import find
from efnn_cli.datasets.hamiltonian import dataset_system
from efnn_cli.evaluation.compatibility import require_same_hamiltonian
from efnn_cli.evaluation.overlap import unseen
from efnn_cli.physics.system import Array, size_of_spins
from efnn_cli.runs.loading import Run
from efnn_cli.runs.stored import datasets_of
from efnn_cli.storage import dataset
from efnn_cli.storage.dataset import Dataset
from efnn_cli.training.fields import FieldErrors, measure_fields
from efnn_cli.training.predict import fields_of, predict
from efnn_cli.training.split import Indices, split

LOGGER = logging.getLogger("efnn")


@dataclass(frozen=True)
class EvaluationSet:
    """Networks, and the configurations of `data` on which they are evaluated."""

    members: Sequence[Run]
    data: Dataset
    path: Path
    chosen: Indices
    """Indices (B,) in `data`."""

    @property
    def known_energies(self) -> Array | None:
        """Exact energies (B,); None where only fields are known."""
        return None if self.data.known_energies is None else self.data.energies[self.chosen]

    @property
    def true(self) -> Array:
        """Exact energies (B,); raises `InputError` where only fields are known."""
        if self.known_energies is None:
            raise InputError(f"{shown(self.path)} has fields but no energies, which are wanted here", "efnn evaluate")
        return self.known_energies

    def predictions(self, check_stop: Callable[[], None]) -> Array:
        """Return the predicted energies (members, B); see `predictions`."""
        return predictions(self.members, self.data.spins[self.chosen], check_stop)

    def field_errors(self, check_stop: Callable[[], None]) -> list[FieldErrors] | None:
        """Return the errors of the mean field of the members, then those of each; None for data without fields."""
        if self.data.fields is None:
            return None
        return field_errors(self.members, self.data.spins[self.chosen], self.data.fields[self.chosen], check_stop)


def evaluation_set(
    members: Sequence[Run], given: Path | None, part: str, *, drop_seen: bool, hint: str = find.SAME_SYSTEM
) -> EvaluationSet:
    """Return the `part` of the training dataset of `members` (that of the first by default), or another dataset whole.

    Warns of configurations that a member has seen in training; `drop_seen` leaves them out, unless the part is
    "train" or "val". Raises `InputError` for a dataset of another Hamiltonian, and with `hint` for a missing one.
    """
    stored = members[0].config["dataset"]
    path = given or find.find_dataset(stored["content_sha256"], stored["path"], members[0].path, hint)
    data = dataset.read(path)
    system = dataset_system(data, path)
    for member in members:
        require_same_hamiltonian(member, system, shown(path))
    if data.content_hash not in {each["content_sha256"] for member in members for each in datasets_of(member.config)}:
        return EvaluationSet(members, data, path, unseen(members, data, np.arange(len(data)), path, drop=drop_seen))
    if given is None:
        LOGGER.info("%s split of %s", part, shown(path))
    else:
        LOGGER.info("%s was trained on: taking its %s split", shown(path), part)
    chosen = split(data.spins, data.chain).part(part)
    if part == "test":
        chosen = unseen(members, data, chosen, path, drop=drop_seen)
    return EvaluationSet(members, data, path, chosen)


def predictions(members: Sequence[Run], spins: Array, check_stop: Callable[[], None]) -> Array:
    """Return the energies (members, B) of `spins` (B, ...); raises `NumericalError` where one is not finite.

    `check_stop` is called before every batch and may raise.
    """
    found = np.stack([predict(member.model, spins, member.device, check_stop) for member in members])
    if not np.isfinite(found).all():
        raise NumericalError(
            f"a prediction at L = {size_of_spins(spins)} is not finite",
            "the weights are of no use; train again with a smaller lr",
        )
    return np.asarray(found, dtype=np.float64)


def field_errors(
    members: Sequence[Run], spins: Array, true: Array, check_stop: Callable[[], None]
) -> list[FieldErrors]:
    """Return the errors of the mean field of the members on `spins` (B, ...), then those of each member.

    `check_stop` is called before every batch and may raise.
    """
    total, each = np.zeros_like(true), []
    for member in members:
        fields = fields_of(member.model, spins, member.device, check_stop)
        total += fields
        each.append(measure_fields(fields, true, spins))
    return [measure_fields(total / len(members), true, spins), *each]
