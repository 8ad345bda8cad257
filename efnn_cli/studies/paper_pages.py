"""The report of a reproduction: every published figure beside ours, tables, figures, provenance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from efnn_cli.core import provenance, resources
from efnn_cli.core.progress import duration
from efnn_cli.report import Figure, Table, code, plain, render_markdown, render_page
from efnn_cli.runs.planning import open_source
from efnn_cli.storage import atomic
from efnn_cli.studies import paper_pictures as pictures
from efnn_cli.studies import paper_tables as tables
from efnn_cli.studies.paper_presets import Experiment, SweepOptions
from efnn_cli.studies.paper_published import Verdict, verdicts
from efnn_cli.studies.paper_results import Reproduction


@dataclass(frozen=True)
class Report:
    """The files that were written."""

    html: Path
    markdown: Path
    published: list[Verdict]


def write(scale: str, every: Sequence[Reproduction], folder: Path, command: str) -> Report:
    """Write tables, figures, Markdown and page into `folder`."""
    tables.write_runs(folder / "runs.csv", every)
    tables.write_sizes(folder / "sizes.csv", every)
    beside = verdicts(every)
    text = render_markdown(
        "paper.md",
        scale=scale,
        facts=_facts(scale, every, beside),
        published=_published(beside),
        experiments=[_experiment(result, folder) for result in every],
        notes=dict.fromkeys(result.experiment.scale.note for result in every if result.experiment.scale.note),
        deviations=[text for result in every for text in result.experiment.preset.deviations],
        failures=_failures(every),
        command=command,
        machine=_machine(),
        datasets=_datasets(every),
    )
    report = Report(folder / "report.html", folder / "report.md", beside)
    atomic.write_text(report.markdown, text)
    atomic.write_text(report.html, render_page(text, folder))
    return report


def _facts(scale: str, every: Sequence[Reproduction], beside: Sequence[Verdict]) -> dict[str, str]:
    """Numbers for the beginning of the report, by label."""
    runs = {plan.tag for result in every for plan in result.plans}
    compared = [row.met for row in beside if row.met is not None]
    met = compared.count(True)
    return {
        "scale": scale,
        "runs": str(len(runs)),
        "training of these runs": duration(sum(result.training_seconds for result in every)),
        "published figures met": f"{'✓' if all(compared) else '✗'} {met} of {len(compared)}",
        "processor": plain(f"{provenance.processor()}, {resources.cores()} cores"),
        "efnn": provenance.versions()["efnn"],
    }


def _published(beside: Sequence[Verdict]) -> Table:
    verdicts = {True: "✓ met", False: "✗ missed", None: "-"}
    lines = [[row.what, row.published, row.ours, verdicts[row.met]] for row in beside]
    note = "Ours: mean ± sample standard deviation over the seeds, with the default recipe unless stated otherwise."
    return Table("Published figures and ours", ["", "published", "ours", ""], lines, note)


def _experiment(result: Reproduction, folder: Path) -> dict[str, Any]:
    """Texts, tables and figures of one experiment."""
    source = open_source(result.data)
    experiment = result.experiment
    blocks: list[Table | Figure] = []
    if experiment.sizes and tables.extrapolated(result):
        blocks += [pictures.against_size(result, folder), tables.against_size(result)]
    if result.seconds:
        blocks += [pictures.times(result, folder), tables.times(result)]
    return {
        "title": experiment.preset.title,
        "lead": experiment.preset.lead,
        "dataset": result.data.name,
        "samples": len(source.data),
        "L": source.system.size,
        "sampling": str(source.data.metadata.get("sampling")),
        "split": [len(source.parts.part(name)) for name in ("train", "val", "test")],
        "sweeps": [_sweep(result, name, sweep, folder) for name, sweep in experiment.scale.train.items()],
        "blocks": [*blocks, *_looks(result, folder)],
    }


def _sweep(result: Reproduction, name: str, sweep: SweepOptions, folder: Path) -> dict[str, Any]:
    about = result.experiment.preset.sweeps[name]
    groups = result.groups.get(name)
    blocks: list[Table | Figure] = [tables.details(result, name)] if groups else []
    if groups and about.axis == "width" and len({each.width for each in groups}) > 1:
        blocks = [pictures.against_width(result, name, folder), tables.by_network(result, name), *blocks]
    return {
        "title": about.title,
        "text": sweep.text or about.text,
        "commands": commands(result.experiment, sweep),
        "blocks": blocks,
    }


def commands(experiment: Experiment, sweep: SweepOptions) -> list[str]:
    """Return the shell commands of a sweep, with every point of its grid."""
    system, *settings = experiment.preset.system
    seeds = f"seed=range({sweep.seeds})" if sweep.seeds > 1 else "seed=0"
    words = [f"system={system}", *settings, *sweep.settings, *sweep.choose, seeds]
    groups = [text.split() for text in sweep.networks] or [[]]
    return [" ".join(["efnn train -m", *(_quoted(word) for word in [*group, *words])]) for group in groups]


def _quoted(word: str) -> str:
    return f"'{word}'" if "(" in word else word


def _looks(result: Reproduction, folder: Path) -> Iterator[Figure]:
    """Learning curve, parity and effective fields of the default recipe."""
    best = result.groups.get("best", [])
    if not best:
        return
    yield pictures.learning_curve(result, best[-1], folder)
    yield pictures.parity(result, [*best, *result.groups.get("effective", [])], folder)
    if best[-1].members[0].plan.system.geometry == "lattice":
        yield pictures.effective_fields(result, best[-1], folder)


def _failures(every: Sequence[Reproduction]) -> Table:
    failures = [each for result in every for each in result.failures]
    lines = [[code(settings), str(outcome.code), plain(outcome.message)] for settings, outcome in failures]
    return Table("Runs without a result", ["settings", "exit code", "reason"], lines)


def _machine() -> Table:
    """Versions and machine, with the state of the checkout."""
    commit = provenance.commit() or "not a checkout"
    changed = ", with uncommitted changes" if provenance.is_changed() else ""
    machine = f"{provenance.processor()}, {resources.cores()} cores, {provenance.memory_gib():.0f} GiB"
    facts = {"commit": commit + changed, "processor": machine, **provenance.versions()}
    return Table("Versions and machine", ["", ""], [[name, plain(value)] for name, value in facts.items()])


def _datasets(every: Sequence[Reproduction]) -> Table:
    lines = [[code(result.data.name), code(open_source(result.data).data.content_hash)] for result in every]
    return Table("Datasets", ["file", "SHA-256 of the content"], lines)
