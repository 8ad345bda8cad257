"""Tables of a comparison: a CSV row a run, a CSV row a network, and comparison.md to be put into a text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from efnn_cli.core.numbers import with_error
from efnn_cli.core.results import shown
from efnn_cli.core.table import Table
from efnn_cli.models import MODELS
from efnn_cli.report import render_markdown
from efnn_cli.storage import atomic
from efnn_cli.studies.compare_networks import Candidate, ComparisonPlan
from efnn_cli.studies.summary import LABELS, Group, clearly_least, thousands

NETWORK = ("model", "wanted_parameters", "parameters", "width")
MEANS = (*NETWORK, "choice", "seeds", "diverged", "epochs", "seconds")
RUNS = (*NETWORK, "choice", "seed", "chosen", "epochs", "seconds", "run")

OF_FIELDS, FIELDS = "field_relative_error", "fields"  # the quantity, and its column: on the test split
TITLES = {"test": "test split", FIELDS: "fields, test split"}

Compared = Sequence[tuple[Candidate, Group]]


def summary_row(candidate: Candidate, group: Group, quantity: str) -> dict[str, Any]:
    """Mean and spread (sample standard deviation) over the seeds, on the test split and at every size."""
    at_sizes = {row["L"]: group.at_size(row["L"], quantity) for row in group.members[0].sizes}
    over_seeds = {"test": group.test(quantity)}
    over_seeds |= {f"L={size}": found for size, found in at_sizes.items() if found is not None}
    if group.defines(OF_FIELDS):
        over_seeds[FIELDS] = group.test(OF_FIELDS)
    return {
        "model": candidate.model,
        "parameters": candidate.parameters,
        "wanted_parameters": candidate.wanted,
        "width": candidate.width,
        "choice": group.settings,
        "seeds": len(group.members),
        "diverged": group.lost,
        "epochs": group.mean("epochs"),
        "seconds": group.mean("seconds"),
        "errors": {key: mean for key, (mean, _) in over_seeds.items()},
        "spread": {key: spread for key, (_, spread) in over_seeds.items()},
    }


def for_terminal(rows: Sequence[dict[str, Any]], quantity: str) -> Table:
    """Return a row a network; the least error of a column is bold where it is further away than the spreads."""
    keys = list(rows[0]["errors"])
    several = any(row["seeds"] > 1 for row in rows)
    head = [LABELS[quantity], "params", *keys, *(["seeds"] if several else []), "s/run"]
    cells = [
        [
            row["model"],
            row["parameters"],
            *(with_error(row["errors"][key], row["spread"][key]) for key in keys),
            *([row["seeds"]] if several else []),
            f"{row['seconds']:.3g}",
        ]
        for row in rows
    ]
    bold = []
    for column, key in enumerate(keys, 2):
        errors = [(row["errors"][key], row["spread"][key] if row["width"] else 0.0) for row in rows]
        least = clearly_least(errors)
        bold += [] if least is None else [(least, column)]
    return Table(head, cells, bold)


def write_runs(path: Path, compared: Compared, quantity: str) -> None:
    """Write a row a run. The test errors of a run that was not chosen stay empty."""
    sizes = [row["L"] for row in compared[0][1].members[0].sizes]
    lines: list[list[Any]] = [
        [*RUNS, f"{quantity}_val", f"{quantity}_test", *(f"{quantity}_L{size}" for size in sizes), f"{OF_FIELDS}_test"]
    ]
    for candidate, group in compared:
        chosen = {each.plan.tag: each for each in group.members}
        for each in group.tried:
            facts = [candidate.model, candidate.wanted, candidate.parameters, candidate.width, " ".join(each.choice)]
            member = chosen.get(each.plan.tag)
            errors: list[Any] = [None] * (2 + len(sizes))
            if member is not None:
                test = member.metrics["test"]
                errors = [test[quantity], *(row[quantity] for row in member.sizes), test.get(OF_FIELDS)]
            took: list[Any] = [None, None, shown(each.run), "diverged"]
            if each.outcome.metrics is not None:
                took = [each.metrics["epochs"], each.metrics["seconds"], shown(each.run), each.metrics["val"][quantity]]
            lines.append([*facts, each.seed, int(member is not None), *took, *errors])
    atomic.write_csv(path, lines)


def write_means(path: Path, rows: Sequence[dict[str, Any]], quantity: str) -> None:
    """Write a row a network: mean and spread over the seeds."""
    keys = list(rows[0]["errors"])
    columns = [f"{OF_FIELDS}_test" if key == FIELDS else f"{quantity}_{key.replace('=', '')}" for key in keys]
    lines: list[list[Any]] = [[*MEANS, *(name for column in columns for name in (column, f"{column}_spread"))]]
    for row in rows:
        values = [value for key in keys for value in (row["errors"][key], row["spread"][key])]
        lines.append([*(row[fact] for fact in MEANS), *values])
    atomic.write_csv(path, lines)


def markdown(plan: ComparisonPlan, rows: Sequence[dict[str, Any]], quantity: str) -> str:
    """Return the table with a line a network, and a sentence for everything that was equal."""
    trained = [each for each in plan.candidates if each.trained]
    return render_markdown(
        "comparison.md",
        label=LABELS[quantity],
        columns=[TITLES.get(key) or key.replace("=", " = ") for key in rows[0]["errors"]],
        rows=[
            row
            | {
                "title": MODELS[row["model"]].title,
                "parameters": thousands(row["parameters"]),
                "errors": [with_error(error, row["spread"][key]) for key, error in row["errors"].items()],
            }
            for row in rows
        ],
        counts=[thousands(count) for count in plan.counts],
        off=max((abs(each.parameters / each.wanted - 1) for each in trained if each.wanted), default=0.0),
        own={each.title: " ".join(each.own_settings()) for each in trained if each.own_settings()},
        system=plan.first.system,
        data=shown(plan.data),
        split=[len(plan.first.sources[0].parts.part(name)) for name in ("train", "val", "test")],
        recipe=trained[0].config.training if trained else None,
        model=trained[0].config.model if trained else None,
        fields=FIELDS in rows[0]["errors"],
        points=len(plan.points),
        grid=plan.grid,
        seeds=plan.seeds,
        closed_forms=[each for each in plan.candidates if not each.trained],
    )
