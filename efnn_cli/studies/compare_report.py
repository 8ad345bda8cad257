"""The numbers that a comparison leaves: a table of all runs, one of all networks, and one line a network."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from efnn_cli.core.results import Result, number, shown
from efnn_cli.storage import atomic
from efnn_cli.studies.compare_contest import Lineup
from efnn_cli.studies.compare_standings import LABELS, Standing, Trial, with_spread

LOGGER = logging.getLogger("efnn")

HEAD = ("model", "parameters", "seeds", "choice", "epochs", "seconds")
FACTS = ("model", "wanted_parameters", "parameters", "width", "choice", "seeds", "diverged", "epochs", "seconds")


def write_runs(path: Path, trials: Sequence[Trial], standings: Sequence[Standing], quantity: str) -> None:
    """One line a run: what was chosen, and what was tried and not chosen, whose test errors nobody looked at."""
    sizes = {trial.run: rows for each in standings for trial, rows in zip(each.trials, each.sizes, strict=True)}
    columns = [f"{quantity}_L{row.L}" for row in next(iter(sizes.values()))]
    head = ["model", "wanted_parameters", "parameters", "width", "choice", "seed", "chosen", "epochs", "seconds", "run"]
    lines: list[list[Any]] = [[*head, f"{quantity}_val", f"{quantity}_test", *columns]]
    for each in trials:
        entry, rows = each.entry, sizes.get(each.run)
        facts = [entry.model, entry.wanted, entry.parameters, entry.width, " ".join(each.choice), each.seed]
        unseen: list[float | None] = [None] * (1 + len(columns))
        if each.metrics is None:
            lines.append([*facts, 0, None, None, shown(each.run), "diverged", *unseen])
            continue
        took = [each.metrics["epochs"], each.metrics["seconds"], shown(each.run), each.metrics["val"][quantity]]
        errors = unseen if rows is None else [each.metrics["test"][quantity], *(getattr(row, quantity) for row in rows)]
        lines.append([*facts, int(rows is not None), *took, *errors])
    atomic.write_csv(path, lines)


def write_means(path: Path, rows: Sequence[dict[str, Any]], quantity: str) -> None:
    """One line a network: mean and spread over the seeds."""
    keys = list(rows[0]["errors"])
    columns = [f"{quantity}_{key.replace('=', '')}" for key in keys]
    head = [*FACTS, *(name for column in columns for name in (column, f"{column}_spread"))]
    lines: list[list[Any]] = [head]
    for row in rows:
        values = [value for key in keys for value in (row["errors"][key], row["spread"][key])]
        lines.append([*(row[fact] for fact in FACTS), *values])
    atomic.write_csv(path, lines)


def planned(lineup: Lineup, folder: Path) -> Result:
    """What a dry run says."""
    rows = [
        {"model": each.model, "wanted_parameters": each.wanted, "parameters": each.parameters, "width": each.width}
        for each in lineup.entries
    ]
    LOGGER.info("grid: %s", " ".join(lineup.grid) or "none")
    LOGGER.info("%d runs of %d networks, %d seeds", lineup.runs, len(lineup.entries), lineup.seeds)
    lines = [list(rows[0]), *([number(value) for value in row.values()] for row in rows)]
    metrics = {"rows": rows, "runs": lineup.runs, "grid": lineup.grid, **recipe_of(lineup)}
    return Result("compare", metrics, {"folder": shown(folder)}, "planned", lines, headed=True)


def recipe_of(lineup: Lineup) -> dict[str, Any]:
    """The one recipe of all trained networks, as plain values; None where nothing is trained."""
    recipes = [each.config.training for each in lineup.entries if each.config.training is not None]
    return {"recipe": dataclasses.asdict(recipes[0]) if recipes else None}


def report(lineup: Lineup, rows: Sequence[dict[str, Any]], quantity: str, outputs: dict[str, str]) -> Result:
    """One line a network, in the order asked for."""
    keys = list(rows[0]["errors"])
    lines = [[*HEAD, *(f"{LABELS[quantity]} {key}" for key in keys)]]
    for row in rows:
        facts = [number(row[key] or "-") for key in HEAD]
        lines.append(facts + [with_spread(row["errors"][key], row["spread"][key]) for key in keys])
    metrics = {"quantity": quantity, "rows": list(rows), "grid": lineup.grid, **recipe_of(lineup)}
    return Result("compare", metrics, outputs, rows=lines, headed=True)
