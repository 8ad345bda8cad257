"""Load a trained network from a run folder or a single checkpoint file.

import efnn_cli
run = efnn_cli.load("outputs/heisenberg-efnn-d3-s0-9f8e7d6c")
energies = run.predict(spins)                                 # (B,), float64
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from efnn_cli.config.schema import build_model, build_system
from efnn_cli.core import device as devices
from efnn_cli.core import doubles
from efnn_cli.core.errors import ConfigError, EfnnError, InputError
from efnn_cli.core.results import shown
from efnn_cli.core.text import at_home
from efnn_cli.models.energy import EnergyModel
from efnn_cli.physics.system import System, size_of_spins
from efnn_cli.runs.folder import RunFolder, by_name
from efnn_cli.runs.network import network_for
from efnn_cli.runs.settings import build_training
from efnn_cli.runs.stored import config_defect
from efnn_cli.storage import checkpoint
from efnn_cli.storage.names import FILES
from efnn_cli.training.domain import Domain
from efnn_cli.training.intervals import Intervals
from efnn_cli.training.predict import fields_of, predict
from efnn_cli.training.trainer import Trainer

Array = NDArray[np.float64]
Found = TypeVar("Found")

LOGGER = logging.getLogger("efnn")
OF_EVALUATION = ("sampling", "couplings_sha256", "receptive_field")  # keys, possibly null, that evaluation reads


@dataclass(frozen=True, repr=False)
class Run:
    """A trained network with its configuration, on one device."""

    path: Path
    """The run folder, or the folder of the checkpoint."""
    file: Path
    """The run folder with its best weights, or the checkpoint file."""
    config: dict[str, Any]
    system: System
    """The system it was trained on, at the size it was trained on."""
    model: EnergyModel
    device: torch.device
    epoch: int
    """The epoch that the weights are of."""
    weights: str
    """`best`, or `last` of a checkpoint to go on from."""

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {self.weights} weights, epoch {self.epoch})"

    @property
    def metrics(self) -> dict[str, Any]:
        """Errors on the parts of the dataset, epochs and times of a finished run; raises `InputError` without them."""
        return dict(RunFolder(self.path).read_summary(self.config["hash"])["metrics"])

    @property
    def domain(self) -> Domain | None:
        """Statistics of the training configurations; None of a run that is not finished, or older."""
        return self._stored("domain", Domain.read)

    @property
    def intervals(self) -> Intervals | None:
        """Error bars of predicted energies; None like the domain, and of a network trained on fields alone."""
        return self._stored("intervals", Intervals.read)

    def _stored(self, name: str, read: Callable[[Any], Found]) -> Found | None:
        """Return a part of summary.json; raise `InputError` where it cannot be read."""
        folder = RunFolder(self.path)
        stored = folder.read_summary(self.config["hash"]).get(name) if folder.finished else None
        try:
            return None if stored is None else read(stored)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{folder.summary_file} has no valid {name}: {error}") from error

    @property
    def history(self) -> list[dict[str, Any]]:
        """Rows of metrics.csv, one an epoch."""
        return [asdict(row) for row in RunFolder(self.path).history(self.config["hash"])]

    def predict(self, spins: ArrayLike, pause: Callable[[], None] = lambda: None) -> Array:
        """Energies (B,) of spins (B, 3, Lx, Ly) of any size, or (B, n) with the trained n.

        Takes arrays, tensors on any device and lists. Raises `InputError` for other shapes, spins that are no real
        numbers, not unit vectors, or not of the alphabet. `pause` is called before every batch and may raise to stop.
        """
        array = self._checked(spins)
        return predict(self.model, array, self.device, pause)

    def fields(self, spins: ArrayLike, pause: Callable[[], None] = lambda: None) -> Array:
        """Fields -dE/dS, shaped like `spins`: the unprojected gradient, spins taken as free vectors.

        Takes and raises what `predict` does.
        """
        return fields_of(self.model, self._checked(spins), self.device, pause)

    def _checked(self, spins: ArrayLike) -> Array:
        """Return `spins` as configurations of the system, float64, laid out as PyTorch takes them."""
        try:
            found = spins.numpy(force=True) if isinstance(spins, torch.Tensor) else np.asarray(spins)
        except (TypeError, ValueError, RuntimeError) as error:  # of a ragged list, or a tensor without an array
            raise InputError(f"spins: wanted an array of real numbers, found {error}") from error
        if found.dtype.kind not in "biuf":
            raise InputError(f"spins: wanted an array of real numbers, found one of {found.dtype}")
        array = np.require(found, np.float64, ["C_CONTIGUOUS", "WRITEABLE"])
        self.system_for(array).check_spins(array, "spins")
        return array

    def system_for(self, spins: Array) -> System:
        """The trained Hamiltonian at the size of `spins`."""
        if self.system.geometry != "lattice" or spins.ndim != 4:
            return self.system
        try:
            return self.system.at_size(size_of_spins(spins))
        except ConfigError as error:
            raise InputError(f"spins of shape {spins.shape}: {error.message}") from error


@torch.inference_mode(mode=False)  # weights that can be differentiated, whatever mode the caller is in
def load(path: str | Path, device: str | torch.device = "auto") -> Run:
    """Return the network of a run folder (its best weights) or of a checkpoint file in it (the weights of that file).

    `~` in `path` is the home folder. Warns where the run is not finished. Raises `InputError` where there is no network
    or it cannot be read, `DeviceError` for a missing device.
    """
    path = _checkpoint_file(by_name(Path(at_home(str(path)))))
    stored = checkpoint.read(path)
    folder = RunFolder(path.parent)
    if path.name in FILES:
        folder.require_own(path, stored.config.get("hash"), _restored(path))
    target = devices.resolve(str(device))
    try:
        run = _rebuild(path, stored, target)
    except (ConfigError, AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = error.message if isinstance(error, EfnnError) else str(error).splitlines()[0]
        hint = error.hint if isinstance(error, EfnnError) else ""
        raise InputError(f"{path} does not describe a network of this efnn: {reason}", hint) from error
    if run.weights == "last":
        LOGGER.info("%s: the last weights, those of epoch %d; the best ones are in best.h5", shown(path), run.epoch)
    if folder.begun and not folder.finished:
        LOGGER.warning("%s is not finished: the weights are those of epoch %d so far", shown(folder.path), run.epoch)
    return run


def weights_digest(members: Sequence[Run]) -> str:
    """Return the first 8 hexadecimal digits of the SHA-256 over the weights of all members."""
    total = hashlib.sha256()
    for member in members:
        for name, tensor in sorted(member.model.state_dict().items()):
            total.update(name.encode())
            total.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()[:8]


def _checkpoint_file(path: Path) -> Path:
    """Return best.h5 of a run folder, or `path` itself; raise `InputError` for a folder without it."""
    if not os.path.isdir(path):
        return path
    folder = RunFolder(path)
    if not os.path.exists(folder.best_file):
        why = "its training has not stored any weights yet" if folder.begun else "it is not a run folder"
        raise InputError(f"{path} holds no best.h5: {why}", "efnn train makes a run")
    return folder.best_file


def _rebuild(path: Path, stored: checkpoint.Checkpoint, device: torch.device) -> Run:
    """Return the network of a checkpoint with its weights; raise various errors where they do not fit."""
    missing = [f"it has no {key}" for key in OF_EVALUATION if key not in stored.config]
    defect = config_defect(stored.config) or next(iter(missing), None)
    if defect is not None:
        raise ValueError(defect)
    system = build_system(stored.config["system"])
    name = "last" if "model" in stored.state else "best"
    training = stored.config["training"]
    dtype = "float64" if training is None else build_training(training).dtype
    if dtype == "float64":
        doubles.require(device, "this network computes")
    model = network_for(system, build_model(stored.config["model"]), seed=0, dtype=dtype)
    model.load_state_dict(Trainer.last_weights(stored.state) if name == "last" else stored.state["weights"])
    epoch = int(stored.state["epoch"])
    folder = RunFolder(path.parent)
    file = folder.path if path == folder.best_file and folder.begun else path
    return Run(folder.path, file, stored.config, system, model.on(device).eval(), device, epoch, name)


def _restored(path: Path) -> str:
    """Return the hint that brings the right weights back."""
    if path.name != "best.h5" or not os.path.exists(path.with_name("last.h5")):
        return f"put its own {path.name} back"
    again = f"efnn train --resume {shown(path.parent)} writes both again from last.h5"
    return f"put its own best.h5 back, or remove it and summary.json: {again}"
