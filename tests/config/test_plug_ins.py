"""A system and a network of another package: chosen by name, with keys, defaults and bounds of their dataclasses."""

from dataclasses import dataclass

import pytest
from hydra.core.config_store import ConfigStore

from efnn_cli.config.compose import compose
from efnn_cli.config.schema import build_model, build_system
from efnn_cli.config.words import Request
from efnn_cli.core.errors import ConfigError
from efnn_cli.models import MODELS, ModelEntry
from efnn_cli.models.efnn import LatticeEFNN
from efnn_cli.models.options import EfnnOptions
from efnn_cli.physics import SYSTEMS
from efnn_cli.physics.heisenberg import Heisenberg


@dataclass
class Compass(Heisenberg):
    name = "compass"
    kind = "compass"

    Jx: float = 2.0


@dataclass
class WideOptions(EfnnOptions):
    name: str = "wide"
    width: int = 7
    kernel_size: int = 3


WIDE = ModelEntry("wide EFNN", WideOptions, None, LatticeEFNN)


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    for registry, name, thing in ((SYSTEMS, "compass", "Compass"), (MODELS, "wide", "WIDE")):
        monkeypatch.setitem(registry.__dict__, "plug_ins", {name: f"{__name__}:{thing}"})
    yield
    for group, name in (("system", "compass"), ("model", "wide")):
        ConfigStore.instance().repo[group].pop(f"{name}.yaml", None)


def test_a_system():
    values = compose("generate", Request(("system=compass", "system.Jx=3"), {"system.L": "5"})).values
    system = build_system(values["system"])
    assert (type(system), system.L, system.Jx, system.J1) == (Compass, 5, 3.0, 1.0)
    with pytest.raises(ConfigError, match=r"unknown key 'system\.Jy'"):
        compose("generate", Request(("system=compass", "system.Jy=3")))


def test_a_network():
    values = compose("train", Request(("model=wide", "depth=2", "model.block_kernel_size=5"))).values
    options = build_model(values["model"])
    assert isinstance(options, WideOptions)
    assert (options.depth, options.width, options.kernel_size, options.block_kernel_size) == (2, 7, 3, 5)
    with pytest.raises(ConfigError, match="given twice"):
        compose("train", Request(("model=wide", "depth=2", "model.depth=3")))
