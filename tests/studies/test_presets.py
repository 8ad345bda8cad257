"""Presets: what they stand for, that they can be trained, that the published figures are those of the paper."""

from functools import cache
from pathlib import Path

import pytest

from efnn_cli.config.words import Request
from efnn_cli.core.errors import ConfigError
from efnn_cli.studies.paper_plan import Step, plan_steps
from efnn_cli.studies.paper_presets import SweepOptions, choose, names

SCALES = ("smoke", "laptop", "paper")


@cache
def planned(scale: str) -> tuple[str, list[Step]]:
    """The plan of all experiments: composing every configuration takes seconds."""
    found, every = choose((), Request((f"scale={scale}",), {"device": "cpu"}))
    return found, [step for each in every for step in plan_steps(each)]


@pytest.mark.parametrize(
    "scale", ["smoke", pytest.param("laptop", marks=pytest.mark.slow), pytest.param("paper", marks=pytest.mark.slow)]
)
def test_every_scale_of_every_experiment_can_be_planned(scale: str):
    """Composes every configuration: an unknown key, network or width would be refused here."""
    found, steps = planned(scale)
    assert found == scale
    assert {step.experiment for step in steps} == set(names())
    assert all(step.count > 0 and step.seconds >= 0 for step in steps)


@pytest.mark.slow
def test_scales_differ_by_orders_of_magnitude():
    """Minutes, an hour or two, days, on two cores: what the scales promise."""
    hours = {scale: sum(step.seconds for step in planned(scale)[1]) / 2 / 3600 for scale in SCALES}
    assert hours["smoke"] < 0.1
    assert 0.5 < hours["laptop"] < 2.5
    assert hours["paper"] > 24


def test_published_sizes():
    """The widths, channels, numbers of configurations and sizes of the paper stand in scale=paper."""
    _, (three_spin, infinite_range, double_exchange) = choose((), Request(("scale=paper",), {"device": "cpu"}))
    for each in (three_spin, infinite_range):
        points = each.scale.train["widths"].points()
        assert {text for point in points for text in point if text.startswith("width=")} == {
            f"width={width}" for width in range(15, 151, 15)
        }
        assert len(points) == 4 * 3 * 10
        assert "samples=20000" in each.scale.generate
    channels = {text for point in double_exchange.scale.train["channels"].points() for text in point}
    assert {f"width={width}" for width in (1, 3, 5, 7, 9)} <= channels
    assert {"training=paper", "depth=1", "depth=2", "depth=3"} <= channels
    assert double_exchange.scale.generate == ["system.L=10", "samples=200000", "sampling=published"]
    assert double_exchange.scale.sizes == [10, 15, 20, 25, 30, 35, 40]
    assert double_exchange.scale.samples == 40000
    assert double_exchange.sizes[-2:] == [64, 100]


def test_points_are_the_product_for_every_network():
    sweep = SweepOptions(["depth=1,2", "epochs=3"], ["model=dnn width=4", "model=resnet width=5"], ["lr=0.1,0.2"], 3)
    assert sweep.points() == [
        ("model=dnn", "width=4", "depth=1", "epochs=3"),
        ("model=dnn", "width=4", "depth=2", "epochs=3"),
        ("model=resnet", "width=5", "depth=1", "epochs=3"),
        ("model=resnet", "width=5", "depth=2", "epochs=3"),
    ]
    assert sweep.choices() == [("lr=0.1",), ("lr=0.2",)]
    assert SweepOptions([]).points() == [()]
    assert SweepOptions([]).choices() == [()]


@pytest.mark.parametrize(
    ("wanted", "overrides", "named"),
    [
        (("three_spins",), (), "three_spin"),
        ((), ("scale=huge",), "scale: wanted one of"),
        ((), ("workers=0",), "workers"),
    ],
)
def test_what_cannot_be_meant(wanted: tuple[str, ...], overrides: tuple[str, ...], named: str):
    with pytest.raises(ConfigError) as caught:
        choose(wanted, Request(overrides))
    assert named in f"{caught.value.message} {caught.value.hint}"


PRESET = """\
name: mine
title: Mine
lead: Six spins.
system: [three_spin]
published: [{published}]
sweeps: {{best: {{title: The default recipe}}}}
scales:
  smoke:
    generate: [system.L=6, samples=80]
    train: {{best: {{settings: [model=efnn, depth=1, width=6, {setting}], choose: [{choices}]}}}}
"""


@pytest.mark.parametrize(
    ("published", "setting", "choices", "named"),
    [
        ("{what: speed, measure: speed}", "epochs=2", "", "measure: wanted one of"),
        ("{what: error, measure: error, value: small}", "epochs=2", "", "value: wanted a number"),
        ("{what: falls, measure: falls, sizes: [10]}", "epochs=2", "", "falls wants 2 sizes"),
        ("", '"lr=0.1,0.2"', "", "would pass for seeds of one network"),
        ("", "epochs=2", '"lr=0.1,fast"', "fast"),
    ],
)
def test_presets_that_could_not_be_reported_are_refused_first(
    tmp_path: Path, published: str, setting: str, choices: str, named: str
):
    (tmp_path / "experiment").mkdir()
    text = PRESET.format(published=published, setting=setting, choices=choices)
    (tmp_path / "experiment" / "mine.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        plan_steps(choose(("mine",), Request((), {"device": "cpu"}, tmp_path))[1][0])
    assert named in f"{caught.value.message} {caught.value.hint}"
