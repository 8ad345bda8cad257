"""Figures: the three files of each, the numbers in the CSV, colours, equal files for equal numbers."""

import csv
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from efnn_cli import figures
from efnn_cli.figures import Curve
from efnn_cli.figures.curves import draw_errors
from efnn_cli.figures.power_law import power_law
from efnn_cli.figures.spins import perpendicular, relative_difference
from efnn_cli.figures.style import FAINT, GRID, INK, NETWORKS, OTHERS, TINTS, lighter, looks
from efnn_cli.models import MODELS
from efnn_cli.training.history import EpochRow

generator = np.random.default_rng(7)
CURVES = [Curve("EFNN D=2", [(8, 0.1, 0.01), (16, 0.02, None)]), Curve("DNN", [(8, 0.3, None)])]
ERRORS = [Curve("EFNN", [(10, 1e-3, 1e-4), (20, 5e-4, None)])]
BIASES = [Curve("EFNN", [(10, 2e-5, 1e-6), (20, -3e-5, None)])]
TIMES = {"dense": [(float(size), 2e-9 * size**6) for size in (4, 10, 20, 30, 40)], "one": [(10.0, 1e-3)]}
HISTORY = [
    EpochRow(each, each, 1e-3 / each, 0.1, 3.0 / each, 4.0 / each, None, 2.0 / each, 1.0) for each in range(1, 4)
]
TRUE = generator.normal(-0.5, 0.1, 50)
PANELS = {"EFNN": TRUE + 0.01, "DNN": TRUE * 1.1}
SPINS = generator.normal(size=(3, 4, 4))
SPINS /= np.sqrt((SPINS**2).sum(axis=0))
FIELDS = {"exact": 2.0 * SPINS + np.roll(SPINS, 1, 1), "network": np.roll(SPINS, 1, 1) * 1.1}
LINE = {"exact": np.array([1.0, 2.0, -2.0]), "network": np.array([1.0, 2.0, -1.0])}

DRAWN: dict[str, Callable[[Path], Path]] = {
    "error_against": lambda stem: figures.error_against({"a": CURVES, "b": CURVES[:1]}, "width", "error", stem),
    "error_against_size": lambda stem: figures.against_size({"error": CURVES}, 8, stem),
    "error_against_parameters": lambda stem: figures.error_against_parameters(
        CURVES, {"level": 0.1}, "error", [8, 16], stem
    ),
    "against_size": lambda stem: figures.against_size(
        {"relative error": ERRORS, figures.BIAS: BIASES}, 10, stem, unit="hopping t"
    ),
    "times": lambda stem: figures.times(TIMES, stem),
    "learning_curves": lambda stem: figures.learning_curves({"run": HISTORY, "other": HISTORY[:1]}, stem),
    "parity": lambda stem: figures.parity(PANELS, TRUE, stem, unit="hopping t"),
    "spins": lambda stem: figures.spins(SPINS, FIELDS, stem, unit="hopping t"),
    "bars": lambda stem: figures.spins(np.array([0.0, 1.0, 1.0]), LINE, stem),
}


def table(path: Path) -> list[list[str]]:
    with path.open() as file:
        return list(csv.reader(file))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("figures")
    for name, draw in DRAWN.items():
        assert draw(folder / f"{name}.v1") == folder / f"{name}.v1.png"  # a dot in a stem is no suffix
    files = {f"{name}.v1{suffix}" for name in DRAWN for suffix in figures.SUFFIXES}
    assert {path.name for path in folder.iterdir()} == files
    return folder


@pytest.mark.parametrize("name", DRAWN)
def test_svg_is_readable_text_in_the_colours_of_the_house(drawn: Path, name: str):
    text = (drawn / f"{name}.v1.svg").read_text()
    tags = {each.tag.rpartition("}")[2] for each in ET.fromstring(text).iter()}
    assert "text" in tags  # not shapes of letters
    assert min(float(size) for size in re.findall(r"font-size: ([\d.]+)px", text)) >= 8
    if name != "spins":  # there z is a colour
        used = {each.lower() for each in re.findall(r"#[0-9a-fA-F]{6}\b", text)}
        networks = {lighter(colour, tint) for colour, _ in NETWORKS.values() for tint in TINTS}
        assert INK in used <= {INK, FAINT, GRID, *networks, *(colour.lower() for colour, _ in OTHERS)}


OF_THE_USER = {
    "text.usetex": True,
    "savefig.bbox": "tight",
    "axes.facecolor": "red",
    "lines.linestyle": "--",
    "path.sketch": (1, 100, 2),
    "errorbar.capsize": 9,
    "svg.fonttype": "path",
}


@pytest.mark.parametrize("name", DRAWN)
def test_equal_numbers_give_equal_files_whatever_the_settings_of_the_user(drawn: Path, tmp_path: Path, name: str):
    with mpl.rc_context(OF_THE_USER):
        DRAWN[name](tmp_path / f"{name}.v1")
        assert {key: mpl.rcParams[key] for key in OF_THE_USER} == OF_THE_USER
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (drawn / path.name).read_bytes()


def test_one_network_has_one_colour_everywhere():
    assert set(NETWORKS) <= {MODELS[name].title for name in MODELS}
    alone, among = looks(["DNN D=2"]), looks(["EFNN", "uniform sphere", "DNN", "DNN D=3"])
    assert alone["DNN D=2"] == among["DNN"]
    assert len({(each["color"], each["marker"]) for each in among.values()}) == 4


def test_rounding_errors_do_not_flatten_the_rest(tmp_path: Path):
    exact = Curve("effective model", [(8, 2e-15, None), (16, 1e-15, None)])
    figures.against_size({"error": [*CURVES, exact]}, 8, tmp_path / "sizes")
    figures.error_against_parameters(CURVES, {"effective model": 2e-15}, "error", [8, 16], tmp_path / "parameters")
    for name in ("sizes", "parameters"):
        text = (tmp_path / f"{name}.svg").read_text()
        assert "effective model: 2e-15, below" in text
        assert "10⁻¹⁰" not in text
    assert ["effective model", "8", "2e-15", ""] in [row[1:] for row in table(tmp_path / "sizes.csv")]


def test_bars_on_a_logarithmic_axis_do_not_reach_zero():
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    draw_errors(axes, [Curve("EFNN", [(8, 1.0, 3.0), (16, 1.0, None)])])
    (bars,) = axes.containers
    lower, upper = bars.lines[2][0].get_segments()[0][:, 1]
    assert (lower, upper) == (pytest.approx(0.25), pytest.approx(4.0))


def test_points_without_bars_get_none():
    """Also where y - y^2 / y is not zero but rounds to less."""
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    draw_errors(axes, [Curve("EFNN", [(8, 0.1, None), (16, 0.11, None)])])
    (bars,) = axes.containers
    assert not bars.has_yerr


def test_csv_of_curves(drawn: Path):
    assert table(drawn / "error_against.v1.csv") == [
        ["panel", "curve", "width", "error", "error_bar"],
        ["a", "EFNN D=2", "8", "0.1", "0.01"],
        ["a", "EFNN D=2", "16", "0.02", ""],
        ["a", "DNN", "8", "0.3", ""],
        ["b", "EFNN D=2", "8", "0.1", "0.01"],
        ["b", "EFNN D=2", "16", "0.02", ""],
    ]
    assert table(drawn / "error_against_parameters.v1.csv")[-1] == ["level", "", "0.1", ""]
    assert table(drawn / "against_size.v1.csv") == [
        ["quantity", "curve", "L", "value", "error_bar"],
        ["relative error", "EFNN", "10", "0.001", "0.0001"],
        ["relative error", "EFNN", "20", "0.0005", ""],
        ["bias per site", "EFNN", "10", "2e-05", "1e-06"],
        ["bias per site", "EFNN", "20", "-3e-05", ""],
    ]


def test_what_falls_as_1_over_L_has_a_dashed_line(drawn: Path):
    assert "1/L" in (drawn / "against_size.v1.svg").read_text()
    assert "1/L" not in (drawn / "error_against_size.v1.svg").read_text()


def test_axes_have_units(drawn: Path):
    assert "bias per site (10⁻⁵ hopping t)" in (drawn / "against_size.v1.svg").read_text()
    assert "true energy per site (hopping t)" in (drawn / "parity.v1.svg").read_text()
    assert "RMSE/std 0." in (drawn / "parity.v1.svg").read_text()
    assert "(hopping t)" in (drawn / "spins.v1.svg").read_text()
    assert "length 1" in (drawn / "spins.v1.svg").read_text()


def test_csv_of_parity_and_learning(drawn: Path, tmp_path: Path):
    rows = table(drawn / "parity.v1.csv")[1:]
    found = {name: np.array([[float(x), float(y)] for panel, x, y in rows if panel == name]) for name in PANELS}
    for name, energies in PANELS.items():
        np.testing.assert_array_equal(found[name], np.stack([TRUE, energies], axis=1))
    rows = table(drawn / "learning_curves.v1.csv")
    assert rows[0] == ["run", "epoch", "train_rmse_over_std", "val_rmse_over_std", "lr"]
    assert [float(cell) for cell in rows[2][1:]] == [2, 0.75, 1.0, 0.0005]  # std = 2
    figures.learning_curves({"run": [EpochRow(1, 1, 1e-3, 0.1, 3.0, 4.0, None, None, 1.0)]}, tmp_path / "bare")
    assert table(tmp_path / "bare.csv") == [
        ["run", "epoch", "train_rmse", "val_rmse", "lr"],
        ["run", "1", "3.0", "4.0", "0.001"],
    ]


def test_times_find_the_power_of_the_four_largest_sizes(drawn: Path):
    rows = table(drawn / "times.v1.csv")[1:]
    dense = [row for row in rows if row[0] == "dense"]
    assert [float(row[3]) for row in dense] == pytest.approx([6.0] * 5)
    assert {(row[5], row[6]) for row in dense} == {("10.0", "40.0")}
    assert [row[3:] for row in rows if row[0] == "one"] == [["", "", "", ""]]
    law = figures.growth([(4.0, 1.0), *((float(size), 3e-6 * size**3) for size in (10, 20, 30, 40))])
    assert law is not None
    assert (law.exponent, law.at(50.0)) == (pytest.approx(3.0), pytest.approx(3e-6 * 50**3))


def test_an_exponent_has_the_error_of_least_squares():
    points = [(x, 2.0 * x**2.5 * f) for x, f in zip((3.0, 5.0, 9.0, 14.0), (1.1, 0.9, 1.05, 0.95), strict=True)]
    covariance = np.polyfit(*np.log(np.array(points)).T, 1, cov=True)[1]
    law = power_law(points)
    assert law.error == pytest.approx(np.sqrt(covariance[0, 0]))
    assert str(law) == "L^2.45(9)"
    assert power_law(points[:2]).error is None


def test_fields_are_drawn_across_the_spins(drawn: Path):
    across = perpendicular(FIELDS["exact"], SPINS)
    assert np.abs((across * SPINS).sum(axis=0)).max() < 1e-14
    np.testing.assert_allclose(across, perpendicular(FIELDS["exact"] + 5.0 * SPINS, SPINS), atol=1e-14)
    head, *rows = table(drawn / "spins.v1.csv")
    assert head[:8] == ["x", "y", "S_x", "S_y", "S_z", "exact_x", "exact_y", "exact_z"]
    x, y = 2, 1
    found = next(row for row in rows if row[:2] == [str(x), str(y)])
    np.testing.assert_array_equal([float(cell) for cell in found[2:8]], [*SPINS[:, x, y], *across[:, x, y]])


def test_relative_difference_of_fields(drawn: Path):
    assert relative_difference(LINE) == pytest.approx(1.0 / 3.0)
    assert relative_difference({"exact": LINE["exact"]}) is None
    assert "= 0.33" in (drawn / "bars.v1.svg").read_text()
    assert table(drawn / "bars.v1.csv")[3] == ["3", "1.0", "-2.0", "-1.0"]
