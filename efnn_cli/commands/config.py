"""`efnn config [COMMAND] [KEY=VALUE ...]`: the composed configuration, before anything is done with it."""

from __future__ import annotations

import logging

import yaml

from efnn_cli.config import keys
from efnn_cli.config.compose import Composed, Request, compose, key_of
from efnn_cli.config.schema import build_system, typed
from efnn_cli.core import checks
from efnn_cli.core.console import Console
from efnn_cli.core.results import Result
from efnn_cli.datasets.idle import refuse_idle_keys
from efnn_cli.datasets.settings import generate_config
from efnn_cli.evaluation.settings import EvaluateConfig, ExtrapolateConfig, PredictConfig
from efnn_cli.runs.settings import train_config
from efnn_cli.studies.paper_experiments import ReproduceKeys, names

LOGGER = logging.getLogger("efnn")


def run(request: Request, console: Console, *, command: str) -> Result:
    """Compose, check and show the configuration of `command`."""
    checks.one_of("COMMAND", command, [*keys.configured(), *keys.SAME_KEYS])
    command = keys.SAME_KEYS.get(command, command)
    if command == "reproduce" and "experiment" not in map(key_of, request.overrides):
        LOGGER.info("no experiment given: showing %s; choose with experiment=NAME", names()[0])
        request = Request((f"experiment={names()[0]}", *request.overrides), request.options, request.config_dir)
    if command == "generate" and "system" not in map(key_of, request.overrides):
        LOGGER.info("no system given: showing heisenberg; choose with system=NAME")
        request = Request(("system=heisenberg", *request.overrides), request.options, request.config_dir)
    composed = compose(command, request)
    if command == "train" and "system" in composed.values:
        system = build_system(composed.values["system"])
        composed = compose(command, request, system.kind)
    elif command == "train":
        LOGGER.info("the recipe is chosen by the dataset's system; see it with system=NAME")
    validate(command, composed)
    shown = yaml.safe_dump(composed.values, sort_keys=False).rstrip()
    return Result("config", composed.values, rows=[[line] for line in shown.splitlines()])


def validate(command: str, composed: Composed) -> None:
    """Raise `ConfigError` for values that the command would refuse."""
    if command == "generate":
        refuse_idle_keys(generate_config(composed), composed)
    elif command == "train":
        train_config(composed)
    elif command == "reproduce":
        typed(ReproduceKeys, {key: value for key, value in composed.values.items() if key != "experiment"})
    else:
        kinds = {"evaluate": EvaluateConfig, "extrapolate": ExtrapolateConfig, "predict": PredictConfig}
        typed(kinds[command], composed.values)
