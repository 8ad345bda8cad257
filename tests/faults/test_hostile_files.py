"""Files made to do harm: nothing in them runs, nothing leaks, nothing takes memory that the file does not fill."""

from __future__ import annotations

import ast
import json
import os
import resource
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from cli.conftest import call, files_below

import efnn_cli
from efnn_cli.config.compose import Request, compose
from efnn_cli.config.schema import build_model, build_system
from efnn_cli.core.errors import ConfigError, DeviceError, EfnnError, InputError
from efnn_cli.runs.folder import RunFolder
from efnn_cli.storage import checkpoint, dataset, documents, hdf5
from efnn_cli.storage.seal import BLOCK_BYTES, seal
from efnn_cli.storage.spins_file import read_spins

from .conftest import DATA, TRAIN, Shop

PACKAGE = Path(efnn_cli.__file__).parent
ROOM = 2 * 2**30  # of address space beyond what is in use: a bomb that goes off needs more


@pytest.fixture
def little_memory() -> Iterator[None]:
    """A limit that a bomb would hit, in this very process."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


# ------------------------------------------------------------------ what the package could run

FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
FORBIDDEN_CALLS = {
    "eval", "exec", "compile", "__import__", "torch.load", "torch.save", "hydra.utils.instantiate", "instantiate",
    "hydra.utils.call", "os.system", "os.popen", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load",
    "OmegaConf.register_new_resolver", "OmegaConf.register_resolver",
}  # fmt: skip


def name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def dangers(source: str) -> list[str]:
    """What could run something that stands in a file, or hand words to a shell."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
            found += [module for module in modules if module.split(".")[0] in FORBIDDEN_MODULES]
        if not isinstance(node, ast.Call):
            continue
        name, words = name_of(node.func), {each.arg: each.value for each in node.keywords}
        shell = words.get("shell")
        pickled = words.get("allow_pickle")
        loader = name_of(node.args[1]) if name == "yaml.load" and len(node.args) > 1 else ""
        if name in FORBIDDEN_CALLS or (
            name == "yaml.load" and "plain" not in loader.lower() and "safe" not in loader.lower()
        ):
            found.append(name)
        if (shell is not None and not (isinstance(shell, ast.Constant) and shell.value is False)) or (
            pickled is not None and not (isinstance(pickled, ast.Constant) and pickled.value is False)
        ):
            found.append(f"{name} with {sorted(words)}")
        if name == "np.load" and pickled is None:
            found.append("np.load that leaves allow_pickle to others")
    return found


def test_nothing_in_the_package_could_run_what_stands_in_a_file():
    for path in PACKAGE.rglob("*.py"):
        assert not dangers(path.read_text()), path


@pytest.mark.parametrize(
    "source",
    [
        "import pickle", "from marshal import loads", "eval(x)", "torch.load(p)", "yaml.load(t, yaml.Loader)",
        "subprocess.run(c, shell=True)", "os.system(c)", "np.load(p)", "np.load(p, allow_pickle=True)",
        "hydra.utils.instantiate(c)", "yaml.load(t)",
    ],
)  # fmt: skip
def test_the_search_for_dangers_finds_them(source: str):
    assert dangers(source)


# ------------------------------------------------------------------ YAML

PAYLOADS = {
    "object": "model: !!python/object/apply:os.system ['touch pwned']\n",
    "new": "!!python/object/new:os.system ['touch pwned']\n",
    "module": "a: !!python/module:pwned\n",
    "bomb": "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40)),
    "self": "a: &a [*a]\n",
    "deep": "[" * 20_000,
    "long": "a: " + "9" * 5000 + "\n",
    "nan": "seed: .nan\n",
    "date": "seed: 2026-99-99\n",
    "number": "1: 2\n",
    "large": "a: " + "x" * (2**20 + 1),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", PAYLOADS)
def test_yaml_of_a_run(shop: Shop, name: str, little_memory: None):
    shop.file("config.yaml").write_text(PAYLOADS[name])
    before = files_below(shop.root)
    (shop.run / "summary.json").unlink()
    call("inspect", shop.run, cwd=shop.root).failed(3, "config.yaml")
    call("train", "--resume", shop.run, cwd=shop.root).failed(3, "config.yaml")
    assert files_below(shop.root) == before - {str(shop.file("summary.json").relative_to(shop.root))}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", PAYLOADS)
def test_yaml_of_ones_own(here: Path, name: str, little_memory: None):
    (here / "mine" / "training").mkdir(parents=True)
    (here / "mine" / "training" / "bad.yaml").write_text(PAYLOADS[name])
    before = files_below(here)
    call("config", "train", "training=bad", "--config-dir", "mine", cwd=here).failed(2, "bad.yaml")
    assert files_below(here) == before


HYDRA = {
    "target": "training:\n  _target_: os.system\n",
    "callbacks": "hydra:\n  callbacks:\n    x:\n      _target_: os.system\n",
    "package": "# @package hydra.callbacks.x\na: 1\n",
    "launcher": "defaults:\n  - override /hydra/launcher: evil\n",
    "environment": "seed: ${oc.env:HOME}\n",
    "decoded": "seed: ${oc.decode:${oc.env:HOME}}\n",
}


@pytest.mark.parametrize("name", HYDRA)
def test_own_files_only_set_values(here: Path, name: str):
    (here / "mine" / "training").mkdir(parents=True)
    (here / "mine" / "training" / "bad.yaml").write_text(HYDRA[name])
    outcome = call("train", "-m", "training=bad", "--config-dir", "mine", "--dry-run", cwd=here)
    assert os.environ["HOME"] not in outcome.failed(2, "bad.yaml", "more than set values").err


def test_a_launcher_of_ones_own_is_refused(here: Path):
    (here / "mine" / "hydra" / "launcher").mkdir(parents=True)
    (here / "mine" / "hydra" / "launcher" / "evil.yaml").write_text("a: 1\n")
    call("config", "train", "--config-dir", "mine", cwd=here).failed(2, "evil.yaml", "about Hydra")


@pytest.mark.parametrize(
    "text", ["${oc.env:EFNN_SECRET}", "x${oc.env:EFNN_SECRET}", "${oc.decode:1}", "${name}", "???"]
)
def test_nothing_is_looked_up_for_a_stored_configuration(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EFNN_SECRET", "3")
    for build, node in (
        (build_model, {"name": "efnn", "depth": text}),
        (build_system, {"name": "heisenberg", "L": text}),
        (build_system, {"name": "three_spin", "spin_values": [0, text]}),
    ):
        with pytest.raises(ConfigError, match="wanted a value"):
            build(node)


def test_a_run_cannot_read_the_environment(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EFNN_SECRET", "12345")
    stored = checkpoint.read(shop.file("best.h5"))
    stored.config["model"]["width"] = "${oc.env:EFNN_SECRET}"
    checkpoint.write(shop.file("best.h5"), stored.config, stored.state)
    assert "12345" not in call("evaluate", shop.run, cwd=shop.root).failed(3, "best.h5").err
    config = RunFolder(shop.run).read_config()
    config["model"]["width"] = "${oc.env:EFNN_SECRET}"
    RunFolder(shop.run).write_config(config)
    (shop.run / "summary.json").unlink()
    assert "12345" not in call("train", "--resume", shop.run, cwd=shop.root).failed(3, "config.yaml").err


def test_what_stands_in_a_file_cannot_steer_the_terminal(shop: Shop):
    folder = RunFolder(shop.run)
    folder.write_config(folder.read_config() | {"note": "\x1b]0;pwned\x07 \x1b[2J"})
    out = call("inspect", shop.run, cwd=shop.root).done().out
    assert "\\x1b]0;pwned\\x07" in out
    assert "\x1b" not in out


@pytest.mark.parametrize("words", [("runs",), ("runs", "--csv"), ("plot", "curve"), ("plot", "width"), ("inspect", "")])
def test_the_name_of_a_network_cannot_steer_the_terminal(shop: Shop, words: tuple[str, ...]):
    """It stands in the table of runs and in figures, and anything may stand in its place."""
    text = (shop.run / "config.yaml").read_text().partition("\n")[2]
    (shop.run / "config.yaml").write_text(text.replace("name: efnn", 'name: "\\e[31mX\\rY"'))
    assert documents.read_yaml(shop.run / "config.yaml")["model"]["name"] == "\x1b[31mX\rY"
    outcome = call(*(word or shop.run for word in words), cwd=shop.root)
    assert outcome.code == (0 if words[0] == "runs" else 3), outcome.err
    assert "\\x1b[31mX\\rY" in outcome.out + outcome.err
    assert not {"\x1b", "\r"} & set(outcome.out + outcome.err)


# ------------------------------------------------------------------ HDF5


def metadata() -> str:
    return json.dumps(
        {
            "format": dataset.FORMAT, "schema_version": 1, "system": {"name": "three_spin", "L": 4}, "purpose": "train",
            "samples": 5, "content_sha256": "0",
            "reference": {"method": "x", "seconds": 1, "seconds_per_configuration": 1},
        }
    )  # fmt: skip


def external(file: h5py.File, name: str) -> None:
    file[name] = h5py.ExternalLink("/etc/hostname", "/x")


def soft(file: h5py.File, name: str) -> None:
    file[name] = h5py.SoftLink("/elsewhere")


def stored_elsewhere(file: h5py.File, name: str) -> None:
    kind = "S64" if name == "metadata" else "f8"
    file.create_dataset(name, shape=() if name == "metadata" else (5,), dtype=kind, external=[("/etc/hostname", 0, 64)])


def virtual(file: h5py.File, name: str) -> None:
    layout = h5py.VirtualLayout((5, 4), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "spins", (5, 4))
    file.create_virtual_dataset(name, layout)


def enormous(file: h5py.File, name: str) -> None:
    file.create_dataset(name, shape=(10**12, 4), dtype="f8", chunks=(1000, 4))


def overflowing(file: h5py.File, name: str) -> None:
    """Its size in bytes is 0 in 64 bits."""
    file.create_dataset(name, shape=(2**32, 2**32), dtype="f8", chunks=(1, 16))


def compressed(file: h5py.File, name: str) -> None:
    node = file.create_dataset(name, shape=(10**6, 64), dtype="f8", compression="gzip", chunks=(1000, 64))
    node[:10_000] = 0.0


def vlen(file: h5py.File, name: str) -> None:
    node = file.create_dataset(name, shape=(5,), dtype=h5py.vlen_dtype(np.float64))
    node[0] = np.zeros(3)


def compound(file: h5py.File, name: str) -> None:
    file[name] = np.zeros(5, dtype=[("a", "f8"), ("b", "f8")])


def reference(file: h5py.File, name: str) -> None:
    file["target"] = 1.0
    file.create_dataset(name, data=np.array([file["target"].ref] * 5, dtype=h5py.ref_dtype))


def words(file: h5py.File, name: str) -> None:
    file[name] = ["a", "b"]


def nothing(file: h5py.File, name: str) -> None:
    file[name] = h5py.Empty("f8")


HOSTILE = (
    external, soft, stored_elsewhere, virtual, enormous, overflowing, compressed, vlen, compound, reference, words,
    nothing,
)  # fmt: skip


@pytest.mark.timeout(300)
@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__)
def test_hostile_arrays(tmp_path: Path, make: Callable[[h5py.File, str], None], sealed: bool, little_memory: None):
    """As an array of a dataset, as spins without labels, and as the metadata; also behind a seal that is right."""
    for name, read in (
        ("energies", dataset.read),
        ("spins", dataset.read),
        ("spins", read_spins),
        ("metadata", dataset.read),
        ("metadata", hdf5.format_of),
    ):
        path = tmp_path / "bad.h5"
        with h5py.File(path, "w") as file:
            if name != "metadata":
                file["metadata"] = metadata()
            make(file, name)
        if sealed:
            image = path.read_bytes()
            path.write_bytes(seal(image) + image)
        if read is hdf5.format_of and make not in (external, soft, stored_elsewhere, virtual):
            assert read(path) is None
            continue
        with pytest.raises((InputError, DeviceError)) as caught:
            read(path)
        assert str(path) in caught.value.message
        path.unlink()


@pytest.mark.timeout(300)
def test_a_maze_of_groups(tmp_path: Path, little_memory: None):
    """Forty groups, each twice in the one before it, are 2^40 paths; and a group may contain itself."""
    for name in ("doubled", "circle"):
        path = tmp_path / f"{name}.h5"
        with h5py.File(path, "w") as file:
            file["metadata"] = metadata()
            inner = file.create_group("g")
            if name == "circle":
                inner["again"] = inner
            for _ in range(40 if name == "doubled" else 0):
                deeper = inner.create_group("a")
                inner["b"] = deeper
                inner = deeper
        with pytest.raises(InputError, match=r"\.h5"):
            dataset.read(path)


@pytest.mark.timeout(300)
def test_one_array_under_many_names(tmp_path: Path, little_memory: None):
    path = tmp_path / "many.h5"
    with h5py.File(path, "w") as file:
        file["metadata"] = metadata()
        file["x"] = np.zeros(2**20)
        for number in range(1000):
            file[f"x{number}"] = file["x"]
    with pytest.raises(InputError, match="claims"):
        dataset.read(path)


METADATA = {
    "not finite": '{"format": "efnn-dataset", "schema_version": 1, "samples": NaN}',
    "beyond floats": '{"format": "efnn-dataset", "schema_version": 1, "samples": 1e999}',
    "too long": '{"format": "efnn-dataset", "schema_version": 1, "samples": ' + "9" * 5000 + "}",
    "many digits": '{"format": "efnn-dataset", "schema_version": 1, "samples": ' + "9" * 4000 + "}",
    "deep": "[" * 100_000,
    "half a character": '{"format": "efnn-dataset", "schema_version": 1, "purpose": "\\ud800"}',
    "a list": "[1]",
    "no json": "spins",
    "version": '{"format": "efnn-dataset", "schema_version": "1"}',
    "true": '{"format": "efnn-dataset", "schema_version": 1, "system": true}',
}


@pytest.mark.parametrize("name", METADATA)
def test_hostile_metadata(tmp_path: Path, name: str):
    path = tmp_path / "bad.h5"
    with h5py.File(path, "w") as file:
        file["metadata"] = METADATA[name]
        file["spins"], file["energies"] = np.zeros((2, 4)), np.zeros(2)
    with pytest.raises(InputError, match=r"bad\.h5"):
        dataset.read(path)
    call("inspect", path.name, cwd=tmp_path).failed(3, "bad.h5")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("method", None), ("method", 3), ("seconds", None), ("seconds", "x"), ("seconds", -1.0), ("seconds", True),
        ("seconds_per_configuration", None), ("seconds_per_configuration", [1.0]),
    ],
)  # fmt: skip
def test_a_dataset_in_the_place_of_ours(shop: Shop, key: str, value: object):
    """A right seal, the right name, the right hash of the job, but no word of how it was labelled."""
    arrays, head = hdf5.read(shop.dataset, dataset.FORMAT, 1)
    reference = {name: each for name, each in head["reference"].items() if name != key}
    head["reference"] = reference if value is None else reference | {key: value}
    hdf5.write(shop.dataset, arrays, head)
    for words in (DATA, ("inspect", shop.dataset.relative_to(shop.root)), (*TRAIN, "seed=7")):
        call(*words, cwd=shop.root).failed(3, shop.dataset.name, key)


def test_a_checkpoint_is_no_program(shop: Shop):
    """Whatever its skeleton says, a network is built from checked options or not at all."""
    path = shop.file("best.h5")
    whole = checkpoint.read(path)
    arrays, head = hdf5.read(path, checkpoint.FORMAT, 1)
    changes: list[tuple[str, object]] = [
        ("state", {"$tensor": ["state"]}),
        ("state", {"weights": {"$tensor": "missing"}}),
        ("state", {"$items": [1, 2]}),
        ("state", {"$items": [[[], 1]]}),
        ("state", {"$float": "x"}),
        ("state", {"weights": {"$tuple": 3}}),
        ("state", {"$reduce": ["os.system", "touch pwned"]}),
        ("state", {**head["state"], "epoch": {"$float": "nan"}}),
        ("config", {"_target_": "os.system"}),
        ("config", {**whole.config, "model": {"name": "../../os"}}),
        ("config", {**whole.config, "model": {**whole.config["model"], "width": 8192, "depth": 64}}),
        ("config", {**whole.config, "system": {**whole.config["system"], "L": 10**9}}),
        ("config", {**whole.config, "training": {"lr": "x"}}),
        ("config", {**whole.config, "training": 3}),
        *(("config", {key: value for key, value in whole.config.items() if key != gone}) for gone in whole.config),
    ]
    for key, value in changes:
        hdf5.write(path, arrays, {**head, key: value})
        for args in (("evaluate", shop.run), ("inspect", path), ("predict", shop.run, "--spins", "s.npy")):
            outcome = call(*args, cwd=shop.root)
            assert outcome.code in (0, 3, 5), (args, key, value, outcome.err)
    assert not (shop.root / "pwned").exists()


# ------------------------------------------------------------------ .npy


def npy(header: str, data: bytes = b"") -> bytes:
    padded = header.encode() + b" " * (63 - (10 + len(header)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded + data


NPY = {
    "pickled": npy("{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }", b"cos\nsystem\n(S'touch pwned'\ntR."),
    "bare pickle": b"cos\nsystem\n(S'touch pwned'\ntR.",
    "enormous": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 4), }", bytes(64)),
    "negative": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 4), }", bytes(64)),
    "overflowing": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", bytes(64)),
    "a call": npy("__import__('os').system('touch pwned')"),
    "compound": npy("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2, 3), }", bytes(48)),
    "complex": npy("{'descr': '<c16', 'fortran_order': False, 'shape': (1, 3), }", bytes(48)),
    "words": npy("{'descr': '<U4', 'fortran_order': False, 'shape': (1, 3), }", bytes(48)),
    "short": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }", bytes(40)),
    "archive": b"PK\x05\x06" + bytes(18),
}


@pytest.mark.parametrize("name", NPY)
def test_hostile_npy(tmp_path: Path, name: str, little_memory: None):
    (tmp_path / "bad.npy").write_bytes(NPY[name])
    with zipfile.ZipFile(tmp_path / "bad.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "bad.npy", "spins.npy")
    for path in (tmp_path / "bad.npy", tmp_path / "bad.npz"):
        with pytest.raises(EfnnError, match=path.name) as caught:
            read_spins(path)
        assert isinstance(caught.value, (InputError, DeviceError))
        call("generate", "heisenberg", "--spins", path, cwd=tmp_path).failed(caught.value.code, path.name)
    assert not (tmp_path / "pwned").exists()


# ------------------------------------------------------------------ names


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..", "a/../../b", "", "$(touch pwned)", "a\0b"])
@pytest.mark.parametrize("group", ["model", "training", "system", "executor"])
def test_names_do_not_leave_the_configuration(group: str, name: str):
    command = "generate" if group == "executor" else "train"
    with pytest.raises(ConfigError):
        compose(command, Request((f"{group}='{name}'",)))


def test_a_sealed_file_is_what_it_was(shop: Shop):
    """The seal says that bytes are whole, not that they are good: the other checks follow."""
    image = shop.dataset.read_bytes()[BLOCK_BYTES:]
    shop.dataset.write_bytes(seal(image[:-100]) + image[:-100])
    with pytest.raises(InputError):
        dataset.read(shop.dataset)


def test_options_in_names_of_yaml_are_plain(tmp_path: Path):
    """What is written can be read back by any reader of YAML, without tags and without aliases."""
    shared = [1, 2]
    RunFolder(tmp_path).write_config({"a": shared, "b": shared, "c": None, "d": 1e-5, "e": "x: y"})
    text = (tmp_path / "config.yaml").read_text()
    assert "&" not in text
    assert "!!" not in text
    assert yaml.safe_load(text) == documents.read_yaml(tmp_path / "config.yaml")
