"""Ours beside the published figures: what counts as met, and that a miss is called one."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from efnn_cli.studies.paper_presets import MEASURES, Claim
from efnn_cli.studies.paper_published import NOT_RUN, agreements
from efnn_cli.studies.paper_results import Reproduction
from efnn_cli.studies.paper_timing import DENSE, NETWORK, PUBLISHED_WAY
from efnn_cli.studies.summary import Group, Member, best_choice, clearly_least
from efnn_cli.studies.trials import LOST, Outcome

SPEEDUP = Claim("", "speedup", 1021, sizes=[40])


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


def result(
    *published: Claim, groups: dict, quantity="relative_error", sizes=(), seconds=None, comparable=True
) -> Reproduction:
    preset = SimpleNamespace(published=published, quantity=quantity)
    scale = SimpleNamespace(comparable=comparable)
    experiment = SimpleNamespace(name="made_up", preset=preset, sizes=list(sizes), scale=scale)
    return Reproduction(experiment, None, SimpleNamespace(size=10), groups, [], seconds or {})


@pytest.mark.parametrize(("errors", "met"), [([1e-3, 3e-3], True), ([9e-3, 2e-3], False)])
def test_a_bound_is_compared_by_the_mean(errors: list[float], met: bool):
    claim = Claim("D = 2", "error", 5e-3, depth=2)
    groups = {"best": [group("efnn", 2, 100, errors)]}
    (row,) = agreements([result(claim, groups=groups)])
    assert (row.met, row.word) == (met, "met" if met else "missed")
    (small,) = agreements([result(claim, groups=groups, comparable=False)])
    assert (small.met, small.word, small.ours) == (None, "not comparable", row.ours)


def test_what_was_not_run_is_neither_met_nor_missed():
    published = [Claim(name, name, sizes=[10, 40][:count], depth=3) for name, count in MEASURES.items()]
    found = agreements([result(*published, groups={"widths": [group("efnn", 1, 15, [1e-2])]})])
    assert len(found) == len(MEASURES)
    assert {(row.met, row.ours, row.word) for row in found} == {(None, NOT_RUN, "-")}


def test_a_figure_is_compared_by_its_own_error():
    """Whatever error the tables show: rmse by the RMSE, relative_error by the relative error."""
    best = member("efnn", 2, 100, {"test": {"relative_error": 1e-3, "rmse": 0.5}})
    published = [Claim("", "error", 4e-2, depth=2, quantity=name) for name in ("relative_error", "rmse")]
    groups = {"best": [Group("efnn", 2, 100, (), [best], [best])]}
    found = agreements([result(*published, groups=groups, quantity="rmse_over_std")])
    assert [row.met for row in found] == [True, False]


@pytest.mark.parametrize(("other", "met"), [(2e-2, True), (2e-3, False), (1e-4, False)])
def test_others_are_compared_at_equal_width_and_depth(other: float, met: bool):
    """A narrow network would pass; only the widest counts."""
    groups = [
        group("efnn", 2, 60, [1e-3]),
        group("dnn", 2, 60, [other]),
        group("resnet", 2, 60, [5e-2]),
        group("dnn", 2, 15, [1.0]),
        group("efnn", 2, 15, [0.5]),
        group("dnn", 1, 60, [1e-9]),
    ]
    (row,) = agreements([result(Claim("", "others", 10, "far above"), groups={"widths": groups})])
    assert row.met is met
    assert "width 60" in row.note
    assert "D = 1" not in row.note


@pytest.mark.parametrize(("fitted", "met"), [(7e-3, True), (5e-3, False)])
def test_against_the_effective_model(fitted: float, met: bool):
    groups = {"best": [group("efnn", 3, 24, [1e-3])], "effective": [group("effective", 0, 0, [fitted])]}
    (row,) = agreements([result(Claim("", "over_effective", 6.0), groups=groups)])
    assert row.met is met


@pytest.mark.parametrize(
    ("errors", "met"),
    [({10: 3e-3, 20: 2e-3, 40: 1e-3}, True), ({10: 3e-3, 20: 4e-3, 40: 1e-3}, False), ({10: 3e-3, 20: 2e-3}, None)],
)
def test_the_error_must_fall_from_size_to_size(errors: dict[int, float], met: bool | None):
    published = Claim("", "falls", sizes=[10, 40])
    best = group("efnn", 3, 24, [1e-3], errors | {100: 1.0})
    (row,) = agreements([result(published, groups={"best": [best]}, sizes=[10, 20, 40, 100])])
    assert row.met is met


def test_speed_is_the_factor_not_the_seconds():
    dense = [Claim("", "dense_seconds", value, sizes=[L]) for L, value in ((40, 7.76), (10, 1e-9))]
    seconds = {NETWORK: [(40, 1e-3)], PUBLISHED_WAY: [(40, 20.0)], DENSE: [(10, 2e-3), (40, 2.0)]}
    groups = {"best": [group("efnn", 3, 24, [1e-3])]}
    speed, large, small = agreements([result(SPEEDUP, *dense, groups=groups, seconds=seconds, comparable=False)])
    assert speed.met is True
    assert speed.ours == "2000"
    assert "20000 against eigh, as published" in speed.note
    assert (large.met, small.met) == (True, False)


def test_speed_is_compared_by_the_quicker_diagonalisation():
    """The slow way alone would pass."""
    seconds = {NETWORK: [(40, 1e-2)], PUBLISHED_WAY: [(40, 20.0)], DENSE: [(40, 2.0)]}
    (speed,) = agreements([result(SPEEDUP, groups={"best": [group("efnn", 3, 24, [1e-3])]}, seconds=seconds)])
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


@pytest.mark.parametrize(
    ("errors", "least"),
    [
        ([(1.0, 0.1), (2.0, 0.1), (3.0, None)], 0),
        ([(3.0, 0.0), (1.0, 0.5), (2.0, 0.9)], None),
        ([(1.0, None), (9.0, 0.1)], None),
        ([(1.0, 0.1)], None),
    ],
)
def test_the_least_error_stands_out_only_beyond_the_spreads(
    errors: list[tuple[float, float | None]], least: int | None
):
    assert clearly_least(errors) == least
