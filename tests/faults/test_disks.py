"""Places that fill up or may not be written: exit 74, nothing half written, what was there stays readable."""

import contextlib
import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import Outcome, call, environment, files_below, read_only

from .conftest import DATA, TRAIN, Example
from .steps import REPRODUCE, contents, kept

SHORT = TRAIN[2:]  # of every network
KINDS: dict[str, tuple[object, ...]] = {
    "generate": (*DATA, "--seed", 1),
    "train": (*TRAIN, "seed=1"),
    "effective": ("train", "model=effective"),
    "again": (*TRAIN, "--overwrite"),
    "evaluate": ("evaluate", "--out", "e.h5"),
    "extrapolate": ("extrapolate", "--L", "5", "--samples", 3),
    "predict": ("predict", "RUN", "--spins", "s.npy"),
    "merge": ("merge", *DATA[1:], "--seed", 2),
    "plot": ("plot", "curve", "RUN"),
    "compare": ("compare", "--models", "efnn,dnn", "--seeds", 1, "--grid", "none", "--L", 5, "--samples", 2, *SHORT),
    "reproduce": REPRODUCE,
}
LONG = ("compare", "reproduce")  # of many runs
ALL = [pytest.param(kind, marks=pytest.mark.slow) if kind in LONG else kind for kind in KINDS]


def words_of(example: Example, kind: str) -> list[str]:
    return [str(example.run.relative_to(example.root)) if word == "RUN" else str(word) for word in KINDS[kind]]


def prepare(example: Example, kind: str) -> None:
    if kind == "merge":
        call(*DATA, "--seed", 2, "--shards", 1, "--shard-index", 0, "-q", cwd=example.root).done()


@contextlib.contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """No file that this process writes may grow beyond `size` bytes: the system refuses, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ALL)
def test_a_file_that_may_not_grow(example: Example, kind: str):
    prepare(example, kind)
    before = contents(example.root)
    for size in (0, 3000):
        with no_file_beyond(size):
            outcome = call(*words_of(example, kind), cwd=example.root)
        assert refused(outcome)
        assert outcome.code == 0 or whole(example.root, before)
    call(*words_of(example, kind), cwd=example.root).done()


def refused(outcome: Outcome) -> bool:
    """Return whether the command failed to write with a message, or wrote nothing larger than the limit."""
    assert outcome.code in (0, 74), (outcome.code, outcome.err)
    assert "Traceback" not in outcome.err
    assert "Logging error" not in outcome.err
    return (outcome.code == 0) == ("cannot write" not in outcome.err)


def whole(root: Path, before: dict[str, Any]) -> bool:
    """Return whether the old files are unchanged and all others can be read."""
    assert kept(before, contents(root))
    assert not list(root.rglob("*.tmp"))
    return True


DISK = """
import contextlib, io, json, os, shutil, subprocess, sys
from pathlib import Path

template, disk, free, lines = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
size = sum(path.stat().st_size + 4096 for path in template.rglob("*")) + 2**24
subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], check=True)
shutil.copytree(template, disk / "example")
os.chdir(disk / "example")
sys.path[:0] = sys.argv[5:]

from efnn_cli.cli import main
from faults.steps import contents, kept

before, found = contents(Path(".")), {}
for kind, words in lines.items():
    with open(disk / "filler", "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    os.truncate(disk / "filler", os.path.getsize(disk / "filler") - free * 1024)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    same = code == 0 or kept(before, contents(Path(".")))
    left = [str(path) for path in Path(".").rglob("*.tmp")]
    found[kind] = {"code": code, "err": err.getvalue(), "same": same, "left": left}
    os.remove(disk / "filler")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        found[kind]["later"] = main(words)
    before = contents(Path("."))
print(json.dumps(found))
"""


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("free", [4, 24])
def test_a_small_file_system(example: Example, tmp_path: Path, free: int):
    """A real one with some KiB left, filled anew before each kind of write, and in a process that ends well."""
    alone = ["unshare", "--user", "--map-root-user", "--mount"]
    disk = tmp_path / "disk"
    disk.mkdir()
    trial = [*alone, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if not shutil.which("unshare") or subprocess.run(trial, check=False, capture_output=True).returncode:
        pytest.skip("needs a mount namespace of its own")
    lines = {kind: words_of(example, kind) for kind in KINDS if kind != "merge"}
    command = [*alone, sys.executable, "-c", DISK, example.root, disk, str(free), json.dumps(lines)]
    done = subprocess.run(
        [*command, str(Path(__file__).parent.parent)], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for kind, end in json.loads(done.stdout.splitlines()[-1]).items():
        later = 6 if kind == "evaluate" and end["code"] == 0 else 0  # its --out is there then
        good = end["code"] in (0, 74) and end["same"] and not end["left"] and end["later"] == later
        assert good, (kind, end)
        assert not any(words in end["err"] for words in ("Traceback", "Logging error")), (kind, end)


@pytest.mark.slow
def test_folders_that_may_only_be_read(example: Example):
    before = files_below(example.root)
    for kind in ("generate", "train", "evaluate", "extrapolate", "predict", *LONG, "plot"):
        done = read_only(example.root, sys.executable, "-m", "efnn_cli", *words_of(example, kind))
        assert done.returncode == 74, (kind, done.stderr)
        assert "--out" in done.stderr, (kind, done.stderr)
        assert "Traceback" not in done.stderr
    assert files_below(example.root) == before
