"""Hydra's launchers: joblib, submitit_local, submitit_slurm.

Hydra launches the numbers of the trials. Each trial writes its outcome into a folder that the machines share, since a
launcher ends early when one of its processes is killed.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hydra import initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig

from efnn_cli.config.compose import HYDRA_ERRORS
from efnn_cli.config.words import first_line
from efnn_cli.core.background import repeated
from efnn_cli.core.console import Console
from efnn_cli.core.errors import ConfigError, Interrupted, Stopped
from efnn_cli.runs.folder import OUTPUTS
from efnn_cli.storage import atomic, lock
from efnn_cli.studies.trials import FAILED, LOST, Outcome, Trial, train

LAUNCHER = "hydra/launcher"
LAUNCHER_KEYS = "hydra.launcher."
HINT = "joblib, submitit_local and submitit_slurm come with: pip install 'efnn[sweep]'"
NUMBER = "efnn_trial"
QUIET = ("hydra.output_subdir=null", "hydra/job_logging=none", "hydra/hydra_logging=none", "hydra.job.name=efnn")
SCRATCH = ".study-"
POLL_SECONDS = 1.0
START_SECONDS = 60  # patience with jobs in a queue, once the launcher has ended early

LOGGER = logging.getLogger("efnn")

NOT_BEGUN = Outcome("", FAILED, 5, "it has not begun")


def split_launcher(overrides: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the settings of the runs and those of Hydra's launcher; raises `ConfigError` for an unknown launcher."""
    launcher = [text for text in overrides if text.partition("=")[0] == LAUNCHER or text.startswith(LAUNCHER_KEYS)]
    for text in launcher:
        if "=" not in text:
            raise ConfigError(f"wanted KEY=VALUE, found {text!r}")
    if launcher:
        _check(launcher)
    return tuple(text for text in overrides if text not in launcher), tuple(launcher)


def _check(launcher: Sequence[str]) -> None:
    """Raise `ConfigError` for a launcher that is not installed, or a setting that it does not have."""
    with initialize_config_module("efnn_cli.conf", version_base="1.3"):
        try:
            loader = GlobalHydra.instance().config_loader()
            loader.load_configuration("train", overrides=list(launcher), run_mode=RunMode.MULTIRUN)
        except HYDRA_ERRORS as error:
            raise ConfigError(f"{LAUNCHER}: {first_line(error)}", HINT) from error


@dataclass(frozen=True)
class Task:
    """The function that Hydra calls with the number of a trial, in another process."""

    trials: list[Trial]
    folder: Path
    overwrite: bool

    def __call__(self, config: DictConfig) -> None:
        """Train one trial and write its outcome; raises `Interrupted` after a signal, which ends the launcher."""
        GlobalHydra.instance().clear()
        index = int(config[NUMBER])
        self.write(index, LOST)
        try:
            outcome = train(self.trials[index], Console(silent=True), overwrite=self.overwrite)
        except Stopped as error:
            with contextlib.suppress(Exception):
                _requeue(error.signum)
            self.write(index, Outcome("", FAILED, error.code, f"{error.message}; {error.hint}"))
            raise Interrupted(error.signum) from error
        self.write(index, outcome)

    def write(self, index: int, outcome: Outcome) -> None:
        """Store an outcome."""
        atomic.write_text(self.folder / f"{index}.json", json.dumps(asdict(outcome)))

    def read(self, index: int) -> Outcome:
        """Return the outcome of trial `index`, `LOST` while it trains, `NOT_BEGUN` before."""
        path = self.folder / f"{index}.json"
        return Outcome(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else NOT_BEGUN

    def outcomes(self) -> list[Outcome]:
        """Return the outcomes of all trials."""
        return [self.read(index) for index in range(len(self.trials))]

    def state(self) -> tuple[int, int]:
        """Return the numbers of trials that are at work and that have not begun."""
        found = self.outcomes()
        lost = [trial for trial, outcome in zip(self.trials, found, strict=True) if outcome == LOST]
        locks = [trial.plan.folder.lock_file for trial in lost]
        return sum(path.exists() and not lock.is_free(path) for path in locks), found.count(NOT_BEGUN)


def _requeue(signum: int) -> None:
    """Call submitit's handler of `signum`, which puts the job into the queue again and ends this process."""
    handler = signal.getsignal(signum)
    owner = type(getattr(handler, "__self__", None)).__module__
    if callable(handler) and owner.partition(".")[0] == "submitit":
        handler(signum, None)


def launch(
    trials: Mapping[str, Trial], launcher: Sequence[str], at_work: Callable[[str, float], None], *, overwrite: bool
) -> dict[str, Outcome]:
    """Return the outcomes of `trials`, trained through Hydra's launcher.

    `at_work` is called with the name of each trial: with 0 soon after it has begun, and with 1 after its end.
    """
    atomic.make_folder(OUTPUTS)
    folder = Path(os.path.relpath(tempfile.mkdtemp(prefix=SCRATCH, dir=OUTPUTS)))  # Hydra reads signs of other paths
    task = Task(list(trials.values()), folder, overwrite)
    try:
        with _watched(task, list(trials), at_work):
            _multirun(task, launcher)
            _wait(task, START_SECONDS if _queued(folder) else 0)
        return dict(zip(trials, task.outcomes(), strict=True))
    finally:
        if _queued(folder) and any(task.state()):
            LOGGER.warning("jobs that have not ended continue by themselves; %s is theirs", folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _watched(task: Task, names: Sequence[str], at_work: Callable[[str, float], None]) -> Iterator[None]:
    """Look for trials that have begun or ended, meanwhile: the launcher tells nothing before all have ended."""
    told = [NOT_BEGUN] * len(names)

    def look() -> None:
        for index, outcome in enumerate(task.outcomes()):
            if outcome != told[index]:
                at_work(names[index], float(outcome != LOST))
                told[index] = outcome

    with repeated(look, POLL_SECONDS):
        yield


def _queued(folder: Path) -> bool:
    """True if submitit has put jobs into a queue: they continue without this process."""
    return any(folder.rglob("*_submitted.pkl"))


def _multirun(task: Task, launcher: Sequence[str]) -> None:
    """Run all trials through Hydra; an error of the launcher is a warning, since the outcomes tell the result."""
    numbers = ",".join(str(index) for index in range(len(task.trials)))
    sweep = [f"+{NUMBER}={numbers}", f"hydra.sweep.dir={task.folder}", "hydra.sweep.subdir=."]
    with initialize_config_module("efnn_cli.conf", version_base="1.3"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside Hydra's plugins
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        try:
            hydra.multirun("train", task, [*sweep, *QUIET, *launcher], with_log_configuration=False)
        except Exception as error:  # noqa: BLE001 - the errors of launchers have no common base
            LOGGER.warning("the launcher has ended early: %s: %s", type(error).__name__, first_line(error))


def _wait(task: Task, patience: float) -> None:
    """Wait while trials are at work, and `patience` seconds for those that have not begun."""
    until = time.monotonic() + patience
    warned = False
    while True:
        busy, waiting = task.state()
        if busy:
            until = time.monotonic() + patience
            if not warned:
                LOGGER.warning("%d runs are still at work, and are waited for", busy)
            warned = True
        elif not waiting or time.monotonic() > until:
            return
        time.sleep(POLL_SECONDS)
