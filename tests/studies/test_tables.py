"""Tables of a reproduction: what was carried has a name of its own."""

from __future__ import annotations

from dataclasses import replace

from tests.reproduction.test_published import Known, findings, group

from efnn_cli.studies.paper_tables import carried_groups

SIZES = {10: 1e-3, 20: 5e-4}


def timed(model: str, depth: int, width: int, epochs: int):
    """A group that was carried to other sizes, of runs with so many epochs."""
    known = group(model, depth, width, [1e-3], SIZES)
    (member,) = known.members
    metrics = {**member.metrics, "epochs": epochs}
    return replace(known, members=[replace(member, outcome=Known(metrics))])


def test_networks_at_several_depths_have_names_of_their_own():
    rivals = [timed("efnn", 2, 16, 60), timed("dnn", 1, 20, 60), timed("dnn", 2, 14, 60)]
    every = findings({}, {"best": [timed("efnn", 3, 16, 120)], "rivals": rivals}, sizes=SIZES)
    names = [name for name, _ in carried_groups(every)]
    assert names == [
        "EFNN, 120 epochs",
        "EFNN, 60 epochs",
        "DNN, 60 epochs, D = 1, width 20",
        "DNN, 60 epochs, D = 2, width 14",
    ]
    assert [each for _, each in carried_groups(every)][1:] == rivals
