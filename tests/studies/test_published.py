"""Ours beside the published figures: what counts as met, and that a miss is called one."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from efnn_cli.studies.paper_presets import Published, Speed
from efnn_cli.studies.paper_published import NOT_RUN, verdicts
from efnn_cli.studies.paper_results import Reproduction
from efnn_cli.studies.paper_timing import DENSE, NETWORK, PUBLISHED_WAY
from efnn_cli.studies.summary import Group, Member, best_choice
from efnn_cli.studies.trials import LOST, Outcome


def member(model: str, depth: int, width: int, metrics: Mapping[str, Any], choice=(), sizes=()) -> Member:
    """A run with known figures."""
    config = SimpleNamespace(model=SimpleNamespace(name=model, depth=depth, width=width), seed=0)
    plan = SimpleNamespace(tag=f"{model}{depth}{width}", config=config)
    return Member(SimpleNamespace(plan=plan), choice, Outcome("outputs/x", "finished", metrics=metrics), list(sizes))


def group(model: str, depth: int, width: int, errors: list[float], sizes: Mapping[int, float] | None = None) -> Group:
    """A network whose test errors over the seeds are known, and those at other sizes."""
    table = [{"L": str(L), "relative_error": str(error), "bias_per_site": "0"} for L, error in (sizes or {}).items()]
    members = [
        member(model, depth, width, {"parameters": 13, "test": {"relative_error": error, "rmse": error}}, sizes=table)
        for error in errors
    ]
    return Group(model, depth, width, (), members, members)


def result(published: Published, groups: dict, *, quantity="relative_error", sizes=(), seconds=None) -> Reproduction:
    preset = SimpleNamespace(published=published, quantity=quantity)
    experiment = SimpleNamespace(name="made_up", preset=preset, sizes=list(sizes))
    return Reproduction(experiment, None, SimpleNamespace(size=10), groups, [], seconds or {})


@pytest.mark.parametrize(("errors", "met"), [([1e-3, 3e-3], True), ([9e-3, 2e-3], False)])
def test_a_bound_is_compared_by_the_mean(errors: list[float], met: bool):
    (row,) = verdicts([result(Published(relative_error={"2": 5e-3}), {"best": [group("efnn", 2, 100, errors)]})])
    assert row.met is met
    assert "±" in row.ours


def test_what_was_not_run_is_neither_met_nor_missed():
    published = Published(
        {"3": 5e-3}, {}, "far above", 1e-3, 6.0, [10, 40], Speed(40, 7.6e-3, 7.76), dense_seconds={"10": 6.2e-3}
    )
    found = verdicts([result(published, {"widths": [group("efnn", 1, 15, [1e-2])]})])
    assert len(found) == 7
    assert {row.met for row in found} == {None}
    assert {row.ours for row in found} == {NOT_RUN}


def test_a_figure_is_compared_by_its_own_error():
    """Whatever error the tables show: rmse by the RMSE, relative_error by the relative error."""
    best = member("efnn", 2, 100, {"test": {"relative_error": 1e-3, "rmse": 0.5}})
    published = Published(relative_error={"2": 4e-2}, rmse={"2": 4e-2})
    found = verdicts(
        [result(published, {"best": [Group("efnn", 2, 100, (), [best], [best])]}, quantity="rmse_over_std")]
    )
    assert [row.met for row in found] == [True, False]
    assert ["RMSE" in row.what for row in found] == [False, True]


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
    (row,) = verdicts([result(Published(rivals="far above"), {"widths": groups})])
    assert row.met is met
    assert "width 60" in row.ours
    assert "D = 1" not in row.ours


@pytest.mark.parametrize(("fitted", "met"), [(7e-3, True), (5e-3, False)])
def test_against_the_effective_model(fitted: float, met: bool):
    groups = {"best": [group("efnn", 3, 24, [1e-3])], "effective": [group("effective", 0, 0, [fitted])]}
    (row,) = verdicts([result(Published(over_effective=6.0), groups)])
    assert row.met is met


@pytest.mark.parametrize(
    ("errors", "met"),
    [({10: 3e-3, 20: 2e-3, 40: 1e-3}, True), ({10: 3e-3, 20: 4e-3, 40: 1e-3}, False), ({10: 3e-3, 20: 2e-3}, None)],
)
def test_the_error_must_fall_from_size_to_size(errors: dict[int, float], met: bool | None):
    published = Published(decreases=[10, 40])
    best = group("efnn", 3, 24, [1e-3], errors | {100: 1.0})
    (row,) = verdicts([result(published, {"best": [best]}, sizes=[10, 20, 40, 100])])
    assert row.met is met


def test_speed_is_the_factor_not_the_seconds():
    published = Published(network_seconds=Speed(40, 7.6e-3, 7.76), dense_seconds={"40": 7.76, "10": 1e-9})
    seconds = {NETWORK: [(40, 1e-3)], PUBLISHED_WAY: [(40, 20.0)], DENSE: [(10, 2e-3), (40, 2.0)]}
    speed, large, small = verdicts([result(published, {"best": [group("efnn", 3, 24, [1e-3])]}, seconds=seconds)])
    assert speed.met is True
    assert "a factor 2000" in speed.ours
    assert "20000 against eigh, as published" in speed.ours
    assert (large.met, small.met) == (True, False)


def test_speed_is_compared_by_the_quicker_diagonalisation():
    """The slow way alone would pass."""
    published = Published(network_seconds=Speed(40, 7.6e-3, 7.76))
    seconds = {NETWORK: [(40, 1e-2)], PUBLISHED_WAY: [(40, 20.0)], DENSE: [(40, 2.0)]}
    (speed,) = verdicts([result(published, {"best": [group("efnn", 3, 24, [1e-3])]}, seconds=seconds)])
    assert speed.met is False


def test_the_validation_error_chooses():
    """The choice with the better test error loses to the one with the better validation error."""
    seen = [
        member("dnn", 1, 4, {"val": {"rmse": 2.0}, "test": {"rmse": 0.1}}, ("lr=1",)),
        member("dnn", 1, 4, {"val": {"rmse": 1.0}, "test": {"rmse": 9.0}}, ("lr=2",)),
        Member(SimpleNamespace(), ("lr=3",), LOST),
    ]
    assert best_choice(seen) == ("lr=2",)
    assert best_choice(seen[2:]) is None
