"""Hydra's launchers: settings that are theirs, and outcomes of trials whose processes end in any way."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from efnn_cli.config.words import Request
from efnn_cli.core.errors import ConfigError
from efnn_cli.studies.launchers import NOT_BEGUN, NUMBER, Task, split_launcher
from efnn_cli.studies.trials import LOST, Trial

SLURM = ("hydra/launcher=submitit_slurm", "hydra.launcher.partition=gpu", "hydra.launcher.gpus_per_node=1")


def test_settings_of_the_launcher_are_composed_apart_from_those_of_the_runs():
    assert split_launcher(("depth=1", *SLURM, "seed=range(3)")) == (("depth=1", "seed=range(3)"), SLURM)
    assert split_launcher(("depth=1",)) == (("depth=1",), ())


@pytest.mark.parametrize(
    ("launcher", "named"),
    [
        (("hydra/launcher=nonesuch",), "nonesuch"),
        ((*SLURM, "hydra.launcher.partitions=gpu"), "partitions"),
        (("hydra.launcher.partition",), "KEY=VALUE"),
    ],
)
def test_a_launcher_that_is_not_there_is_refused(launcher: tuple[str, ...], named: str):
    with pytest.raises(ConfigError, match=named):
        split_launcher(launcher)


def test_an_outcome_is_lost_until_its_trial_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A process that is killed leaves the outcome that was there at its beginning."""
    trials = [Trial(Request(("model=dnn",)), tmp_path / "none.h5")] * 3
    task = Task(trials, tmp_path, overwrite=False)
    task(OmegaConf.create({NUMBER: 0}))

    def killed(*args: object, **named: object) -> None:
        raise SystemExit(9)

    monkeypatch.setattr("efnn_cli.studies.launchers.train", killed)
    with pytest.raises(SystemExit):
        task(OmegaConf.create({NUMBER: 1}))
    first, second, third = task.outcomes()
    assert (first.status, first.code) == ("failed", 3)
    assert (second, third) == (LOST, NOT_BEGUN)
