"""`efnn sample` as a user meets it: real files, killed and resumed, in parts, and what it refuses."""

import json
import re
import signal
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import h5py
import numpy as np
import pytest

from efnn_cli.simulation.settings import GROUP

from .conftest import begin_efnn, call, run_efnn

pytestmark = pytest.mark.usefixtures("brief")

QUICK = ("epochs=3", "width=4", "model.kernel_size=3", "training.optimizer=adam", "-q")
CHAINS = ("--chains", 12, "--proposals", 6, "warmup=2", "trajectories=2", "steps=3")


def arrays(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        found: dict[str, np.ndarray] = {}
        file.visititems(lambda name, node: found.update({name: node[()]}) if hasattr(node, "dtype") else None)
    del found["metadata"]
    return found


@pytest.fixture(scope="module")
def place(brief: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of a few seconds at L = 4, trained on a ladder."""
    here = tmp_path_factory.mktemp("sample")
    call("generate", "double_exchange", "--L", 4, "--samples", 100, "sampling=ladder", "-q", cwd=here).done()
    call("train", *QUICK, "--out", "run", cwd=here).done()
    return here


@pytest.fixture(scope="module")
def sampled(place: Path) -> dict:
    return call("sample", "run", *CHAINS, "fields=true", "--json", "-q", cwd=place).done().json()


def test_the_result(place: Path, sampled: dict):
    metrics = sampled["metrics"]
    assert (metrics["L"], metrics["T"], metrics["chains"], metrics["proposals"]) == (4, 0.1, 12, 6)
    assert metrics["corrected"] is True
    assert metrics["reference"] == "dense"
    assert 0 < metrics["acceptance"] < 1
    assert 0 < metrics["predicted_acceptance"] < 1
    assert metrics["exact_labels"] == 12 * (1 + 2 + 6)
    assert set(metrics["outside"]) == {"configurations", "share"}
    assert any("chains are short" in each for each in sampled["warnings"])
    for name in ("energy", "m2", "binder", "specific_heat", "density", "correlation_length", "susceptibility"):
        assert set(metrics["observables"][name]) == {"mean", "error", "tau"}
    file = place / sampled["outputs"]["samples"]
    assert json.loads(file.with_suffix(".json").read_text()) == metrics
    assert (place / sampled["outputs"]["observables"]).read_text().startswith("observable,mean,error,tau")
    assert (place / sampled["outputs"]["figure"]).stat().st_size > 10_000


def test_the_stored_energies_are_exact_and_of_the_stored_spins(place: Path, sampled: dict):
    file = place / sampled["outputs"]["samples"]
    found = arrays(file)
    assert found["spins"].shape == (72, 3, 4, 4)
    call("generate", "double_exchange", "--spins", file, "fields=true", "--out", "direct.h5", "-q", cwd=place).done()
    np.testing.assert_allclose(found["energies"], arrays(place / "direct.h5")["energies"], rtol=1e-12)
    np.testing.assert_allclose(found["fields"], arrays(place / "direct.h5")["fields"], rtol=0, atol=1e-9)
    call("predict", "run", "--spins", file, "--out", "p.h5", "-q", cwd=place).done()
    np.testing.assert_allclose(found["network_energies"], arrays(place / "p.h5")["energies"], rtol=1e-6)
    changed = np.any(found["spins"][12:] != found["spins"][:-12], axis=(1, 2, 3))
    assert np.array_equal(changed, found["accepted"][12:])  # a rejected proposal repeats the state before
    assert len(found["others/energies"]) == 12 * 3 + (~found["accepted"]).sum()


def test_the_page_on_files_names_every_array(place: Path, sampled: dict):
    page = (Path(__file__).parents[2] / "docs/reference/files.md").read_text()
    section = page.partition("## Samples\n")[2].partition("\n## ")[0]
    named = {each.lstrip("/") for each in re.findall(r"`(/[a-z_/]+)`", section)}
    assert named == set(arrays(place / sampled["outputs"]["samples"]))


def test_asked_again_it_is_there(place: Path, sampled: dict):
    file = place / sampled["outputs"]["samples"]
    before = file.stat().st_mtime_ns
    again = call("sample", "run", *CHAINS, "fields=true", "--json", "-q", cwd=place).done().json()
    assert again["metrics"] == sampled["metrics"]
    assert file.stat().st_mtime_ns == before
    other = call("sample", "run", *CHAINS, "--seed", 1, "--dry-run", "--json", cwd=place).done().json()
    assert other["status"] == "planned"
    assert other["outputs"] != {"samples": sampled["outputs"]["samples"]}


def test_samples_train_and_are_looked_at(place: Path, sampled: dict):
    file = sampled["outputs"]["samples"]
    call("train", *QUICK, "--data", file, "--out", "again", cwd=place).done()
    assert call("evaluate", "again", "--json", cwd=place).done().json()["metrics"]["samples"] % 6 == 0  # whole chains
    carried = call("extrapolate", "again", "--L", 6, "--samples", 4, "--json", cwd=place).done()
    assert any("Markov chains" in each for each in carried.warnings())
    known = call("extrapolate", "run", "--data", file, "--json", cwd=place).done()
    assert any("correlated" in each for each in known.warnings())
    assert known.json()["metrics"]["sizes"][0]["speedup"] is None  # moves of chains are no labels
    found = call("inspect", file, "--json", cwd=place).done().json()["metrics"]
    assert (found["metadata"]["sampling"], found["chains"]) == ("monte_carlo", 12)
    drawn = call("plot", "sample", file, "--json", cwd=place).done().json()
    assert (place / drawn["outputs"]["figure"]).exists()
    call("plot", "sample", cwd=place).failed(2, "efnn sample")


def test_configurations_for_viewers(place: Path, sampled: dict):
    file = sampled["outputs"]["samples"]
    spins = arrays(place / file)["spins"][5]
    call("export", file, "--format", "ovf", "--index", 5, "--out", "a.ovf", cwd=place).done()
    head, _, rest = (place / "a.ovf").read_bytes().partition(b"# Begin: Data Binary 8\n")
    assert head.startswith(b"# OOMMF OVF 2.0\n")
    assert b"# xnodes: 4\n" in head
    values = np.frombuffer(rest[: 8 * (1 + 48)], dtype="<f8")
    assert values[0] == 123456789012345.0
    assert np.array_equal(values[1:].reshape(4, 4, 3).transpose(2, 1, 0), spins)  # x fastest
    call("export", file, "--format", "vti", "--index", 5, "--out", "a.vti", cwd=place).done()
    node = ElementTree.parse(place / "a.vti").getroot().find(".//DataArray")
    assert node is not None
    assert np.array_equal(np.fromstring(node.text, sep=" ").reshape(4, 4, 3).transpose(2, 1, 0), spins)
    call("export", file, "--format", "vti", "--index", 99, cwd=place).failed(2, "--index")


def samples_of(folder: Path) -> Path:
    (path,) = (folder / "data" / "samples").glob("*.h5")
    return path


def killed_at(folder: Path, segment: int, *words: object) -> dict[Path, int]:
    """Run `efnn sample`, kill it once the first group has stored a segment; return all stored files with their times.

    Segments 0 to 2 tune the moves; there are two of warm-up and three of samples.
    """
    job = begin_efnn(*words, "--workers", 1, "--overwrite", cwd=folder)
    while job.poll() is None and not list(folder.glob(f"data/samples/.*.chains/group-00000-segment-{segment:06d}.h5")):
        pass
    job.send_signal(signal.SIGKILL)
    job.communicate()
    return {path: path.stat().st_mtime_ns for path in folder.glob("data/samples/.*.chains/*.h5")}


@pytest.mark.slow
def test_a_killed_job_goes_on_to_the_same_chains(place: Path, tmp_path: Path):
    """Killed while moves are tuned, in warm-up and between samples: nothing is done again, nothing changes."""
    words = ("sample", place / "run", "--chains", 12, "--proposals", 150, "warmup=80", "trajectories=1")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    cut.mkdir()
    run_efnn(*words, "-q", cwd=whole).done()
    before: dict[Path, int] = {}
    for segment in (0, 3, 5):
        stored = killed_at(cut, segment, *words)
        assert len(before) < len(stored) < 2 * 8
        assert before.items() <= stored.items()
        before = stored
    run_efnn(*words, "-q", cwd=cut).done()
    expected = arrays(samples_of(whole))
    for name, each in arrays(samples_of(cut)).items():
        assert np.array_equal(each, expected[name]), name
    assert not list(cut.glob("data/samples/.*"))


def test_parts_of_a_job_array_are_joined(place: Path, tmp_path: Path, sampled: dict):
    words = ("sample", place / "run", *CHAINS, "fields=true", "-q")
    for index in (1, 0):
        part = call(*words, "--shards", 2, "--shard-index", index, "--json", cwd=tmp_path).done().json()
        assert part["status"] == "partial"
        if index:
            merge = ("merge", place / "run", "chains=12", "proposals=6", *CHAINS[4:], "fields=true", "-q")
            call(*merge, cwd=tmp_path).failed(3, "1 of 2 groups", "--shard-index")
            call(*merge, "--samples", 5, cwd=tmp_path).failed(2, "--samples")
    call(*merge, "--device", "cuda", cwd=tmp_path).done()  # that of the parts, which need not be here
    expected = arrays(place / sampled["outputs"]["samples"])
    for name, each in arrays(samples_of(tmp_path)).items():
        assert np.array_equal(each, expected[name]), name


def test_parts_of_another_kind_of_device_are_joined(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Groups of 64 chains, as on CUDA, at a path of the user's own."""
    words = ("sample", place / "run", *CHAINS, "--out", "chains.h5", "-q")
    with monkeypatch.context() as patch:
        patch.setitem(GROUP, "cpu", GROUP["cuda"])
        call(*words, "--shards", 1, "--shard-index", 0, cwd=tmp_path).done()
    merge = ("merge", place / "run", "chains=12", "proposals=6", *CHAINS[4:], "--out", "chains.h5", "-q")
    call(*merge, "--device", "cuda", cwd=tmp_path).done()
    assert len(arrays(tmp_path / "chains.h5")["energies"]) == 72
    call(*merge, cwd=tmp_path).done()  # found again


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_chains(place: Path, tmp_path: Path):
    words = ("sample", place / "run", *CHAINS, "fields=true", "--workers", 2, "--out")
    run_efnn(*words, tmp_path / "threads.h5", cwd=tmp_path).done()
    run_efnn(*words, tmp_path / "dask.h5", "executor=dask", cwd=tmp_path).done()
    expected = arrays(tmp_path / "threads.h5")
    for name, each in arrays(tmp_path / "dask.h5").items():
        assert np.array_equal(each, expected[name]), name


def test_uncorrected_samples_say_so(place: Path):
    found = call("sample", "run", *CHAINS, "correct=false", "--json", cwd=place).done().json()
    assert found["metrics"]["corrected"] is False
    assert found["metrics"]["acceptance"] is None
    assert any("correct=false" in each for each in found["warnings"])
    assert "False" in (place / found["outputs"]["observables"]).read_text()
    call("train", *QUICK, "--data", found["outputs"]["samples"], cwd=place).failed(3, "efnn-samples")
    looked = call("inspect", found["outputs"]["samples"], "--json", cwd=place).done().json()["metrics"]
    assert (looked["kind"], looked["samples"]) == ("uncorrected samples", 72)


def test_another_temperature_needs_the_correction(place: Path):
    found = call("sample", "run", *CHAINS, "system.T=0.3", "--json", "-q", cwd=place).done().json()
    assert found["metrics"]["T"] == 0.3
    call("sample", "run", "system.T=0.3", "correct=false", cwd=place).failed(2, "correct=true")


def test_classical_spins_have_a_temperature(here: Path):
    call("generate", "heisenberg", "--L", 4, "--samples", 60, "-q", cwd=here).done()
    call("train", *QUICK, "--out", "run", cwd=here).done()
    call("sample", "run", cwd=here).failed(2, "temperature=")
    call("sample", "run", "temperature=0.5", "system.T=0.5", cwd=here).failed(2, "system.T")
    found = call("sample", "run", *CHAINS, "temperature=0.5", "--L", 6, "--json", cwd=here).done().json()
    assert found["metrics"]["reference"] == "formula"
    assert found["metrics"]["observables"]["specific_heat"]["mean"] > 0


def test_what_cannot_be_sampled(place: Path, here: Path):
    call("sample", cwd=place).failed(2, "RUN")
    call("sample", "run", "chains=0", cwd=place).failed(2, "chains")
    call("sample", "run", "moves=gibbs", cwd=place).failed(2, "hybrid")
    call("sample", "run", "correct=false", "reference=dense", cwd=place).failed(2, "correct=false")
    call("sample", "run", "temperature=0.2", cwd=place).failed(2, "system.T")
    call("sample", "run", "reference=formula", cwd=place).failed(2, "dense")
    call("sample", "run", "--out", "run/best.h5", cwd=place).failed(6)
    (dataset,) = (place / "data").glob("double_exchange-L4-*.h5")
    (here / "notes.h5").write_text("mine")
    for taken in (dataset, here / "notes.h5", here):
        call("sample", "run", *CHAINS, "--out", taken, cwd=place).failed(6, "--out")
    call("sample", "run", *CHAINS, "--out", here / "chains.txt", cwd=place).failed(2, ".h5")
    assert (here / "notes.h5").read_text() == "mine"
    for lasting in (dataset, "run/best.h5"):
        call("sample", "run", *CHAINS, "--out", lasting, "--overwrite", cwd=place).failed(6, "--out")
    (here / "own.csv").write_text("mine")
    call("sample", "run", *CHAINS, "--out", here / "own.h5", cwd=place).failed(6, "own.csv")
    assert (here / "own.csv").read_text() == "mine"
    call("sample", "run", *CHAINS, "--out", here / "notes.h5", "--overwrite", "-q", cwd=place).done()
    call("sample", "run", *CHAINS, "--out", here / "notes.h5", "--overwrite", "-q", cwd=place).done()
    call("sample", "nowhere", cwd=place).failed(3, "nowhere")
    call("generate", "three_spin", "--L", 5, "--samples", 40, "-q", cwd=here).done()
    call("train", "epochs=1", "width=3", "-q", "--out", "run", cwd=here).done()
    call("sample", "run", "temperature=1", cwd=here).failed(3, "lattice")
