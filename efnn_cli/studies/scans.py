"""Experiments beside those of the paper, each done where it is named: `conf/scan/NAME.yaml`, typed, at one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from efnn_cli.config import keys
from efnn_cli.config.options import ReproduceKeys
from efnn_cli.config.schema import typed
from efnn_cli.config.words import Request, settle
from efnn_cli.core import checks, device
from efnn_cli.core.console import Console
from efnn_cli.core.errors import ConfigError
from efnn_cli.core.results import Result, shown
from efnn_cli.core.table import facts
from efnn_cli.runs.folder import OUTPUTS
from efnn_cli.storage import documents
from efnn_cli.storage.output import begin_study, claim_study
from efnn_cli.studies.cases import Study
from efnn_cli.studies.thermodynamics import Scan

KINDS: Mapping[str, type[Any]] = {"temperature": Study, "labels": Study, "thermodynamics": Scan}


def asked(names: Sequence[str]) -> bool:
    """Return True where one of `names` is such an experiment."""
    return any(name in KINDS for name in names)


def run(
    request: Request,
    console: Console,
    *,
    experiments: Sequence[str],
    out: Path | None = None,
    export: Path | None = None,
    dry_run: bool = False,
) -> Result:
    """Do the experiment; raises `ConfigError` for what it does not take."""
    name = _only(experiments)
    for option, value in (("--export", export), ("--config-dir", request.config_dir)):
        if value is not None:
            raise ConfigError(f"{option} has no effect on experiment={name}", f"leave {option} out")
    chosen = typed(ReproduceKeys, {key: each.value for key, each in settle(request, "reproduce").items()})
    study = at_scale(name, chosen.scale)
    tag = f"{name} {chosen.scale}"
    folder = out or OUTPUTS / tag.replace(" ", "-")
    claim_study(folder, tag)
    if dry_run:
        found = study.size()
        return Result("reproduce", found, {"report": shown(folder / "report.md")}, "planned", tables=[facts(found)])
    target = device.resolve(chosen.device)
    begin_study(folder, tag)
    return study.run(folder, target, chosen.workers, console)


def at_scale(name: str, scale: str) -> Study | Scan:
    """Return the experiment `name` at `scale`; raises `ConfigError` for an unknown scale."""
    preset = dict(documents.read_yaml(keys.folder() / "scan" / f"{name}.yaml"))
    common = preset.pop("common")
    checks.one_of("scale", scale, preset)
    study: Study | Scan = typed(KINDS[name], {**common, **preset[scale]}, f"{name}.")
    return study


def _only(experiments: Sequence[str]) -> str:
    """Return the one experiment; raise `ConfigError` for several."""
    name = next(each for each in experiments if each in KINDS)
    if len(set(experiments)) > 1:
        raise ConfigError(f"{name} is done alone, found {', '.join(experiments)}", f"efnn reproduce experiment={name}")
    return name
