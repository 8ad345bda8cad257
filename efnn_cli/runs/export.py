"""A trained network for other programs: a `torch.export` program, or its weights by name.

`docs/exported_networks.md` has the formula that the weights belong to.
"""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import Dim

from efnn_cli.core import checks
from efnn_cli.core.errors import ConfigError, InputError
from efnn_cli.core.results import Result, shown
from efnn_cli.core.table import facts
from efnn_cli.core.text import printable
from efnn_cli.models import MODELS
from efnn_cli.models.build import parameter_count
from efnn_cli.models.energy import EnergyModel
from efnn_cli.runs.loading import Run
from efnn_cli.storage import atomic, hdf5, spin_fields
from efnn_cli.storage.spins_file import read_spins

FORMAT = "efnn-network"
SCHEMA_VERSION = 1
SUFFIXES = {"pt2": ".pt2", "hdf5": ".h5", "safetensors": ".safetensors"}


def default_path(run: Run, form: str, dtype: str) -> Path:
    """Return a file in the run folder."""
    return run.path / f"network-{dtype}{SUFFIXES[form]}"


def export(run: Run, form: str, dtype: str, path: Path) -> Result:
    """Write the network of `run` with weights of type `dtype` in one of the formats; return what was written."""
    model = copy.deepcopy(run.model).cpu()
    if not MODELS[run.config["model"]["name"]].closed_form:
        model.network.to(getattr(torch, dtype))
    atomic.make_folder(path.parent)
    WRITERS[form](model, run, path)
    metrics = {"format": form, "dtype": dtype, "parameters": parameter_count(model), "bytes": path.stat().st_size}
    return Result("export", metrics, {"network": shown(path)}, tables=[facts(metrics)])


def export_spins(source: Path, form: str, index: int, out: Path | None) -> Result:
    """Write configuration `index` of the file `source` for viewers; return what was written."""
    spins = read_spins(source)
    if spins.ndim != 4:
        raise InputError(f"{source}: wanted unit vectors on a lattice, found spins of shape {spins.shape}")
    checks.within("--index", index, -len(spins), len(spins) - 1)
    number = index % len(spins)
    path = out or source.with_name(f"{source.stem}-{number}.{form}")
    atomic.make_folder(path.parent)
    spin_fields.WRITERS[form](path, spins[number], f"configuration {number} of {printable(source.name)}")
    metrics = {"format": form, "index": number, "bytes": path.stat().st_size}
    return Result("export", metrics, {"configuration": shown(path)}, tables=[facts(metrics)])


def write_program(model: EnergyModel, run: Run, path: Path) -> None:
    """Write a program spins -> energies for any number of configurations, and for any lattice."""
    example = torch.ones(2, *run.system.spin_shape, dtype=model.dtype)
    shapes: dict[int, Any] = {0: Dim("configurations")}
    if model.geometry == "lattice":
        smallest = max(3, 1 + run.config["model"].get("kernel_size", 3) // 2)  # smaller ones wrap in another way
        shapes[2] = shapes[3] = Dim("L", min=smallest)
    program = torch.export.export(model, (example,), dynamic_shapes=(shapes,))
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    atomic.write_bytes(path, buffer.getvalue())


def write_hdf5(model: EnergyModel, run: Run, path: Path) -> None:
    """Write the weights as arrays by name, with the description as /metadata."""
    arrays = {key: each.numpy() for key, each in model.state_dict().items()}
    hdf5.write(path, arrays, description(run))


def write_safetensors(model: EnergyModel, run: Run, path: Path) -> None:
    """Write the weights as safetensors, with the description as `efnn` in the header; needs the extra `export`."""
    try:
        from safetensors.torch import save
    except ImportError as error:
        raise ConfigError("--format safetensors needs the package safetensors", "pip install 'efnn[export]'") from error
    weights: dict[str, Tensor] = {key: each.contiguous() for key, each in model.state_dict().items()}
    atomic.write_bytes(path, save(weights, {"efnn": json.dumps(description(run), allow_nan=False)}))


def description(run: Run) -> dict[str, Any]:
    """Return what the weights are of: the network with its options, the system, and the run."""
    return {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "geometry": run.model.geometry,
        "network": run.config["model"],
        "system": run.config["system"],
        "energy_unit": run.system.energy_unit,
        "run": run.config["hash"],
        "epoch": run.epoch,
    }


WRITERS: dict[str, Callable[[EnergyModel, Run, Path], None]] = {
    "pt2": write_program,
    "hdf5": write_hdf5,
    "safetensors": write_safetensors,
}
