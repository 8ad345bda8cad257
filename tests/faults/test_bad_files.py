"""Files of other people, cut, flipped, hanging or of another kind: one clear sentence, or no harm at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from cli.conftest import Outcome, call, environment, files_below, run_efnn, wait_for

from efnn_cli.core.errors import InputError
from efnn_cli.storage import checkpoint, dataset, trial
from efnn_cli.storage.seal import BLOCK_BYTES, MAGIC

from .conftest import TRAIN, Shop
from .damage import READERS, TABLES, detected_or_harmless, flipped, same
from .record import Record

FROZEN = Path(__file__).parent.parent / "data"
HARMLESS = "refused with exit 3, or the same numbers"


@pytest.mark.parametrize("amount", [100, pytest.param(2000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", READERS)
def test_flipped_bits(shop: Shop, name: str, amount: int):
    path = shop.file(name)
    image, whole = path.read_bytes(), READERS[name](path)
    record = Record(f"bit flips: {name}", f"one flipped bit in a {name}, spread over the file", HARMLESS, seed=1)
    for damaged in flipped(image, amount, seed=1):
        path.write_bytes(damaged)
        record.count(detected_or_harmless(name, path, whole))
    record.close(f"flips-{name}-{amount}")


@pytest.mark.parametrize("name", READERS)
def test_cut_at_every_percent(shop: Shop, name: str):
    path = shop.file(name)
    image, whole = path.read_bytes(), READERS[name](path)
    record = Record(f"cut files: {name}", f"a {name} cut at every 1 % of its length", HARMLESS)
    for percent in range(100):
        path.write_bytes(image[: len(image) * percent // 100])
        record.count(detected_or_harmless(name, path, whole))
    record.close(f"cut-{name}")


def test_what_the_hdf5_library_never_sees(shop: Shop):
    """Every flip behind the seal is found by the digest, before a library that might not come back."""
    for path in (shop.dataset, shop.file("last.h5")):
        image = path.read_bytes()
        assert image.startswith(MAGIC)
        for damaged in flipped(image[BLOCK_BYTES:], 50, seed=2):
            path.write_bytes(image[:BLOCK_BYTES] + damaged)
            with pytest.raises(InputError, match="checksum does not match"):
                READERS["dataset" if path == shop.dataset else "last.h5"](path)


def test_files_from_before_the_seal_are_read(tmp_path: Path):
    for name, read in (("dataset", dataset.read), ("checkpoint", checkpoint.read)):
        sealed, bare = FROZEN / f"{name}-v1-sealed.h5", FROZEN / f"{name}-v1.h5"
        assert sealed.read_bytes().startswith(MAGIC)
        assert not bare.read_bytes().startswith(MAGIC)
        assert same(read(sealed), read(bare))
        with h5py.File(sealed) as file:  # readers in other languages skip the seal
            assert file.userblock_size == BLOCK_BYTES
            assert "metadata" in file


READ = "import h5py, sys; f = h5py.File(sys.argv[1], 'r'); [n[()] for n in f.values() if isinstance(n, h5py.Dataset)]"


def harms(path: Path) -> bool:
    """Whether this HDF5 library really loops or crashes on the file, tried out without anything of ours."""
    try:
        return subprocess.run([sys.executable, "-c", READ, path], capture_output=True, timeout=6).returncode < 0
    except subprocess.TimeoutExpired:
        return True


def bare(path: Path) -> None:
    """As it is."""


def behind_an_unreadable_attribute(path: Path) -> None:
    """What h5py cannot read stands before the node that does harm."""
    with h5py.File(path, "r+") as file:
        kind = h5py.h5t.UNIX_D32LE
        h5py.h5a.create(file.id, b"a", kind, h5py.h5s.create(h5py.h5s.SCALAR))


def behind_an_unreadable_array(path: Path) -> None:
    """The first array needs a filter that nobody has."""
    with h5py.File(path, "r+") as file:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((2,))
        plist.set_filter(32_000, h5py.h5z.FLAG_OPTIONAL, ())
        space, name = h5py.h5s.create_simple((2,)), b"a"
        h5py.h5d.create(file.id, name, h5py.h5t.NATIVE_DOUBLE, space, plist)


UNREADABLE = (behind_an_unreadable_attribute, behind_an_unreadable_array)


@pytest.mark.timeout(200)
@pytest.mark.parametrize(
    "change",
    [bare, *(pytest.param(each, marks=pytest.mark.slow) for each in UNREADABLE)],
    ids=lambda change: change.__name__,
)
@pytest.mark.parametrize("name", ["foreign-loops.h5", "foreign-crashes.h5"])
def test_what_the_hdf5_library_does_not_survive(here: Path, name: str, change: Callable[[Path], None]):
    """Files of others, without a seal, with one flipped bit: a process that is lost tells, in each kind of reading."""
    path = here / "bad.h5"
    shutil.copy(FROZEN / name, path)
    change(path)
    assert not path.read_bytes().startswith(MAGIC)
    if not harms(path):
        pytest.skip("this HDF5 library survives it")
    cores = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (cores[1], cores[1]))
    with path.open("rb") as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)  # which must not keep the process from looking
        call("inspect", "bad.h5", cwd=here).failed(3, "bad.h5 is damaged", "the HDF5 library")
    for words in (("train", "--data", "bad.h5"), ("generate", "heisenberg", "--spins", "bad.h5")):
        call(*words, cwd=here).failed(3, "bad.h5 is damaged", "the HDF5 library")
    assert files_below(here) == {"bad.h5"}, "no core of the process that was lost"
    resource.setrlimit(resource.RLIMIT_CORE, cores)


def test_a_foreign_file_that_takes_its_time(tmp_path: Path):
    """400 MB in 6: signs, compressed; the limit of time grows with them, and they are not kept in memory."""
    path = tmp_path / "signs.h5"
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (5000, 100))
    with h5py.File(path, "w") as file:
        spins = file.create_dataset("spins", (500_000, 100), "f8", chunks=(5000, 100), compression="gzip")
        for first in range(0, 500_000, 5000):
            spins[first : first + 5000] = signs
    assert trial.defect(path) is None
    before = time.process_time()
    assert trial.defect(path) is None
    assert time.process_time() - before < 0.1, "found out once"


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_is_no_damage(here: Path, signum: signal.Signals):
    """To all processes of the job, as batch systems send it, while a good foreign file is tried out."""
    with h5py.File(here / "s.h5", "w") as file:
        file["spins"] = np.random.default_rng(0).normal(size=(300_000, 15))
    command = [sys.executable, "-m", "efnn_cli", "generate", "three_spin", "--spins", "s.h5"]
    with subprocess.Popen(command, cwd=here, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        trials = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        wait_for(lambda: process.poll() is not None or bool(trials.read_text().split()))
        for child in trials.read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), signum)
        process.send_signal(signum)
        said = process.communicate()[1]
    assert process.returncode == 128 + signum, said
    assert "damaged" not in said


@pytest.mark.slow
def test_flipped_bits_of_a_file_without_a_seal(tmp_path: Path):
    """What is not data in it: the library may crash or loop, we do not."""
    image = (FROZEN / "dataset-v1.h5").read_bytes()
    path = tmp_path / "d.h5"
    path.write_bytes(image)
    whole = dataset.read(path)
    record = Record("bit flips: no seal", "one flipped bit in a dataset without a seal", HARMLESS, seed=5)
    for damaged in flipped(image, 200, seed=5):
        path.write_bytes(damaged)
        record.count(detected_or_harmless("dataset", path, whole))
    record.close("flips-no-seal-200")


# ------------------------------------------------------------------ files of another kind


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("spins energies\n0.1 0.2\n")


def picture(path: Path) -> None:
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40)


def zeros(path: Path) -> None:
    path.write_bytes(bytes(5000))


def foreign(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["measurements"] = np.arange(5.0)


def folder(path: Path) -> None:
    path.mkdir()


def fifo(path: Path) -> None:
    os.mkfifo(path)


def plug(path: Path) -> None:
    """A socket; its name must be short, so it is bound from within its folder."""
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(path.name)
    finally:
        os.chdir(here)


def dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nobody"))


def loop(path: Path) -> None:
    path.symlink_to(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def secret(path: Path) -> None:
    path.write_text("secret")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("root may read anything")


KINDS = (empty, text, picture, zeros, foreign, folder, fifo, plug, dangling, loop, device, secret)


def replace(path: Path, make: Callable[[Path], None]) -> None:
    path.unlink()
    make(path)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_another_kind_of_file(shop: Shop, make: Callable[[Path], None]):
    """As a dataset, as spins, as a checkpoint, and to be inspected."""
    bad = shop.root / "bad.h5"
    make(bad)
    spins = shop.root / "bad.npy"
    make(spins)
    before = files_below(shop.root)
    run = shop.run.relative_to(shop.root)
    for args in (
        ("train", "--data", "bad.h5", "epochs=1"),
        ("evaluate", run, "--data", "bad.h5"),
        ("generate", "heisenberg", "--spins", "bad.h5"),
        ("generate", "heisenberg", "--spins", "bad.npy"),
        ("predict", run, "--spins", "bad.npy"),
        ("predict", "bad.h5", "--spins", "s.npy"),
        ("inspect", "bad.h5"),
    ):
        call(*args, cwd=shop.root).failed(3, "bad.")
    assert files_below(shop.root) == before


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "name",
    [
        "summary.json",
        "best.h5",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("config.yaml", "metrics.csv", "last.h5", "run.log")),
    ],
)
@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_another_kind_of_file_in_a_run_folder(shop: Shop, name: str, make: Callable[[Path], None]):
    """Looked at, judged, asked for again and gone on with: never a defect, never a wait, never half a run."""
    replace(shop.run / name, make)
    run = shop.run.relative_to(shop.root)
    allowed = {0, 3}
    if name == "run.log" or make is folder:
        allowed.add(74)  # it cannot be written
    if name == "config.yaml" and make in (empty, dangling, loop):
        allowed.add(6)  # a folder without a configuration is something else
    outcomes = [call("inspect", run, cwd=shop.root), call("evaluate", run, cwd=shop.root)]
    outcomes.append(call(*TRAIN, cwd=shop.root))
    if name != "summary.json":
        (shop.run / "summary.json").unlink()
        outcomes.append(call("train", "--resume", run, cwd=shop.root))
    for outcome in outcomes:
        check(outcome, allowed)
    assert not list(shop.run.rglob("*.tmp"))


def check(outcome: Outcome, allowed: set[int]) -> None:
    assert outcome.code in allowed, (outcome.code, outcome.err)
    assert "Traceback" not in outcome.err
    assert outcome.err.count("error: ") == (outcome.code != 0), outcome.err


def test_a_link_to_a_good_file_works(shop: Shop):
    (shop.root / "link.h5").symlink_to(shop.dataset)
    (shop.root / "run").symlink_to(shop.run)
    call("evaluate", "run", "--data", "link.h5", cwd=shop.root).done()
    call("inspect", "link.h5", cwd=shop.root).done()


@pytest.mark.slow
@pytest.mark.parametrize("make", [empty, foreign, fifo, loop], ids=lambda make: make.__name__)
def test_bad_files_of_real_processes(shop: Shop, make: Callable[[Path], None]):
    make(shop.root / "bad.h5")
    run = shop.run.relative_to(shop.root)
    run_efnn("inspect", "bad.h5", cwd=shop.root).failed(3, "bad.h5")
    run_efnn("predict", run, "--spins", "bad.h5", cwd=shop.root).failed(3, "bad.h5")
    replace(shop.run / "best.h5", make)
    run_efnn("evaluate", run, cwd=shop.root).failed(3, "best.h5")


def test_a_table_keeps_what_is_whole(shop: Shop):
    """Half a row is no row; a row with a changed digit is damage."""
    path = shop.file("metrics.csv")
    rows = READERS["metrics.csv"](path)
    whole = path.read_bytes()
    path.write_bytes(whole + b"3,9,0.1")
    assert READERS["metrics.csv"](path) == rows
    first = whole.index(b"\n") + 1
    path.write_bytes(whole[:first] + b"7" + whole[first + 1 :])
    with pytest.raises(InputError, match="line 2 does not match its checksum"):
        READERS["metrics.csv"](path)
    assert set(TABLES) <= set(READERS)


def test_an_older_run_without_checksums_is_read(shop: Shop):
    """Written before there were any: the same, without the first line, the key, the column."""
    for name in ("config.yaml", "summary.json", "metrics.csv"):
        path = shop.file(name)
        whole = READERS[name](path)
        lines = path.read_text().splitlines(keepends=True)
        if name == "config.yaml":
            lines = lines[1:]
        elif name == "summary.json":
            lines = [line for line in lines if '"sha256"' not in line]
            lines[-2] = lines[-2].replace("},", "}")
        else:
            lines = [line.rpartition(",")[0] + "\n" for line in lines]
        path.write_text("".join(lines))
        assert READERS[name](path) == whole
    shutil.rmtree(shop.root / "data" / "references")
    call("train", "--resume", shop.run, cwd=shop.root).done()
