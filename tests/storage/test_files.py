"""Files: round trips, damage that is found, foreign and newer files, frozen samples, and what a crash may do."""

import json
import os
import stat
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from efnn_cli.core.errors import InputError, OutputError
from efnn_cli.storage import atomic, checkpoint, dataset, hdf5, tree

FROZEN = Path(__file__).parent.parent / "data"
REFERENCE = {"method": "x", "seconds": 1.0, "seconds_per_configuration": 0.2}
METADATA = {"system": {"name": "three_spin", "L": 4}, "purpose": "train", "samples": 5, "reference": REFERENCE}


@pytest.fixture
def stored(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "d.h5"
    arrays = {"spins": rng.normal(size=(5, 4)), "energies": rng.normal(size=5), "couplings": rng.normal(size=4)}
    written = dataset.write(path, arrays, METADATA)
    return path, written


def arrays_of(data):
    return {"spins": data.spins, "energies": data.energies, "couplings": data.couplings}


def test_dataset_round_trip(stored):
    path, written = stored
    found = dataset.read(path)
    for name in ("spins", "energies", "couplings"):
        np.testing.assert_array_equal(getattr(found, name), getattr(written, name))
        assert getattr(found, name).dtype == np.float64
    assert found.metadata == written.metadata == dataset.read_metadata(path)


def test_content_hash_covers_the_physics_and_not_the_provenance(stored, tmp_path):
    _, written = stored

    def content(energies=written.energies, **changes):
        path = tmp_path / "other.h5"
        return dataset.write(path, arrays_of(written) | {"energies": energies}, METADATA | changes).content_hash

    assert content(versions={"torch": "9"}) == written.content_hash
    assert content(energies=written.energies + 1e-15) != written.content_hash
    assert content(system={"name": "three_spin", "L": 5}) != written.content_hash


def test_checkpoint_round_trip(tmp_path):
    state = {
        "model": {"network.fields.0.weight": torch.randn(3, 2), "scale": torch.tensor(2.0, dtype=torch.float64)},
        "optimizer": {
            "state": {
                0: {"step": torch.tensor(7.0), "Q": [torch.eye(2), []], "GG": None},
                1: {"empty": torch.zeros(0)},
            },
            "param_groups": [{"lr": 0.1, "betas": (0.9, 0.95), "params": [0, 1], "fused": True}],
        },
        "best": float("inf"),
        "epoch": 3,
        "flags": torch.tensor([True, False]),
    }
    checkpoint.write(tmp_path / "c.h5", {"seed": 1}, state)
    found = checkpoint.read(tmp_path / "c.h5")
    assert found.config == {"seed": 1}

    def same(a, b):
        assert type(a) is type(b)
        if isinstance(a, dict):
            assert list(a) == list(b)
            for key in a:
                same(a[key], b[key])
        elif isinstance(a, (list, tuple)):
            assert len(a) == len(b)
            for x, y in zip(a, b, strict=True):
                same(x, y)
        elif isinstance(a, torch.Tensor):
            assert a.dtype == b.dtype
            assert torch.equal(a, b)
            assert a.stride() == b.stride()
        else:
            assert a == b

    same(state, found.state)


LAYOUTS = {
    "column-major": torch.randn(3, 5).t(),
    "channels last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    "one row, column-major": torch.randn(4, 1).t(),
    "of a decomposition": torch.linalg.qr(torch.randn(4, 4))[0],
    "large enough for chunks": torch.randn(200, 300, dtype=torch.float64).t(),
    "empty": torch.zeros(0, 3).t(),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_order_in_memory_is_stored(tmp_path, layout):
    tensor = LAYOUTS[layout]
    checkpoint.write(tmp_path / "c.h5", {}, {"Q": [tensor]})
    for (found,) in (checkpoint.read(tmp_path / "c.h5").state["Q"], tree.on_cpu([tensor])):
        assert torch.equal(found, tensor)
        assert found.stride() == tensor.stride()
    with h5py.File(tmp_path / "c.h5") as file:  # readers in other languages see the axes as they are
        np.testing.assert_array_equal(file["state/Q/0"][()], tensor.numpy())


@pytest.mark.parametrize("order", [[0], [0, 0], [2, 1, 0], ["0", "1"], 7])
def test_an_order_that_is_none(tmp_path, order):
    metadata = {"format": "efnn-checkpoint", "schema_version": 1, "config": {}}
    told = {"state": {"Q": {"$tensor": "state/Q", "order": order}}}
    hdf5.write(tmp_path / "c.h5", {"state/Q": np.eye(2)}, metadata | told)
    with pytest.raises(InputError, match=r"c\.h5"):
        checkpoint.read(tmp_path / "c.h5")


def test_frozen_files_of_version_1_still_load():
    data = dataset.read(FROZEN / "dataset-v1.h5")
    assert data.content_hash == "e1ba13a3535b75329e138470a83085fbbc827bc7e8b2808a6c3510790c1ee221"
    assert data.spins.shape == (24, 3, 4, 4)
    stored = checkpoint.read(FROZEN / "checkpoint-v1.h5")
    assert stored.config["model"]["name"] == "efnn"
    for path in FROZEN.glob("*.h5"):
        assert path.stat().st_size < 50_000


def test_unwritable_places_are_output_errors(tmp_path):
    (tmp_path / "file").write_text("x")
    for folder in (Path("/proc/x"), tmp_path / "file" / "sub"):
        with pytest.raises(OutputError, match="cannot write"):
            atomic.make_folder(folder)
    with pytest.raises(OutputError, match="MiB free"):
        atomic.require_space(tmp_path, 2**60)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "f"
    atomic.write_text(path, "old")
    with pytest.raises(TypeError):
        atomic.write_bytes(path, None)
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["f"]


def test_a_frozen_network_still_gives_its_validation_error():
    """A file outlives the code: the stored metric is reproduced by what is loaded."""
    import efnn_cli
    from efnn_cli.training.metrics import measure

    data = dataset.read(FROZEN / "dataset-v1.h5")
    run = efnn_cli.load(FROZEN / "checkpoint-v1.h5", device="cpu")
    chosen = [7, 14]  # which it was validated on
    found = measure(run.predict(data.spins[chosen]), data.energies[chosen])
    assert found.rmse == pytest.approx(checkpoint.read(FROZEN / "checkpoint-v1.h5").state["val_rmse"], rel=1e-5)


# ------------------------------------------------------------------ what a crash or another program does


REFERENCE = {"method": "x", "seconds": 1.0, "seconds_per_configuration": 0.2}


def test_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_end(tmp_path, monkeypatch):
    """Write, fsync, replace, fsync of the folder: in any other order a crash leaves an empty file or the old one."""
    path, steps = tmp_path / "file", []
    path.write_bytes(b"old")
    fsync, replace = os.fsync, os.replace

    def synced(handle):
        status = os.fstat(handle)
        steps.append("folder" if stat.S_ISDIR(status.st_mode) else f"{status.st_size} bytes")
        fsync(handle)

    def replaced(source, target):
        steps.append(f"{path.read_bytes().decode()} -> {source.read_bytes().decode()}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    atomic.write_bytes(path, b"newer")
    assert steps == ["5 bytes", "old -> newer", "folder"]
    assert path.read_bytes() == b"newer"


def copied_by_another_program(path, copy, changes):
    """A new HDF5 file with the same content, but for `changes` of arrays by name."""
    with h5py.File(path) as old, h5py.File(copy, "w") as new:
        new.attrs.update(old.attrs)
        for name, node in old.items():
            new[name] = changes[name](node[()]) if name in changes else node[()]


def test_a_changed_number_is_found_in_a_file_that_another_program_wrote(tmp_path):
    """HDF5 itself sees nothing wrong with it: the checksum over the content has to."""
    generator = np.random.default_rng(0)
    arrays = {"spins": generator.normal(size=(5, 4)), "energies": generator.normal(size=5)}
    metadata = {"system": {"name": "three_spin", "L": 4}, "purpose": "train", "samples": 5, "reference": REFERENCE}
    dataset.write(tmp_path / "d.h5", arrays, metadata)
    copied_by_another_program(tmp_path / "d.h5", tmp_path / "same.h5", {})
    np.testing.assert_array_equal(dataset.read(tmp_path / "same.h5").energies, arrays["energies"])
    changes = {
        "energies": lambda value: np.nextafter(value, 0),
        "spins": lambda value: value[:, ::-1],
        "metadata": lambda value: json.dumps(json.loads(value) | {"seed": 1}),
    }
    for name, change in changes.items():
        copied_by_another_program(tmp_path / "d.h5", tmp_path / f"{name}.h5", {name: change})
        with pytest.raises(InputError, match="checksum"):
            dataset.read(tmp_path / f"{name}.h5")
