"""Shards: the same dataset for any number of workers and any restart; resources are checked first."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from efnn_cli.core.errors import ConflictError, DeviceError, NumericalError, OutputError, Stopped
from efnn_cli.datasets import cost
from efnn_cli.datasets.executors import Threads, label_shard
from efnn_cli.datasets.job import Job
from efnn_cli.datasets.labelling import label_dataset, require_resources
from efnn_cli.datasets.shards import ShardFolder
from efnn_cli.physics import SYSTEMS, diagonalise
from efnn_cli.physics.system import Labels
from efnn_cli.storage import dataset
from efnn_cli.storage.spins_file import Configurations

CPU = torch.device("cpu")


@pytest.fixture(autouse=True, scope="module")
def shards_of_five():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cost, "shard_size", lambda system: 5)
        yield


def job(samples=23, **changes):
    return Job(SYSTEMS["double_exchange"](L=4, **changes), "uniform_sphere", 3, "train", samples, "dense", tag="hash")


def make(path, workers=2, check_stop=lambda: None, which=None, **options):
    progress = []

    def advance(amount, earlier=False):
        progress.append((amount, earlier))

    data, existed = label_dataset(which or job(), path, Threads(CPU, workers), advance, check_stop, **options)
    return data, existed, progress


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return make(tmp_path_factory.mktemp("one") / "d.h5", workers=1)[0]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_any_number_of_workers_gives_the_same_dataset(tmp_path, expected, workers):
    data, existed, progress = make(tmp_path / "d.h5", workers)
    assert not existed
    assert sorted(progress) == [(3, False), *4 * [(5, False)]]
    np.testing.assert_array_equal(data.spins, expected.spins)
    np.testing.assert_array_equal(data.energies, expected.energies)
    assert data.content_hash == expected.content_hash
    assert [each.name for each in tmp_path.iterdir()] == ["d.h5"]


def test_a_stopped_job_goes_on_with_its_shards(tmp_path, expected):
    folder = tmp_path / ".d.shards"

    def stop_later():
        if len(list(folder.glob("*.h5"))) >= 2:
            raise Stopped(15, "stopped")

    with pytest.raises(Stopped):
        make(tmp_path / "d.h5", workers=1, check_stop=stop_later)
    shards = sorted(folder.glob("*.h5"))
    assert 2 <= len(shards) < 5
    assert not (tmp_path / "d.h5").exists()
    shards[0].write_bytes(shards[0].read_bytes()[:-40])  # and one of them is damaged
    data, _, progress = make(tmp_path / "d.h5")
    kept = 5 * (len(shards) - 1)
    assert progress[0] == (kept, True)
    assert sum(amount for amount, earlier in progress if not earlier) == 23 - kept
    np.testing.assert_array_equal(data.energies, expected.energies)
    assert data.content_hash == expected.content_hash


@pytest.mark.parametrize(("other", "taken"), [({}, 5), ({"tag": "other"}, 0), ({"reference": "determinant"}, 0)])
def test_a_shard_is_taken_by_its_own_job_only(tmp_path, expected, other, taken):
    store = ShardFolder(replace(job(), **other), tmp_path / "d.h5")
    store.make()
    store.save(job().shards()[0], label_shard((job(), job().shards()[0]), CPU))
    data, _, progress = make(tmp_path / "d.h5")
    assert sum(amount for amount, earlier in progress if earlier) == taken
    assert data.content_hash == expected.content_hash


def test_the_dataset_of_another_job_is_not_taken(tmp_path):
    """Whatever its name says: it may have been copied there."""
    make(tmp_path / "d.h5", which=replace(job(samples=4, J=3.0), tag="other"))
    before = (tmp_path / "d.h5").read_bytes()
    with pytest.raises(ConflictError, match="another job"):
        make(tmp_path / "d.h5")
    assert (tmp_path / "d.h5").read_bytes() == before


def test_metadata_say_where_the_labels_come_from(expected):
    metadata = expected.metadata
    assert metadata["system"] == {"name": "double_exchange", **job().system.parameters()}
    assert metadata["reference"]["method"] == "dense"
    assert metadata["reference"]["seconds_per_configuration"] > 0
    assert (metadata["purpose"], metadata["sampling"], metadata["seed"]) == ("train", "uniform_sphere", 3)
    assert {"python", "efnn", "torch", "numpy"} <= set(metadata["versions"])


def test_what_cannot_fit_is_refused_before_any_work(tmp_path):
    huge = Job(SYSTEMS["double_exchange"](L=400), "uniform_sphere", 0, "train", 4, "dense")
    with pytest.raises(DeviceError, match=r"dense labelling at L = 400 needs about \d+\.\d GiB"):
        require_resources(huge, tmp_path, Threads(CPU, 2))
    many = Job(SYSTEMS["heisenberg"](), "uniform_sphere", 0, "train", 900_000_000, "formula")
    with pytest.raises((DeviceError, OutputError), match=r"GiB|MiB"):
        require_resources(many, tmp_path, Threads(CPU, 2))


def test_a_failing_shard_ends_the_job_and_keeps_the_others(tmp_path):
    class Broken(SYSTEMS["double_exchange"]):
        def label(self, spins, reference, tolerance, **asked):
            labels = super().label(spins, reference, tolerance, **asked)
            return Labels(labels.energies * float("nan")) if torch.equal(spins[0], poison) else labels

    broken = Job(Broken(L=4), "uniform_sphere", 3, "train", 23, "dense")
    poison = torch.from_numpy(broken.spins(broken.shards()[3]))[0]
    with pytest.raises(NumericalError, match="shard 3"):
        make(tmp_path / "d.h5", workers=1, which=broken)
    assert not (tmp_path / "d.h5").exists()
    assert len(list((tmp_path / ".d.shards").glob("*.h5"))) >= 3


def test_given_spins_are_stored_as_they_are(tmp_path, expected):
    """In the order of their shards, each with its own energy."""
    given = replace(job(), seed=0, given=Configurations(expected.spins))
    data, _, _ = make(tmp_path / "d.h5", which=given)
    np.testing.assert_array_equal(data.spins, expected.spins)
    np.testing.assert_array_equal(data.energies, expected.energies)
    assert dataset.read_metadata(tmp_path / "d.h5")["sampling"] == "given"


def test_labels_that_were_redone_are_counted(tmp_path, monkeypatch, caplog):
    """One wrong level in every first diagonalisation of a shard: mended, counted in the file, warned of."""
    honest = diagonalise.dense_levels

    def corrupt(matrices):
        levels = honest(matrices)
        if len(matrices) > 1:  # the second attempt takes the wrong one alone
            levels[0, 3] += 1e-6
        return levels

    expected = make(tmp_path / "good.h5", workers=1)[0]
    monkeypatch.setattr(diagonalise, "dense_levels", corrupt)
    data = make(tmp_path / "mended.h5", workers=1)[0]
    np.testing.assert_array_equal(data.energies, expected.energies)
    assert expected.metadata["reference"]["redone_on_cpu"] == 0
    assert data.metadata["reference"]["redone_on_cpu"] == len(job().shards()) == 5
    assert "5 spectra failed their trace identities" in caplog.text
