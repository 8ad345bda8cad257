"""The results of one experiment of the paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from efnn_cli.physics.system import System
from efnn_cli.runs.planning import Plan
from efnn_cli.studies.paper_presets import Experiment
from efnn_cli.studies.summary import Group, Member
from efnn_cli.studies.trials import Outcome


@dataclass(frozen=True)
class Reproduction:
    """The results of one experiment: errors by sweep, and seconds per configuration."""

    experiment: Experiment
    data: Path
    system: System
    """The system of the training configurations."""
    groups: dict[str, list[Group]]
    """Networks with a result, by the name of the sweep."""
    failures: Sequence[tuple[str, Outcome]]
    """Settings and outcome of the runs without a result."""
    seconds: Mapping[str, Sequence[tuple[int, float]]]
    """Seconds per configuration against L, by method."""

    @property
    def members(self) -> list[Member]:
        """All finished runs with chosen settings; a run of several sweeps more than once."""
        return [member for groups in self.groups.values() for group in groups for member in group.members]

    @property
    def plans(self) -> list[Plan]:
        """The plans of the members."""
        return [member.plan for member in self.members]

    @property
    def quantity(self) -> str:
        """The error to show: that of the preset if it is defined for every run, else RMSE / std(E)."""
        wanted = self.experiment.preset.quantity
        every = [group for groups in self.groups.values() for group in groups]
        return wanted if all(group.defines(wanted) for group in every) else "rmse_over_std"

    @property
    def training_seconds(self) -> float:
        """Seconds of training of the members, each run counted once."""
        return sum({member.plan.tag: float(member.metrics["seconds"]) for member in self.members}.values())

    @property
    def size(self) -> int:
        """The size of the training configurations."""
        return self.system.sides[0]
