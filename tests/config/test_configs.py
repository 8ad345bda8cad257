"""Configurations are composed of the defaults of the dataclasses; every recipe composes for every network."""

import dataclasses
import re
from pathlib import Path

import pytest

import efnn_cli
from efnn_cli.config.compose import compose
from efnn_cli.config.schema import build_model, build_system
from efnn_cli.config.words import Request
from efnn_cli.core.errors import ConfigError
from efnn_cli.models import MODELS
from efnn_cli.physics import SYSTEMS, variants
from efnn_cli.runs.settings import train_config, with_symmetry
from efnn_cli.training.options import TrainingOptions

CONF = Path(efnn_cli.__file__).parent.parent / "conf"
KINDS = {cls.kind: [f"system={name}"] for name, cls in SYSTEMS.items()} | {
    "infinite_range": ["system=heisenberg", "system.variant=infinite_range"],
    "heisenberg_lattice": ["system=heisenberg", "system.variant=lattice"],
}


def composed(command, *words):
    return compose(command, Request(words)).values


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_system_is_composed_of_its_defaults(name):
    values = composed("generate", f"system={name}")["system"]
    for variant, cls in (variants(name) or {None: SYSTEMS[name]}).items():
        assert build_system(values if variant is None else {**values, "variant": variant}) == cls()


@pytest.mark.parametrize("name", MODELS)
def test_a_network_is_composed_of_its_neutral_values(name):
    words = () if name == "effective" else ("training=neutral",)
    assert build_model(composed("train", f"model={name}", *words)["model"]) == MODELS[name].options()


def test_the_neutral_recipe_holds_the_neutral_values():
    found = composed("train", "training=neutral")["training"]
    assert found | {"name": "custom"} == dataclasses.asdict(TrainingOptions())


@pytest.mark.parametrize("family", ["default", "paper"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", MODELS)
def test_every_recipe_composes_for_every_network(kind, model, family):
    recipe = [] if model == "effective" else [f"training={family}"]
    system = build_system(compose("train", Request(tuple(KINDS[kind]))).values["system"])
    request = Request((f"model={model}", *recipe))
    if model == "effective" and system.geometry == "dense":
        with pytest.raises(ConfigError, match="needs a lattice"):
            train_config(compose("train", request, kind), system)
        return
    config = train_config(compose("train", request, kind), system)
    if model == "effective":
        assert config.training is None
        return
    own = (CONF / "training" / family / f"{kind}.yaml").exists()  # a new system has none at first
    assert config.training.name.startswith(f"{family}/{kind}" if own else family)
    if family == "paper":
        neutral = dataclasses.asdict(with_symmetry(MODELS[model].options(), system))
        neutral.update(depth=config.model.depth, width=config.model.width)
        assert dataclasses.asdict(config.model) == neutral
        assert config.training.initial_spread is None


@pytest.mark.parametrize("kind", [kind for kind in KINDS if (CONF / "training" / "default" / f"{kind}.yaml").exists()])
def test_default_recipes_see_no_more_than_the_training_lattice(kind):
    from efnn_cli.models.build import receptive_field_of

    system = build_system(compose("train", Request(tuple(KINDS[kind]))).values["system"])
    config = train_config(compose("train", Request(), kind), system)
    if system.geometry == "lattice":
        assert receptive_field_of(config.model) <= system.size


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+foo=1", "unknown key 'foo'"),
        ("depth=[1", "cannot read"),
        ("depth=true", "depth: wanted an integer"),
        ("lr=1e-3x", "lr: wanted a number"),
        ("device=gpu", "device: wanted auto, cpu, cuda, cuda:INDEX or mps"),
        ("~model", "wanted KEY=VALUE"),
        ("config.yaml", "wanted KEY=VALUE, found 'config.yaml'"),
    ],
)
def test_what_cannot_be_meant_is_refused(override, message):
    with pytest.raises(ConfigError, match=message.replace("+", r"\+")):
        train_config(compose("train", Request((override,))))


def test_no_file_names_anything_to_call():
    for path in CONF.rglob("*.yaml"):
        assert not re.search(r"_target_|\$\{hydra", path.read_text()), path


def test_a_depth_may_have_a_recipe_of_its_own():
    """Depth 3 of the infinite-range Heisenberg EFNN does; other depths, networks and the common recipe do not."""

    def recipe(*words, common=False):
        return compose("train", Request(words, common_recipe=common), "infinite_range").values["training"]

    own = recipe("depth=3")
    assert (own["name"], own["optimizer"]) == ("default/infinite_range-efnn-d3", "soap")
    assert recipe()["name"] == recipe("depth=2")["name"] == recipe("depth=4")["name"] == "default/infinite_range-efnn"
    assert recipe("depth=3", "model=dnn")["name"] == "default/infinite_range"
    assert recipe("depth=3", common=True)["name"] == "default/infinite_range"
    assert recipe("depth=3", "lr=0.5")["lr"] == 0.5
