"""Training that came to an end, with finite numbers, and is of no use all the same."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

LOGGER = logging.getLogger("efnn")
DIVERGED = 10.0  # times the spread of the energies, which predicting their mean has as its error


def warn_of_divergence(metrics: Mapping[str, Any], whose: str = "") -> None:
    """Warn where the network of a run with these `metrics` is far worse than the mean energy.

    The spread is that of the training energies: a few validation energies may lie close together by chance.
    """
    train, val = metrics["train"], metrics["val"]
    spread = train["rmse"] / train["rmse_over_std"] if train["rmse_over_std"] else 0.0
    if not spread:
        return
    ratio = val["rmse"] / spread
    if ratio > DIVERGED:
        LOGGER.warning(
            "%sthe best validation error is %.3g times the spread of the energies: try a smaller lr, or more epochs",
            f"{whose}: " if whose else "",
            ratio,
        )
