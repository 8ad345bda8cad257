"""The report of a reproduction: every published figure beside ours, tables, figures, provenance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from efnn_cli.core import provenance, resources
from efnn_cli.core.progress import duration
from efnn_cli.report import Figure, Table, code, plain, render_markdown, render_page
from efnn_cli.storage import atomic
from efnn_cli.studies import paper_pictures as pictures
from efnn_cli.studies import paper_tables as tables
from efnn_cli.studies.paper_presets import Experiment, SweepOptions
from efnn_cli.studies.paper_published import Agreement, agreements
from efnn_cli.studies.paper_results import Reproduction
from efnn_cli.studies.summary import Group
from efnn_cli.studies.trials import source_at

RECIPE = ("optimizer", "lr", "schedule", "batch_size", "dtype", "augment")
SIGNS = {"met": "✓ met", "missed": "✗ missed"}


def write(scale: str, every: Sequence[Reproduction], folder: Path, command: str) -> list[Agreement]:
    """Write tables, figures, report.md and report.html into `folder`; return the published figures beside ours."""
    tables.write_runs(folder / "runs.csv", every)
    tables.write_sizes(folder / "sizes.csv", every)
    beside = agreements(every)
    text = render_markdown(
        "paper.md",
        scale=scale,
        facts=_facts(scale, every, beside),
        published=_published(scale, beside),
        experiments=[_experiment(result, folder) for result in every],
        notes=dict.fromkeys(result.experiment.scale.note for result in every if result.experiment.scale.note),
        deviations=[text for result in every for text in result.experiment.preset.deviations],
        failures=_failures(every),
        command=command,
        machine=_machine(),
        datasets=_datasets(every),
    )
    atomic.write_text(folder / "report.md", text)
    atomic.write_text(folder / "report.html", render_page(text, folder))
    return beside


def _facts(scale: str, every: Sequence[Reproduction], beside: Sequence[Agreement]) -> dict[str, str]:
    """Return numbers for the beginning of the report, by label."""
    compared = [row.met for row in beside if row.met is not None]
    return {
        "scale": scale,
        "runs": str(len({plan.tag for result in every for plan in result.plans})),
        "training of these runs": duration(sum(result.training_seconds for result in every)),
        "published figures met": f"{compared.count(True)} of {len(compared)} compared",
        "processor": plain(f"{provenance.processor()}, {resources.cores()} cores"),
        "efnn": provenance.versions()["efnn"],
    }


def _published(scale: str, beside: Sequence[Agreement]) -> Table:
    lines = [
        [
            code(row.experiment),
            *map(plain, (row.what, row.published, row.ours)),
            SIGNS.get(row.word, row.word),
            plain(row.note),
        ]
        for row in beside
    ]
    note = "Ours: mean over the seeds, with their sample standard deviation in brackets."
    if any(row.word == "not comparable" for row in beside):
        note += f" Scale {scale} is too small for the published errors, which are therefore not compared."
    return Table(
        "Published figures and ours",
        ["experiment", "figure", "published", "ours", "agreement", "ours in detail"],
        lines,
        note,
    )


def _experiment(result: Reproduction, folder: Path) -> dict[str, Any]:
    """Return texts, tables and figures of one experiment."""
    source = source_at(result.data)
    experiment = result.experiment
    return {
        "title": experiment.preset.title,
        "lead": experiment.preset.lead,
        "dataset": result.data.name,
        "samples": len(source.data),
        "L": source.system.size,
        "sampling": str(source.data.metadata.get("sampling")),
        "split": [len(source.parts.part(name)) for name in ("train", "val", "test")],
        "sweeps": [_sweep(result, name, sweep, folder) for name, sweep in experiment.scale.train.items()],
        "blocks": list(_blocks(result, folder / experiment.name)),
    }


def _sweep(result: Reproduction, name: str, sweep: SweepOptions, folder: Path) -> dict[str, Any]:
    about = result.experiment.preset.sweeps[name]
    groups = result.groups.get(name, [])
    quantity = result.quantity
    blocks: list[Table | Figure] = [tables.details(groups)] if groups else []
    if about.axis == "width" and len({each.width for each in groups}) > 1:
        stem = folder / f"{result.experiment.name}-{name}"
        blocks = [pictures.against_width(groups, quantity, stem), tables.by_network(groups, quantity), *blocks]
    return {
        "title": about.title,
        "text": " ".join(filter(None, (sweep.text or about.text, recipe_of(groups)))),
        "commands": commands(result.experiment, sweep),
        "blocks": blocks,
    }


def recipe_of(groups: Sequence[Group]) -> str:
    """Return the recipe that the chosen runs of a sweep were trained with, in a sentence; empty for closed forms."""
    recipes = [each.plan.config.training for group in groups for each in group.members]
    found = [each for each in recipes if each is not None]
    words = []
    for name in RECIPE:
        values = " or ".join(sorted({str(getattr(each, name)).lower() for each in found}))
        words.append(f"{name} {values}")
    lengths = sorted({group.mean("epochs") for group in groups if group.width})
    epochs = " to ".join(f"{each:.0f}" for each in dict.fromkeys((lengths[0], lengths[-1]))) if lengths else ""
    return f"Trained with {', '.join(words)}, for {epochs} epochs." if found else ""


def commands(experiment: Experiment, sweep: SweepOptions) -> list[str]:
    """Return the shell commands of a sweep, with every point of its grid."""
    system, *settings = experiment.preset.system
    seeds = f"'seed=range({sweep.seeds})'" if sweep.seeds > 1 else "seed=0"
    words = [f"system={system}", *settings, *(f"'{word}'" if "(" in word else word for word in sweep.settings)]
    return [
        " ".join(["efnn train -m", *filter(None, [text]), *words, *sweep.choose, seeds])
        for text in sweep.networks or [""]
    ]


def _blocks(result: Reproduction, stem: Path) -> Iterator[Table | Figure]:
    """Yield errors against L, times, and learning curve, parity and fields of the EFNN's own recipe."""
    networks, sizes = tables.extrapolated(result), result.experiment.sizes
    if sizes and networks:
        yield pictures.against_size(networks, sizes, result.size, stem.with_name(f"{stem.name}-sizes"))
        yield tables.against_size(networks, sizes)
    if result.seconds:
        yield pictures.times(result, stem.with_name(f"{stem.name}-times"))
        yield tables.times(result)
    best = result.groups.get("best", [])
    if best:
        shown = [*best, *result.groups.get("effective", [])]
        yield pictures.learning_curve(best[-1], stem.with_name(f"{stem.name}-curve"))
        yield pictures.parity(shown, result.data, stem.with_name(f"{stem.name}-parity"))
        if result.system.geometry == "lattice":
            yield pictures.fields(best[-1], stem.with_name(f"{stem.name}-spins"))


def _failures(every: Sequence[Reproduction]) -> Table:
    failures = [each for result in every for each in result.failures]
    lines = [[code(settings), str(outcome.code), plain(outcome.message)] for settings, outcome in failures]
    return Table("Runs without a result", ["settings", "exit code", "reason"], lines)


def _machine() -> Table:
    """Return versions and machine, with the state of the checkout."""
    commit = provenance.commit() or "not a checkout"
    changed = ", with uncommitted changes" if provenance.is_changed() else ""
    machine = f"{provenance.processor()}, {resources.cores()} cores, {provenance.memory_gib():.0f} GiB"
    facts = {"commit": commit + changed, "processor": machine, **provenance.versions()}
    return Table("Versions and machine", ["", ""], [[name, plain(value)] for name, value in facts.items()])


def _datasets(every: Sequence[Reproduction]) -> Table:
    lines = [[code(result.data.name), code(source_at(result.data).data.content_hash)] for result in every]
    return Table("Datasets", ["file", "SHA-256 of the content"], lines)
