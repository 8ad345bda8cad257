"""Names of the files that a run consists of."""

from __future__ import annotations

FILES = ("config.yaml", "run.log", "metrics.csv", "last.h5", "best.h5", "summary.json")  # the mark of the end last
