"""Pictures: each as STEM.png and STEM.svg with the data that it shows in STEM.csv. The only place of matplotlib.

drawing.py   inks, palette, axes, files        parity.py    predicted against true energies, residuals
errors.py    errors against anything           learning.py  errors and learning rate against the epoch
sizes.py     error and bias against L          spins.py     a configuration with its effective fields
times.py     seconds against L, exponents
"""

from __future__ import annotations

from efnn_cli.figures.errors import Curve, error_against, error_against_parameters, error_against_size
from efnn_cli.figures.learning import learning_curves
from efnn_cli.figures.parity import parity
from efnn_cli.figures.sizes import SizeSeries, error_and_bias
from efnn_cli.figures.spins import spins
from efnn_cli.figures.times import times

__all__ = [
    "Curve",
    "SizeSeries",
    "error_against",
    "error_against_parameters",
    "error_against_size",
    "error_and_bias",
    "learning_curves",
    "parity",
    "spins",
    "times",
]
