"""Run folders whose files are spoiled, of another run or gone: exit 3 and one sentence, at every use."""

import csv
import shutil
from pathlib import Path
from typing import Any

import h5py
import pytest

import efnn_cli
from efnn_cli.core.errors import InputError
from efnn_cli.evaluation.size_table import METHODS
from efnn_cli.physics import SYSTEMS, variants
from efnn_cli.storage import documents

from .conftest import SMALL, Workshop, call, files_below

NET, TWIN = "lattice net", "lattice twin"  # they differ in their seed


def again(shop: Workshop) -> tuple[object, ...]:
    """The command that made the run."""
    return ("train", "--data", shop.dataset("lattice"), "model=efnn", "depth=1", *SMALL)


def set_at(node: dict[str, Any], key: str, value: object) -> dict[str, Any]:
    """The mapping with another value under a dotted name."""
    first, _, rest = key.partition(".")
    return node | {first: set_at(node[first], rest, value) if rest else value}


def spoil(path: Path, key: str, value: object) -> None:
    """Set another value in a YAML or JSON file, or in the last row of a table."""
    if path.suffix == ".yaml":
        documents.write_yaml(path, set_at(documents.read_yaml(path), key, value))
    elif path.suffix == ".json":
        documents.write_json(path, set_at(documents.read_json(path), key, value))
    else:
        rows = list(csv.DictReader(path.read_text().splitlines()))
        rows[-1][key] = str(value)
        path.write_text(documents.table_text(list(rows[0]), rows))


def listed(shop: Workshop, run: Path) -> dict[str, Any]:
    """The row of the run in `efnn runs`; all others are as they were."""
    rows = call("runs", "--json", cwd=shop.root).done().json()["metrics"]["rows"]
    assert {row["status"] for row in rows if row["run"] != str(run)} == {"finished"}
    return dict(next(row for row in rows if row["run"] == str(run)))


def refused(shop: Workshop, file: str, *named: str) -> None:
    """Check every command that reads the file."""
    run, before = shop.run(NET), files_below(shop.root)
    uses = {
        "best.h5": [("evaluate", run), ("plot", "parity", run)],
        "summary.json": [("inspect", run), ("plot", "width", run), again(shop)],
    }
    for words in uses.get(file, [("inspect", run), ("plot", "curve", run), ("train", "--resume", run)]):
        call(*words, cwd=shop.root).failed(3, file, *named)
    if file != "best.h5":
        row = listed(shop, run)
        assert row["status"] == "unreadable"
        assert file in row["error"]
    assert files_below(shop.root) == before


@pytest.mark.parametrize(
    ("file", "key", "value", "named"),
    [
        ("summary.json", "metrics.test.rmse", "x", "metrics.test.rmse"),
        ("summary.json", "metrics.seconds", None, "metrics.seconds"),
        ("summary.json", "metrics", [], "metrics"),
        ("summary.json", "schema_version", 7, "newer"),
        ("config.yaml", "model.name", 3, "model.name"),
        ("config.yaml", "dataset", 3, "dataset"),
        ("config.yaml", "seed", None, "seed"),
        ("config.yaml", "training.lr", 1.0, "was changed"),
        ("config.yaml", "hash", "12345678", "was changed"),
        ("config.yaml", "schema_version", 7, "newer"),
        ("metrics.csv", "val_rmse", "x", "val_rmse"),
        ("metrics.csv", "epoch", "0", "epoch"),
    ],
)
def test_spoiled_content(copied: Workshop, file: str, key: str, value: object, named: str):
    run = copied.root / copied.run(NET)
    spoil(run / file, key, value)
    if file != "summary.json":
        (run / "summary.json").unlink()
    refused(copied, file, named)


def test_what_is_written_is_what_is_read(copied: Workshop):
    """The spoiling itself is not what is refused."""
    run = copied.root / copied.run(NET)
    for file, key, value in (("summary.json", "status", "ok"), ("config.yaml", "seed", 0)):
        spoil(run / file, key, value)
    call("inspect", run, cwd=copied.root).done()
    call("plot", "curve", run, cwd=copied.root).done()


def bring(shop: Workshop, other: str, *names: str) -> Path:
    """The run, with files of another one."""
    run = shop.root / shop.run(NET)
    for name in names:
        shutil.copy(shop.root / shop.run(other) / name, run / name)
    return run


@pytest.mark.parametrize("file", ["best.h5", "summary.json", "metrics.csv"])
def test_a_file_of_another_run(copied: Workshop, file: str):
    """Found by the hash that it carries; what the hint says works."""
    run = bring(copied, TWIN, file)
    if file == "metrics.csv":
        (run / "summary.json").unlink()
    refused(copied, file, "belongs to another run", copied.run(TWIN).name[-8:], copied.run(NET).name[-8:])
    if file == "best.h5":
        with pytest.raises(InputError, match="belongs to another run"):
            efnn_cli.load(run, "cpu")
        (run / "summary.json").unlink()
    (run / file).unlink()
    found = call("train", "--resume", run, "--json", cwd=copied.root).done().json()
    assert found["metrics"]["test"] == copied.made[NET].json()["metrics"]["test"]
    call("evaluate", run, cwd=copied.root).done()


def test_a_configuration_of_another_run(copied: Workshop):
    """The files beside it have another hash."""
    run = bring(copied, TWIN, "config.yaml")
    call("inspect", run, cwd=copied.root).failed(3, "belongs to another run")
    call("evaluate", run, cwd=copied.root).failed(3, "best.h5 belongs to another run")
    assert call("train", "--resume", run, "--data", copied.dataset("lattice"), cwd=copied.root).code == 3
    call(*again(copied), cwd=copied.root).failed(6, "is something else")
    assert listed(copied, copied.run(NET))["status"] == "unreadable"
    bring(copied, "binary net", "best.h5", "summary.json", "metrics.csv")
    call(*again(copied), "--overwrite", cwd=copied.root).done()
    for words in (("inspect", run), ("evaluate", run), ("plot", "curve", run)):
        call(*words, cwd=copied.root).done()


def test_a_run_under_another_name(copied: Workshop):
    """As a whole it may be moved or copied anywhere."""
    run = copied.root / copied.run(NET)
    moved = Path(shutil.copytree(run, copied.root / "outputs" / "heisenberg-efnn-d1-s0-12345678"))
    for words in (("inspect", moved), ("evaluate", moved), ("plot", "curve", moved)):
        call(*words, cwd=copied.root).done()
    assert listed(copied, copied.run(NET))["status"] == "finished"
    (moved / "summary.json").unlink()
    call("train", "--resume", moved, cwd=copied.root).done()


# ------------------------------------------------------------------ errors at other sizes


def test_spoiled_sizes(copied: Workshop):
    run, root = copied.run(NET), copied.root
    call("extrapolate", run, "--L", "3,4", "--samples", 3, cwd=root).done()
    before, table = files_below(root), (root / run / "extrapolation.csv").read_bytes()
    for column, cell in (("L", "0"), ("rmse", ""), ("rmse_per_site", "nan"), ("weights", "mine")):
        spoil(root / run / "extrapolation.csv", column, cell)
        for words in (("plot", "sizes", run), ("extrapolate", run, "--L", 3, "--samples", 3)):
            call(*words, cwd=root).failed(3, "extrapolation.csv", column, "move it away")
        (root / run / "extrapolation.csv").write_bytes(table)
    assert files_below(root) == before


def test_sizes_with_too_few_samples_for_a_spread(copied: Workshop):
    """One configuration has no standard deviation: that size is left out of the figure."""
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


# ------------------------------------------------------------------ the dataset of a run


def test_its_dataset_is_damaged(copied: Workshop):
    run, data = copied.run(NET), copied.root / copied.dataset("lattice")
    (copied.root / run / "summary.json").unlink()
    good = data.read_bytes()
    with h5py.File(data, "a") as file:
        file["spins"][0] *= -1
    before = files_below(copied.root)
    for why in ("its checksum does not match", "not a readable HDF5 file"):
        for words in (("evaluate", run), ("train", "--resume", run), ("plot", "parity", run)):
            named = ("is there, but", str(copied.dataset("lattice")), why, "efnn generate")
            assert "neither" not in call(*words, cwd=copied.root).failed(3, *named).err
        data.write_bytes(good[:-100])
    assert files_below(copied.root) == before
    data.with_name("zz.h5").write_bytes(good)  # a good copy under another name is found
    call("evaluate", run, cwd=copied.root).done()


def test_its_dataset_is_gone(copied: Workshop):
    """What is offered is what the command then takes: another one can judge, and only this one can be gone on with."""
    run, data, root = copied.run(NET), copied.dataset("lattice"), copied.root
    (root / data).rename(root / "moved.h5")
    call("generate", "heisenberg", "--L", 5, "--samples", 20, "--out", "other.h5", cwd=root).done()
    (root / run / "summary.json").unlink()
    same, only = "another dataset of the same Hamiltonian, with --data", "only that very dataset will do"
    call("evaluate", run, cwd=root).failed(3, "neither at", same)
    call("evaluate", run, "--data", "other.h5", cwd=root).done()
    assert "--data" not in call("plot", "spins", run, cwd=root).failed(3, "neither at", "data/, or beside the run").err
    call("train", "--resume", run, cwd=root).failed(3, "neither at", only, "--data")
    call("train", "--resume", run, "--data", "other.h5", cwd=root).failed(3, "other.h5 is not the dataset", only)
    call("train", "--resume", run, "--data", "moved.h5", cwd=root).done()


def test_no_dataset_can_be_read(copied: Workshop):
    for path in (copied.root / "data").glob("*.h5"):
        path.write_bytes(path.read_bytes()[:-100])
    call("train", "model=efnn", "depth=1", *SMALL, cwd=copied.root).failed(3, "4 cannot be read", "efnn generate")
