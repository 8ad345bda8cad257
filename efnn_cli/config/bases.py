"""Configurations of Hydra from the same files: the files are composed once, and each gets its values in a copy.

Hydra needs 45 ms to compose `conf/`, and a study composes hundreds of runs that differ in values alone. It is already
initialised with the files of the package wherever these functions are called.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from functools import lru_cache

from hydra import compose
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from omegaconf import DictConfig

from efnn_cli.config.hints import GROUP_NAMES
from efnn_cli.config.words import parsed
from efnn_cli.models import MODELS
from efnn_cli.physics import SYSTEMS


def composed(command: str, texts: Sequence[str]) -> DictConfig:
    """Return what Hydra composes from the settings `texts`; raises what Hydra raises.

    What is not the package's own may change meanwhile, and is composed anew: files of `--config-dir`, plug-ins.
    """
    own = SYSTEMS.own | MODELS.own
    if any(text.startswith("hydra.") or text.partition("=")[2] in own for text in texts):
        return compose(command, overrides=list(texts))
    chosen = [text for text in texts if text.partition("=")[0] in GROUP_NAMES]
    config = deepcopy(_base(command, tuple(sorted(chosen))))
    values = [parsed(text) for text in texts if text not in chosen]
    ConfigLoaderImpl._apply_overrides_to_config(values, config)
    return config


@lru_cache(maxsize=64)
def _base(command: str, chosen: tuple[str, ...]) -> DictConfig:
    return compose(command, overrides=list(chosen))
