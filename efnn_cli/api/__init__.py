"""The commands for Python and notebooks, with the same settings, folders, skipping and errors as `efnn`.

commands.py   generate, train, evaluate, extrapolate, sample, plot
words.py      Python values as words of the command line
datasets.py   a dataset that is read when it is looked at
"""

from efnn_cli.api.commands import evaluate, extrapolate, generate, plot, sample, train
from efnn_cli.api.datasets import DatasetFile
from efnn_cli.core.errors import EfnnError
from efnn_cli.runs.loading import Run, load

__all__ = ["DatasetFile", "EfnnError", "Run", "evaluate", "extrapolate", "generate", "load", "plot", "sample", "train"]
