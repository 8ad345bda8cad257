"""The report of a reproduction: what was run, every published figure with ours, tables, figures, provenance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from efnn_cli.core import limits, provenance
from efnn_cli.core.console import duration
from efnn_cli.report import render_html, render_markdown
from efnn_cli.report.document import Block, Bullets, Cell, Code, Details, Document, Fact, Paragraph, Section, Table
from efnn_cli.report.inline import code, literal
from efnn_cli.runs.planning import open_source
from efnn_cli.storage import atomic
from efnn_cli.studies import paper_pictures as pictures
from efnn_cli.studies import paper_tables as tables
from efnn_cli.studies.paper_experiments import Chosen, SweepOptions
from efnn_cli.studies.paper_findings import Findings
from efnn_cli.studies.paper_published import Row, rows

PAPER = "[arXiv:2502.17665](https://arxiv.org/abs/2502.17665)"
LEAD = (
    f"The experiments of {PAPER}, done again by one command. Errors are those of the test split, weights those of the "
    "best validation epoch, labels and metrics float64. What was equal in a comparison stands with it."
)
GENERAL = (
    "Seeds: the published figures are single runs; here every figure is a mean over training seeds with its sample "
    "standard deviation. The dataset and its split are the same for all seeds.",
    "Training: the published protocol is Adam with step decay over 1000 to 16 000 epochs (`training=paper`); `smoke` "
    "and `laptop` use recipes that reach more in less time, `paper` uses it.",
    "Times per configuration are of one core of the machine below, seconds a run of whatever it was trained on, and of "
    "whatever else it did meanwhile; errors do not depend on that.",
)
EMPTY = "No run of this sweep has a result."


@dataclass(frozen=True)
class Report:
    """The files that were written."""

    html: Path
    markdown: Path
    published: list[Row]


def write(scale: str, every: Sequence[Findings], folder: Path, command: str) -> Report:
    """Tables, figures, page and Markdown into `folder`."""
    tables.write_runs(folder / "runs.csv", every)
    tables.write_sizes(folder / "sizes.csv", every)
    beside = rows(every)
    document = Document(
        f"The experiments of the paper, scale {scale}",
        LEAD,
        _summary(scale, every, beside),
        [_published(beside), *(_experiment(findings, folder) for findings in every), *_closing(command, every)],
    )
    page, text = folder / "report.html", folder / "report.md"
    atomic.write_text(page, render_html(document))
    atomic.write_text(text, render_markdown(document))
    return Report(page, text, beside)


def _summary(scale: str, every: Sequence[Findings], beside: Sequence[Row]) -> list[Fact]:
    runs = [plan for findings in every for plan in findings.plans]
    seconds = sum(findings.training_seconds for findings in every)
    judged = [row for row in beside if row.met is not None]
    met = sum(bool(row.met) for row in judged)
    return [
        Fact("scale", scale),
        Fact("runs", str(len({plan.tag for plan in runs}))),
        Fact("training of these runs", duration(seconds)),
        Fact("published figures met", f"{met} of {len(judged)}", "met" if met == len(judged) else "missed"),
        Fact("processor", f"{provenance.processor()}, {limits.cores()} cores"),
        Fact("efnn", provenance.versions()["efnn"]),
    ]


def _published(beside: Sequence[Row]) -> Section:
    verdicts = {True: Cell("met", "met"), False: Cell("missed", "missed"), None: Cell("-", "muted")}
    lines: list[list[Cell | str]] = [[row.what, row.published, row.ours, verdicts[row.met]] for row in beside]
    note = "Ours: mean ± sample standard deviation over the seeds, with the default recipe unless said otherwise."
    table = Table("Published figures and ours", ["", "published", "ours", ""], lines, note=note)
    return Section("Published figures and ours", [table])


def _experiment(findings: Findings, folder: Path) -> Section:
    """Data, then every sweep, then what was carried and timed."""
    blocks: list[Block] = [Paragraph(findings.chosen.experiment.lead), Paragraph(_data(findings))]
    for name, sweep in findings.chosen.scale.train.items():
        blocks += _sweep(findings, name, sweep, folder)
    if findings.chosen.sizes and tables.carried_groups(findings):
        blocks += [pictures.against_size(findings, folder), tables.against_size(findings)]
    if findings.seconds:
        blocks += [pictures.times(findings, folder), tables.times(findings)]
    blocks += _looks(findings, folder)
    return Section(findings.chosen.experiment.title, blocks)


def _data(findings: Findings) -> str:
    source = open_source(findings.data)
    parts = " / ".join(str(len(source.parts.part(name))) for name in ("train", "val", "test"))
    sampling = source.data.metadata.get("sampling")
    return (
        f"Data: {code(findings.data.name)}, {len(source.data)} configurations at L = {source.system.size}, sampling "
        f"{code(str(sampling))}, split {parts} (training / validation / test), the same for every run."
    )


def _sweep(findings: Findings, name: str, sweep: SweepOptions, folder: Path) -> Iterator[Block]:
    about = findings.chosen.experiment.sweeps[name]
    yield Paragraph(f"{literal(about.title)}. {sweep.text or about.text}")
    yield Code("\n".join(commands(findings.chosen, sweep)))
    if not findings.groups.get(name):
        yield Paragraph(EMPTY)
        return
    if about.axis == "width" and len({each.width for each in findings.groups[name]}) > 1:
        yield pictures.against_width(findings, name, folder)
        yield tables.by_network(findings, name)
        yield Details(f"{about.title}: parameters, choices, times", [tables.details(findings, name)])
    else:
        yield tables.details(findings, name)


def commands(chosen: Chosen, sweep: SweepOptions) -> list[str]:
    """The same sweep for the shell; where there is a choice, of all that it is made among."""
    system, *settings = chosen.experiment.system
    seeds = f"seed=range({sweep.seeds})" if sweep.seeds > 1 else "seed=0"
    words = [f"system={system}", *settings, *sweep.settings, *sweep.choose, seeds]
    groups = [text.split() for text in sweep.networks] or [[]]
    return [" ".join(["efnn train -m", *(_quoted(word) for word in [*group, *words])]) for group in groups]


def _quoted(word: str) -> str:
    return f"'{word}'" if "(" in word else word


def _looks(findings: Findings, folder: Path) -> Iterator[Block]:
    """Single networks looked at: learning curve, parity, effective fields of the default recipe."""
    best = findings.groups.get("best", [])
    if not best:
        return
    shown = [*best, *findings.groups.get("effective", [])]
    yield pictures.learning_curve(findings, best[-1], folder)
    yield pictures.parity(findings, shown, folder)
    if best[-1].members[0].plan.system.geometry == "lattice":
        yield pictures.effective_fields(findings, best[-1], folder)


def _closing(command: str, every: Sequence[Findings]) -> Iterator[Section]:
    deviations = [text for findings in every for text in findings.chosen.experiment.deviations]
    notes = dict.fromkeys(findings.chosen.scale.note for findings in every if findings.chosen.scale.note)
    yield Section("Deviations from what was published", [Bullets([*notes, *GENERAL, *deviations])])
    failures = [(job, outcome) for findings in every for job, outcome in findings.failures]
    if failures:
        lines = [[" ".join(job.settings), str(outcome.code), outcome.message] for job, outcome in failures]
        escaped = [[literal(cell) for cell in line] for line in lines]
        yield Section("Failed runs", [Table("Runs without a result", ["settings", "exit code", "why"], escaped)])
    yield Section("Provenance", list(_provenance(command, every)))


def _commit() -> str:
    """The state of the code, with a word where it is not just that of a commit."""
    commit = provenance.commit()
    if commit is None:
        return "not a checkout"
    return f"{commit}, with changes of one's own" if provenance.is_changed() else commit


def _provenance(command: str, every: Sequence[Findings]) -> Iterator[Block]:
    yield Paragraph("The report, all of it, by one command, which goes on where it was interrupted:")
    yield Code(command)
    machine = f"{provenance.processor()}, {limits.cores()} cores, {provenance.memory_gib():.0f} GiB"
    facts = {"commit": _commit(), "processor": machine, **provenance.versions()}
    yield Table("Versions and machine", ["", ""], [[name, literal(value)] for name, value in facts.items()])
    lines = [[code(findings.data.name), code(open_source(findings.data).data.content_hash)] for findings in every]
    yield Table("Datasets", ["file", "SHA-256 of the content"], lines)
    yield Paragraph(
        "`runs.csv` has a line for every run, with the hash of its settings in its name, `sizes.csv` one for every run "
        "and size."
    )
