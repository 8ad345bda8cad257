"""Whole files with bad content, as a program or a hand may write them: exit 3 and one sentence, at every use."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from efnn_cli.evaluation.size_table import METHODS
from efnn_cli.physics import SYSTEMS, variants
from efnn_cli.storage import documents

from .conftest import SMALL, Workshop, call, files_below

NET = "lattice net"
HUGE = 10**30


def set_at(node: dict[str, Any], key: str, value: object) -> dict[str, Any]:
    """The mapping with another value under a dotted name."""
    first, _, rest = key.partition(".")
    return node | {first: set_at(node[first], rest, value) if rest else value}


def spoil_yaml(path: Path, key: str, value: object) -> None:
    documents.write_yaml(path, set_at(documents.read_yaml(path), key, value))


def spoil_json(path: Path, key: str, value: object) -> None:
    documents.write_json(path, set_at(documents.read_json(path), key, value))


def spoil_table(path: Path, column: str, cell: str) -> None:
    """Put another cell into the last row."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    rows[-1][column] = cell
    with path.open("w") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def listed(shop: Workshop, run: Path) -> dict[str, Any]:
    """The row of the run in `efnn runs`; all others are as they were."""
    rows = call("runs", "--json", cwd=shop.root).done().json()["metrics"]["rows"]
    assert {row["status"] for row in rows if row["run"] != str(run)} == {"finished"}
    return dict(next(row for row in rows if row["run"] == str(run)))


def refused(shop: Workshop, run: Path, file: str, what: str, *commands: tuple[object, ...]) -> None:
    before = files_below(shop.root)
    for words in commands:
        call(*words, cwd=shop.root).failed(3, file, what)
    row = listed(shop, run)
    assert row["status"] == "unreadable"
    assert file in row["error"]
    assert files_below(shop.root) == before


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("metrics.test.rmse", "x"),
        ("metrics.test.rmse", None),
        ("metrics.parameters", "many"),
        ("metrics.seconds", None),
        ("metrics", []),
        ("schema_version", "1"),
    ],
)
def test_summary(copied: Workshop, key: str, value: object):
    run = copied.run(NET)
    spoil_json(copied.root / run / "summary.json", key, value)
    commands = (
        ("train", "--data", copied.dataset("lattice"), "model=efnn", "depth=1", *SMALL),
        ("inspect", run),
        ("plot", "width", run),
        ("plot", "curve", run),
    )
    refused(copied, run, "summary.json", key, *commands)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model.name", 3),
        ("system.L", "wide"),
        ("dataset", 3),
        ("seed", None),
        ("training", "paper"),
    ],
)
def test_configuration(copied: Workshop, key: str, value: object):
    run = copied.run(NET)
    spoil_yaml(copied.root / run / "config.yaml", key, value)
    commands = (("plot", "curve", run), ("plot", "width", run), ("inspect", run), ("train", "--resume", run))
    refused(copied, run, "config.yaml", key, *commands)


@pytest.mark.parametrize(
    ("key", "value"),
    [("model.width", 9), ("training.lr", 1.0), ("seed", 7), ("hash", "12345678"), ("model.depth", "d")],
)
def test_changed_configuration(copied: Workshop, key: str, value: object):
    """The settings no longer have the hash of the run."""
    run = copied.run(NET)
    spoil_yaml(copied.root / run / "config.yaml", key, value)
    refused(copied, run, "config.yaml", "was changed", ("inspect", run), ("evaluate", run), ("train", "--resume", run))


@pytest.mark.parametrize("file", ["config.yaml", "summary.json"])
def test_a_newer_version(copied: Workshop, file: str):
    run = copied.run(NET)
    spoil: Callable[..., None] = spoil_yaml if file == "config.yaml" else spoil_json
    spoil(copied.root / run / file, "schema_version", 7)
    for words in (("inspect", run), ("train", "--data", copied.dataset("lattice"), "model=efnn", "depth=1", *SMALL)):
        call(*words, cwd=copied.root).failed(3, file, "schema version 7", "newer", "pip install -U")
    assert listed(copied, run)["status"] == "unreadable"


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("val_rmse", ""),
        ("val_rmse", "x"),
        ("epoch", "0"),
    ],
)
def test_epochs(copied: Workshop, column: str, cell: str):
    run = copied.run(NET)
    spoil_table(copied.root / run / "metrics.csv", column, cell)
    for words in (("plot", "curve", run), ("inspect", run)):
        call(*words, cwd=copied.root).failed(3, "metrics.csv", column)
    (copied.root / run / "summary.json").unlink()
    refused(copied, run, "metrics.csv", column, ("train", "--resume", run))


@pytest.mark.parametrize(("ratio", "error"), [("1e-5", "0.0"), ("0.0", "1.0")])
def test_epochs_that_do_not_fit_together(copied: Workshop, ratio: str, error: str):
    """Numbers that may stand there are drawn, whatever they are."""
    run = copied.run(NET)
    spoil_table(copied.root / run / "metrics.csv", "val_rmse_over_std", ratio)
    spoil_table(copied.root / run / "metrics.csv", "val_rmse", error)
    call("plot", "curve", run, cwd=copied.root).done()


@pytest.fixture
def carried(copied: Workshop) -> Workshop:
    call("extrapolate", copied.run(NET), "--L", "3,4", "--samples", 3, cwd=copied.root).done()
    return copied


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("L", "0"),
        ("rmse", ""),
        ("rmse_per_site", "nan"),
        ("sampling", "$x_{$"),
        ("weights", "mine"),
    ],
)
def test_sizes(carried: Workshop, column: str, cell: str):
    run = carried.run(NET)
    spoil_table(carried.root / run / "extrapolation.csv", column, cell)
    before = files_below(carried.root)
    for words in (("plot", "sizes", run), ("plot", "times", run), ("extrapolate", run, "--L", 3, "--samples", 3)):
        call(*words, cwd=carried.root).failed(3, "extrapolation.csv", column, "move it away")
    assert files_below(carried.root) == before


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("rmse_over_std", ""),
        ("L", "9223372036854775807"),
    ],
)
def test_sizes_that_are_odd_are_drawn(carried: Workshop, column: str, cell: str):
    run = carried.run(NET)
    spoil_table(carried.root / run / "extrapolation.csv", column, cell)
    for words in (("plot", "sizes", run), ("plot", "times", run), ("extrapolate", run, "--L", 5, "--samples", 3)):
        call(*words, cwd=carried.root).done()


def test_sizes_with_too_few_samples_for_a_spread(copied: Workshop):
    """One configuration has no standard deviation: that size is left out of the figure, or there is none."""
    run = copied.run(NET)
    call("extrapolate", run, "--L", 3, "--samples", 1, cwd=copied.root).done()
    call("extrapolate", run, "--L", 4, "--samples", 8, cwd=copied.root).done()
    found = call("plot", "sizes", run, "--json", cwd=copied.root).done().json()["metrics"]
    assert found["quantity"] == "rmse_over_std"
    assert [size for size, *_ in found["series"][0]["rows"]] == [4]


def test_every_reference_method_has_a_name():
    for system in SYSTEMS.values():
        for cls in variants(system.name).values() or (system,):
            assert set(cls.references) <= set(METHODS)


def test_what_is_written_is_what_is_read(copied: Workshop):
    """The spoiling itself is not what is refused."""
    run = copied.root / copied.run(NET)
    spoil_json(run / "summary.json", "status", "ok")
    spoil_yaml(run / "config.yaml", "seed", 0)
    spoil_table(run / "metrics.csv", "epoch", "2")
    assert json.loads((run / "summary.json").read_text())
    assert yaml.safe_load((run / "config.yaml").read_text())
    call("inspect", run, cwd=copied.root).done()
    call("plot", "curve", run, cwd=copied.root).done()
