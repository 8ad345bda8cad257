"""Registries: built-in names first, plug-ins of other packages by their entry points."""

import importlib.metadata
from importlib.metadata import EntryPoint

import pytest

from efnn_cli.core import registry
from efnn_cli.models import MODELS
from efnn_cli.physics import SYSTEMS

PLUG_INS = {
    "mine": EntryPoint("mine", "collections:OrderedDict", "some.group"),
    "built_in": EntryPoint("built_in", "collections:deque", "some.group"),
    "broken": EntryPoint("broken", "no_such_package:Thing", "some.group"),
}


def unchanged(found, source):
    assert source.place == "collections:OrderedDict"
    assert len(source.sha256) == 64
    return "mine", found


def test_plug_ins_follow_the_built_in_names_and_are_loaded_when_asked_for(monkeypatch):
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda group: PLUG_INS.values() if group == "some.group" else ()
    )
    found = registry.Registry("some.group", {"built_in": int}, f"{__name__}:unchanged")
    assert list(found) == ["built_in", "broken", "mine"]
    assert len(found) == 3
    assert found["built_in"] is int  # a plug-in cannot replace it
    assert found["mine"].__name__ == "OrderedDict"
    assert "other" not in found
    with pytest.raises(ModuleNotFoundError):
        found["broken"]


def test_the_registries_of_the_package():
    assert (SYSTEMS.group, MODELS.group) == ("efnn.systems", "efnn.models")
    assert list(SYSTEMS) == ["three_spin", "heisenberg", "double_exchange"]
    assert list(MODELS) == ["efnn", "dnn", "resnet", "densenet", "effective"]
