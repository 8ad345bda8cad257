"""What users really do: nothing is ignored in silence, nothing of theirs is lost, and they are told what to type."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from efnn_cli.storage import documents

from .conftest import NO_USE, Workshop, call, files_below

OWN = "# @package _global_\nlr: 0.01\nepochs: 1\ntraining:\n  batch_size: 20\n  optimizer: adam\n"


def own_recipe(folder: Path, text: str = OWN) -> tuple[str, ...]:
    (folder / "my" / "training").mkdir(parents=True, exist_ok=True)
    (folder / "my" / "training" / "mine.yaml").write_text(text)
    return ("training=mine", "--config-dir", "my")


def trained(root: Path, *words: object) -> dict:
    run = call("train", *words, "--json", cwd=root).done().json()["outputs"]["run"]
    return documents.read_yaml(root / run / "config.yaml")["training"]


def test_a_recipe_that_links_nothing(copied: Workshop):
    """lr and epochs are those of the file, and those of the command line before them, as in a recipe of ours."""
    words = ("model=efnn", "depth=1", "--data", copied.dataset("binary"), *own_recipe(copied.root))
    recipe = trained(copied.root, *words)
    assert (recipe["lr"], recipe["epochs"], recipe["batch_size"]) == (0.01, 1, 20)
    recipe = trained(copied.root, *words, "lr=0.02", "epochs=2")
    assert (recipe["lr"], recipe["epochs"]) == (0.02, 2)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (OWN + "  lr: 0.5\n", ("training.lr=0.5 and lr=0.01", "${lr}")),
        (OWN.partition("\n")[2], ("training: your file", "# @package _global_")),
        (OWN + "  dtype: [float32\n", ("mine.yaml, line 7", "expected ',' or ']'")),
    ],
)
def test_a_recipe_that_cannot_be_meant(copied: Workshop, text: str, named: tuple[str, ...]):
    words = own_recipe(copied.root, text)
    call("train", "model=efnn", "--data", copied.dataset("binary"), *words, cwd=copied.root).failed(2, *named)


def test_results_do_not_replace_what_they_are_made_of(copied: Workshop):
    run, data = copied.run("lattice net"), copied.dataset("lattice")
    with h5py.File(copied.root / "s.h5", "w") as file:
        file["spins"] = np.ones((2, 3, 6, 6)) / np.sqrt(3)
    (copied.root / "link.h5").symlink_to("s.h5")
    before = {name: (copied.root / name).read_bytes() for name in files_below(copied.root)}
    for words in (
        ("evaluate", run, "--out", data),
        ("evaluate", run, "--data", data, "--out", Path(run) / "best.h5"),
        ("predict", run, "--spins", "s.h5", "--out", "link.h5"),
        ("predict", Path(run) / "best.h5", "--spins", "s.h5", "--out", Path(run) / "last.h5"),
        ("generate", "heisenberg", "--spins", "s.h5", "--out", "s.h5"),
    ):
        call(*words, "--overwrite", cwd=copied.root).failed(6, "another --out")
    assert {name: (copied.root / name).read_bytes() for name in files_below(copied.root)} == before


@pytest.mark.parametrize(
    "words",
    [
        ("model=resnet", "lr=1e300", "training.optimizer=soap"),
    ],
    ids=lambda words: words[1],
)
def test_numbers_that_no_optimizer_survives(copied: Workshop, words: tuple[str, ...]):
    """Exit 4 or a finished training, never a defect."""
    outcome = call("train", *words, "depth=1", "epochs=3", "--data", copied.dataset("lattice"), cwd=copied.root)
    assert outcome.code in (0, 4), outcome.err
    assert outcome.code == 0 or "try a smaller lr" in outcome.err


@pytest.mark.parametrize(
    ("grid", "named"),
    [
        ("seed=1,2", "--seeds"), ("model=efnn,dnn", "--models"), ("width=3,5", "--parameters"),
        ("lr=0.01,0.01", "once"), ("lr=range(3)", "lr=V1,V2"),
    ],
)  # fmt: skip
def test_grids_of_what_is_set_elsewhere(workshop: Workshop, grid: str, named: str):
    words = ("compare", "--data", workshop.dataset("binary"), "--grid", grid, "--dry-run")
    call(*words, cwd=workshop.root).failed(2, "--grid", named)


@pytest.mark.parametrize(
    ("words", "spins", "named"),
    [
        (("heisenberg",), np.ones((2, 3, 2, 2)), "(samples, 3, L, L) with L >= 3, found (2, 3, 2, 2)"),
        (("heisenberg",), np.ones((2, 3, 6, 8)), "(samples, 3, L, L) with L >= 3, found (2, 3, 6, 8)"),
        (("three_spin",), np.ones((5, 2)), "shape (5, 2): system.L: wanted"),
    ],
)
def test_spins_of_a_size_that_the_system_cannot_have(here: Path, words: tuple[str, ...], spins: np.ndarray, named: str):
    np.save(here / "s.npy", spins)
    call("generate", *words, "--spins", "s.npy", cwd=here).failed(3, "s.npy", named)
    assert files_below(here) == {"s.npy"}


def test_a_sweep_of_nothing(workshop: Workshop):
    call("train", "-m", "seed=range(0)", "--count", cwd=workshop.root).failed(2, "seed=range(0)", "nothing to train")


def test_the_last_checkpoint_is_asked_for(copied: Workshop):
    """Which weights it gives is said."""
    run = Path(copied.run("lattice net"))
    np.save(copied.root / "s.npy", np.ones((2, 3, 6, 6)) / np.sqrt(3))
    outcome = call("predict", run / "last.h5", "--spins", "s.npy", cwd=copied.root).done()
    assert "last.h5: the last weights, those of epoch 2; the best ones are in best.h5" in outcome.err
    shutil.rmtree(copied.root / run)


@pytest.mark.parametrize("name", ["best.h5", "metrics.csv", "lock"])
def test_results_do_not_replace_another_run(copied: Workshop, name: str):
    """Nor stand where one of its files will be; a link to it is no way around that."""
    run, other = copied.run("lattice net"), copied.run("lattice twin")
    np.save(copied.root / "s.npy", np.ones((2, 3, 6, 6)) / np.sqrt(3))
    (copied.root / "link").symlink_to(other / name)
    (copied.root / other / "lock").unlink(missing_ok=True)
    before = {each: (copied.root / each).read_bytes() for each in files_below(copied.root)}
    for command in (
        ("evaluate", run, "--out", other / name),
        ("predict", run, "--spins", "s.npy", "--out", other / name),
        ("predict", run, "--spins", "s.npy", "--out", "link"),
        ("generate", "heisenberg", "--L", 4, "--samples", 20, "--out", other / name),
        ("merge", "heisenberg", "--L", 4, "--samples", 20, "--out", other / name),
        *([("plot", "curve", run, "--out", other / "metrics")] if name == "metrics.csv" else []),
    ):
        for words in ([*command, "--overwrite"], command)[command[0] == "merge" :]:
            call(*words, cwd=copied.root).failed(6, "belongs to the run", str(other), "another --out")
    assert {each: (copied.root / each).read_bytes() for each in files_below(copied.root)} == before


def test_results_do_not_replace_what_took_hours(copied: Workshop):
    """Datasets and checkpoints, wherever they lie; predictions and files of others are replaced when asked."""
    run, data = copied.run("lattice net"), copied.dataset("binary")
    shutil.copy(copied.root / copied.run("lattice twin") / "best.h5", copied.root / "kept.h5")
    for path, what in ((data, "is a dataset"), ("kept.h5", "is a checkpoint")):
        image = (copied.root / path).read_bytes()
        call("evaluate", run, "--out", path, "--overwrite", cwd=copied.root).failed(6, str(path), what, "another --out")
        assert (copied.root / path).read_bytes() == image
    (copied.root / "p.h5").write_text("notes")
    for _ in "notes", "predictions":
        call("evaluate", run, "--out", "p.h5", "--overwrite", cwd=copied.root).done()


@pytest.mark.parametrize("out", ["", "..", "data"])
def test_a_folder_in_the_place_of_a_file(copied: Workshop, out: str):
    run = copied.run("lattice net")
    np.save(copied.root / "s.npy", np.ones((2, 3, 6, 6)) / np.sqrt(3))
    before = files_below(copied.root.parent)
    for command in (
        ("evaluate", run),
        ("predict", run, "--spins", "s.npy"),
        ("generate", "heisenberg", "--L", 4, "--samples", 20),
        ("merge", "heisenberg", "--L", 4, "--samples", 20),
        *([] if out == "data" else [("plot", "curve", run)]),
    ):
        call(*command, "--out", out, cwd=copied.root).failed(6, "wanted the name of a file", "NAME")
    assert files_below(copied.root.parent) == before


def ratios(node: object) -> list[float]:
    """Every RMSE / std(E) in a result but those of training and validation."""
    if isinstance(node, list):
        return [each for item in node for each in ratios(item)]
    if not isinstance(node, dict):
        return []
    own = [node["rmse_over_std"]] if "rmse_over_std" in node else []
    return own + [each for key, item in node.items() if key not in ("train", "val") for each in ratios(item)]


@pytest.mark.parametrize(
    "words",
    [
        ("train", "NETWORK"),
        ("train", "-m", "NETWORK"),
        ("evaluate", "RUN"),
        ("extrapolate", "RUN", "--L", "7,9", "--samples", 12),
        ("compare", "NETWORK", "--seeds", 1, "--L", 7, "--samples", 12),
    ],
    ids=["train", "sweep", "evaluate", "extrapolate", "compare"],
)
@pytest.mark.parametrize("useful", [False, True], ids=["of no use", "useful"])
def test_a_network_that_is_no_better_than_the_mean_says_so(copied: Workshop, words: tuple[object, ...], useful: bool):
    """In every command that judges, each time it is asked, with the figures."""
    idle = ("model=efnn", "depth=1", "epochs=1", "training.optimizer=adam", "lr=1e-9")
    network = ("model=effective",) if useful else idle
    data = ("--data", copied.dataset("lattice"))
    run = call("train", *network, *data, "--json", cwd=copied.root).done().json()["outputs"]["run"]
    if words[0] == "compare":
        network = (
            "--models",
            network[0].removeprefix("model="),
            *network[1:-1],
            *([] if useful else ["--grid", "lr=1e-9"]),
        )
    meant = {"NETWORK": (*network, *data), "RUN": (run,)}
    arguments = [each for word in words for each in meant.get(str(word), (word,))]
    for _ in "done", "found":
        outcome = call(*arguments, "--json", cwd=copied.root).done()
        told = [each for each in outcome.json()["warnings"] if NO_USE in each]
        assert len(told) == (0 if useful else 1), told
        assert all(f"warning: {each}" in outcome.err for each in told)
        found = ratios(outcome.json()["metrics"])
        assert all(each < 0.1 if useful else f"{each:.3g} " in told[0] for each in found)
        assert found or words[0] in ("compare", "train")


def test_a_member_that_is_no_better_than_the_mean_is_named(copied: Workshop):
    """The mean with a good one may be of use all the same."""
    data = ("--data", copied.dataset("lattice"), "--json")
    idle = ("model=efnn", "depth=1", "epochs=1", "training.optimizer=adam", "lr=1e-9")
    runs = [
        call("train", *network, *data, cwd=copied.root).done().json()["outputs"]["run"]
        for network in (("model=effective",), idle)
    ]
    for words, where in ((("evaluate",), ""), (("extrapolate", "--L", 7, "--samples", 12), "at L = 7 ")):
        found = call(*words, *runs, "--json", cwd=copied.root).done().json()
        (warning,) = (each for each in found["warnings"] if NO_USE in each)
        assert f"{where}for member 1;" in warning
        assert "member 0" not in warning


def test_a_comparison_warns_of_what_it_chose(copied: Workshop):
    """A grid is there to try: what it tried and left is no reason to worry, what it had to take is."""
    words = ("compare", "--models", "dnn", "--seeds", 1, "--data", copied.dataset("binary"), "epochs=1", "depth=1")
    wild = ("training.optimizer=adamw", "training.dtype=float64", "--json")
    result = call(*words, *wild, "--grid", "lr=1e30,1e-3", cwd=copied.root).done().json()
    assert result["metrics"]["rows"][0]["choice"] == "lr=1e-3"
    assert not any("e+" in each for each in result["warnings"])
    result = call(*words, *wild, "--grid", "lr=1e30,1e31", cwd=copied.root)
    (warning,) = result.done().json()["warnings"]
    assert warning.startswith("dnn, seed 0: no better than the mean energy: RMSE / std(E) is ")
    assert "e+" in warning
