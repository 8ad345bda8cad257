"""Figures of plain numbers, each written as PNG, SVG, PDF and a CSV of the numbers; only this package uses matplotlib.

style.py       colours, sheets, legends, logarithmic axes, files
curves.py      errors against parameters, width or samples
sizes.py       errors and bias against L, and what falls as 1/L
learning.py    errors and learning rate against the epoch
parity.py      predicted against true energies
spins.py       a configuration and its fields -dE/dS
times.py       seconds against L, with fitted powers
power_law.py   the power law of some points
sample.py      Markov chains: series, autocorrelation, S(q)
scan.py        quantities against the temperature
rounds.py      rounds of learning: acceptance and error against labels
"""

from __future__ import annotations

from efnn_cli.figures.curves import Curve, error_against, error_against_parameters
from efnn_cli.figures.learning import learning_curves
from efnn_cli.figures.parity import parity
from efnn_cli.figures.power_law import growth
from efnn_cli.figures.rounds import rounds
from efnn_cli.figures.sample import sample
from efnn_cli.figures.scan import scan
from efnn_cli.figures.sizes import BIAS, against_size
from efnn_cli.figures.spins import spins
from efnn_cli.figures.style import SUFFIXES, beside
from efnn_cli.figures.times import times

__all__ = [
    "BIAS",
    "SUFFIXES",
    "Curve",
    "against_size",
    "beside",
    "error_against",
    "error_against_parameters",
    "growth",
    "learning_curves",
    "parity",
    "rounds",
    "sample",
    "scan",
    "spins",
    "times",
]
