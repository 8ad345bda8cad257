"""Systems and networks of one's own: from a file named on the command line, or by the entry point of a package."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from cli.conftest import SMALL, call
from hydra.core.config_store import ConfigStore

from efnn_cli.config.compose import compose
from efnn_cli.config.schema import build_model, build_system
from efnn_cli.config.words import Request
from efnn_cli.core.errors import ConfigError
from efnn_cli.models import MODELS
from efnn_cli.physics import SYSTEMS
from efnn_cli.storage import dataset

EXAMPLES = Path(__file__).parent.parent.parent / "docs" / "examples"
COMPASS, GATED = "compass.py:Compass", "gated.py:Gated"
RAN = "\n__import__('pathlib').Path('ran').touch()\n"


def forget():
    """What a new process knows of the files that were named before: nothing."""
    for registry, group in ((SYSTEMS, "system"), (MODELS, "model")):
        for name in registry.own:
            ConfigStore.instance().repo.get(group, {}).pop(f"{name}.yaml", None)
        registry.files.clear()


@pytest.fixture(autouse=True)
def nothing_known():
    yield
    forget()


@pytest.fixture
def here(tmp_path):
    for path in EXAMPLES.glob("*.py"):
        (tmp_path / path.name).write_text(path.read_text() + RAN)
    return tmp_path


def efnn(line, here):
    """The outcome of a command in a process that knows nothing, and whether it ran the files."""
    forget()
    (here / "ran").unlink(missing_ok=True)
    outcome = call(*line.split(), cwd=here)
    return outcome, (here / "ran").exists()


def test_a_system_of_a_file_with_and_without_it(here):
    made, ran = efnn(f"generate {COMPASS} --L 4 --samples 60 system.J=0.5 fields=true --json", here)
    data = dataset.read(here / made.done().json()["outputs"]["dataset"])
    assert ran
    x, y = data.spins[:, 0], data.spins[:, 1]
    energies = -(0.5 * x * np.roll(x, -1, 1) + y * np.roll(y, -1, 2)).sum((1, 2))
    np.testing.assert_allclose(data.energies, energies, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(data.fields[:, 0], 0.5 * (np.roll(x, -1, 1) + np.roll(x, 1, 1)), atol=1e-12)
    stored = data.metadata["system"]
    assert (stored["name"], stored["J"], stored["L"], stored["plug_in"]["source"]) == ("compass", 0.5, 4, COMPASS)
    run = efnn(f"train model=dnn depth=1 {' '.join(SMALL)} --json", here)[0].done().json()["outputs"]["run"]
    np.save(here / "spins.npy", np.tile(data.spins[:3], (1, 1, 2, 2)))
    for line in ("evaluate", f"predict {run} --spins spins.npy", "runs", f"inspect {run}", "plot parity"):
        outcome, ran = efnn(line, here)
        outcome.done()
        assert not ran, "nothing that a stored file names is run"
    outcome, ran = efnn("extrapolate --L 4,6 --samples 3", here)
    outcome.failed(3, COMPASS, f"add system={COMPASS}")
    assert not ran
    outcome, ran = efnn(f"extrapolate --L 4,6 --samples 3 system={COMPASS}", here)
    assert ran
    assert "has changed" not in outcome.done().err


def test_a_changed_source_warns_and_makes_other_labels(here):
    line = f"generate {COMPASS} --L 4 --samples 60 --json"
    before = efnn(line, here)[0].done().json()["outputs"]["dataset"]
    efnn(f"train depth=1 width=2 {' '.join(SMALL)}", here)[0].done()
    source = (here / "compass.py").read_text().replace("return -(", "return 2 * (")
    (here / "compass.py").write_text(source)
    after = efnn(line, here)[0].done().json()["outputs"]["dataset"]
    assert after != before
    assert (
        "compass.py:Compass has changed" in efnn(f"extrapolate --L 4 --samples 3 system={COMPASS}", here)[0].done().err
    )


def test_a_network_of_a_file(here):
    efnn("generate heisenberg --L 4 --samples 60", here)[0].done()
    words = f"model={GATED} depth=1 width=2 model.gate_bias=-1 {' '.join(SMALL)}"
    made, ran = efnn(f"train {words} --json", here)
    assert ran
    run = made.done().json()["outputs"]["run"]
    assert run.startswith("outputs/heisenberg-gated-d1")
    outcome, ran = efnn("evaluate", here)
    outcome.failed(3, GATED, f"add model={GATED}")
    assert not ran
    efnn(f"evaluate model={GATED}", here)[0].done()
    assert efnn(f"train {words} --json", here)[0].done().json()["outputs"]["run"] == run
    (here / "gated.py").write_text((here / "gated.py").read_text() + "# other weights")
    assert "gated.py:Gated has changed" in efnn(f"evaluate model={GATED}", here)[0].done().err
    assert efnn(f"train {words} --json", here)[0].done().json()["outputs"]["run"] != run


NUMPY = """
from dataclasses import dataclass

@dataclass
class Chain:
    geometry, numpy = "dense", True
    J: float = 2.0

    def energy(self, spins):
        return -self.J * (spins * spins[:, ::-1]).sum(axis=1)
"""


def test_as_little_as_parameters_and_an_energy_in_numpy(here):
    (here / "chain.py").write_text(NUMPY)
    made = efnn("generate chain.py:Chain --L 5 --samples 40 --json", here)[0].done().json()
    with h5py.File(here / made["outputs"]["dataset"]) as file:
        spins, energies = file["spins"][:], file["energies"][:]
    assert spins.shape == (40, 5)
    assert -1 <= spins.min() < -0.9 < 0.9 < spins.max() <= 1
    np.testing.assert_allclose(energies, -2 * (spins * spins[:, ::-1]).sum(axis=1))
    efnn("generate chain.py:Chain --samples 4 fields=true", here)[0].failed(2, "has no fields", "torch")
    assert "system.J " in efnn("generate chain.py:Chain --help", here)[0].done().out


@pytest.mark.parametrize(
    ("text", "place", "code", "named"),
    [
        ("", "none.py:X", 3, "none.py is not a file"),
        ("a = 1\n1 / 0\n", "x.py:X", 3, "x.py cannot be run: line 2: ZeroDivisionError"),
        ("class Ising: ...", "x.py:Isin", 2, "did you mean Ising?"),
        ("class Ising: ...", "x.py:Ising", 2, "energy(spins)"),
        ("class Heisenberg:\n    def energy(self, spins): ...", "x.py:Heisenberg", 2, "is a name of efnn itself"),
        ("class Ising:\n    def energy(self, spins): return spins.sum()", "x.py:Ising", 2, "wanted energies (2,)"),
        ("class Ising:\n    geometry = 'cube'\n    def energy(self, spins): ...", "x.py:Ising", 2, "lattice, dense"),
    ],
)
def test_what_is_no_system_is_refused(here, text, place, code, named):
    if text:
        (here / "x.py").write_text(text)
    efnn(f"generate {place} --L 4 --samples 4", here)[0].failed(code, named)


ENERGY = "import numpy as np\n\nclass Own:\n{}\n    def energy(self, spins):\n        return {}\n"
BONDS = "-(spins * spins.roll(-1, dims=2)).sum(dim=(1, 2, 3))"
ODD = "spins[:, 2].sum(dim=(1, 2))"


@pytest.mark.parametrize(
    ("stated", "energy", "named"),
    [
        ("", "np.sum(spins * np.roll(spins, -1, 2), axis=(1, 2, 3))", ("line 6", "np.roll", "numpy = True")),
        ("    numpy = True", "np.sum(spins, 7)", ("at line 6", "AxisError", "mend the file")),
        ("", "spins[:, 5]", ("own.py:Own: energy failed at line 6", "IndexError", "mend the file")),
        ("", "None", ("own.py:Own: energy failed",)),
        ("    def fields(self, spins): return 1 / 0", BONDS, ("fields failed at line 4", "ZeroDivisionError")),
        ("    def fields(self, spins): return spins[0]", BONDS, ("wanted fields (4, 3, 4, 4)",)),
        (
            "    def sample(self, sampling, draw): return draw.counts",
            BONDS,
            ("sample failed at line 4", "AttributeError"),
        ),
        (
            "    def __post_init__(self): raise ValueError('too big')",
            BONDS,
            ("failed at line 4", "ValueError: too big"),
        ),
        ("    symmetry = 'o3'", ODD, ("a rotation of all spins changes",)),
        ("    symmetry = 'axial'", "spins[:, 0].sum(dim=(1, 2))", ("a rotation of all spins changes", "symmetry")),
        ("    symmetry, even = 'axial', True", ODD, ("the reversal of all spins changes", "even")),
        ("    symmetry, even = 'o3', False", BONDS, ("contains S -> -S",)),
        ("    symmetry = 'O3'", BONDS, ("o3, axial, none",)),
    ],
)
def test_mistakes_in_a_class_are_told_as_such(here, stated, energy, named):
    """With the line of the user's file, before anything is labelled."""
    (here / "own.py").write_text(ENERGY.format(stated, energy))
    efnn("generate own.py:Own --L 4 --samples 4 fields=true", here)[0].failed(2, *named)
    assert not list(here.glob("data/*.h5"))


def test_a_stated_symmetry_is_that_of_the_network(here):
    for stated, energy in (("symmetry = 'o3'", BONDS), ("symmetry = 'axial'", ODD), ("even = True", BONDS)):
        (here / "own.py").write_text(ENERGY.format(f"    {stated}", energy))
        efnn("generate own.py:Own --L 4 --samples 60", here)[0].done()
        made = efnn(f"train depth=1 width=2 {' '.join(SMALL)} --json", here)[0].done().json()["outputs"]["run"]
        model = efnn(f"inspect {made} --json", here)[0].json()["metrics"]["config"]["model"]
        assert model["linear_terms"] == (energy is ODD)
        assert model["symmetry"] == (stated.split("'")[1] if "'" in stated else "none")


def test_entry_points_of_a_package(here, monkeypatch):
    for registry, name, place in ((SYSTEMS, "compass", COMPASS), (MODELS, "gated", GATED)):
        found = {name: place.replace(".py", "")}
        monkeypatch.setitem(registry.__dict__, "plug_ins", found)
        monkeypatch.setattr(registry, "_loaded", {})
    monkeypatch.chdir(here)
    monkeypatch.syspath_prepend(here)
    values = compose("generate", Request(("system=compass", "system.K=3"), {"system.L": "5"})).values
    system = build_system(values["system"])
    assert (system.name, system.L, system.J, system.K, system.geometry) == ("compass", 5, 1.0, 3.0, "lattice")
    assert torch.equal(system.energy(torch.zeros(2, 3, 5, 5)), torch.zeros(2, dtype=torch.float64))
    with pytest.raises(ConfigError, match=r"unknown key 'system\.Jy'"):
        compose("generate", Request(("system=compass", "system.Jy=3")))
    options = build_model(compose("train", Request(("model=gated", "depth=2", "model.gate_bias=-3"))).values["model"])
    assert (options.name, options.depth, options.gate_bias) == ("gated", 2, -3.0)
    with pytest.raises(ConfigError, match="given twice"):
        compose("train", Request(("model=gated", "depth=2", "model.depth=3")))
