"""The table of exit codes, row by row: which code, and what the message names."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest
import torch

from .conftest import COMMANDS, EFNN, Workshop, as_anybody, call, environment, files_below, run_efnn, spawn

LATTICE = ("generate", "heisenberg", "--L", 4, "--samples", 24)


def writers(shop: Workshop) -> list[tuple[object, ...]]:
    """Commands that write, each in a way of its own."""
    run = shop.run("lattice net")
    extrapolate, predict = ("extrapolate", run, "--L", 5), ("predict", run, "--spins", "s.npy")
    return [LATTICE, ("train", "epochs=1"), ("evaluate", run), extrapolate, predict]


# ------------------------------------------------------------------ 2: usage and configuration


USAGE: list[tuple[str, str]] = [  # a command line, and what its message names
    ("generat heisenberg", "generate"),
    ("generate", "SYSTEM"),
    ("generate heisnberg", "did you mean heisenberg"),
    ("train model=efn", "did you mean efnn"),
    ("train dpeth=3", "did you mean depth"),
    ("generate three_spin system.J=8", "system.J"),
    ("train depth=0", "depth"),
    ("train model.kernel_size=4", "odd"),
    ("train depth", "KEY=VALUE"),
    ("train model=effective system=three_spin", "lattice"),
    ("train model=effective depth=2", "depth"),
    ("train system.J=8", "system="),
    ("train model=dnn model.name=resnet", "model=NAME"),
    ("train system=three_spin training.augment=true", "lattice"),
    ("train --resume outputs/x --overwrite", "--overwrite"),
    ("evaluate system=heisenberg", "system"),
    ("extrapolate model=efnn", "model"),
    ("generate double_exchange --L 2", "3"),
    ("generate double_exchange system.T=0", "system.T"),
    ("generate heisenberg system.J1=inf", "system.J1"),
    ("generate heisenberg system.J1=1e300", "1e+12"),
    ("generate heisenberg system.variant=lattce", "did you mean lattice"),
    ("generate heisenberg system.variant=infinite_range system.J1=2", "J1"),
    ("generate heisenberg --workers 0", "workers"),
    ("generate heisenberg sampling=uniform", "uniform_sphere"),
    ("generate double_exchange sampling=published --seed 1000", "seed"),
    ("generate heisenberg reference=dense", "formula"),
    ("evaluate split=tset", "did you mean test"),
    ("extrapolate --L 2", "3"),
    ("extrapolate --L 8,ten", "ten"),
    ("predict outputs/x", "--spins"),
    ("inspect", ""),
    ("config trian", "train"),
    ("config generate heisenberg three_spin", "heisenberg three_spin"),
    ("train L=12", "system=NAME system.L=12"),
    ("extrapolate system.L=20", "--L 20"),
    ("extrapolate system.J=8", "the run decides"),
    ("evaluate system.L=20", "efnn extrapolate --L 20"),
    ("generate heisenberg seed=null", "seed: wanted an integer, found null"),
    ("train efnn", "did you mean model=efnn?"),
    ("train double-exchange", "did you mean system=double_exchange?"),
    ("train budget=60", "10min"),
    ("train system=three_spin budget=1min epochs=3", "epochs"),
    ("generate heisenberg --L 10 system.L=12", "--L 10' and 'system.L=12"),
    ("train depth=3 model.depth=2", "depth=3' and 'model.depth=2"),
    ("generate heisenberg system=three_spin", "three_spin"),
    ("train --device cpu device=cuda", "--device cpu"),
    ("extrapolate --L 20 L=30", "L=30"),
]


@pytest.mark.parametrize(("line", "named"), USAGE)
def test_usage_and_configuration(here: Path, line: str, named: str):
    """The folder is empty: what is wrong with the words is said before any file is looked for."""
    call(*line.split(), cwd=here).failed(2, named)
    assert not files_below(here)


def test_configuration_is_checked_before_files(here: Path):
    """Missing or broken files do not hide what is wrong with the words."""
    (here / "text.h5").write_text("text")
    call("train", "--data", "none.h5", "depth=0", cwd=here).failed(2, "depth")
    call("train", "--data", "text.h5", "model=enfn", cwd=here).failed(2, "enfn")
    call("train", "--data", "none.h5", "--resume", "none", "depth=0", cwd=here).failed(2, "depth")
    call("evaluate", "outputs/none", "split=tset", cwd=here).failed(2, "tset")
    call("extrapolate", "outputs/none", "--L", 2, cwd=here).failed(2, "L")
    call("predict", "outputs/none", "--spins", "none.npy", "dvice=cpu", cwd=here).failed(2, "dvice")
    call("generate", "heisenberg", "--spins", "none.npy", "--workers", 0, cwd=here).failed(2, "workers")


def test_bare(here: Path):
    outcome = run_efnn(cwd=here)
    assert outcome.code == 2
    assert "Usage" in outcome.out + outcome.err
    assert all(command in outcome.out + outcome.err for command in COMMANDS)
    assert "Traceback" not in outcome.err


def test_bench_alone_shows_its_help(here: Path):
    outcome = call("bench", cwd=here)
    assert (outcome.code, outcome.err) == (2, "")
    assert " bench [OPTIONS] COMMAND" in outcome.out


# ------------------------------------------------------------------ 3: inputs


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (("train",), "efnn generate"),
        (("train", "system=three_spin", "system.L=7"), "efnn generate three_spin"),
        (("evaluate",), "efnn train"),
        (("extrapolate",), "efnn train"),
        (("train", "--data", "."), "error"),
        (("train", "--resume", "outputs/none"), "outputs/none"),
        (("evaluate", "outputs/none"), "outputs/none"),
        (("predict", "outputs/none", "--spins", "none.npy"), "none"),
        (("generate", "heisenberg", "--spins", "none.npy"), "none.npy"),
        (("inspect", "none.h5"), "none.h5"),
        (("inspect", "."), "error"),
    ],
)
def test_missing_input(here: Path, args: tuple[str, ...], hint: str):
    call(*args, cwd=here).failed(3, hint)
    assert not files_below(here)


def rewrite(path: Path, **changes: object) -> None:
    with h5py.File(path, "a") as file:
        metadata = json.loads(file["metadata"].asstr()[()]) | changes
        del file["metadata"]
        file["metadata"] = json.dumps(metadata)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2000])


def changed(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["energies"][0] += 1.0


SPOILED = [
    (cut, ""),
    (lambda path: rewrite(path, schema_version=99), "newer"),
    (lambda path: rewrite(path, format="somebody-elses"), "somebody-elses"),
    (changed, "damaged"),
]


@pytest.mark.parametrize(("spoil", "named"), SPOILED, ids=["cut", "newer", "foreign", "changed"])
def test_bad_dataset(workshop: Workshop, here: Path, spoil: Callable[[Path], None], named: str):
    spoil(Path(shutil.copy(workshop.root / workshop.dataset("lattice"), here / "bad.h5")))
    run = workshop.root / workshop.run("lattice net")
    for words in (("train",), ("evaluate", run)):
        call(*words, "--data", "bad.h5", cwd=here).failed(3, "bad.h5", named)
    call("inspect", "bad.h5", cwd=here).failed(3, "bad.h5")
    assert files_below(here) == {"bad.h5"}


def test_bad_dataset_among_others_is_passed_over(copied: Workshop):
    (copied.root / "data" / "heisenberg-L9-n9-s0-00000000.h5").write_text("text")
    outcome = call("train", "--dry-run", "--json", cwd=copied.root).done()
    assert str(copied.dataset("lattice")) in outcome.err
    assert any("heisenberg-L9-n9-s0-00000000.h5" in each for each in outcome.json()["warnings"])


def test_bad_checkpoint(copied: Workshop):
    run, data = copied.run("lattice net"), copied.dataset("lattice")
    cut(copied.root / run / "best.h5")
    for words in (("evaluate", run), ("extrapolate", run, "--L", 5), ("predict", run, "--spins", data)):
        call(*words, cwd=copied.root).failed(3, "best.h5")


def test_dense_network_has_no_other_size(copied: Workshop):
    run = copied.run("binary net")
    call("extrapolate", run, "--L", 8, cwd=copied.root).failed(3, "dense", "6")
    call("generate", "three_spin", "--L", 5, "--samples", 24, "--out", "five.h5", cwd=copied.root).done()
    call("evaluate", run, "--data", "five.h5", cwd=copied.root).failed(3, "5", "6")


@pytest.mark.parametrize(
    ("run", "args", "named"),
    [
        ("lattice net", ("heisenberg", "--L", 4, "system.J1=2"), ("J1", "2.0", "1.0")),
        ("lattice net", ("double_exchange", "--L", 4), ("heisenberg", "double_exchange")),
        ("binary net", ("three_spin", "--L", 6, "system.coupling_seed=1"), ("coupling",)),
    ],
)
def test_another_hamiltonian(copied: Workshop, run: str, args: tuple[object, ...], named: tuple[str, ...]):
    call("generate", *args, "--samples", 24, "--out", "other.h5", cwd=copied.root).done()
    call("evaluate", copied.run(run), "--data", "other.h5", cwd=copied.root).failed(3, "other.h5", *named)


def test_dataset_that_does_not_match_the_wish(copied: Workshop):
    args = ("--data", copied.dataset("lattice"))
    call("train", *args, "system=double_exchange", cwd=copied.root).failed(3, "double_exchange", "heisenberg")
    call("train", *args, "system=heisenberg", "system.J1=2", cwd=copied.root).failed(3, "J1")


def test_ensemble_of_different_hamiltonians(copied: Workshop):
    runs = [copied.run("lattice net"), copied.run("hopping fit")]
    call("evaluate", *runs, cwd=copied.root).failed(3, "heisenberg", "double_exchange")
    call("extrapolate", *runs, "--L", 5, cwd=copied.root).failed(3, "heisenberg", "double_exchange")


def test_network_without_a_form_for_the_dataset(copied: Workshop):
    """Only the dataset tells that there is no lattice; still it is the words that are wrong."""
    call("train", "--data", copied.dataset("binary"), "model=effective", cwd=copied.root).failed(2, "lattice")
    call("train", "--data", copied.dataset("scalar"), "model.kernel_size=3", cwd=copied.root).failed(2, "kernel_size")
    call("train", "--data", copied.dataset("scalar"), "training.augment=true", cwd=copied.root).failed(2, "augment")
    call("train", "--data", copied.dataset("lattice"), "training.augment=true", "--dry-run", cwd=copied.root).done()


# ------------------------------------------------------------------ 4: numbers


def test_loss_that_is_not_finite(copied: Workshop):
    args = ("train", "--data", copied.dataset("binary"), "model=dnn", "depth=1", "epochs=40", "lr=1e30")
    call(*args, cwd=copied.root).failed(4, "not finite", "lr")
    (run,) = set((copied.root / "outputs").glob("three_spin-dnn-*")) - {copied.root / copied.run("binary net")}
    assert not (run / "summary.json").exists()
    assert "Traceback" in (run / "run.log").read_text(), "run.log keeps the traceback"
    again = call(*args, "--json", cwd=copied.root)
    assert again.code == again.json()["code"] == 4


# ------------------------------------------------------------------ 5: device and memory


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device to hide")
def test_cuda_hidden(here: Path):
    """The reason, never the CPU instead."""
    run_efnn(*LATTICE, "--device", "cuda", cwd=here, env={"CUDA_VISIBLE_DEVICES": ""}).failed(5, "CUDA_VISIBLE_DEVICES")
    assert not files_below(here)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
def test_no_cuda(copied: Workshop):
    before = files_below(copied.root)
    for command in writers(copied):
        call(*command, "--device", "cuda", cwd=copied.root).failed(5, "cuda")
    call(*LATTICE, "device=cuda:1", cwd=copied.root).failed(5, "cuda")
    assert files_below(copied.root) == before


def test_more_than_fits_into_memory(here: Path):
    """Refused before any work; a dry run is enough, and harmless where the check were missing."""
    words = ("double_exchange", "--L", 400, "--samples", 1, "reference=dense")
    call("generate", *words, "--dry-run", cwd=here).failed(5, "GiB")
    outcome = call("generate", "heisenberg", "--L", 100, "--samples", 900_000_000, "--dry-run", cwd=here)
    assert outcome.code in (5, 74)
    assert "Traceback" not in outcome.err
    assert not files_below(here)


# ------------------------------------------------------------------ 6: conflicts


def test_out_names_something_else(copied: Workshop):
    root, run, data = copied.root, copied.run("lattice net"), copied.dataset("lattice")
    (root / "mine.h5").write_text("precious")
    (root / "folder").mkdir()
    (root / "folder" / "thesis.tex").write_text("precious")
    before = {name: (root / name).read_bytes() for name in files_below(root)}
    for command in writers(copied):
        for place in ("mine.h5", *(["folder"] if command[0] != "extrapolate" else [])):
            call(*command, "--out", place, cwd=root).failed(6, place)
    call(*LATTICE, "--out", data, cwd=root).failed(6, str(data))
    call("train", "epochs=1", "--out", run, cwd=root).failed(6, str(run))
    for command in (LATTICE, ("merge", *LATTICE[1:]), ("evaluate", run)):
        call(*command, "--out", "..", cwd=root).failed(6, "wanted the name of a file", "NAME")
        call(*command, "--out", "e.npy", cwd=root).failed(2, "e.npy", ".h5")
    assert {name: (root / name).read_bytes() for name in files_below(root)} == before


def test_overwrite(copied: Workshop):
    root, run = copied.root, copied.run("lattice net")
    (root / "mine.h5").write_text("precious")
    call(*LATTICE, "--out", "mine.h5", "--overwrite", cwd=root).done()
    assert call("inspect", "mine.h5", "--json", cwd=root).json()["metrics"]["samples"] == 24
    before = call("inspect", run, "--json", cwd=root).json()["metrics"]["summary"]
    args = ("train", "--data", copied.dataset("hopping"), "model=effective", "--overwrite", "--json", "--out", run)
    call(*args, cwd=root).done()
    after = call("inspect", run, "--json", cwd=root).json()["metrics"]
    assert after["summary"] != before
    assert after["config"]["model"]["name"] == "effective"


def test_out_asked_for_again_is_no_conflict(here: Path):
    train = ("train", "--data", "mine.h5", "epochs=1", "depth=1", "--out", "runs/a")
    for args in ((*LATTICE, "--out", "mine.h5"), train):
        first, again = (call(*args, "--json", cwd=here).done().json() for _ in range(2))
        assert (again["metrics"], again["outputs"]) == (first["metrics"], first["outputs"])


# ------------------------------------------------------------------ 74: places that cannot be written


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_unwritable_places(copied: Workshop):
    before = files_below(copied.root)
    dry = [(*LATTICE, "--dry-run"), ("train", "epochs=1", "--dry-run")]
    for command in (*writers(copied), *dry):
        for place in ("/proc/x/y.h5", "s.npy/y.h5"):
            call(*command, "--out", place, cwd=copied.root).failed(74, place.strip("/").split("/")[0])
    assert files_below(copied.root) == before


def test_read_only_folder(here: Path):
    here.chmod(0o500)
    try:
        as_anybody(*LATTICE, cwd=here).failed(74, "data")
    finally:
        here.chmod(0o700)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_under_stdout(workshop: Workshop):
    """The result cannot be shown: that is a failure to write, not a defect."""
    with (
        open("/dev/full", "w") as full,
        spawn(*EFNN, "config", "evaluate", "--json", cwd=workshop.root, stdout=full) as done,
    ):
        _, err = done.communicate()
    assert done.returncode == 74, err
    assert "Traceback" not in err


def test_what_must_not_be_read(copied: Workshop):
    """No usage error and no defect: the file is named."""
    data = copied.dataset("lattice")
    (copied.root / data).chmod(0)
    as_anybody("inspect", data, cwd=copied.root).failed(3, data.name)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["a full disk", "a reader that has gone", "nowhere"])
def test_stderr_is_never_worth_the_work(copied: Workshop, place: str):
    """Its log lies on the same full disk, its `head` has seen enough, or it was closed: training goes on."""
    words = ("train", "model=dnn", "depth=1", "epochs=3", "seed=77", "--data", copied.dataset("lattice"), "--json")
    command = [sys.executable, "-m", "efnn_cli", *map(str, words)]
    if place == "nowhere":
        command = ["sh", "-c", 'exec "$@" 2>&-', "sh", *command]
    reading, writing = os.pipe()
    os.close(reading)
    with open("/dev/full", "w") as full:
        stderr = {"a full disk": full.fileno(), "a reader that has gone": writing, "nowhere": subprocess.DEVNULL}
        done = subprocess.run(
            command, cwd=copied.root, env=environment(), stdout=subprocess.PIPE, stderr=stderr[place], check=False
        )
    os.close(writing)
    assert done.returncode == 0, done
    result = json.loads(done.stdout)
    assert (copied.root / result["outputs"]["checkpoint"]).exists()
    shutil.rmtree(copied.root / result["outputs"]["run"])


def test_a_reader_of_stdout_that_has_gone(workshop: Workshop):
    """As a shell expects of `efnn ... | head`: ended by SIGPIPE, and nothing said."""
    reading, writing = os.pipe()
    os.close(reading)
    with spawn(*EFNN, "config", "evaluate", cwd=workshop.root, stdout=writing) as done:
        _, err = done.communicate()
    os.close(writing)
    assert (done.returncode, err) == (141, "")


def test_a_name_too_long_is_refused_before_work(here: Path):
    call(*LATTICE, "--out", f"{'y' * 220}.h5", cwd=here).failed(74, "223 bytes", "at most 200")
    assert not files_below(here)
    call(*LATTICE, "--out", f"{'y' * 197}.h5", cwd=here).done()


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="there is one")
def test_a_gpu_that_is_not_there(here: Path):
    call("generate", "heisenberg", "--L", 4, "--samples", 5, "--device", "mps", cwd=here).failed(
        5, "Apple", "--device cpu"
    )
