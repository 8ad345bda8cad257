"""Ours beside the published figures: what counts as met, and that a miss is called one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from efnn_cli.studies.paper_findings import Findings, Group, Member, best_choices
from efnn_cli.studies.paper_published import NOT_RUN, rows
from efnn_cli.studies.paper_timing import DENSE, NETWORK, PUBLISHED_WAY
from efnn_cli.training.metrics import mean_and_spread


@dataclass(frozen=True)
class Known:
    """An outcome with known figures."""

    metrics: Mapping[str, Any]
    run: str = "outputs/x"


def group(model: str, depth: int, width: int, errors: list[float], sizes: Mapping[int, float] | None = None) -> Group:
    """A network whose test errors over the seeds are known, and those at other sizes."""
    plan = SimpleNamespace(tag=f"{model}{depth}{width}", system=SimpleNamespace(size=10))
    table = [{"L": str(L), "relative_error": str(error), "bias_per_site": "0"} for L, error in (sizes or {}).items()]
    members = [
        Member(seed, Known({"parameters": 13, "test": {"relative_error": error, "rmse": error}}), plan, table)
        for seed, error in enumerate(errors)
    ]
    return Group(model, depth, width, (), members)


def findings(published: dict, groups: dict, *, quantity: str = "relative_error", sizes=(), seconds=None) -> Findings:
    experiment = SimpleNamespace(name="made_up", published=published, quantity=quantity)
    chosen = SimpleNamespace(experiment=experiment, sizes=list(sizes))
    return Findings(chosen, None, SimpleNamespace(size=10), groups, [], seconds or {})


@pytest.mark.parametrize(("errors", "met"), [([1e-3, 3e-3], True), ([9e-3, 2e-3], False)])
def test_a_bound_is_judged_by_the_mean(errors: list[float], met: bool):
    (row,) = rows([findings({"relative_error": {"2": 5e-3}}, {"best": [group("efnn", 2, 100, errors)]})])
    assert row.met is met
    assert "±" in row.ours


def test_what_was_not_run_is_neither_met_nor_missed():
    published = {
        "relative_error": {"3": 5e-3},
        "rivals": "far above",
        "order": 1e-3,
        "over_effective": 6.0,
        "decreases": [10, 40],
        "network_seconds": {"L": 40, "network": 7.6e-3, "dense": 7.76},
        "dense_seconds": {"10": 6.2e-3},
    }
    found = rows([findings(published, {"widths": [group("efnn", 1, 15, [1e-2])]})])
    assert len(found) == 7
    assert {row.met for row in found} == {None}
    assert {row.ours for row in found} == {NOT_RUN}


def test_a_figure_is_judged_by_its_own_error():
    """Whatever error the tables show: rmse by the RMSE, relative_error by the relative error."""
    plan = SimpleNamespace(tag="x")
    best = Group("efnn", 2, 100, (), [Member(0, Known({"test": {"relative_error": 1e-3, "rmse": 0.5}}), plan)])
    published = {"rmse": {"2": 4e-2}, "relative_error": {"2": 4e-2}}
    found = rows([findings(published, {"best": [best]}, quantity="rmse_over_std")])
    assert [row.met for row in found] == [False, True]
    assert ["RMSE" in row.what for row in found] == [True, False]


@pytest.mark.parametrize(("rival", "met"), [(2e-2, True), (2e-3, False), (1e-4, False)])
def test_rivals_are_compared_at_equal_width_and_depth(rival: float, met: bool):
    """The narrow rival would pass; only the widest counts."""
    groups = [
        group("efnn", 2, 60, [1e-3]),
        group("dnn", 2, 60, [rival]),
        group("resnet", 2, 60, [5e-2]),
        group("dnn", 2, 15, [1.0]),
        group("efnn", 2, 15, [0.5]),
        group("dnn", 1, 60, [1e-9]),
    ]
    (row,) = rows([findings({"rivals": "far above"}, {"widths": groups})])
    assert row.met is met
    assert "width 60" in row.ours
    assert "D = 1" not in row.ours


@pytest.mark.parametrize(("fitted", "met"), [(7e-3, True), (5e-3, False)])
def test_against_the_effective_model(fitted: float, met: bool):
    groups = {"best": [group("efnn", 3, 24, [1e-3])], "effective": [group("effective", 0, 0, [fitted])]}
    (row,) = rows([findings({"over_effective": 6.0}, groups)])
    assert row.met is met


@pytest.mark.parametrize(
    ("errors", "met"),
    [({10: 3e-3, 20: 2e-3, 40: 1e-3}, True), ({10: 3e-3, 20: 4e-3, 40: 1e-3}, False), ({10: 3e-3, 20: 2e-3}, None)],
)
def test_the_error_must_fall_from_size_to_size(errors: dict[int, float], met: bool | None):
    published = {"decreases": [10, 40]}
    best = group("efnn", 3, 24, [1e-3], errors | {100: 1.0})
    (row,) = rows([findings(published, {"best": [best]}, sizes=[10, 20, 40, 100])])
    assert row.met is met


def test_speed_is_the_factor_not_the_seconds():
    network = {"L": 40, "network": 7.6e-3, "dense": 7.76}
    published = {"network_seconds": network, "dense_seconds": {"40": 7.76, "10": 1e-9}}
    seconds = {NETWORK: [(40, 1e-3)], PUBLISHED_WAY: [(40, 20.0)], DENSE: [(10, 2e-3), (40, 2.0)]}
    speed, large, small = rows([findings(published, {"best": [group("efnn", 3, 24, [1e-3])]}, seconds=seconds)])
    assert speed.met is True
    assert "a factor 2000" in speed.ours
    assert "20000 against eigh, as published" in speed.ours
    assert (large.met, small.met) == (True, False)


def test_speed_is_judged_by_the_quicker_diagonalisation():
    """The slow way alone would pass."""
    published = {"network_seconds": {"L": 40, "network": 7.6e-3, "dense": 7.76}}
    seconds = {NETWORK: [(40, 1e-2)], PUBLISHED_WAY: [(40, 20.0)], DENSE: [(40, 2.0)]}
    (speed,) = rows([findings(published, {"best": [group("efnn", 3, 24, [1e-3])]}, seconds=seconds)])
    assert speed.met is False


def test_spread_is_the_sample_standard_deviation():
    assert mean_and_spread([1.0]) == (1.0, None)
    mean, deviation = mean_and_spread([1.0, 3.0])
    assert (mean, deviation) == (2.0, pytest.approx(2**0.5))


def test_the_validation_error_chooses():
    """The choice with the better test error loses to the one with the better validation error."""
    plan = SimpleNamespace(config=SimpleNamespace(model=SimpleNamespace(name="dnn", depth=1, width=4)))
    seen = [
        (Known({"val": {"rmse": 2.0}, "test": {"rmse": 0.1}}), plan, ("lr=1",)),
        (Known({"val": {"rmse": 1.0}, "test": {"rmse": 9.0}}), plan, ("lr=2",)),
    ]
    assert best_choices(seen) == {("dnn", 1, 4): ("lr=2",)}
