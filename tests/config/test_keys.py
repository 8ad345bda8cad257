"""Keys, defaults and listed values for completion are those that the commands accept."""

import pytest

from efnn_cli.cli.config import validate
from efnn_cli.config import keys
from efnn_cli.config.compose import compose
from efnn_cli.config.recipes import flat
from efnn_cli.config.words import Request
from efnn_cli.core.errors import ConfigError
from efnn_cli.models import MODELS
from efnn_cli.physics import SYSTEMS, variants
from efnn_cli.physics.sampling import SAMPLINGS

BY_SYSTEM = ("sampling", "reference")  # every system has some of the values
COMMANDS = ("generate", "train", "evaluate", "extrapolate", "predict")


def test_without_a_choice_all_options_of_a_group_are_read():
    names = {key.name for key in keys.group_keys("system")}
    assert {"system.L", "system.J1", "system.mu", "system.spin_values"} <= names


def test_groups_and_their_options():
    assert keys.groups("train") == {"system": None, "model": "efnn", "training": "default"}
    assert keys.options("training") == ["default", "paper"]


def test_a_key_has_its_default_comment_and_short_name():
    found = {key.name: key for key in keys.group_keys("model", "efnn")}
    assert (found["depth"].text, found["depth"].meaning) == ("3", "D, number of layers.")
    assert "model.depth" not in found
    assert found["model.centre_spins"].choices == ("true", "false")
    assert found["model.invariant_channels"].text == "null"


def listed():
    """Every key that has a list of values, beside a command and a choice that the key needs."""
    found = {}
    for command in COMMANDS:
        for key in keys.root_keys(command):
            if key.name not in BY_SYSTEM:
                found[command, key.name] = command, key, ()
        for group in keys.groups(command):
            for option in keys.options(group):
                for key in keys.group_keys(group, option):
                    found.setdefault((command, key.name), (command, key, (f"{group}={option}",)))
    return [each for each in found.values() if each[1].choices]


def flat_names(command, *words):
    values = dict(flat(compose(command, Request(words)).values))
    return {keys.SHORT_NAMES.get(name, name): value for name, value in values.items() if not name.endswith("name")}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        *(("generate", (f"system={name}",)) for name in SYSTEMS),
        *(("train", (f"model={name}", "training=neutral")) for name in MODELS if name != "effective"),
        ("extrapolate", ("executor=dask",)),
    ],
)
def test_keys_and_defaults_read_from_the_source_are_those_that_are_composed(command, words):
    chosen = dict(word.split("=") for word in words)
    read = {key.name: key.default for key in keys.settable(command, chosen) if key.name not in keys.groups(command)}
    if command == "train":  # without a system there are no keys of it
        read = {name: value for name, value in read.items() if not name.startswith("system.")}
    assert read == flat_names(command, *words)


def refusal(command, *words):
    """Why the command refuses its configuration; empty where it does not."""
    if command == "generate" and not any(word.startswith("system=") for word in words):
        words = ("system=double_exchange", *words)
    try:
        validate(command, compose(command, Request(words)))
    except ConfigError as error:
        return error.message
    return ""


@pytest.mark.parametrize(
    ("command", "key", "chosen"),
    [pytest.param(*each, id=f"{each[0]}-{each[1].name}-{'-'.join(each[2])}") for each in listed()],
)
def test_listed_values_are_those_that_are_accepted(command, key, chosen):
    wanted = refusal(command, *chosen, f"{key.name}=no_such_value").partition(", found")[0]
    assert wanted.startswith(f"{key.name}: wanted ")
    for value in key.choices:
        assert value in wanted
        assert not refusal(command, *chosen, f"{key.name}={value}").startswith(f"{key.name}: wanted")


def choices(command, name):
    return next(set(key.choices) for key in keys.root_keys(command) if key.name == name)


def test_listed_samplings_and_references_are_those_of_the_systems():
    systems = [cls() for each in SYSTEMS.values() for cls in (variants(each.name).values() or [each])]
    references = {"auto"}.union(*(each.references for each in systems))
    assert choices("generate", "sampling") == {"auto"}.union(*(each.samplings for each in systems))
    assert choices("extrapolate", "sampling") == {"auto", *SAMPLINGS}
    assert choices("generate", "reference") == choices("extrapolate", "reference") == references
