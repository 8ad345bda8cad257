"""The command line: one file a command, `efnn generate` in generate.py and so on.

app.py         all commands, and where errors end    options.py     options that several commands share
parsing.py     words of a command line               execution.py   one result to stdout, an exit code
completion.py  words for the Tab key               help.py        settings and options of a command

generate.py merge.py relabel.py train.py evaluate.py extrapolate.py predict.py inspect.py config.py
sample.py learn.py import_.py compare.py reproduce.py runs.py plot.py bench.py export.py
"""

from efnn_cli.cli.app import main

__all__ = ["main"]
