"""comparison.md: the table of a comparison with what was equal in it, to be put into a text as it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from efnn_cli.core.results import shown
from efnn_cli.models import MODELS
from efnn_cli.studies.compare_contest import Entry, Lineup
from efnn_cli.studies.compare_standings import LABELS, with_spread
from efnn_cli.training.options import TrainingOptions


def markdown(lineup: Lineup, rows: Sequence[dict[str, Any]], quantity: str) -> str:
    """A table, a line a network, and one line for everything that was equal."""
    keys = list(rows[0]["errors"])
    titles = ["test split" if key == "test" else key.replace("=", " = ") for key in keys]
    lines = [f"| {LABELS[quantity]} | parameters | {' | '.join(titles)} |", "|---" * (2 + len(keys)) + "|"]
    for row in rows:
        cells = [with_spread(row["errors"][key], row["spread"][key], "±") for key in keys]
        lines.append(f"| {MODELS[row['model']].title} | {thousands(row['parameters'])} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *(f"- {each}" for each in equal(lineup, rows)), ""])


def equal(lineup: Lineup, rows: Sequence[dict[str, Any]]) -> list[str]:
    """What the networks had in common, and what they had not, a sentence each."""
    trained = [each for each in lineup.entries if each.trained]
    said = [_data(lineup)]
    if trained:
        said = [_parameters(lineup, trained), *said, _recipe(trained), _grid(lineup, rows), _seeds(lineup, rows)]
    if len(trained) < len(lineup.entries):
        (fitted,) = (each for each in lineup.entries if not each.trained)
        said.append(f"Effective model: {fitted.parameters} coefficients, fitted to the same data in closed form.")
    return said


def _parameters(lineup: Lineup, trained: Sequence[Entry]) -> str:
    """How equal the numbers of parameters are."""
    off = max(abs(each.parameters / each.wanted - 1) for each in trained if each.wanted)
    wanted = ", ".join(thousands(count) for count in lineup.counts)
    own = {each.model: each.own_options() for each in trained}
    extra = [f"{MODELS[name].title} with {_settings(options)}" for name, options in own.items() if options]
    met = f"met to within {100 * off:.1f} % by the width"
    return f"Parameters: {wanted}, {met}{''.join(f'; {each}' for each in extra)}."


def _data(lineup: Lineup) -> str:
    """Which dataset, and how it was split."""
    first = lineup.first
    sizes = " / ".join(str(len(first.parts.part(name))) for name in ("train", "val", "test"))
    name = shown(Path(first.stored["dataset"]["path"]))
    size = f"L = {first.system.size}"
    return f"Data: {first.system.name}, {size}, `{name}`, split {sizes} (train / validation / test), the same for all."


def _recipe(trained: Sequence[Entry]) -> str:
    """The one recipe; every entry was composed from the same file and settings, apart from its own options."""
    recipe, model = trained[0].config.training, trained[0].config.model
    assert isinstance(recipe, TrainingOptions)
    length = f"{recipe.epochs} epochs" if recipe.budget is None else f"a budget of {recipe.budget} a run"
    augmented = ", point-group augmentation" if recipe.augment else ""
    parts = [
        f"{recipe.optimizer}, {recipe.schedule} schedule, batch {recipe.batch_size}, {recipe.dtype}{augmented}",
        f"lr {recipe.lr:g}, activation_scale {getattr(model, 'activation_scale', 1.0):g}",
        f"depth {getattr(model, 'depth', 0)}",
        length,
    ]
    return f"Recipe: {recipe.name} for every network, but for what the grid chooses: {'; '.join(parts)}."


def _grid(lineup: Lineup, rows: Sequence[dict[str, Any]]) -> str:
    """What was chosen among what."""
    if len(lineup.points) == 1:
        return f"Grid: none{f' ({lineup.grid[0]} for all)' if lineup.grid else ''}; nothing was tuned."
    sizes = {id(row): f" ({thousands(row['parameters'])})" if len(lineup.counts) > 1 else "" for row in rows}
    chosen = [f"{MODELS[row['model']].title}{sizes[id(row)]} {row['choice']}" for row in rows if row["choice"]]
    count = len(lineup.points)
    head = f"Grid: {' x '.join(lineup.grid)}, {count} points for every network, by validation RMSE with seed 0"
    return f"{head}: {'; '.join(chosen)}."


def _seeds(lineup: Lineup, rows: Sequence[dict[str, Any]]) -> str:
    """Over which seeds the errors are means, and which of them gave none."""
    if lineup.seeds == 1:
        return "Seeds: seed 0 for every network; one seed has no spread."
    lost = [f"{MODELS[row['model']].title} without {row['diverged']} that diverged" for row in rows if row["diverged"]]
    numbers = ", ".join(map(str, range(lineup.seeds)))
    text = f"Seeds: {numbers} for every network; mean ± sample standard deviation over them"
    return f"{text}{''.join(f'; {each}' for each in lost)}."


def _settings(options: dict[str, object]) -> str:
    return " ".join(f"{key}={value}" for key, value in options.items())


def thousands(count: int) -> str:
    """A number in groups of three digits."""
    return f"{count:_}".replace("_", " ")
