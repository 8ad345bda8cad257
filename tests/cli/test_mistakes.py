"""What users really do: nothing is ignored in silence, nothing of theirs is lost, and they are told what to type."""

import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import efnn_cli
from efnn_cli.cli.app import app
from efnn_cli.storage import documents

from .conftest import NO_USE, SMALL, Workshop, call, files_below

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


def test_results_do_not_replace_what_took_hours(copied: Workshop):
    """Sources, files of another run, datasets and checkpoints: not even with --overwrite, nor by a link."""
    root, data = copied.root, copied.dataset("lattice")
    run, other = copied.run("lattice net"), copied.run("lattice twin")
    (root / "link").symlink_to(other / "metrics.csv")
    (root / other / "lock").unlink(missing_ok=True)
    shutil.copy(root / other / "best.h5", root / "kept.h5")
    lattice = ("heisenberg", "--L", 4, "--samples", 20)
    before = {name: (root / name).read_bytes() for name in files_below(root)}
    for words, named in (
        (("evaluate", run, "--out", data), data),
        (("evaluate", run, "--data", data, "--out", run / "best.h5"), "best.h5"),
        (("predict", run / "best.h5", "--spins", "s.npy", "--out", run / "last.h5"), "last.h5"),
        (("evaluate", run, "--out", copied.dataset("binary")), "is a dataset"),
        (("evaluate", run, "--out", "kept.h5"), "is a checkpoint"),
        (("evaluate", run, "--out", other / "lock"), "belongs to the run"),
        (("predict", run, "--spins", "s.npy", "--out", "link"), "belongs to the run"),
        (("generate", *lattice, "--out", other / "lock"), "belongs to the run"),
        (("merge", *lattice, "--out", other / "lock"), "belongs to the run"),
        (("plot", "curve", run, "--out", other / "metrics"), "belongs to the run"),
    ):
        again = () if words[0] == "merge" else ("--overwrite",)
        call(*words, *again, cwd=root).failed(6, str(named), "another --out")
    assert {name: (root / name).read_bytes() for name in files_below(root)} == before
    (root / "p.h5").write_text("notes")
    for _ in "notes", "predictions":
        call("evaluate", run, "--out", "p.h5", "--overwrite", cwd=root).done()


IDLE = ("model=efnn", "depth=1", "epochs=1", "training.optimizer=adam", "lr=1e-9")


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
    ],
    ids=["train", "sweep", "evaluate", "extrapolate"],
)
def test_a_network_that_is_no_better_than_the_mean_says_so(copied: Workshop, words: tuple[object, ...]):
    """In every command that judges, each time it is asked, with the figures."""
    data = ("--data", copied.dataset("lattice"))
    for network in (IDLE, ("model=effective",)):
        run = call("train", *network, *data, "--json", cwd=copied.root).done().json()["outputs"]["run"]
        meant = {"NETWORK": (*network, *data), "RUN": (run,)}
        arguments = [each for word in words for each in meant.get(str(word), (word,))]
        outcome = call(*arguments, "--json", cwd=copied.root).done()
        told = [each for each in outcome.json()["warnings"] if NO_USE in each]
        assert len(told) == (network is IDLE), told
        assert all(f"warning: {each}" in outcome.err for each in told)
        for each in ratios(outcome.json()["metrics"]):
            assert f"{each:.3g} " in told[0] if network is IDLE else each < 0.1


def test_a_member_that_is_no_better_than_the_mean_is_named(copied: Workshop):
    """The mean with a good one may be of use all the same."""
    data = ("--data", copied.dataset("lattice"), "--json")
    runs = [
        call("train", *network, *data, cwd=copied.root).done().json()["outputs"]["run"]
        for network in (("model=effective",), IDLE)
    ]
    for words, where in ((("evaluate",), ""), (("extrapolate", "--L", 7, "--samples", 12), "at L = 7 ")):
        found = call(*words, *runs, "--json", cwd=copied.root).done().json()
        (warning,) = (each for each in found["warnings"] if NO_USE in each)
        assert f"{where}for {Path(runs[1]).name};" in warning
        assert Path(runs[0]).name not in warning
        said = call(*words, *runs, cwd=copied.root).done().out
        assert "RMSE of the mean / spread" in said
        assert "error_over" not in said
        assert words[0] == "extrapolate" or all(f"\n{Path(run).name}  " in said for run in runs)


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


# ------------------------------------------------------------------ words of a command line


def commands() -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Every command, as it is typed, with its parameters."""
    for name, command in typer.main.get_command(app).commands.items():
        for sub, each in getattr(command, "commands", {"": command}).items():
            yield (name, sub) if sub else (name,), each.params


def options() -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Options that take one value, each of the first command that has it: its words, its name, its metavar."""
    known = set()
    for words, parameters in commands():
        for option in parameters:
            single = option.param_type_name == "option" and not option.is_flag and not option.multiple
            if single and option.opts[0] not in known:
                known.add(option.opts[0])
                needed = [each for each in parameters if each.required and each is not option]
                besides = ["x" for each in needed if each.param_type_name == "argument"]
                besides += [f"{each.opts[0]}=x" for each in needed if each.param_type_name == "option"]
                yield (*words, *besides), option.opts[0], option.metavar or ""


@pytest.mark.parametrize(("words", "name", "metavar"), list(options()), ids=str)
def test_an_option_with_two_values(here: Path, words: tuple[str, ...], name: str, metavar: str):
    hint = f"{name} 4,8" if "[," in metavar else "keep one of them"
    call(*words, name, 4, f"{name}=8", cwd=here).failed(2, f"{name} takes one value, found '4' and '8'", hint)
    assert not files_below(here)


def test_the_home_folder(copied: Workshop, monkeypatch: pytest.MonkeyPatch):
    """No shell replaces `~` in `--out=~/x`, nor between quotation marks."""
    monkeypatch.setenv("HOME", str(copied.root))
    away = copied.root / "away"
    (away / "my").mkdir(parents=True)
    (copied.root / "my").mkdir()
    run, data, net = f"~/{copied.run('lattice net')}", f"~/{copied.dataset('lattice')}", ("depth=1", *SMALL)
    for number, words in enumerate(
        [
            ("generate", "heisenberg", "--spins=~/s.npy", "--out=~/0.h5", "--config-dir=~/my"),
            ("train", f"--data={data}", "--out=~/1.h5", *net),
            ("evaluate", run, f"--data={data}", "--out=~/2.h5"),
            ("predict", run, "--spins=~/s.npy", "--out=~/3.h5"),
            ("extrapolate", run, "--L", 4, "--samples", 2, "--out=~/4.h5"),
            ("plot", "parity", run, f"--data={data}", "--out=~/5.h5"),
        ]
    ):
        call(*words, cwd=away).done()
        assert list(copied.root.glob(f"{number}.h5*"))
    call("inspect", "~/2.h5", cwd=away).done()
    call("train", "--resume=~/1.h5", cwd=away).done()
    assert efnn_cli.load(run).path == copied.root / copied.run("lattice net")
    assert not (away / "~").exists()


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("train --depth 3", "depth=3"),
        ("train model=resnet --kernel-size 3", "model.kernel_size=3"),
        ("evaluate --split val", "split=val"),
        ("generate heisenberg --J1 2", "system.J1=2"),
        ("compare --model efnn", "efnn compare --help"),
        ("train data=x.h5", "--data x.h5"),
        ("train logger=tensorboard", "did you mean log?"),
        ("train batch=20", "did you mean training.batch_size?"),
        ("generate heisenberg spin_temperature=0.1,0.5", "one command for each value"),
        ("train depth=1,2", "efnn train -m depth=1,2"),
        ("train 'seed=range(3)'", "efnn train -m 'seed=range(3)'"),
        ("compare depth=1,2", "--grid depth=1,2"),
        ("train data/x.h5", "--data data/x.h5"),
        ("extrapolate --L 20 40 12x8", "--L 20,40,12x8"),
        ("predict outputs/x", "efnn predict outputs/x --spins mine.npy"),
        ("relabel a.h5 system.J=8 b.h5", "efnn relabel data/FILE.h5 system.T=0.05"),
        ("relabel", "efnn relabel data/FILE.h5 system.T=0.05"),
        ("sample", "efnn sample outputs/RUN --L 20"),
        ("learn", "efnn learn double_exchange --L 10"),
        ("generate", "efnn generate heisenberg --L 10"),
        ("plot foo", "efnn plot curve"),
    ],
)
def test_what_was_meant(here: Path, line: str, hint: str):
    """The hint is all that is said: nothing beside it leads astray."""
    outcome = call(*shlex.split(line), cwd=here).failed(2)
    assert f"{hint} " in f"{outcome.err.splitlines()[-1]} "
    assert "Possible options: --data" not in outcome.err


def test_a_file_in_the_wrong_place(workshop: Workshop):
    """The hint is the option that takes it, or the command."""
    data, run, root = workshop.dataset("lattice"), workshop.run("lattice net"), workshop.root
    for name in ("evaluate", "extrapolate"):
        call(name, data, cwd=root).failed(3, f"efnn {name} --data {data}")
    call("predict", run, "s.npy", cwd=root).failed(2, "\n  --spins s.npy\n")
    for words in (("train", "--data"), ("inspect",)):
        call(*words, "s.npy", cwd=root).failed(3, "s.npy is not an HDF5 file", "--spins FILE", "efnn import")


def test_a_damaged_file_is_no_file_of_others(copied: Workshop):
    run = copied.run("lattice net")
    for name in ("last.h5", "best.h5"):
        (copied.root / run / name).write_bytes(b"x" * 1000)
    for words in (("evaluate", run), ("train", "--init", run, "--out", "more")):
        outcome = call(*words, cwd=copied.root)
        outcome.failed(3, ".h5 is not an HDF5 file")
        assert "efnn import" not in outcome.err


RECIPES = ("config", "train", "system=heisenberg", "system.variant=infinite_range", "--json")


@pytest.mark.parametrize("text", ["depth=03", "depth=${system.L}"])
def test_a_recipe_goes_by_the_number(here: Path, text: str):
    """However it was typed."""
    found = call(*RECIPES, "system.L=3", text, cwd=here).done().json()["metrics"]
    assert found["training"]["name"] == "default/infinite_range-efnn-d3"
    assert (found["training"]["epochs"], found["training"]["optimizer"]) == (250, "soap")


def test_a_folder_of_files_of_ones_own(here: Path):
    """Whatever it is called."""
    name = "it's [a=b c,$#%:"
    (here / name / "training").mkdir(parents=True)
    (here / name / "training" / "mine.yaml").write_text("# @package _global_\ntraining:\n  batch_size: 20\n")
    words = ("config", "train", "training=mine", "--config-dir", name)
    assert call(*words, "--json", cwd=here).done().json()["metrics"]["training"]["batch_size"] == 20
    call(*words, "batchsize=3", cwd=here).failed(2, "did you mean training.batch_size?")
