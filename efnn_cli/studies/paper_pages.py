"""The report of a reproduction: every published figure beside ours, tables, figures, provenance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from efnn_cli.core import limits, provenance
from efnn_cli.core.console import duration
from efnn_cli.report import Figure, Table, code, plain, render_markdown, render_page
from efnn_cli.runs.planning import open_source
from efnn_cli.storage import atomic
from efnn_cli.studies import paper_pictures as pictures
from efnn_cli.studies import paper_tables as tables
from efnn_cli.studies.paper_experiments import Chosen, SweepOptions
from efnn_cli.studies.paper_findings import Findings
from efnn_cli.studies.paper_published import Row, rows


@dataclass(frozen=True)
class Report:
    """The files that were written."""

    html: Path
    markdown: Path
    published: list[Row]


def write(scale: str, every: Sequence[Findings], folder: Path, command: str) -> Report:
    """Write tables, figures, Markdown and page into `folder`."""
    tables.write_runs(folder / "runs.csv", every)
    tables.write_sizes(folder / "sizes.csv", every)
    beside = rows(every)
    text = render_markdown(
        "paper.md",
        scale=scale,
        facts=_facts(scale, every, beside),
        published=_published(beside),
        experiments=[_experiment(findings, folder) for findings in every],
        notes=dict.fromkeys(findings.chosen.scale.note for findings in every if findings.chosen.scale.note),
        deviations=[text for findings in every for text in findings.chosen.experiment.deviations],
        failures=_failures(every),
        command=command,
        machine=_machine(),
        datasets=_datasets(every),
    )
    report = Report(folder / "report.html", folder / "report.md", beside)
    atomic.write_text(report.markdown, text)
    atomic.write_text(report.html, render_page(text, folder))
    return report


def _facts(scale: str, every: Sequence[Findings], beside: Sequence[Row]) -> dict[str, str]:
    """Numbers for the beginning of the report, by label."""
    runs = {plan.tag for findings in every for plan in findings.plans}
    compared = [row.met for row in beside if row.met is not None]
    met = compared.count(True)
    return {
        "scale": scale,
        "runs": str(len(runs)),
        "training of these runs": duration(sum(findings.training_seconds for findings in every)),
        "published figures met": f"{'✓' if all(compared) else '✗'} {met} of {len(compared)}",
        "processor": plain(f"{provenance.processor()}, {limits.cores()} cores"),
        "efnn": provenance.versions()["efnn"],
    }


def _published(beside: Sequence[Row]) -> Table:
    verdicts = {True: "✓ met", False: "✗ missed", None: "-"}
    lines = [[row.what, row.published, row.ours, verdicts[row.met]] for row in beside]
    note = "Ours: mean ± sample standard deviation over the seeds, with the default recipe unless stated otherwise."
    return Table("Published figures and ours", ["", "published", "ours", ""], lines, note)


def _experiment(findings: Findings, folder: Path) -> dict[str, Any]:
    """Texts, tables and figures of one experiment."""
    source = open_source(findings.data)
    chosen = findings.chosen
    blocks: list[Table | Figure] = []
    if chosen.sizes and tables.carried_groups(findings):
        blocks += [pictures.against_size(findings, folder), tables.against_size(findings)]
    if findings.seconds:
        blocks += [pictures.times(findings, folder), tables.times(findings)]
    return {
        "title": chosen.experiment.title,
        "lead": chosen.experiment.lead,
        "dataset": findings.data.name,
        "samples": len(source.data),
        "L": source.system.size,
        "sampling": str(source.data.metadata.get("sampling")),
        "split": [len(source.parts.part(name)) for name in ("train", "val", "test")],
        "sweeps": [_sweep(findings, name, sweep, folder) for name, sweep in chosen.scale.train.items()],
        "blocks": [*blocks, *_looks(findings, folder)],
    }


def _sweep(findings: Findings, name: str, sweep: SweepOptions, folder: Path) -> dict[str, Any]:
    about = findings.chosen.experiment.sweeps[name]
    groups = findings.groups.get(name)
    blocks: list[Table | Figure] = [tables.details(findings, name)] if groups else []
    if groups and about.axis == "width" and len({each.width for each in groups}) > 1:
        blocks = [pictures.against_width(findings, name, folder), tables.by_network(findings, name), *blocks]
    return {
        "title": about.title,
        "text": sweep.text or about.text,
        "commands": commands(findings.chosen, sweep),
        "blocks": blocks,
    }


def commands(chosen: Chosen, sweep: SweepOptions) -> list[str]:
    """The same sweep for the shell; where there is a choice, of all that it is made among."""
    system, *settings = chosen.experiment.system
    seeds = f"seed=range({sweep.seeds})" if sweep.seeds > 1 else "seed=0"
    words = [f"system={system}", *settings, *sweep.settings, *sweep.choose, seeds]
    groups = [text.split() for text in sweep.networks] or [[]]
    return [" ".join(["efnn train -m", *(_quoted(word) for word in [*group, *words])]) for group in groups]


def _quoted(word: str) -> str:
    return f"'{word}'" if "(" in word else word


def _looks(findings: Findings, folder: Path) -> Iterator[Figure]:
    """Learning curve, parity and effective fields of the default recipe."""
    best = findings.groups.get("best", [])
    if not best:
        return
    yield pictures.learning_curve(findings, best[-1], folder)
    yield pictures.parity(findings, [*best, *findings.groups.get("effective", [])], folder)
    if best[-1].members[0].plan.system.geometry == "lattice":
        yield pictures.effective_fields(findings, best[-1], folder)


def _failures(every: Sequence[Findings]) -> Table:
    failures = [(job, outcome) for findings in every for job, outcome in findings.failures]
    lines = [[code(" ".join(job.settings)), str(outcome.code), plain(outcome.message)] for job, outcome in failures]
    return Table("Runs without a result", ["settings", "exit code", "reason"], lines)


def _machine() -> Table:
    """Versions and machine, with the state of the checkout."""
    commit = provenance.commit() or "not a checkout"
    changed = ", with uncommitted changes" if provenance.is_changed() else ""
    machine = f"{provenance.processor()}, {limits.cores()} cores, {provenance.memory_gib():.0f} GiB"
    facts = {"commit": commit + changed, "processor": machine, **provenance.versions()}
    return Table("Versions and machine", ["", ""], [[name, plain(value)] for name, value in facts.items()])


def _datasets(every: Sequence[Findings]) -> Table:
    lines = [[code(findings.data.name), code(open_source(findings.data).data.content_hash)] for findings in every]
    return Table("Datasets", ["file", "SHA-256 of the content"], lines)
