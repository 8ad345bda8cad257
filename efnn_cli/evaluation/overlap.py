"""Configurations that a network has seen in training or validation, and that flatter its errors."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from efnn_cli.core.errors import InputError
from efnn_cli.core.results import shown
from efnn_cli.datasets import find
from efnn_cli.runs.loading import Run
from efnn_cli.runs.stored import datasets_of
from efnn_cli.storage import dataset
from efnn_cli.storage.dataset import Dataset
from efnn_cli.training.split import Indices, digests, split

DRAWN_BY = ("sampling", "thermal")  # beside size and seed

LOGGER = logging.getLogger("efnn")


def unseen(members: Sequence[Run], data: Dataset, chosen: Indices, path: Path, *, drop: bool) -> Indices:
    """Return the `chosen` configurations of `data`; with `drop` only those that no member has seen in another dataset.

    Warns of their number, and where a training dataset is gone but may have shared configurations. Raises
    `InputError` where nothing is left.
    """
    others = {each["content_sha256"]: (member, each) for member in members for each in datasets_of(member.config)}
    others.pop(data.content_hash, None)
    fresh = np.ones(len(chosen), dtype=bool)
    keys = digests(data.spins[chosen]) if others else []
    for member, stored in others.values():
        if member.system.spin_shape != data.spins.shape[1:] and len(datasets_of(member.config)) == 1:
            continue
        known = _seen(member, stored)
        if known is None:
            _warn_if_alike(member, stored, data, path)
            continue
        hits = np.array([key in known for key in keys])
        if hits.any():
            LOGGER.warning(
                "%d of %d configurations of %s were in training or validation of %s: %s",
                int(hits.sum()),
                len(chosen),
                shown(path),
                shown(member.path),
                "they are left out" if drop else "errors look better than they are; seen=drop leaves them out",
            )
        fresh &= ~hits
    if not drop:
        return chosen
    if not fresh.any():
        raise InputError(
            f"every configuration of {shown(path)} was in training or validation",
            "evaluate on another dataset: efnn generate with another --seed",
        )
    return chosen[fresh]


def _seen(member: Run, stored: Mapping[str, Any]) -> set[bytes] | None:
    """Return the digests of the training and validation configurations; None where their dataset is gone."""
    try:
        data = dataset.read(find.find_dataset(stored["content_sha256"], stored["path"], member.path))
    except InputError:
        return None
    parts = split(data.spins, data.chain)
    return set(digests(data.spins[np.concatenate([parts.train, parts.val])]))


def _warn_if_alike(member: Run, stored: Mapping[str, Any], data: Dataset, path: Path) -> None:
    """Warn unless the metadata show different random streams."""
    theirs = {"seed": stored.get("seed"), **{key: member.config.get(key) for key in DRAWN_BY}}
    ours = {key: data.metadata.get(key) for key in theirs}
    if theirs["seed"] is None:  # of a run that did not store it
        ours["seed"] = None
    if data.metadata["purpose"] == "train" and ours == theirs:
        LOGGER.warning(
            "%s may share configurations with the training of %s: same size, sampling, seed; its dataset is gone",
            shown(path),
            shown(member.path),
        )
