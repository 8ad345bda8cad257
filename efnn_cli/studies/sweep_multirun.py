"""Sweeps in Hydra's syntax: which runs they stand for, and Hydra's launchers to carry them out.

Hydra sweeps over the numbers of the jobs alone, so that finished ones need not be launched; what a job is, the task
knows. With configuration/compose.py the only module that knows Hydra.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra import initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig

from efnn_cli.config.compose import HYDRA_ERRORS, UNREADABLE, first_line, literal
from efnn_cli.core.errors import ConfigError

LAUNCHER = "hydra/launcher"
LAUNCHER_KEYS = "hydra.launcher."
HINT = "joblib, submitit_local and submitit_slurm come with: pip install 'efnn[sweep]'"
JOB_KEY = "efnn_job"
FULL_ERROR = "HYDRA_FULL_ERROR"
MAX_JOBS = 100_000

LOGGER = logging.getLogger("efnn")

Task = Callable[[int], None]


def split_launcher(overrides: Sequence[str]) -> tuple[list[str], list[str]]:
    """Settings of the runs, and those of Hydra's launcher."""
    launcher = [text for text in overrides if text.partition("=")[0] == LAUNCHER or text.startswith(LAUNCHER_KEYS)]
    return [text for text in overrides if text not in launcher], launcher


def expand(overrides: Sequence[str]) -> list[tuple[str, ...]]:
    """The settings of every run, the last key varying fastest; raises `ConfigError` for what cannot be listed."""
    values = [_values(text) for text in overrides]
    count = math.prod(map(len, values))
    if count == 0:
        empty = next(text for text, found in zip(overrides, values, strict=True) if not found)
        raise ConfigError(f"{empty!r} has no values: there is nothing to train", "for example 'seed=range(3)'")
    if count > MAX_JOBS:
        raise ConfigError(f"wanted at most {MAX_JOBS} runs in a sweep, found {count} or more", "split it into several")
    return list(itertools.product(*values))


def _values(text: str) -> list[str]:
    """`KEY=VALUE` for every value of one setting."""
    try:
        override = OverridesParser.create().parse_override(text)
        if not override.is_sweep_override():
            return [text]
        if getattr(override.value(), "shuffle", False):
            raise ConfigError(f"{text!r}: a random order has no number I for --array-index", "leave shuffle out")
        key = override.get_key_element()
        return [f"{key}={value}" for value in itertools.islice(override.sweep_string_iterator(), MAX_JOBS + 1)]
    except UNREADABLE as error:
        raise ConfigError(
            f"cannot read {text!r} as a sweep: {first_line(error)}", "write KEY=V1,V2 or 'KEY=range(3)'"
        ) from error


def launch(task: Task, jobs: Sequence[int], launcher: Sequence[str], folder: Path) -> None:
    """Call `task` with the number of every job, through Hydra's launcher; its files go into `folder`.

    A launcher that fails, as when a worker is killed, is only said: whoever asked sees which jobs have a result.
    Raises `ConfigError` for a launcher that is not installed, or settings that it does not take.
    """
    if not jobs:
        return
    arguments = [
        f"+{JOB_KEY}={','.join(map(str, jobs))}",
        f"hydra.sweep.dir={literal(str(folder))}",
        "hydra.sweep.subdir=.",
        "hydra.output_subdir=null",
        "hydra/job_logging=none",
        "hydra/hydra_logging=none",
        "hydra.job.name=efnn",
        *launcher,
    ]
    _check(arguments)
    main = hydra.main(version_base="1.3", config_path="pkg://efnn_cli.conf", config_name="train")(_Job(task))
    with _as_program(arguments), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Hydra's plugins use what newer libraries deprecate: no user can act on it
        try:
            main()
        except Exception as error:  # noqa: BLE001 - the launchers' own errors have no common base
            LOGGER.warning("the launcher has ended early: %s: %s", type(error).__name__, first_line(error))


@contextlib.contextmanager
def _as_program(arguments: Sequence[str]) -> Iterator[None]:
    """What Hydra reads of its process: the command line, and that errors are for us and not to be printed."""
    argv, full = sys.argv, os.environ.get(FULL_ERROR)
    sys.argv, os.environ[FULL_ERROR] = ["efnn", "--multirun", *arguments], "1"
    try:
        yield
    finally:
        sys.argv = argv
        if full is None:
            del os.environ[FULL_ERROR]
        else:
            os.environ[FULL_ERROR] = full


def check_launcher(launcher: Sequence[str]) -> None:
    """Raise `ConfigError` for a launcher that is not there, before anything else is done."""
    for text in launcher:
        if "=" not in text:
            raise ConfigError(f"wanted KEY=VALUE, found {text!r}")
    if launcher:
        _check(launcher)


def _check(arguments: Sequence[str]) -> None:
    """Compose Hydra's own configuration: its messages end the process, ours do not."""
    own = [text for text in arguments if not text.startswith("+")]
    with outside_hydra(), initialize_config_module("efnn_cli.conf", version_base="1.3"):
        try:
            loader = GlobalHydra.instance().config_loader()
            loader.load_configuration("train", overrides=own, run_mode=RunMode.MULTIRUN)
        except HYDRA_ERRORS as error:
            raise ConfigError(f"hydra/launcher: {first_line(error)}", HINT) from error


class _Job:
    """What Hydra calls, here or in another process. `__module__` tells Hydra where it comes from."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def __call__(self, config: DictConfig) -> Any:
        with outside_hydra():
            self.task(int(config[JOB_KEY]))


@contextlib.contextmanager
def outside_hydra() -> Iterator[None]:
    """A place where `compose` works although Hydra runs the process."""
    state = GlobalHydra.instance()
    outer = state.hydra
    state.clear()
    try:
        yield
    finally:
        state.clear()
        if outer is not None:
            state.initialize(outer)
