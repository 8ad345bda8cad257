"""The figures of a comparison: parity, error against the lattice, error against the number of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from efnn_cli import figures
from efnn_cli.core.results import shown
from efnn_cli.core.size import length
from efnn_cli.figures import Curve
from efnn_cli.runs.loading import load
from efnn_cli.studies.compare_networks import Candidate, ComparisonPlan
from efnn_cli.studies.summary import LABELS, Group
from efnn_cli.training.predict import predict

Compared = Sequence[tuple[Candidate, Group]]


def draw(plan: ComparisonPlan, compared: Compared, quantity: str, folder: Path) -> dict[str, str]:
    """Draw parity and error against L of the largest networks, and error against parameters if there are several."""
    largest = plan.counts[-1] if plan.counts else None
    top = [(candidate, group) for candidate, group in compared if candidate.wanted in (largest, None)]
    outputs = {"parity": shown(draw_parity(plan, top, quantity, folder / "parity"))}
    if any(member.sizes for _, group in top for member in group.members):
        outputs["figure"] = shown(draw_sizes(plan, top, quantity, folder / "error_against_L"))
    if len(plan.counts) > 1:
        outputs["parameters"] = shown(draw_parameters(plan, compared, quantity, folder / "error_against_parameters"))
    return outputs


def draw_parity(plan: ComparisonPlan, compared: Compared, quantity: str, stem: Path) -> Path:
    """Draw predictions of the first seed of each network on the test split."""
    first = plan.first
    test = first.parts.test
    panels = {}
    for candidate, group in compared:
        member = group.members[0]
        network = load(member.run, first.config.device)
        energies = predict(network.model, first.data.spins[test], network.device) / first.system.sites
        error = member.metrics["test"][quantity]
        panels[f"{candidate.title}\n{LABELS[quantity]} {error:.1e}"] = energies
    return figures.parity(panels, first.data.energies[test] / first.system.sites, stem)


def draw_sizes(plan: ComparisonPlan, compared: Compared, quantity: str, stem: Path) -> Path:
    """Draw the mean error over the seeds against L, with the spread as bars."""
    sizes = [row["L"] for row in compared[0][1].members[0].sizes]
    curves = [
        Curve(candidate.title, [(float(L), mean, spread) for L, mean, spread in group.against_size(sizes, quantity)])
        for candidate, group in compared
    ]
    return figures.error_against_size(curves, LABELS[quantity], length(plan.first.system.size), stem)


def draw_parameters(plan: ComparisonPlan, compared: Compared, quantity: str, stem: Path) -> Path:
    """Draw the mean test error over the seeds against the number of parameters, a line a network."""
    rows: dict[str, list[tuple[float, float, float | None]]] = {}
    levels = {}
    for candidate, group in compared:
        error, spread = group.test(quantity)
        if candidate.trained:
            rows.setdefault(candidate.title, []).append((candidate.parameters, error, spread))
        else:
            levels[f"{candidate.title}, {candidate.parameters} coefficients"] = error
    curves = [Curve(name, sorted(set(found))) for name, found in rows.items()]  # two wanted numbers may give one width
    label = f"{LABELS[quantity]}, test split"
    return figures.error_against_parameters(curves, levels, label, plan.counts, stem)
