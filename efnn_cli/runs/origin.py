"""A training that starts from another run: from its weights (`--init`), or from its whole state (`--extend`)."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from efnn_cli.config.schema import build_model, build_system
from efnn_cli.config.words import Request, Setting, settle
from efnn_cli.core.errors import ConfigError, InputError
from efnn_cli.core.results import shown
from efnn_cli.models.energy import EnergyModel
from efnn_cli.models.options import Options
from efnn_cli.physics.system import System
from efnn_cli.runs.folder import RunFolder, by_name
from efnn_cli.runs.settings import build_training
from efnn_cli.storage import checkpoint
from efnn_cli.training.options import TrainingOptions

SHORT_KEYS = ("depth", "width", "activation_scale")  # of the network, at the root


@dataclass(frozen=True)
class Origin:
    """The run that a training starts from, as it stands in config.yaml."""

    how: str
    """Either "init" or "extend"."""
    run: str
    """Path of its folder."""
    hash: str
    epochs: int = 0
    """Epochs that are behind when this training begins; 0 for "init"."""

    @property
    def folder(self) -> RunFolder:
        """Return the folder; raise `InputError` where another run is there now."""
        folder = RunFolder(Path(self.run))
        if not folder.holds(self.hash):
            raise InputError(f"{self.run} is not the run {self.hash} that this training starts from", "put it back")
        return folder


def finished_run(path: Path) -> tuple[RunFolder, dict[str, Any]]:
    """Return the folder at `path`, or of the checkpoint file `path`, and its configuration; raise `InputError`."""
    path = by_name(path)
    folder = RunFolder(path if os.path.isdir(path) else path.parent)
    if not folder.begun:
        raise InputError(f"{path} is not a run folder: it has no config.yaml", "efnn train makes a run")
    if not folder.finished:
        raise InputError(f"{shown(folder.path)} is not finished", f"efnn train --resume {shown(folder.path)}")
    return folder, folder.read_config()


def initial(path: Path) -> tuple[Origin, Options]:
    """Return the origin for `--init`, and the options of its network; raise `InputError`, `ConfigError`."""
    folder, stored = finished_run(path)
    if stored["training"] is None:
        raise ConfigError(f"--init: {stored['model']['name']} is fitted in closed form, it has nothing to start from")
    return Origin("init", str(folder.path), stored["hash"]), build_model(stored["model"])


def require_same_spins(origin: Origin, system: System) -> None:
    """Raise `InputError` where the network of the origin takes other spins than those of `system`."""
    theirs = build_system(origin.folder.read_config()["system"])
    if theirs.geometry == system.geometry == "lattice" or theirs.spin_shape == system.spin_shape:
        return
    shapes = [f"{each.kind}, spins {('B', *each.spin_shape)}".replace("'", "") for each in (theirs, system)]
    raise InputError(
        f"{origin.run} does not fit this dataset: its network is of {shapes[0]}, the dataset of {shapes[1]}",
        f"--data FILE with spins of {theirs.kind}, or leave --init out",
    )


def with_network(request: Request, model: Options) -> Request:
    """Return the request with the architecture of `model`, where it names none."""
    named = "model" in settle(request)
    return request if named else dataclasses.replace(request, overrides=(*request.overrides, f"model={model.name}"))


def require_same_network(said: Mapping[str, Setting], asked: Options, model: Options) -> None:
    """Raise `ConfigError` where the user asked for another network than the `model` to start from."""
    for key in said:
        name = key.removeprefix("model.")
        if key != "model" and key not in SHORT_KEYS and name == key:
            continue
        name = "name" if key == "model" else name
        if getattr(asked, name) != getattr(model, name, None):
            raise ConfigError(
                f"--init: the network of that run has {name}={getattr(model, name, None)}, found {said[key].origin}",
                "leave it out",
            )


def extension(path: Path, request: Request) -> tuple[Origin, dict[str, Any], TrainingOptions]:
    """Return the origin for `--extend`, its configuration and the recipe with the new number of epochs.

    Raises `InputError` for a run that cannot be extended, `ConfigError` for other settings than epochs and lr.
    """
    folder, stored = finished_run(path)
    if stored["training"] is None or stored["training"]["budget"] is not None:
        raise InputError(f"{shown(folder.path)} was not trained by epochs", "train anew, or start with --init from it")
    said = settle(request)
    if wrong := set(said) - {"epochs", "lr", "device", "log"}:
        raise ConfigError(f"--extend takes everything but epochs and lr from that run, found {min(wrong)}", "--init")
    if "epochs" not in said:
        raise ConfigError("--extend needs the new number of epochs", f"epochs={2 * stored['training']['epochs']}")
    recipe = build_training(stored["training"] | {key: said[key].value for key in ("epochs", "lr") if key in said})
    done = int(checkpoint.read(folder.last_file).state["epoch"])
    if recipe.epochs <= done:
        raise ConfigError(f"epochs: {shown(folder.path)} has {done} already, wanted more, found {recipe.epochs}")
    if recipe.schedule == "cosine" and "lr" not in said:
        raise ConfigError(
            f"--extend: the cosine of {shown(folder.path)} has ended at zero: say where a second one starts",
            f"lr={recipe.lr / 4:g}",
        )
    if recipe.schedule != "cosine" and "lr" in said:
        raise ConfigError(f"--extend: lr has no effect, schedule={recipe.schedule} goes on", "leave lr out")
    return Origin("extend", str(folder.path), stored["hash"], done), stored, recipe


def load_weights(origin: Origin, model: EnergyModel) -> None:
    """Give `model` the best weights of the origin, with its units.

    Raises `InputError` where they do not fit.
    """
    stored = checkpoint.read(origin.folder.best_file)
    try:
        model.load_state_dict(stored.state["weights"])
    except (KeyError, RuntimeError) as error:
        raise InputError(f"{origin.run} does not fit this dataset: {str(error).splitlines()[0]}") from error


def place_state(origin: Origin, folder: RunFolder, stored: dict[str, Any]) -> None:
    """Copy the state and the rows of the origin into the new run, which then goes on like an interrupted one."""
    state = checkpoint.read(origin.folder.last_file).state
    folder.write_rows(origin.folder.rows(), stored["hash"])
    checkpoint.write(folder.last_file, stored, state)
