"""Promises of the files that only a crash or another program puts to the test."""

import json
import os
import stat

import h5py
import numpy as np
import pytest

from efnn_cli.core.errors import InputError
from efnn_cli.storage import atomic, dataset

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
