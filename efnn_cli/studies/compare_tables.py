"""Tables of a comparison: a CSV row a run, a CSV row a network, and comparison.md to be put into a text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from efnn_cli.core.results import shown
from efnn_cli.models import MODELS
from efnn_cli.storage import atomic
from efnn_cli.studies.compare_networks import Candidate, ComparisonPlan
from efnn_cli.studies.summary import LABELS, Group, thousands, with_spread
from efnn_cli.training.options import TrainingOptions

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
        found = group.at_size(int(row["L"]), quantity)
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
    """Return a table with a line a network, and one sentence for everything that was equal."""
    keys = list(rows[0]["errors"])
    titles = ["test split" if key == "test" else key.replace("=", " = ") for key in keys]
    lines = [f"| {LABELS[quantity]} | parameters | {' | '.join(titles)} |", "|---" * (2 + len(keys)) + "|"]
    for row in rows:
        cells = [with_spread(row["errors"][key], row["spread"][key]) for key in keys]
        lines.append(f"| {_title(row)} | {thousands(row['parameters'])} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *(f"- {each}" for each in _equal(plan, rows)), ""])


def _title(row: dict[str, Any]) -> str:
    return MODELS[row["model"]].title


def _equal(plan: ComparisonPlan, rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return a sentence for each thing that the networks had in common, and for each difference."""
    trained = [each for each in plan.candidates if each.trained]
    sentences = [_data(plan)]
    if trained:
        sentences = [_parameters(plan, trained), *sentences, _recipe(trained), _grid(plan, rows), _seeds(plan, rows)]
    for each in plan.candidates:
        if not each.trained:
            sentences.append(
                f"Effective model: {each.parameters} coefficients, fitted to the same data in closed form."
            )
    return sentences


def _parameters(plan: ComparisonPlan, trained: Sequence[Candidate]) -> str:
    off = max(abs(each.parameters / each.wanted - 1) for each in trained if each.wanted)
    wanted = ", ".join(thousands(count) for count in plan.counts)
    own = {each.title: each.own_options() for each in trained}
    extra = [
        f"; {title} with {' '.join(f'{key}={value}' for key, value in options.items())}"
        for title, options in own.items()
        if options
    ]
    return f"Parameters: {wanted}, met to within {100 * off:.1f} % by the width{''.join(extra)}."


def _data(plan: ComparisonPlan) -> str:
    first = plan.first
    sizes = " / ".join(str(len(first.parts.part(name))) for name in ("train", "val", "test"))
    size = f"L = {first.system.size}"
    return (
        f"Data: {first.system.name}, {size}, `{shown(plan.data)}`, split {sizes} (train / validation / test), "
        "the same for all."
    )


def _recipe(trained: Sequence[Candidate]) -> str:
    """Return the one recipe; every candidate has the same apart from options that only its network has."""
    recipe, model = trained[0].config.training, trained[0].config.model
    assert isinstance(recipe, TrainingOptions)
    augmented = ", point-group augmentation" if recipe.augment else ""
    parts = [
        f"{recipe.optimizer}, {recipe.schedule} schedule, batch {recipe.batch_size}, {recipe.dtype}{augmented}",
        f"lr {recipe.lr:g}, activation_scale {getattr(model, 'activation_scale', 1.0):g}",
        f"depth {getattr(model, 'depth', 0)}",
        f"{recipe.epochs} epochs" if recipe.budget is None else f"a budget of {recipe.budget} a run",
    ]
    return f"Recipe: {recipe.name} for every network, but for what the grid chooses: {'; '.join(parts)}."


def _grid(plan: ComparisonPlan, rows: Sequence[dict[str, Any]]) -> str:
    if len(plan.points) == 1:
        return f"Grid: none{f' ({plan.grid[0]} for all)' if plan.grid else ''}; nothing was tuned."
    sizes = [f" ({thousands(row['parameters'])})" if len(plan.counts) > 1 else "" for row in rows]
    chosen = [f"{_title(row)}{size} {row['choice']}" for row, size in zip(rows, sizes, strict=True) if row["choice"]]
    head = f"Grid: {' x '.join(plan.grid)}, {len(plan.points)} points for every network, by validation RMSE with seed 0"
    return f"{head}: {'; '.join(chosen)}."


def _seeds(plan: ComparisonPlan, rows: Sequence[dict[str, Any]]) -> str:
    if plan.seeds == 1:
        return "Seeds: seed 0 for every network; one seed has no spread."
    lost = [f"; {_title(row)} without {row['diverged']} that diverged" for row in rows if row["diverged"]]
    numbers = ", ".join(map(str, range(plan.seeds)))
    return f"Seeds: {numbers} for every network; mean ± sample standard deviation over them{''.join(lost)}."
