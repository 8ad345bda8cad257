"""What a comparison leaves: the table of all runs, two figures, and one line a network."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from efnn_cli import figures
from efnn_cli.comparison import Standing, Trial
from efnn_cli.loading import load
from efnn_cli.planning import Plan
from efnn_cli.results import Result, number, shown
from efnn_cli.storage import atomic
from efnn_cli.training.predict import predict

LABELS = {"relative_error": "relative error", "rmse_over_std": "RMSE / std(E)"}
HEAD = ("model", "parameters", "seeds", "choice", "epochs", "seconds")


def write_table(path: Path, trials: Sequence[Trial], standings: Sequence[Standing], quantity: str) -> None:
    """One line a run: what was chosen, and what was tried and not chosen, whose test errors nobody looked at."""
    sizes = {trial.run: rows for each in standings for trial, rows in zip(each.trials, each.sizes, strict=True)}
    columns = [f"{quantity}_L{row.L}" for row in next(iter(sizes.values()))]
    head = ["model", "parameters", "width", "choice", "seed", "chosen", "epochs", "seconds", "run"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*head, f"{quantity}_val", f"{quantity}_test", *columns])
    for each in trials:
        entry, rows = each.entry, sizes.get(each.run)
        facts = [entry.model, entry.parameters, entry.width, " ".join(each.choice), each.seed, int(rows is not None)]
        took = [each.metrics["epochs"], each.metrics["seconds"], shown(each.run), each.metrics["val"][quantity]]
        unseen: list[float | None] = [None] * (1 + len(columns))
        errors = unseen if rows is None else [each.metrics["test"][quantity], *(getattr(row, quantity) for row in rows)]
        writer.writerow([*facts, *took, *errors])
    atomic.write_text(path, text.getvalue())


def draw(standings: Sequence[Standing], quantity: str, first: Plan, folder: Path) -> dict[str, str]:
    """Parity of the first seed's predictions on the test split; error against L for lattices."""
    chosen = first.parts.test
    true = first.data.energies[chosen] / first.system.sites
    panels = {}
    for each in standings:
        network = load(each.trials[0].run)
        energies = predict(network.model, first.data.spins[chosen], network.device) / first.system.sites
        error = each.trials[0].metrics["test"][quantity]
        panels[f"{each.title}\n{LABELS[quantity]} {error:.1e}"] = energies
    outputs = {"parity": shown(figures.parity(panels, true, folder / "parity"))}
    if any(rows for each in standings for rows in each.sizes):
        curves = {}
        for each in standings:
            errors = each.summary(quantity)["errors"]
            curves[each.title] = [(row.L, errors[f"L={row.L}"]) for row in each.sizes[0]]
        figure = figures.error_against_size(curves, LABELS[quantity], first.system.size, folder / "error_against_L")
        outputs["figure"] = shown(figure)
    return outputs


def report(standings: Sequence[Standing], quantity: str, folder: Path, drawn: dict[str, str]) -> Result:
    """One line a network, in the order asked for."""
    rows = [each.summary(quantity) for each in standings]
    keys = list(rows[0]["errors"])
    lines = [[*HEAD, *(f"{LABELS[quantity]} {key}" for key in keys)]]
    for row in rows:
        facts = [number(row[key] or "-") for key in HEAD]
        lines.append(facts + [with_spread(row["errors"][key], row["spread"][key]) for key in keys])
    metrics = {"quantity": quantity, "rows": rows}
    return Result("compare", metrics, {"table": shown(folder / "comparison.csv"), **drawn}, rows=lines, headed=True)


def with_spread(mean: float, spread: float | None) -> str:
    """An error with its spread over the seeds."""
    return f"{mean:.2e}" if spread is None else f"{mean:.2e} +- {spread:.0e}"
