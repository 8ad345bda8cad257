"""`efnn extrapolate [RUN...] --L N[,N...]`: carry a lattice network to other sizes, against fresh references."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from efnn_cli import figures
from efnn_cli.config.compose import Request, compose
from efnn_cli.config.schema import fingerprint, typed
from efnn_cli.core import device
from efnn_cli.core.console import Console
from efnn_cli.core.errors import ConflictError, InputError
from efnn_cli.core.results import Result, number, shown
from efnn_cli.core.signals import StopRequest
from efnn_cli.datasets.idle import refuse_idle_tolerance
from efnn_cli.datasets.settings import GenerateConfig
from efnn_cli.evaluation.compatibility import require_same_hamiltonian
from efnn_cli.evaluation.extrapolation import FIGURES, SizeRow, judge_size, weights_digest
from efnn_cli.evaluation.references import label_references, plan_references
from efnn_cli.evaluation.settings import ExtrapolateConfig
from efnn_cli.evaluation.size_table import Rows, SizeTable, curves, spreads
from efnn_cli.runs.find import picked
from efnn_cli.runs.folder import EXTRAPOLATION, OUTPUTS
from efnn_cli.runs.loading import Run, load
from efnn_cli.storage import atomic
from efnn_cli.training.metrics import warn_of_no_use

LOGGER = logging.getLogger("efnn")

ENSEMBLE_SHOWN = (
    "spread_per_site",
    "member_rmse",
    "error_over_spread",
    "common_error",
    "bias_over_spread",
    "rank_correlation",
    "within_1_spread",
    "within_2_spreads",
)
"""What the screen has room for; the CSV and the JSON have all figures of an ensemble."""


def run(
    request: Request,
    console: Console,
    *,
    runs: Sequence[Path] = (),
    out: Path | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
) -> Result:
    """Errors, biases and times at every size; table and figure go into the run folder, or to `out`."""
    composed = compose("extrapolate", request)
    config = typed(ExtrapolateConfig, composed.values)
    target = device.resolve(config.device)
    members = [load(path, config.device) for path in runs or picked()]
    require_lattice(members)
    plans = plan_references(config, members[0], target)
    refuse_idle_tolerance(plans, composed)
    folder = out or output_folder(members)
    ours = out is None and all(member.weights == "best" for member in members)  # whose results belong to the run
    table = SizeTable(folder / f"{EXTRAPOLATION}.csv", weights_digest(members), own_folder=ours, overwrite=overwrite)
    refuse_other(folder, table)
    if dry_run:
        return planned(plans, target.type, folder)
    atomic.make_folder(folder)
    LOGGER.info("extrapolating on %s", device.describe(target))
    rows = []
    with StopRequest("the same command continues with the references that are done") as stop:
        for plan in plans:
            rows.append(judge_size(members, label_references(plan, target, console, stop), stop.check))
            stop.check()
        every = table.merge(rows, plans[0].sampling, plans[0].seed, stop.check)
    return report(rows, every, draw(every, members[0].system.size, folder), table.path)


def require_lattice(members: Sequence[Run]) -> None:
    """Raise `InputError` for networks that have no other size, or that belong to different Hamiltonians."""
    for member in members:
        if member.system.geometry != "lattice":
            raise InputError(
                f"{shown(member.path)} is a dense network of {member.system.size} spins: it fits no other size",
                "train on a lattice system, such as efnn generate heisenberg",
            )
        require_same_hamiltonian(member, members[0].system, shown(members[0].path))


def output_folder(members: Sequence[Run]) -> Path:
    """The run folder; for an ensemble a folder named by its members."""
    if len(members) == 1:
        return members[0].path
    tag = fingerprint({"members": sorted(member.config["hash"] for member in members)})
    return OUTPUTS / f"{members[0].system.name}-ensemble-{tag}"


def refuse_other(folder: Path, table: SizeTable) -> None:
    """Raise, before any work, where the results could not be put into `folder`."""
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise ConflictError(f"{folder} exists and is not a folder", "choose another --out")
    atomic.prove_writable(folder)
    table.check()


def planned(plans: Sequence[GenerateConfig], device_type: str, folder: Path) -> Result:
    """What a dry run says."""
    jobs = [plan.job("reference", device_type) for plan in plans]
    metrics = {"sizes": [{"L": job.system.size, "samples": job.samples, "reference": job.reference} for job in jobs]}
    head = ["L", "samples", "reference"]
    rows = [head, *([str(each[key]) for key in head] for each in metrics["sizes"])]
    return Result(
        "extrapolate", metrics, {"table": shown(folder / f"{EXTRAPOLATION}.csv")}, "planned", rows, headed=True
    )


def draw(rows: Rows, trained_at: int, folder: Path) -> Path:
    """The figure of all rows of the table."""
    relative = all(row["relative_error"] for row in rows)
    column, label = ("relative_error", "relative error") if relative else ("rmse_over_std", "RMSE / std(E)")
    spread = spreads(rows, column)
    lines = []
    for style, (name, points) in enumerate(curves(rows, column).items()):
        lines.append(figures.Curve(f"{name}: error of the mean" if name in spread else name, points, style=style))
        if name in spread:
            lines.append(figures.Curve(f"{name}: spread of the members", spread[name], style=style, dashed=True))
    return figures.error_against_size(lines, label, trained_at, folder / EXTRAPOLATION, table=False)


def report(rows: Sequence[SizeRow], every: Rows, figure: Path, table: Path) -> Result:
    """The sizes asked for, as table and JSON."""
    metrics = {"sizes": [row.as_json() for row in rows]}
    warn_of_no_use({where: ratio for row in rows for where, ratio in row.ratios().items()})
    head = [*FIGURES, *(ENSEMBLE_SHOWN if rows[0].ensemble is not None else ())]
    lines = [head, *([number(row.as_cells()[name]) for name in head] for row in rows)]
    if len(every) > len(rows):
        LOGGER.info("%s holds %d more rows of earlier commands", shown(table), len(every) - len(rows))
    return Result("extrapolate", metrics, {"table": shown(table), "figure": shown(figure)}, rows=lines, headed=True)
