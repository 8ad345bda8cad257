"""Tables of a comparison: a CSV row a run, a CSV row a network, and comparison.md to be put into a text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from efnn_cli.core.results import shown
from efnn_cli.models import MODELS
from efnn_cli.report import render_markdown
from efnn_cli.storage import atomic
from efnn_cli.studies.compare_networks import Candidate, ComparisonPlan
from efnn_cli.studies.summary import LABELS, Group, thousands, with_spread

FACTS = ("model", "wanted_parameters", "parameters", "width", "choice", "seeds", "diverged", "epochs", "seconds")
RUN_FACTS = (
    "model",
    "wanted_parameters",
    "parameters",
    "width",
    "choice",
    "seed",
    "chosen",
    "epochs",
    "seconds",
    "run",
)


def summary_row(candidate: Candidate, group: Group, quantity: str) -> dict[str, Any]:
    """Mean and spread (sample standard deviation) over the seeds, on the test split and at every size."""
    over_seeds = {"test": group.test(quantity)}
    for row in group.members[0].sizes:
        found = group.at_size(row["L"], quantity)
        if found is not None:
            over_seeds[f"L={row['L']}"] = found
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


def write_runs(path: Path, compared: Sequence[tuple[Candidate, Group]], quantity: str) -> None:
    """Write a row a run. The test errors of a run that was not chosen stay empty."""
    sizes = [row["L"] for row in compared[0][1].members[0].sizes]
    head = [*RUN_FACTS, f"{quantity}_val", f"{quantity}_test", *(f"{quantity}_L{size}" for size in sizes)]
    unseen: list[Any] = [None] * (1 + len(sizes))
    lines: list[list[Any]] = [head]
    for candidate, group in compared:
        for each in group.tried:
            network = [candidate.model, candidate.wanted, candidate.parameters, candidate.width]
            facts = [*network, " ".join(each.choice), each.seed]
            if each.outcome.metrics is None:
                lines.append([*facts, 0, None, None, shown(each.run), "diverged", *unseen])
                continue
            chosen = each.choice == group.choice
            took = [each.metrics["epochs"], each.metrics["seconds"], shown(each.run), each.metrics["val"][quantity]]
            errors = unseen
            if chosen:
                (member,) = [member for member in group.members if member.seed == each.seed]
                errors = [each.metrics["test"][quantity], *(row[quantity] for row in member.sizes)]
            lines.append([*facts, int(chosen), *took, *errors])
    atomic.write_csv(path, lines)


def write_means(path: Path, rows: Sequence[dict[str, Any]], quantity: str) -> None:
    """Write a row a network: mean and spread over the seeds."""
    keys = list(rows[0]["errors"])
    columns = [f"{quantity}_{key.replace('=', '')}" for key in keys]
    lines: list[list[Any]] = [[*FACTS, *(name for column in columns for name in (column, f"{column}_spread"))]]
    for row in rows:
        values = [value for key in keys for value in (row["errors"][key], row["spread"][key])]
        lines.append([*(row[fact] for fact in FACTS), *values])
    atomic.write_csv(path, lines)


def markdown(plan: ComparisonPlan, rows: Sequence[dict[str, Any]], quantity: str) -> str:
    """Return the table with a line a network, and a sentence for everything that was equal."""
    trained = [each for each in plan.candidates if each.trained]
    lines = [
        {
            "title": MODELS[row["model"]].title,
            "parameters": thousands(row["parameters"]),
            "errors": [with_spread(error, row["spread"][key]) for key, error in row["errors"].items()],
            "diverged": row["diverged"],
            "choice": row["choice"],
        }
        for row in rows
    ]
    return render_markdown(
        "comparison.md",
        label=LABELS[quantity],
        columns=["test split" if key == "test" else key.replace("=", " = ") for key in rows[0]["errors"]],
        rows=lines,
        counts=[thousands(count) for count in plan.counts],
        off=max((abs(each.parameters / each.wanted - 1) for each in trained if each.wanted), default=0.0),
        own={each.title: options for each in trained if (options := _own_options(each))},
        system=plan.first.system,
        data=shown(plan.data),
        split=[len(plan.first.parts.part(name)) for name in ("train", "val", "test")],
        recipe=trained[0].config.training if trained else None,
        model=trained[0].config.model if trained else None,
        points=len(plan.points),
        grid=plan.grid,
        seeds=plan.seeds,
        closed_forms=[each for each in plan.candidates if not each.trained],
    )


def _own_options(candidate: Candidate) -> str:
    """Return the options that only this network has, as settings."""
    return " ".join(f"{key}={value}" for key, value in candidate.own_options().items())
