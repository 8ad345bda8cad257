"""Tables of a reproduction: every extrapolated network has a name of its own."""

from efnn_cli.studies.paper_tables import extrapolated
from efnn_cli.studies.summary import Group

from .test_published import group, member, result

SIZES = {10: 1e-3, 20: 5e-4}


def timed(model: str, depth: int, width: int, epochs: int):
    """Return a group with errors at other sizes, of runs with so many epochs."""
    (known,) = group(model, depth, width, [1e-3], SIZES).members
    one = member(model, depth, width, known.metrics | {"epochs": epochs}, sizes=known.sizes)
    return Group(model, depth, width, (), [one], [one])


def test_networks_at_several_depths_have_names_of_their_own():
    others = [timed("efnn", 2, 16, 60), timed("dnn", 1, 20, 60), timed("dnn", 2, 14, 60)]
    every = result(groups={"best": [timed("efnn", 3, 16, 120)], "others": others}, sizes=SIZES)
    assert list(extrapolated(every)) == [
        "EFNN, 120 epochs",
        "EFNN, 60 epochs",
        "DNN, 60 epochs, D = 1, width 20",
        "DNN, 60 epochs, D = 2, width 14",
    ]
    assert list(extrapolated(every).values())[1:] == others
