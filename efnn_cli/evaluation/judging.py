"""What trained networks are judged by: which configurations of which dataset."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from efnn_cli.core.errors import NumericalError
from efnn_cli.core.results import shown
from efnn_cli.datasets import find
from efnn_cli.datasets.hamiltonian import dataset_system
from efnn_cli.evaluation.compatibility import require_same_hamiltonian
from efnn_cli.evaluation.overlap import judges
from efnn_cli.physics.system import Array
from efnn_cli.runs.loading import Run
from efnn_cli.storage import dataset
from efnn_cli.storage.dataset import Dataset
from efnn_cli.training.predict import predict
from efnn_cli.training.split import Indices, split

LOGGER = logging.getLogger("efnn")


@dataclass(frozen=True)
class Judgement:
    """Networks, and the configurations that judge them."""

    members: Sequence[Run]
    data: Dataset
    path: Path
    chosen: Indices

    @property
    def true(self) -> Array:
        """Exact energies (B,)."""
        return self.data.energies[self.chosen]

    def predictions(self, pause: Callable[[], None]) -> Array:
        """Energies (members, B); `pause` may raise to stop. Raises `NumericalError` where one is not finite."""
        spins = self.data.spins[self.chosen]
        found = np.stack([predict(member.model, spins, member.device, pause) for member in self.members])
        if not np.isfinite(found).all():
            raise NumericalError(
                "a prediction is not finite", "the weights are of no use; train again with a smaller lr"
            )
        return found


def plan_judgement(members: Sequence[Run], given: Path | None, part: str, *, drop_seen: bool) -> Judgement:
    """The `part` of the dataset that a member was trained on (the first one's by default), or another one whole.

    Configurations that a member has seen in another dataset are warned of, with `drop_seen` left out, unless the part
    is asked for as "train" or "val". Raises `InputError` for a dataset of another Hamiltonian.
    """
    stored = members[0].config["dataset"]
    path = given or find.find_dataset(stored["content_sha256"], stored["path"], members[0].path)
    data = dataset.read(path)
    system = dataset_system(data, path)
    for member in members:
        require_same_hamiltonian(member, system, shown(path))
    if data.content_hash not in {member.config["dataset"]["content_sha256"] for member in members}:
        return Judgement(members, data, path, judges(members, data, np.arange(len(data)), path, drop=drop_seen))
    LOGGER.info("the runs were trained on this dataset: taking its %s split", part)
    chosen = split(data.spins).part(part)
    if part == "test":
        chosen = judges(members, data, chosen, path, drop=drop_seen)
    return Judgement(members, data, path, chosen)
