"""`efnn extrapolate [RUN...] --L N[,N...]`: carry a lattice network to other sizes, against fresh references."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from efnn_cli import catalogue, device, figures
from efnn_cli.commands.evaluate import picked
from efnn_cli.compatibility import require_same_hamiltonian
from efnn_cli.config import Request, compose
from efnn_cli.console import Console
from efnn_cli.errors import ConfigError, ConflictError, InputError
from efnn_cli.extrapolation import SizeRow, default_samples, judge_size, merge_table
from efnn_cli.labelling.job import Job
from efnn_cli.labelling.produce import produce, require_resources
from efnn_cli.loading import Run, load
from efnn_cli.results import Result, number, shown
from efnn_cli.runs import EXTRAPOLATION
from efnn_cli.schema import fingerprint, typed
from efnn_cli.settings import ExtrapolateConfig, GenerateConfig, Thermal, check_reference
from efnn_cli.signals import StopRequest
from efnn_cli.storage import atomic
from efnn_cli.storage.dataset import Dataset

LOGGER = logging.getLogger("efnn")


def run(
    request: Request,
    console: Console,
    *,
    runs: Sequence[Path] = (),
    out: Path | None = None,
    dry_run: bool = False,
) -> Result:
    """Errors, biases and times at every size; table and figure go into the run folder, or to `out`."""
    config = typed(ExtrapolateConfig, compose("extrapolate", request).values)
    target = device.resolve(config.device)
    members = [load(path, config.device) for path in runs or picked()]
    require_lattice(members)
    plans = [reference_plan(config, members[0], size) for size in sizes(config, members[0])]
    folder = out or output_folder(members)
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise ConflictError(f"{folder} exists and is not a folder", "choose another --out")
    jobs = [plan.job("reference", target.type) for plan in plans]
    for plan, job in zip(plans, jobs, strict=True):
        require_resources(job, Path.cwd(), target, plan.workers)
    if dry_run:
        return planned(jobs, folder)
    atomic.make_folder(folder)
    rows = []
    with StopRequest("the same command continues with the references that are done") as stop:
        for plan in plans:
            rows.append(judge_size(members, reference(plan, target, console, stop)))
            stop.check()
    return report(rows, members[0], plans[0], folder)


def require_lattice(members: Sequence[Run]) -> None:
    """Raise `InputError` for networks that have no other size, or that belong to different Hamiltonians."""
    for member in members:
        if member.system.geometry != "lattice":
            raise InputError(
                f"{shown(member.path)} is a dense network of {member.system.size} spins: it fits no other size",
                "train on a lattice system, such as efnn generate heisenberg",
            )
        require_same_hamiltonian(member, members[0].system, shown(members[0].path))


def sizes(config: ExtrapolateConfig, member: Run) -> list[int]:
    """The sizes asked for, or 1, 2 and 4 times that of training; warns below the receptive field."""
    chosen = config.L or [factor * member.system.size for factor in (1, 2, 4)]
    field = member.config["receptive_field"] or 0
    for size in chosen:
        if size < field:
            LOGGER.warning("L = %d is below the receptive field %d of the network", size, field)
    return sorted(chosen)


def reference_plan(config: ExtrapolateConfig, member: Run, size: int) -> GenerateConfig:
    """The references of one size: what `generate` would take, but from random streams of their own."""
    system = member.system.at_size(size)
    trained, stored = member.config["sampling"], member.config.get("thermal")
    sampling = config.sampling
    if sampling == "auto":
        sampling = trained if trained in system.samplings else system.samplings[0]
    elif sampling == "thermal" and stored is None:
        raise ConfigError("sampling=thermal: the run was not trained on thermal spins, so it names no temperature")
    elif sampling not in system.samplings:
        raise ConfigError(f"sampling: {system.kind} offers {', '.join(system.samplings)}, found {sampling!r}")
    return GenerateConfig(
        system=system,
        samples=config.samples or default_samples(size),
        seed=config.seed,
        sampling=sampling,
        reference=check_reference(system, config.reference, fields=False),
        tolerance=config.tolerance,
        fields=False,
        thermal=as_trained(stored) if sampling == "thermal" else None,
        device=config.device,
        workers=config.workers or device.cores(),
    )


def as_trained(stored: Mapping[str, Any] | None) -> Thermal | None:
    """The bath that the training configurations came from."""
    return None if stored is None else Thermal(stored["temperature"], stored["coupling"], stored["sweeps"])


def reference(plan: GenerateConfig, target: Any, console: Console, stop: StopRequest) -> Dataset:
    """The references of one size, from data/references/ or labelled now."""
    path = catalogue.dataset_path(plan, "reference")
    title = f"references at L = {plan.system.size}"
    with console.meter(title, plan.samples, "configurations") as advance:
        data, existed = produce(
            plan.job("reference", target.type),
            path,
            fingerprint(plan.identity()),
            target,
            plan.workers,
            overwrite=False,
            progress=advance,
            on_wait=lambda owner: LOGGER.info("%s is being made by %s: waiting", shown(path), owner),
            pause=stop.check,
        )
    LOGGER.info("%s: %s", title, f"{shown(path)}, {'stored' if existed else 'new'}")
    return data


def output_folder(members: Sequence[Run]) -> Path:
    """The run folder; for an ensemble a folder named by its members."""
    if len(members) == 1:
        return members[0].path
    tag = fingerprint({"members": sorted(member.config["hash"] for member in members)})
    return catalogue.OUTPUTS / f"{members[0].system.name}-ensemble-{tag}"


def planned(jobs: Sequence[Job], folder: Path) -> Result:
    """What a dry run says."""
    metrics = {"sizes": [{"L": job.system.size, "samples": job.samples, "reference": job.reference} for job in jobs]}
    head = ["L", "samples", "reference"]
    rows = [head, *([str(each[key]) for key in head] for each in metrics["sizes"])]
    return Result(
        "extrapolate", metrics, {"table": shown(folder / f"{EXTRAPOLATION}.csv")}, "planned", rows, headed=True
    )


def report(rows: Sequence[SizeRow], member: Run, plan: GenerateConfig, folder: Path) -> Result:
    """Table, figure and JSON."""
    stem = folder / EXTRAPOLATION
    table = merge_table(stem.with_suffix(".csv"), rows, {"sampling": plan.sampling, "seed": plan.seed})
    relative = all(row["relative_error"] for row in table)
    column, label = ("relative_error", "relative error") if relative else ("rmse_over_std", "RMSE / std(E)")
    series: dict[str, list[tuple[int, float]]] = {}
    for row in table:
        if row[column] and float(row[column]) > 0:
            series.setdefault(row["sampling"], []).append((int(row["L"]), float(row[column])))
    figure = figures.error_against_size(series, label, member.system.size, stem)
    metrics = {"sizes": [dataclasses.asdict(row) for row in rows]}
    head = [each.name for each in dataclasses.fields(SizeRow)]
    lines = [head, *([number(getattr(row, name)) for name in head] for row in rows)]
    outputs = {"table": shown(stem.with_suffix(".csv")), "figure": shown(figure)}
    return Result("extrapolate", metrics, outputs, rows=lines, headed=True)
