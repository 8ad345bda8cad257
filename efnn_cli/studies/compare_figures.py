"""The figures of a comparison: parity, error against the lattice, error against the number of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from efnn_cli import figures
from efnn_cli.core.results import shown
from efnn_cli.figures import Curve
from efnn_cli.runs.loading import load
from efnn_cli.studies.compare_contest import Lineup
from efnn_cli.studies.compare_standings import LABELS, Standing, figure
from efnn_cli.training.predict import predict


def draw(lineup: Lineup, standings: Sequence[Standing], quantity: str, folder: Path) -> dict[str, str]:
    """Parity and error against L of the largest networks, and error against parameters where there are several."""
    largest = lineup.counts[-1] if lineup.counts else None
    top = [each for each in standings if each.entry.wanted in (largest, None)]
    outputs = {"parity": shown(draw_parity(lineup, top, quantity, folder / "parity"))}
    if any(rows for each in top for rows in each.sizes):
        path = draw_sizes(lineup, top, quantity, folder / "error_against_L")
        outputs["figure"] = shown(path)
    if len(lineup.counts) > 1:
        path = draw_parameters(lineup, standings, quantity, folder / "error_against_parameters")
        outputs["parameters"] = shown(path)
    return outputs


def draw_parity(lineup: Lineup, standings: Sequence[Standing], quantity: str, stem: Path) -> Path:
    """Predictions of each network's first seed on the test split."""
    first = lineup.first
    chosen = first.parts.test
    panels = {}
    for each in standings:
        network = load(each.trials[0].run, first.config.device)
        energies = predict(network.model, first.data.spins[chosen], network.device) / first.system.sites
        error = figure(each.trials[0], "test", quantity)
        panels[f"{each.title}\n{LABELS[quantity]} {error:.1e}"] = energies
    return figures.parity(panels, first.data.energies[chosen] / first.system.sites, stem)


def draw_sizes(lineup: Lineup, standings: Sequence[Standing], quantity: str, stem: Path) -> Path:
    """Mean error over the seeds against L, the spread over them as bars."""
    curves = []
    for style, each in enumerate(standings):
        row = each.summary(quantity)
        keys = {size.L: f"L={size.L}" for size in each.sizes[0]}
        points = [(float(size), row["errors"][key]) for size, key in keys.items()]
        curves.append(Curve(each.title, points, [row["spread"][key] for key in keys.values()], style))
    return figures.error_against_size(curves, LABELS[quantity], lineup.first.system.size, stem)


def draw_parameters(lineup: Lineup, standings: Sequence[Standing], quantity: str, stem: Path) -> Path:
    """Mean error over the seeds on the test split, against the number of parameters, a line a network."""
    rows: dict[str, list[tuple[float, float, float | None]]] = {}
    levels = {}
    for each in standings:
        row = each.summary(quantity)
        error, spread = row["errors"]["test"], row["spread"]["test"]
        if each.entry.trained:
            rows.setdefault(each.title, []).append((row["parameters"], error, spread))
        else:
            levels[f"{each.title}, {row['parameters']} coefficients"] = error
    curves = []
    for style, (name, found) in enumerate(rows.items()):
        ordered = sorted(set(found))  # two wanted numbers may have led to one width
        curves.append(Curve(name, [(x, y) for x, y, _ in ordered], [bar for *_, bar in ordered], style))
    label = f"{LABELS[quantity]}, test split"
    return figures.error_against_parameters(curves, levels, label, lineup.counts, stem)
