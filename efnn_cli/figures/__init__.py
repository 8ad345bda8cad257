"""Pictures, as PNG and SVG, each with a CSV of the data drawn; matplotlib is imported only here, and only to draw.

style.py    inks, palette, sheets, files      learning.py    error and learning rate against the epoch
curves.py   errors with logarithmic axes      agreement.py   predicted against true energies
sizes.py    error and bias against L          arrows.py      a configuration and its effective fields
timing.py   seconds against L, with powers         power_law.py   the power of a growth
"""

from __future__ import annotations

from efnn_cli.figures.agreement import parity
from efnn_cli.figures.arrows import spins
from efnn_cli.figures.curves import Curve, error_against, error_against_parameters, error_against_size
from efnn_cli.figures.learning import learning_curves
from efnn_cli.figures.sizes import SizeSeries, error_and_bias
from efnn_cli.figures.style import PDF, SUFFIXES, beside
from efnn_cli.figures.timing import growth, times

__all__ = [
    "PDF",
    "SUFFIXES",
    "Curve",
    "SizeSeries",
    "beside",
    "error_against",
    "error_against_parameters",
    "error_against_size",
    "error_and_bias",
    "growth",
    "learning_curves",
    "parity",
    "spins",
    "times",
]
