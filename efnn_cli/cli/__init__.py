"""The command line, one file for every kind of command: signatures and help alone, the work is in `commands`.

app.py        the commands, and where errors end    arguments.py   arguments and options that commands share
labelling.py  generate, merge                       execution.py   one result to stdout, an exit code
train.py      train                                 completion.py  words for the Tab key
judge.py      evaluate, extrapolate, predict        parsing.py     the words of a command line
                                                    compare.py, bench.py, runs.py (and plot), reproduce.py, look.py
"""

from efnn_cli.cli.app import main

__all__ = ["main"]
