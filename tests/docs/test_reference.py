"""docs/reference: generated pages are what the code gives now, and files are what their page says."""

import csv
import importlib.util
import json
import re

import h5py
import numpy as np
import pytest
import yaml
from fences import ROOT

from efnn_cli.cli import main

FOLDER = ROOT / "docs" / "reference"
PAGE = (FOLDER / "files.md").read_text()
MADE = (
    "generate double_exchange --L 3 --samples 30 fields=true",
    "generate double_exchange --L 3 --samples 2 reference=determinant",
    "generate three_spin --L 6 --samples 4",
    "generate double_exchange --L 3 --samples 4 sampling=ladder levels=true spin_sweeps=2",
    "generate heisenberg --L 3 --samples 30 sampling=thermal spin_temperature=1 spin_sweeps=2 fields=true",
    "train epochs=1 depth=1 model.kernel_size=3 training.optimizer=adam",
    "extrapolate --L 3,4 --samples 2",
    "evaluate --out judged.h5",
    "predict {run} --spins mine.npy --fields --coverage 0.5",
    "import mine.npy --energies mine.txt --note mine",
)


def generator():
    spec = importlib.util.spec_from_file_location("reference_generator", FOLDER / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["commands.md", "configuration.md"])
def test_generated_pages_are_up_to_date(name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    assert (FOLDER / name).read_text() == generator().TEXTS[name](), "make reference"


def test_every_key_has_a_type():
    lines = [line.split("|") for line in (FOLDER / "configuration.md").read_text().splitlines() if line[:3] == "| `"]
    types = [cells[2].strip() for cells in lines if len(cells) == 6]  # the table of recipes has no types
    assert len(types) > 50
    assert all(types)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    spins = np.zeros((2, 3, 3, 3))
    spins[:, 2] = 1
    np.save(folder / "mine.npy", spins)
    (folder / "mine.txt").write_text("1.5\n2.5\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for line in MADE:
            run = next(folder.glob("outputs/*"), folder).relative_to(folder)
            assert main([*line.format(run=run).split(), "-q"]) == 0, line
    return folder


def section(title):
    return re.split(r"^#+ ", PAGE.partition(f" {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def rows(title, head):
    """Names in the first column of the table with this head, and the other cells."""
    table = section(title).partition(f"| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    for line in table:
        first, *cells = (cell.strip() for cell in line.strip("| \n").split("|"))
        for name in re.findall(r"`([^`]+)`", first):
            yield name.lstrip("/"), cells


def quoted(text):
    return set(re.findall(r"`(\w+)`", text))


def opened(paths):
    for path in paths:
        with h5py.File(path) as file:
            assert re.fullmatch("[0-9a-f]{64}", file.attrs["sha256"])
            arrays = {
                name: (file[name].dtype.name, file[name].shape) for name in file if name not in ("metadata", "state")
            }
            yield arrays, json.loads(file["metadata"].asstr()[()])


@pytest.mark.parametrize(
    ("title", "pattern"),
    [("Datasets", "data/**/*.h5"), ("Predictions", "[jo]u*/**/pred*.h5"), ("Predictions", "judged.h5")],
)
def test_arrays_and_metadata(title, pattern, made):
    known, meta = dict(rows(title, "array")), dict(rows(title, "metadata"))
    paths = sorted(made.glob(pattern))
    assert paths
    for arrays, metadata in opened(paths):
        assert set(metadata) <= set(meta)
        sizes = {"n": arrays["energies"][1][0], "M": 1, "3": 3}
        for name, (kind, shape) in arrays.items():
            wanted_kind, wanted_shape, _ = known[name]
            assert kind == wanted_kind
            wanted = known["spins"][1] if wanted_shape == "as `/spins`" else wanted_shape
            options = [re.findall(r"\w+", each) for each in wanted.split(" or ")]
            assert any(
                len(option) == len(shape) and all(sizes.get(s, n) == n for s, n in zip(option, shape, strict=True))
                for option in options
            ), (name, shape)


def test_everything_that_the_page_names_is_there_somewhere(made):
    found = list(opened([*made.glob("data/**/*.h5"), made / "judged.h5", *made.glob("outputs/*/pred*.h5")]))
    for kind in ("array", "metadata"):
        there = set().union(*(arrays if kind == "array" else metadata for arrays, metadata in found))
        for title in ("Datasets", "Predictions"):
            assert {name for name, _ in rows(title, kind)} <= there


def test_run_folder(made):
    (run,) = made.glob("outputs/*")
    named = section("Run folders")
    for path in run.iterdir():
        shown = re.sub(r"-[0-9a-f]{8}\.", "-<hash8>.", path.name)
        assert f"`{shown}`" in named or f"`{path.suffix}`" in named, path.name
    for name in ("last", "best"):
        ((_, metadata),) = opened([run / f"{name}.h5"])
        assert set(metadata) == {each for each, _ in rows("Checkpoints", "metadata")}
        states = section("Checkpoints").partition(f"`state` of `{name}.h5`:")[2].partition("`state` of")[0]
        assert set(metadata["state"]) == quoted(states)
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert set(config) <= quoted(section("config.yaml")) <= set(config) | {"training"}
    summary = json.loads((run / "summary.json").read_text())
    inside = {*summary, *summary["metrics"], *summary["metrics"]["test"], *summary["domain"], *summary["intervals"]}
    assert inside == quoted(section("summary.json"))


@pytest.mark.parametrize("table", ["metrics.csv", "extrapolation.csv"])
def test_columns(table, made):
    (path,) = made.glob(f"outputs/*/{table}")
    with path.open() as file:
        assert csv.DictReader(file).fieldnames == [name for name, _ in rows(table, "column")]
